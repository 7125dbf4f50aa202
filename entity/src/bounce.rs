//! A letter that came back, or was refused. Append-only; one of each way for a letter.

use crate::{
    ids::LetterId,
    words::{BounceSeverity, BounceVia},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A letter that came back, or was refused.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bounce")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The letter.
    pub letter_id: LetterId,
    /// How we heard of it.
    pub via: BounceVia,
    /// What it says of the address.
    pub severity: BounceSeverity,
    /// The enhanced code (RFC 3463), `5.1.1`; may be empty.
    pub status: String,
    /// The words, shortened to 200 characters; may be empty.
    pub diagnostic: String,
    /// HMAC-SHA-256 of the normalised address, in hex.
    pub address_hash: String,
    /// When we heard of it.
    pub at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
