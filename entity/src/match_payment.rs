//! A donation by which the sponsor of a matching pot paid what was promised.

use crate::ids::{DonationId, MatchPotId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A donation by which the sponsor of a matching pot paid what was promised.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_payment")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The pot.
    pub match_pot_id: MatchPotId,
    /// The donation; it pays one pot at a time.
    pub donation_id: DonationId,
    /// Who said so.
    pub linked_by: String,
    /// When.
    pub linked_at: DateTime<Utc>,
    /// When that was taken back.
    pub unlinked_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
