//! Stripe and its stand-in: signatures, events, checkouts, faults.

mod checkouts;
mod faults;
mod payouts;
mod returns;
mod sdk;
mod signatures;
mod standin;
mod subscriptions;
mod webhooks;

use crate::support::stripe_traffic_file;
use chrono::{DateTime, Utc};
use entity::Money;
use secrecy::SecretString;
use std::time::Duration;
use wellwisher::{
    clock::{Clock, Random},
    payments::{
        CHECKOUT_LIFE, NewCheckout, Patience, Stripe,
        signature::WebhookSecret,
        standin::{RunningStandin, Standin, StandinOptions},
    },
};

const SECRET: &str = "whsec_practicepracticepractice00";
const GOOD_CARD: &str = "4242424242424242";

/// Noon of a day that does not matter.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
}

fn secret() -> WebhookSecret {
    WebhookSecret::parse(SECRET).expect("a secret")
}

/// A stand-in that listens, a client that speaks to it, and the clock of both.
struct Hall {
    running: RunningStandin,
    stripe: Stripe,
    clock: Clock,
}

impl Hall {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut StandinOptions)) -> Self {
        let clock = Clock::manual(noon());
        let mut options = StandinOptions::new(clock.clone(), Random::default(), secret());
        options.record = Some(stripe_traffic_file());
        options.controls = true;
        change(&mut options);
        let running = Standin::new(options).spawn("127.0.0.1:0").await.expect("the stand-in listens");
        let stripe = client(&running.base_url);
        Self { running, stripe, clock }
    }

    fn standin(&self) -> &Standin {
        &self.running.standin
    }

    /// Opens a checkout for the donation and returns the session's id.
    async fn checkout(&self, donation: &str, money: Money) -> String {
        self.stripe.create_checkout(&gift(donation, money)).await.expect("a checkout").session_id
    }
}

fn client(base: &str) -> Stripe {
    let patience = Patience {
        attempt: Duration::from_secs(5),
        total: Duration::from_secs(10),
        pauses: [Duration::from_millis(5), Duration::from_millis(10)],
    };
    Stripe::new(&SecretString::from("sk_test_practice"), base).expect("a client").with_patience(patience)
}

fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, code.parse().expect("a currency"))
}

fn gift(donation: &str, money: Money) -> NewCheckout {
    NewCheckout {
        idempotency_key: format!("v1:checkout:{donation}"),
        donation_id: donation.to_owned(),
        money,
        product_name: "Gift سلام & + % = é".to_owned(),
        email: "reader@example.org".to_owned(),
        success_url: "http://127.0.0.1:9/donations/abc?s={CHECKOUT_SESSION_ID}".to_owned(),
        cancel_url: "http://127.0.0.1:9/donate".to_owned(),
        locale: "fa-AF".to_owned(),
        recurring: None,
        expires_at: noon() + CHECKOUT_LIFE,
    }
}
