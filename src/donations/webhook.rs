//! `POST /webhooks/stripe`: verified over the raw bytes, stored with its job in one transaction, and only then acknowledged.

use super::events;
use crate::{
    app::App,
    error::Error,
    payments::{event::Event, signature},
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};

/// The largest event that is read: Stripe's are a few kilobytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The route of the webhook; outside the check against forms from other sites, because the signature takes its place.
pub fn routes() -> Router<App> {
    Router::new().route("/webhooks/stripe", post(receive))
}

/// Answers 200 when the event is safely stored, 400 when it is not from Stripe or of the other mode (nothing is changed), 413 when it is too
/// large, 503 when it could not be stored (Stripe sends it again for three days).
async fn receive(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Error> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
        return Ok(refuse(StatusCode::PAYLOAD_TOO_LARGE, "the event is larger than 1 MiB"));
    }
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return Ok(refuse(StatusCode::PAYLOAD_TOO_LARGE, "the event is larger than 1 MiB or was cut off"));
    };
    let signed = headers.get("stripe-signature").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if let Err(why) = signature::verify(&bytes, signed, &app.webhook_secrets, app.now()) {
        tracing::warn!(?why, "a webhook was refused");
        return Ok(refuse(StatusCode::BAD_REQUEST, "the signature does not verify"));
    }
    let (Ok(event), Ok(text)) = (Event::parse(&bytes), std::str::from_utf8(&bytes)) else {
        tracing::error!("a webhook with Stripe's signature is not an event");
        return Ok(refuse(StatusCode::BAD_REQUEST, "this is not an event"));
    };
    if event.livemode != app.stripe.livemode() {
        tracing::error!(event_id = event.id, "a webhook of the other mode (live or test) was refused");
        return Ok(refuse(StatusCode::BAD_REQUEST, "live and test mode do not agree"));
    }
    match events::receive(&app, &event, text).await {
        Ok(_) => Ok((StatusCode::OK, "stored\n").into_response()),
        Err(error) => {
            tracing::error!(event_id = event.id, %error, "a webhook could not be stored");
            Ok(refuse(StatusCode::SERVICE_UNAVAILABLE, "the event could not be stored; send it again"))
        }
    }
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    (status, format!("{why}\n")).into_response()
}
