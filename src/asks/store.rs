//! Queries for what a gift may be for.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    article, campaign,
    ids::CampaignId,
    wish_item,
    words::{ArticleStatus, CampaignStatus},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// The campaign of a slug; a draft is not known to the public.
pub async fn campaign(db: &impl ConnectionTrait, slug: &str) -> Result<Option<campaign::Model>, Error> {
    let find = campaign::Entity::find().filter(campaign::Column::Slug.eq(slug)).filter(campaign::Column::Status.ne(CampaignStatus::Draft));
    Ok(find.one(db).await?)
}

/// A campaign by its id, whatever its state.
pub async fn campaign_by_id(db: &impl ConnectionTrait, id: CampaignId) -> Result<Option<campaign::Model>, Error> {
    Ok(campaign::Entity::find_by_id(id).one(db).await?)
}

/// The wish item of a slug.
pub async fn item(db: &impl ConnectionTrait, slug: &str) -> Result<Option<wish_item::Model>, Error> {
    Ok(wish_item::Entity::find().filter(wish_item::Column::Slug.eq(slug)).one(db).await?)
}

/// The article of a slug that readers see at `now` and that may ask: a draft, one whose day has not come, and a sensitive one are not
/// named beside a form.
pub async fn article(db: &impl ConnectionTrait, slug: &str, now: DateTime<Utc>) -> Result<Option<article::Model>, Error> {
    let find = article::Entity::find()
        .filter(article::Column::Slug.eq(slug))
        .filter(article::Column::Status.eq(ArticleStatus::Published))
        .filter(article::Column::PublishedAt.lte(now))
        .filter(article::Column::Sensitive.eq(false));
    Ok(find.one(db).await?)
}

/// The campaign of a slug, whatever its state.
pub async fn campaign_of_any_state(db: &impl ConnectionTrait, slug: &str) -> Result<Option<campaign::Model>, Error> {
    Ok(campaign::Entity::find().filter(campaign::Column::Slug.eq(slug)).one(db).await?)
}
