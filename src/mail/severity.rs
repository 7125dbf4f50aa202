//! What a refusal says of the address: pure rules, no database.

use entity::words::BounceSeverity;

/// Codes (RFC 3463) that say that there is no such mailbox or domain.
const GONE: [&str; 5] = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"];

/// What a refusal for good says, by its three-digit code and its enhanced one. A bare 550 is how old servers say that there is no such
/// mailbox, unless it came after the text (`after_text`): then it is about the text.
pub fn of_refusal(code: Option<u16>, enhanced: Option<&str>, after_text: bool) -> BounceSeverity {
    match (enhanced, code) {
        (Some(word), _) if word.starts_with("5.7.") => BounceSeverity::Sender,
        (Some(word), _) if word.starts_with("4.") || word == "5.2.2" => BounceSeverity::Soft,
        (Some(word), _) if GONE.contains(&word) => BounceSeverity::Gone,
        // 5.0.0 says nothing that the three digits do not.
        (Some(word), _) if word.starts_with("5.") && word != "5.0.0" => BounceSeverity::Hard,
        (_, Some(550 | 551 | 553)) if !after_text => BounceSeverity::Gone,
        (_, Some(code)) if code < 500 => BounceSeverity::Soft,
        _ => BounceSeverity::Hard,
    }
}
