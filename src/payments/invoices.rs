//! Invoices of subscriptions, and the payments that came in for them: what we ask, and what we keep of Stripe's answers.
//!
//! The shape is that of the API version we send: an invoice names its payments in a list (`payments`), and its subscription under
//! `parent.subscription_details`.

use super::{
    CheckoutState, CheckoutStatus, FeeFact, IntentStatus, PAGE_MAX, Page, Pages, PaymentStatus, Stripe, StripeFailure, checked_id,
    checkout::{intent_status, money, time},
};
use chrono::{DateTime, Utc};
use entity::Money;
use serde::Serialize;
use stripe_billing::invoice::{ListInvoice, RetrieveInvoice};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_shared::{Invoice, InvoicePayment, PaymentIntent};
use stripe_types::List;

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    /// Not final.
    Draft,
    /// To be paid.
    Open,
    /// Paid.
    Paid,
    /// Given up.
    Uncollectible,
    /// Void: nothing is owed.
    Void,
}

/// What Stripe says of one invoice of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceState {
    /// `in_…`
    pub id: String,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// Whether it is the one that the checkout paid.
    pub is_first: bool,
    /// What was paid.
    pub paid: Money,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// How often its payment was tried.
    pub attempts: u64,
    /// When it is tried again.
    pub next_try: Option<DateTime<Utc>>,
    /// What is asked for, before what the customer has to her credit is taken off.
    pub total: Money,
    /// What was left to be paid after that.
    pub due: Money,
    /// The payments that came in for it, oldest first. Several when it was paid in parts; none when it was paid elsewhere and only marked so.
    pub parts: Vec<InvoicePart>,
    /// Its subscription.
    pub subscription_id: Option<String>,
    /// Whether real money moves.
    pub livemode: bool,
}

/// A payment that came in for an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoicePart {
    /// `inpay_…`
    pub id: String,
    /// `pi_…`; none when the money did not come through Stripe, but was only recorded there.
    pub payment_intent_id: Option<String>,
    /// `ch_…` of a charge that was made without a payment.
    pub charge_id: Option<String>,
    /// What of it counts for this invoice.
    pub amount: Money,
    /// When it came.
    pub paid_at: Option<DateTime<Utc>>,
    /// Whether it is the invoice's own, with which a checkout pays it, not one that was attached.
    pub is_default: bool,
}

/// Which payments are asked for.
#[derive(Serialize)]
struct PaymentsOf<'a> {
    invoice: &'a str,
    limit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<String>,
}

/// What Stripe says of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PaymentFacts {
    pub id: String,
    pub status: IntentStatus,
    pub charge_id: Option<String>,
    pub last_error: Option<String>,
    pub fee: Option<FeeFact>,
    pub came_back: bool,
    /// What truly came in.
    pub received: Money,
    pub created: DateTime<Utc>,
    pub livemode: bool,
}

impl Stripe {
    /// Every invoice of a subscription, oldest first, with its payments.
    pub async fn invoices_of(&self, subscription_id: &str) -> Result<Vec<InvoiceState>, StripeFailure> {
        let id = checked_id(subscription_id, "sub_")?;
        let (mut all, mut pages) = (Vec::new(), Pages::new());
        while let Some(place) = pages.ahead()? {
            let mut request = ListInvoice::new().subscription(id).limit(i64::from(PAGE_MAX)).expand(vec!["data.payments".to_owned()]);
            if let Some(place) = place {
                request = request.starting_after(place);
            }
            let answer = self.ask(id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
            let page =
                pages.turn(Page::of(answer, |row| row.id.as_ref().map(ToString::to_string).unwrap_or_default(), InvoiceState::read)?);
            if !page.unread.is_empty() {
                return Err(StripeFailure::BadAnswer { detail: "one of its invoices could not be read" });
            }
            for (invoice, has_all) in page.items {
                all.push(if has_all { invoice } else { self.with_all_parts(invoice).await? });
            }
        }
        all.reverse();
        Ok(all)
    }

    /// Asks for all payments of an invoice: with the invoice itself Stripe tells only the first of them.
    async fn with_all_parts(&self, mut invoice: InvoiceState) -> Result<InvoiceState, StripeFailure> {
        let parts = self.payments_of(&invoice.id).await?.into_iter().map(InvoicePart::of).collect::<Result<Vec<_>, _>>()?;
        invoice.parts = in_order(parts.into_iter().flatten().collect());
        Ok(invoice)
    }

    /// Every payment of an invoice, also those that came to nothing.
    async fn payments_of(&self, invoice_id: &str) -> Result<Vec<InvoicePayment>, StripeFailure> {
        let (mut all, mut pages) = (Vec::new(), Pages::new());
        while let Some(place) = pages.ahead()? {
            let query = PaymentsOf { invoice: invoice_id, limit: PAGE_MAX, starting_after: place };
            let send = || {
                let request = RequestBuilder::new(StripeMethod::Get, "/invoice_payments").query(&query).customize::<List<InvoicePayment>>();
                request.timeout(self.patience.attempt).send(&self.client)
            };
            let answer = self.ask(invoice_id, send).await?;
            let page = pages.turn(Page::of(answer, |row: &InvoicePayment| row.id.to_string(), Ok)?);
            all.extend(page.items);
        }
        Ok(all)
    }

    /// One invoice with its payments.
    pub async fn fetch_invoice(&self, invoice_id: &str) -> Result<InvoiceState, StripeFailure> {
        let id = checked_id(invoice_id, "in_")?;
        let request = RetrieveInvoice::new(id).expand(vec!["payments".to_owned()]);
        let answer = self.ask(id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        let (invoice, has_all) = InvoiceState::read(answer)?;
        if has_all { Ok(invoice) } else { self.with_all_parts(invoice).await }
    }

    /// The present state of one payment of an invoice, in the words of a checkout, for the donation that it is.
    pub async fn payment_of_invoice(&self, invoice_id: &str, intent_id: &str, donation_id: &str) -> Result<CheckoutState, StripeFailure> {
        Ok(CheckoutState::of_payment(invoice_id, self.fetch_payment(intent_id).await?, donation_id))
    }

    /// Fills in what the session of a subscription's checkout does not say itself: the payment behind its first invoice.
    pub(super) async fn complete_from_invoice(&self, state: &mut CheckoutState) -> Result<(), StripeFailure> {
        let (Some(invoice), Some(_)) = (state.invoice_id.clone(), state.recurring_id.as_ref()) else { return Ok(()) };
        let Some((intent, paid_at)) = self.first_payment_of(&invoice).await? else { return Ok(()) };
        let known = self.payment_of_invoice(&invoice, &intent, state.donation_id.as_deref().unwrap_or_default()).await?;
        if known.is_paid() {
            // When the rest was paid another way, it is less than the checkout asked for.
            state.amount = known.amount;
        }
        // The invoice may be paid by what somebody else attached to it.
        state.payment_status = known.payment_status;
        state.payment_intent_id = known.payment_intent_id;
        state.charge_id = known.charge_id;
        state.intent_status = known.intent_status;
        state.last_payment_error = known.last_payment_error;
        state.paid_at = paid_at;
        state.fee = known.fee;
        state.came_back = known.came_back;
        Ok(())
    }

    /// The payment with which the checkout of a subscription pays its first invoice, or tries to, and when the invoice was paid: the invoice's
    /// own, whatever was attached to it beside; another only when it has none of its own.
    async fn first_payment_of(&self, invoice_id: &str) -> Result<Option<(String, Option<DateTime<Utc>>)>, StripeFailure> {
        let id = checked_id(invoice_id, "in_")?;
        let request = RetrieveInvoice::new(id).expand(vec!["payments".to_owned()]);
        let answer: Invoice = self.ask(id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        let (mut rows, has_all) = answer.payments.map_or((Vec::new(), true), |list| (list.data, !list.has_more));
        if !has_all && !rows.iter().any(|row| row.is_default) {
            rows = self.payments_of(id).await?;
        }
        let intent = |row: &InvoicePayment| row.payment.payment_intent.as_ref().map(|intent| intent.id().to_string());
        let mut tried: Vec<_> =
            rows.iter().filter_map(|row| Some((!row.is_default, row.status != "paid", row.created, intent(row)?))).collect();
        tried.sort();
        let paid_at = answer.status_transitions.paid_at.map(time).transpose()?;
        Ok(tried.into_iter().next().map(|(_, _, _, intent)| (intent, paid_at)))
    }

    async fn fetch_payment(&self, id: &str) -> Result<PaymentFacts, StripeFailure> {
        let id = checked_id(id, "pi_")?;
        let request = RetrievePaymentIntent::new(id).expand(vec!["latest_charge.balance_transaction".to_owned()]);
        let answer = self.ask(id, || request.customize().timeout(self.patience.attempt).send(&self.client)).await?;
        PaymentFacts::of(answer)
    }
}

impl InvoiceState {
    /// Reads an invoice as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let answer = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not an Invoice" })?;
        Self::read(answer).map(|(invoice, _)| invoice)
    }

    /// The invoice, and whether all its payments were told with it.
    fn read(answer: Invoice) -> Result<(Self, bool), StripeFailure> {
        let status = invoice_status(answer.status.as_ref().map(|status| status.as_str()))?;
        // A try that brought nothing is no part. A paid invoice without any was paid elsewhere, by a bank transfer perhaps.
        let (rows, has_all) = answer.payments.map_or((Vec::new(), true), |list| (list.data, !list.has_more));
        let parts = rows.into_iter().map(InvoicePart::of).collect::<Result<Vec<_>, _>>()?;
        let parent = answer.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        let invoice = Self {
            id: answer.id.as_ref().ok_or(StripeFailure::BadAnswer { detail: "an invoice without an id" })?.to_string(),
            status,
            is_first: answer.billing_reason.as_ref().is_some_and(|reason| reason.as_str() == "subscription_create"),
            paid: money(answer.amount_paid, &answer.currency.to_string())?,
            created: time(answer.created)?,
            paid_at: answer.status_transitions.paid_at.map(time).transpose()?,
            attempts: answer.attempt_count,
            next_try: answer.next_payment_attempt.map(time).transpose()?,
            total: money(answer.total, &answer.currency.to_string())?,
            due: money(answer.amount_due, &answer.currency.to_string())?,
            parts: in_order(parts.into_iter().flatten().collect()),
            subscription_id: parent.map(|details| details.subscription.id().to_string()),
            livemode: answer.livemode,
        };
        Ok((invoice, has_all))
    }
}

impl InvoiceState {
    /// Whether it is paid, or a part of it came in through Stripe.
    pub fn has_brought_something(&self) -> bool {
        self.status == InvoiceStatus::Paid || self.parts.iter().any(|part| part.payment_intent_id.is_some())
    }
}

impl InvoicePart {
    /// Nothing of a payment that has not come, or that was given up.
    fn of(row: InvoicePayment) -> Result<Option<Self>, StripeFailure> {
        let Some(minor) = row.amount_paid.filter(|minor| row.status == "paid" && *minor > 0) else { return Ok(None) };
        Ok(Some(Self {
            id: row.id.to_string(),
            payment_intent_id: row.payment.payment_intent.map(|intent| intent.id().to_string()),
            charge_id: row.payment.charge.map(|charge| charge.id().to_string()),
            amount: money(minor, &row.currency.to_string())?,
            paid_at: row.status_transitions.paid_at.map(time).transpose()?,
            is_default: row.is_default,
        }))
    }
}

fn in_order(mut parts: Vec<InvoicePart>) -> Vec<InvoicePart> {
    parts.sort_by(|a, b| (a.paid_at, &a.id).cmp(&(b.paid_at, &b.id)));
    parts
}

impl PaymentFacts {
    fn of(intent: PaymentIntent) -> Result<Self, StripeFailure> {
        let last_error = intent.last_payment_error.as_ref().map(|error| {
            let code = error.code.as_ref().map(|code| code.as_str().to_owned());
            error.decline_code.clone().or(code).unwrap_or_else(|| error.type_.as_str().to_owned())
        });
        let (id, status) = (intent.id.to_string(), intent_status(intent.status.as_str()));
        let received = money(intent.amount_received, &intent.currency.to_string())?;
        let (created, livemode) = (time(intent.created)?, intent.livemode);
        let charge_id = intent.latest_charge.as_ref().map(|charge| charge.id().to_string());
        let charge = intent.latest_charge.and_then(|charge| charge.into_object());
        let came_back = charge.as_ref().is_some_and(|charge| charge.amount_refunded > 0 || charge.disputed);
        let entry = charge.and_then(|charge| charge.balance_transaction).and_then(|entry| entry.into_object());
        let fee = entry.map(FeeFact::of).transpose()?;
        Ok(Self { id, status, charge_id, last_error, fee, came_back, received, created, livemode })
    }
}

impl CheckoutState {
    /// What one payment of an invoice says, in the words of a checkout. There is no session: `session_id` is empty. Its amount is what came
    /// in, be it more or less than the invoice asked for.
    fn of_payment(invoice_id: &str, payment: PaymentFacts, donation_id: &str) -> Self {
        let paid = payment.status == IntentStatus::Succeeded;
        Self {
            session_id: String::new(),
            donation_id: Some(donation_id.to_owned()),
            recurring_id: None,
            subscription_id: None,
            invoice_id: Some(invoice_id.to_owned()),
            status: CheckoutStatus::Complete,
            payment_status: if paid { PaymentStatus::Paid } else { PaymentStatus::Unpaid },
            amount: Some(payment.received),
            paid_at: None,
            livemode: payment.livemode,
            url: None,
            created: payment.created,
            expires_at: payment.created,
            payment_intent_id: Some(payment.id),
            charge_id: payment.charge_id,
            intent_status: Some(payment.status),
            last_payment_error: payment.last_error,
            came_back: payment.came_back,
            fee: payment.fee,
        }
    }
}

fn invoice_status(word: Option<&str>) -> Result<InvoiceStatus, StripeFailure> {
    Ok(match word {
        None | Some("draft") => InvoiceStatus::Draft,
        Some("open") => InvoiceStatus::Open,
        Some("paid") => InvoiceStatus::Paid,
        Some("uncollectible") => InvoiceStatus::Uncollectible,
        Some("void") => InvoiceStatus::Void,
        Some(_) => return Err(StripeFailure::BadAnswer { detail: "an invoice status that is not known" }),
    })
}
