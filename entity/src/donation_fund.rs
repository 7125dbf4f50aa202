//! Another fund that money of a gift was moved to, as it was then.

use crate::{
    ids::{DonationId, FundId},
    words::Restriction,
};
use sea_orm::entity::prelude::*;

/// Another fund that money of a gift was moved to, as it was then.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "donation_fund")]
pub struct Model {
    /// The gift.
    #[sea_orm(primary_key, auto_increment = false)]
    pub donation_id: DonationId,
    /// The fund; never the one that it was given for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fund_id: FundId,
    /// The fund's code when the gift's money first came to it.
    pub fund_code: String,
    /// The fund's restriction then.
    pub restriction: Restriction,
    /// The general-ledger code of the fund's income then; may be empty.
    pub gl_income: String,
    /// The general-ledger code of the fund's fees then; may be empty.
    pub gl_fee: String,
}

impl ActiveModelBehavior for ActiveModel {}
