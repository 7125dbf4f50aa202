//! A sponsor's promise to add to the gifts for a campaign, up to a sum.

use crate::{
    ids::{CampaignId, MatchPotId},
    money::Currency,
    words::MatchPotStatus,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A sponsor's promise to add to the gifts for a campaign, up to a sum.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_pot")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MatchPotId,
    /// The campaign whose gifts it adds to; never changes.
    pub campaign_id: CampaignId,
    /// Who promised it, for staff.
    pub sponsor_name: String,
    /// The name that readers see; empty: a sponsor who is not named.
    pub public_name: String,
    /// How much is promised in all, in minor units.
    pub total_minor: i64,
    /// The campaign's currency; never changes.
    pub currency: Currency,
    /// How much is added to each gift: ten thousandths of it.
    pub ratio_bp: i64,
    /// Smaller gifts are not matched.
    pub gift_min_minor: Option<i64>,
    /// At most so much is added to one gift.
    pub match_max_minor: Option<i64>,
    /// From when gifts are matched.
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when gifts are matched.
    pub ends_at: Option<DateTime<Utc>>,
    /// The pots of a campaign are used up in this order.
    pub position: i64,
    /// Its place in its life.
    pub status: MatchPotStatus,
    /// What open checkouts hold of it.
    pub held_minor: i64,
    /// What paid gifts have of it.
    pub confirmed_minor: i64,
    /// How often staff changed it, so that nobody overwrites what somebody else has just written.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
