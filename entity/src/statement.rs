//! The gifts of one supporter in one tax year: numbered, never edited; voided or replaced when wrong.

use crate::{
    ids::{ReceiptSeriesId, StatementId, SupporterId},
    words::ReceiptStatus,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// The gifts of one supporter in one tax year: numbered, never edited; voided or replaced when wrong.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "statement")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StatementId,
    /// Its series.
    pub series_id: ReceiptSeriesId,
    /// Its number in the series.
    pub number: i64,
    /// What people read: `R-Y-2026-000001`; unique.
    pub code: String,
    /// Whose gifts; one statement of a year is valid.
    pub supporter_id: SupporterId,
    /// The first day of the tax year.
    pub starts_on: NaiveDate,
    /// The last day of the tax year.
    pub ends_on: NaiveDate,
    /// Issued, void or replaced.
    pub status: ReceiptStatus,
    /// Why it is no longer valid; empty while it is.
    pub status_reason: String,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// The rules it follows.
    pub profile: String,
    /// BCP 47 tag.
    pub language: String,
    /// Everything it says, as JSON.
    pub snapshot: String,
    /// The statement that this one cancels and replaces.
    pub replaces_id: Option<StatementId>,
    /// When what names the supporter was taken out of it and sealed, because she was erased.
    pub sealed_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
