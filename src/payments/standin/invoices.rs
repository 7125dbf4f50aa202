//! Invoices of subscriptions: made at each renewal, charged to the card, tried again when that fails.

use super::{
    errors::ApiError,
    invoice_payments::Part,
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

impl Invoice {
    /// What the parts and the credit leave to be paid.
    pub(super) fn remaining(&self) -> Money {
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
    pub(super) fn make_well(&mut self, settled: &Invoice) {
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

    pub(super) fn end_invoice(&mut self, invoice_id: &str, status: &'static str) {
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
