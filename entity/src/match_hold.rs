//! What one donation has of a matching pot: held while the checkout is open, then confirmed or freed.

use crate::{
    ids::{DonationId, MatchHoldId, MatchPotId},
    words::MatchState,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// What one donation has of a matching pot.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_hold")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MatchHoldId,
    /// The pot.
    pub match_pot_id: MatchPotId,
    /// The donation; once in each pot.
    pub donation_id: DonationId,
    /// Its place among what the donation has of several pots.
    pub position: i64,
    /// The pot's ratio when the checkout was opened.
    pub ratio_bp: i64,
    /// The part of the gift that it adds to, in minor units.
    pub base_minor: i64,
    /// What was promised for it, in minor units.
    pub promised_minor: i64,
    /// What it takes from the pot now, in minor units.
    pub minor: i64,
    /// Held, confirmed or freed.
    pub state: MatchState,
    /// When a held one frees itself.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
