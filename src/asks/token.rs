//! The form token: one rendering of the giving form, one donation.
//!
//! It holds a random id and the time at which the form was rendered, signed. The id makes a double submit one donation; the time
//! shows programs that fill a form faster than a person can read it. Nothing is stored when a form is rendered.
//!
//! What the page does with each error: too fast keeps the same token, so that the person merely presses the button again;
//! expired and forged get a fresh one. Everything typed is kept each time, and the reason is said.

use crate::{app::App, clock::hex};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ring::hmac;

/// What the key is derived for.
const LABEL: &str = "giving form token v1";

/// The least time between rendering and sending: nobody reads and fills the form faster.
const AGE_MIN: TimeDelta = TimeDelta::seconds(3);

/// The longest time between rendering and sending.
const AGE_MAX: TimeDelta = TimeDelta::hours(24);

const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 8;

/// A form token that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormToken {
    /// 128 random bits in hex: what a donation is unique by.
    pub id: String,
    /// When the form was rendered.
    pub rendered_at: DateTime<Utc>,
}

/// Why a form token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not signed by us: changed, cut off, or of another secret key.
    Forged,
    /// Sent sooner after rendering than a person can.
    TooFast,
    /// Rendered too long ago.
    Expired,
}

impl TokenError {
    /// The key of its text in the translations.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Forged => "asks-error-token-forged",
            Self::TooFast => "asks-error-token-fast",
            Self::Expired => "asks-error-token-expired",
        }
    }
}

/// A new token for a form that is rendered now.
pub fn issue(app: &App) -> String {
    let mut token = Vec::with_capacity(ID_BYTES + TIME_BYTES + 32);
    token.extend_from_slice(&app.random.bytes::<ID_BYTES>());
    token.extend_from_slice(&app.now().timestamp_micros().to_be_bytes());
    let signature = hmac::sign(&key(app), &token);
    token.extend_from_slice(signature.as_ref());
    URL_SAFE_NO_PAD.encode(token)
}

/// Reads a token that came back.
///
/// # Errors
/// When it is not ours, or came too soon or too late.
pub fn check(app: &App, text: &str) -> Result<FormToken, TokenError> {
    let token = read(app, text).ok_or(TokenError::Forged)?;
    let age = app.now() - token.rendered_at;
    if age < AGE_MIN {
        Err(TokenError::TooFast)
    } else if age > AGE_MAX {
        Err(TokenError::Expired)
    } else {
        Ok(token)
    }
}

/// The id of a token of ours, whatever its age: for forms of staff, who may be fast.
pub fn id_of(app: &App, text: &str) -> Option<String> {
    read(app, text).map(|token| token.id)
}

fn read(app: &App, text: &str) -> Option<FormToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (signed, signature) = bytes.split_at_checked(ID_BYTES + TIME_BYTES)?;
    hmac::verify(&key(app), signed, signature).ok()?;
    let (id, time) = signed.split_at(ID_BYTES);
    let micros = i64::from_be_bytes(time.try_into().ok()?);
    Some(FormToken { id: hex(id), rendered_at: DateTime::from_timestamp_micros(micros)? })
}

fn key(app: &App) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &app.key(LABEL))
}
