//! The letter about something that a supporter ordered for us at a shop: it came, staff could not find that it did, or they were mistaken
//! when they said that it came.
//!
//! It goes to who has said herself, from the letter that asked her about this order, that she wants to hear of it, and to nobody else. Who
//! has not answered that letter yet is told once she says yes. It names neither the item nor the shop: it may lie open on somebody's screen.

use super::orders::is_of_an_order;
use crate::{
    app::App,
    consents,
    error::Error,
    i18n::Language,
    mail::{note::Note, outbox::NewLetter, topic::Topic},
};
use chrono::{DateTime, Utc};
use entity::{ids::SupporterId, supporter, wish_order, words::LetterKind};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::{DatabaseTransaction, EntityTrait, QuerySelect};

/// What a letter says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It has come.
    Came,
    /// Nobody could find that it came.
    Missing,
    /// It was said that it came, and it did not.
    CameNot,
}

impl News {
    const fn key(self) -> &'static str {
        match self {
            Self::Came => "wishes-order-letter-came",
            Self::Missing => "wishes-order-letter-not",
            Self::CameNot => "wishes-order-letter-mistaken",
        }
    }
}

/// Whether she who ordered something hears what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hears {
    /// She wants to; the letter is written.
    Now(SupporterId),
    /// She was asked and can still say yes.
    Perhaps(SupporterId),
    /// She did not want to, or nobody knows who she is.
    Never,
}

/// Tells her how an order ends, if she wants to hear of it.
pub(super) async fn tell(
    tx: &DatabaseTransaction,
    app: &App,
    order: &wish_order::Model,
    news: News,
    now: DateTime<Utc>,
) -> Result<Hears, Error> {
    let Some(id) = order.supporter_id else { return Ok(Hears::Never) };
    let topic = Topic::Item(order.wish_item_id);
    let Some(wish) = consents::in_force(tx, id, topic).await?.filter(is_of_an_order) else { return Ok(Hears::Never) };
    match wish.confirmed_at {
        None if now < wish.expires_at => return Ok(Hears::Perhaps(id)),
        // What she said yes to before the order is no answer about this order: others may have typed her address.
        Some(at) if at >= order.created_at => {}
        None | Some(_) => return Ok(Hears::Never),
    }
    if !consents::gets_news(tx, id, topic).await? {
        return Ok(Hears::Never);
    }
    // Locked, so that she is not erased until the letter is there to be forgotten too.
    let Some(who) = supporter::Entity::find_by_id(id).lock_shared().one(tx).await? else { return Ok(Hears::Never) };
    if who.email.is_empty() {
        return Ok(Hears::Never);
    }
    app.outbox.enqueue(tx, compose(app, order, news, &wish.language, who.email)?, app.new_id(), now).await?;
    Ok(Hears::Now(id))
}

fn compose(app: &App, order: &wish_order::Model, news: News, language: &str, to: String) -> Result<NewLetter, Error> {
    let language = Language::nearest(language).unwrap_or_default();
    let day = language.date(order.created_at.with_timezone(&app.config.org_timezone).date_naive());
    let values = [("org", FluentValue::from(app.config.org_name.clone())), ("day", FluentValue::from(day))];
    let text = |key: &str| language.text_with(key, &values);
    let note = Note {
        language,
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("wishes-order-letter-subject"),
        paragraphs: vec![text(news.key()), text("wishes-order-letter-why")],
        details: Vec::new(),
        after: Vec::new(),
        link: None,
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::OrderSettled,
        dedupe_key: format!("order:{}:{}", order.id, news.key()),
        donation_id: None,
        receipt_id: None,
        to_address: to,
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        // Who ordered something may have no page of her own yet, where she could say that her letters are to be discreet.
        discreet: true,
    })
}
