//! The queries of what was published.

use super::{About, After, Entry};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{campaign, ids::UpdateId, news_text, news_update, wish_item, words::CampaignStatus};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::SelectStatement,
};
use std::collections::HashMap;

use news_update::Column;

/// What the public may know of: published by `now`, not hidden, and of no campaign that is a draft.
pub fn open(now: DateTime<Utc>) -> Condition {
    Condition::all().add(Column::PublishedAt.lte(now)).add(may_be_open())
}

/// What may be made public, as far as what it is news of goes.
fn may_be_open() -> Condition {
    let known = |column: Column, ids: SelectStatement| Condition::any().add(column.is_null()).add(column.in_subquery(ids));
    let of_items =
        Condition::any().add(wish_item::Column::CampaignId.is_null()).add(wish_item::Column::CampaignId.in_subquery(no_drafts()));
    let items = wish_item::Entity::find().select_only().column(wish_item::Column::Id).filter(of_items).into_query();
    Condition::all().add(Column::Hidden.eq(false)).add(known(Column::CampaignId, no_drafts())).add(known(Column::WishItemId, items))
}

fn no_drafts() -> SelectStatement {
    campaign::Entity::find()
        .select_only()
        .column(campaign::Column::Id)
        .filter(campaign::Column::Status.ne(CampaignStatus::Draft))
        .into_query()
}

/// Whether an update may be published, or mailed: nobody hid it, and what it is news of is no draft.
pub async fn may_be_told(db: &impl ConnectionTrait, id: UpdateId) -> Result<bool, Error> {
    Ok(news_update::Entity::find_by_id(id).filter(may_be_open()).one(db).await?.is_some())
}

/// The published updates, the newest first, beginning after one.
pub async fn published(
    db: &impl ConnectionTrait,
    about: About,
    now: DateTime<Utc>,
    after: Option<After>,
    count: u64,
) -> Result<Vec<Entry>, Error> {
    let mut find = news_update::Entity::find().filter(open(now));
    find = match about {
        About::Site => find,
        About::Item(id) => find.filter(Column::WishItemId.eq(id)),
        About::Campaign(id) => {
            let items = wish_item::Entity::find().select_only().column(wish_item::Column::Id).filter(wish_item::Column::CampaignId.eq(id));
            find.filter(Condition::any().add(Column::CampaignId.eq(id)).add(Column::WishItemId.in_subquery(items.into_query())))
        }
    };
    if let Some((at, id)) = after {
        let same = Condition::all().add(Column::PublishedAt.eq(at)).add(Column::Id.lt(id));
        find = find.filter(Condition::any().add(Column::PublishedAt.lt(at)).add(same));
    }
    let updates = find.order_by_desc(Column::PublishedAt).order_by_desc(Column::Id).limit(count).all(db).await?;
    with_texts(db, updates).await
}

/// The published update of a slug, or of an id: a link in a discreet letter has no telling word.
pub async fn by_slug(db: &impl ConnectionTrait, slug: &str, now: DateTime<Utc>) -> Result<Option<Entry>, Error> {
    let by_id = slug.parse::<UpdateId>().ok().map(|id| Column::Id.eq(id));
    let named = Condition::any().add(Column::Slug.eq(slug)).add_option(by_id);
    let found = news_update::Entity::find().filter(open(now)).filter(named).all(db).await?;
    Ok(with_texts(db, found).await?.pop())
}

/// Updates with their texts, in the order given.
pub async fn with_texts(db: &impl ConnectionTrait, updates: Vec<news_update::Model>) -> Result<Vec<Entry>, Error> {
    let ids: Vec<UpdateId> = updates.iter().map(|update| update.id).collect();
    let mut texts: HashMap<UpdateId, Vec<news_text::Model>> = HashMap::new();
    for text in
        news_text::Entity::find().filter(news_text::Column::UpdateId.is_in(ids)).order_by_asc(news_text::Column::Language).all(db).await?
    {
        texts.entry(text.update_id).or_default().push(text);
    }
    Ok(updates.into_iter().map(|update| Entry { texts: texts.remove(&update.id).unwrap_or_default(), update }).collect())
}
