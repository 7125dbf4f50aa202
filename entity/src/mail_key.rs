//! Which key the hashes of addresses were made with.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// Which key the hashes of addresses were made with: the one row of its table.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_key")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// What the key makes of a fixed text; it tells nothing of the key.
    pub mark: String,
    /// Since when.
    pub noted_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
