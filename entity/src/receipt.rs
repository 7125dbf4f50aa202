//! A receipt: numbered, never edited; voided or replaced when wrong.

use crate::{
    ids::{DonationId, ReceiptId, ReceiptSeriesId},
    money::Currency,
    words::ReceiptStatus,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A receipt: numbered, never edited; voided or replaced when wrong.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "receipt")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReceiptId,
    /// Its series.
    pub series_id: ReceiptSeriesId,
    /// Its number in the series.
    pub number: i64,
    /// What people read: `R-2026-000123`; unique.
    pub code: String,
    /// The donation; unique among receipts that are issued.
    pub donation_id: DonationId,
    /// Issued, void or replaced.
    pub status: ReceiptStatus,
    /// Why it is no longer valid; empty while it is.
    pub status_reason: String,
    /// The day the gift was paid, in the issuer's zone.
    pub gift_on: NaiveDate,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// The amount in minor units.
    pub amount_minor: i64,
    /// Its currency.
    pub currency: Currency,
    /// The rules it follows: `us`, `uk`, `plain`.
    pub profile: String,
    /// BCP 47 tag.
    pub language: String,
    /// Everything it says, as JSON: issuer, donor, gift, wording.
    pub snapshot: String,
    /// The receipt that this one cancels and replaces.
    pub replaces_id: Option<ReceiptId>,
    /// When what names the supporter was taken out of it and sealed, because she was erased.
    pub sealed_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
