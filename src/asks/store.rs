//! Queries for what a gift may be for.

use super::article_may_ask;
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    article, campaign,
    ids::{ArticleId, CampaignId},
    wish_item,
    words::CampaignStatus,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

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

/// The article of a slug that readers see at `now` and that may ask: a draft, one whose day has not come, a sensitive and a retracted one
/// are not named beside a form.
pub async fn article(db: &impl ConnectionTrait, slug: &str, now: DateTime<Utc>) -> Result<Option<article::Model>, Error> {
    Ok(article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await?.filter(|article| article_may_ask(article, now)))
}

/// Whether a gift may still come from an article, for whoever is about to write it down: the article stays as it is until the
/// transaction ends, so that who takes its ask away afterwards finds the gift.
pub async fn holds_ask(tx: &DatabaseTransaction, id: Option<ArticleId>, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(id) = id else { return Ok(true) };
    let found = article::Entity::find_by_id(id).lock_shared().one(tx).await?;
    Ok(found.is_some_and(|article| article_may_ask(&article, now)))
}

/// The campaign of a slug, whatever its state.
pub async fn campaign_of_any_state(db: &impl ConnectionTrait, slug: &str) -> Result<Option<campaign::Model>, Error> {
    Ok(campaign::Entity::find().filter(campaign::Column::Slug.eq(slug)).one(db).await?)
}
