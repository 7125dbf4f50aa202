//! The letters about another address: to the new mailbox, which must agree, and to the old one, which is told and can say no.

use super::address::{LINK_HOLDS, Side, UNDO_HOLDS};
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::{
        note::{Link, Note},
        outbox::NewLetter,
    },
};
use entity::{
    ids::AddressChangeId,
    supporter,
    words::{ErasureBy, LetterKind},
};
use fluent_templates::fluent_bundle::FluentValue;

/// What a letter tells to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub who: &'a supporter::Model,
    pub change_id: AddressChangeId,
    pub side: Side,
    pub by: ErasureBy,
    pub to: &'a str,
    pub new: &'a str,
    pub token: &'a str,
}

/// Somebody asked for another address.
pub(super) fn asked(app: &App, told: &Told<'_>) -> Result<NewLetter, Error> {
    let word = match (told.side, told.by) {
        (Side::New, _) => "new",
        (Side::Old, ErasureBy::Supporter) => "old",
        (Side::Old, _) => "old-staff",
    };
    compose(app, told, word, LINK_HOLDS.num_days())
}

/// The address was changed: the old one can undo it.
pub(super) fn done(app: &App, told: &Told<'_>) -> Result<NewLetter, Error> {
    compose(app, told, "done", UNDO_HOLDS.num_days())
}

fn compose(app: &App, told: &Told<'_>, word: &str, days: i64) -> Result<NewLetter, Error> {
    let language = Language::nearest(&told.who.language).unwrap_or_default();
    let values = [
        ("org", FluentValue::from(app.config.org_name.clone())),
        ("days", FluentValue::from(language.number(days))),
        // The old mailbox is told where the letters are to go: who reads it knows whether that is hers.
        ("address", FluentValue::from(told.new.to_owned())),
    ];
    let text = |key: &str| language.text_with(&format!("privacy-address-{word}-{key}"), &values);
    let note = Note {
        language,
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("subject"),
        paragraphs: vec![text("text")],
        details: Vec::new(),
        after: Vec::new(),
        link: Some(Link { words: text("link"), url: app.config.link(&format!("/me/address/{}", told.token)) }),
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::AddressChange,
        dedupe_key: format!("address:{}:{word}", told.change_id),
        donation_id: None,
        receipt_id: None,
        to_address: told.to.to_owned(),
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: told.who.discreet,
    })
}

/// The keys of the letters about a change.
pub(super) fn keys(id: AddressChangeId) -> Vec<String> {
    ["new", "old", "old-staff", "done"].iter().map(|word| format!("address:{id}:{word}")).collect()
}
