//! A promise that cannot be kept: an item that was funded and cannot be bought.

use crate::{
    ids::{PromiseId, StaffId, WishItemId},
    words::CancelReason,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A promise that cannot be kept.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "promise")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PromiseId,
    /// The item.
    pub wish_item_id: WishItemId,
    /// Why; givers are told it in words that endanger nobody.
    pub reason: CancelReason,
    /// What staff wrote down; not for givers.
    pub note: String,
    /// Until when givers may choose; then the default holds.
    pub decide_by: DateTime<Utc>,
    /// Who declared it.
    pub declared_by: Option<StaffId>,
    /// Her name at the time.
    pub declared_by_name: String,
    /// When it was declared.
    pub created_at: DateTime<Utc>,
    /// The number of the item's last step by then: what is paid by a later step came after it was declared.
    pub after_step: i64,
}

impl ActiveModelBehavior for ActiveModel {}
