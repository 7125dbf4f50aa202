//! The question on paper, for givers whose address nobody knows, or whose mailbox is gone: finance prints it, and it goes by post or from
//! hand to hand. Her link is a secret, so every printing is audited and stands in the gift's story.

use super::{carry, letters, lock, store};
use crate::{
    app::App,
    donations::store as gifts,
    error::Error,
    i18n::Language,
    mail::{
        note::{Link, greeting},
        suppression,
    },
    staff::{
        Finance,
        audit::{self, Actor},
    },
    web::{self, Page, Path, qr::Picture},
    wishes,
};
use askama::Template;
use axum::{extract::State, response::Response};
use entity::{donation, ids::PromiseChoiceId, promise_choice, supporter, words::SuppressionReason};
use sea_orm::{DatabaseTransaction, EntityTrait};
use serde_json::json;

/// What stands in the story of a gift whose question was printed.
pub(super) const PRINTED: &str = "promise_printed";

/// The letter as it is printed.
pub(super) struct Letter {
    language: Language,
    giver: String,
    paragraphs: Vec<String>,
    link: Link,
}

#[derive(Template)]
#[template(path = "promises/paper.html")]
struct PaperPage {
    page: Page,
    letter: Letter,
    greeting: String,
    picture: Picture,
}

/// Prints the question with her link. The answer to the POST is the letter itself, and no browser keeps it, as no page of the desk.
pub(super) async fn print(State(app): State<App>, who: Finance, Path(id): Path<PromiseChoiceId>) -> Result<Response, Error> {
    let letter = write(&app, &who.actor(), id).await?;
    // In her language, whatever the desk's is.
    let page = Page::plain(&app, letter.language);
    let title = page.t1("promises-letter-subject", "org", &app.config.org_name);
    let greeting = greeting(letter.language, &letter.giver);
    let picture = Picture::of(&letter.link.url)?;
    web::html(&PaperPage { page: page.titled(title), letter, greeting, picture })
}

/// The letter to a giver whom no e-mail reaches, for as long as she can choose. Who printed it is audited.
///
/// # Errors
/// `Conflict` when the letter by e-mail was sent or waits, the giver was erased, or there is nothing to choose any more.
pub(super) async fn write(app: &App, actor: &Actor, id: PromiseChoiceId) -> Result<Letter, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (gift, choice) = lock(tx, id).await?;
            refuse_unless_hers(tx, app, actor, &choice, &gift).await?;
            let promise = store::promise(tx, choice.promise_id).await?.ok_or(Error::NotFound)?;
            let item = wishes::store::item(tx, promise.wish_item_id).await?.ok_or(Error::NotFound)?;
            let (language, paragraphs, link) = letters::question(tx, app, &promise, &choice, &gift, &item, false).await?;
            gifts::note(tx, gift.id, now, PRINTED, "").await?;
            audit::record(tx, now, actor, "promise.print", "promise_choice", &id.to_string(), json!({ "donation": gift.id })).await?;
            Ok(Letter { language, giver: gift.donor_name, paragraphs, link })
        })
        .await
}

async fn refuse_unless_hers(
    tx: &DatabaseTransaction,
    app: &App,
    actor: &Actor,
    choice: &promise_choice::Model,
    gift: &donation::Model,
) -> Result<(), Error> {
    let giver = supporter::Entity::find_by_id(gift.supporter_id).one(tx).await?.ok_or(Error::NotFound)?;
    let arrived = store::not_arrived(tx, &[choice.id]).await?.is_empty();
    let why = if !giver.email.is_empty() && arrived {
        "This giver has an e-mail address: the letter with her link goes there, and to nobody else."
    } else if giver.email.is_empty() && store::without_address(tx, vec![giver.id]).await?.is_empty() {
        "Whose gift this is was erased: nobody is left to choose, and the general fund gets it."
    } else if holds_back(tx, app, actor, &giver).await? {
        "You hold back the letters to this address yourself: somebody else must print this, so that nobody chooses in her place alone."
    } else if choice.carried_at.is_some() || choice.returning_at.is_some() || carry::refund_of(tx, choice).await?.1.is_some() {
        "This was carried out already: there is nothing left to choose."
    } else {
        return Ok(());
    };
    Err(Error::Conflict(why.to_owned()))
}

/// Whether it is this member of staff who holds back every letter to her.
async fn holds_back(tx: &DatabaseTransaction, app: &App, actor: &Actor, giver: &supporter::Model) -> Result<bool, Error> {
    let story = suppression::story(tx, &app.outbox.address_key().hash(&giver.email)).await?;
    let is_held = |one: &entity::suppression::Model| one.reason == SuppressionReason::Staff && one.lifted_at.is_none();
    Ok(!giver.email.is_empty() && story.iter().any(|one| is_held(one) && one.made_by == actor.name))
}
