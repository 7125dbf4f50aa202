//! Pages: layout, forms, extractors, security headers, assets.

pub mod assets;
pub mod client;
mod error_page;
mod extract;
mod form;
pub mod headers;
mod language;
pub mod markdown;
mod page;
pub mod pager;
pub mod qr;
pub mod slug;

pub use error_page::render_errors;
pub use extract::{Form, Path, Query};
pub use form::{FormError, FormErrors};
pub use language::{own_path, routes as language_routes};
pub use page::Page;

use crate::error::Error;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The page as a response.
pub fn html(template: &impl askama::Template) -> Result<Response, Error> {
    html_status(StatusCode::OK, template)
}

/// The page as a response with another status than 200.
pub fn html_status(status: StatusCode, template: &impl askama::Template) -> Result<Response, Error> {
    let mut response = html_text(template.render()?);
    *response.status_mut() = status;
    Ok(response)
}

/// A page that is text already as a response.
pub fn html_text(text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// A PDF as a file to keep. It is about a person, so no browser and no proxy keeps a copy of its own.
pub fn pdf(bytes: Vec<u8>, file_name: &str) -> Result<Response, Error> {
    let disposition =
        HeaderValue::try_from(format!("attachment; filename=\"{file_name}\"")).map_err(|e| Error::internal("a file's name", e))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, bytes).into_response())
}

/// Sends the browser to `to` with GET (303), as after every change.
pub fn redirect(to: &str) -> Response {
    let location = HeaderValue::try_from(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
