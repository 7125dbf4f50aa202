//! Past charges of the account, for importing its history. This is the one place that reads who paid: the address and name that the payer
//! gave with the payment, because a past gift is somebody's.

use super::{
    CANARY_KEY, DONATION_KEY, FeeFact, PAGE_MAX, Page, Stripe, StripeFailure, checked_id,
    checkout::{money, time},
};
use chrono::{DateTime, Utc};
use entity::Money;
use std::collections::BTreeMap;
use stripe_client_core::StripeRequest;
use stripe_core::charge::ListCharge;
use stripe_shared::Charge;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

/// A charge as Stripe has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCharge {
    /// `ch_…` or `py_…`
    pub charge_id: String,
    /// `pi_…`; old charges have none.
    pub payment_intent_id: Option<String>,
    /// `cus_…`, when the payer is a customer of the account.
    pub customer_id: Option<String>,
    /// The donation that it was made for; `None`: not made by us.
    pub donation_id: Option<String>,
    /// Whether the canary made it for practice.
    pub is_practice: bool,
    /// What was taken, in the currency paid in.
    pub amount: Money,
    /// Whether the money was taken.
    pub is_paid: bool,
    /// Whether some of it was given back, or its payer's bank disputes it.
    pub came_back: bool,
    /// Whether real money moved.
    pub livemode: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// The payer's address, as given with the payment.
    pub email: Option<String>,
    /// The payer's name, as given with the payment.
    pub name: Option<String>,
    /// What the program that made it wrote down with it.
    pub metadata: BTreeMap<String, String>,
    /// What it was said to be for; may be empty.
    pub description: String,
    /// What it cost, once Stripe has booked it.
    pub fee: Option<FeeFact>,
}

impl PastCharge {
    /// Reads a charge as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let charge = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a charge" })?;
        Self::of(charge)
    }

    fn of(charge: Charge) -> Result<Self, StripeFailure> {
        let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let fee = match charge.balance_transaction.and_then(|entry| entry.into_object()) {
            Some(entry) => Some(FeeFact::of(entry)?),
            None => None,
        };
        Ok(Self {
            charge_id: charge.id.to_string(),
            payment_intent_id: charge.payment_intent.map(|intent| intent.id().to_string()),
            customer_id: charge.customer.map(|customer| customer.id().to_string()),
            donation_id: charge.metadata.get(DONATION_KEY).filter(|id| !id.is_empty()).cloned(),
            is_practice: charge.metadata.contains_key(CANARY_KEY),
            amount: money(charge.amount_captured, &charge.currency.to_string())?,
            is_paid: charge.paid && charge.captured && charge.status.as_str() == "succeeded",
            came_back: charge.amount_refunded > 0 || charge.disputed,
            livemode: charge.livemode,
            created: time(charge.created)?,
            email: filled(charge.billing_details.email).or(filled(charge.receipt_email)),
            name: filled(charge.billing_details.name),
            metadata: charge.metadata.into_iter().collect(),
            description: charge.description.unwrap_or_default(),
            fee,
        })
    }
}

impl Stripe {
    /// One page of the account's charges made from `since` until before `until`, newest first, those of every program.
    pub async fn list_charges(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        after: Option<&str>,
    ) -> Result<Page<PastCharge>, StripeFailure> {
        let made = RangeBoundsTs { gte: Some(since.timestamp()), lt: Some(until.timestamp()), ..Default::default() };
        let mut request = ListCharge::new()
            .created(RangeQueryTs::Bounds(made))
            .limit(i64::from(PAGE_MAX))
            .expand(vec!["data.balance_transaction".to_owned()]);
        if let Some(after) = after {
            request = request.starting_after(checked_id(after, "")?);
        }
        let list = self.ask("charges", || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        Page::of(list, |charge| charge.id.to_string(), PastCharge::of)
    }
}
