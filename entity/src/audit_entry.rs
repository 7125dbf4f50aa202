//! One change by staff, chained by hashes. Append-only.

use crate::ids::StaffId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One change by staff, chained by hashes. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; none for the system.
    pub staff_id: Option<StaffId>,
    /// Her name at the time, or `system`.
    pub actor: String,
    /// What, as a verb: `campaign.pause`.
    pub action: String,
    /// What kind of thing.
    pub object_kind: String,
    /// Which.
    pub object_id: String,
    /// What changed, as JSON; no donor's personal data.
    pub detail: String,
    /// The hash of the entry before; empty for the first.
    pub previous_hash: String,
    /// SHA-256 (hex) over the entry and the hash before it.
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
