//! A run of receipt numbers without gaps: one per prefix and year.

use crate::ids::ReceiptSeriesId;
use sea_orm::entity::prelude::*;

/// A run of receipt numbers without gaps: one per prefix and year.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "receipt_series")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReceiptSeriesId,
    /// What stands before the year: `R`.
    pub prefix: String,
    /// The issuer's calendar year.
    pub year: i64,
    /// The next number; starts at one.
    pub next_number: i64,
}

impl ActiveModelBehavior for ActiveModel {}
