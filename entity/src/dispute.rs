//! A payment that its payer disputes with her bank.

use crate::{
    ids::{DisputeId, DonationId},
    money::Currency,
    words::DisputeOutcome,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A payment that its payer disputes with her bank.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "dispute")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DisputeId,
    /// The donation disputed.
    pub donation_id: DonationId,
    /// Stripe's dispute, `dp_…` or `du_…`; unique.
    pub stripe_dispute_id: String,
    /// How much is disputed, in minor units.
    pub amount_minor: i64,
    /// The currency of the dispute.
    pub currency: Currency,
    /// The bank's reason, in Stripe's word.
    pub reason: String,
    /// Stripe's status word, as it came.
    pub stripe_status: String,
    /// How it stands.
    pub outcome: DisputeOutcome,
    /// Until when evidence can be sent.
    pub evidence_due_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When we heard that it is decided.
    pub closed_at: Option<DateTime<Utc>>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
