//! One movement of our balance at Stripe: the truth about fees and payouts.

use crate::{ids::DonationId, money::Currency, words::BalanceMapping};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One movement of our balance at Stripe: the truth about fees and payouts.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "balance_movement")]
pub struct Model {
    /// Stripe's balance transaction, `txn_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Stripe's reporting category, as it came.
    pub category: String,
    /// Stripe's type, as it came.
    pub kind: String,
    /// The object that moved the money: `ch_…`, `re_…`, `po_…`; may be empty.
    pub source_id: String,
    /// Before the fee, in minor units; negative for what leaves.
    pub gross_minor: i64,
    /// What Stripe kept.
    pub fee_minor: i64,
    /// Gross less fee.
    pub net_minor: i64,
    /// The currency of settlement.
    pub currency: Currency,
    /// When Stripe booked it.
    pub occurred_at: DateTime<Utc>,
    /// When it can be paid out.
    pub available_at: DateTime<Utc>,
    /// The payout that it is part of, `po_…`, once known.
    pub payout_id: Option<String>,
    /// The donation that it belongs to.
    pub donation_id: Option<DonationId>,
    /// What it is to us.
    pub mapped_to: BalanceMapping,
    /// When we first read it.
    pub heard_at: DateTime<Utc>,
    /// Which of Stripe's balances it changed, as it came: `payments` is the one that is paid out.
    pub balance: String,
}

impl ActiveModelBehavior for ActiveModel {}
