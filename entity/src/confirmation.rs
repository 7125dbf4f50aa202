//! A gift that is on a valid German confirmation: on one and no more.

use crate::ids::{DonationId, ReceiptId, StatementId};
use sea_orm::entity::prelude::*;

/// A gift that is on a valid German confirmation: on one and no more.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "confirmation")]
pub struct Model {
    /// The gift.
    #[sea_orm(primary_key, auto_increment = false)]
    pub donation_id: DonationId,
    /// The receipt that is its slip.
    pub receipt_id: Option<ReceiptId>,
    /// Or the statement of the year that lists it.
    pub statement_id: Option<StatementId>,
}

impl ActiveModelBehavior for ActiveModel {}
