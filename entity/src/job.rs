//! Work that outlives a request, written in the transaction of what causes it.

use crate::ids::JobId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// Work that outlives a request, written in the transaction of what causes it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// Which work.
    pub kind: String,
    /// What it needs, as JSON: ids only.
    pub payload: String,
    /// At most one waiting job bears it; unique.
    pub dedupe_key: Option<String>,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: i64,
    /// Until when a worker holds it.
    pub lease_until: Option<DateTime<Utc>>,
    /// Why it last failed; no personal data.
    pub last_error: String,
    /// When it was given up: shown to staff.
    pub given_up_at: Option<DateTime<Utc>>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
