//! That somebody was asked for money by an update: what keeps her from being asked too often.

use crate::ids::{SupporterId, UpdateId};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// That somebody was asked for money by an update.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "news_ask")]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub supporter_id: SupporterId,
    /// By which update.
    #[sea_orm(primary_key, auto_increment = false)]
    pub update_id: UpdateId,
    /// The key of the letter: one that never left asked nobody.
    pub letter_key: String,
    /// When the letter was written.
    pub asked_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
