//! Which campaigns and wish items stand on which article.
//!
//! An attachment ties one campaign or item to one article by hand, to a category and everything below it, or to every article.
//! On an article stand first what was tied by hand, then by category, then everywhere; within each by position, then in the order
//! of making. What is tied twice stands once, at its first place. A sensitive article asks for nothing.

mod store;

use crate::{
    app::App,
    asks::accepts_gifts,
    campaigns::{self, CampaignCard},
    error::Error,
    wishes::{self, ItemCard, ItemState},
};
use entity::{
    article, attachment,
    ids::{ArticleId, CampaignId, WishItemId},
    wish_item,
    words::{AttachmentScope, WishKind, WishStatus},
};
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
    if article.sensitive {
        return Ok(Attached::default());
    }
    let rows = arrange(store::of_article(app.db.read(), article).await?);
    Ok(Attached { campaigns: campaigns_of(app, &rows).await?, wish_items: items_of(app, &rows).await? })
}

/// The campaigns that stand on an article at this moment, for counting their readers; none of an article that is not there.
pub async fn campaign_ids_for_article(app: &App, article_id: ArticleId) -> Result<Vec<CampaignId>, Error> {
    let db = app.db.read();
    let Some(article) = store::article(db, article_id).await?.filter(|article| !article.sensitive) else { return Ok(Vec::new()) };
    let rows = arrange(store::of_article(db, &article).await?);
    let ids: Vec<CampaignId> = rows.iter().filter_map(|row| row.campaign_id).collect();
    let today = app.today();
    let open: HashSet<CampaignId> =
        store::campaigns(db, &ids).await?.into_iter().filter(|campaign| accepts_gifts(campaign, today)).map(|campaign| campaign.id).collect();
    Ok(ids.into_iter().filter(|id| open.contains(id)).collect())
}

/// The order of a page: by hand, by category, everywhere; then by position, then as made. What stands twice keeps its first place.
pub fn arrange(mut rows: Vec<attachment::Model>) -> Vec<attachment::Model> {
    let rank = |scope: AttachmentScope| match scope {
        AttachmentScope::Article => 0,
        AttachmentScope::Category => 1,
        AttachmentScope::Everywhere => 2,
    };
    rows.sort_by_key(|row| (rank(row.scope), row.position, row.id));
    let mut seen: HashSet<(Option<CampaignId>, Option<WishItemId>)> = HashSet::new();
    rows.retain(|row| seen.insert((row.campaign_id, row.wish_item_id)));
    rows
}

async fn campaigns_of(app: &App, rows: &[attachment::Model]) -> Result<Vec<CampaignCard>, Error> {
    let ids: Vec<CampaignId> = rows.iter().filter_map(|row| row.campaign_id).collect();
    let today = app.today();
    let mut open = store::campaigns(app.db.read(), &ids).await?;
    open.retain(|campaign| accepts_gifts(campaign, today));
    open.sort_by_key(|campaign| ids.iter().position(|id| *id == campaign.id));
    campaigns::cards(app, app.db.read(), open).await
}

async fn items_of(app: &App, rows: &[attachment::Model]) -> Result<Vec<ItemCard>, Error> {
    let db = app.db.read();
    let ids: Vec<WishItemId> = rows.iter().filter_map(|row| row.wish_item_id).collect();
    let mut items = wishes::store::items_by_id(db, &ids).await?;
    let campaigns = wishes::store::campaigns_by_id(db, items.iter().filter_map(|item| item.campaign_id).collect()).await?;
    let today = app.today();
    items.retain(|item| {
        let campaign_open =
            item.campaign_id.is_none_or(|id| campaigns.get(&id).is_some_and(|campaign| accepts_gifts(campaign, today)));
        item.status == WishStatus::Open && campaign_open
    });
    items.sort_by_key(|item| ids.iter().position(|id| *id == item.id));
    let mut cards = wishes::cards(db, items, app.now()).await?;
    cards.retain(|card| card.item.kind == WishKind::Link || card.stock.state() != ItemState::Paid);
    Ok(cards)
}
