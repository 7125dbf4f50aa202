//! Wish items: needed, reserved, paid, bought, delivered, or cancelled.
//!
//! A donation for an item holds its quantity while the checkout is open. The hold ends as *paid* or *released*, or runs out by
//! itself: one that has run out counts no more, whether or not the sweeper has come by. Money that arrives after its hold was lost
//! is never refused: it is still counted for the item where enough is left, else the gift stands without the item and staff are told.
//!
//! What is left is decided under a lock on the item's row, so that of many buyers of the last one exactly one wins.
//!
//! Whatever happens to an item is a row of [`steps`] with who and when, never edited: what staff take back is a step of its own.
//! An item is paid whole by each gift, or shared: many pay towards it until its price is there ([`stock`]). An item on a shop's list is
//! held for who says that she ordered it, until staff have confirmed it ([`orders`]).

mod desk;
mod desk_item;
mod hold;
mod moved;
pub mod item;
mod order_letters;
pub mod orders;
mod orders_desk;
mod pages;
pub mod pictures;
mod pictures_desk;
pub mod progress;
pub mod proofs;
pub mod steps;
pub mod stock;
pub mod store;

pub use desk::desk_routes;
pub use hold::{
    Outcome, ReserveError, Share, check_left, follow_worth, give_back, is_paid, keep, kept_for, pay, release, release_expired, reserve,
};
pub use moved::{put_again, put_in, take_out};
pub use pages::routes;
pub use pictures_desk::{UPLOAD_BODY_BYTES_MAX, upload_routes};
pub use stock::{Funding, ItemState, Stock, stock, with_money_left};

use crate::{
    app::App,
    asks::{self, Target, TargetItem, accepts_gifts},
    clock::start_of_day,
    error::Error,
    matching,
};
use chrono::{DateTime, Days, Utc};
use entity::{
    Money,
    ids::WishItemId,
    wish_item,
    words::{CampaignStatus, CancelReason, WishFunding, WishKind, WishStatus},
};
use sea_orm::ConnectionTrait;

/// After how many days without a gift an item that many pay for together, and that lacks money, is shown to staff: whoever gave waits for an
/// answer, which a changed promise gives her.
pub const STALLED_DAYS: u64 = 90;

/// The first moment of the days in which such an item should have had a gift.
pub fn stalled_since(app: &App) -> DateTime<Utc> {
    start_of_day(app.config.org_timezone, app.today() - Days::new(STALLED_DAYS))
}

/// An item as pages show it.
#[derive(Clone, Debug)]
pub struct ItemCard {
    /// The item.
    pub item: wish_item::Model,
    /// How far it has come.
    pub stock: Stock,
    /// Its picture.
    pub picture: Option<pictures::Shown>,
}

impl ItemCard {
    /// The price of one, where it is paid here.
    pub fn price(&self) -> Option<Money> {
        price_of(&self.item)
    }

    /// The shop's list, where it is bought elsewhere.
    pub fn shop_url(&self) -> Option<&str> {
        self.item.shop_url.as_deref().filter(|_| self.item.kind == WishKind::Link)
    }

    /// How far it has come, or that it is cancelled.
    pub fn state(&self) -> ItemState {
        if self.item.status == WishStatus::Cancelled { ItemState::Cancelled } else { self.stock.state() }
    }

    /// Whether it can be ordered at the shop now, as far as the item itself is concerned.
    pub fn can_be_ordered(&self) -> bool {
        self.item.kind == WishKind::Link && self.item.status == WishStatus::Open && self.stock.left > 0
    }

    /// Whether it can be given here now, as far as the item itself is concerned.
    pub fn can_be_given(&self) -> bool {
        self.item.kind == WishKind::Priced && self.item.status == WishStatus::Open && self.stock.left > 0
    }
}

/// The price of one, where the item is paid here.
pub fn price_of(item: &wish_item::Model) -> Option<Money> {
    item.price_minor.zip(item.currency).filter(|_| item.kind == WishKind::Priced).map(|(minor, currency)| Money::new(minor, currency))
}

/// The key of the sentence that tells readers why an item is asked for no more. Borders and dangers are not spoken of in public.
pub const fn cancel_key(reason: &CancelReason) -> &'static str {
    match reason {
        CancelReason::Price => "wishes-cancelled-price",
        CancelReason::Unavailable => "wishes-cancelled-unavailable",
        CancelReason::NotNeeded => "wishes-cancelled-not-needed",
        CancelReason::None | CancelReason::Border | CancelReason::Danger | CancelReason::Other => "wishes-cancelled-other",
    }
}

/// Whether many pay for the item together.
pub fn is_shared(item: &wish_item::Model) -> bool {
    item.kind == WishKind::Priced && item.funding == WishFunding::Shared
}

/// Items as pages show them, in the order given.
pub async fn cards(db: &impl ConnectionTrait, items: Vec<wish_item::Model>, now: DateTime<Utc>) -> Result<Vec<ItemCard>, Error> {
    let ids: Vec<WishItemId> = items.iter().map(|item| item.id).collect();
    let stocks = stock(db, &ids, now).await?;
    let shown = pictures::shown(db, items.iter().filter_map(|item| item.picture_id).collect()).await?;
    let card = |item: wish_item::Model| ItemCard {
        stock: stocks.get(&item.id).copied().unwrap_or_default(),
        picture: item.picture_id.and_then(|id| shown.get(&id)).cloned(),
        item,
    };
    Ok(items.into_iter().map(card).collect())
}

/// The items that readers are asked for today: open, and of no campaign or of one that takes gifts. The newest first.
pub async fn asked_for(app: &App) -> Result<Vec<ItemCard>, Error> {
    let items = store::open_items(app.db.read(), None).await?;
    let campaigns = store::campaigns_by_id(app.db.read(), items.iter().filter_map(|item| item.campaign_id).collect()).await?;
    let now = app.local_now();
    let open = |item: &wish_item::Model| match item.campaign_id {
        Some(id) => campaigns.get(&id).is_some_and(|campaign| accepts_gifts(campaign, &now)),
        None => true,
    };
    cards(app.db.read(), items.into_iter().filter(open).collect(), app.now()).await
}

/// What a gift is for, by the slugs of a link or a form; empty slugs are nothing. An item brings its own campaign. An article that
/// readers cannot see is left out, because it only says where the gift came from.
///
/// # Errors
/// `NotFound` for a campaign or item that readers may not know of.
pub async fn find_target(app: &App, campaign: &str, item: &str, article: &str) -> Result<Target, Error> {
    let db = app.db.read();
    let mut target = Target::default();
    if !item.is_empty() {
        let item = asks::store::item(db, item).await?.ok_or(Error::NotFound)?;
        if let Some(id) = item.campaign_id {
            target.campaign = asks::store::campaign_by_id(db, id).await?;
        }
        let stock = stock(db, &[item.id], app.now()).await?.remove(&item.id).ok_or(Error::NotFound)?;
        target.item = Some(TargetItem { item, left: stock.left, missing: stock.funding.map(|funding| funding.left()) });
    } else if !campaign.is_empty() {
        target.campaign = Some(asks::store::campaign(db, campaign).await?.ok_or(Error::NotFound)?);
    }
    if target.campaign.as_ref().is_some_and(|campaign| campaign.status == CampaignStatus::Draft) {
        return Err(Error::NotFound);
    }
    target.matching = matching::offer(db, target.campaign_id(), app.now()).await?;
    if !article.is_empty() {
        target.article = asks::store::article(db, article, app.now()).await?;
    }
    Ok(target)
}
