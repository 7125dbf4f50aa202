//! The ways out of the outbox, behind one verb: [`Mailer::deliver`].

use super::{files::MailFolder, smtp::SmtpServer};
use entity::words::LetterStage;
use lettre::Address;
use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex},
};

/// How many characters of a server's answer are kept.
const REPLY_CHARS_MAX: usize = 200;

/// Where letters go. All three are part of the product: a newsroom may run on any of them.
#[derive(Clone, Debug)]
pub enum Mailer {
    /// To a mail server.
    Smtp(Arc<SmtpServer>),
    /// Into a folder, one `.eml` file per letter.
    Files(Arc<MailFolder>),
    /// Kept in memory until the process ends, for trying things out.
    Memory(Memory),
}

/// A letter ready to go: one recipient, and the bytes of the message (RFC 5322, CRLF).
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The envelope's sender, where a bounce goes.
    pub from: Address,
    /// The envelope's one recipient: with two, a refusal of one would refuse both.
    pub to: Address,
    /// `uuid@domain` without angle brackets; the same at every attempt.
    pub message_id: String,
    /// The whole message.
    pub raw: Vec<u8>,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How far it came.
    pub stage: LetterStage,
    /// With what result.
    pub outcome: Outcome,
}

/// The result of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted: the other side is now responsible for it.
    Sent(Reply),
    /// Certainly not accepted, and may be tried again.
    Transient(Reply),
    /// Certainly not accepted, and must not be tried again as it is (RFC 5321 §4.2.1).
    Permanent(Reply),
    /// The talk broke while the other side had, or may have had, the whole letter (RFC 1047): nobody can know.
    Unknown(Reply),
}

impl Outcome {
    /// The answer, whatever it means.
    pub fn reply(&self) -> &Reply {
        let (Self::Sent(reply) | Self::Transient(reply) | Self::Permanent(reply) | Self::Unknown(reply)) = self;
        reply
    }
}

/// What the other side answered, or what our own side had to say in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit code; none when there was no answer.
    pub code: Option<u16>,
    /// The enhanced code (RFC 3463), `5.1.1`.
    pub enhanced: Option<String>,
    /// The words, at most 200 characters, without control characters. May name the recipient: never log it.
    pub text: String,
}

impl Reply {
    /// An answer with a code; the enhanced code is the first word when it has that form.
    pub fn answered(code: u16, text: &str) -> Self {
        Self { code: Some(code), enhanced: enhanced_code(text), text: shorten(text) }
    }

    /// No answer: our own words.
    pub fn none(text: impl fmt::Display) -> Self {
        Self { code: None, enhanced: None, text: shorten(&text.to_string()) }
    }
}

fn enhanced_code(text: &str) -> Option<String> {
    let word = text.split_ascii_whitespace().next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(digits) && matches!(parts[0], "2" | "4" | "5")).then(|| word.to_owned())
}

/// An answer's words as they are kept: one line, without control characters (PostgreSQL takes no NUL), not too long.
pub(super) fn shorten(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REPLY_CHARS_MAX).collect::<String>().trim().to_owned()
}

impl Mailer {
    /// Hands one letter over. `before_dot` is awaited after the mail server has agreed to take the text and before it gets any of it, so
    /// that the outbox can note durably that from here on the outcome may stay unknown; when it fails, nothing is sent. A folder and
    /// memory need no such note: handing them the same letter twice is the same as once.
    pub async fn deliver<E: fmt::Display>(&self, parcel: &Parcel, before_dot: impl Future<Output = Result<(), E>>) -> Delivery {
        match self {
            Self::Smtp(server) => server.deliver(parcel, before_dot).await,
            Self::Files(folder) => folder.deliver(parcel).await,
            Self::Memory(memory) => memory.deliver(parcel),
        }
    }

    /// Whether a letter could go out now: a connection and a greeting, or a folder one can write in. The error says what to do.
    pub async fn check(&self) -> Result<(), String> {
        match self {
            Self::Smtp(server) => server.check().await,
            Self::Files(folder) => folder.check().await,
            Self::Memory(_) => Ok(()),
        }
    }
}

/// Letters kept in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Vec<Parcel>>>);

impl Memory {
    /// The letters so far, in the order they came.
    pub fn letters(&self) -> Vec<Parcel> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn deliver(&self, parcel: &Parcel) -> Delivery {
        let mut letters = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !letters.iter().any(|known| known.message_id == parcel.message_id) {
            letters.push(parcel.clone());
        }
        Delivery { stage: LetterStage::Done, outcome: Outcome::Sent(Reply::none("kept in memory")) }
    }
}
