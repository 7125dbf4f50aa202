//! The page of the genuine links, and the files to check it with.

use super::{Signed, key, signed};
use crate::{
    app::App,
    error::Error,
    web::{self, Page, Path},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The public routes.
pub fn routes() -> Router<App> {
    Router::new().route("/genuine", get(show)).route("/genuine/{file}", get(send_file))
}

/// What we never do: each has a sentence `genuine-never-<word>` in every language.
const NEVER: [&str; 6] = ["card", "phone", "private", "hurry", "passwords", "address"];

#[derive(Template)]
#[template(path = "genuine/genuine.html")]
struct GenuinePage {
    page: Page,
    signed: Signed,
    words: String,
    former_words: Option<String>,
    never: [&'static str; 6],
}

async fn show(State(app): State<App>, page: Page) -> Result<Response, Error> {
    let signed = signed(&app).await?;
    let spoken = |base64: &str| STANDARD.decode(base64).map(|public| key::words_of(&key::fingerprint(&public)));
    let words = spoken(&signed.document.key.ed25519).map_err(|e| Error::internal("a public key", e))?;
    let former_words = signed.document.former_key.as_ref().and_then(|former| spoken(&former.ed25519).ok());
    let title = page.t("genuine-title");
    web::html(&GenuinePage { page: page.titled(title), signed, words, former_words, never: NEVER })
}

/// The signed list, its signatures, the public keys.
async fn send_file(State(app): State<App>, Path(file): Path<String>) -> Result<Response, Error> {
    let signed = signed(&app).await?;
    let pem = |base64: &str| STANDARD.decode(base64).map(|public| key::public_pem(&public)).map_err(|e| Error::internal("a public key", e));
    let (kind, bytes) = match file.as_str() {
        "links.json" => ("application/json", signed.bytes),
        "links.json.sig" => ("application/octet-stream", signed.signature),
        "links.json.former.sig" => ("application/octet-stream", signed.former_signature.ok_or(Error::NotFound)?),
        "key.pem" => ("application/x-pem-file", pem(&signed.document.key.ed25519)?.into_bytes()),
        "former-key.pem" => {
            let former = signed.document.former_key.ok_or(Error::NotFound)?;
            ("application/x-pem-file", pem(&former.ed25519)?.into_bytes())
        }
        _ => return Err(Error::NotFound),
    };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    Ok((headers, bytes).into_response())
}
