//! How work that looks at everything last ended, so that every process and every page can tell.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// How work that looks at everything last ended, so that every process and every page can tell.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "last_outcome")]
pub struct Model {
    /// The work: `verify`, `reconcile`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Whether all was well.
    pub ok: bool,
    /// In a sentence.
    pub summary: String,
    /// All that was found, as JSON; without personal data.
    pub report: String,
    /// When it began: what happened later is not in it.
    pub began_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
