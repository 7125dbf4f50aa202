//! One of the organisation's genuine links.

use crate::{ids::GenuineLinkId, words::GenuineKind};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One of the organisation's genuine links. Never changed, only removed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "genuine_link")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GenuineLinkId,
    /// What it is.
    pub kind: GenuineKind,
    /// What readers call it; may be empty.
    pub label: String,
    /// The address, or a sentence about the bank account.
    pub address: String,
    /// Who added it.
    pub added_by: String,
    /// When.
    pub added_at: DateTime<Utc>,
    /// Who removed it; empty while it stands.
    pub removed_by: String,
    /// When it was removed.
    pub removed_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
