//! The last letter to somebody who was erased: that it is done, and what is kept until when. It is forgotten itself when it has gone.

use super::person::Person;
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::{forgetting, note::Note, outbox::NewLetter},
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::words::LetterKind;
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::DatabaseTransaction;

/// Writes it, to the address that she had; to nobody where none is known.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    app: &App,
    who: &Person,
    kept_until: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(to) = who.addresses.first() else { return Ok(()) };
    let letter = compose(app, who, to, kept_until)?;
    let id = app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
    forgetting::when_gone(tx, id, now).await
}

fn compose(app: &App, who: &Person, to: &str, kept_until: Option<NaiveDate>) -> Result<NewLetter, Error> {
    let language = Language::nearest(&who.supporter.language).unwrap_or_default();
    let until = kept_until.map(|day| language.date(day)).unwrap_or_default();
    let values = [("org", FluentValue::from(app.config.org_name.clone())), ("until", FluentValue::from(until))];
    let text = |key: &str| language.text_with(key, &values);
    let kept = text(if kept_until.is_some() { "privacy-goodbye-kept" } else { "privacy-goodbye-nothing" });
    let note = Note {
        language,
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("privacy-goodbye-subject"),
        paragraphs: vec![text("privacy-goodbye-text"), kept, text("privacy-goodbye-not-you")],
        details: Vec::new(),
        after: Vec::new(),
        link: None,
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::Goodbye,
        dedupe_key: format!("erased:{}", who.supporter.id),
        donation_id: None,
        receipt_id: None,
        to_address: to.to_owned(),
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: who.supporter.discreet,
    })
}
