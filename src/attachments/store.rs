//! Queries for attachments.

use crate::error::Error;
use chrono::NaiveDate;
use entity::{
    article, attachment, campaign, category,
    ids::{ArticleId, AttachmentId, CampaignId, CategoryId, WishItemId},
    words::AttachmentScope,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

/// How many attachments a page of the desk shows at most.
const SHOWN_MAX: u64 = 500;

/// Every attachment that reaches an article, in no order.
pub async fn of_article(db: &impl ConnectionTrait, article: &article::Model) -> Result<Vec<attachment::Model>, Error> {
    use attachment::Column;
    let categories = match article.category_id {
        Some(id) => with_those_above(db, id).await?,
        None => Vec::new(),
    };
    let mut reaches = Condition::any().add(Column::Scope.eq(AttachmentScope::Everywhere)).add(Column::ArticleId.eq(article.id));
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

/// What an attachment ties, or what it is tied to: the side from which staff look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// All that a campaign is tied to.
    Campaign(CampaignId),
    /// All that a wish item is tied to.
    Item(WishItemId),
    /// Everything, wherever it is tied.
    Everything,
}

/// The attachments seen from a side, the order of pages first.
pub async fn of_side(db: &impl ConnectionTrait, side: Side) -> Result<Vec<attachment::Model>, Error> {
    use attachment::Column;
    let find = attachment::Entity::find();
    let find = match side {
        Side::Campaign(id) => find.filter(Column::CampaignId.eq(id)),
        Side::Item(id) => find.filter(Column::WishItemId.eq(id)),
        Side::Everything => find,
    };
    Ok(find.order_by_asc(Column::Scope).order_by_asc(Column::Position).order_by_asc(Column::Id).limit(SHOWN_MAX).all(db).await?)
}

/// The attachment of an id.
pub async fn attachment(db: &impl ConnectionTrait, id: AttachmentId) -> Result<Option<attachment::Model>, Error> {
    Ok(attachment::Entity::find_by_id(id).one(db).await?)
}

/// Those that tie something to the same place: one article, one category, or everywhere.
pub async fn in_same_place(db: &impl ConnectionTrait, row: &attachment::Model) -> Result<Vec<attachment::Model>, Error> {
    use attachment::Column;
    let find = attachment::Entity::find().filter(Column::Scope.eq(row.scope));
    let find = match (row.article_id, row.category_id) {
        (Some(id), _) => find.filter(Column::ArticleId.eq(id)),
        (None, Some(id)) => find.filter(Column::CategoryId.eq(id)),
        (None, None) => find,
    };
    Ok(find.all(db).await?)
}

/// Writes a new attachment.
pub async fn insert(tx: &DatabaseTransaction, row: attachment::Model) -> Result<(), Error> {
    attachment::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Gives an attachment another position.
pub async fn set_position(tx: &DatabaseTransaction, id: AttachmentId, position: i64) -> Result<(), Error> {
    let change = attachment::Entity::update_many().col_expr(attachment::Column::Position, Expr::value(position));
    change.filter(attachment::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Gives an attachment other days.
pub async fn set_days(tx: &DatabaseTransaction, id: AttachmentId, from: Option<NaiveDate>, until: Option<NaiveDate>) -> Result<(), Error> {
    use attachment::Column;
    let change =
        attachment::Entity::update_many().col_expr(Column::StartsOn, Expr::value(from)).col_expr(Column::EndsOn, Expr::value(until));
    change.filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Unties.
pub async fn delete(tx: &DatabaseTransaction, id: AttachmentId) -> Result<(), Error> {
    attachment::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// The article of a slug, whatever its state.
pub async fn article_by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<article::Model>, Error> {
    Ok(article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await?)
}

/// The articles of these ids.
pub async fn articles(db: &impl ConnectionTrait, ids: Vec<ArticleId>) -> Result<Vec<article::Model>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(article::Entity::find().filter(article::Column::Id.is_in(ids)).all(db).await?)
}

/// Every category, by path.
pub async fn categories(db: &impl ConnectionTrait) -> Result<Vec<category::Model>, Error> {
    Ok(category::Entity::find().order_by_asc(category::Column::Path).all(db).await?)
}
