//! A domain whose mail server has asked for a pause.

use crate::words::LetterStream;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A domain whose mail server has asked for a pause, for one stream.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_domain")]
pub struct Model {
    /// The stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: LetterStream,
    /// The domain, in lower case.
    #[sea_orm(primary_key, auto_increment = false)]
    pub domain: String,
    /// How often it said that we are too many or too fast, shortly after one another.
    pub strikes: i64,
    /// When it last said so.
    pub struck_at: DateTime<Utc>,
    /// Until when no letter goes there.
    pub wait_until: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
