//! Disputes: what Stripe says of a payment that its payer disputes with her bank. The evidence in the answer names people; nothing here
//! reads it, and evidence is sent in Stripe's own dashboard. Only what is used is read, so that a new kind of evidence or card at Stripe
//! does not keep us from hearing of the money.

use super::{
    Movement, PAGE_MAX, Page, Pages, Stripe, StripeFailure, checked_id,
    checkout::{money, time},
};
use chrono::{DateTime, Utc};
use entity::{Money, words::DisputeOutcome};
use miniserde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_core::dispute::ListDispute;
use stripe_types::{List, RangeQueryTs};

/// What Stripe says of a dispute at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeState {
    /// `dp_…` or `du_…`
    pub dispute_id: String,
    /// `pi_…`
    pub payment_intent_id: Option<String>,
    /// `ch_…` or `py_…`
    pub charge_id: String,
    /// How much is disputed, usually in the currency of the payment.
    pub amount: Money,
    /// The bank's reason, in Stripe's word: `fraudulent`, `product_not_received`.
    pub reason: String,
    /// Stripe's status word as it came.
    pub status: String,
    /// What that word means to us.
    pub outcome: DisputeOutcome,
    /// Whether it is over: won, lost, or an inquiry that came to nothing.
    pub closed: bool,
    /// Until when evidence can be sent.
    pub evidence_due_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub created: DateTime<Utc>,
    /// What left our balance because of it and what came back, none for an inquiry.
    pub movements: Vec<Movement>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    amount: i64,
    currency: String,
    charge: String,
    payment_intent: Option<String>,
    created: i64,
    reason: String,
    status: String,
    evidence_details: Details,
    balance_transactions: Vec<Entry>,
}

#[derive(Deserialize)]
struct Details {
    due_by: Option<i64>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    amount: i64,
    fee: i64,
    net: i64,
    currency: String,
    created: i64,
}

impl DisputeState {
    /// Reads a dispute as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let row = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a dispute" })?;
        Self::of(row)
    }

    fn of(row: Row) -> Result<Self, StripeFailure> {
        let (outcome, closed) = outcome_of(&row.status);
        let movement = |entry: Entry| Movement::new(entry.id, entry.amount, entry.fee, entry.net, &entry.currency, entry.created);
        Ok(Self {
            dispute_id: row.id,
            payment_intent_id: row.payment_intent,
            charge_id: row.charge,
            amount: money(row.amount, &row.currency)?,
            reason: row.reason,
            status: row.status,
            outcome,
            closed,
            evidence_due_at: row.evidence_details.due_by.map(time).transpose()?,
            created: time(row.created)?,
            movements: row.balance_transactions.into_iter().map(movement).collect::<Result<_, _>>()?,
        })
    }
}

/// docs.stripe.com/api/disputes/object. A word that is not known counts as open: it neither takes income nor gives it back.
pub fn outcome_of(status: &str) -> (DisputeOutcome, bool) {
    match status {
        "warning_needs_response" | "warning_under_review" => (DisputeOutcome::Inquiry, false),
        "warning_closed" => (DisputeOutcome::Inquiry, true),
        "won" | "prevented" => (DisputeOutcome::Won, true),
        "lost" => (DisputeOutcome::Lost, true),
        _ => (DisputeOutcome::Open, false),
    }
}

impl Stripe {
    /// Every dispute of a payment, newest first.
    pub async fn disputes_of(&self, payment_intent_id: &str) -> Result<Vec<DisputeState>, StripeFailure> {
        self.all_disputes(ListDispute::new().payment_intent(checked_id(payment_intent_id, "pi_")?), false).await
    }

    /// Every dispute on the account opened since `created_since`, newest first, those of other programs included.
    pub async fn disputes_since(&self, created_since: DateTime<Utc>) -> Result<Vec<DisputeState>, StripeFailure> {
        self.all_disputes(ListDispute::new().created(RangeQueryTs::gte(created_since.timestamp())), true).await
    }

    /// Over all pages. Among those of other programs may be some that we cannot read: they are left out where `is_of_everybody`.
    async fn all_disputes(&self, list: ListDispute, is_of_everybody: bool) -> Result<Vec<DisputeState>, StripeFailure> {
        let (mut all, mut pages) = (Vec::new(), Pages::new());
        while let Some(place) = pages.ahead()? {
            let mut request = list.clone().limit(i64::from(PAGE_MAX));
            if let Some(place) = place {
                request = request.starting_after(place);
            }
            let send = || request.build().customize::<List<Row>>().timeout(self.patience.attempt).send(&self.client);
            let answer = self.ask("disputes", send).await?;
            let page = pages.turn(Page::of(answer, |row| row.id.clone(), DisputeState::of)?);
            if !page.unread.is_empty() && !is_of_everybody {
                return Err(StripeFailure::BadAnswer { detail: "one of its disputes could not be read" });
            }
            all.extend(page.items);
        }
        Ok(all)
    }
}
