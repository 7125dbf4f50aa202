//! The session of a supporter's browser: 256 random bits in a cookie, their SHA-256 in the table, ended after an hour. A link opens one
//! session, and only when its button is pressed: what merely looks at links (mail scanners, previews) opens and uses up nothing.

use super::store;
use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    mail::over::SIGN_IN_HOLDS,
    web::{self, Page},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use chrono::TimeDelta;
use entity::{portal_session, supporter};
use sea_orm::{ActiveValue::Set, EntityTrait};

/// How long a link in a letter holds.
pub const LINK_HOLDS: TimeDelta = SIGN_IN_HOLDS;

/// How long a session lasts: long enough to look after a gift, short enough for a borrowed machine.
const SESSION_LASTS: TimeDelta = TimeDelta::hours(1);

/// Whoever asks: a supporter where the browser has a session, nobody otherwise.
#[derive(Clone, Debug)]
pub(super) struct Visitor(pub Option<supporter::Model>);

impl FromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match token_of(app, &parts.headers) {
            Some(token) => Ok(Self(store::session(app.db.read(), &sha256_hex(&token), app.now()).await?)),
            None => Ok(Self(None)),
        }
    }
}

/// The supporter whose browser asks, and her page in her language. Without a session the answer leads to where one asks for a link.
#[derive(Clone, Debug)]
pub(super) struct AtHome {
    pub supporter: supporter::Model,
    pub page: Page,
}

impl FromRequestParts<App> for AtHome {
    type Rejection = NotAtHome;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NotAtHome> {
        let Visitor(supporter) = Visitor::from_request_parts(parts, app).await.map_err(NotAtHome::Failed)?;
        let supporter = supporter.ok_or(NotAtHome::Away)?;
        let page = Page::of(app, &parts.headers, &parts.uri).preferring(&supporter.language);
        Ok(Self { supporter, page })
    }
}

/// Why nobody is at home.
#[derive(Debug)]
pub(super) enum NotAtHome {
    /// There is no session, or it has ended.
    Away,
    /// It could not be asked for.
    Failed(Error),
}

impl IntoResponse for NotAtHome {
    fn into_response(self) -> Response {
        match self {
            Self::Away => web::redirect("/me?stale=1"),
            Self::Failed(error) => error.into_response(),
        }
    }
}

fn cookie_name(app: &App) -> &'static str {
    if is_https(app) { "__Host-wellwisher-me" } else { "wellwisher-me" }
}

fn is_https(app: &App) -> bool {
    app.config.base_url.scheme() == "https"
}

/// The session's token in a request, when it has the shape of one.
pub(super) fn token_of(app: &App, headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let token = jar.get(cookie_name(app))?.value().to_owned();
    (token.len() == 43 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')).then_some(token)
}

/// Opens a session for whoever holds the link, and answers with the header that gives the browser its token. The link is used up by it,
/// with every other link of hers; so is the session that the browser had.
pub(super) async fn open(app: &App, headers: &HeaderMap, link_token: &str) -> Result<Option<(HeaderName, HeaderValue)>, Error> {
    let (now, hash) = (app.now(), sha256_hex(link_token));
    let before = token_of(app, headers).map(|token| sha256_hex(&token));
    let token = app.random.token();
    let opened = app
        .db
        .write(async |tx| {
            store::delete_ended(tx, now).await?;
            let Some(supporter_id) = store::use_up(tx, &hash, now).await? else { return Ok(false) };
            if let Some(before) = &before {
                store::end_session(tx, before).await?;
            }
            let row = portal_session::ActiveModel {
                token_hash: Set(sha256_hex(&token)),
                supporter_id: Set(supporter_id),
                created_at: Set(now),
                expires_at: Set(now + SESSION_LASTS),
            };
            portal_session::Entity::insert(row).exec_without_returning(tx).await?;
            Ok(true)
        })
        .await?;
    Ok(opened.then(|| set_cookie(app, Cookie::new(cookie_name(app), token))))
}

/// Ends the session of a request, and every other of the same supporter, wherever it was left open; the header takes the token away.
pub(super) async fn end(app: &App, headers: &HeaderMap) -> Result<(HeaderName, HeaderValue), Error> {
    if let Some(token) = token_of(app, headers) {
        let hash = sha256_hex(&token);
        app.db.write(async |tx| Ok(store::end_all_of(tx, &hash).await?)).await?;
    }
    let mut cookie = Cookie::from(cookie_name(app));
    cookie.make_removal();
    Ok(set_cookie(app, cookie))
}

fn set_cookie(app: &App, mut cookie: Cookie<'static>) -> (HeaderName, HeaderValue) {
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(is_https(app));
    // The token is base64: the value is always a header's.
    let value = HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
    (header::SET_COOKIE, value)
}
