//! A browser that opened a supporter's own pages.

use crate::ids::SupporterId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A browser that opened a supporter's own pages.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_session")]
pub struct Model {
    /// SHA-256 (hex) of the secret in its cookie.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// Whose pages.
    pub supporter_id: SupporterId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
