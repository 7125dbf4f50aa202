//! What follows from an attempt: pure rules, no database.

use super::{
    outbox::stream_of,
    transport::{Delivery, Outcome},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    letter,
    words::{LetterKind, LetterStage, LetterState, LetterStream},
};

/// Minutes until the next attempt, by how many there were; then every four hours. Greylisting wants minutes, an outage hours
/// (RFC 5321 §4.5.4.1).
const DELAYS_MINUTES: [i64; 7] = [1, 5, 15, 30, 60, 120, 240];

/// The attempt after which a letter is given up: with the delays above, 72 hours after the first.
pub const ATTEMPTS_MAX: i64 = 24;

/// How long a letter whose fate is unknown is left alone before it goes out once more: time for a late answer to show in the
/// recipient's inbox, and for the server to notice the Message-ID that it has already.
const UNKNOWN_DELAY_MINUTES: i64 = 15;

/// A time that never comes: the letter stays as it is until staff say otherwise.
pub const NEVER: DateTime<Utc> = match DateTime::from_timestamp(253_370_764_800, 0) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// What becomes of a letter after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its new state.
    pub state: LetterState,
    /// When it is next tried; [`NEVER`] when it is not.
    pub next_at: DateTime<Utc>,
}

/// Judges an attempt. `attempts` counts this one; `unknown_before` says how many earlier attempts had an unknown outcome.
pub fn judge(kind: LetterKind, attempts: i64, unknown_before: u64, delivery: &Delivery, now: DateTime<Utc>) -> Verdict {
    let ends = |state| Verdict { state, next_at: NEVER };
    match &delivery.outcome {
        Outcome::Sent(_) => ends(LetterState::Sent),
        Outcome::Unknown(_) => {
            // A notice that comes twice does less harm than one that never comes, such as a receipt or the question what becomes of a gift; it
            // has the same Message-ID. A link to sign in is asked for anew sooner than it would come, and staff see the desk.
            let is_asked_for_anew = matches!(kind, LetterKind::PortalLink | LetterKind::StaffNotice);
            let again = stream_of(kind) == LetterStream::Transactional && !is_asked_for_anew && unknown_before == 0;
            Verdict { state: LetterState::Unknown, next_at: if again { now + TimeDelta::minutes(UNKNOWN_DELAY_MINUTES) } else { NEVER } }
        }
        Outcome::Permanent(reply) if is_about_the_sender(delivery.stage, reply.enhanced.as_deref()) => ends(LetterState::Dead),
        Outcome::Permanent(_) => ends(LetterState::Bounced),
        Outcome::Transient(_) if attempts >= ATTEMPTS_MAX => ends(LetterState::Dead),
        Outcome::Transient(_) => Verdict { state: LetterState::Deferred, next_at: now + delay(attempts) },
    }
}

fn delay(attempts: i64) -> TimeDelta {
    let index = usize::try_from(attempts.max(1) - 1).unwrap_or(0).min(DELAYS_MINUTES.len() - 1);
    TimeDelta::minutes(DELAYS_MINUTES[index])
}

/// Whether a refusal speaks of us and not of the recipient: our address at MAIL, or policy and authentication (X.7.x, RFC 3463).
fn is_about_the_sender(stage: LetterStage, enhanced: Option<&str>) -> bool {
    matches!(stage, LetterStage::Connect | LetterStage::Mail) || enhanced.is_some_and(|code| code.starts_with("5.7."))
}

/// What is wrong with a letter, as far as staff can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The address does not take letters.
    Address,
    /// The mail server refuses us as a sender.
    Sender,
    /// The mail server could not be brought to take it in 72 hours.
    GivenUp,
    /// Nobody can know whether it arrived.
    Unknown,
}

impl Trouble {
    /// The trouble with a letter in the outbox; none while it waits, is on its way or has arrived.
    pub fn of(state: LetterState, smtp_code: Option<i64>) -> Option<Self> {
        match state {
            LetterState::Bounced => Some(Self::Address),
            LetterState::Unknown => Some(Self::Unknown),
            LetterState::Dead if smtp_code.is_some_and(|code| code >= 500) => Some(Self::Sender),
            LetterState::Dead => Some(Self::GivenUp),
            _ => None,
        }
    }

    /// The key of the text that tells staff what to do about it.
    pub const fn text_key(self) -> &'static str {
        match self {
            Self::Address => "desk-letter-trouble-address",
            Self::Sender => "desk-letter-trouble-sender",
            Self::GivenUp => "desk-letter-trouble-given-up",
            Self::Unknown => "desk-letter-trouble-unknown",
        }
    }
}

/// Whether staff may have a letter sent again: not while it waits for its first attempt, is on its way or has arrived.
pub fn may_be_sent_again(letter: &letter::Model) -> bool {
    use LetterState::{Bounced, Dead, Deferred, Suppressed, Unknown};
    let kept_back = letter.state == Suppressed && letter.stream == LetterStream::Transactional && !letter.to_address.is_empty();
    kept_back || matches!(letter.state, Deferred | Bounced | Unknown | Dead)
}
