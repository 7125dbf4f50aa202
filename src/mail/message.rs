//! From a letter's parts to the bytes that are sent (RFC 5322, MIME).
//!
//! Nothing in a letter tells that it was opened: no remote image, no counted link, no personal header.

use chrono::{DateTime, Utc};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
};
use std::{error::Error, fmt, time::SystemTime};

/// The right-to-left mark: a plain text that starts with it is laid out from the right also when its first word is Latin.
pub const RIGHT_TO_LEFT_MARK: char = '\u{200F}';

/// Longest display name; longer ones are cut. Some servers refuse headers of more than 998 bytes.
const NAME_CHARS_MAX: usize = 100;

/// Longest subject; longer ones are cut.
const SUBJECT_CHARS_MAX: usize = 200;

/// What a letter is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Who writes: name and address, as in `MAIL_FROM`.
    pub from: &'a Mailbox,
    /// The recipient's address.
    pub to: &'a Address,
    /// The recipient's name, if she gave one.
    pub to_name: Option<&'a str>,
    /// `uuid@domain` without angle brackets; fixed when the letter is put into the outbox.
    pub message_id: &'a str,
    /// When it was written.
    pub date: DateTime<Utc>,
    /// The subject line.
    pub subject: &'a str,
    /// The letter as plain text: complete by itself.
    pub text: &'a str,
    /// The same letter as HTML.
    pub html: Option<&'a str>,
    /// Its language, as a tag: `en`, `fa-AF`, `ps`.
    pub language: &'a str,
}

/// Why a letter cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// The Message-ID is not `left@right` in ASCII without spaces.
    MessageId,
    /// lettre refused the parts.
    Parts,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MessageId => "the Message-ID is not of the form left@right",
            Self::Parts => "the parts do not make a message",
        })
    }
}

impl Error for MessageError {}

/// Writes the message.
pub fn write(parts: &Parts<'_>) -> Result<Vec<u8>, MessageError> {
    if !is_message_id(parts.message_id) {
        return Err(MessageError::MessageId);
    }
    let from = Mailbox::new(parts.from.name.as_deref().and_then(display_name), parts.from.email.clone());
    let to = Mailbox::new(parts.to_name.and_then(display_name), parts.to.clone());
    let builder = Message::builder()
        .from(from)
        .to(to)
        .subject(one_line(parts.subject, SUBJECT_CHARS_MAX))
        .date(SystemTime::from(parts.date))
        .message_id(Some(format!("<{}>", parts.message_id)))
        .header(AutoSubmitted)
        .header(ContentLanguage(parts.language.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()));
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(plain_text(parts));
    let message = match parts.html {
        Some(html) => {
            let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(html.to_owned());
            builder.multipart(MultiPart::alternative().singlepart(text).singlepart(html))
        }
        None => builder.singlepart(text),
    };
    Ok(message.map_err(|_| MessageError::Parts)?.formatted())
}

/// Puts the headers before a message that news have besides: how to get no more of them with one click (RFC 8058), and that machines
/// need not answer. The link is ours, so nothing in it can break the header.
pub fn with_headers_of_news(unsubscribe: Option<&str>, raw: &[u8]) -> Vec<u8> {
    let mut headers = String::new();
    if let Some(link) = unsubscribe {
        headers = format!("List-Unsubscribe: <{link}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    }
    headers.push_str("Precedence: bulk\r\n");
    [headers.as_bytes(), raw].concat()
}

/// Whether a language is written from the right.
pub fn is_right_to_left(language: &str) -> bool {
    matches!(language.split('-').next(), Some("fa" | "ps" | "ar" | "ur" | "he"))
}

/// A person's or organisation's name for a header: one line, no control and no direction characters (they can make one name look like
/// another), at most 100 characters. None when nothing is left.
pub fn display_name(name: &str) -> Option<String> {
    let name = one_line(name, NAME_CHARS_MAX);
    (!name.is_empty()).then_some(name)
}

/// A text for a header: one line without control and direction characters, cut at `chars_max`.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let visible: String =
        text.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect();
    let words: Vec<&str> = visible.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(chars_max).collect::<String>().trim_end().to_owned()
}

/// Characters that change the direction of what follows, or cannot be seen. The joiners U+200C and U+200D stay: Persian needs them.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn plain_text(parts: &Parts<'_>) -> String {
    if is_right_to_left(parts.language) && !parts.text.starts_with(RIGHT_TO_LEFT_MARK) {
        format!("{RIGHT_TO_LEFT_MARK}{}", parts.text)
    } else {
        parts.text.to_owned()
    }
}

fn is_message_id(id: &str) -> bool {
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.[]:".contains(&b));
    id.len() <= 200 && id.split_once('@').is_some_and(|(left, right)| good(left) && good(right))
}

/// No vacation notice shall answer (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The language of the letter (RFC 3282), which screen readers use.
#[derive(Clone)]
struct ContentLanguage(String);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
