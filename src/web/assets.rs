//! The stylesheet, scripts and pictures: inside the binary, under an address that changes with their content.

use super::{Path, headers};
use crate::{app::App, error::Error};
use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "templates/assets"]
struct Assets;

/// The address of an asset with the first digits of its SHA-256, so that a browser may keep it for ever.
pub fn address(name: &str) -> String {
    let hash = Assets::get(name).map(|file| crate::clock::hex(&file.metadata.sha256_hash()[..6])).unwrap_or_default();
    format!("/assets/{name}?v={hash}")
}

/// The routes of the assets.
pub fn routes() -> Router<App> {
    Router::new().route("/assets/{name}", get(send))
}

async fn send(Path(name): Path<String>) -> Result<Response, Error> {
    answer(&name, "public, max-age=31536000, immutable")
}

/// An asset as a response that a browser keeps as `keep` says. It is the same for everybody, so other sites may use it too: frames of ours that a
/// site has shut off from everything (`sandbox`) count as another site.
pub fn answer(name: &str, keep: &'static str) -> Result<Response, Error> {
    let file = Assets::get(name).ok_or(Error::NotFound)?;
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let told = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static(keep))];
    let mut response = (told, file.data).into_response();
    headers::open_to_others(&mut response);
    Ok(response)
}
