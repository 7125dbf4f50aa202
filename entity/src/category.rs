//! A category of articles, by its path: `Taliban/ISIS` lies under `Taliban`.

use crate::ids::CategoryId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A category of articles, by its path: `Taliban/ISIS` lies under `Taliban`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "category")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CategoryId,
    /// The path as people read it, parts joined by `/`; unique.
    pub path: String,
    /// The path as a URL writes it, `taliban/isis`; unique.
    pub slug: String,
    /// When it was first used.
    pub created_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
