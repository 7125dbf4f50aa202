//! The texts of a milestone or stretch goal in another language than its campaign's.

use crate::ids::CampaignGoalId;
use sea_orm::entity::prelude::*;

/// The texts of a milestone or stretch goal in another language than its campaign's.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_goal_text")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The milestone or stretch goal.
    pub campaign_goal_id: CampaignGoalId,
    /// BCP 47 tag; once for each.
    pub language: String,
    /// What it is.
    pub title: String,
    /// What it means, in a sentence.
    pub text: String,
}

impl ActiveModelBehavior for ActiveModel {}
