//! Choosing a language: a link that sets one cookie and goes back.

use super::{Path, Query, page::LANGUAGE_COOKIE, redirect};
use crate::{app::App, error::Error, i18n::Language};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use serde::Deserialize;

/// The route of the language switch.
pub fn routes() -> Router<App> {
    Router::new().route("/language/{tag}", get(choose))
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    next: String,
}

/// Remembers the language for good and goes back to the page, which must be one of ours.
async fn choose(State(app): State<App>, Path(tag): Path<String>, Query(back): Query<Back>) -> Result<Response, Error> {
    let language: Language = tag.parse().map_err(|()| Error::NotFound)?;
    let cookie = Cookie::build((LANGUAGE_COOKIE, language.tag()))
        .path("/")
        .permanent()
        .same_site(SameSite::Lax)
        .secure(app.config.base_url.scheme() == "https");
    Ok((CookieJar::new().add(cookie), redirect(own_path(&back.next))).into_response())
}

/// `path` when it is one of this site's, else `/`: never a way to another site.
pub fn own_path(path: &str) -> &str {
    let own =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']) && !path.chars().any(char::is_control);
    if own { path } else { "/" }
}
