//! What one run of the canary found of one link of the chain.

use crate::words::CanaryLink;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// What one run of the canary found of one link of the chain.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "canary_link")]
pub struct Model {
    /// The run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: String,
    /// The link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub link: CanaryLink,
    /// When it was tried.
    pub tried_at: DateTime<Utc>,
    /// When it was seen to hold.
    pub well_at: Option<DateTime<Utc>>,
    /// Why it does not; else empty.
    pub failure: String,
    /// What was made to try it, the checkout's or the letter's id; else empty.
    pub reference: String,
    /// Since when it had been silent when it was tried; none where it had not.
    pub silent_since: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
