//! A piece of today's journal: new tokens and counts, removed when the day is closed.

use chrono::NaiveDate;
use sea_orm::entity::prelude::*;

/// A piece of today's journal: new tokens and counts, removed when the day is closed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reader_segment")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The UTC day.
    pub day: NaiveDate,
    /// The day key's number.
    pub epoch: i64,
    /// Which process wrote it.
    pub node: String,
    /// Tokens and counts of one group commit, in the format of `readers::journal`.
    pub body: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
