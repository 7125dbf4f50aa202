//! Whether a stream of letters is held back.

use crate::words::LetterStream;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// Whether a stream of letters is held back. A stream without a row is not.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_stream")]
pub struct Model {
    /// The stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: LetterStream,
    /// Since when; none: its letters leave.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why; may be empty.
    pub reason: String,
}

impl ActiveModelBehavior for ActiveModel {}
