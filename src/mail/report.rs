//! Reading what comes back: delivery reports (RFC 3464) as they are and as servers really write them, and complaints (RFC 5965).

use entity::words::BounceSeverity;
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{severity, transport::shorten};

/// How much of a message's words is looked through.
const PROSE_CHARS_MAX: usize = 100_000;

/// What stands between a server's words and the letter that it brings back.
const LETTER_BEGINS: [&str; 6] = [
    "below this line is a copy of the message",
    "this is a copy of the message",
    "original message follows",
    "original message headers",
    "\nreturn-path:",
    "\nreceived:",
];

/// What a message that came back says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The letter did not arrive, and nobody tries any more.
    Failed {
        /// What that says of the address.
        severity: BounceSeverity,
        /// The enhanced code; may be empty.
        status: String,
        /// The server's words; may be empty.
        diagnostic: String,
    },
    /// It is late, or it arrived: nothing follows.
    Notice,
    /// The recipient told her provider that she does not want it.
    Complaint,
    /// Something else: an answer by a machine, or a letter by a person.
    Other,
}

/// Reads a message.
pub fn read(raw: &[u8]) -> Report {
    let Some(message) = MessageParser::default().parse(raw) else { return Report::Other };
    if let Some(part) = part_of(&message, "feedback-report") {
        let fields = fields_of(part);
        let complains = fields.iter().any(|group| value(group, "feedback-type").is_some_and(is_a_complaint));
        return if complains { Report::Complaint } else { Report::Notice };
    }
    let prose = prose_of(&message);
    // The part is told by its own type, whatever the container says: OpenSMTPD calls that one multipart/mixed.
    if let Some(part) = part_of(&message, "delivery-status").or_else(|| part_of(&message, "global-delivery-status")) {
        let groups = fields_of(part);
        let failed = groups.iter().find(|group| value(group, "action").is_some_and(|action| action.eq_ignore_ascii_case("failed")));
        return match failed {
            Some(group) => failure(value(group, "status"), value(group, "diagnostic-code"), &prose),
            None => Report::Notice,
        };
    }
    // Without a report only a mail server's own word counts: people and their machines quote codes too.
    if is_from_a_mail_server(&message) && code_in(&prose, false).is_some() { failure(None, None, &prose) } else { Report::Other }
}

/// Reports of the same form tell that a signature failed (RFC 6591), that something is no spam, or that it has a virus: no recipient said
/// any of that.
fn is_a_complaint(kind: &str) -> bool {
    ["abuse", "fraud", "opt-out", "opt-out-list", "other"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn part_of<'m>(message: &'m Message<'m>, subtype: &str) -> Option<&'m MessagePart<'m>> {
    message.parts.iter().find(|part| {
        part.content_type().is_some_and(|kind| {
            kind.c_type.eq_ignore_ascii_case("message") && kind.c_subtype.as_ref().is_some_and(|word| word.eq_ignore_ascii_case(subtype))
        })
    })
}

/// The fields of a report, in groups: the first is about the message, each other about a recipient. Folded lines are joined.
fn fields_of(part: &MessagePart<'_>) -> Vec<Vec<(String, String)>> {
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    let mut groups = vec![Vec::new()];
    for line in text.lines() {
        let last = groups.len() - 1;
        if line.trim().is_empty() {
            if !groups[last].is_empty() {
                groups.push(Vec::new());
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = groups[last].last_mut() {
                let value: &mut String = value;
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            groups[last].push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups
}

fn value<'g>(group: &'g [(String, String)], name: &str) -> Option<&'g str> {
    group.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The text of the message's own parts, not that of the letter in it.
fn prose_of(message: &Message<'_>) -> String {
    let texts = message.parts.iter().filter_map(|part| match &part.body {
        PartType::Text(text) | PartType::Html(text) => Some(text.as_ref()),
        _ => None,
    });
    let prose: String = texts.collect::<Vec<_>>().join("\n").chars().take(PROSE_CHARS_MAX).collect();
    // Servers without a report's parts put the letter itself below their words; its numbers say nothing.
    let lower = prose.to_ascii_lowercase();
    let end = LETTER_BEGINS.iter().filter_map(|sign| lower.find(sign)).min().unwrap_or(prose.len());
    prose[..end].to_owned()
}

fn is_from_a_mail_server(message: &Message<'_>) -> bool {
    let from = message.from().and_then(|from| from.first()).and_then(|one| one.address()).unwrap_or_default().to_lowercase();
    let user = from.split('@').next().unwrap_or_default();
    matches!(user, "mailer-daemon" | "postmaster" | "mailerdaemon" | "mail-daemon")
}

/// Of what the fields and the prose say, the most telling: `Status: 5.0.0` often stands beside `550 5.1.1` in the words.
fn failure(status: Option<&str>, diagnostic: Option<&str>, prose: &str) -> Report {
    let words = diagnostic.map(|text| shorten(text.split_once(';').map_or(text, |(_, words)| words)));
    let status = status.and_then(|text| text.split_ascii_whitespace().next()).filter(|word| is_enhanced(word)).map(str::to_owned);
    let told = status.clone().filter(|word| !word.ends_with(".0.0"));
    let found = words.as_deref().and_then(|words| code_in(words, true)).or_else(|| code_in(prose, false));
    let (code, enhanced) = match (told, found) {
        (Some(told), found) => (found.and_then(|(code, _)| code), Some(told)),
        (None, Some((code, enhanced))) => (code, enhanced.or(status)),
        (None, None) => (None, status),
    };
    let severity = match (&enhanced, code) {
        (None, None) => BounceSeverity::Soft,
        (enhanced, code) => severity::of_refusal(code, enhanced.as_deref(), false),
    };
    Report::Failed { severity, status: enhanced.unwrap_or_default(), diagnostic: words.unwrap_or_default() }
}

/// The first enhanced code with the three digits before it: `550 5.1.1`, `550-5.1.1`, `(#5.1.1)`; without one, the first three digits where
/// a server's answer begins. `is_answer` says that the whole text is one; in prose an answer begins a line or follows a colon, and other
/// numbers are only numbers.
fn code_in(text: &str, is_answer: bool) -> Option<(Option<u16>, Option<String>)> {
    let mut bare = None;
    for line in text.lines() {
        let mut begins = true;
        let (mut before, mut rest) = ("", line);
        while let Some(start) = rest.find(|c| !is_between(c)) {
            let gap = &rest[..start];
            let end = rest[start..].find(is_between).map_or(rest.len(), |length| start + length);
            let word = &rest[start..end];
            if is_enhanced(word) {
                return Some((reply_code(before), Some(word.trim_end_matches('.').to_owned())));
            }
            if is_answer || begins || gap.contains(':') {
                bare = bare.or_else(|| reply_code(word));
            }
            (begins, before, rest) = (false, word, &rest[end..]);
        }
    }
    bare.map(|code| (Some(code), None))
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || "()[]<>,;:\"#-".contains(c)
}

fn reply_code(word: &str) -> Option<u16> {
    let word = word.trim_end_matches('.');
    let is_code = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()) && word.starts_with(['4', '5']);
    is_code.then(|| word.parse().ok()).flatten().filter(|code| (400..=599).contains(code))
}

fn is_enhanced(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let parts: Vec<&str> = word.split('.').collect();
    let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(digits) && matches!(parts[0], "4" | "5")
}
