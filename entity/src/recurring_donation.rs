//! A gift that comes every month or year: a Stripe subscription.

use crate::{
    ids::{ArticleId, CampaignId, FundId, RecurringId, SupporterId},
    money::Currency,
    words::{GiftInterval, RecurringStatus, Restriction},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A gift that comes every month or year: a Stripe subscription. Its payments are donations.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recurring_donation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RecurringId,
    /// Who gives.
    pub supporter_id: SupporterId,
    /// Its place in its life.
    pub status: RecurringStatus,
    /// How often it comes.
    pub every: GiftInterval,
    /// What is charged each time, in minor units: gift and covered fee together.
    pub amount_minor: i64,
    /// The part of it added to cover the fee; zero unless ticked.
    pub fee_cover_minor: i64,
    /// The currency charged.
    pub currency: Currency,
    /// The name typed; may be empty.
    pub donor_name: String,
    /// Whether the name may be shown.
    pub public_name: bool,
    /// BCP 47 tag: the language of its receipts and letters.
    pub language: String,
    /// The campaign it is for.
    pub campaign_id: Option<CampaignId>,
    /// The article it came from.
    pub article_id: Option<ArticleId>,
    /// The fund when it was begun.
    pub fund_id: FundId,
    /// That fund's code then.
    pub fund_code: String,
    /// That fund's restriction then.
    pub restriction: Restriction,
    /// Stripe's subscription; unique.
    pub subscription_id: Option<String>,
    /// Stripe's customer; unique, because each checkout makes its own.
    pub customer_id: Option<String>,
    /// The subscription's only item, which carries the price.
    pub item_id: Option<String>,
    /// The product of that price: a changed amount is a new price of the same product.
    pub product_id: Option<String>,
    /// Whether real money moves.
    pub livemode: bool,
    /// When Stripe began it.
    pub started_at: Option<DateTime<Utc>>,
    /// When Stripe ended it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended: `supporter`, `staff`, `payment_failed`, `payment_disputed`, `not_completed`, `at_stripe`; else empty.
    pub end_reason: String,
    /// What the supporter or staff said of it; may be empty. Only staff see it.
    pub end_note: String,
    /// Who asked us to end it, `supporter` or `staff`, while Stripe has not done so; else empty.
    pub asked_end: String,
    /// Since when payments fail; nothing while all is well.
    pub failing_since: Option<DateTime<Utc>>,
    /// Until when it is paused, where an end was set.
    pub paused_until: Option<DateTime<Utc>>,
    /// When the next payment is due.
    pub next_at: Option<DateTime<Utc>>,
    /// The year in which the card expires.
    pub card_exp_year: Option<i64>,
    /// The month (1 to 12) after which the card has expired.
    pub card_exp_month: Option<i64>,
    /// When we last asked Stripe how it stands.
    pub heard_at: Option<DateTime<Utc>>,
    /// When the form was sent.
    pub created_at: DateTime<Utc>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
