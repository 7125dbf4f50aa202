//! The letter about something that a supporter ordered for us at a shop: it came, or staff could not find that it did.
//!
//! It goes to who has said herself, from the letter that asked her about this order, that she wants to hear of it, and to nobody else. It names neither
//! the item nor the shop: it may lie open on somebody's screen.

use super::orders::is_of_an_order;
use crate::{
    app::App,
    consents,
    error::Error,
    i18n::Language,
    mail::{note::Note, outbox::NewLetter, topic::Topic},
};
use chrono::{DateTime, Utc};
use entity::{
    ids::SupporterId,
    subscription, supporter, wish_order,
    words::{LetterKind, OrderState},
};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::{DatabaseTransaction, EntityTrait, QuerySelect};

/// Tells her how an order ends. Returns who she is, when she wants to hear of it.
pub(super) async fn tell(
    tx: &DatabaseTransaction,
    app: &App,
    order: &wish_order::Model,
    end: OrderState,
    now: DateTime<Utc>,
) -> Result<Option<SupporterId>, Error> {
    let Some(id) = order.supporter_id else { return Ok(None) };
    let topic = Topic::Item(order.wish_item_id);
    // What she said yes to before the order, or without one, is no answer about this order: others may have typed her address.
    let is_answer = |wish: &subscription::Model| wish.confirmed_at.is_some_and(|at| at >= order.created_at) && is_of_an_order(wish);
    let Some(wish) = consents::in_force(tx, id, topic).await?.filter(is_answer) else { return Ok(None) };
    if !consents::gets_news(tx, id, topic).await? {
        return Ok(None);
    }
    // Locked, so that she is not erased until the letter is there to be forgotten too.
    let Some(who) = supporter::Entity::find_by_id(id).lock_shared().one(tx).await? else { return Ok(None) };
    if who.email.is_empty() {
        return Ok(None);
    }
    app.outbox.enqueue(tx, compose(app, order, end, &wish.language, who.email)?, app.new_id(), now).await?;
    Ok(Some(id))
}

fn compose(app: &App, order: &wish_order::Model, end: OrderState, language: &str, to: String) -> Result<NewLetter, Error> {
    let language = Language::nearest(language).unwrap_or_default();
    let day = language.date(order.created_at.with_timezone(&app.config.org_timezone).date_naive());
    let values = [("org", FluentValue::from(app.config.org_name.clone())), ("day", FluentValue::from(day))];
    let text = |key: &str| language.text_with(key, &values);
    let what = if end == OrderState::Confirmed { "wishes-order-letter-came" } else { "wishes-order-letter-not" };
    let note = Note {
        language,
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("wishes-order-letter-subject"),
        paragraphs: vec![text(what), text("wishes-order-letter-why")],
        details: Vec::new(),
        after: Vec::new(),
        link: None,
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::OrderSettled,
        dedupe_key: format!("order:{}", order.id),
        donation_id: None,
        receipt_id: None,
        to_address: to,
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
    })
}
