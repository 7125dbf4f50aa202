//! One change of the key that the list of genuine links is signed with. Append-only.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One change of the key that the list of genuine links is signed with. The first key has no row. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "genuine_key")]
pub struct Model {
    /// The number of the key that began then.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// The public key before it, in base64.
    pub old_public: String,
    /// Whether the key before it vouches for this one: it does not when it was lost or stolen.
    pub vouched: bool,
    /// Who changed it.
    pub begun_by: String,
    /// When.
    pub begun_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
