//! When each recurring work last began, so that one process of many does it.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// When each recurring work last began, so that one process of many does it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    /// The work.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// When it last began.
    pub last_run_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
