//! What the stand-in remembers, in memory and within bounds. It forgets everything when it stops: it holds practice money only.

use super::{StandinOptions, disputes::Dispute, faults::Faults, idempotency::Replays, payouts::Payout, refunds::Refund};
use crate::clock::{Clock, Random};
use chrono::{DateTime, TimeDelta, Utc};
use entity::Money;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The most objects of one kind that are kept; the oldest goes first.
const OBJECTS_MAX: usize = 100_000;

/// The most events that wait for delivery.
const OUTGOING_MAX: usize = 10_000;

/// Objects of one kind in the order of their making.
pub(super) struct Shelf<T> {
    rows: BTreeMap<u64, T>,
    by_id: HashMap<String, u64>,
    next: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), by_id: HashMap::new(), next: 0 }
    }
}

impl<T: HasId> Shelf<T> {
    pub fn put(&mut self, row: T) {
        self.by_id.insert(row.id().to_owned(), self.next);
        self.rows.insert(self.next, row);
        self.next += 1;
        if self.rows.len() > OBJECTS_MAX
            && let Some((_, old)) = self.rows.pop_first()
        {
            self.by_id.remove(old.id());
        }
    }

    pub fn get(&self, id: &str) -> Option<&T> {
        self.by_id.get(id).and_then(|at| self.rows.get(at))
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.by_id.get(id).and_then(|at| self.rows.get_mut(at))
    }

    /// All of them, from the oldest.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.values_mut()
    }

    /// From the newest to the oldest, starting behind the row named.
    pub fn newest_first(&self, after: Option<&str>) -> impl Iterator<Item = &T> {
        let end = after.and_then(|id| self.by_id.get(id).copied()).unwrap_or(self.next);
        self.rows.range(..end).rev().map(|(_, row)| row)
    }
}

/// Something with an id and a time.
pub(super) trait HasId {
    fn id(&self) -> &str;
    fn created(&self) -> i64;
}

macro_rules! has_id {
    ($($kind:ty),+) => { $(impl HasId for $kind {
        fn id(&self) -> &str {
            &self.id
        }
        fn created(&self) -> i64 {
            self.created.timestamp()
        }
    })+ };
}

has_id!(Session, Intent, Charge, Entry, Event, Payout);

/// Where a session stands, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionStatus {
    Open,
    Complete,
    Expired,
}

/// A Checkout Session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub id: String,
    pub created: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub amount: Money,
    pub product_name: String,
    pub client_reference_id: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub intent_metadata: BTreeMap<String, String>,
    pub email: Option<String>,
    pub success_url: String,
    pub cancel_url: Option<String>,
    pub locale: Option<String>,
    pub submit_type: Option<String>,
    pub status: SessionStatus,
    pub paid: bool,
    pub intent_id: Option<String>,
    /// In subscription mode, what it begins.
    pub plan: Option<super::subscriptions::Plan>,
}

/// How a payer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// A card, by its last four digits.
    Card([u8; 4]),
    /// A bank debit, and how it will end.
    Debit { succeeds: bool },
}

/// A PaymentIntent.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub id: String,
    pub created: DateTime<Utc>,
    pub session_id: String,
    pub amount: Money,
    pub metadata: BTreeMap<String, String>,
    pub status: &'static str,
    pub means: Means,
    pub latest_charge: Option<String>,
    /// Stripe's code, the bank's code, and the words for the payer.
    pub last_error: Option<(&'static str, Option<&'static str>, &'static str)>,
}

/// A Charge.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub id: String,
    pub created: DateTime<Utc>,
    pub intent_id: String,
    pub amount: Money,
    pub metadata: BTreeMap<String, String>,
    pub status: &'static str,
    pub means: Means,
    pub refunded: i64,
    pub disputed: bool,
    pub entry_id: Option<String>,
    pub failure: Option<(&'static str, &'static str)>,
}

/// A BalanceTransaction.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub id: String,
    pub created: DateTime<Utc>,
    pub available_on: DateTime<Utc>,
    pub kind: &'static str,
    /// The reporting category.
    pub category: &'static str,
    /// Empty where Stripe names none.
    pub source: String,
    /// In the settlement currency.
    pub amount: Money,
    pub fee: i64,
    pub exchange_rate: Option<f64>,
    /// The automatic payout that it is part of.
    pub payout: Option<String>,
    /// Which balance it changes.
    pub balance: &'static str,
}

/// An Event with the object as it was then.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub id: String,
    pub created: DateTime<Utc>,
    pub kind: &'static str,
    pub object: Value,
}

/// What happens by itself when its time comes.
#[derive(Clone, Debug)]
pub(super) enum Due {
    Expire { session_id: String },
    SettleDebit { session_id: String },
    BookFee { charge_id: String },
    Billing(super::subscriptions::BillingDue),
    SettleRefund { refund_id: String, succeeds: bool },
}

/// Everything the stand-in remembers.
pub(super) struct Vault {
    pub sessions: Shelf<Session>,
    pub intents: Shelf<Intent>,
    pub charges: Shelf<Charge>,
    pub entries: Shelf<Entry>,
    pub refunds: Shelf<Refund>,
    pub payouts: Shelf<Payout>,
    pub disputes: Shelf<Dispute>,
    pub events: Shelf<Event>,
    pub billing: super::subscriptions::Billing,
    pub replays: Replays,
    pub faults: Faults,
    pub account: super::account::Account,
    /// Ids of events that wait for delivery.
    pub outgoing: VecDeque<String>,
    due: BTreeMap<(DateTime<Utc>, u64), Due>,
    due_count: u64,
    random: Random,
    clock: Clock,
    pub base_url: String,
    pub debit_delay: Option<TimeDelta>,
    pub fee_delay: TimeDelta,
    pub fees: super::fees::Fees,
}

impl Vault {
    pub fn new(options: &StandinOptions) -> Self {
        Self {
            sessions: Shelf::default(),
            intents: Shelf::default(),
            charges: Shelf::default(),
            entries: Shelf::default(),
            refunds: Shelf::default(),
            payouts: Shelf::default(),
            disputes: Shelf::default(),
            events: Shelf::default(),
            billing: super::subscriptions::Billing { retries: options.retries.clone(), ..Default::default() },
            replays: Replays::default(),
            faults: Faults::default(),
            account: super::account::Account::default(),
            outgoing: VecDeque::new(),
            due: BTreeMap::new(),
            due_count: 0,
            random: options.random.clone(),
            clock: options.clock.clone(),
            base_url: options.public_base_url.trim_end_matches('/').to_owned(),
            debit_delay: options.debit_delay,
            fee_delay: options.fee_delay,
            fees: options.fees.clone(),
        }
    }

    /// Goes on where `past` left off, by this one's own clock and under its own address. What was told then is not told again.
    pub fn take_over(&mut self, past: &mut Self) {
        std::mem::swap(self, past);
        std::mem::swap(&mut self.clock, &mut past.clock);
        std::mem::swap(&mut self.base_url, &mut past.base_url);
        self.outgoing.clear();
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id like Stripe's: a prefix, then `length` letters and digits, at most 64.
    pub fn new_id(&self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0a";
        let bytes: [u8; 64] = self.random.bytes();
        let letters = bytes.iter().take(length).map(|byte| char::from(LETTERS[usize::from(byte % 64)]));
        prefix.chars().chain(letters).collect()
    }

    pub fn schedule(&mut self, at: DateTime<Utc>, what: Due) {
        self.due_count += 1;
        self.due.insert((at, self.due_count), what);
    }

    /// The next thing whose time has come.
    pub fn take_due(&mut self) -> Option<Due> {
        let now = self.now();
        let first = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    /// Writes down an event and puts it up for delivery.
    pub fn tell(&mut self, kind: &'static str, object: Value) {
        let id = self.new_id("evt_1", 23);
        self.events.put(Event { id: id.clone(), created: self.now(), kind, object });
        self.send_out(id);
    }

    pub fn send_out(&mut self, event_id: String) {
        if self.outgoing.len() == OUTGOING_MAX {
            tracing::warn!("the stand-in drops its oldest webhook: too many wait");
            self.outgoing.pop_front();
        }
        self.outgoing.push_back(event_id);
    }
}
