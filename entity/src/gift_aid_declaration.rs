//! A Gift Aid declaration, as it was made: never edited; it can be cancelled.

use crate::{
    ids::{DonationId, GiftAidDeclarationId, StaffId, SupporterId},
    words::{GiftAidMade, GiftAidScope},
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A Gift Aid declaration, as it was made: never edited; it can be cancelled.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gift_aid_declaration")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GiftAidDeclarationId,
    /// The donation that it was made with; unique.
    pub donation_id: DonationId,
    /// Who made it.
    pub supporter_id: SupporterId,
    /// Her title; may be empty.
    pub title: String,
    /// Her first name or initial.
    pub first_name: String,
    /// Her last name.
    pub last_name: String,
    /// The number or name of her house, and the street.
    pub house: String,
    /// Her postcode, in capitals with a space.
    pub postcode: String,
    /// Which gifts it covers.
    pub scope: GiftAidScope,
    /// Which wording she read: `uk-gift-aid-1`.
    pub wording_version: String,
    /// That wording in full.
    pub wording: String,
    /// When she made it.
    pub declared_at: DateTime<Utc>,
    /// From when on it covers no gift, once it is cancelled.
    pub void_from: Option<DateTime<Utc>>,
    /// When that was noted.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why; empty while it is not cancelled.
    pub cancel_reason: String,
    /// How she made it.
    pub made: GiftAidMade,
    /// Who of staff wrote it down; none where she did herself.
    pub recorded_by: Option<StaffId>,
    /// When the written record of an oral one was sent to her.
    pub record_sent_on: Option<NaiveDate>,
    /// When what names the supporter was taken out of it and sealed, because she was erased.
    pub sealed_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
