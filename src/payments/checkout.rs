//! One hosted checkout: what we send for it, and what we keep of Stripe's answer. Names, addresses and cards are in that answer; nothing
//! here reads them.

use super::{DONATION_KEY, RECURRING_KEY, StripeFailure, subscriptions::marks};
use chrono::{DateTime, Utc};
use entity::{Currency, Money, words::GiftInterval};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionLineItemsPriceDataRecurring, CreateCheckoutSessionLineItemsPriceDataRecurringInterval,
    CreateCheckoutSessionPaymentIntentData, CreateCheckoutSessionSubscriptionData, ProductData,
};
use stripe_shared::{BalanceTransaction, CheckoutSession, CheckoutSessionLocale, CheckoutSessionMode, CheckoutSessionSubmitType};

/// The languages of Stripe's page (docs.stripe.com/api, Checkout Session `locale`). Persian, Pashto and Arabic are not among them.
const LOCALES: &str = "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW";

/// What a hosted checkout is opened with.
#[derive(Clone, Debug)]
pub struct NewCheckout {
    /// Stored before the first try and sent with every try: 1 to 255 characters.
    pub idempotency_key: String,
    /// The donation's opaque id: all that Stripe learns about what the money is for, beside `product_name`.
    pub donation_id: String,
    /// The whole amount to pay.
    pub money: Money,
    /// What the payment page and Stripe's dashboard call it. Keep it neutral: it may put a supporter at risk.
    pub product_name: String,
    /// Where Stripe may ask the payer to confirm; it is filled in on its page.
    pub email: String,
    /// Where the payer comes back to after paying. `{CHECKOUT_SESSION_ID}` in it is replaced by Stripe.
    pub success_url: String,
    /// Where the payer comes back to without paying.
    pub cancel_url: String,
    /// The language of our page; one that Stripe does not have becomes `auto`.
    pub locale: String,
    /// 30 minutes to 24 hours from now: [`super::CHECKOUT_LIFE`] from now.
    pub expires_at: DateTime<Utc>,
    /// Set when it is not paid once but every month or year.
    pub recurring: Option<NewRecurring>,
}

/// What a checkout that begins a subscription says beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecurring {
    /// The recurring donation's opaque id.
    pub recurring_id: String,
    /// How often the amount is charged.
    pub every: GiftInterval,
}

/// A checkout that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// `cs_…`
    pub session_id: String,
    /// Where to send the payer.
    pub url: String,
    /// When it can no longer be paid.
    pub expires_at: DateTime<Utc>,
    /// Whether real money would move.
    pub livemode: bool,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// It can be paid.
    Open,
    /// The payer has gone through; whether the money has come is [`PaymentStatus`].
    Complete,
    /// It can no longer be paid.
    Expired,
}

/// Whether the money has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// It has.
    Paid,
    /// It has not, or not yet: a bank debit takes days.
    Unpaid,
    /// There is nothing to pay.
    NoPaymentRequired,
}

/// Where the payment behind a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentStatus {
    /// The payer has not paid, or the last try failed.
    Open,
    /// The bank has it, or the payer has something to do elsewhere (confirm, pay a voucher); days may pass.
    Processing,
    /// Paid.
    Succeeded,
    /// It will not be paid.
    Canceled,
}

/// What the payment cost, from Stripe's balance transaction: the truth about fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeFact {
    /// `txn_…`
    pub balance_transaction_id: String,
    /// What was paid, in the settlement currency, which may differ from the currency paid in.
    pub gross: Money,
    /// What Stripe kept, in the settlement currency.
    pub fee: Money,
    /// Gross less fee.
    pub net: Money,
    /// When Stripe booked it.
    pub created: DateTime<Utc>,
    /// When it can be paid out.
    pub available_on: DateTime<Utc>,
}

/// What Stripe says of a session at the moment of asking. Holds nothing about the payer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutState {
    /// `cs_…`; empty when the state is that of an invoice which no checkout paid.
    pub session_id: String,
    /// The donation it was made for; `None`: not ours, leave it alone.
    pub donation_id: Option<String>,
    /// The recurring donation that it begins, if it begins one.
    pub recurring_id: Option<String>,
    /// `sub_…`, once it has begun one.
    pub subscription_id: Option<String>,
    /// `in_…` of the subscription's payment.
    pub invoice_id: Option<String>,
    /// Open, complete or expired.
    pub status: CheckoutStatus,
    /// Paid or not.
    pub payment_status: PaymentStatus,
    /// What is paid, in the currency asked for. Always there for ours; other programs have sessions without an amount.
    pub amount: Option<Money>,
    /// When the payment of an invoice came, where Stripe says it.
    pub paid_at: Option<DateTime<Utc>>,
    /// Whether real money moves.
    pub livemode: bool,
    /// Where to send the payer, while it is open.
    pub url: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it can no longer be paid.
    pub expires_at: DateTime<Utc>,
    /// `pi_…`, once there is one.
    pub payment_intent_id: Option<String>,
    /// `ch_…` or `py_…` of the last try, once there is one.
    pub charge_id: Option<String>,
    /// Where the payment stands, when the answer held it.
    pub intent_status: Option<IntentStatus>,
    /// Why the last try failed: the bank's decline code, or Stripe's code.
    pub last_payment_error: Option<String>,
    /// The fee, once Stripe has booked it: it can come a little after the payment.
    pub fee: Option<FeeFact>,
    /// Whether something of the payment was given back or is disputed: then refunds and disputes are to be asked for.
    pub came_back: bool,
}

impl CheckoutState {
    /// Whether the money has come.
    pub fn is_paid(&self) -> bool {
        self.payment_status == PaymentStatus::Paid
    }

    /// Whether the payer has gone through and the bank has not answered yet.
    pub fn is_processing(&self) -> bool {
        self.status == CheckoutStatus::Complete
            && self.payment_status == PaymentStatus::Unpaid
            && matches!(self.intent_status, None | Some(IntentStatus::Processing))
    }

    /// Reads a Checkout Session as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let session = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a Checkout Session" })?;
        Self::of(session)
    }

    pub(super) fn of(session: CheckoutSession) -> Result<Self, StripeFailure> {
        let donation_id = session.metadata.as_ref().and_then(|metadata| metadata.get(DONATION_KEY)).filter(|id| !id.is_empty()).cloned();
        let amount = match (session.amount_total, &session.currency) {
            (Some(minor), Some(currency)) => money(minor, &currency.to_string()).ok(),
            _ => None,
        };
        if donation_id.is_some() && amount.is_none() {
            return Err(StripeFailure::BadAnswer { detail: "one of our sessions has no amount" });
        }
        let mut state = Self {
            session_id: session.id.to_string(),
            donation_id,
            recurring_id: session.metadata.as_ref().and_then(|metadata| metadata.get(RECURRING_KEY)).filter(|id| !id.is_empty()).cloned(),
            subscription_id: session.subscription.as_ref().map(|subscription| subscription.id().to_string()),
            invoice_id: session.invoice.as_ref().and_then(|invoice| invoice.id().as_ref().map(ToString::to_string)),
            status: status(session.status.as_ref().map(|status| status.as_str()))?,
            payment_status: payment_status(session.payment_status.as_str())?,
            amount,
            paid_at: None,
            livemode: session.livemode,
            url: session.url,
            created: time(session.created)?,
            expires_at: time(session.expires_at)?,
            payment_intent_id: session.payment_intent.as_ref().map(|intent| intent.id().to_string()),
            charge_id: None,
            intent_status: None,
            last_payment_error: None,
            fee: None,
            came_back: false,
        };
        let Some(intent) = session.payment_intent.and_then(|intent| intent.into_object()) else { return Ok(state) };
        state.intent_status = Some(intent_status(intent.status.as_str()));
        state.last_payment_error = intent.last_payment_error.as_ref().map(|error| {
            let code = error.code.as_ref().map(|code| code.as_str().to_owned());
            error.decline_code.clone().or(code).unwrap_or_else(|| error.type_.as_str().to_owned())
        });
        state.charge_id = intent.latest_charge.as_ref().map(|charge| charge.id().to_string());
        let charge = intent.latest_charge.and_then(|charge| charge.into_object());
        state.came_back = charge.as_ref().is_some_and(|charge| charge.amount_refunded > 0 || charge.disputed);
        if let Some(entry) = charge.and_then(|charge| charge.balance_transaction).and_then(|entry| entry.into_object()) {
            state.fee = Some(FeeFact::of(entry)?);
        }
        Ok(state)
    }
}

impl FeeFact {
    /// Reads a balance transaction as Stripe writes it.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let entry = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a balance transaction" })?;
        Self::of(entry)
    }

    pub(super) fn of(entry: BalanceTransaction) -> Result<Self, StripeFailure> {
        if entry.amount.checked_sub(entry.fee) != Some(entry.net) {
            return Err(StripeFailure::BadAnswer { detail: "a balance transaction's net is not its amount less its fee" });
        }
        Ok(Self {
            balance_transaction_id: entry.id.to_string(),
            gross: money(entry.amount, &entry.currency.to_string())?,
            fee: money(entry.fee, &entry.currency.to_string())?,
            net: money(entry.net, &entry.currency.to_string())?,
            created: time(entry.created)?,
            available_on: time(entry.available_on)?,
        })
    }
}

impl Checkout {
    pub(super) fn of(session: CheckoutSession) -> Result<Self, StripeFailure> {
        Ok(Self {
            session_id: session.id.to_string(),
            url: session.url.ok_or(StripeFailure::BadAnswer { detail: "an open session has no address" })?,
            expires_at: time(session.expires_at)?,
            livemode: session.livemode,
        })
    }
}

/// The request that opens a hosted checkout: one line with the whole amount, once or every month or year.
pub(super) fn create_request(new: &NewCheckout) -> CreateCheckoutSession {
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(stripe_currency(new.money.currency));
    price.unit_amount = Some(new.money.minor);
    price.product_data = Some(ProductData::new(new.product_name.as_str()));
    price.recurring = new.recurring.as_ref().map(|recurring| {
        CreateCheckoutSessionLineItemsPriceDataRecurring::new(match recurring.every {
            GiftInterval::Month => CreateCheckoutSessionLineItemsPriceDataRecurringInterval::Month,
            GiftInterval::Year => CreateCheckoutSessionLineItemsPriceDataRecurringInterval::Year,
        })
    });
    let mut line = CreateCheckoutSessionLineItems::new();
    line.price_data = Some(price);
    line.quantity = Some(1);
    let recurring_id = new.recurring.as_ref().map(|recurring| recurring.recurring_id.as_str());
    let request = CreateCheckoutSession::new()
        .submit_type(CheckoutSessionSubmitType::Donate)
        .client_reference_id(new.donation_id.as_str())
        .metadata(marks(&new.donation_id, recurring_id))
        .line_items(vec![line])
        .customer_email(new.email.as_str())
        .success_url(new.success_url.as_str())
        .cancel_url(new.cancel_url.as_str())
        .locale(stripe_locale(&new.locale))
        .expires_at(new.expires_at.timestamp());
    match recurring_id {
        // A subscription is marked by its own id only: its later payments are other donations than the first.
        Some(id) => {
            let mut subscription = CreateCheckoutSessionSubscriptionData::new();
            subscription.metadata = Some([(RECURRING_KEY.to_owned(), id.to_owned())].into());
            request.mode(CheckoutSessionMode::Subscription).subscription_data(subscription)
        }
        None => {
            let mut intent = CreateCheckoutSessionPaymentIntentData::new();
            intent.metadata = Some(marks(&new.donation_id, None));
            request.mode(CheckoutSessionMode::Payment).payment_intent_data(intent)
        }
    }
}

/// Stripe's name for a page language: the language itself, its parent (`de-AT` is `de`), or `auto`.
fn stripe_locale(ours: &str) -> CheckoutSessionLocale {
    let known = |tag: &str| LOCALES.split_ascii_whitespace().find(|known| known.eq_ignore_ascii_case(tag));
    let parent = ours.split(['-', '_']).next().unwrap_or_default();
    match known(ours).or_else(|| known(parent)).unwrap_or("auto").parse() {
        Ok(locale) => locale,
        Err(never) => match never {},
    }
}

pub(super) fn stripe_currency(currency: Currency) -> stripe_types::Currency {
    match currency.stripe_code().parse() {
        Ok(currency) => currency,
        Err(never) => match never {},
    }
}

/// Money in Stripe's words: minor units and a code.
pub(super) fn money(minor: i64, currency: &str) -> Result<Money, StripeFailure> {
    let currency = currency.parse().map_err(|_| StripeFailure::BadAnswer { detail: "a currency that is not known" })?;
    Ok(Money::new(minor, currency))
}

/// An instant in Stripe's words.
pub(super) fn time(seconds: i64) -> Result<DateTime<Utc>, StripeFailure> {
    DateTime::from_timestamp(seconds, 0).ok_or(StripeFailure::BadAnswer { detail: "a time out of range" })
}

/// A session of the embedded kind may have no status; it can be paid then.
fn status(word: Option<&str>) -> Result<CheckoutStatus, StripeFailure> {
    match word {
        None | Some("open") => Ok(CheckoutStatus::Open),
        Some("complete") => Ok(CheckoutStatus::Complete),
        Some("expired") => Ok(CheckoutStatus::Expired),
        Some(_) => Err(StripeFailure::BadAnswer { detail: "a session status that is not known" }),
    }
}

/// A word that we do not know must not count as paid, nor as unpaid.
fn payment_status(word: &str) -> Result<PaymentStatus, StripeFailure> {
    match word {
        "paid" => Ok(PaymentStatus::Paid),
        "unpaid" => Ok(PaymentStatus::Unpaid),
        "no_payment_required" => Ok(PaymentStatus::NoPaymentRequired),
        _ => Err(StripeFailure::BadAnswer { detail: "a payment status that is not known" }),
    }
}

pub(super) fn intent_status(word: &str) -> IntentStatus {
    match word {
        // `requires_action` of a session that is complete: a voucher or transfer that the payer has yet to pay, which takes days too.
        "processing" | "requires_action" => IntentStatus::Processing,
        "succeeded" => IntentStatus::Succeeded,
        "canceled" => IntentStatus::Canceled,
        _ => IntentStatus::Open,
    }
}
