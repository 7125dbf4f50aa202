//! Payouts: money on its way from Stripe to the bank.

use super::{
    PAGE_MAX, Page, Stripe, StripeFailure, checked_id,
    checkout::{money, time},
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    Money,
    words::{PayoutReconciliation, PayoutState},
};
use stripe_client_core::StripeRequest;
use stripe_core::payout::{ListPayout, RetrievePayout};
use stripe_shared::Payout;
use stripe_types::RangeQueryTs;

/// What Stripe says of a payout at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutFact {
    /// `po_…`
    pub id: String,
    /// What reaches the bank; negative when the bank is debited.
    pub amount: Money,
    /// Its place in its life.
    pub state: PayoutState,
    /// Whether Stripe made it by schedule; only such a one is itemised.
    pub automatic: bool,
    /// The day on which the bank books it, in UTC.
    pub arrives_on: NaiveDate,
    /// What the bank statement says; may be empty.
    pub statement_descriptor: String,
    /// The bank's trace id; may be empty.
    pub trace_id: String,
    /// The balance transaction by which it left.
    pub balance_transaction_id: Option<String>,
    /// The balance transaction by which it came back.
    pub failure_balance_transaction_id: Option<String>,
    /// Why it failed, in Stripe's word; empty while it has not.
    pub failure_code: String,
    /// The payout that this one reverses.
    pub original_payout_id: Option<String>,
    /// The payout that reverses this one.
    pub reversed_by_id: Option<String>,
    /// How far Stripe has come with saying what it is made of.
    pub reconciliation: PayoutReconciliation,
    /// Whether real money moves.
    pub livemode: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
}

impl Stripe {
    /// One page of the payouts made since `since`, newest first.
    pub async fn list_payouts(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<PayoutFact>, StripeFailure> {
        let mut request = ListPayout::new().created(RangeQueryTs::gte(since.timestamp())).limit(i64::from(PAGE_MAX));
        if let Some(cursor) = after {
            request = request.starting_after(checked_id(cursor, "po_")?);
        }
        let list = self.ask("payouts", || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        Page::of(list, |payout| payout.id.to_string(), PayoutFact::of)
    }

    /// The present state of a payout.
    pub async fn fetch_payout(&self, id: &str) -> Result<PayoutFact, StripeFailure> {
        let request = RetrievePayout::new(checked_id(id, "po_")?);
        PayoutFact::of(self.ask(id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?)
    }
}

impl PayoutFact {
    /// Reads a payout as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let payout = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a payout" })?;
        Self::of(payout)
    }

    fn of(payout: Payout) -> Result<Self, StripeFailure> {
        let unknown = || StripeFailure::BadAnswer { detail: "a payout's state is not known" };
        Ok(Self {
            id: payout.id.to_string(),
            amount: money(payout.amount, &payout.currency.to_string())?,
            state: payout.status.parse().map_err(|_| unknown())?,
            automatic: payout.automatic,
            arrives_on: time(payout.arrival_date)?.date_naive(),
            statement_descriptor: payout.statement_descriptor.unwrap_or_default(),
            trace_id: payout.trace_id.and_then(|trace| trace.value).unwrap_or_default(),
            balance_transaction_id: payout.balance_transaction.map(|entry| entry.id().to_string()),
            failure_balance_transaction_id: payout.failure_balance_transaction.map(|entry| entry.id().to_string()),
            failure_code: payout.failure_code.unwrap_or_default(),
            original_payout_id: payout.original_payout.map(|payout| payout.id().to_string()),
            reversed_by_id: payout.reversed_by.map(|payout| payout.id().to_string()),
            reconciliation: payout.reconciliation_status.as_str().parse().map_err(|_| unknown())?,
            livemode: payout.livemode,
            created: time(payout.created)?,
        })
    }
}
