//! A member of staff.

use crate::{ids::StaffId, words::Role};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A member of staff.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_member")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StaffId,
    /// The address in lower case; unique.
    pub email: String,
    /// The name shown in the audit trail.
    pub name: String,
    /// What she may do.
    pub role: Role,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// The enrolled secret, sealed with the key derived from SECRET_KEY; base64.
    pub totp_secret: Option<String>,
    /// The last time step used, so that a code works once.
    pub totp_last_step: i64,
    /// When her access ended.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When she was added.
    pub created_at: DateTime<Utc>,
    /// When anything here last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
