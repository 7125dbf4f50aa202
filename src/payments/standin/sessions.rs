//! Opening a Checkout Session: what Stripe checks, checked here too.

use super::{
    errors::ApiError,
    params::Params,
    shapes,
    state::{Due, Session, SessionStatus, Vault},
    subscriptions::Plan,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{Currency, Money};
use serde_json::Value;
use url::Url;

/// Stripe's page languages, as in docs.stripe.com/api.
const LOCALES: &str = "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW";

/// The parameters that the stand-in takes: a part of Stripe's. Another is refused, so that nothing is silently ignored.
const KNOWN: &[&str] = &[
    "mode",
    "submit_type",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "locale",
    "expires_at",
    "metadata[*]",
    "payment_intent_data[metadata][*]",
    "subscription_data[metadata][*]",
    "line_items[#][quantity]",
    "line_items[#][price_data][currency]",
    "line_items[#][price_data][unit_amount]",
    "line_items[#][price_data][product_data][name]",
    "line_items[#][price_data][recurring][interval]",
    "expand[#]",
];

/// The most line items of a payment.
const LINES_MAX: usize = 100;

/// `POST /v1/checkout/sessions`
pub(super) fn create(vault: &mut Vault, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, KNOWN)?;
    let now = vault.now();
    let plan = plan(&params)?;
    one_of(&params, "submit_type", "auto book donate pay subscribe")?;
    one_of(&params, "locale", LOCALES)?;
    let (amount, product_name) = total(&params)?;
    let session = Session {
        id: vault.new_id("cs_test_a1", 56),
        created: now,
        expires_at: expiry(&params, now)?,
        amount,
        product_name,
        client_reference_id: short(&params, "client_reference_id", 200)?,
        metadata: params.metadata("metadata")?,
        intent_metadata: params.metadata("payment_intent_data[metadata]")?,
        email: email(&params)?,
        success_url: address(&params, "success_url")?
            .ok_or_else(|| ApiError::coded("parameter_missing", "success_url", "Missing required param: success_url."))?,
        cancel_url: address(&params, "cancel_url")?,
        locale: params.text("locale").map(str::to_owned),
        submit_type: params.text("submit_type").map(str::to_owned),
        status: SessionStatus::Open,
        paid: false,
        intent_id: None,
        plan,
    };
    vault.schedule(session.expires_at, Due::Expire { session_id: session.id.clone() });
    let mut answer = shapes::session(vault, &session);
    vault.sessions.put(session);
    super::expand::apply(vault, &mut answer, &params.list("expand"))?;
    Ok(answer)
}

/// What a session in subscription mode begins; nothing in payment mode.
fn plan(params: &Params) -> Result<Option<Plan>, ApiError> {
    let interval = params.text("line_items[0][price_data][recurring][interval]");
    match params.required("mode")? {
        "payment" if interval.is_none() => Ok(None),
        "payment" => {
            Err(ApiError::invalid("mode", "You must provide at least one one-time price in payment mode: a recurring one was given."))
        }
        "subscription" => {
            if !params.group("payment_intent_data[metadata]").is_empty() {
                return Err(ApiError::invalid("payment_intent_data", "You can not pass `payment_intent_data` in `subscription` mode."));
            }
            let every = interval.unwrap_or_default().parse();
            let every = every.map_err(|_| ApiError::invalid("line_items", "The stand-in knows months and years only."))?;
            Ok(Some(Plan { every, metadata: params.metadata("subscription_data[metadata]")?, begun: None }))
        }
        _ => Err(ApiError::invalid("mode", "Invalid mode: the stand-in knows payment and subscription only.")),
    }
}

fn total(params: &Params) -> Result<(Money, String), ApiError> {
    let lines = params.count("line_items");
    if lines == 0 || lines > LINES_MAX {
        return Err(ApiError::invalid("line_items", "1 to 100 line items are needed in payment mode."));
    }
    let mut total: Option<Money> = None;
    let mut names = Vec::new();
    for index in 0..lines {
        let line = format!("line_items[{index}]");
        let at = |field: &str| format!("{line}[price_data][{field}]");
        let currency: Currency = params
            .required(&at("currency"))?
            .parse()
            .map_err(|_| ApiError::invalid(&at("currency"), "Invalid currency: Stripe does not take it."))?;
        let missing = |name: &str| ApiError::coded("parameter_missing", name, format!("Missing required param: {name}."));
        let unit = params.integer(&at("unit_amount"))?.ok_or_else(|| missing(&at("unit_amount")))?;
        let quantity = params.integer(&format!("{line}[quantity]"))?.ok_or_else(|| missing(&format!("{line}[quantity]")))?;
        names.push(params.required(&format!("{line}[price_data][product_data][name]"))?.to_owned());
        if unit < 0 || quantity < 1 {
            return Err(ApiError::invalid(&at("unit_amount"), "Amounts are not negative and quantities at least 1."));
        }
        let too_large = |_| ApiError::coded("amount_too_large", &at("unit_amount"), "The amount is too large, or the currencies differ.");
        let part = Money::new(unit, currency).checked_mul(quantity).map_err(too_large)?;
        total = Some(match total {
            Some(sum) => sum.checked_add(part).map_err(too_large)?,
            None => part,
        });
    }
    let total = total.ok_or_else(|| ApiError::invalid("line_items", "Nothing to pay."))?;
    check_amount(total)?;
    Ok((total, names.join(", ")))
}

/// Stripe's bounds: a minimum per currency, at most twelve digits, and the steps of currencies whose last digits must be zero.
pub(super) fn check_amount(total: Money) -> Result<(), ApiError> {
    let name = "line_items";
    if total.minor < total.currency.stripe_minimum() {
        let least = Money::new(total.currency.stripe_minimum(), total.currency);
        let words = format!("The Checkout Session's total amount due must add up to at least {least}.");
        return Err(ApiError::coded("amount_too_small", name, words));
    }
    if total.minor > 999_999_999_999 {
        return Err(ApiError::coded("amount_too_large", name, "The amount must have at most twelve digits."));
    }
    if total.minor % total.currency.step() != 0 {
        return Err(ApiError::invalid(name, format!("Amounts in {} must be a multiple of {}.", total.currency, total.currency.step())));
    }
    Ok(())
}

fn expiry(params: &Params, now: DateTime<Utc>) -> Result<DateTime<Utc>, ApiError> {
    let Some(seconds) = params.integer("expires_at")? else { return Ok(now + TimeDelta::hours(24)) };
    let least = now.timestamp() + 30 * 60;
    if seconds < least {
        let words = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.";
        return Err(ApiError::invalid("expires_at", words));
    }
    if seconds > now.timestamp() + 24 * 3600 {
        return Err(ApiError::invalid(
            "expires_at",
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
        ));
    }
    DateTime::from_timestamp(seconds, 0).ok_or_else(|| ApiError::invalid("expires_at", "Invalid timestamp."))
}

fn one_of(params: &Params, name: &str, words: &str) -> Result<(), ApiError> {
    match params.text(name) {
        Some(word) if !words.split_ascii_whitespace().any(|known| known == word) => {
            Err(ApiError::invalid(name, format!("Invalid {name}: must be one of {words}.")))
        }
        _ => Ok(()),
    }
}

fn short(params: &Params, name: &str, chars_max: usize) -> Result<Option<String>, ApiError> {
    match params.text(name) {
        Some(text) if text.chars().count() > chars_max => {
            Err(ApiError::invalid(name, format!("Invalid string: must be at most {chars_max} characters.")))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn email(params: &Params) -> Result<Option<String>, ApiError> {
    let Some(text) = short(params, "customer_email", 800)? else { return Ok(None) };
    let plausible =
        text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace));
    if plausible { Ok(Some(text)) } else { Err(ApiError::coded("email_invalid", "customer_email", "Invalid email address.")) }
}

fn address(params: &Params, name: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = short(params, name, 5000)? else { return Ok(None) };
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text)),
        _ => Err(ApiError::coded("url_invalid", name, "Not a valid URL")),
    }
}
