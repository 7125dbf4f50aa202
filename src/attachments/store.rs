//! Queries for attachments.

use crate::error::Error;
use entity::{
    article, attachment, campaign, category,
    ids::{ArticleId, CampaignId, CategoryId},
    words::AttachmentScope,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

/// Every attachment that reaches an article, in no order.
pub async fn of_article(db: &impl ConnectionTrait, article: &article::Model) -> Result<Vec<attachment::Model>, Error> {
    use attachment::Column;
    let categories = match article.category_id {
        Some(id) => with_those_above(db, id).await?,
        None => Vec::new(),
    };
    let mut reaches =
        Condition::any().add(Column::Scope.eq(AttachmentScope::Everywhere)).add(Column::ArticleId.eq(article.id));
    if !categories.is_empty() {
        reaches = reaches.add(Column::CategoryId.is_in(categories));
    }
    Ok(attachment::Entity::find().filter(reaches).all(db).await?)
}

/// A category and those that it lies under: `taliban/isis` lies under `taliban`.
async fn with_those_above(db: &impl ConnectionTrait, id: CategoryId) -> Result<Vec<CategoryId>, Error> {
    let Some(category) = category::Entity::find_by_id(id).one(db).await? else { return Ok(Vec::new()) };
    let ends = category.slug.match_indices('/').map(|(at, _)| at);
    let above: Vec<String> = ends.map(|at| category.slug[..at].to_owned()).collect();
    let mut ids = vec![category.id];
    if !above.is_empty() {
        let found = category::Entity::find().filter(category::Column::Slug.is_in(above)).all(db).await?;
        ids.extend(found.into_iter().map(|category| category.id));
    }
    Ok(ids)
}

/// The campaigns of these ids.
pub async fn campaigns(db: &impl ConnectionTrait, ids: &[CampaignId]) -> Result<Vec<campaign::Model>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(campaign::Entity::find().filter(campaign::Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// The article of an id.
pub async fn article(db: &impl ConnectionTrait, id: ArticleId) -> Result<Option<article::Model>, Error> {
    Ok(article::Entity::find_by_id(id).one(db).await?)
}
