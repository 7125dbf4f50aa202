//! One practice payment that shows whether Stripe still reaches us. No money, no donation, no part of the books.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One practice payment that shows whether Stripe still reaches us. No money, no donation, no part of the books.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "canary_run")]
pub struct Model {
    /// Its own random id, which the payment carries.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// When Stripe's message about it came.
    pub heard_at: Option<DateTime<Utc>>,
    /// Why it could not even be begun; else empty.
    pub failure: String,
}

impl ActiveModelBehavior for ActiveModel {}
