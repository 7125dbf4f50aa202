//! One step of a campaign's life. Append-only.

use crate::{
    ids::{CampaignId, StaffId},
    words::{CampaignMoney, CampaignStatus, CampaignStepKind},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One step of a campaign's life.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_step")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: CampaignStepKind,
    /// The state that it led to.
    pub status: CampaignStatus,
    /// The member of staff who did it.
    pub staff_id: Option<StaffId>,
    /// Who did it: a member of staff by name, or `system`.
    pub actor: String,
    /// Why, for staff.
    pub reason: String,
    /// Why, for readers, in the campaign's language; empty: they are told nothing.
    pub public_reason: String,
    /// What happened to the money, as readers are told.
    pub money: CampaignMoney,
}

impl ActiveModelBehavior for ActiveModel {}
