//! Stripe: what we ask of it, what it tells us, and the stand-in that answers in its place.
//!
//! The rest of the program sees only the small types of this module: no generated type of async-stripe, and nothing about a person,
//! leaves it. The one address we ask is the `STRIPE_API_BASE` setting: Stripe's, or the stand-in's on loopback. There is one code path.

pub mod balance;
mod canary;
mod charges;
mod checkout;
mod customers;
mod disputes;
pub mod event;
mod failure;
mod held;
mod invoices;
mod listing;
mod movement;
pub mod nameless;
mod payouts;
mod refunds;
pub mod rights;
pub mod signature;
pub mod standin;
mod subscription_changes;
mod subscriptions;

pub use balance::{BalanceEntry, BalanceQuery, BalanceSource};
pub use canary::{CANARY_KEY, PRACTICE_MINOR};
pub use charges::PastCharge;
pub use checkout::{Checkout, CheckoutState, CheckoutStatus, FeeFact, IntentStatus, NewCheckout, NewRecurring, PaymentStatus};
pub use disputes::DisputeState;
pub use failure::StripeFailure;
pub use held::Held;
pub use invoices::{InvoicePart, InvoiceState, InvoiceStatus};
pub use listing::{PAGE_MAX, Page, Pages};
pub use movement::Movement;
pub use payouts::PayoutFact;
pub use refunds::{NewRefund, REFUND_KEY, RefundState};
pub use subscriptions::{SubscriptionState, SubscriptionStatus};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::{future::Future, time::Duration};
use stripe::{Client, ClientBuilder, StripeError};
use stripe_checkout::checkout_session::{CreateCheckoutSession, ExpireCheckoutSession, ListCheckoutSession, RetrieveCheckoutSession};
use stripe_client_core::{IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_types::RangeQueryTs;

/// The metadata key that marks a Checkout Session and a PaymentIntent as ours; its value is the donation's opaque id and nothing else.
pub const DONATION_KEY: &str = "wellwisher_donation";

/// The metadata key that marks a subscription, and the session that begins it, as ours; its value is the recurring donation's opaque id.
pub const RECURRING_KEY: &str = "wellwisher_recurring";

/// Stripe's own address.
pub const STRIPE_API: &str = "https://api.stripe.com/";

/// How long a checkout can be paid. Stripe's least is 30 minutes from when *it* makes the session, so exactly 30 by our clock would be refused.
pub const CHECKOUT_LIFE: TimeDelta = TimeDelta::minutes(35);

/// How long one question to Stripe may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one try, connecting included.
    pub attempt: Duration,
    /// For all tries of one question together, pauses included.
    pub total: Duration,
    /// The pauses before the second and third try.
    pub pauses: [Duration; 2],
}

impl Default for Patience {
    /// A donor waits at most 20 s: two tries of 10 s when Stripe is silent, three when it answers "busy" at once.
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            total: Duration::from_secs(20),
            pauses: [Duration::from_millis(500), Duration::from_secs(2)],
        }
    }
}

/// The settings for Stripe cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// The secret key is not `sk_test_…`, `sk_live_…`, `rk_test_…` or `rk_live_…`.
    SecretKey,
    /// The base address is not an http(s) URL, or is http to somewhere else than this machine.
    ApiBase,
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SecretKey => {
                "STRIPE_SECRET_KEY must start with sk_test_, sk_live_, rk_test_ or rk_live_: copy it from the Stripe dashboard under Developers, API keys"
            }
            Self::ApiBase => "STRIPE_API_BASE must be an https URL, or http on this machine (127.0.0.1, ::1 or localhost)",
        })
    }
}

impl std::error::Error for SettingsError {}

/// Stripe, as this program speaks to it. Cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    livemode: bool,
    api_base: String,
    patience: Patience,
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stripe").field("api_base", &self.api_base).field("livemode", &self.livemode).finish_non_exhaustive()
    }
}

impl Stripe {
    /// A client for the account of `secret_key`, asking at `api_base` ([`STRIPE_API`], or a stand-in on this machine).
    pub fn new(secret_key: &SecretString, api_base: &str) -> Result<Self, SettingsError> {
        let livemode = livemode_of(secret_key.expose_secret()).ok_or(SettingsError::SecretKey)?;
        let api_base = checked_base(api_base)?;
        let patience = Patience::default();
        let client = ClientBuilder::new(secret_key.expose_secret())
            .url(api_base.clone())
            .timeout(patience.attempt)
            .app_info("wellwisher", Some(env!("CARGO_PKG_VERSION").to_owned()), None)
            .build()
            .map_err(|_| SettingsError::SecretKey)?;
        Ok(Self { client, livemode, api_base, patience })
    }

    /// The same client with other limits on time.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Whether the key moves real money.
    pub fn livemode(&self) -> bool {
        self.livemode
    }

    /// The address that is asked, ending in `/`.
    pub fn api_base(&self) -> &str {
        &self.api_base
    }

    /// Opens a hosted checkout. Ask again with the same `idempotency_key` and the same fields when the outcome is unknown: Stripe then
    /// answers with the first session (it keeps a key for 24 hours at least; it also repeats a 500 that it has once answered).
    pub async fn create_checkout(&self, new: &NewCheckout) -> Result<Checkout, StripeFailure> {
        self.open_checkout(&new.idempotency_key, &checkout::create_request(new)).await
    }

    /// Sends the request that opens a checkout.
    async fn open_checkout(&self, key: &str, request: &CreateCheckoutSession) -> Result<Checkout, StripeFailure> {
        let own =
            IdempotencyKey::new(key).map_err(|_| StripeFailure::refused("idempotency_key", "the key must have 1 to 255 characters"))?;
        let session = self
            .ask(key, || {
                request
                    .customize()
                    .timeout(self.patience.attempt)
                    .request_strategy(RequestStrategy::Idempotent(own.clone()))
                    .send(&self.client)
            })
            .await?;
        Checkout::of(session)
    }

    /// The present state of a session, with the charge and its fee as soon as Stripe knows them.
    pub async fn fetch_checkout(&self, session_id: &str) -> Result<CheckoutState, StripeFailure> {
        let id = checked_id(session_id, "cs_")?;
        let request = RetrieveCheckoutSession::new(id).expand(vec!["payment_intent.latest_charge.balance_transaction".to_owned()]);
        let session = self.ask(session_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        let mut state = CheckoutState::of(session)?;
        self.complete_from_invoice(&mut state).await?;
        Ok(state)
    }

    /// Ends an open session, so that it can no longer be paid. Stripe refuses it for a session that is complete or already expired.
    pub async fn expire_checkout(&self, session_id: &str) -> Result<CheckoutState, StripeFailure> {
        let id = checked_id(session_id, "cs_")?;
        let request = ExpireCheckoutSession::new(id);
        let session = self.ask(session_id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        CheckoutState::of(session)
    }

    /// One page of the account's sessions made since `created_since`, newest first, those of other programs included (their
    /// `donation_id` is `None`). The fee is not part of a listing: fetch the session for it. `limit` is 1 to [`PAGE_MAX`].
    pub async fn list_checkouts(
        &self,
        created_since: DateTime<Utc>,
        starting_after: Option<&str>,
        limit: u8,
    ) -> Result<Page<CheckoutState>, StripeFailure> {
        let mut request = ListCheckoutSession::new()
            .created(RangeQueryTs::gte(created_since.timestamp()))
            .limit(i64::from(limit.clamp(1, PAGE_MAX)))
            .expand(vec!["data.payment_intent".to_owned()]);
        if let Some(cursor) = starting_after {
            request = request.starting_after(checked_id(cursor, "cs_")?);
        }
        let list = self.ask("list", || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        Page::of(list, |session| session.id.to_string(), CheckoutState::of)
    }

    /// Every session that we made since `created_since`, newest first, over as many pages as there are, and the ids of those that could not
    /// be read; sessions of other programs on the same account are left out.
    pub async fn all_checkouts(&self, created_since: DateTime<Utc>) -> Result<Page<CheckoutState>, StripeFailure> {
        let mut all = Page { items: Vec::new(), unread: Vec::new(), next: None };
        let mut pages = Pages::new();
        while let Some(place) = pages.ahead()? {
            let page = pages.turn(self.list_checkouts(created_since, place.as_deref(), PAGE_MAX).await?);
            all.items.extend(page.items.into_iter().filter(|state| state.donation_id.is_some()));
            all.unread.extend(page.unread);
        }
        Ok(all)
    }

    /// The session made for a donation since `since`, if Stripe has one: for when the answer to its making never reached us and the
    /// idempotency key is too old to ask again. With several, the paid one, else the newest.
    pub async fn find_checkout_by_donation(&self, donation_id: &str, since: DateTime<Utc>) -> Result<Option<CheckoutState>, StripeFailure> {
        let ours = self.all_checkouts(since).await?.items;
        let mut matching: Vec<_> = ours.into_iter().filter(|state| state.donation_id.as_deref() == Some(donation_id)).collect();
        let paid = matching.iter().position(|state| state.payment_status == PaymentStatus::Paid).unwrap_or(0);
        Ok(if matching.is_empty() { None } else { Some(matching.swap_remove(paid)) })
    }

    /// Asks once and, where that can help, up to two times more within [`Patience::total`]. `seed` spreads the pauses, so that many
    /// callers do not return in step; it needs no chance.
    async fn ask<T, F>(&self, seed: &str, send: impl Fn() -> F) -> Result<T, StripeFailure>
    where
        F: Future<Output = Result<T, StripeError>>,
    {
        let started = tokio::time::Instant::now();
        let end = started + self.patience.total;
        let mut pauses = self.patience.pauses.into_iter();
        loop {
            let failure = match tokio::time::timeout_at(end, send()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => StripeFailure::of(error),
                Err(_) => return Err(StripeFailure::Unreachable),
            };
            let Some(pause) = pauses.next().filter(|_| failure.may_retry_at_once()) else { return Err(failure) };
            let pause = pause + spread(seed, pause);
            if tokio::time::Instant::now() + pause >= end {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Up to a quarter of `pause`, fixed by `seed`.
fn spread(seed: &str, pause: Duration) -> Duration {
    let sum = seed.bytes().fold(17u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    pause.mul_f64(f64::from(sum % 256) / 1024.0)
}

/// Whether a secret key moves real money; `None` when it is not a secret key.
pub fn livemode_of(secret_key: &str) -> Option<bool> {
    let (live, rest) = [("sk_live_", true), ("rk_live_", true), ("sk_test_", false), ("rk_test_", false)]
        .into_iter()
        .find_map(|(prefix, live)| secret_key.strip_prefix(prefix).map(|rest| (live, rest)))?;
    let plain = !rest.is_empty() && rest.len() <= 255 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then_some(live)
}

/// The base address with its closing slash, which async-stripe needs. A secret key goes over http to this machine only.
fn checked_base(api_base: &str) -> Result<String, SettingsError> {
    let mut url = url::Url::parse(api_base).map_err(|_| SettingsError::ApiBase)?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if !(plain && (url.scheme() == "https" && url.host().is_some() || url.scheme() == "http" && loopback)) {
        return Err(SettingsError::ApiBase);
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url.into())
}

/// An id that may stand in a path: Stripe's ids have a prefix, letters, digits and `_`.
fn checked_id<'a>(id: &'a str, prefix: &str) -> Result<&'a str, StripeFailure> {
    let plain = id.starts_with(prefix) && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { Ok(id) } else { Err(StripeFailure::refused("id", "not an id of the expected kind")) }
}
