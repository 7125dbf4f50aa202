//! Where Stripe and we did not agree, and what was done about it.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// Where Stripe and we did not agree, and what was done about it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "difference")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// What differed: `missing_payment`, `unknown_session`, …; unique with the object.
    pub kind: String,
    /// The object at Stripe, or ours.
    pub object_id: String,
    /// What was found, in a sentence without personal data.
    pub detail: String,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// What was done about it; empty while it waits for a person.
    pub done: String,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
