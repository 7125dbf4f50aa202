//! A supporter: a person, by e-mail; one who gave by hand may have none.

use crate::ids::SupporterId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A supporter: a person, by e-mail.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "supporter")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SupporterId,
    /// The address in lower case; unique. Empty: she gave by hand and has none, or did not tell it.
    pub email: String,
    /// The last name given; may be empty.
    pub name: String,
    /// BCP 47 tag of the last language used.
    pub language: String,
    /// Whether she asked for news; false unless ticked.
    pub wants_updates: bool,
    /// When she asked.
    pub wants_updates_since: Option<DateTime<Utc>>,
    /// When she first gave.
    pub created_at: DateTime<Utc>,
    /// When anything here last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether every letter to her has a neutral sender and subject.
    pub discreet: bool,
}

impl ActiveModelBehavior for ActiveModel {}
