//! What comes in for an invoice besides what its card is charged: payments that are attached to it, records of others, credit.

use super::{
    Standin,
    errors::ApiError,
    invoices::Invoice,
    params::Params,
    state::{Intent, Means, Vault},
};
use chrono::{DateTime, Utc};
use entity::Money;
use serde_json::{Value, json};

/// A payment that was attached to an invoice: one that went through here, or one that is only recorded.
#[derive(Clone, Debug)]
pub(super) struct Part {
    id: String,
    payment: Attached,
    pub minor: i64,
    at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
enum Attached {
    Intent(String),
    Record(String),
}

impl Standin {
    /// Pays a part of the last invoice of a subscription by a payment of its own, attached at Stripe's dashboard; paying the rest closes the
    /// invoice. Returns the payment, `pi_…`; none when the invoice is not open.
    pub fn pay_part(&self, subscription_id: &str, minor: i64) -> Option<String> {
        self.change(|vault| vault.attach(subscription_id, minor, true))
    }

    /// Records that a part of the last invoice of a subscription was paid another way than through Stripe. False when it is not open.
    pub fn record_part(&self, subscription_id: &str, minor: i64) -> bool {
        self.change(|vault| vault.attach(subscription_id, minor, false)).is_some()
    }

    /// Pays the last invoice of a subscription from its customer's credit. False when it is not open.
    pub fn pay_from_credit(&self, subscription_id: &str) -> bool {
        self.change(|vault| vault.pay_from_credit(subscription_id))
    }
}

impl Vault {
    /// Attaches a payment to the last invoice of a subscription, as somebody at Stripe's dashboard would, and closes the invoice when nothing
    /// is left of it. Nothing when the invoice is not open. Returns the payment that went through here.
    fn attach(&mut self, subscription_id: &str, minor: i64, goes_through: bool) -> Option<String> {
        let latest = self.billing.subscriptions.get(subscription_id)?.latest_invoice.clone();
        let invoice = self.billing.invoices.get(&latest).filter(|invoice| invoice.status == "open")?.clone();
        let left = invoice.remaining();
        let (now, id) = (self.now(), self.new_id("inpay_1", 23));
        let payment = if goes_through {
            let intent_id = self.new_id("pi_3", 23);
            self.intents.put(Intent {
                id: intent_id.clone(),
                created: now,
                session_id: String::new(),
                amount: Money::new(minor, left.currency),
                metadata: std::collections::BTreeMap::new(),
                status: "requires_payment_method",
                means: Means::Card(*b"4242"),
                latest_charge: None,
                last_error: None,
            });
            self.succeed_alone(&intent_id);
            Attached::Intent(intent_id)
        } else {
            Attached::Record(self.new_id("pr_1", 23))
        };
        let through = match &payment {
            Attached::Intent(id) => id.clone(),
            Attached::Record(_) => String::new(),
        };
        // What is paid beyond it becomes the customer's credit.
        let part = Part { id, payment, minor: minor.min(left.minor), at: now };
        let shown = part_shape(&invoice, &part);
        let invoice = self.billing.invoices.get_mut(&latest)?;
        invoice.parts.push(part);
        let is_whole = invoice.remaining().minor == 0;
        self.tell("invoice_payment.paid", shown);
        if is_whole {
            let invoice = self.billing.invoices.get(&latest)?.clone();
            self.end_invoice(&latest, "paid");
            self.make_well(&invoice);
            self.tell_invoice("invoice.paid", &latest);
            self.tell_subscription("customer.subscription.updated", subscription_id);
        } else {
            self.tell_invoice("invoice.updated", &latest);
        }
        Some(through)
    }

    /// Pays the last invoice of a subscription from what its customer has to her credit. False when it is not open.
    fn pay_from_credit(&mut self, subscription_id: &str) -> bool {
        let latest = self.billing.subscriptions.get(subscription_id).map(|subscription| subscription.latest_invoice.clone());
        let open = latest.and_then(|id| self.billing.invoices.get_mut(&id)).filter(|invoice| invoice.status == "open");
        let Some(invoice) = open else { return false };
        invoice.credit = invoice.remaining().minor;
        let invoice = invoice.clone();
        self.end_invoice(&invoice.id, "paid");
        self.make_well(&invoice);
        self.tell_invoice("invoice.paid", &invoice.id);
        true
    }
}

/// How many payments are told with their invoice; the others are to be asked for.
const PAYMENTS_TOLD: usize = 10;

/// The list of an invoice's payments, as it stands with the invoice.
pub(super) fn payments(invoice: &Invoice) -> Value {
    let mut rows = all_payments(invoice);
    let has_more = rows.len() > PAYMENTS_TOLD;
    rows.truncate(PAYMENTS_TOLD);
    json!({ "object": "list", "data": rows, "has_more": has_more, "url": format!("/v1/invoice_payments?invoice={}", invoice.id) })
}

/// `GET /v1/invoice_payments` of one invoice, the newest first.
pub(super) fn list(vault: &Vault, query: &str) -> Result<Value, ApiError> {
    let params = Params::parse(query, &["invoice", "limit", "starting_after"])?;
    let id = params.required("invoice")?;
    let invoice = vault.billing.invoices.get(id).ok_or_else(|| ApiError::missing("invoice", id))?;
    let limit = usize::try_from(params.integer("limit")?.unwrap_or(10)).unwrap_or(10);
    let mut rows = all_payments(invoice);
    if let Some(after) = params.text("starting_after") {
        let at = rows.iter().position(|row| row["id"] == after).ok_or_else(|| ApiError::missing("invoice_payment", after))?;
        rows.drain(..=at);
    }
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(json!({ "object": "list", "data": rows, "has_more": has_more, "url": "/v1/invoice_payments" }))
}

/// All payments, the newest first: the attached ones, and the invoice's own, which asks for what they leave.
fn all_payments(invoice: &Invoice) -> Vec<Value> {
    let mut rows: Vec<Value> = invoice.parts.iter().rev().map(|part| part_shape(invoice, part)).collect();
    let own = invoice.intent_id.as_ref().map(|intent| {
        let is_over = invoice.status == "paid" && (invoice.is_paid_elsewhere || invoice.remaining().minor == 0);
        let paid = invoice.status == "paid" && !is_over;
        let status = if paid {
            "paid"
        } else if is_over {
            "canceled"
        } else {
            "open"
        };
        let minor = invoice.remaining().minor;
        let at = invoice.ended_at.map(|at| at.timestamp());
        json!({
            "id": invoice.payment_id, "object": "invoice_payment", "amount_paid": paid.then_some(minor), "amount_requested": minor,
            "created": invoice.created.timestamp(), "currency": invoice.amount.currency.stripe_code(), "invoice": invoice.id,
            "is_default": true, "livemode": false, "payment": { "type": "payment_intent", "payment_intent": intent }, "status": status,
            "status_transitions": { "canceled_at": at.filter(|_| is_over), "paid_at": at.filter(|_| paid) },
        })
    });
    rows.extend(own);
    rows
}

fn part_shape(invoice: &Invoice, part: &Part) -> Value {
    let payment = match &part.payment {
        Attached::Intent(id) => json!({ "type": "payment_intent", "payment_intent": id }),
        Attached::Record(id) => json!({ "type": "payment_record", "payment_record": id }),
    };
    json!({
        "id": part.id, "object": "invoice_payment", "amount_paid": part.minor, "amount_requested": part.minor,
        "created": part.at.timestamp(), "currency": invoice.amount.currency.stripe_code(), "invoice": invoice.id, "is_default": false,
        "livemode": false, "payment": payment, "status": "paid",
        "status_transitions": { "canceled_at": null, "paid_at": part.at.timestamp() },
    })
}
