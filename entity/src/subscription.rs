//! Somebody's wish to get news, with the words that she agreed to.

use crate::ids::{SubscriptionId, SupporterId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// Somebody's wish to get news. It counts once it was confirmed from a letter, and until it ends.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SubscriptionId,
    /// Who.
    pub supporter_id: SupporterId,
    /// HMAC-SHA-256 of her normalised address, in hex: what suppressions are looked up by.
    pub address_hash: String,
    /// News of what: `updates` (all), `campaign:<id>`, `item:<id>`.
    pub topic: String,
    /// BCP 47 tag of the page that she asked on.
    pub language: String,
    /// The words that she agreed to, as they stood there.
    pub wording: String,
    /// SHA-256 of these words, in hex.
    pub wording_version: String,
    /// SHA-256 of the secret in the link that confirms it, in hex; unique.
    pub token_hash: String,
    /// When she asked.
    pub requested_at: DateTime<Utc>,
    /// When the link stops working, unless it was confirmed.
    pub expires_at: DateTime<Utc>,
    /// When she confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What ended it: `supporter`, `link`, `replaced`, `complaint`; may be empty.
    pub ended_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
