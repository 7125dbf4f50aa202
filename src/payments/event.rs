//! The envelope of a webhook event: which object has news. What the news is, we ask Stripe: events come twice, late, and out of order.

use super::{DONATION_KEY, RECURRING_KEY};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// The events about checkouts, payments, refunds and disputes that tell us something.
pub const OF_GIFTS: [&str; 19] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "charge.succeeded",
    "charge.updated",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
];

/// The events about payouts that tell us something.
pub const OF_PAYOUTS: [&str; 6] =
    ["payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled", "payout.reconciliation_completed"];

/// The events about recurring gifts that tell us something.
pub const OF_RECURRING: [&str; 10] = [
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.updated",
    "invoice.paid",
    "invoice_payment.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
];

/// Those among them that only say earlier what another says too.
const NOT_NEEDED: [&str; 4] =
    ["charge.succeeded", "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing"];

/// Every event that is acted on.
pub fn all_heard() -> impl Iterator<Item = &'static str> {
    OF_GIFTS.into_iter().chain(OF_PAYOUTS).chain(OF_RECURRING)
}

/// Every event that the endpoint at Stripe should send. What it does not send is found by asking, later.
pub fn all_needed() -> impl Iterator<Item = &'static str> {
    all_heard().filter(|kind| !NOT_NEEDED.contains(kind))
}

/// What we read of an event. Everything else stays in the stored raw body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `evt_…`: an event that comes twice has the same.
    pub id: String,
    /// `checkout.session.completed` and the like. Unknown ones are stored and left alone.
    pub kind: String,
    /// The version of the API that wrote it.
    pub api_version: Option<String>,
    /// Whether it is about real money.
    pub livemode: bool,
    /// When it was made, to the second: never order by it.
    pub created: Option<DateTime<Utc>>,
    /// The id of the object that has news.
    pub object_id: Option<String>,
    /// The kind of that object: `checkout.session`, `charge`.
    pub object_kind: Option<String>,
    /// The donation in the object's metadata.
    pub donation_id: Option<String>,
    /// The recurring donation in the metadata of the object or of its subscription.
    pub recurring_id: Option<String>,
    /// The subscription of the object, or the object itself.
    pub subscription_id: Option<String>,
    /// The session's `client_reference_id`.
    pub client_reference_id: Option<String>,
    /// The PaymentIntent of the object, or the object itself.
    pub payment_intent_id: Option<String>,
    /// The charge of the object: of a refund or a dispute.
    pub charge_id: Option<String>,
    /// The invoice of the object.
    pub paid_invoice_id: Option<String>,
}

/// The body is not an event. It was signed, so keep it and tell staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnEvent;

impl fmt::Display for NotAnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is not a Stripe event")
    }
}

impl std::error::Error for NotAnEvent {}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    api_version: Option<String>,
    livemode: bool,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    data: Value,
}

impl Event {
    /// Reads the envelope; only `id`, `type` and `livemode` must be there.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnEvent> {
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
        let id_is_plain =
            |id: &str| id.starts_with("evt_") && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !id_is_plain(&envelope.id) || envelope.kind.is_empty() || envelope.kind.len() > 255 {
            return Err(NotAnEvent);
        }
        let object = &envelope.data["object"];
        let text = |value: &Value| value.as_str().filter(|text| text.len() <= 500).map(str::to_owned);
        let details = &object["parent"]["subscription_details"];
        let object_id = text(&object["id"]);
        let object_kind = text(&object["object"]);
        let payment_intent_id = match object_kind.as_deref() {
            Some("payment_intent") => object_id.clone(),
            _ => text(&object["payment_intent"]).or_else(|| text(&object["payment_intent"]["id"])),
        };
        Ok(Self {
            created: envelope.created.as_i64().and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            donation_id: text(&object["metadata"][DONATION_KEY]),
            recurring_id: text(&object["metadata"][RECURRING_KEY]).or_else(|| text(&details["metadata"][RECURRING_KEY])),
            subscription_id: match object_kind.as_deref() {
                Some("subscription") => object_id.clone(),
                _ => text(&object["subscription"]).or_else(|| text(&details["subscription"])),
            },
            client_reference_id: text(&object["client_reference_id"]),
            payment_intent_id,
            charge_id: text(&object["charge"]).or_else(|| text(&object["charge"]["id"])),
            paid_invoice_id: text(&object["invoice"]).or_else(|| text(&object["invoice"]["id"])),
            object_id,
            object_kind,
            id: envelope.id,
            kind: envelope.kind,
            api_version: envelope.api_version,
            livemode: envelope.livemode,
        })
    }

    /// The invoice that a payment came in for, when the event is about such a payment.
    pub fn invoice_id(&self) -> Option<&str> {
        self.paid_invoice_id.as_deref().filter(|_| self.object_kind.as_deref() == Some("invoice_payment"))
    }

    /// The customer that has news, when the event is about one.
    pub fn customer_id(&self) -> Option<&str> {
        self.object_id.as_deref().filter(|_| self.object_kind.as_deref() == Some("customer"))
    }

    /// The session that has news, when the event is about one.
    pub fn session_id(&self) -> Option<&str> {
        self.object_id.as_deref().filter(|_| self.object_kind.as_deref() == Some("checkout.session"))
    }
}
