//! A milestone on the way to a campaign's goal, or a stretch goal beyond it.

use crate::ids::{CampaignGoalId, CampaignId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A milestone on the way to a campaign's goal, or a stretch goal beyond it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_goal")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CampaignGoalId,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Where it is reached, in minor units of the campaign's currency; once in each campaign.
    pub amount_minor: i64,
    /// What it is.
    pub title: String,
    /// What it means, in a sentence.
    pub text: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
