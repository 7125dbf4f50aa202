//! A proof that a wish item was delivered, released by a second member of staff before readers see it.

use crate::{
    ids::{PictureId, StaffId, WishItemId, WishProofId},
    words::ProofState,
};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A proof that a wish item was delivered.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wish_proof")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WishProofId,
    /// The item.
    pub wish_item_id: WishItemId,
    /// How many were delivered.
    pub quantity: i64,
    /// Where it stands.
    pub state: ProofState,
    /// Whether readers are told only that it was confirmed.
    pub withheld: bool,
    /// The photo.
    pub picture_id: Option<PictureId>,
    /// What the photo shows, for who cannot see it.
    pub picture_text: String,
    /// What readers are told, in plain words.
    pub words: String,
    /// Where, in coarse words: a country or region; may be empty.
    pub place: String,
    /// When, as the first day of the month; nothing finer is kept.
    pub month: Option<NaiveDate>,
    /// Who made it.
    pub made_by: Option<StaffId>,
    /// Her name at the time.
    pub made_by_name: String,
    /// Who released or refused it.
    pub decided_by: Option<StaffId>,
    /// Her name at the time; empty before.
    pub decided_by_name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was released or refused.
    pub decided_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
