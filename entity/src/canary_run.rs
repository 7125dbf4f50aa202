//! One practice gift that shows whether the whole chain still holds. No money, no donation, no part of the books.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One practice gift that shows whether the whole chain still holds. No money, no donation, no part of the books.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "canary_run")]
pub struct Model {
    /// Its own random id, which the payment carries.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// The links that were found not finished and were taken up again, joined by spaces; else empty.
    pub unfinished: String,
}

impl ActiveModelBehavior for ActiveModel {}
