//! One balanced transaction of the ledger. Append-only.

use crate::{ids::DonationId, words::MovementKind};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One balanced transaction of the ledger. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transaction")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// What moved the money.
    pub kind: MovementKind,
    /// What it is keyed on at Stripe: `ch_…:capture`, `txn_…:fee`; unique.
    pub source: String,
    /// The donation it belongs to.
    pub donation_id: Option<DonationId>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// When it was written here.
    pub posted_at: DateTime<Utc>,
    /// Stripe's balance transaction, where known.
    pub stripe_balance_transaction: Option<String>,
    /// The transaction that this one corrects.
    pub reverses_id: Option<i64>,
    /// When it counts: when it happened, or the first moment of the first open period if its own was closed.
    pub booked_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
