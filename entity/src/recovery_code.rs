//! A one-time code in place of the second factor.

use crate::ids::StaffId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A one-time code in place of the second factor.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_code")]
pub struct Model {
    /// SHA-256 (hex) of the code.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
    /// Whose.
    pub staff_id: StaffId,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
