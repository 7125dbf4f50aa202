//! Refunds: what we ask for, and what Stripe says of them. Where the money goes back to stands in the answer; nothing here reads it.

use super::{
    Movement, PAGE_MAX, Page, Pages, Stripe, StripeFailure, checked_id,
    checkout::{money, time},
};
use chrono::{DateTime, Utc};
use entity::{Money, words::RefundState as State};
use std::collections::HashMap;
use stripe_client_core::{IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_core::refund::{CreateRefund, ListRefund, RetrieveRefund};
use stripe_shared::Refund;
use stripe_types::RangeQueryTs;

/// The metadata key that marks a refund as asked for here; its value is the opaque id of our own row.
pub const REFUND_KEY: &str = "wellwisher_refund";

/// A refund to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// Stored before the first try and sent with every try: 1 to 255 characters.
    pub idempotency_key: String,
    /// Our row's opaque id.
    pub refund_id: String,
    /// `pi_…`: what is given back.
    pub payment_intent_id: String,
    /// How much, in the currency of the payment.
    pub amount: Money,
}

/// What Stripe says of a refund at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundState {
    /// `re_…` or `pyr_…`
    pub refund_id: String,
    /// Our row's id, when it was asked for here.
    pub our_id: Option<String>,
    /// `pi_…`
    pub payment_intent_id: Option<String>,
    /// `ch_…` or `py_…`
    pub charge_id: Option<String>,
    /// How much, in the currency of the payment.
    pub amount: Money,
    /// Where it stands; never [`State::Asked`].
    pub state: State,
    /// Why it failed, in Stripe's word.
    pub failure: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// What left our balance, once booked.
    pub movement: Option<Movement>,
    /// What came back because it failed or was cancelled, once booked.
    pub failure_movement: Option<Movement>,
}

impl RefundState {
    /// Reads a refund as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let refund = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a refund" })?;
        Self::of(refund)
    }

    fn of(refund: Refund) -> Result<Self, StripeFailure> {
        let our_id = refund.metadata.as_ref().and_then(|metadata| metadata.get(REFUND_KEY)).filter(|id| !id.is_empty()).cloned();
        Ok(Self {
            refund_id: refund.id.to_string(),
            our_id,
            payment_intent_id: refund.payment_intent.map(|intent| intent.id().to_string()),
            charge_id: refund.charge.map(|charge| charge.id().to_string()),
            amount: money(refund.amount, &refund.currency.to_string())?,
            state: state_of(refund.status.as_deref())?,
            failure: refund.failure_reason,
            created: time(refund.created)?,
            movement: Movement::of_expanded(refund.balance_transaction)?,
            failure_movement: Movement::of_expanded(refund.failure_balance_transaction)?,
        })
    }
}

/// docs.stripe.com/api/refunds/object: some ways of paying have refunds without a status; they are on their way.
fn state_of(word: Option<&str>) -> Result<State, StripeFailure> {
    match word {
        None | Some("pending" | "requires_action") => Ok(State::Pending),
        Some("succeeded") => Ok(State::Succeeded),
        Some("failed") => Ok(State::Failed),
        Some("canceled") => Ok(State::Canceled),
        Some(_) => Err(StripeFailure::BadAnswer { detail: "a refund status that is not known" }),
    }
}

fn expanded(prefix: &str) -> Vec<String> {
    ["balance_transaction", "failure_balance_transaction"].map(|field| format!("{prefix}{field}")).to_vec()
}

impl Stripe {
    /// Gives money back. Ask again with the same `idempotency_key` and the same fields when the outcome is unknown: Stripe then answers
    /// with the first refund (it keeps a key for 24 hours at least).
    ///
    /// # Errors
    /// Refused with `charge_already_refunded`, `charge_disputed` or `amount_too_large` among others: nothing was given back.
    pub async fn create_refund(&self, new: &NewRefund) -> Result<RefundState, StripeFailure> {
        let key = IdempotencyKey::new(new.idempotency_key.clone())
            .map_err(|_| StripeFailure::refused("idempotency_key", "the key must have 1 to 255 characters"))?;
        // One pair only: a map has no order, and a request that is repeated must be the same to the letter.
        let ours = HashMap::from([(REFUND_KEY.to_owned(), new.refund_id.clone())]);
        let request = CreateRefund::new()
            .payment_intent(checked_id(&new.payment_intent_id, "pi_")?)
            .amount(new.amount.minor)
            .metadata(ours)
            .expand(expanded(""));
        let refund = self
            .ask(&new.idempotency_key, || {
                request
                    .customize()
                    .timeout(self.patience.attempt)
                    .request_strategy(RequestStrategy::Idempotent(key.clone()))
                    .send(&self.client)
            })
            .await?;
        RefundState::of(refund)
    }

    /// The present state of one refund.
    pub async fn fetch_refund(&self, refund_id: &str) -> Result<RefundState, StripeFailure> {
        let id = checked_id(refund_id, if refund_id.starts_with("pyr_") { "pyr_" } else { "re_" })?;
        let request = RetrieveRefund::new(id).expand(expanded(""));
        let refund = self.ask(refund_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        RefundState::of(refund)
    }

    /// Every refund of a payment, newest first, whoever made it.
    pub async fn refunds_of(&self, payment_intent_id: &str) -> Result<Vec<RefundState>, StripeFailure> {
        self.all_refunds(ListRefund::new().payment_intent(checked_id(payment_intent_id, "pi_")?), false).await
    }

    /// Every refund on the account made since `created_since`, newest first, those of other programs included.
    pub async fn refunds_since(&self, created_since: DateTime<Utc>) -> Result<Vec<RefundState>, StripeFailure> {
        self.all_refunds(ListRefund::new().created(RangeQueryTs::gte(created_since.timestamp())), true).await
    }

    /// Over all pages. Among those of other programs may be some that we cannot read: they are left out where `is_of_everybody`.
    async fn all_refunds(&self, list: ListRefund, is_of_everybody: bool) -> Result<Vec<RefundState>, StripeFailure> {
        let (mut all, mut pages) = (Vec::new(), Pages::new());
        while let Some(place) = pages.ahead()? {
            let mut request = list.clone().limit(i64::from(PAGE_MAX)).expand(expanded("data."));
            if let Some(place) = place {
                request = request.starting_after(place);
            }
            let answer = self.ask("refunds", || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
            let page = pages.turn(Page::of(answer, |refund| refund.id.to_string(), RefundState::of)?);
            if !page.unread.is_empty() && !is_of_everybody {
                return Err(StripeFailure::BadAnswer { detail: "one of its refunds could not be read" });
            }
            all.extend(page.items);
        }
        Ok(all)
    }
}
