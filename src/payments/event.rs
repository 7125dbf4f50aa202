//! The envelope of a webhook event: which object has news. What the news is, we ask Stripe: events come twice, late, and out of order.

use super::{DONATION_KEY, RECURRING_KEY};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

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
