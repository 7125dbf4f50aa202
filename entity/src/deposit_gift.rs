//! A gift in a deposit.

use crate::ids::{DepositId, DonationId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A gift in a deposit. A gift is in one at a time.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deposit_gift")]
pub struct Model {
    /// The deposit.
    #[sea_orm(primary_key, auto_increment = false)]
    pub deposit_id: DepositId,
    /// The gift.
    #[sea_orm(primary_key, auto_increment = false)]
    pub donation_id: DonationId,
    /// False once the deposit was taken back.
    pub counts: bool,
    /// When the bank took this one back, because the gift was none: a cheque that bounced.
    pub returned_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
