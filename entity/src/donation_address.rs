//! The postal address given with a donation, where the receipt needs one.

use crate::ids::DonationId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// The postal address given with a donation, where the receipt needs one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "donation_address")]
pub struct Model {
    /// The donation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub donation_id: DonationId,
    /// The address, parts joined by commas; never empty.
    pub address: String,
    /// When it was given or mended.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
