//! A stretch of days whose books are closed together.

use crate::{
    ids::{AccountingPeriodId, StaffId},
    words::PeriodState,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A stretch of days whose books are closed together.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "accounting_period")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountingPeriodId,
    /// Its first day in its zone; unique.
    pub starts_on: NaiveDate,
    /// The day after its last.
    pub ends_on: NaiveDate,
    /// The IANA zone in which its days begin.
    pub timezone: String,
    /// The instant at which it begins.
    pub starts_at: DateTime<Utc>,
    /// The instant at which it is over.
    pub ends_at: DateTime<Utc>,
    /// Whether it takes postings.
    pub state: PeriodState,
    /// How many ledger entries it held when it was closed; zero before.
    pub entries: i64,
    /// SHA-256 (hex) over these entries when it was closed; empty before.
    pub control_hash: String,
    /// Who closed it.
    pub closed_by: Option<StaffId>,
    /// When.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
