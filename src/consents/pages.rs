//! `/unsubscribe/…` and `/news/…`: opening a link only asks, pressing the button does it. No cookie, no signing in, no script.

use crate::{
    app::App,
    consents,
    error::Error,
    i18n::Language,
    mail::{topic::Topic, unsubscribe::Wish},
    web::{self, Page, Path},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use entity::subscription;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/unsubscribe/{token}", get(ask_to_end).post(end))
        .route("/unsubscribe/{token}/undo", post(undo))
        .route("/news/{token}", get(ask_to_confirm).post(confirm))
}

/// Where the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// She gets these news, and is asked whether to end them.
    Gets,
    /// They have ended.
    Ended,
}

#[derive(Template)]
#[template(path = "consents/unsubscribe.html")]
struct UnsubscribePage {
    page: Page,
    /// The path of the link.
    link: String,
    all: bool,
    ended: bool,
}

#[derive(Template)]
#[template(path = "consents/confirm.html")]
struct ConfirmPage {
    page: Page,
    link: String,
    subscription: subscription::Model,
    confirmed: bool,
}

fn read(app: &App, token: &str) -> Result<Wish, Error> {
    app.outbox.unsubscribe_key().read(token).ok_or(Error::NotFound)
}

fn show(page: Page, token: &str, wish: &Wish, standing: Standing) -> Result<Response, Error> {
    let ended = standing == Standing::Ended;
    let title = page.t(if ended { "consents-ended-title" } else { "consents-end-title" });
    let shown =
        UnsubscribePage { page: page.titled(title), link: format!("/unsubscribe/{token}"), all: wish.topic == Topic::Updates, ended };
    quietly(web::html(&shown)?)
}

/// Nobody keeps these pages, and their address, which is a key, is told to nobody.
fn quietly(mut response: Response) -> Result<Response, Error> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// Only asks: mail scanners open every link.
async fn ask_to_end(State(app): State<App>, page: Page, Path(token): Path<String>) -> Result<Response, Error> {
    let wish = read(&app, &token)?;
    let standing = if consents::has_unsubscribed(&app, &wish).await? { Standing::Ended } else { Standing::Gets };
    show(page, &token, &wish, standing)
}

/// Ends the news: by the button on the page, or by the mail program's own (RFC 8058), which sends `List-Unsubscribe=One-Click`, expects an
/// answer of 2xx and follows no redirect.
async fn end(State(app): State<App>, page: Page, Path(token): Path<String>) -> Result<Response, Error> {
    let wish = read(&app, &token)?;
    consents::unsubscribe(&app, &wish).await?;
    show(page, &token, &wish, Standing::Ended)
}

/// She gets them again.
async fn undo(State(app): State<App>, page: Page, Path(token): Path<String>) -> Result<Response, Error> {
    let wish = read(&app, &token)?;
    consents::take_back(&app, &wish).await?;
    show(page, &token, &wish, Standing::Gets)
}

/// The language of the page that she asked on, unless this browser has chosen another.
fn in_her_language(mut page: Page, subscription: &subscription::Model, headers: &HeaderMap) -> Page {
    if !page.lang_chosen && !headers.contains_key(header::ACCEPT_LANGUAGE) {
        page.lang = Language::nearest(&subscription.language).unwrap_or_default();
    }
    page
}

async fn ask_to_confirm(State(app): State<App>, page: Page, headers: HeaderMap, Path(token): Path<String>) -> Result<Response, Error> {
    show_confirmation(&app, page, &headers, &token).await
}

async fn confirm(State(app): State<App>, page: Page, headers: HeaderMap, Path(token): Path<String>) -> Result<Response, Error> {
    match consents::confirm(&app, &token).await {
        Ok(()) | Err(Error::Conflict(_) | Error::NotFound) => show_confirmation(&app, page, &headers, &token).await,
        Err(error) => Err(error),
    }
}

async fn show_confirmation(app: &App, page: Page, headers: &HeaderMap, token: &str) -> Result<Response, Error> {
    let Some(subscription) = consents::asked_by(app, token).await? else {
        let title = page.t("consents-stale-title");
        return quietly(web::html_status(StatusCode::NOT_FOUND, &StalePage { page: page.titled(title) })?);
    };
    let page = in_her_language(page, &subscription, headers);
    let confirmed = subscription.confirmed_at.is_some();
    let title = page.t(if confirmed { "consents-confirmed-title" } else { "consents-confirm-title" });
    quietly(web::html(&ConfirmPage { page: page.titled(title), link: format!("/news/{token}"), subscription, confirmed })?)
}

#[derive(Template)]
#[template(path = "consents/stale.html")]
struct StalePage {
    page: Page,
}
