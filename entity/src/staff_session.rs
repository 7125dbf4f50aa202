//! A signed-in browser of a member of staff.

use crate::ids::{SessionId, StaffId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A signed-in browser of a member of staff.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_session")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Whose.
    pub staff_id: StaffId,
    /// SHA-256 (hex) of the cookie's token; unique.
    pub token_hash: String,
    /// Whether the second factor was given.
    pub verified: bool,
    /// When she signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
