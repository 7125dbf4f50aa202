//! Wish items: needed, reserved, paid.
//!
//! A donation for an item holds its quantity while the checkout is open. The hold ends as *paid* or *released*, or runs out by
//! itself: one that has run out counts no more, whether or not the sweeper has come by. Money that arrives after its hold was lost
//! is never refused: it is still counted for the item where enough is left, else the gift stands without the item and staff are told.
//!
//! What is left is decided under a lock on the item's row, so that of many buyers of the last one exactly one wins.

mod desk;
pub mod item;
mod pages;
pub mod store;

pub use desk::desk_routes;
pub use pages::routes;

use crate::{
    app::App,
    asks::{self, Target, TargetItem, accepts_gifts},
    error::Error,
};
use chrono::{DateTime, Utc};
use entity::{
    Money,
    ids::{DonationId, WishItemId},
    wish_item, wish_reservation,
    words::{CampaignStatus, ReservationState, WishKind, WishStatus},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use std::{collections::HashMap, fmt};

/// How much of an item is needed, and how far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// How many are needed in all.
    pub needed: i64,
    /// How many are held by open checkouts.
    pub reserved: i64,
    /// How many are paid.
    pub paid: i64,
    /// How many can still be given; none of a cancelled item.
    pub left: i64,
}

impl Stock {
    /// How far it has come.
    pub const fn state(&self) -> ItemState {
        if self.paid >= self.needed {
            ItemState::Paid
        } else if self.left == 0 {
            ItemState::Reserved
        } else {
            ItemState::Needed
        }
    }
}

/// What people are told about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Some are left to give.
    Needed,
    /// None is left, but not all are paid: some may come back.
    Reserved,
    /// All are paid.
    Paid,
}

impl ItemState {
    /// The key of its word in the translations.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Needed => "wishes-state-needed",
            Self::Reserved => "wishes-state-reserved",
            Self::Paid => "wishes-state-paid",
        }
    }
}

/// An item as pages show it.
#[derive(Clone, Debug)]
pub struct ItemCard {
    /// The item.
    pub item: wish_item::Model,
    /// How far it has come.
    pub stock: Stock,
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

    /// Whether it can be given here now, as far as the item itself is concerned.
    pub fn can_be_given(&self) -> bool {
        self.item.kind == WishKind::Priced && self.item.status == WishStatus::Open && self.stock.left > 0
    }
}

/// The price of one, where the item is paid here.
pub fn price_of(item: &wish_item::Model) -> Option<Money> {
    item.price_minor.zip(item.currency).filter(|_| item.kind == WishKind::Priced).map(|(minor, currency)| Money::new(minor, currency))
}

/// Items as pages show them, in the order given.
pub async fn cards(db: &impl ConnectionTrait, items: Vec<wish_item::Model>, now: DateTime<Utc>) -> Result<Vec<ItemCard>, Error> {
    let ids: Vec<WishItemId> = items.iter().map(|item| item.id).collect();
    let stocks = stock(db, &ids, now).await?;
    Ok(items.into_iter().map(|item| ItemCard { stock: stocks.get(&item.id).copied().unwrap_or_default(), item }).collect())
}

/// The items that readers are asked for today: open, and of no campaign or of one that takes gifts. The newest first.
pub async fn asked_for(app: &App) -> Result<Vec<ItemCard>, Error> {
    let items = store::open_items(app.db.read(), None).await?;
    let campaigns = store::campaigns_by_id(app.db.read(), items.iter().filter_map(|item| item.campaign_id).collect()).await?;
    let today = app.today();
    let open = |item: &wish_item::Model| match item.campaign_id {
        Some(id) => campaigns.get(&id).is_some_and(|campaign| accepts_gifts(campaign, today)),
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
        let left = left_of(db, item.id, app.now()).await?;
        target.item = Some(TargetItem { item, left });
    } else if !campaign.is_empty() {
        target.campaign = Some(asks::store::campaign(db, campaign).await?.ok_or(Error::NotFound)?);
    }
    if target.campaign.as_ref().is_some_and(|campaign| campaign.status == CampaignStatus::Draft) {
        return Err(Error::NotFound);
    }
    if !article.is_empty() {
        target.article = asks::store::article(db, article, app.now()).await?;
    }
    Ok(target)
}

/// Why an item cannot be held.
#[derive(Debug)]
pub enum ReserveError {
    /// Fewer are left than were asked for.
    NotEnough {
        /// How many are left.
        left: i64,
    },
    /// The item is not asked for any more, or is on a shop's list elsewhere.
    NotOpen,
    /// The database, or an item that is not there.
    Other(Error),
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnough { left: 0 } => f.write_str("all of this item are taken; choose another one, or give an amount"),
            Self::NotEnough { left } => write!(f, "only {left} of this item are left; give at most {left}"),
            Self::NotOpen => f.write_str("this item is not asked for any more; choose another one, or give an amount"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReserveError {}

impl From<Error> for ReserveError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<ReserveError> for Error {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Other(error) => error,
            refused => Self::Conflict(refused.to_string()),
        }
    }
}

/// What became of the item when its donation was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The donation is not for an item.
    NoItem,
    /// The item is paid; also when it was already.
    Paid,
    /// The hold had been lost. `counted`: enough was left, so the item is paid all the same. Otherwise the gift stands without
    /// the item, and staff must hear of it.
    PaidLate {
        /// Whether the item counts as paid.
        counted: bool,
    },
}

/// What is needed, held, paid and left of each item at `now`; unknown ids are absent.
pub async fn stock(db: &impl ConnectionTrait, ids: &[WishItemId], now: DateTime<Utc>) -> Result<HashMap<WishItemId, Stock>, Error> {
    let items = store::items_by_id(db, ids).await?;
    let taken = store::taken(db, ids, now).await?;
    let of = |id: WishItemId, state| taken.get(&(id, state)).copied().unwrap_or(0);
    let stocks = items.into_iter().map(|item| {
        let (reserved, paid) = (of(item.id, ReservationState::Held), of(item.id, ReservationState::Paid));
        let open = if item.status == WishStatus::Open { item.quantity - reserved - paid } else { 0 };
        (item.id, Stock { needed: item.quantity, reserved, paid, left: open.max(0) })
    });
    Ok(stocks.collect())
}

/// Makes sure that `quantity` of an item can be held now, and locks the item until the transaction ends: ask before writing
/// the donation, then [`reserve`].
pub async fn check_left(tx: &DatabaseTransaction, item_id: WishItemId, quantity: i64, now: DateTime<Utc>) -> Result<(), ReserveError> {
    let item = store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
    if item.status != WishStatus::Open || item.kind != WishKind::Priced {
        return Err(ReserveError::NotOpen);
    }
    let left = left_of(tx, item_id, now).await?;
    if quantity < 1 || quantity > left { Err(ReserveError::NotEnough { left }) } else { Ok(()) }
}

/// Holds `quantity` of an item for a donation until `expires_at`. The donation's row must be there, with no hold yet.
pub async fn reserve(
    tx: &DatabaseTransaction,
    item_id: WishItemId,
    donation_id: DonationId,
    quantity: i64,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), ReserveError> {
    check_left(tx, item_id, quantity, now).await?;
    let held = wish_reservation::Model {
        // One donation has one reservation, so they share their id.
        id: donation_id.0.into(),
        wish_item_id: item_id,
        donation_id,
        quantity,
        state: ReservationState::Held,
        expires_at,
        created_at: now,
        updated_at: now,
    };
    Ok(store::insert_reservation(tx, held).await?)
}

/// Keeps the hold of a donation until `until`, for a bank debit that takes days to settle. A hold that was lost is taken again where
/// enough is left. Returns whether it is held.
pub async fn keep(tx: &DatabaseTransaction, donation_id: DonationId, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(reservation) = store::lock_reservation(tx, donation_id).await? else { return Ok(false) };
    let kept = match reservation.state {
        ReservationState::Paid => return Ok(true),
        ReservationState::Held if reservation.expires_at > now => true,
        _ => reservation.quantity <= left_of(tx, reservation.wish_item_id, now).await?,
    };
    if kept {
        let until = until.max(reservation.expires_at);
        store::set_reservation(tx, wish_reservation::Model { expires_at: until, ..reservation }, ReservationState::Held, now).await?;
    }
    Ok(kept)
}

/// The donation is paid: what it holds is paid too. Safe to repeat.
pub async fn pay(tx: &DatabaseTransaction, donation_id: DonationId, now: DateTime<Utc>) -> Result<Outcome, Error> {
    let Some(reservation) = store::lock_reservation(tx, donation_id).await? else { return Ok(Outcome::NoItem) };
    match reservation.state {
        ReservationState::Paid => Ok(Outcome::Paid),
        ReservationState::Held if reservation.expires_at > now => {
            store::set_reservation(tx, reservation, ReservationState::Paid, now).await?;
            Ok(Outcome::Paid)
        }
        ReservationState::Held | ReservationState::Released => {
            let counted = reservation.quantity <= left_of(tx, reservation.wish_item_id, now).await?;
            let state = if counted { ReservationState::Paid } else { ReservationState::Released };
            store::set_reservation(tx, reservation, state, now).await?;
            Ok(Outcome::PaidLate { counted })
        }
    }
}

/// Whether a donation has paid for its item.
pub async fn is_paid(db: &impl ConnectionTrait, donation_id: DonationId) -> Result<bool, Error> {
    Ok(store::reservation(db, donation_id).await?.is_some_and(|reservation| reservation.state == ReservationState::Paid))
}

/// How many of an item are kept for a donation at `now`: held, or paid. Zero without any.
pub async fn kept_for(db: &impl ConnectionTrait, donation_id: DonationId, now: DateTime<Utc>) -> Result<i64, Error> {
    Ok(match store::reservation(db, donation_id).await? {
        Some(kept) if kept.state == ReservationState::Paid => kept.quantity,
        Some(kept) if kept.state == ReservationState::Held && kept.expires_at > now => kept.quantity,
        _ => 0,
    })
}

/// Frees what a donation holds, because its checkout ran out or failed. What is paid stays paid. Returns whether something was freed.
pub async fn release(tx: &DatabaseTransaction, donation_id: DonationId, now: DateTime<Utc>) -> Result<bool, Error> {
    match store::lock_reservation(tx, donation_id).await? {
        Some(reservation) if reservation.state == ReservationState::Held => {
            store::set_reservation(tx, reservation, ReservationState::Released, now).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The payment was given back: the item that it paid for is needed again. Returns whether it was paid.
pub async fn give_back(tx: &DatabaseTransaction, donation_id: DonationId, now: DateTime<Utc>) -> Result<bool, Error> {
    match store::lock_reservation(tx, donation_id).await? {
        Some(reservation) if reservation.state == ReservationState::Paid => {
            store::set_reservation(tx, reservation, ReservationState::Released, now).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Writes down that the holds which ran out are over; they had stopped counting by themselves. Returns how many.
pub async fn release_expired(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<u64, Error> {
    Ok(store::release_expired(tx, now).await?)
}

async fn left_of(tx: &impl ConnectionTrait, item_id: WishItemId, now: DateTime<Utc>) -> Result<i64, Error> {
    Ok(stock(tx, &[item_id], now).await?.get(&item_id).ok_or(Error::NotFound)?.left)
}
