//! What readers are told about an article: that it was corrected, or that it is retracted.

use crate::{
    ids::{ArticleId, ArticleNoticeId},
    words::NoticeKind,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// What readers are told about an article: that it was corrected, or that it is retracted. Never edited, only lifted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "article_notice")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ArticleNoticeId,
    /// The article.
    pub article_id: ArticleId,
    /// Corrected or retracted.
    pub kind: NoticeKind,
    /// The day that readers see.
    pub noted_on: NaiveDate,
    /// What they read, as JSON: language tag to text.
    pub texts: String,
    /// Who wrote it.
    pub made_by: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Who took it back; empty while it stands.
    pub lifted_by: String,
    /// When it was taken back.
    pub lifted_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
