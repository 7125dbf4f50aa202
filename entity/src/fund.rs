//! A fund: what a gift is designated for, with its general-ledger codes and restriction.

use crate::{ids::FundId, words::Restriction};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A fund: what a gift is designated for, with its general-ledger codes and restriction.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "fund")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FundId,
    /// Its short code in the books; unique.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What binds its money.
    pub restriction: Restriction,
    /// The general-ledger code of its income; may be empty.
    pub gl_income: String,
    /// The general-ledger code that its fees are booked to; may be empty.
    pub gl_fee: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
