//! A key that the list of genuine links was signed with, as readers first saw it. Append-only.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A key that the list of genuine links was signed with, as readers first saw it. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "genuine_shown")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Its public half, in base64.
    pub public_key: String,
    /// When it was first shown.
    pub shown_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
