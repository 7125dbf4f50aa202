//! An error as a page: what happened, what to do next, and the number under which the log has the details.

use super::{Page, html_status, redirect};
use crate::{app::App, error::Error};
use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Carries an error from where it was met to [`render_errors`], which knows the language.
#[derive(Clone)]
struct Met(Arc<Error>);

impl Error {
    /// The status that tells it to programs.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::NotOffered(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The key of the text that tells it to people.
    fn key(&self) -> &'static str {
        match self {
            Self::NotFound => "error-not-found",
            Self::Invalid(_) => "error-invalid",
            Self::Conflict(_) => "error-conflict",
            Self::SignInNeeded => "error-sign-in",
            Self::Forbidden(_) => "error-forbidden",
            Self::TooMany(_) => "error-too-many",
            Self::Unavailable(_) => "error-unavailable",
            Self::NotOffered(_) => "error-not-offered",
            Self::Internal(_) => "error-internal",
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Met(Arc::new(self)));
        response
    }
}

#[derive(Template)]
#[template(path = "layout/error.html")]
struct ErrorPage {
    page: Page,
    heading: String,
    advice: String,
    detail: Option<String>,
    request_id: String,
}

/// Turns errors into pages, logs what is our fault, and gives every request the number that both show.
pub async fn render_errors(State(app): State<App>, request: Request, next: Next) -> Response {
    let page = Page::of(&app, request.headers(), request.uri());
    let request_id = crate::clock::hex(&app.random.bytes::<6>());
    let wants_page = request.headers().get(header::ACCEPT).is_none_or(|v| !v.to_str().unwrap_or_default().starts_with("application/json"));
    let mut response = next.run(request).await;
    let Some(Met(error)) = response.extensions_mut().remove::<Met>() else { return response };
    match &*error {
        Error::Internal(detail) => tracing::error!(request_id, detail, "a request failed"),
        Error::Unavailable(detail) => tracing::warn!(request_id, detail, "something needed does not answer"),
        Error::SignInNeeded if wants_page => return redirect("/desk/sign-in"),
        _ => {}
    }
    let key = error.key();
    let told = match &*error {
        Error::Invalid(why) | Error::Conflict(why) | Error::Forbidden(why) | Error::TooMany(why) | Error::NotOffered(why) => {
            Some(why.clone())
        }
        _ => None,
    };
    let shown = ErrorPage {
        heading: page.t(key),
        advice: page.t(&format!("{key}-advice")),
        page: page.clone().titled(page.t(key)),
        detail: told,
        request_id,
    };
    let status = error.status();
    let mut response = html_status(status, &shown).unwrap_or_else(|_| status.into_response());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    }
    response
}
