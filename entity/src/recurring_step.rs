//! One thing that happened to a recurring donation: its story, in order. Append-only.

use crate::ids::RecurringId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One thing that happened to a recurring donation: its story, in order. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recurring_step")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The recurring donation.
    pub recurring_donation_id: RecurringId,
    /// When it happened by Stripe's clock, where Stripe says; else when we heard of it.
    pub at: DateTime<Utc>,
    /// What: `created`, `begun`, `amount_changed`, `failing`, `recovered`, `paused`, `resumed`, `ended`, …
    pub kind: String,
    /// Who: `supporter`, `staff`, `stripe`.
    pub actor: String,
    /// The amount before it, in minor units of the gift's currency.
    pub before_minor: Option<i64>,
    /// The amount after it.
    pub after_minor: Option<i64>,
    /// Ids and codes that say more; no personal data.
    pub detail: String,
}

impl ActiveModelBehavior for ActiveModel {}
