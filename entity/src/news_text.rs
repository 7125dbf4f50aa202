//! The text of an update in one language.

use crate::ids::{UpdateId, UpdateTextId};
use sea_orm::entity::prelude::*;

/// The text of an update in one language.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "news_text")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UpdateTextId,
    /// The update.
    pub update_id: UpdateId,
    /// BCP 47 tag; one text for each.
    pub language: String,
    /// Its title, and the subject of its letter.
    pub title: String,
    /// The text in Markdown.
    pub body_markdown: String,
}

impl ActiveModelBehavior for ActiveModel {}
