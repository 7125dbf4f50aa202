//! Ties a campaign or a wish item to one article, to a category (and those under it), or to every article.

use crate::{
    ids::{ArticleId, AttachmentId, CampaignId, CategoryId, WishItemId},
    words::{AttachmentScope, AttachmentTarget},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// Ties a campaign or a wish item to one article, to a category (and those under it), or to every article.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attachment")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttachmentId,
    /// Campaign or wish item.
    pub target: AttachmentTarget,
    /// The campaign, when that is the target.
    pub campaign_id: Option<CampaignId>,
    /// The wish item, when that is the target.
    pub wish_item_id: Option<WishItemId>,
    /// To what it is tied.
    pub scope: AttachmentScope,
    /// The article, when tied by hand.
    pub article_id: Option<ArticleId>,
    /// The category, when tied by category.
    pub category_id: Option<CategoryId>,
    /// The order on the page, smallest first.
    pub position: i64,
    /// The first day it stands there, in the organisation's zone; none: from the beginning.
    pub starts_on: Option<NaiveDate>,
    /// The last day; none: for ever.
    pub ends_on: Option<NaiveDate>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
