//! Which campaigns and wish items stand on which article.
//!
//! An attachment ties one campaign or item to one article by hand, to a category and everything below it, or to every article.
//! On an article stand first what was tied by hand, then by category, then everywhere; within each by position, then in the order
//! of making. What is tied twice stands once, at its first place. An attachment may have days, in the organisation's zone: outside them
//! it is as if it were not there. A sensitive or retracted article asks for nothing. [`judge`] says of an article and a day what would
//! stand there, and of everything else why it would not.

mod desk;
mod desk_preview;
mod judge;
mod store;

pub use desk::desk_routes;
pub use judge::{Judged, Why, judge};
pub use store::Side;

use crate::{
    app::App,
    asks::{accepts_gifts, asks_for_nothing},
    campaigns::{self, CampaignCard},
    error::Error,
    staff::audit::{self, Actor},
    wishes::{self, ItemCard},
};
use chrono::NaiveDate;
use entity::{
    article, attachment,
    ids::{ArticleId, AttachmentId, CampaignId, CategoryId, WishItemId},
    wish_item,
    words::{AttachmentScope, AttachmentTarget, WishStatus},
};
use serde_json::json;
use std::collections::HashSet;

/// What stands on an article, in its order.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// The campaigns that take gifts today.
    pub campaigns: Vec<CampaignCard>,
    /// The items that are asked for and not all paid.
    pub wish_items: Vec<ItemCard>,
}

impl Attached {
    /// Whether the article asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.campaigns.is_empty() && self.wish_items.is_empty()
    }

    /// The priced items that can be given, for the form to say what an amount buys.
    pub fn offers(&self) -> Vec<wish_item::Model> {
        self.wish_items.iter().filter(|card| card.can_be_given()).map(|card| card.item.clone()).collect()
    }
}

/// What stands on an article today: nothing on a sensitive one.
pub async fn for_article(app: &App, article: &article::Model) -> Result<Attached, Error> {
    if asks_for_nothing(article) {
        return Ok(Attached::default());
    }
    let rows = arrange(within_days(store::of_article(app.db.read(), article).await?, app.today()));
    Ok(Attached { campaigns: campaigns_of(app, &rows).await?, wish_items: items_of(app, &rows).await? })
}

/// The campaigns that stand on an article at this moment, for counting their readers; none of an article that is not there.
pub async fn campaign_ids_for_article(app: &App, article_id: ArticleId) -> Result<Vec<CampaignId>, Error> {
    let db = app.db.read();
    let Some(article) = store::article(db, article_id).await?.filter(|article| !asks_for_nothing(article)) else { return Ok(Vec::new()) };
    let rows = arrange(within_days(store::of_article(db, &article).await?, app.today()));
    let ids: Vec<CampaignId> = rows.iter().filter_map(|row| row.campaign_id).collect();
    let now = app.local_now();
    let open: HashSet<CampaignId> = store::campaigns(db, &ids)
        .await?
        .into_iter()
        .filter(|campaign| accepts_gifts(campaign, &now))
        .map(|campaign| campaign.id)
        .collect();
    Ok(ids.into_iter().filter(|id| open.contains(id)).collect())
}

/// What is tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A campaign.
    Campaign(CampaignId),
    /// A wish item.
    Item(WishItemId),
}

/// To what it is tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To one article, by hand.
    Article(ArticleId),
    /// To the articles of a category and of those below it.
    Category(CategoryId),
    /// To every article.
    Everywhere,
}

/// The days on which an attachment stands, in the organisation's zone, both included; none: no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub until: Option<NaiveDate>,
}

impl Days {
    fn checked(self) -> Result<Self, Error> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if until < from => Err(Error::Invalid("the last day is before the first".to_owned())),
            _ => Ok(self),
        }
    }
}

/// Ties a thing to a place for good, at `position` or after the last one there.
///
/// # Errors
/// `Conflict` when it is tied there already.
pub async fn attach(app: &App, actor: &Actor, thing: Thing, place: Place, position: Option<i64>) -> Result<AttachmentId, Error> {
    attach_for(app, actor, thing, place, position, Days::default()).await
}

/// The same for some days.
///
/// # Errors
/// `Conflict` when it is tied there already; `Invalid` when the days end before they begin.
pub async fn attach_for(
    app: &App,
    actor: &Actor,
    thing: Thing,
    place: Place,
    position: Option<i64>,
    days: Days,
) -> Result<AttachmentId, Error> {
    let days = days.checked()?;
    let (id, now): (AttachmentId, _) = (app.new_id(), app.now());
    let (target, campaign_id, wish_item_id) = match thing {
        Thing::Campaign(id) => (AttachmentTarget::Campaign, Some(id), None),
        Thing::Item(id) => (AttachmentTarget::WishItem, None, Some(id)),
    };
    let (scope, article_id, category_id) = match place {
        Place::Article(id) => (AttachmentScope::Article, Some(id), None),
        Place::Category(id) => (AttachmentScope::Category, None, Some(id)),
        Place::Everywhere => (AttachmentScope::Everywhere, None, None),
    };
    let row = attachment::Model {
        id,
        target,
        campaign_id,
        wish_item_id,
        scope,
        article_id,
        category_id,
        position: 0,
        starts_on: days.from,
        ends_on: days.until,
        created_at: now,
    };
    app.db
        .write(async |tx| {
            let there = store::in_same_place(tx, &row).await?;
            if there.iter().any(|other| (other.campaign_id, other.wish_item_id) == (campaign_id, wish_item_id)) {
                return Err(Error::Conflict("it stands there already: change its position instead".to_owned()));
            }
            let after_last = there.iter().map(|other| other.position).max().map_or(1, |last| last.saturating_add(1));
            let row = attachment::Model { position: position.unwrap_or(after_last), ..row.clone() };
            let detail = json!({
                "campaign": row.campaign_id, "item": row.wish_item_id, "scope": row.scope, "article": row.article_id,
                "category": row.category_id, "position": row.position, "from": row.starts_on, "until": row.ends_on,
            });
            store::insert(tx, row).await?;
            audit::record(tx, now, actor, "attachment.add", "attachment", &id.to_string(), detail).await
        })
        .await?;
    Ok(id)
}

/// Gives an attachment another position among those of its place.
pub async fn place_at(app: &App, actor: &Actor, id: AttachmentId, position: i64) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let before = store::attachment(tx, id).await?.ok_or(Error::NotFound)?;
            store::set_position(tx, id, position).await?;
            let detail = json!({ "position": [before.position, position] });
            audit::record(tx, now, actor, "attachment.move", "attachment", &id.to_string(), detail).await
        })
        .await
}

/// Gives an attachment other days.
///
/// # Errors
/// `Invalid` when they end before they begin.
pub async fn set_days(app: &App, actor: &Actor, id: AttachmentId, days: Days) -> Result<(), Error> {
    let (days, now) = (days.checked()?, app.now());
    app.db
        .write(async |tx| {
            let before = store::attachment(tx, id).await?.ok_or(Error::NotFound)?;
            store::set_days(tx, id, days.from, days.until).await?;
            let detail = json!({ "from": [before.starts_on, days.from], "until": [before.ends_on, days.until] });
            audit::record(tx, now, actor, "attachment.days", "attachment", &id.to_string(), detail).await
        })
        .await
}

/// Unties.
pub async fn detach(app: &App, actor: &Actor, id: AttachmentId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let before = store::attachment(tx, id).await?.ok_or(Error::NotFound)?;
            store::delete(tx, id).await?;
            let detail = json!({
                "campaign": before.campaign_id, "item": before.wish_item_id, "scope": before.scope, "article": before.article_id,
                "category": before.category_id,
            });
            audit::record(tx, now, actor, "attachment.remove", "attachment", &id.to_string(), detail).await
        })
        .await
}

/// Whether an attachment stands on a day.
fn is_within_days(row: &attachment::Model, day: NaiveDate) -> bool {
    row.starts_on.is_none_or(|first| first <= day) && row.ends_on.is_none_or(|last| day <= last)
}

fn within_days(mut rows: Vec<attachment::Model>, day: NaiveDate) -> Vec<attachment::Model> {
    rows.retain(|row| is_within_days(row, day));
    rows
}

/// The order of a page: the nearer place first, then by position, then as made.
fn order(rows: &mut [attachment::Model]) {
    let rank = |scope: AttachmentScope| match scope {
        AttachmentScope::Article => 0,
        AttachmentScope::Category => 1,
        AttachmentScope::Everywhere => 2,
    };
    rows.sort_by_key(|row| (rank(row.scope), row.position, row.id));
}

/// The order of a page: by hand, by category, everywhere; then by position, then as made. What stands twice keeps its first place.
pub fn arrange(mut rows: Vec<attachment::Model>) -> Vec<attachment::Model> {
    order(&mut rows);
    let mut seen: HashSet<(Option<CampaignId>, Option<WishItemId>)> = HashSet::new();
    rows.retain(|row| seen.insert((row.campaign_id, row.wish_item_id)));
    rows
}

async fn campaigns_of(app: &App, rows: &[attachment::Model]) -> Result<Vec<CampaignCard>, Error> {
    let ids: Vec<CampaignId> = rows.iter().filter_map(|row| row.campaign_id).collect();
    let now = app.local_now();
    let mut open = store::campaigns(app.db.read(), &ids).await?;
    open.retain(|campaign| accepts_gifts(campaign, &now));
    open.sort_by_key(|campaign| ids.iter().position(|id| *id == campaign.id));
    campaigns::cards(app, app.db.read(), open).await
}

async fn items_of(app: &App, rows: &[attachment::Model]) -> Result<Vec<ItemCard>, Error> {
    let db = app.db.read();
    let ids: Vec<WishItemId> = rows.iter().filter_map(|row| row.wish_item_id).collect();
    let mut items = wishes::store::items_by_id(db, &ids).await?;
    let campaigns = wishes::store::campaigns_by_id(db, items.iter().filter_map(|item| item.campaign_id).collect()).await?;
    let now = app.local_now();
    items.retain(|item| {
        let campaign_open = item.campaign_id.is_none_or(|id| campaigns.get(&id).is_some_and(|campaign| accepts_gifts(campaign, &now)));
        item.status == WishStatus::Open && campaign_open
    });
    items.sort_by_key(|item| ids.iter().position(|id| *id == item.id));
    let mut cards = wishes::cards(db, items, app.now()).await?;
    cards.retain(|card| card.stock.is_wanted());
    Ok(cards)
}
