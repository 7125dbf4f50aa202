//! A gift in a claim, or what a later claim gives back for it.

use crate::ids::{DonationId, GiftAidClaimId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A gift in a claim, or what a later claim gives back for it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gift_aid_line")]
pub struct Model {
    /// The claim.
    #[sea_orm(primary_key, auto_increment = false)]
    pub claim_id: GiftAidClaimId,
    /// The gift.
    #[sea_orm(primary_key, auto_increment = false)]
    pub donation_id: DonationId,
    /// Pence of the gift that are claimed on; negative for what was claimed too much before.
    pub amount_minor: i64,
    /// The row of HMRC's schedule as it was made, as JSON; empty for what is given back.
    pub schedule: String,
    /// Whether the claim was submitted.
    pub locked: bool,
    /// When what names the supporter was taken out of it and sealed, because she was erased.
    pub sealed_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
