//! A letter that an erased supporter is still to get: its text and address go when it has gone.

use crate::ids::LetterId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A letter that an erased supporter is still to get.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "letter_to_forget")]
pub struct Model {
    /// The letter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub letter_id: LetterId,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
