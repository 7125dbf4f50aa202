//! A campaign's texts in another language than its own.

use crate::ids::CampaignId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A campaign's texts in another language than its own.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_text")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// BCP 47 tag; once for each campaign.
    pub language: String,
    /// Its title.
    pub title: String,
    /// One sentence for cards.
    pub summary: String,
    /// The story in Markdown.
    pub story_markdown: String,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
