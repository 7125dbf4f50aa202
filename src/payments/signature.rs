//! The signature on a webhook, checked over the raw bytes before anything in them is believed.
//!
//! Source: docs.stripe.com/webhooks: header `t=<unix>,v1=<hex>[,v1=…]`, signed text `t + "." + body`, HMAC-SHA256 with the endpoint's secret.

use chrono::{DateTime, Utc};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The longest `Stripe-Signature` header that is read, in bytes: room for fourteen signatures, so never more are compared.
pub const HEADER_BYTES_MAX: usize = 1024;

/// The most secrets that are active at once: Stripe keeps an old one for up to 24 hours while it is rolled.
pub const SECRETS_MAX: usize = 2;

/// How far the time in the header may be from ours, in seconds, either way.
pub const TOLERANCE_SECONDS: i64 = 300;

/// An endpoint's signing secret that has been found well formed: an empty one would let anybody sign.
#[derive(Clone)]
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// Accepts `whsec_` and 24 or more characters of `A-Z a-z 0-9 + / = _ -`.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let rest = text.strip_prefix("whsec_").ok_or(SecretError)?;
        let plain = rest.len() >= 24 && rest.len() <= 255 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
        if plain { Ok(Self(SecretString::from(text))) } else { Err(SecretError) }
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret().as_bytes())
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// The text is not a webhook signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretError;

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "STRIPE_WEBHOOK_SECRET must be whsec_ and at least 24 characters: copy it from the Stripe dashboard under Developers, Webhooks",
        )
    }
}

impl std::error::Error for SecretError {}

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// The header is absent or longer than [`HEADER_BYTES_MAX`].
    Header,
    /// The header has no time, two times, no `v1`, or one that is not 64 hex digits.
    Malformed,
    /// None of the signatures was made with one of our secrets.
    Mismatch,
    /// The signature is right, but its time is more than [`TOLERANCE_SECONDS`] from ours: a replay, or a wrong clock.
    Stale {
        /// Ours less theirs.
        seconds: i64,
    },
    /// There is no secret to check with, or there are more than [`SECRETS_MAX`].
    Secrets,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the Stripe-Signature header is missing or too long"),
            Self::Malformed => f.write_str("the Stripe-Signature header is malformed"),
            Self::Mismatch => {
                f.write_str("the signature does not match: check STRIPE_WEBHOOK_SECRET against the endpoint's secret at Stripe")
            }
            Self::Stale { seconds } => write!(f, "the signature is {seconds} s old: check this machine's clock"),
            Self::Secrets => f.write_str("one or two webhook secrets must be set"),
        }
    }
}

impl std::error::Error for SignatureError {}

/// Checks that `payload`, the raw body, was signed with one of `secrets` near `now`. The signature is compared, in constant time, before the
/// clock, so that only Stripe can make us complain of ours.
pub fn verify(payload: &[u8], header: &str, secrets: &[WebhookSecret], now: DateTime<Utc>) -> Result<(), SignatureError> {
    if secrets.is_empty() || secrets.len() > SECRETS_MAX {
        return Err(SignatureError::Secrets);
    }
    let (time, signatures) = parse_header(header)?;
    let mut signed = time.to_string().into_bytes();
    signed.push(b'.');
    signed.extend_from_slice(payload);
    let matches = |secret: &WebhookSecret| {
        let key = secret.key();
        signatures.iter().any(|signature| hmac::verify(&key, &signed, signature).is_ok())
    };
    if !secrets.iter().any(matches) {
        return Err(SignatureError::Mismatch);
    }
    let seconds = now.timestamp().saturating_sub(time);
    if seconds.unsigned_abs() > TOLERANCE_SECONDS.unsigned_abs() { Err(SignatureError::Stale { seconds }) } else { Ok(()) }
}

/// The header that Stripe would send with `payload` at `time`: for the stand-in and for tests.
pub fn sign(payload: &[u8], secret: &WebhookSecret, time: DateTime<Utc>) -> String {
    let mut signed = format!("{}.", time.timestamp()).into_bytes();
    signed.extend_from_slice(payload);
    let tag = hmac::sign(&secret.key(), &signed);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={},v1={hex}", time.timestamp())
}

/// The time and the `v1` signatures; schemes other than `v1` are skipped, as Stripe asks.
fn parse_header(header: &str) -> Result<(i64, Vec<[u8; 32]>), SignatureError> {
    if header.is_empty() || header.len() > HEADER_BYTES_MAX {
        return Err(SignatureError::Header);
    }
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) if time.is_none() && text.bytes().all(|b| b.is_ascii_digit()) => {
                time = Some(text.parse::<i64>().map_err(|_| SignatureError::Malformed)?);
            }
            Some(("t", _)) => return Err(SignatureError::Malformed),
            Some(("v1", hex)) => signatures.push(unhex(hex).ok_or(SignatureError::Malformed)?),
            _ => {}
        }
    }
    match time {
        Some(time) if !signatures.is_empty() => Ok((time, signatures)),
        _ => Err(SignatureError::Malformed),
    }
}

fn unhex(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
