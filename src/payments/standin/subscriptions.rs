//! Customers, their cards and their subscriptions: begun by a checkout, changed over the API, renewed when their time comes.
//!
//! A liberty: the practice card 4000 0000 0000 0341, which Stripe attaches and then never charges, pays the checkout here and fails
//! from the first renewal on.

use super::{
    errors::ApiError,
    params::Params,
    shapes::with_nulls,
    state::{Due, HasId, Session, Shelf, Vault},
};
use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};
use entity::{Money, words::GiftInterval};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What becomes of a subscription when the last try has failed (a setting of the account at Stripe).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastTry {
    /// It is ended.
    #[default]
    Cancel,
    /// It goes on, unpaid.
    MarkUnpaid,
    /// It stays past due.
    LeavePastDue,
}

/// How failed renewals are tried again.
#[derive(Clone, Debug)]
pub struct Retries {
    /// The pauses between the tries.
    pub pauses: Vec<TimeDelta>,
    /// What happens after the last.
    pub last: LastTry,
}

impl Default for Retries {
    /// Three more tries, after three, five and seven days; then it is ended.
    fn default() -> Self {
        Self { pauses: [3, 5, 7].map(TimeDelta::days).to_vec(), last: LastTry::Cancel }
    }
}

/// What the stand-in remembers of subscriptions.
#[derive(Default)]
pub(super) struct Billing {
    pub customers: Shelf<Customer>,
    pub methods: Shelf<Method>,
    pub subscriptions: Shelf<Subscription>,
    pub invoices: Shelf<super::invoices::Invoice>,
    pub portals: Shelf<super::portal::Portal>,
    pub retries: Retries,
}

/// What a session in subscription mode begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub every: GiftInterval,
    pub metadata: BTreeMap<String, String>,
    /// Subscription, invoice and customer, once it has begun.
    pub begun: Option<(String, String, String)>,
}

#[derive(Clone, Debug)]
pub(super) struct Customer {
    pub id: String,
    pub created: DateTime<Utc>,
    pub email: Option<String>,
    pub method_id: Option<String>,
    pub deleted: bool,
}

/// A card.
#[derive(Clone, Debug)]
pub(super) struct Method {
    pub id: String,
    pub created: DateTime<Utc>,
    pub customer_id: String,
    pub last4: [u8; 4],
    /// Month and year.
    pub expires: (u32, i32),
}

#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub id: String,
    pub created: DateTime<Utc>,
    pub customer_id: String,
    pub method_id: String,
    pub metadata: BTreeMap<String, String>,
    pub status: &'static str,
    pub item_id: String,
    pub product_id: String,
    pub price_id: String,
    pub amount: Money,
    pub every: GiftInterval,
    /// How many periods are over.
    pub periods: u32,
    /// Whether collection is paused, and until when.
    pub pause: Option<Option<DateTime<Utc>>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<&'static str>,
    pub latest_invoice: String,
}

macro_rules! has_id {
    ($($kind:ty),+) => { $(impl HasId for $kind {
        fn id(&self) -> &str {
            &self.id
        }
        fn created(&self) -> i64 {
            self.created.timestamp()
        }
    })+ };
}

has_id!(Customer, Method, Subscription, super::invoices::Invoice, super::portal::Portal);

/// What happens to subscriptions by itself when its time comes.
#[derive(Clone, Debug)]
pub(super) enum BillingDue {
    /// The period with this number is over.
    Renew { subscription_id: String, periods: u32 },
    /// A failed invoice is tried again.
    Retry { invoice_id: String },
    /// A pause is over.
    Resume { subscription_id: String, at: DateTime<Utc> },
}

impl Subscription {
    /// When a period begins: always counted from the first, so that one begun on the 31st comes back to it after a short month, and
    /// one of 29 February comes on the 28th in other years (docs.stripe.com/billing/subscriptions/billing-cycle).
    pub fn period_start(&self, number: u32) -> DateTime<Utc> {
        let months = match self.every {
            GiftInterval::Month => number,
            GiftInterval::Year => number * 12,
        };
        self.created.checked_add_months(Months::new(months)).unwrap_or(self.created)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, "canceled" | "incomplete_expired")
    }
}

impl Method {
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        (self.expires.1, self.expires.0) < (now.year(), now.month())
    }
}

impl Vault {
    /// The session's subscription begins: customer, card, subscription, first invoice; paid, or with a bank debit under way. Returns the
    /// invoice's id.
    pub fn begin_subscription(
        &mut self,
        session: &Session,
        intent_id: &str,
        last4: [u8; 4],
        expires: (u32, i32),
        is_paid: bool,
    ) -> Option<String> {
        let plan = session.plan.clone()?;
        let now = self.now();
        let customer_id = self.new_id("cus_", 14);
        let method_id = self.new_id("pm_1", 23);
        let id = self.new_id("sub_1", 23);
        let email = session.email.clone();
        self.billing.customers.put(Customer { id: customer_id.clone(), created: now, email, method_id: None, deleted: false });
        self.billing.methods.put(Method { id: method_id.clone(), created: now, customer_id: customer_id.clone(), last4, expires });
        let subscription = Subscription {
            id: id.clone(),
            created: now,
            customer_id: customer_id.clone(),
            method_id,
            metadata: plan.metadata,
            status: "active",
            item_id: self.new_id("si_", 14),
            product_id: self.new_id("prod_", 14),
            price_id: self.new_id("price_1", 23),
            amount: session.amount,
            every: plan.every,
            periods: 0,
            pause: None,
            ended_at: None,
            end_reason: None,
            latest_invoice: String::new(),
        };
        self.billing.subscriptions.put(subscription);
        let invoice_id = self.new_invoice(&id, true)?;
        if is_paid {
            self.pay_invoice_with(&invoice_id, intent_id, true);
        } else if let Some(invoice) = self.billing.invoices.get_mut(&invoice_id) {
            (invoice.attempts, invoice.intent_id) = (1, Some(intent_id.to_owned()));
        }
        if let Some(plan) = self.sessions.get_mut(&session.id).and_then(|session| session.plan.as_mut()) {
            plan.begun = Some((id.clone(), invoice_id.clone(), customer_id));
        }
        self.schedule_renewal(&id);
        self.tell_subscription("customer.subscription.created", &id);
        Some(invoice_id)
    }

    /// The bank debit of a session's first invoice has ended.
    pub fn first_invoice_came(&mut self, session_id: &str, intent_id: &str, succeeded: bool) {
        let plan = self.sessions.get(session_id).and_then(|session| session.plan.as_ref());
        let Some((subscription_id, invoice_id, _)) = plan.and_then(|plan| plan.begun.clone()) else { return };
        if succeeded {
            self.pay_invoice_with(&invoice_id, intent_id, false);
            self.tell_invoice("invoice.paid", &invoice_id);
            return;
        }
        if let Some(subscription) = self.billing.subscriptions.get_mut(&subscription_id) {
            subscription.status = "past_due";
        }
        self.tell_invoice("invoice.payment_failed", &invoice_id);
        self.tell_subscription("customer.subscription.updated", &subscription_id);
    }

    pub fn schedule_renewal(&mut self, id: &str) {
        let Some(subscription) = self.billing.subscriptions.get(id) else { return };
        let due = BillingDue::Renew { subscription_id: id.to_owned(), periods: subscription.periods };
        let at = subscription.period_start(subscription.periods + 1);
        self.schedule(at, Due::Billing(due));
    }

    pub fn act_on_billing(&mut self, due: &BillingDue) {
        match due {
            BillingDue::Renew { subscription_id, periods } => {
                // One that was brought forward by hand has been renewed already.
                if self.billing.subscriptions.get(subscription_id).is_some_and(|subscription| subscription.periods == *periods) {
                    self.renew(subscription_id);
                }
            }
            BillingDue::Retry { invoice_id } => {
                self.try_invoice(invoice_id);
            }
            BillingDue::Resume { subscription_id, at } => {
                if self.billing.subscriptions.get(subscription_id).is_some_and(|subscription| subscription.pause == Some(Some(*at))) {
                    self.set_pause(subscription_id, None);
                }
            }
        }
    }

    fn set_pause(&mut self, id: &str, pause: Option<Option<DateTime<Utc>>>) {
        if let Some(subscription) = self.billing.subscriptions.get_mut(id) {
            subscription.pause = pause;
        }
        if let Some(Some(at)) = pause {
            self.schedule(at, Due::Billing(BillingDue::Resume { subscription_id: id.to_owned(), at }));
        }
        self.tell_subscription("customer.subscription.updated", id);
    }

    /// Ends a subscription. False when it is over already.
    pub fn end_subscription(&mut self, id: &str, reason: &'static str) -> bool {
        let now = self.now();
        let Some(subscription) = self.billing.subscriptions.get_mut(id).filter(|subscription| !subscription.is_over()) else {
            return false;
        };
        subscription.status = "canceled";
        subscription.ended_at = Some(now);
        subscription.end_reason = Some(reason);
        subscription.pause = None;
        self.tell_subscription("customer.subscription.deleted", id);
        true
    }

    /// Another card, as the portal takes it: it becomes the customer's, while each subscription keeps its own until it is told otherwise.
    pub fn give_card(&mut self, customer_id: &str, last4: [u8; 4], expires: (u32, i32)) -> bool {
        let now = self.now();
        let id = self.new_id("pm_1", 23);
        let Some(customer) = self.billing.customers.get_mut(customer_id) else { return false };
        customer.method_id = Some(id.clone());
        self.billing.methods.put(Method { id: id.clone(), created: now, customer_id: customer_id.to_owned(), last4, expires });
        if let Some(object) = self.billing.customers.get(customer_id).map(super::subscriptions::customer) {
            self.tell("customer.updated", object);
        }
        true
    }

    pub fn tell_subscription(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.billing.subscriptions.get(id).map(shape) {
            self.tell(kind, object);
        }
    }
}

/// The parameters that the stand-in takes when a subscription is changed.
const KNOWN: &[&str] = &[
    "items[#][id]",
    "items[#][price_data][currency]",
    "items[#][price_data][product]",
    "items[#][price_data][recurring][interval]",
    "items[#][price_data][unit_amount]",
    "items[#][quantity]",
    "default_payment_method",
    "proration_behavior",
    "pause_collection",
    "pause_collection[behavior]",
    "pause_collection[resumes_at]",
    "expand[#]",
];

/// `POST /v1/subscriptions/{id}`
pub(super) fn update(vault: &mut Vault, id: &str, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, KNOWN)?;
    let known = vault.billing.subscriptions.get(id).cloned().ok_or_else(|| ApiError::missing("subscription", id))?;
    if known.is_over() {
        return Err(ApiError::invalid("", "A canceled subscription can only update its cancellation_details and metadata."));
    }
    if params.count("items") > 0 {
        change_price(vault, &known, &params)?;
    }
    if let Some(method_id) = params.text("default_payment_method") {
        let method = vault.billing.methods.get(method_id).filter(|method| method.customer_id == known.customer_id);
        let method_id = method.ok_or_else(|| ApiError::missing("payment_method", method_id))?.id.clone();
        if let Some(subscription) = vault.billing.subscriptions.get_mut(id) {
            subscription.method_id = method_id;
        }
        vault.tell_subscription("customer.subscription.updated", id);
    }
    if params.is_given("pause_collection") {
        vault.set_pause(id, None);
    }
    if params.text("pause_collection[behavior]").is_some() {
        if params.required("pause_collection[behavior]")? != "void" {
            return Err(ApiError::invalid("pause_collection[behavior]", "The stand-in knows void only."));
        }
        let until = params.integer("pause_collection[resumes_at]")?.map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default());
        if until.is_some_and(|at| at <= vault.now()) {
            return Err(ApiError::invalid("pause_collection[resumes_at]", "resumes_at must be a timestamp in the future."));
        }
        vault.set_pause(id, Some(until));
    }
    answer(vault, id, &params)
}

fn change_price(vault: &mut Vault, known: &Subscription, params: &Params) -> Result<(), ApiError> {
    let at = |field: &str| format!("items[0][price_data]{field}");
    if params.required("items[0][id]")? != known.item_id {
        return Err(ApiError::missing("subscription_item", params.required("items[0][id]")?));
    }
    if params.required(&at("[product]"))? != known.product_id {
        return Err(ApiError::missing("product", params.required(&at("[product]"))?));
    }
    if params.required(&at("[currency]"))? != known.amount.currency.stripe_code() {
        return Err(ApiError::invalid(&at("[currency]"), "The currency of a subscription cannot change."));
    }
    if params.required(&at("[recurring][interval]"))? != known.every.as_str()
        || params.text("proration_behavior") != Some("none")
        || params.integer("items[0][quantity]")?.unwrap_or(1) != 1
    {
        return Err(ApiError::invalid("items", "The stand-in changes amounts only, without proration."));
    }
    let minor = params.integer(&at("[unit_amount]"))?.unwrap_or(0);
    let money = Money::new(minor, known.amount.currency);
    super::sessions::check_amount(money)?;
    let price_id = vault.new_id("price_1", 23);
    if let Some(subscription) = vault.billing.subscriptions.get_mut(&known.id) {
        subscription.amount = money;
        subscription.price_id = price_id;
    }
    vault.tell_subscription("customer.subscription.updated", &known.id);
    Ok(())
}

/// `DELETE /v1/subscriptions/{id}`
pub(super) fn cancel(vault: &mut Vault, id: &str, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, &["expand[#]"])?;
    // Stripe knows a subscription that is over no more under this address.
    if !vault.end_subscription(id, "cancellation_requested") {
        return Err(ApiError::missing("subscription", id));
    }
    answer(vault, id, &params)
}

fn answer(vault: &Vault, id: &str, params: &Params) -> Result<Value, ApiError> {
    let mut value = vault.billing.subscriptions.get(id).map(shape).ok_or_else(|| ApiError::missing("subscription", id))?;
    super::expand::apply(vault, &mut value, &params.list("expand"))?;
    Ok(value)
}

/// A subscription as Stripe writes it.
pub(super) fn shape(subscription: &Subscription) -> Value {
    let currency = subscription.amount.currency.stripe_code();
    let (every, minor) = (subscription.every.as_str(), subscription.amount.minor);
    let created = subscription.created.timestamp();
    let recurring = json!({ "interval": every, "interval_count": 1, "meter": null, "trial_period_days": null, "usage_type": "licensed" });
    let price = json!({
        "id": subscription.price_id, "object": "price", "active": false, "billing_scheme": "per_unit", "created": created,
        "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {}, "nickname": null,
        "product": subscription.product_id, "recurring": recurring, "tax_behavior": "unspecified", "tiers_mode": null,
        "transform_quantity": null, "type": "recurring", "unit_amount": minor, "unit_amount_decimal": minor.to_string(),
    });
    let plan = json!({
        "id": subscription.price_id, "object": "plan", "active": false, "amount": minor, "amount_decimal": minor.to_string(),
        "billing_scheme": "per_unit", "created": created, "currency": currency, "interval": every, "interval_count": 1,
        "livemode": false, "metadata": {}, "meter": null, "nickname": null, "product": subscription.product_id, "tiers_mode": null,
        "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
    });
    let item = json!({
        "id": subscription.item_id, "object": "subscription_item", "billing_thresholds": null, "created": created,
        "current_period_start": subscription.period_start(subscription.periods).timestamp(),
        "current_period_end": subscription.period_start(subscription.periods + 1).timestamp(),
        "discounts": [], "metadata": {}, "plan": plan, "price": price, "quantity": 1, "subscription": subscription.id, "tax_rates": [],
    });
    let pause = subscription.pause.map(|until| json!({ "behavior": "void", "resumes_at": until.map(|at| at.timestamp()) }));
    let value = json!({
        "id": subscription.id,
        "object": "subscription",
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": created,
        "billing_mode": { "type": "flexible", "flexible": { "proration_discounts": "included" } },
        "billing_schedules": [],
        "cancel_at_period_end": false,
        "canceled_at": subscription.ended_at.map(|at| at.timestamp()),
        "cancellation_details": { "comment": null, "feedback": null, "reason": subscription.end_reason },
        "collection_method": "charge_automatically",
        "created": created,
        "currency": currency,
        "customer": subscription.customer_id,
        "default_payment_method": subscription.method_id,
        "default_tax_rates": [],
        "discounts": [],
        "ended_at": subscription.ended_at.map(|at| at.timestamp()),
        "invoice_settings": { "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": { "type": "self" } },
        "items": { "object": "list", "data": [item], "has_more": false,
            "url": format!("/v1/subscription_items?subscription={}", subscription.id) },
        "latest_invoice": subscription.latest_invoice,
        "livemode": false,
        "metadata": subscription.metadata,
        "pause_collection": pause,
        "payment_settings": { "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off" },
        "start_date": created,
        "status": subscription.status,
        "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } },
    });
    with_nulls(
        value,
        "application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at customer_account \
        days_until_due default_source description next_pending_invoice_item_invoice on_behalf_of pending_invoice_item_interval \
        pending_setup_intent pending_update schedule test_clock transfer_data trial_end \
        trial_start",
    )
}

/// A customer as Stripe writes it.
pub(super) fn customer(customer: &Customer) -> Value {
    if customer.deleted {
        return json!({ "id": customer.id, "object": "customer", "deleted": true });
    }
    json!({
        "id": customer.id, "object": "customer", "address": null, "balance": 0, "created": customer.created.timestamp(), "currency": null,
        "default_source": null, "delinquent": false, "description": null, "discount": null, "email": customer.email,
        "invoice_prefix": "PRACTICE",
        "invoice_settings": { "custom_fields": null, "default_payment_method": customer.method_id, "footer": null, "rendering_options": null },
        "livemode": false, "metadata": {}, "name": null, "next_invoice_sequence": 1, "phone": null, "preferred_locales": [],
        "shipping": null, "tax_exempt": "none", "test_clock": null,
    })
}

/// A card as Stripe writes it.
pub(super) fn method(method: &Method) -> Value {
    let last4: String = method.last4.iter().map(|digit| char::from(*digit)).collect();
    json!({
        "id": method.id, "object": "payment_method", "allow_redisplay": "limited",
        "billing_details": { "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": null, "name": null, "phone": null, "tax_id": null },
        "card": { "brand": "visa", "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US", "display_brand": "visa", "exp_month": method.expires.0, "exp_year": method.expires.1, "fingerprint": null,
            "funding": "credit", "generated_from": null, "last4": last4, "networks": { "available": ["visa"], "preferred": null },
            "regulated_status": "unregulated", "three_d_secure_usage": { "supported": true }, "wallet": null },
        "created": method.created.timestamp(), "customer": method.customer_id, "livemode": false, "metadata": {}, "type": "card",
    })
}
