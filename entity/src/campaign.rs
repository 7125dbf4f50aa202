//! A campaign: a story, a goal, and the money that came for it.

use crate::{
    ids::{CampaignId, FundId},
    money::Currency,
    words::CampaignStatus,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A campaign: a story, a goal, and the money that came for it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CampaignId,
    /// Its name in URLs; unique.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// One sentence for cards.
    pub summary: String,
    /// The story in Markdown.
    pub story_markdown: String,
    /// BCP 47 tag of its text.
    pub language: String,
    /// The goal in minor units; more than zero.
    pub goal_minor: i64,
    /// The currency of the goal and of what counts towards it.
    pub currency: Currency,
    /// The fund that its gifts go to.
    pub fund_id: FundId,
    /// Its place in its life.
    pub status: CampaignStatus,
    /// First day, in the organisation's zone.
    pub starts_on: Option<NaiveDate>,
    /// Last day, in the organisation's zone.
    pub ends_on: Option<NaiveDate>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// On the last day, the minute of the day at which it ends; none: the end of the day.
    pub ends_at_minute: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
