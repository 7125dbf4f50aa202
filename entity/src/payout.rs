//! Money on its way from Stripe to the bank.

use crate::{
    ids::PayoutId,
    money::Currency,
    words::{PayoutReconciliation, PayoutState},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// Money on its way from Stripe to the bank.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "payout")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutId,
    /// Stripe's payout, `po_…`; unique.
    pub stripe_payout_id: String,
    /// What reaches the bank, in minor units; negative when the bank is debited.
    pub amount_minor: i64,
    /// Its currency.
    pub currency: Currency,
    /// Its place in its life.
    pub state: PayoutState,
    /// Whether Stripe made it by schedule; only such a one is itemised.
    pub automatic: bool,
    /// The day on which the bank books it, in UTC, as Stripe expects it.
    pub arrives_on: NaiveDate,
    /// What the bank statement says; may be empty.
    pub statement_descriptor: String,
    /// The bank's trace id; may be empty.
    pub trace_id: String,
    /// The balance transaction by which it left Stripe.
    pub balance_transaction_id: Option<String>,
    /// The balance transaction by which it came back.
    pub failure_balance_transaction_id: Option<String>,
    /// Why it failed, in Stripe's word; empty while it has not.
    pub failure_code: String,
    /// The payout that this one reverses.
    pub original_payout_id: Option<String>,
    /// The payout that reverses this one.
    pub reversed_by_id: Option<String>,
    /// How far Stripe has come with saying what it is made of.
    pub reconciliation: PayoutReconciliation,
    /// Whether real money moves.
    pub livemode: bool,
    /// When its parts were read in full.
    pub itemised_at: Option<DateTime<Utc>>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
