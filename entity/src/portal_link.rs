//! A link to a supporter's own pages, sent by e-mail; it holds for half an hour.

use crate::ids::SupporterId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A link to a supporter's own pages, sent by e-mail; it holds for half an hour.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_link")]
pub struct Model {
    /// SHA-256 (hex) of the secret in it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// Whose pages.
    pub supporter_id: SupporterId,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it no longer opens anything.
    pub expires_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
