//! Money given back to a supporter: asked for at the desk, or found at Stripe.

use crate::{
    ids::{DonationId, RefundId, StaffId},
    money::Currency,
    words::RefundState,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// Money given back to a supporter: asked for at the desk, or found at Stripe.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefundId,
    /// The donation that it gives back, whole or in part.
    pub donation_id: DonationId,
    /// Stripe's refund, `re_…`; none until Stripe has answered; unique.
    pub stripe_refund_id: Option<String>,
    /// The key under which Stripe is asked, written before the first call; unique.
    pub idempotency_key: String,
    /// How much, in minor units of the donation's currency.
    pub amount_minor: i64,
    /// The donation's currency.
    pub currency: Currency,
    /// Its place in its life.
    pub state: RefundState,
    /// Why, in the words of who asked; may be empty.
    pub reason: String,
    /// Why it failed, in Stripe's word; empty while it has not.
    pub failure: String,
    /// Who asked for it here; none when it was made in Stripe's dashboard.
    pub asked_by: Option<StaffId>,
    /// When it was asked for, or made at Stripe.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
