//! Whether the key may do what the program needs, and whether the endpoint sends what it needs: each list asked for a single row, and nothing
//! is done with the rows.

use super::{PAGE_MAX, Page, Pages, Stripe, StripeFailure, checked_id, event};
use miniserde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_types::List;

/// One thing that the program asks of Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// What it is, as Stripe's dashboard names it where the rights of a restricted key are chosen.
    pub name: &'static str,
    /// Whether the program changes it too. That cannot be tried without changing something.
    pub writes: bool,
    /// Where it is asked for.
    path: &'static str,
    /// Whether it is a list, of which one row is enough.
    is_list: bool,
}

const fn reads(name: &'static str, path: &'static str) -> Right {
    Right { name, writes: false, path, is_list: true }
}

const fn writes(name: &'static str, path: &'static str) -> Right {
    Right { writes: true, ..reads(name, path) }
}

/// Everything that the program asks of Stripe. What pays for a gift comes first.
pub const RIGHTS: [Right; 12] = [
    writes("Checkout Sessions", "/checkout/sessions"),
    reads("PaymentIntents", "/payment_intents"),
    reads("Charges", "/charges"),
    writes("Refunds", "/refunds"),
    reads("Disputes", "/disputes"),
    Right { is_list: false, ..reads("Balance", "/balance") },
    reads("Balance Transactions", "/balance_transactions"),
    reads("Payouts", "/payouts"),
    writes("Subscriptions", "/subscriptions"),
    writes("Invoices", "/invoices"),
    writes("Customers", "/customers"),
    writes("Customer portal", "/billing_portal/configurations"),
];

/// An endpoint of the account to which Stripe sends its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where they go.
    pub url: String,
    /// Whether they are sent at all.
    pub enabled: bool,
    /// Which are sent; `*` is all.
    pub events: BTreeSet<String>,
}

impl Endpoint {
    /// The events that the program needs and this endpoint does not send.
    pub fn lacks(&self) -> Vec<&'static str> {
        if self.events.contains("*") { Vec::new() } else { event::all_needed().filter(|kind| !self.events.contains(*kind)).collect() }
    }
}

/// Any answer: what is in it is nobody's business here.
#[derive(Deserialize)]
struct Anything {
    object: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    url: String,
    status: String,
    enabled_events: Vec<String>,
}

impl Stripe {
    /// Tries one right by asking.
    ///
    /// # Errors
    /// When Stripe refuses ([`StripeFailure::lacks_right`]) or does not answer.
    pub async fn try_right(&self, right: &Right) -> Result<(), StripeFailure> {
        let send = || {
            let request = RequestBuilder::new(StripeMethod::Get, right.path);
            let request = if right.is_list { request.query(&BTreeMap::from([("limit", "1")])) } else { request };
            request.customize::<Anything>().timeout(self.patience.attempt).send(&self.client)
        };
        let answer = self.ask(right.name, send).await?;
        let wanted = if right.is_list { "list" } else { "balance" };
        if answer.object == wanted { Ok(()) } else { Err(StripeFailure::BadAnswer { detail: "another object than was asked for" }) }
    }

    /// The endpoints to which the account's events go.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, StripeFailure> {
        let (mut all, mut pages) = (Vec::new(), Pages::new());
        while let Some(place) = pages.ahead()? {
            let mut query = BTreeMap::from([("limit", PAGE_MAX.to_string())]);
            if let Some(place) = &place {
                query.insert("starting_after", checked_id(place, "we_")?.to_owned());
            }
            let send = || {
                let request = RequestBuilder::new(StripeMethod::Get, "/webhook_endpoints").query(&query).customize::<List<Row>>();
                request.timeout(self.patience.attempt).send(&self.client)
            };
            let answer = self.ask("endpoints", send).await?;
            let read = |row: Row| {
                let (enabled, events) = (row.status == "enabled", row.enabled_events.into_iter().collect());
                Ok(Endpoint { url: row.url, enabled, events })
            };
            all.extend(pages.turn(Page::of(answer, |row| row.id.clone(), read)?).items);
        }
        Ok(all)
    }
}
