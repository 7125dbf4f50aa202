//! Invoices of subscriptions: made at each renewal, charged to the card, tried again when that fails.

use super::{
    Standin,
    errors::ApiError,
    params::Params,
    shapes::with_nulls,
    state::{Due, Intent, Means, Vault},
    subscriptions::{BillingDue, LastTry},
};
use chrono::{DateTime, Utc};
use entity::Money;
use serde_json::{Value, json};

/// One invoice of a subscription.
#[derive(Clone, Debug)]
pub(super) struct Invoice {
    pub id: String,
    pub created: DateTime<Utc>,
    pub subscription_id: String,
    pub customer_id: String,
    pub amount: Money,
    pub is_first: bool,
    pub status: &'static str,
    pub attempts: usize,
    pub next_try: Option<DateTime<Utc>>,
    pub intent_id: Option<String>,
    pub payment_id: String,
    pub line_id: String,
    pub period: (DateTime<Utc>, DateTime<Utc>),
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether it was marked as paid, because the money came by another way than through here.
    pub is_paid_elsewhere: bool,
    /// Payments from outside that came in for it.
    pub parts: Vec<Part>,
    /// What was taken off for what the customer had to her credit.
    pub credit: i64,
}

/// A payment that was attached to an invoice: one that went through here, or one that is only recorded.
#[derive(Clone, Debug)]
pub(super) struct Part {
    id: String,
    payment: Attached,
    minor: i64,
    at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
enum Attached {
    Intent(String),
    Record(String),
}

impl Invoice {
    /// What the parts and the credit leave to be paid.
    fn remaining(&self) -> Money {
        let paid: i64 = self.parts.iter().map(|part| part.minor).sum();
        Money::new(self.amount.minor - self.credit - paid, self.amount.currency)
    }
}

/// What the card does at a renewal, by its last digits.
fn problem_of(last4: [u8; 4], expired: bool) -> Option<(&'static str, Option<&'static str>, &'static str)> {
    if expired {
        return Some(("expired_card", None, "Your card has expired."));
    }
    match &last4 {
        b"0341" | b"0002" => Some(("card_declined", Some("generic_decline"), "Your card was declined.")),
        b"9995" => Some(("card_declined", Some("insufficient_funds"), "Your card has insufficient funds.")),
        b"3184" => {
            Some(("authentication_required", Some("authentication_required"), "Your card was declined. It asks for your confirmation."))
        }
        _ => None,
    }
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
    /// An open invoice for the present period.
    pub fn new_invoice(&mut self, subscription_id: &str, is_first: bool) -> Option<String> {
        let now = self.now();
        let subscription = self.billing.subscriptions.get(subscription_id)?.clone();
        let invoice = Invoice {
            id: self.new_id("in_1", 23),
            created: now,
            subscription_id: subscription_id.to_owned(),
            customer_id: subscription.customer_id.clone(),
            amount: subscription.amount,
            is_first,
            status: "open",
            attempts: 0,
            next_try: None,
            intent_id: None,
            payment_id: self.new_id("inpay_1", 23),
            line_id: self.new_id("il_1", 23),
            period: (subscription.period_start(subscription.periods), subscription.period_start(subscription.periods + 1)),
            ended_at: None,
            is_paid_elsewhere: false,
            parts: Vec::new(),
            credit: 0,
        };
        let id = invoice.id.clone();
        self.billing.invoices.put(invoice);
        if let Some(subscription) = self.billing.subscriptions.get_mut(subscription_id) {
            subscription.latest_invoice.clone_from(&id);
        }
        Some(id)
    }

    /// The next period begins: a new invoice, charged at once, or void while collection is paused. False when it is over.
    pub fn renew(&mut self, subscription_id: &str) -> bool {
        let Some(subscription) = self.billing.subscriptions.get_mut(subscription_id).filter(|subscription| !subscription.is_over()) else {
            return false;
        };
        subscription.periods += 1;
        let paused = subscription.pause.is_some();
        let unpaid = subscription.status == "unpaid";
        self.schedule_renewal(subscription_id);
        let Some(invoice_id) = self.new_invoice(subscription_id, false) else { return false };
        if paused {
            self.end_invoice(&invoice_id, "void");
            self.tell_invoice("invoice.voided", &invoice_id);
            self.tell_subscription("customer.subscription.updated", subscription_id);
        } else if unpaid {
            // Nothing more is charged by itself: the invoices are left as drafts.
            self.set_invoice(&invoice_id, "draft");
            self.tell_invoice("invoice.created", &invoice_id);
        } else {
            self.try_invoice(&invoice_id);
        }
        true
    }

    /// Charges an open invoice to the subscription's card. True when it is paid now.
    pub fn try_invoice(&mut self, invoice_id: &str) -> bool {
        self.charge_invoice(invoice_id, None).is_ok()
    }

    /// Charges an open invoice: to the subscription's card by schedule, or to one of the customer's cards on demand. A try on demand counts
    /// only when it is the first, and changes nothing of the schedule (docs.stripe.com/api/invoices/object#invoice_object-attempt_count).
    fn charge_invoice(&mut self, invoice_id: &str, on_demand: Option<&str>) -> Result<(), ApiError> {
        let now = self.now();
        let known = self.billing.invoices.get(invoice_id).cloned().ok_or_else(|| ApiError::missing("invoice", invoice_id))?;
        let invoice = if known.status == "open" { known } else { return Err(ApiError::invalid("", "The invoice is not open.")) };
        let subscription = self.billing.subscriptions.get(&invoice.subscription_id).cloned();
        let subscription = subscription.ok_or_else(|| ApiError::missing("subscription", &invoice.subscription_id))?;
        if subscription.is_over() && on_demand.is_none() {
            return Err(ApiError::invalid("", "The subscription is over: nothing more is charged by itself."));
        }
        let method_id = on_demand.unwrap_or(&subscription.method_id);
        let method = self.billing.methods.get(method_id).filter(|method| method.customer_id == invoice.customer_id).cloned();
        let method = method.ok_or_else(|| ApiError::missing("payment_method", method_id))?;
        let counts = on_demand.is_none() || invoice.attempts == 0;
        let intent_id = self.intent_of_invoice(&invoice, method.last4);
        if let Some((code, decline, words)) = problem_of(method.last4, method.has_expired(now)) {
            let charge_id = self.charge(&intent_id, "failed", Some((code, words)));
            self.tell_charge("charge.failed", &charge_id);
            self.fail_intent(&intent_id, code, decline, words);
            if counts {
                self.after_failure(&invoice, code);
            } else {
                self.tell_invoice("invoice.payment_failed", &invoice.id);
            }
            return Err(ApiError { status: 402, kind: "card_error", code: Some(code), param: None, message: words.to_owned() });
        }
        let charge_id = self.charge(&intent_id, "succeeded", None);
        self.set_intent(&intent_id, "succeeded");
        self.pay_invoice_with(invoice_id, &intent_id, counts);
        self.make_well(&invoice);
        self.tell_charge("charge.succeeded", &charge_id);
        self.tell_intent("payment_intent.succeeded", &intent_id);
        self.book_or_schedule(&charge_id);
        self.tell_invoice("invoice.paid", invoice_id);
        self.tell_subscription("customer.subscription.updated", &invoice.subscription_id);
        Ok(())
    }

    /// A subscription whose latest invoice is settled, in whatever way, is well again.
    fn make_well(&mut self, settled: &Invoice) {
        if let Some(subscription) = self.billing.subscriptions.get_mut(&settled.subscription_id)
            && !subscription.is_over()
            && subscription.latest_invoice == settled.id
        {
            subscription.status = "active";
        }
    }

    /// Marks the last invoice of a subscription as paid elsewhere. False when it is not open.
    pub fn mark_paid(&mut self, subscription_id: &str) -> bool {
        let latest = self.billing.subscriptions.get(subscription_id).map(|subscription| subscription.latest_invoice.clone());
        let open = latest.and_then(|id| self.billing.invoices.get_mut(&id)).filter(|invoice| invoice.status == "open");
        let Some(invoice) = open else { return false };
        invoice.is_paid_elsewhere = true;
        let invoice = invoice.clone();
        self.end_invoice(&invoice.id, "paid");
        self.make_well(&invoice);
        self.tell_invoice("invoice.paid", &invoice.id);
        self.tell_subscription("customer.subscription.updated", subscription_id);
        true
    }

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

    fn intent_of_invoice(&mut self, invoice: &Invoice, last4: [u8; 4]) -> String {
        let means = Means::Card(last4);
        if let Some(intent) = invoice.intent_id.as_ref().and_then(|id| self.intents.get_mut(id)) {
            intent.means = means;
            intent.amount = invoice.remaining();
            return intent.id.clone();
        }
        let id = self.new_id("pi_3", 23);
        self.intents.put(Intent {
            id: id.clone(),
            created: self.now(),
            session_id: String::new(),
            amount: invoice.remaining(),
            metadata: std::collections::BTreeMap::new(),
            status: "requires_payment_method",
            means,
            latest_charge: None,
            last_error: None,
        });
        if let Some(invoice) = self.billing.invoices.get_mut(&invoice.id) {
            invoice.intent_id = Some(id.clone());
        }
        id
    }

    fn after_failure(&mut self, invoice: &Invoice, code: &str) {
        let pause = self.billing.retries.pauses.get(invoice.attempts).copied();
        let next_try = pause.map(|pause| self.now() + pause);
        if let Some(invoice) = self.billing.invoices.get_mut(&invoice.id) {
            invoice.attempts += 1;
            invoice.next_try = next_try;
        }
        let last = self.billing.retries.last;
        if let Some(subscription) = self.billing.subscriptions.get_mut(&invoice.subscription_id) {
            subscription.status = if next_try.is_none() && last == LastTry::MarkUnpaid { "unpaid" } else { "past_due" };
        }
        if code == "authentication_required" {
            self.tell_invoice("invoice.payment_action_required", &invoice.id);
        }
        self.tell_invoice("invoice.payment_failed", &invoice.id);
        match next_try {
            Some(at) => self.schedule(at, Due::Billing(BillingDue::Retry { invoice_id: invoice.id.clone() })),
            None if last == LastTry::Cancel => {
                self.end_subscription(&invoice.subscription_id, "payment_failed");
                return;
            }
            None => {}
        }
        self.tell_subscription("customer.subscription.updated", &invoice.subscription_id);
    }

    /// Writes down that an invoice was paid by this payment.
    pub fn pay_invoice_with(&mut self, invoice_id: &str, intent_id: &str, counts: bool) {
        self.end_invoice(invoice_id, "paid");
        if let Some(invoice) = self.billing.invoices.get_mut(invoice_id) {
            invoice.attempts += usize::from(counts);
            invoice.intent_id = Some(intent_id.to_owned());
        }
    }

    fn end_invoice(&mut self, invoice_id: &str, status: &'static str) {
        let now = self.now();
        if let Some(invoice) = self.billing.invoices.get_mut(invoice_id) {
            invoice.status = status;
            invoice.next_try = None;
            invoice.ended_at = Some(now);
        }
    }

    fn set_invoice(&mut self, invoice_id: &str, status: &'static str) {
        if let Some(invoice) = self.billing.invoices.get_mut(invoice_id) {
            invoice.status = status;
        }
    }

    pub fn tell_invoice(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.billing.invoices.get(id).map(|invoice| shape(self, invoice)) {
            self.tell(kind, object);
        }
    }
}

/// `POST /v1/invoices/{id}/{verb}`: `pay` by a card of the customer's, `void`, `finalize`.
pub(super) fn call(vault: &mut Vault, id: &str, verb: &str, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, &["payment_method", "auto_advance", "expand[#]"])?;
    let invoice = vault.billing.invoices.get(id).cloned().ok_or_else(|| ApiError::missing("invoice", id))?;
    match (verb, invoice.status) {
        ("pay", _) => vault.charge_invoice(id, Some(params.required("payment_method")?))?,
        ("void", "open" | "uncollectible") => {
            vault.end_invoice(id, "void");
            vault.make_well(&invoice);
            vault.tell_invoice("invoice.voided", id);
            vault.tell_subscription("customer.subscription.updated", &invoice.subscription_id);
        }
        ("finalize", "draft") => {
            vault.set_invoice(id, "open");
            vault.tell_invoice("invoice.finalized", id);
        }
        _ => return Err(ApiError::invalid("", format!("An invoice that is {} cannot be asked to {verb}.", invoice.status))),
    }
    let mut value = vault.billing.invoices.get(id).map(|invoice| shape(vault, invoice)).unwrap_or_default();
    super::expand::apply(vault, &mut value, &params.list("expand"))?;
    Ok(value)
}

/// An invoice as Stripe writes it. Its payments are only there when asked for by `expand`.
pub(super) fn shape(vault: &Vault, invoice: &Invoice) -> Value {
    let (minor, currency) = (invoice.amount.minor, invoice.amount.currency.stripe_code());
    let due = minor - invoice.credit;
    let paid = if invoice.status == "paid" { due } else { due - invoice.remaining().minor };
    let ended = |status: &str| invoice.ended_at.filter(|_| invoice.status == status).map(|at| at.timestamp());
    let subscription = vault.billing.subscriptions.get(&invoice.subscription_id);
    let metadata = subscription.map(|subscription| subscription.metadata.clone());
    let item_id = subscription.map(|subscription| subscription.item_id.clone()).unwrap_or_default();
    let line = json!({
        "id": invoice.line_id, "object": "line_item", "amount": minor, "currency": currency, "description": null, "discount_amounts": [],
        "discountable": true, "discounts": [], "invoice": invoice.id, "livemode": false, "metadata": metadata,
        "parent": { "invoice_item_details": null, "subscription_item_details": { "invoice_item": null, "proration": false,
            "proration_details": { "credited_items": null }, "subscription": invoice.subscription_id, "subscription_item": item_id },
            "type": "subscription_item_details" },
        "period": { "start": invoice.period.0.timestamp(), "end": invoice.period.1.timestamp() }, "pretax_credit_amounts": [],
        "pricing": null, "quantity": 1, "subscription": invoice.subscription_id, "subtotal": minor, "taxes": [],
    });
    let head = json!({
        "id": invoice.id,
        "object": "invoice",
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": paid,
        "amount_remaining": due - paid,
        "amount_shipping": 0,
        "attempt_count": invoice.attempts,
        "attempted": invoice.attempts > 0,
        "auto_advance": invoice.status == "open",
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_reason": if invoice.is_first { "subscription_create" } else { "subscription_cycle" },
        "collection_method": "charge_automatically",
        "created": invoice.created.timestamp(),
        "currency": currency,
        "customer": invoice.customer_id,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "effective_at": invoice.created.timestamp(),
        "ending_balance": 0,
        "issuer": { "type": "self" },
    });
    // In two parts, because the macro cannot nest any deeper.
    let mut value = json!({
        "lines": { "object": "list", "data": [line], "has_more": false, "url": format!("/v1/invoices/{}/lines", invoice.id) },
        "livemode": false,
        "metadata": {},
        "next_payment_attempt": invoice.next_try.map(|at| at.timestamp()),
        "parent": { "quote_details": null, "subscription_details": { "metadata": metadata, "subscription": invoice.subscription_id },
            "type": "subscription_details" },
        "payment_settings": { "default_mandate": null, "payment_method_options": null, "payment_method_types": null },
        "period_start": invoice.period.0.timestamp(),
        "period_end": invoice.period.1.timestamp(),
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": -invoice.credit,
        "status": invoice.status,
        "status_transitions": { "finalized_at": (invoice.status != "draft").then(|| invoice.created.timestamp()), "marked_uncollectible_at": null, "paid_at": ended("paid"),
            "voided_at": ended("void") },
        "subtotal": minor,
        "subtotal_excluding_tax": minor,
        "total": minor,
        "total_discount_amounts": [],
        "total_excluding_tax": minor,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    });
    if let (Value::Object(value), Value::Object(head)) = (&mut value, head) {
        value.extend(head);
    }
    with_nulls(
        value,
        "account_country account_name account_tax_ids application automatically_finalizes_at custom_fields \
        customer_account customer_address customer_email customer_name customer_phone customer_shipping \
        default_payment_method default_source description due_date footer from_invoice \
        hosted_invoice_url invoice_pdf last_finalization_error latest_revision number on_behalf_of \
        receipt_number rendering shipping_cost shipping_details statement_descriptor test_clock \
        webhooks_delivered_at",
    )
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
pub(super) fn list_payments(vault: &Vault, query: &str) -> Result<Value, ApiError> {
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
