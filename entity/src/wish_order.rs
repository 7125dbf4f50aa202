//! What a supporter says that she ordered at a shop elsewhere.

use crate::{
    ids::{SupporterId, WishItemId, WishOrderId},
    words::OrderState,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// What a supporter says that she ordered at a shop elsewhere.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "wish_order")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WishOrderId,
    /// The item.
    pub wish_item_id: WishItemId,
    /// The rendering of the form that it was said with: sent twice, it is one order; unique.
    pub form_token: String,
    /// How many.
    pub quantity: i64,
    /// Where it stands.
    pub state: OrderState,
    /// An address that an earlier version of this program noted here; empty otherwise.
    pub email: String,
    /// The language of the page that she said it on.
    pub language: String,
    /// When a held one frees itself.
    pub expires_at: DateTime<Utc>,
    /// When she said it.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
    /// Who wants to hear of it, while it is held or her answer is due; of a confirmed one, who said herself that she wants to.
    pub supporter_id: Option<SupporterId>,
    /// Whether it is over and she has not answered yet whether she wants to hear of it: once she says yes, she is told.
    pub answer_due: bool,
}

impl ActiveModelBehavior for ActiveModel {}
