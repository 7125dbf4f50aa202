//! An article: hosted here, or a page elsewhere known by its canonical URL.

use crate::{
    ids::{ArticleId, CategoryId},
    words::{ArticleKind, ArticleStatus},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// An article: hosted here, or a page elsewhere known by its canonical URL.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "article")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ArticleId,
    /// Its name in URLs; unique.
    pub slug: String,
    /// Hosted here or elsewhere.
    pub kind: ArticleKind,
    /// For a page elsewhere, its one true address; unique.
    pub canonical_url: Option<String>,
    /// The headline.
    pub title: String,
    /// The sentence under the headline; may be empty.
    pub standfirst: String,
    /// Who wrote it; may be empty.
    pub byline: String,
    /// The text in Markdown; empty for a page elsewhere.
    pub body_markdown: String,
    /// For a quoted piece, the paper it is from; may be empty.
    pub source_name: String,
    /// For a quoted piece, where it stands.
    pub source_url: Option<String>,
    /// For a quoted piece, when it appeared.
    pub source_date: Option<NaiveDate>,
    /// Its category.
    pub category_id: Option<CategoryId>,
    /// BCP 47 tag of its text: `en`, `fa-AF`, `ps`, …
    pub language: String,
    /// Whether readers see it.
    pub status: ArticleStatus,
    /// A sensitive article asks for nothing.
    pub sensitive: bool,
    /// A retracted article asks for nothing; it stays readable with its notice.
    pub retracted: bool,
    /// The publication date that readers see.
    pub published_at: Option<DateTime<Utc>>,
    /// Views counted by an older site before it came here.
    pub imported_views: i64,
    /// What an import knows it by; unique.
    pub import_key: Option<String>,
    /// SHA-256 (hex) of what was imported, so that importing again changes nothing.
    pub import_hash: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
