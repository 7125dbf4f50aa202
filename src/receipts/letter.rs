//! The letter that carries a receipt. Text and HTML are two renderings of one list of fields, and the text is complete by itself: in
//! the United States a plain e-mail with these fields is a valid acknowledgment.

use super::Snapshot;
use crate::{
    error::Error,
    i18n::{Language, dir_of},
    mail::{message::one_line, outbox::NewLetter},
};
use askama::Template;
use entity::{Money, receipt, words::LetterKind};
use fluent_templates::fluent_bundle::FluentValue;

/// Longest subject that lock screens and lists show whole.
const SUBJECT_CHARS_MAX: usize = 60;

/// Starts and ends a piece whose direction is its own (Unicode 15, UAX 9).
const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// A line of the receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    label: String,
    value: String,
}

impl Field {
    /// The value for plain text, kept apart from the label's direction: else `2026-03-09` after Persian letters shows backwards.
    fn isolated(&self) -> String {
        format!("{}{}{}", ISOLATE[0], self.value, ISOLATE[1])
    }
}

/// What both renderings show.
#[derive(Clone, Debug)]
struct View {
    lang: &'static str,
    dir: &'static str,
    subject: String,
    practice: Option<String>,
    greeting: String,
    thanks: String,
    fields: Vec<Field>,
    /// Before statements in another language than the letter's.
    note: Option<String>,
    statements: Vec<String>,
    statement_lang: &'static str,
    statement_dir: &'static str,
    follow: String,
    link: Option<String>,
    questions: String,
    privacy: String,
}

macro_rules! rendering {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            view: &'a View,
        }
    };
}
rendering!(AsText, "mail/receipt/receipt.txt");
rendering!(AsHtml, "mail/receipt/receipt.html");

/// The letter of a receipt. `link` is the supporter's page of this gift, where the caller knows it.
pub fn letter(receipt: &receipt::Model, link: Option<&str>) -> Result<NewLetter, Error> {
    let snapshot: Snapshot = serde_json::from_str(&receipt.snapshot)?;
    let view = View::of(&snapshot, link);
    Ok(NewLetter {
        kind: LetterKind::Receipt,
        dedupe_key: format!("receipt:{}", receipt.code),
        donation_id: Some(receipt.donation_id),
        receipt_id: Some(receipt.id),
        to_address: snapshot.donor_email.clone(),
        to_name: snapshot.donor_name.clone(),
        subject: view.subject.clone(),
        text: plain(&AsText { view: &view }.render()?, view.dir),
        html: AsHtml { view: &view }.render()?,
        language: view.lang.to_owned(),
    })
}

impl View {
    fn of(snapshot: &Snapshot, link: Option<&str>) -> Self {
        let language = Language::nearest(&snapshot.language).unwrap_or_default();
        let with = |key, name, value: &str| language.text_with(key, &[(name, FluentValue::from(value.to_owned()))]);
        let is_foreign = !snapshot.statements.is_empty() && language != Language::English;
        let statement_lang = if snapshot.statements.is_empty() { language.tag() } else { Language::English.tag() };
        Self {
            lang: language.tag(),
            dir: language.dir(),
            subject: subject(snapshot, language),
            practice: snapshot.practice.then(|| language.text("receipt-practice")),
            greeting: if snapshot.donor_name.is_empty() {
                language.text("receipt-greeting-unnamed")
            } else {
                with("receipt-greeting", "name", &one_line(&snapshot.donor_name, 200))
            },
            thanks: with("receipt-thanks", "org", &snapshot.issuer.name),
            fields: fields(snapshot, language),
            note: is_foreign.then(|| language.text("receipt-statement-in-english")),
            statements: if snapshot.statements.is_empty() {
                vec![language.text("receipt-plain-statement")]
            } else {
                snapshot.statements.clone()
            },
            statement_lang,
            statement_dir: dir_of(statement_lang),
            follow: language.text("receipt-follow"),
            link: link.map(ToOwned::to_owned),
            questions: with("receipt-questions", "email", &snapshot.issuer.email),
            privacy: language.text("receipt-privacy"),
        }
    }
}

/// `Your receipt R-2026-000123 – Org`: no amount, because lock screens show it to whoever stands by.
fn subject(snapshot: &Snapshot, language: Language) -> String {
    let own = language.text_with("receipt-subject", &[("code", FluentValue::from(snapshot.code.clone()))]);
    let own = one_line(&own, SUBJECT_CHARS_MAX);
    let room = SUBJECT_CHARS_MAX.saturating_sub(own.chars().count() + 3);
    let name = one_line(&snapshot.issuer.name, usize::MAX);
    if name.chars().count() <= room {
        return format!("{own} – {name}");
    }
    let short: String = name.chars().take(room.saturating_sub(1)).collect();
    if short.trim().is_empty() { own } else { format!("{own} – {}…", short.trim_end()) }
}

/// Every field that the receipt must show, in order; what is empty is left out.
fn fields(snapshot: &Snapshot, language: Language) -> Vec<Field> {
    let issuer = &snapshot.issuer;
    let donor = if snapshot.donor_name.is_empty() { &snapshot.donor_email } else { &snapshot.donor_name };
    let pairs = [
        ("receipt-number", snapshot.code.clone()),
        ("receipt-issuer", issuer.legal_name.clone()),
        ("receipt-address", issuer.address.clone()),
        ("receipt-tax-id", if issuer.profile == "us" { issuer.tax_id.clone() } else { String::new() }),
        ("receipt-charity-number", if issuer.profile == "uk" { issuer.charity_number.clone() } else { String::new() }),
        ("receipt-donor", donor.clone()),
        ("receipt-date", day(snapshot, language)),
        ("receipt-amount", amount(snapshot.amount, language)),
        ("receipt-campaign", snapshot.campaign.clone().unwrap_or_default()),
        ("receipt-item", snapshot.item.clone().unwrap_or_default()),
    ];
    let filled = pairs.into_iter().map(|(key, value)| (key, one_line(&value, 500))).filter(|(_, value)| !value.is_empty());
    filled.map(|(key, value)| Field { label: language.text(key), value }).collect()
}

/// The day as the tax year counts it, and in the reader's calendar where that is another.
fn day(snapshot: &Snapshot, language: Language) -> String {
    match language {
        Language::English => language.date(snapshot.gift_on),
        Language::Dari | Language::Pashto => format!("{} ({})", snapshot.gift_on.format("%Y-%m-%d"), language.date(snapshot.gift_on)),
    }
}

/// The amount with the currency's code and every decimal, in Latin digits and in the reader's own.
fn amount(money: Money, language: Language) -> String {
    let plain = money.decimal();
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, ""));
    let written = |group: &str, point: &str| {
        let digits = whole.as_bytes();
        let mut text = String::new();
        for (place, digit) in digits.iter().enumerate() {
            if place > 0 && (digits.len() - place) % 3 == 0 {
                text.push_str(group);
            }
            text.push(char::from(*digit));
        }
        if cents.is_empty() { text } else { format!("{text}{point}{cents}") }
    };
    let latin = format!("{} {}", money.currency, written(",", "."));
    match language {
        Language::English => latin,
        Language::Dari | Language::Pashto => format!("{latin} ({})", language.digits(&written("٬", "٫"))),
    }
}

/// The text part: isolates help where directions mix, and only get in the way of searching and copying where they do not.
fn plain(text: &str, dir: &str) -> String {
    let text = text.trim();
    if dir == "rtl" { format!("{text}\n") } else { format!("{}\n", text.replace(ISOLATE, "")) }
}
