//! One attempt to send a letter. Append-only.

use crate::{
    ids::LetterId,
    words::{LetterStage, LetterState},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One attempt to send a letter. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "letter_attempt")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The letter.
    pub letter_id: LetterId,
    /// When.
    pub at: DateTime<Utc>,
    /// How far it came.
    pub stage: LetterStage,
    /// What became of the letter.
    pub state: LetterState,
    /// The answer's code.
    pub smtp_code: Option<i64>,
    /// The answer, shortened to 200 characters.
    pub reply: String,
}

impl ActiveModelBehavior for ActiveModel {}
