//! One payment, from the form to the ledger.
//!
//! [`open`] writes the donation and its reservation first and then asks Stripe for a checkout. What becomes of it is
//! learned by asking Stripe for the session's present state, whoever gave the hint (an event, the thank-you page, `reconcile`), and
//! [`settle::apply`] is the one door through which that state changes what a donation is worth. So duplicates, any order and gaps of
//! events come to the same end.

pub mod back;
/// With which line of the bank statement money came.
pub mod bank_lines;
/// Gifts by hand: cash, cheques, bank transfers.
pub mod by_hand;
pub mod care;
mod desk;
/// Open checkouts of an article that asks no more.
pub mod ending;
pub mod events;
mod evidence;
pub mod explain;
/// Past gifts: those of another system, those that Stripe knows.
pub mod import;
mod letters_desk;
pub mod list;
mod open;
mod pages;
mod receipt;
pub mod reconcile;
mod refresh;
pub mod refunds;
mod refunds_desk;
pub mod register;
mod rehearsal;
pub mod settle;
pub mod store;
pub mod story;
mod sweep;
mod taken;
mod webhook;

pub use open::{OpenProblem, Opened, open};
pub use pages::routes;
pub use refresh::refresh;
pub use rehearsal::rehearse;
pub use sweep::sweep;
pub use webhook::routes as webhook_routes;

use crate::{
    app::App,
    error::Error,
    jobs::{self, NewJob},
    payments::{CheckoutState, StripeFailure},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    donation,
    ids::{DonationId, RecurringId},
};
use sea_orm::DatabaseTransaction;

/// The desk's routes of donations and of letters.
pub fn desk_routes() -> axum::Router<App> {
    desk::routes().merge(letters_desk::routes()).merge(refunds_desk::routes()).merge(by_hand::desk_routes()).merge(evidence::routes())
}

/// How long a checkout can be paid. Stripe allows 30 minutes to 24 hours from the moment it is asked, and a request that is
/// repeated later must be the same one: an hour leaves half of it for repeats.
pub const CHECKOUT_LASTS: TimeDelta = TimeDelta::minutes(60);

const _: () = assert!(CHECKOUT_LASTS.num_minutes() == crate::asks::target::MATCH_HELD_MINUTES);

/// How much longer than the checkout a wish item is held, so that a payment in its last second finds it.
pub const HOLD_MARGIN: TimeDelta = TimeDelta::minutes(10);

/// How long a wish item is held for a bank debit that is under way (docs.stripe.com/payments/bank-debits: up to 14 days).
pub const DEBIT_HOLD: TimeDelta = TimeDelta::days(15);

/// How far our clock and Stripe's may differ when we look for what was made at a time by our clock.
pub const CLOCK_MARGIN: TimeDelta = TimeDelta::hours(1);

/// The secret in a donation's thank-you address: 256 bits that only we can derive from its id, so that a repeated request to Stripe
/// carries the same address. The database holds its hash.
pub fn token_of(app: &App, id: DonationId) -> String {
    use base64::Engine;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &app.key("donation page v1"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, id.0.as_bytes()))
}

/// The path of a donation's thank-you page.
pub fn path_of(app: &App, id: DonationId) -> String {
    format!("/donations/{}", token_of(app, id))
}

/// The kind of the job that brings a recurring donation up to date after one of its payments.
pub const RECURRING_JOB: &str = "refresh_recurring_donation";

/// Leaves word that a payment of a recurring donation was settled: its state is to be asked for.
async fn look_after_recurring(tx: &DatabaseTransaction, app: &App, id: RecurringId, now: DateTime<Utc>) -> Result<(), Error> {
    let job = NewJob {
        kind: RECURRING_JOB,
        payload: serde_json::json!({ "recurring": id }),
        dedupe_key: Some(format!("recurring:{id}")),
        run_at: now,
    };
    jobs::enqueue(tx, app.new_id(), job, now).await
}

/// How Stripe says a donation stands now: by its session, or by its invoice. Nothing when Stripe has neither.
pub async fn fetch_state(app: &App, donation: &donation::Model) -> Result<Option<CheckoutState>, StripeFailure> {
    match back::fetch_known(app, donation, donation.checkout_session_id.as_deref()).await? {
        Some(state) => Ok(Some(state)),
        // The answer that named the session may have been lost on its way to us.
        None => app.stripe.find_checkout_by_donation(&donation.id.to_string(), donation.created_at - CLOCK_MARGIN).await,
    }
}
