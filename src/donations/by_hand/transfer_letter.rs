//! The letter that tells who announced a transfer where to send it and which code to write on it.

use super::super::path_of;
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::{
        note::{Link, Note},
        outbox::NewLetter,
    },
};
use entity::{Money, donation, supporter, words::LetterKind};
use fluent_templates::fluent_bundle::FluentValue;

/// The letter of an announced transfer, in the language of its form.
pub(super) fn compose(app: &App, donation: &donation::Model, to: &supporter::Model) -> Result<NewLetter, Error> {
    let language = Language::nearest(&donation.language).unwrap_or_default();
    let amount = Money::new(donation.amount_minor, donation.currency);
    let until = donation.expires_at.with_timezone(&app.config.org_timezone).date_naive();
    let arguments = [
        ("org", FluentValue::from(app.config.org_name.clone())),
        ("amount", FluentValue::from(language.money(amount))),
        ("day", FluentValue::from(language.date(until))),
    ];
    let text = |key: &str| language.text_with(key, &arguments);
    // The code stands on a line of its own, without marks of direction, so that it can be copied into a bank's form.
    let details = app.config.org_bank_details.iter().cloned().chain([donation.reference.clone()]);
    let note = Note {
        language,
        // Anybody can type anybody's address and any name with it: no name until the money is there.
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("donations-transfer-letter-subject"),
        paragraphs: vec![text("donations-transfer-letter-text")],
        details: details.collect(),
        after: vec![text("donations-transfer-letter-until"), text("donations-transfer-letter-not-you")],
        link: Some(Link { words: text("donations-transfer-letter-link"), url: app.config.link(&path_of(app, donation.id)) }),
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::TransferAnnounced,
        dedupe_key: format!("transfer:{}", donation.id),
        donation_id: Some(donation.id),
        receipt_id: None,
        to_address: to.email.clone(),
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: to.discreet || donation.discreet,
    })
}
