//! One payment, from the form to the ledger.

use crate::{
    ids::{ArticleId, CampaignId, DonationId, FundId, RecurringId, SupporterId, WishItemId},
    money::Currency,
    words::{DonationSource, DonationStatus, Restriction},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One payment, from the form to the ledger.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "donation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DonationId,
    /// SHA-256 (hex) of the secret in its thank-you URL; unique.
    pub token_hash: String,
    /// The id inside the form token that made it: one form, one donation; unique.
    pub form_token: String,
    /// SHA-256 (hex) of what was asked for; the same form token with another request is refused.
    pub request_hash: String,
    /// Its place in its life.
    pub status: DonationStatus,
    /// Who gives.
    pub supporter_id: SupporterId,
    /// The name typed; may be empty.
    pub donor_name: String,
    /// Whether the name may be shown; false unless ticked.
    pub public_name: bool,
    /// The note typed; may be empty. Only staff see it.
    pub note: String,
    /// Whether news were asked for.
    pub wants_updates: bool,
    /// Whether discreet letters were asked for.
    pub discreet: bool,
    /// BCP 47 tag of the page it was made on: the receipt's language.
    pub language: String,
    /// What is charged, in minor units: gift and covered fee together.
    pub amount_minor: i64,
    /// The part of it added to cover the fee; zero unless ticked.
    pub fee_cover_minor: i64,
    /// The currency charged.
    pub currency: Currency,
    /// The campaign it is for.
    pub campaign_id: Option<CampaignId>,
    /// The wish item it is for.
    pub wish_item_id: Option<WishItemId>,
    /// How many of the item.
    pub wish_quantity: Option<i64>,
    /// The article it came from.
    pub article_id: Option<ArticleId>,
    /// The fund at the time of giving.
    pub fund_id: FundId,
    /// That fund's code at the time of giving.
    pub fund_code: String,
    /// That fund's restriction at the time of giving.
    pub restriction: Restriction,
    /// The general-ledger code of that fund's income when the gift was written down; may be empty.
    pub gl_income: String,
    /// The general-ledger code of that fund's fees then; may be empty.
    pub gl_fee: String,
    /// The key under which Stripe is asked, written before the first call; unique.
    pub idempotency_key: String,
    /// Stripe's checkout session; unique.
    pub checkout_session_id: Option<String>,
    /// Where the supporter pays, while the checkout is open.
    pub checkout_url: Option<String>,
    /// Stripe's payment intent; unique.
    pub payment_intent_id: Option<String>,
    /// Stripe's charge; unique.
    pub charge_id: Option<String>,
    /// Whether real money moves.
    pub livemode: bool,
    /// When the checkout runs out.
    pub expires_at: DateTime<Utc>,
    /// When the form was sent.
    pub created_at: DateTime<Utc>,
    /// When Stripe says it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When its state last changed.
    pub updated_at: DateTime<Utc>,
    /// How it came to us.
    pub source: DonationSource,
    /// How a gift entered by hand was given: `cash`, `cheque`, `transfer`; else empty.
    pub method: String,
    /// What the bank statement or cheque says, for a gift entered by hand; else empty.
    pub reference: String,
    /// Stripe's invoice, for a payment of a recurring donation; unique.
    pub invoice_id: Option<String>,
    /// The recurring donation that it is a payment of.
    pub recurring_donation_id: Option<RecurringId>,
}

impl ActiveModelBehavior for ActiveModel {}
