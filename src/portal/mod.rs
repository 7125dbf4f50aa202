//! A supporter's own pages: what she gave, the numbers of her receipts, and her recurring donations, which she changes, pauses and ends
//! here. There is no password: a link comes by e-mail, holds for ten minutes, and opens a session of one browser, once.
//!
//! Whoever asks for a link gets the same answer, whether anybody with that address ever gave or not.

mod actions;
mod data;
mod details;
mod news;
mod pages;
mod papers;
mod session;
mod store;

pub use pages::routes;
pub use session::LINK_HOLDS;

use crate::{
    app::App,
    error::Error,
    i18n::Language,
    mail::{
        note::{Link, Note},
        outbox::NewLetter,
    },
};
use entity::{portal_link, supporter, words::LetterKind};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::{ActiveValue::Set, EntityTrait};

/// How many links one address gets in an hour, whoever asks.
const LINKS_PER_HOUR: u64 = 3;

/// Sends the link to her own pages to whoever gave with this address; to nobody when nobody did.
pub async fn send_link(app: &App, email: &str, language: Language) -> Result<(), Error> {
    let now = app.now();
    let Some(supporter) = store::supporter_at(app.db.read(), &email.trim().to_lowercase()).await? else { return Ok(()) };
    let token = app.random.token();
    let hash = crate::clock::sha256_hex(&token);
    let letter = compose(app, language, &supporter, &token, &hash)?;
    let sent = app
        .db
        .write(async |tx| {
            store::delete_ended(tx, now).await?;
            // Counted under a lock, so that many who ask at once get no more than one after the other.
            let address = store::lock_supporter(tx, supporter.id).await?;
            // Erased or moved elsewhere meanwhile: the address that was typed opens nothing any more.
            if address.as_ref() != Some(&supporter.email) {
                return Ok(false);
            }
            if store::links_since(tx, supporter.id, now - chrono::TimeDelta::hours(1)).await? >= LINKS_PER_HOUR {
                return Ok(false);
            }
            let link = portal_link::ActiveModel {
                token_hash: Set(hash.clone()),
                supporter_id: Set(supporter.id),
                created_at: Set(now),
                expires_at: Set(now + LINK_HOLDS),
            };
            portal_link::Entity::insert(link).exec_without_returning(tx).await?;
            app.outbox.enqueue(tx, letter.clone(), app.new_id(), now).await.map(|_| true)
        })
        .await?;
    if sent {
        app.bell.notify_waiters();
    }
    Ok(())
}

fn compose(app: &App, language: Language, to: &supporter::Model, token: &str, hash: &str) -> Result<NewLetter, Error> {
    let text = |key: &str| language.text_with(key, &[("org", FluentValue::from(app.config.org_name.clone()))]);
    let note = Note {
        language,
        // No name: the letter may lie open on somebody else's screen.
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("portal-letter-subject"),
        paragraphs: vec![text("portal-letter-text"), text("portal-letter-not-you")],
        details: Vec::new(),
        after: Vec::new(),
        link: Some(Link { words: text("portal-letter-link"), url: app.config.link(&format!("/me/{token}")) }),
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::PortalLink,
        dedupe_key: format!("portal:{hash}"),
        donation_id: None,
        receipt_id: None,
        to_address: to.email.clone(),
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: to.discreet,
    })
}
