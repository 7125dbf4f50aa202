//! The stand-in for Stripe: answers over HTTP on this machine the part of Stripe's API that we use, with a card page, signed webhooks, and the
//! faults that Stripe and the network can show.
//!
//! The program speaks to it through async-stripe exactly as it speaks to Stripe, so there is no other payment code. It keeps practice
//! payments in memory and forgets them when it stops; asked for one that it no longer knows, it answers `resource_missing` as Stripe would.
//!
//! ```no_run
//! # async fn example(options: wellwisher::payments::standin::StandinOptions) -> std::io::Result<()> {
//! use wellwisher::payments::standin::{ApiFault, Standin};
//! let running = Standin::new(options).spawn("127.0.0.1:0").await?;
//! running.standin.set_webhook_url(Some("http://127.0.0.1:8080/webhooks/stripe"));
//! running.standin.fault(ApiFault::DropAnswer, 1);
//! println!("STRIPE_API_BASE={}", running.base_url);
//! # Ok(()) }
//! ```

mod account;
mod api;
mod balance;
mod card_page;
mod charges;
mod controls;
mod customers;
mod disputes;
mod errors;
mod expand;
mod faults;
mod fees;
mod flow;
mod http;
mod idempotency;
mod intents;
mod invoice_payments;
mod invoices;
mod params;
mod payouts;
mod portal;
mod record;
mod refunds;
mod returns;
mod sessions;
mod shapes;
mod state;
mod subscriptions;
mod webhooks;

pub use balance::BalanceRow;
pub use disputes::Decision;
pub use faults::{ApiFault, ApiFaultOrder, FaultOn, FaultOrders, WebhookFault, WebhookFaultOrder};
pub use fees::Fees;
pub use flow::PayOutcome;
pub use returns::ReturnView;
pub use subscriptions::{LastTry, Retries};

use super::signature::WebhookSecret;
use crate::clock::{Clock, Random};
use axum::{
    Router,
    routing::{any, get},
};
use chrono::TimeDelta;
use serde::Serialize;
use state::{SessionStatus, Vault};
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often the stand-in looks for sessions that have run out and debits that are due.
const BEAT: Duration = Duration::from_millis(100);

/// How a stand-in is set up.
#[derive(Clone)]
pub struct StandinOptions {
    /// Tells the time.
    pub clock: Clock,
    /// Makes ids.
    pub random: Random,
    /// Signs the webhooks.
    pub webhook_secret: WebhookSecret,
    /// Where events go: http on this machine. `None`: nowhere, until [`Standin::set_webhook_url`].
    pub webhook_url: Option<String>,
    /// Where the payer's browser finds the card page; empty for the address that is listened on.
    pub public_base_url: String,
    /// How long a bank debit takes; `None`: until it is settled by hand.
    pub debit_delay: Option<TimeDelta>,
    /// How long after the payment the fee is booked, as Stripe may; zero: at once.
    pub fee_delay: TimeDelta,
    /// What it keeps of each payment.
    pub fees: Fees,
    /// How failed renewals are tried again.
    pub retries: Retries,
    /// Whether `/_standin/…` answers: faults and short cuts for tests and demonstrations.
    pub controls: bool,
    /// Where exchanges are recorded, one JSON object a line.
    pub record: Option<PathBuf>,
}

impl StandinOptions {
    /// The usual set-up: debits settle after ten seconds, fees are booked at once, no controls, no record.
    pub fn new(clock: Clock, random: Random, webhook_secret: WebhookSecret) -> Self {
        Self {
            clock,
            random,
            webhook_secret,
            webhook_url: None,
            public_base_url: String::new(),
            debit_delay: Some(TimeDelta::seconds(10)),
            fee_delay: TimeDelta::zero(),
            fees: Fees::default(),
            retries: Retries::default(),
            controls: false,
            record: None,
        }
    }
}

/// The stand-in. Clones share one memory.
#[derive(Clone)]
pub struct Standin {
    inner: Arc<Inner>,
}

struct Inner {
    vault: Mutex<Vault>,
    webhook_url: Mutex<Option<String>>,
    webhook_secret: WebhookSecret,
    clock: Clock,
    record: record::Record,
    controls: bool,
    wake: Notify,
    under_way: AtomicUsize,
}

/// A stand-in that listens; it stops when this is dropped.
pub struct RunningStandin {
    /// The stand-in itself, to order faults and look inside.
    pub standin: Standin,
    /// What `STRIPE_API_BASE` must be, ending in `/`.
    pub base_url: String,
    _stop: DropGuard,
}

/// What can be seen of a session from outside.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    /// `cs_…`
    pub id: String,
    /// What the caller calls it.
    pub client_reference_id: Option<String>,
    /// Whether it can be paid.
    pub open: bool,
    /// Whether the money has come.
    pub paid: bool,
    /// The amount in minor units.
    pub amount: i64,
    /// The currency's code in capitals.
    pub currency: String,
}

/// What can be seen of an event from outside.
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    /// `evt_…`
    pub id: String,
    /// `checkout.session.completed` and the like.
    pub kind: String,
    /// The whole event as it is delivered.
    pub body: String,
}

impl Standin {
    /// A stand-in that remembers nothing yet.
    pub fn new(options: StandinOptions) -> Self {
        let standin = Self {
            inner: Arc::new(Inner {
                vault: Mutex::new(Vault::new(&options)),
                webhook_url: Mutex::new(None),
                webhook_secret: options.webhook_secret,
                clock: options.clock,
                record: record::Record(options.record),
                controls: options.controls,
                wake: Notify::new(),
                under_way: AtomicUsize::new(0),
            }),
        };
        standin.set_webhook_url(options.webhook_url.as_deref());
        standin
    }

    /// The routes. [`Standin::spawn`] serves them and delivers the webhooks.
    pub fn router(&self) -> Router {
        let mut router = Router::new()
            .route("/v1/{*path}", any(http::handle))
            .route("/pay/{session}", get(card_page::show).post(card_page::pay))
            .route("/portal/{session}", get(portal::show).post(portal::save))
            .route("/standin.css", get(card_page::stylesheet));
        if self.inner.controls {
            router = router.route("/_standin/{*path}", any(controls::handle));
        }
        router.with_state(self.clone())
    }

    /// Listens on `address`, which must be of this machine, and delivers webhooks until the result is dropped.
    pub async fn spawn(self, address: &str) -> io::Result<RunningStandin> {
        let listener = TcpListener::bind(address).await?;
        self.serve(listener)
    }

    /// The same on a listener that is already open.
    pub fn serve(self, listener: TcpListener) -> io::Result<RunningStandin> {
        let local = listener.local_addr()?;
        if !local.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the stand-in for Stripe listens on this machine only (127.0.0.1 or ::1)",
            ));
        }
        let base_url = format!("http://{local}/");
        {
            let mut vault = self.lock();
            if vault.base_url.is_empty() {
                vault.base_url = base_url.trim_end_matches('/').to_owned();
            }
        }
        let stop = CancellationToken::new();
        let router = self.router();
        let quiet = stop.clone();
        let background = self.clone();
        tokio::spawn(async move {
            let served = axum::serve(listener, router);
            tokio::select! {
                () = quiet.cancelled() => {}
                result = served => if let Err(error) = result { tracing::error!(%error, "the stand-in for Stripe stopped") },
                () = webhooks::deliver_all(background.clone()) => {}
                () = beat(background) => {}
            }
        });
        Ok(RunningStandin { standin: self, base_url, _stop: stop.drop_guard() })
    }

    /// Sends events to another address from now on. Only http on this machine is taken: practice money is nobody else's business.
    pub fn set_webhook_url(&self, url: Option<&str>) {
        let loopback = |text: &&str| super::checked_base(text).is_ok_and(|base| base.starts_with("http://"));
        let taken = url.filter(loopback).map(str::to_owned);
        if url.is_some() && taken.is_none() {
            tracing::error!("the stand-in delivers webhooks to this machine only, over http: they stay undelivered");
        }
        *self.inner.webhook_url.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        self.inner.wake.notify_one();
    }

    /// Orders a fault for the next `calls` of the API.
    pub fn fault(&self, fault: ApiFault, calls: u32) {
        self.order_faults(&FaultOrders { api: vec![ApiFaultOrder { fault, calls, on: FaultOn::Any }], webhooks: Vec::new() });
    }

    /// Orders a fault for the delivery of the next `events`.
    pub fn webhook_fault(&self, fault: WebhookFault, events: u32) {
        self.order_faults(&FaultOrders { api: Vec::new(), webhooks: vec![WebhookFaultOrder { fault, events }] });
    }

    /// Adds faults to those that wait.
    pub fn order_faults(&self, orders: &FaultOrders) {
        self.lock().faults.add(orders);
    }

    /// Forgets the faults that wait.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// How many faults wait: of the API, of delivery.
    pub fn faults_waiting(&self) -> (usize, usize) {
        self.lock().faults.waiting()
    }

    /// Takes a right from the key, as a restricted key lacks it: calls whose path behind `/v1/` begins with `path` are refused, in Stripe's words
    /// for `right`.
    pub fn take_right(&self, path: &str, right: &str) {
        self.lock().account.lacking.push((path.to_owned(), right.to_owned()));
    }

    /// Gives the key every right.
    pub fn give_rights(&self) {
        self.lock().account.lacking.clear();
    }

    /// Shows an endpoint with these events, as if it had been set up in the dashboard. Where events truly go is another thing:
    /// [`Standin::set_webhook_url`].
    pub fn show_endpoint(&self, url: &str, events: &[&str]) {
        self.lock().account.endpoint = Some((url.to_owned(), events.iter().map(|&event| event.to_owned()).collect()));
    }

    /// All sessions, newest first.
    pub fn sessions(&self) -> Vec<SessionView> {
        let vault = self.lock();
        let view = |session: &state::Session| SessionView {
            id: session.id.clone(),
            client_reference_id: session.client_reference_id.clone(),
            open: session.status == SessionStatus::Open,
            paid: session.paid,
            amount: session.amount.minor,
            currency: session.amount.currency.code().to_owned(),
        };
        vault.sessions.newest_first(None).map(view).collect()
    }

    /// All events, newest first.
    pub fn events(&self) -> Vec<EventView> {
        let vault = self.lock();
        let view =
            |event: &state::Event| EventView { id: event.id.clone(), kind: event.kind.to_owned(), body: shapes::event(event).to_string() };
        vault.events.newest_first(None).map(view).collect()
    }

    /// Goes on where another left off, by this one's own clock: the sample newsroom's past is made by one that lives in it.
    pub fn take_over(&self, past: &Self) {
        self.lock().take_over(&mut past.lock());
        self.inner.wake.notify_one();
    }

    /// Pays a session with a practice card number, as on the card page.
    pub fn pay(&self, session_id: &str, number: &str) -> PayOutcome {
        self.change(|vault| vault.pay_by_card(session_id, number))
    }

    /// Pays a session with a card that expires in this month and year.
    pub fn pay_with(&self, session_id: &str, number: &str, expires: (u32, i32)) -> PayOutcome {
        self.change(|vault| vault.pay_by_card_expiring(session_id, number, expires))
    }

    /// The ids of all subscriptions, newest first.
    pub fn subscriptions(&self) -> Vec<String> {
        self.lock().billing.subscriptions.newest_first(None).map(|subscription| subscription.id.clone()).collect()
    }

    /// Begins a subscription's next period now, whatever the clock says. False when it is over.
    pub fn renew(&self, subscription_id: &str) -> bool {
        self.change(|vault| vault.renew(subscription_id))
    }

    /// Tries a subscription's last invoice again now. True when it is paid by it.
    pub fn retry(&self, subscription_id: &str) -> bool {
        self.change(|vault| {
            let invoice = vault.billing.subscriptions.get(subscription_id).map(|subscription| subscription.latest_invoice.clone());
            invoice.is_some_and(|invoice| vault.try_invoice(&invoice))
        })
    }

    /// Ends a subscription as its bank's dispute or the account's owner would. False when it is over already.
    pub fn end_subscription(&self, subscription_id: &str, disputed: bool) -> bool {
        self.change(|vault| vault.end_subscription(subscription_id, if disputed { "payment_disputed" } else { "cancellation_requested" }))
    }

    /// Marks the last invoice of a subscription as paid by another way, as somebody at Stripe's dashboard would. False when it is not open.
    pub fn mark_paid(&self, subscription_id: &str) -> bool {
        self.change(|vault| vault.mark_paid(subscription_id))
    }

    /// Another card of a customer's, as Stripe's portal takes it, with the month and year in which it expires.
    pub fn give_card(&self, customer_id: &str, number: &str, expires: (u32, i32)) -> bool {
        let last4 = *number.as_bytes().last_chunk().unwrap_or(b"0000");
        self.change(|vault| vault.give_card(customer_id, last4, expires))
    }

    /// Answers the bank's question about a payment.
    pub fn answer_bank(&self, session_id: &str, approve: bool) -> PayOutcome {
        self.change(|vault| vault.answer_bank(session_id, approve))
    }

    /// Starts a bank debit that will end as `succeeds` says.
    pub fn pay_by_debit(&self, session_id: &str, succeeds: bool) -> PayOutcome {
        self.change(|vault| vault.pay_by_debit(session_id, succeeds))
    }

    /// Ends a bank debit now. False when none is under way for this session.
    pub fn settle_debit(&self, session_id: &str, succeeds: bool) -> bool {
        self.change(|vault| vault.settle_debit(session_id, Some(succeeds)))
    }

    /// Lets a session run out now. False when it is not open.
    pub fn expire(&self, session_id: &str) -> bool {
        self.change(|vault| vault.expire(session_id))
    }

    /// Delivers an event once more. False when there is no such event.
    pub fn resend(&self, event_id: &str) -> bool {
        self.change(|vault| {
            let known = vault.events.get(event_id).is_some();
            if known {
                vault.send_out(event_id.to_owned());
            }
            known
        })
    }

    /// Does everything whose time has come: useful after a test has moved its clock.
    pub fn catch_up(&self) {
        self.change(Vault::catch_up);
    }

    /// Waits until every event has been delivered or given up; false when `limit` passes first.
    pub async fn quiet(&self, limit: Duration) -> bool {
        let wait = async {
            while !self.lock().outgoing.is_empty() || self.inner.under_way.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }

    fn webhook_url(&self) -> Option<String> {
        self.inner.webhook_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vault> {
        self.inner.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, what: impl FnOnce(&mut Vault) -> T) -> T {
        let result = {
            let mut vault = self.lock();
            vault.catch_up();
            what(&mut vault)
        };
        self.inner.wake.notify_one();
        result
    }
}

async fn beat(standin: Standin) {
    loop {
        tokio::time::sleep(BEAT).await;
        standin.catch_up();
    }
}
