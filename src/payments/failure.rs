//! What can go wrong between us and Stripe, named by what to do about it.

use std::fmt;
use stripe::StripeError;

/// Why Stripe gave no usable answer. The kinds say what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StripeFailure {
    /// No answer arrived: the outcome is unknown. Ask again later with the same idempotency key; after 23 hours look for the object instead.
    Unreachable,
    /// Stripe answered that it cannot now (429, 409 or 5xx). Ask again later with the same idempotency key. A 500 is remembered by Stripe
    /// for its key, so if it stays, look for the object and then start over with a new key.
    Busy {
        /// The HTTP status; 0 when it came with a body that was not Stripe's.
        status: u16,
    },
    /// Stripe understood and refused (4xx): asking again changes nothing.
    Refused {
        /// The HTTP status; 0 when we refused before asking.
        status: u16,
        /// Stripe's error code, or its error type when it has none: `resource_missing`, `idempotency_error`, `amount_too_small`.
        code: String,
        /// For the log: names parameters, never people.
        message_for_log: String,
    },
    /// Stripe answered with something that we do not understand. The outcome is unknown.
    BadAnswer {
        /// What was not understood.
        detail: &'static str,
    },
}

impl StripeFailure {
    /// Whether the object asked for does not exist there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "resource_missing")
    }

    /// Whether the key may not ask this: a restricted key without the right.
    pub fn lacks_right(&self) -> bool {
        matches!(self, Self::Refused { status: 403, .. })
    }

    /// The rights that the key lacks, in Stripe's words; empty where that is not why it refused.
    pub fn lacking(&self) -> &str {
        match self {
            Self::Refused { status: 403, message_for_log, .. } => message_for_log.split_once(LACKS).map_or("", |(_, rights)| rights),
            _ => "",
        }
    }

    /// Whether asking again soon may help: Stripe was not reached, or is busy.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy { .. })
    }

    /// Whether the request may have taken effect although we saw no answer: keep the key and ask again.
    pub fn outcome_unknown(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    pub(super) fn refused(code: &str, message: &str) -> Self {
        Self::Refused { status: 0, code: code.to_owned(), message_for_log: message.to_owned() }
    }

    pub(super) fn may_retry_at_once(&self) -> bool {
        self.outcome_unknown()
    }

    pub(super) fn of(error: StripeError) -> Self {
        match error {
            StripeError::Timeout | StripeError::ClientError(_) => Self::Unreachable,
            // The client's words (1.0.0-rc.10) for a failed status whose body is not Stripe's: a gateway's page in front of it.
            StripeError::JSONDeserialize(text) if text == "error deserializing Stripe error" => Self::Busy { status: 0 },
            StripeError::JSONDeserialize(_) => Self::BadAnswer { detail: "the answer is not the JSON that this version of the API has" },
            StripeError::ConfigError(_) => Self::refused("configuration", "the client is not set up for this request"),
            StripeError::Stripe(_, status) if status == 429 || status == 409 || status >= 500 => Self::Busy { status },
            StripeError::Stripe(error, status) => {
                let code = error.code.as_ref().map_or_else(|| error.type_.as_str().to_owned(), |code| code.as_str().to_owned());
                // Stripe's message can quote what was sent, an e-mail address for one: the parameter's name is what may be logged.
                let mut message_for_log = format!("{} (parameter {})", error.type_.as_str(), error.param.as_deref().unwrap_or("none"));
                let lacking = rights_in(error.message.as_deref().unwrap_or_default());
                if status == 403 && !lacking.is_empty() {
                    message_for_log.push_str(LACKS);
                    message_for_log.push_str(&lacking.join(", "));
                }
                Self::Refused { status, code, message_for_log }
            }
        }
    }
}

/// What stands before the rights that a key lacks.
const LACKS: &str = ", the key lacks ";

/// The rights that Stripe's message names, in its words: `rak_charge_read`. They are the only words of it that are let through.
fn rights_in(message: &str) -> Vec<&str> {
    let words = message.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    words.filter(|word| word.starts_with("rak_") && word.len() <= 64).collect()
}

impl fmt::Display for StripeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("Stripe did not answer; the outcome is unknown"),
            Self::Busy { status } => write!(f, "Stripe is busy (status {status})"),
            Self::Refused { status, code, message_for_log } => write!(f, "Stripe refused with {code} (status {status}): {message_for_log}"),
            Self::BadAnswer { detail } => write!(f, "Stripe's answer was not understood: {detail}"),
        }
    }
}

impl std::error::Error for StripeFailure {}
