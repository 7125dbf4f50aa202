//! The letters that carry receipts. Text and HTML are two renderings of one list of fields, and the text is complete by itself: in
//! the United States a plain e-mail with these fields is a valid acknowledgment.

use super::{
    Snapshot,
    document::{Document, text_with},
};
use crate::{
    error::Error,
    i18n::{Language, plain},
    mail::{message::one_line, note::greeting, outbox::NewLetter},
};
use askama::Template;
use entity::{receipt, supporter, words::LetterKind};

/// Longest subject that lock screens and lists show whole.
const SUBJECT_CHARS_MAX: usize = 60;

/// What both renderings show.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub subject: String,
    pub greeting: String,
    pub thanks: String,
    pub shown: Document,
    pub follow: String,
    pub link: Option<String>,
    pub questions: String,
    pub privacy: String,
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

/// Why a receipt ended without another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The gift was given back, or a bank took it back for good.
    Returned,
    /// The receipt was wrong.
    Mistake,
}

/// What a letter to `giver` tells of a receipt, and where it goes: to her present address, where one is known, and else to the receipt's. A
/// discreet letter leaves out what was given for: no law asks for that.
fn told(receipt: &receipt::Model, giver: Option<&supporter::Model>) -> Result<(Snapshot, String, bool), Error> {
    let mut snapshot: Snapshot = serde_json::from_str(&receipt.snapshot)?;
    let discreet = giver.is_some_and(|giver| giver.discreet);
    if discreet {
        (snapshot.campaign, snapshot.item) = (None, None);
    }
    let present = giver.map(|giver| &giver.email).filter(|email| !email.is_empty());
    let to_address = present.unwrap_or(&snapshot.donor_email).clone();
    Ok((snapshot, to_address, discreet))
}

/// The letter of a receipt to who gave ([`crate::supporters::recipient`]). `link` is the supporter's page of this gift, where the caller knows it.
pub fn letter(receipt: &receipt::Model, giver: Option<&supporter::Model>, link: Option<&str>) -> Result<NewLetter, Error> {
    let (snapshot, to_address, discreet) = told(receipt, giver)?;
    let language = Language::nearest(&snapshot.language).unwrap_or_default();
    let view = View {
        subject: subject(&text_with(language, "receipt-subject", "code", &snapshot.code), &snapshot.issuer.name),
        thanks: text_with(language, "receipt-thanks", "org", &snapshot.issuer.name),
        ..View::around(Document::of(&snapshot), &snapshot.donor_name, &snapshot.issuer.email, language, link)
    };
    let (kind, key) = (LetterKind::Receipt, format!("receipt:{}", receipt.code));
    let (text, html) = view.render()?;
    Ok(NewLetter {
        kind,
        dedupe_key: key,
        donation_id: Some(receipt.donation_id),
        receipt_id: Some(receipt.id),
        to_address,
        to_name: snapshot.donor_name,
        subject: view.subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet,
    })
}

/// The letter that says that a receipt is no longer valid and none takes its place. (One that is replaced needs none: the letter of the new
/// receipt says what it replaces.)
pub fn cancelled_letter(receipt: &receipt::Model, giver: Option<&supporter::Model>, why: Ended) -> Result<NewLetter, Error> {
    let (snapshot, to_address, discreet) = told(receipt, giver)?;
    let language = Language::nearest(&snapshot.language).unwrap_or_default();
    let mut shown = Document::of(&snapshot);
    shown.cancel(language, "receipt-cancelled-keep");
    let view = View {
        subject: subject(&text_with(language, "receipt-cancelled-subject", "code", &snapshot.code), &snapshot.issuer.name),
        thanks: language.text(match why {
            Ended::Returned => "receipt-cancelled-returned",
            Ended::Mistake => "receipt-cancelled-mistake",
        }),
        ..View::around(shown, &snapshot.donor_name, &snapshot.issuer.email, language, None)
    };
    let (text, html) = view.render()?;
    Ok(NewLetter {
        kind: LetterKind::ReceiptCancelled,
        dedupe_key: format!("receipt-cancelled:{}", receipt.code),
        donation_id: Some(receipt.donation_id),
        receipt_id: None,
        to_address,
        to_name: snapshot.donor_name,
        subject: view.subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet,
    })
}

impl View {
    /// What stands around a document in every letter; subject and thanks are the caller's.
    pub(super) fn around(shown: Document, donor_name: &str, email: &str, language: Language, link: Option<&str>) -> Self {
        Self {
            subject: String::new(),
            greeting: greeting(language, donor_name),
            thanks: String::new(),
            shown,
            follow: language.text("receipt-follow"),
            link: link.map(ToOwned::to_owned),
            questions: text_with(language, "receipt-questions", "email", email),
            privacy: language.text("receipt-privacy"),
        }
    }

    /// The text part and the HTML part.
    pub(super) fn render(&self) -> Result<(String, String), Error> {
        Ok((plain(format!("{}\n", AsText { view: self }.render()?.trim()), self.shown.dir), AsHtml { view: self }.render()?))
    }
}

/// `Your receipt R-2026-000123 – Org`: no amount, because lock screens show it to whoever stands by.
pub(super) fn subject(own: &str, org: &str) -> String {
    let own = one_line(own, SUBJECT_CHARS_MAX);
    let room = SUBJECT_CHARS_MAX.saturating_sub(own.chars().count() + 3);
    let name = one_line(org, usize::MAX);
    if name.chars().count() <= room {
        return format!("{own} – {name}");
    }
    let short: String = name.chars().take(room.saturating_sub(1)).collect();
    if short.trim().is_empty() { own } else { format!("{own} – {}…", short.trim_end()) }
}
