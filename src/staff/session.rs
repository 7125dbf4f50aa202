//! Signed-in browsers: a token of 256 bits in a cookie, its SHA-256 in the table, ended by idleness, age, or by hand.

use super::store;
use crate::{app::App, clock::sha256_hex, error::Error};
use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{SessionId, StaffId},
    staff_member, staff_session,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, entity::prelude::*};

/// After this long without a request a session has ended.
pub const IDLE: TimeDelta = TimeDelta::minutes(30);
/// After this long it has ended, however busy it was.
pub const AGE_MAX: TimeDelta = TimeDelta::hours(12);
/// How often, at most, the time of the last request is written.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Who is at the other end of a session. Not yet let in while `session.verified` is false.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The member.
    pub staff: staff_member::Model,
    /// Her session.
    pub session: staff_session::Model,
}

/// The name of the cookie: on https the browser itself refuses it from anywhere but this very host.
pub fn cookie_name(app: &App) -> &'static str {
    if is_https(app) { "__Host-wellwisher" } else { "wellwisher" }
}

/// Whether a request carries what looks like a member of staff's cookie. Cheap: no look into the database, so it is fit
/// for deciding what to count, and unfit for deciding what to show.
pub fn is_staff_cookie(app: &App, headers: &HeaderMap) -> bool {
    token_of(app, headers).is_some()
}

/// The session's token in a request, when it has the shape of one.
pub(super) fn token_of(app: &App, headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let token = jar.get(cookie_name(app))?.value().to_owned();
    let well_formed = token.len() == 43 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    well_formed.then_some(token)
}

/// Who sent a request, if her session holds. Writes down, at most once a minute, that it was used.
pub async fn find(app: &App, headers: &HeaderMap) -> Result<Option<SignedIn>, Error> {
    let Some(token) = token_of(app, headers) else { return Ok(None) };
    let now = app.now();
    let found = store::session_by_token_hash(app.db.read(), &sha256_hex(&token), now, now - IDLE).await?;
    let Some((session, staff)) = found else { return Ok(None) };
    if now - session.last_seen_at >= TOUCH_EVERY {
        app.db.write(async |tx| store::touch_session(tx, session.id, now).await).await?;
    }
    Ok(Some(SignedIn { staff, session }))
}

/// Opens a session in a transaction and takes away those that have ended. `token` comes from `app.random.token()`.
pub(super) async fn open(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    id: SessionId,
    owner: StaffId,
    token: &str,
    verified: bool,
) -> Result<(), Error> {
    store::delete_ended_sessions(tx, now, now - IDLE).await?;
    let session = staff_session::ActiveModel {
        id: Set(id),
        staff_id: Set(owner),
        token_hash: Set(sha256_hex(token)),
        verified: Set(verified),
        created_at: Set(now),
        last_seen_at: Set(now),
        expires_at: Set(now + AGE_MAX),
    };
    staff_session::Entity::insert(session).exec_without_returning(tx).await?;
    Ok(())
}

/// The header that gives a browser its session's token. It ends with the browser, and at the latest with the session.
pub(super) fn cookie(app: &App, token: &str) -> (header::HeaderName, HeaderValue) {
    set_cookie(Cookie::new(cookie_name(app), token.to_owned()), app)
}

/// The header that takes the token away again.
pub(super) fn no_cookie(app: &App) -> (header::HeaderName, HeaderValue) {
    let mut cookie = Cookie::from(cookie_name(app));
    cookie.make_removal();
    set_cookie(cookie, app)
}

fn set_cookie(mut cookie: Cookie<'static>, app: &App) -> (header::HeaderName, HeaderValue) {
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(is_https(app));
    // The token is base64: the value is always a header's.
    let value = HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
    (header::SET_COOKIE, value)
}

fn is_https(app: &App) -> bool {
    app.config.base_url.scheme() == "https"
}
