//! The session of a supporter's browser: 256 random bits in a cookie, their SHA-256 in the table, ended after an hour. A link opens one
//! session, and only when its button is pressed: what merely looks at links (mail scanners, previews) opens and uses up nothing.

use super::store;
use crate::{app::App, clock::sha256_hex, error::Error};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use chrono::TimeDelta;
use entity::{portal_session, supporter};
use sea_orm::{ActiveValue::Set, EntityTrait};

/// How long a link in a letter holds: short, because others may read the mailbox later.
pub const LINK_HOLDS: TimeDelta = TimeDelta::minutes(10);

/// How long a session lasts: long enough to look after a gift, short enough for a borrowed machine.
const SESSION_LASTS: TimeDelta = TimeDelta::hours(1);

/// The supporter whose browser asks; nobody without a session.
#[derive(Clone, Debug)]
pub(super) struct AtHome(pub Option<supporter::Model>);

impl FromRequestParts<App> for AtHome {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match token_of(app, &parts.headers) {
            Some(token) => Ok(Self(store::session(app.db.read(), &sha256_hex(&token), app.now()).await?)),
            None => Ok(Self(None)),
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
