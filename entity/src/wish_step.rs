//! One thing that happened to a wish item. Append-only.

use crate::{
    ids::{DonationId, StaffId, WishItemId, WishOrderId},
    words::WishStepKind,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One thing that happened to a wish item.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wish_step")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The item.
    pub wish_item_id: WishItemId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: WishStepKind,
    /// How many of the item it is about; negative where it takes an earlier step back.
    pub quantity: i64,
    /// How much money, for an item that many pay for together; minor units.
    pub amount_minor: Option<i64>,
    /// The donation that caused it.
    pub donation_id: Option<DonationId>,
    /// The order that caused it.
    pub order_id: Option<WishOrderId>,
    /// The step that it takes back.
    pub undoes_id: Option<i64>,
    /// The member of staff who did it.
    pub staff_id: Option<StaffId>,
    /// Who did it: a member of staff by name, `supporter`, or `system`.
    pub actor: String,
    /// Why, in staff's own words; not for readers.
    pub note: String,
}

impl ActiveModelBehavior for ActiveModel {}
