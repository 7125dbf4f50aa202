//! Idempotency keys as Stripe keeps them (docs.stripe.com/idempotency): the first answer is repeated for 24 hours, a 500 included; other
//! parameters under the same key are refused; a refusal of the parameters themselves is not kept.

use super::errors::ApiError;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};

/// The most keys that are kept; the oldest goes first.
const KEYS_MAX: usize = 100_000;

/// The longest key that Stripe takes.
const KEY_CHARS_MAX: usize = 255;

struct Stored {
    request: String,
    status: u16,
    body: String,
    at: DateTime<Utc>,
}

/// The answers that would be repeated.
#[derive(Default)]
pub(super) struct Replays {
    by_key: HashMap<String, Stored>,
    order: VecDeque<String>,
}

impl Replays {
    /// The first answer to this key, if it has one. `request` is the method, path and parameters.
    pub fn find(&mut self, key: &str, request: &str, now: DateTime<Utc>) -> Result<Option<(u16, String)>, ApiError> {
        if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            return Err(ApiError::invalid("Idempotency-Key", "Idempotency keys have 1 to 255 characters."));
        }
        match self.by_key.get(key) {
            Some(stored) if now - stored.at >= TimeDelta::hours(24) => Ok(None),
            Some(stored) if stored.request != request => Err(ApiError::idempotency(key)),
            Some(stored) => Ok(Some((stored.status, stored.body.clone()))),
            None => Ok(None),
        }
    }

    /// Keeps an answer, unless it is of the kind that Stripe does not keep.
    pub fn keep(&mut self, key: &str, request: String, status: u16, body: &str, now: DateTime<Utc>) {
        if (400..500).contains(&status) {
            return;
        }
        let stored = Stored { request, status, body: body.to_owned(), at: now };
        if self.by_key.insert(key.to_owned(), stored).is_none() {
            self.order.push_back(key.to_owned());
        }
        if self.order.len() > KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
    }
}
