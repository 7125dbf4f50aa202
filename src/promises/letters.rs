//! The letters about a promise that cannot be kept: the question, and what was done. Neither names a border or a danger.

use super::{path_of, store};
use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::{
        note::{Link, Note},
        outbox::NewLetter,
    },
    supporters, wishes,
};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation,
    ids::PromiseChoiceId,
    promise, promise_choice, supporter, wish_item,
    words::{LetterKind, PromiseWay},
};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::DatabaseTransaction;

/// What the outbox knows the question about a choice by.
pub(super) fn asked_key(id: PromiseChoiceId) -> String {
    format!("promise:{id}:asked")
}

/// The question to a giver, in her language, with her link. A discreet one does not name the item.
pub(super) async fn question(
    tx: &DatabaseTransaction,
    app: &App,
    promise: &promise::Model,
    choice: &promise_choice::Model,
    gift: &donation::Model,
    item: &wish_item::Model,
    discreet: bool,
) -> Result<(Language, Vec<String>, Link), Error> {
    let lang = Language::nearest(&gift.language).unwrap_or_default();
    let amount = lang.money(Money::new(choice.amount_minor, choice.currency));
    let day = lang.date(promise.decide_by.with_timezone(&app.config.org_timezone).date_naive());
    let sorry = if discreet { "promises-letter-sorry-discreet" } else { "promises-letter-sorry" };
    let mut paragraphs = vec![
        text(lang, sorry, &[("item", item.title.clone()), ("amount", amount)]),
        lang.text(wishes::cancel_key(&promise.reason)),
        text(lang, "promises-letter-choose", &[("day", day)]),
    ];
    if store::came_in_again(tx, choice, item.id).await? {
        paragraphs.insert(2, lang.text("promises-letter-again"));
    }
    Ok((lang, paragraphs, Link { words: lang.text("promises-letter-link"), url: app.config.link(&path_of(app, choice.id)) }))
}

/// Asks a giver what is to become of her money. Whoever gave no address is asked on paper (`paper`), or has the default.
pub(super) async fn ask(
    tx: &DatabaseTransaction,
    app: &App,
    promise: &promise::Model,
    choice: &promise_choice::Model,
    gift: &donation::Model,
    item: &wish_item::Model,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let giver = supporters::recipient(tx, &app.outbox, gift.supporter_id).await?;
    let (lang, paragraphs, link) = question(tx, app, promise, choice, gift, item, giver.discreet).await?;
    let letter = Draft { giver, kind: LetterKind::PromiseChanged, key: asked_key(choice.id), paragraphs, link: Some(link) };
    send(tx, app, gift, lang, text(lang, "promises-letter-subject", &[("org", app.config.org_name.clone())]), letter, now).await
}

/// Tells a giver what was done.
pub(super) async fn tell(
    tx: &DatabaseTransaction,
    app: &App,
    choice: &promise_choice::Model,
    gift: &donation::Model,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let lang = Language::nearest(&gift.language).unwrap_or_default();
    let amount = lang.money(Money::new(choice.moved_minor, choice.currency));
    let item = match choice.to_item_id {
        Some(id) => wishes::store::item(tx, id).await?.map(|item| item.title).unwrap_or_default(),
        None => String::new(),
    };
    let giver = supporters::recipient(tx, &app.outbox, gift.supporter_id).await?;
    let key = match choice.way {
        PromiseWay::Item if giver.discreet => "promises-done-item-discreet",
        PromiseWay::Item => "promises-done-item",
        // By hand it was given back; what Stripe gives back is on its way.
        PromiseWay::Refund if !choice.source.is_empty() => "promises-done-returned",
        PromiseWay::Refund => "promises-done-refund",
        PromiseWay::General | PromiseWay::Open => "promises-done-general",
    };
    let mut paragraphs = vec![text(lang, key, &[("item", item), ("amount", amount)])];
    if choice.chosen_by == "default" {
        paragraphs.insert(0, lang.text("promises-done-default"));
    }
    let letter = Draft { giver, kind: LetterKind::PromiseDone, key: format!("promise:{}:done", choice.id), paragraphs, link: None };
    send(tx, app, gift, lang, text(lang, "promises-done-subject", &[("org", app.config.org_name.clone())]), letter, now).await
}

fn text(language: Language, key: &str, arguments: &[(&'static str, String)]) -> String {
    let arguments: Vec<(&'static str, FluentValue<'_>)> =
        arguments.iter().map(|(name, value)| (*name, FluentValue::from(value.clone()))).collect();
    language.text_with(key, &arguments)
}

struct Draft {
    giver: supporter::Model,
    kind: LetterKind,
    key: String,
    paragraphs: Vec<String>,
    link: Option<Link>,
}

async fn send(
    tx: &DatabaseTransaction,
    app: &App,
    gift: &donation::Model,
    language: Language,
    subject: String,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if draft.giver.email.is_empty() {
        return Ok(());
    }
    let note = Note {
        language,
        name: gift.donor_name.clone(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject,
        paragraphs: draft.paragraphs,
        details: Vec::new(),
        after: Vec::new(),
        link: draft.link,
    };
    let (subject, text, html) = note.render()?;
    let letter = NewLetter {
        kind: draft.kind,
        dedupe_key: draft.key,
        donation_id: Some(gift.id),
        receipt_id: None,
        to_address: draft.giver.email,
        to_name: gift.donor_name.clone(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: draft.giver.discreet,
    };
    app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
    Ok(())
}
