//! A thing that the organisation needs.

use crate::{
    ids::{CampaignId, FundId, PictureId, WishItemId},
    money::Currency,
    words::{CancelReason, WishFunding, WishKind, WishStatus},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A thing that the organisation needs.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wish_item")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WishItemId,
    /// Its name in URLs; unique.
    pub slug: String,
    /// What it is.
    pub title: String,
    /// Why it is needed; plain text.
    pub description: String,
    /// BCP 47 tag of its text.
    pub language: String,
    /// Paid here, or on a shop's list elsewhere.
    pub kind: WishKind,
    /// Price of one, in minor units; only for priced items.
    pub price_minor: Option<i64>,
    /// The currency of the price; only for priced items.
    pub currency: Option<Currency>,
    /// How many are needed; at least one.
    pub quantity: i64,
    /// The shop's wish list; only for link items.
    pub shop_url: Option<String>,
    /// The campaign it belongs to; its fund is where the money goes.
    pub campaign_id: Option<CampaignId>,
    /// The fund that its money goes to.
    pub fund_id: FundId,
    /// Whether it is asked for.
    pub status: WishStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether each gift pays for whole ones, or many pay together; of a priced item.
    pub funding: WishFunding,
    /// Why it is asked for no more.
    pub cancel_reason: CancelReason,
    /// Its picture.
    pub picture_id: Option<PictureId>,
    /// What the picture shows, for who cannot see it; empty without one.
    pub picture_text: String,
}

impl ActiveModelBehavior for ActiveModel {}
