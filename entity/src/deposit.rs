//! Cash and cheques that were taken to the bank together.

use crate::{
    ids::{DepositId, StaffId},
    money::Currency,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// Cash and cheques that were taken to the bank together: one line of the bank statement.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deposit")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DepositId,
    /// What the ledger knows it by.
    pub source: String,
    /// The day on which the bank booked it.
    pub deposited_on: NaiveDate,
    /// What the paying-in slip or the statement says; may be empty.
    pub reference: String,
    /// What its gifts come to, in minor units.
    pub amount_minor: i64,
    /// The currency of all of them.
    pub currency: Currency,
    /// Who recorded it.
    pub made_by: Option<StaffId>,
    /// When.
    pub made_at: DateTime<Utc>,
    /// When it was taken back as a mistake.
    pub reversed_at: Option<DateTime<Utc>>,
    /// Why; empty while it was not.
    pub reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
