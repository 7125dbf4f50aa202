//! Movements of our balance at Stripe: the truth about fees and payouts (docs.stripe.com/reports/reporting-categories).
//!
//! They are read with their sources expanded, because only the source says whose money it is. Of the source nothing is kept but ids and
//! our own metadata: it may hold names. It is read leniently, as a tree, so that a kind of source that is new at Stripe stops nothing.

use super::{
    DONATION_KEY, PAGE_MAX, Page, Stripe, StripeFailure, checked_id,
    checkout::{money, time},
};
use chrono::{DateTime, Utc};
use entity::Money;
use miniserde::{
    Deserialize,
    json::{Object, Value},
};
use stripe_client_core::StripeRequest;
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_types::{List, RangeBoundsTs, RangeQueryTs};

/// The balance that payments come into and payouts leave from.
pub const PAYMENTS: &str = "payments";

/// The balances of which Stripe says what it holds in them (docs.stripe.com/api/balance), the one of payments first. The others are kept
/// apart from it: for cards that are issued, for refunds and disputes to come.
pub const TOLD: [&str; 3] = [PAYMENTS, "issuing", "refund_and_dispute_prefunding"];

/// What Stripe holds back because of a risk: money that is neither paid out nor used.
pub const RESERVED: &str = "risk_reserved";

/// Whether this version knows one of Stripe's balances.
pub fn is_known_balance(name: &str) -> bool {
    name == RESERVED || TOLD.contains(&name)
}

/// One movement of the balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceEntry {
    /// `txn_…`
    pub id: String,
    /// Stripe's reporting category: what it is for the books. Its type alone hides disputes and failed refunds.
    pub category: String,
    /// Stripe's type.
    pub kind: String,
    /// Before the fee; negative for what leaves. In the currency of settlement, as the next two.
    pub gross: Money,
    /// What Stripe kept.
    pub fee: Money,
    /// Gross less fee: by how much the balance changed.
    pub net: Money,
    /// When Stripe booked it.
    pub created: DateTime<Utc>,
    /// When it can be paid out.
    pub available_on: DateTime<Utc>,
    /// What moved the money.
    pub source: BalanceSource,
    /// Which of Stripe's balances it changed, as Stripe says it.
    pub balance: String,
}

/// What moved the money: ids only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceSource {
    /// `ch_…`, `py_…`, `re_…`, `dp_…`, `po_…`; empty where Stripe names none.
    pub id: String,
    /// The donation in its metadata.
    pub donation_id: Option<String>,
    /// The charge that it is, or that it takes back.
    pub charge_id: Option<String>,
    /// The payment that it belongs to.
    pub payment_intent_id: Option<String>,
}

/// Which movements are asked for.
#[derive(Clone, Copy, Debug)]
pub enum BalanceQuery<'a> {
    /// Those booked since then.
    Since(DateTime<Utc>),
    /// Those booked before then.
    Before(DateTime<Utc>),
    /// Those that an automatic payout is made of, its own included. Complete once Stripe says that its reconciliation is.
    OfPayout(&'a str),
    /// Those that one object caused: of a payout, its leaving and its coming back.
    OfSource(&'a str),
}

#[derive(Deserialize)]
struct Row {
    id: String,
    amount: i64,
    fee: i64,
    net: i64,
    currency: String,
    created: i64,
    available_on: i64,
    reporting_category: String,
    #[serde(rename = "type")]
    kind: String,
    source: Value,
    /// Versions of the API before 2024 do not tell it.
    balance_type: Option<String>,
}

impl Stripe {
    /// One page of the balance's movements, newest first, those of other programs on the account included.
    pub async fn list_balance(&self, query: BalanceQuery<'_>, after: Option<&str>) -> Result<Page<BalanceEntry>, StripeFailure> {
        let mut request = ListBalanceTransaction::new().limit(i64::from(PAGE_MAX)).expand(vec!["data.source".to_owned()]);
        request = match query {
            BalanceQuery::Since(since) => request.created(RangeQueryTs::gte(since.timestamp())),
            BalanceQuery::Before(end) => {
                request.created(RangeQueryTs::Bounds(RangeBoundsTs { lt: Some(end.timestamp()), ..Default::default() }))
            }
            BalanceQuery::OfPayout(id) => request.payout(checked_id(id, "po_")?),
            BalanceQuery::OfSource(id) => request.source(checked_id(id, "")?),
        };
        if let Some(after) = after {
            request = request.starting_after(checked_id(after, "txn_")?);
        }
        let send = || request.build().customize::<List<Row>>().timeout(self.patience.attempt).send(&self.client);
        let list = self.ask("balance", send).await?;
        Page::of(list, |row| row.id.clone(), BalanceEntry::of)
    }
}

impl BalanceEntry {
    /// Reads a balance transaction as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let row = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a balance transaction" })?;
        Self::of(row)
    }

    fn of(row: Row) -> Result<Self, StripeFailure> {
        if row.amount.checked_sub(row.fee) != Some(row.net) {
            return Err(StripeFailure::BadAnswer { detail: "a balance transaction's net is not its amount less its fee" });
        }
        let gross = money(row.amount, &row.currency)?;
        Ok(Self {
            id: row.id,
            category: row.reporting_category,
            kind: row.kind,
            gross,
            fee: Money::new(row.fee, gross.currency),
            net: Money::new(row.net, gross.currency),
            created: time(row.created)?,
            available_on: time(row.available_on)?,
            source: BalanceSource::of(&row.source),
            balance: row.balance_type.unwrap_or_else(|| PAYMENTS.to_owned()),
        })
    }
}

impl BalanceSource {
    fn of(source: &Value) -> Self {
        let object = match source {
            Value::String(id) => return Self { charge_id: charge(id), id: id.clone(), ..Self::default() },
            Value::Object(object) => object,
            _ => return Self::default(),
        };
        let id = id_in(object, "id").unwrap_or_default();
        let donation_id = match object.get("metadata") {
            Some(Value::Object(metadata)) => id_in(metadata, DONATION_KEY).filter(|id| !id.is_empty()),
            _ => None,
        };
        Self {
            charge_id: charge(&id).or_else(|| id_in(object, "charge")),
            donation_id,
            payment_intent_id: id_in(object, "payment_intent"),
            id,
        }
    }
}

fn charge(id: &str) -> Option<String> {
    (id.starts_with("ch_") || id.starts_with("py_")).then(|| id.to_owned())
}

/// An id in a field, whether it was expanded or not.
fn id_in(object: &Object, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(id) => Some(id.clone()),
        Value::Object(inner) => id_in(inner, "id"),
        _ => None,
    }
}
