//! Reading what comes back: delivery reports (RFC 3464) as they are and as servers really write them, and complaints (RFC 5965).

use entity::words::BounceSeverity;
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::severity;

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
        let complains = fields.iter().any(|group| value(group, "feedback-type").is_some_and(|kind| !kind.eq_ignore_ascii_case("not-spam")));
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
    if is_from_a_mail_server(&message) && code_in(&prose).is_some() { failure(None, None, &prose) } else { Report::Other }
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
    texts.collect::<Vec<_>>().join("\n").chars().take(100_000).collect()
}

fn is_from_a_mail_server(message: &Message<'_>) -> bool {
    let from = message.from().and_then(|from| from.first()).and_then(|one| one.address()).unwrap_or_default().to_lowercase();
    let user = from.split('@').next().unwrap_or_default();
    matches!(user, "mailer-daemon" | "postmaster" | "mailerdaemon" | "mail-daemon")
}

/// Of what the fields and the prose say, the most telling: `Status: 5.0.0` often stands beside `550 5.1.1` in the words.
fn failure(status: Option<&str>, diagnostic: Option<&str>, prose: &str) -> Report {
    let words = diagnostic.map(|text| text.split_once(';').map_or(text, |(_, words)| words).trim().to_owned());
    let status = status.and_then(|text| text.split_ascii_whitespace().next()).filter(|word| is_enhanced(word)).map(str::to_owned);
    let told = status.clone().filter(|word| !word.ends_with(".0.0"));
    let found = words.as_deref().and_then(code_in).or_else(|| code_in(prose));
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

/// The first three-digit code with what stands behind it: `550 5.1.1`, `550-5.1.1`, `(#5.1.1)`, or `550` alone.
fn code_in(text: &str) -> Option<(Option<u16>, Option<String>)> {
    let mut bare = None;
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || "()[]<>,;:\"#-".contains(c)).filter(|word| !word.is_empty()).collect();
    for (at, word) in words.iter().enumerate() {
        if is_enhanced(word) {
            let code = at.checked_sub(1).and_then(|before| reply_code(words[before]));
            return Some((code, Some((*word).to_owned())));
        }
        bare = bare.or_else(|| reply_code(word));
    }
    bare.map(|code| (Some(code), None))
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
