//! What each setting may say. An error names the setting and says what it should be.

use super::{Canary, Limits, Link, PaymentWay, ReceiptProfile, Settings};
use crate::error::Error;
use chrono::NaiveDate;
use entity::{Currency, Money, words::Account};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
};
use url::Url;

pub(super) fn wrong(setting: &str, should: &str) -> Error {
    Error::Invalid(format!("{setting} must be {should}"))
}

pub(super) fn is_bare_address(text: &str) -> bool {
    let has_parts = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    has_parts && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

pub(super) fn optional(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

pub(super) fn parse_bounces(text: &str) -> Result<Option<String>, Error> {
    match optional(text) {
        Some(address) if !is_bare_address(address) || address.contains('+') => {
            Err(wrong("MAIL_BOUNCES", "one bare address such as bounces@example.org, without a `+`"))
        }
        address => Ok(address.map(str::to_owned)),
    }
}

pub(super) fn or_else(text: &str, default: impl FnOnce() -> String) -> String {
    let text = text.trim();
    if text.is_empty() { default() } else { text.to_owned() }
}

pub(super) fn parse_list<T>(text: &str, setting: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| parse(part).ok_or_else(|| Error::Invalid(format!("{setting}: `{part}` is not understood"))))
        .collect()
}

pub(super) fn parse_base_url(settings: &Settings, listen: SocketAddr) -> Result<Url, Error> {
    let text = or_else(&settings.base_url, || format!("http://{listen}"));
    let url = Url::parse(&text).map_err(|_| wrong("BASE_URL", "an address such as https://give.example.org"))?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
        return Err(wrong("BASE_URL", "http(s):// and a host, without a path"));
    }
    Ok(url)
}

/// Whether an address is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

pub(super) fn parse_payment(settings: &Settings, base_url: &Url) -> Result<PaymentWay, Error> {
    let key = settings.stripe_secret_key.expose_secret();
    if key.is_empty() {
        if !is_loopback(base_url) && !settings.standin_on_public_url {
            return Err(Error::Invalid(
                "STRIPE_SECRET_KEY is not set, so a stand-in would take the gifts, but BASE_URL is not on this machine. \
                 Set STRIPE_SECRET_KEY, or STANDIN_ON_PUBLIC_URL=true to show practice payments to others"
                    .to_owned(),
            ));
        }
        let listen: SocketAddr =
            settings.standin_listen.parse().map_err(|_| wrong("STANDIN_LISTEN", "an address and port such as 127.0.0.1:0"))?;
        return Ok(PaymentWay::Standin(listen));
    }
    let known = ["sk_live_", "rk_live_", "sk_test_", "rk_test_"].iter().any(|prefix| key.starts_with(prefix));
    if !known {
        return Err(wrong("STRIPE_SECRET_KEY", "a key that begins with sk_live_, rk_live_, sk_test_ or rk_test_"));
    }
    let live = key.contains("_live_");
    if live && base_url.scheme() != "https" {
        return Err(Error::Invalid("a live Stripe key needs a BASE_URL with https: supporters' data would travel in the open".to_owned()));
    }
    let secrets: Vec<SecretString> = settings
        .stripe_webhook_secret
        .expose_secret()
        .split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(SecretString::from)
        .collect();
    if secrets.is_empty() || secrets.len() > 2 {
        return Err(wrong(
            "STRIPE_WEBHOOK_SECRET",
            "the endpoint's signing secret (two while one is being replaced): without it anyone could say that a gift was paid",
        ));
    }
    let api_base =
        Url::parse(&settings.stripe_api_base).map_err(|_| wrong("STRIPE_API_BASE", "an address such as https://api.stripe.com/"))?;
    if live && api_base.scheme() != "https" {
        return Err(wrong("STRIPE_API_BASE", "https with a live key"));
    }
    let checkout =
        Url::parse(&settings.checkout_origin).map_err(|_| wrong("CHECKOUT_ORIGIN", "an origin such as https://checkout.stripe.com"))?;
    Ok(PaymentWay::Stripe {
        key: settings.stripe_secret_key.clone(),
        webhook_secrets: secrets,
        api_base: api_base.to_string(),
        checkout_origin: checkout.origin().ascii_serialization(),
    })
}

pub(super) fn parse_canary(settings: &Settings) -> Result<Option<Canary>, Error> {
    let (key, secret) = (settings.stripe_canary_key.expose_secret(), settings.stripe_canary_webhook_secret.expose_secret());
    if key.is_empty() {
        return Ok(None);
    }
    // A live key would take real money every day.
    if !["sk_test_", "rk_test_"].iter().any(|prefix| key.starts_with(prefix)) {
        return Err(wrong("STRIPE_CANARY_KEY", "a test key, sk_test_… or rk_test_…"));
    }
    if !secret.starts_with("whsec_") {
        return Err(wrong(
            "STRIPE_CANARY_WEBHOOK_SECRET",
            "the signing secret (whsec_…) of the endpoint /webhooks/stripe/canary in test mode",
        ));
    }
    let email = optional(&settings.stripe_canary_email);
    if email.is_some_and(|email| !is_bare_address(email)) {
        return Err(wrong("STRIPE_CANARY_EMAIL", "one bare address such as watch@example.org"));
    }
    let (key, webhook_secret) = (settings.stripe_canary_key.clone(), settings.stripe_canary_webhook_secret.clone());
    Ok(Some(Canary { key, webhook_secret, email: email.map(str::to_owned) }))
}

/// The rules of receipts. The number that names the organisation to its tax office must be there; what else a profile lacks does not keep
/// the program from starting: receipts then say that they are not official ones, and `doctor` says what is missing.
pub(super) fn parse_profile(settings: &Settings) -> Result<ReceiptProfile, Error> {
    let (profile, needed) = match settings.org_receipt_profile.as_str() {
        "plain" => (ReceiptProfile::Plain, None),
        "us" => (ReceiptProfile::Us, Some(("ORG_TAX_ID", &settings.org_tax_id))),
        "uk" => (ReceiptProfile::Uk, Some(("ORG_CHARITY_NUMBER", &settings.org_charity_number))),
        "ca" => (ReceiptProfile::Ca, Some(("ORG_CHARITY_NUMBER", &settings.org_charity_number))),
        "de" => (ReceiptProfile::De, Some(("ORG_TAX_NUMBER", &settings.org_tax_number))),
        "au" => (ReceiptProfile::Au, Some(("ORG_TAX_ID", &settings.org_tax_id))),
        _ => return Err(wrong("ORG_RECEIPT_PROFILE", "plain, us, uk, ca, de or au")),
    };
    match needed {
        Some((setting, value)) if value.trim().is_empty() => {
            Err(Error::Invalid(format!("the receipt profile `{}` needs {setting}", profile.as_str())))
        }
        _ => Ok(profile),
    }
}

pub(super) fn parse_notice_date(text: &str) -> Result<Option<NaiveDate>, Error> {
    match text.trim() {
        "" => Ok(None),
        day => crate::clock::parse_day(day).map(Some).ok_or_else(|| wrong("ORG_TAX_NOTICE_DATE", "a day such as 2025-03-14")),
    }
}

/// A number of days or months that may be left out.
pub(super) fn parse_count(text: &str, setting: &str, most: u16) -> Result<Option<u16>, Error> {
    match text.trim() {
        "" => Ok(None),
        count => match count.parse() {
            Ok(count) if (1..=most).contains(&count) => Ok(Some(count)),
            _ => Err(wrong(setting, &format!("1 to {most}, or empty"))),
        },
    }
}

pub(super) fn parse_links(text: &str, setting: &str) -> Result<Vec<Link>, Error> {
    parse_list(text, setting, |part| {
        let (name, url) = part.split_once('=')?;
        let url = Url::parse(url.trim()).ok().filter(|url| url.scheme() == "https")?;
        Some(Link { name: name.trim().to_owned(), url: url.to_string() })
    })
}

/// The sites that may show embeds, each as the Content-Security-Policy names it.
pub(super) fn parse_embed_origins(text: &str) -> Result<Vec<String>, Error> {
    if text.trim() == "*" {
        return Ok(vec!["*".to_owned()]);
    }
    let origin = |part: &str| {
        let url = Url::parse(part).ok()?;
        // What the policy can name; anything else in it would say something else.
        let can_be_named = url.host_str()?.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !part.contains('@');
        (can_be_named && is_safe && is_origin).then(|| url.origin().ascii_serialization())
    };
    parse_list(text, "EMBED_ORIGINS", origin).map_err(|error| {
        let should =
            "Write origins such as https://news.example.org, joined by commas (http only on this machine), or `*` alone for every site";
        Error::Invalid(format!("{error}. {should}"))
    })
}

pub(super) fn parse_accounts(text: &str) -> Result<BTreeMap<Account, String>, Error> {
    let accounts = parse_list(text, "GL_ACCOUNTS", |part| {
        let (account, code) = part.split_once('=')?;
        let code = code.trim();
        let is_code = !code.is_empty() && code.len() <= 100 && !code.contains(char::is_control);
        is_code.then_some((account.trim().parse::<Account>().ok()?, code.to_owned()))
    })?;
    Ok(accounts.into_iter().collect())
}

pub(super) fn parse_limits(text: &str) -> Result<HashMap<Currency, Limits>, Error> {
    let limits = parse_list(text, "GIFT_LIMITS", |part| {
        let (code, range) = part.split_once('=')?;
        let currency: Currency = code.parse().ok()?;
        let (min, max) = range.split_once('-')?;
        let unit = 10i64.pow(currency.exponent());
        let minor = |text: &str| text.trim().parse::<i64>().ok().filter(|n| *n > 0)?.checked_mul(unit);
        let (min, max) = (minor(min)?, minor(max)?);
        (currency.stripe_minimum() <= min && min <= max && max <= 99_999_999)
            .then_some((currency, Limits { min: Money::new(min, currency), max: Money::new(max, currency) }))
    })?;
    Ok(limits.into_iter().collect())
}

pub(super) fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr = ip.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |b| b.parse().ok())?;
    (bits <= most).then_some((ip, bits))
}
