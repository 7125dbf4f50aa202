//! A Stripe event as it came: verified, kept, but for what names a person.

use crate::ids::DonationId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A Stripe event as it came: raw, verified, kept.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "stripe_event")]
pub struct Model {
    /// Stripe's id, `evt_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// The version it was rendered in; may be empty.
    pub api_version: String,
    /// Live or test.
    pub livemode: bool,
    /// The object it speaks of; may be empty.
    pub object_id: String,
    /// Our donation, when the object names one.
    pub donation_id: Option<DonationId>,
    /// The body, byte for byte.
    pub payload: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// `waiting`, `applied`, `left alone: …`, `refused: …`.
    pub outcome: String,
    /// When the outcome was reached.
    pub settled_at: Option<DateTime<Utc>>,
    /// When what names a person was taken out of the payload.
    pub stripped_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
