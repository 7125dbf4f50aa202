//! One thing that happened to a donation: its story, in order. Append-only.

use crate::ids::DonationId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One thing that happened to a donation: its story, in order. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "donation_step")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The donation.
    pub donation_id: DonationId,
    /// When.
    pub at: DateTime<Utc>,
    /// What: `created`, `checkout_opened`, `stripe_unreachable`, `event_received`, `paid`, …
    pub kind: String,
    /// Ids and codes that say more; no personal data.
    pub detail: String,
}

impl ActiveModelBehavior for ActiveModel {}
