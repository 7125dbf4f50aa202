//! A checkout that was open when its article stopped asking, and what became of it.

use crate::{
    ids::{ArticleId, DonationId},
    words::{EndingOutcome, EndingReason},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A checkout that was open when its article stopped asking, and what became of it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "checkout_ending")]
pub struct Model {
    /// The donation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub donation_id: DonationId,
    /// The article.
    pub article_id: ArticleId,
    /// Why the article asks no more.
    pub reason: EndingReason,
    /// When it stopped asking.
    pub asked_at: DateTime<Utc>,
    /// What became of the checkout.
    pub outcome: EndingOutcome,
    /// When that was known.
    pub done_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
