//! A text that goes to many: its letters are paused, stopped and counted together.

use crate::ids::MailingId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A text that goes to many.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mailing")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MailingId,
    /// What staff call it.
    pub name: String,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// Since when none of its letters leaves.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it was ended before all had left.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Why it was paused or stopped; may be empty.
    pub reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
