//! One thing that happened to a matching pot. Append-only.

use crate::{
    ids::{DonationId, MatchPotId, StaffId},
    words::MatchStepKind,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One thing that happened to a matching pot.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_step")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The pot.
    pub match_pot_id: MatchPotId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: MatchStepKind,
    /// By how much what is taken from the pot grew, in minor units; negative where it shrank.
    pub change_minor: i64,
    /// The donation that brought it about.
    pub donation_id: Option<DonationId>,
    /// The member of staff who did it.
    pub staff_id: Option<StaffId>,
    /// Who did it: a member of staff by name, `supporter`, or `system`.
    pub actor: String,
    /// What changed or why, for staff.
    pub note: String,
}

impl ActiveModelBehavior for ActiveModel {}
