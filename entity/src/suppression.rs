//! An address that gets no letters, or not all. It is kept as a keyed hash, so that it outlives the erasure of its owner.

use crate::{
    ids::{LetterId, SuppressionId},
    words::SuppressionReason,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// An address that gets no letters, or not all.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "suppression")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SuppressionId,
    /// HMAC-SHA-256 of the normalised address, in hex.
    pub address_hash: String,
    /// What it does not get: `everything`, `updates`, `campaign:<id>`, `item:<id>`.
    pub topic: String,
    /// Why.
    pub reason: SuppressionReason,
    /// What was said besides; may be empty.
    pub note: String,
    /// The letter that led to it.
    pub letter_id: Option<LetterId>,
    /// Who made it: `supporter`, `mail server`, or a member of staff.
    pub made_by: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When the same reason last came up again.
    pub renewed_at: DateTime<Utc>,
    /// Who lifted it; may be empty.
    pub lifted_by: String,
    /// When it was lifted; one of each address, topic and reason is in force.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Why it was lifted; may be empty.
    pub lift_note: String,
}

impl ActiveModelBehavior for ActiveModel {}
