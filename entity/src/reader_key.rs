//! A day's key on PostgreSQL: an UNLOGGED table, left out of backups.

use chrono::NaiveDate;
use sea_orm::entity::prelude::*;

/// A day's key on PostgreSQL: an UNLOGGED table, left out of backups.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reader_key")]
pub struct Model {
    /// The UTC day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: NaiveDate,
    /// Its number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i64,
    /// 32 random bytes.
    pub key: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
