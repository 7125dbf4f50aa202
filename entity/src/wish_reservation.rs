//! What one donation holds of a wish item: held while the checkout is open, then paid or released.

use crate::{
    ids::{DonationId, ReservationId, WishItemId},
    words::ReservationState,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// What one donation holds of a wish item: held while the checkout is open, then paid or released.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wish_reservation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReservationId,
    /// The item.
    pub wish_item_id: WishItemId,
    /// The donation; unique.
    pub donation_id: DonationId,
    /// How many.
    pub quantity: i64,
    /// Held, paid or released.
    pub state: ReservationState,
    /// When a held one frees itself.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
    /// How much it pays towards an item that many pay for together, in minor units; none where whole ones are paid.
    pub amount_minor: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
