//! The page behind the link of a letter about the card: one button that leads to Stripe's page for another card.
//!
//! The link names one gift, is signed, and holds for thirty days. It shows nothing of the gift: whoever opens it can give another card
//! and no more.

use super::{care, store};
use crate::{
    app::App,
    error::Error,
    web::{self, Page, Path, client::ClientAddress},
};
use askama::Template;
use axum::{Router, extract::State, http::HeaderValue, http::header, response::Response, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::{ids::RecurringId, words::RecurringStatus};
use ring::hmac;

/// How long a link holds.
const HOLDS: TimeDelta = TimeDelta::days(30);

const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 8;

/// The public route of recurring donations.
pub fn routes() -> Router<App> {
    Router::new().route("/recurring/card/{token}", get(show).post(lead_on))
}

#[derive(Template)]
#[template(path = "recurring/card.html")]
struct CardPage {
    page: Page,
    token: String,
    /// Whether there is anything left to mend.
    over: bool,
}

/// The path of a gift's page for another card: signed, for thirty days from now.
pub fn card_path(app: &App, id: RecurringId) -> String {
    let mut token = id.0.as_bytes().to_vec();
    token.extend_from_slice(&(app.now() + HOLDS).timestamp().to_be_bytes());
    let signature = hmac::sign(&key(app), &token);
    token.extend_from_slice(signature.as_ref());
    format!("/recurring/card/{}", URL_SAFE_NO_PAD.encode(token))
}

fn read(app: &App, token: &str) -> Option<RecurringId> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signed, signature) = bytes.split_at_checked(ID_BYTES + TIME_BYTES)?;
    hmac::verify(&key(app), signed, signature).ok()?;
    let (id, until) = signed.split_at(ID_BYTES);
    let until = i64::from_be_bytes(until.try_into().ok()?);
    (app.now().timestamp() < until).then_some(())?;
    Some(RecurringId(sea_orm::prelude::Uuid::from_slice(id).ok()?))
}

fn key(app: &App) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &app.key("another card v1"))
}

async fn show(State(app): State<App>, page: Page, Path(token): Path<String>) -> Result<Response, Error> {
    let id = read(&app, &token).ok_or(Error::NotFound)?;
    let gift = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let page = page.preferring(&gift.language);
    let title = page.t("recurring-card-title");
    let shown = CardPage { page: page.titled(title), token, over: gift.status == RecurringStatus::Ended };
    let mut response = web::html(&shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn lead_on(State(app): State<App>, client: ClientAddress, Path(token): Path<String>) -> Result<Response, Error> {
    let id = read(&app, &token).ok_or(Error::NotFound)?;
    if !app.checkout_limit.allows(client.network(), app.now()) {
        return Err(Error::TooMany("Please wait a while and try again.".to_owned()));
    }
    Ok(web::redirect(&care::card_page(&app, id, "/me?done=card").await?))
}
