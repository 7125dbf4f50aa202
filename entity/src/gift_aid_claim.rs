//! A claim of Gift Aid from HMRC.

use crate::{
    ids::{GiftAidClaimId, StaffId},
    words::GiftAidClaimState,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A claim of Gift Aid from HMRC.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gift_aid_claim")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GiftAidClaimId,
    /// Its place in its life.
    pub state: GiftAidClaimState,
    /// The last day of its gifts.
    pub until_on: NaiveDate,
    /// HMRC's reference; empty until it is submitted.
    pub reference: String,
    /// Who made it; none for the program.
    pub made_by: Option<StaffId>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it was submitted or withdrawn.
    pub settled_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
