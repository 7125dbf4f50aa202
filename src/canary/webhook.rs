//! `POST /webhooks/stripe/canary`: Stripe's messages in test mode about the canary's own payments. Nothing else is read from them, and none is
//! stored.

use super::store;
use crate::{
    app::App,
    error::Error,
    payments::{
        CANARY_KEY,
        signature::{self, WebhookSecret},
    },
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use entity::words::CanaryLink;
use secrecy::ExposeSecret;
use serde_json::Value;

/// The largest message that is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The route of the webhook; outside the check against forms from other sites, because the signature takes its place.
pub fn routes() -> Router<App> {
    Router::new().route("/webhooks/stripe/canary", post(receive))
}

/// 200 for what Stripe signed with the canary's own secret in test mode, 400 for everything else, 404 where there is no canary.
async fn receive(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Error> {
    let canary = app.config.canary.as_ref().ok_or(Error::NotFound)?;
    let refuse = |why: &'static str| (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else { return Ok(refuse("the message is too large")) };
    let signed = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secret = WebhookSecret::parse(canary.webhook_secret.expose_secret()).map_err(|error| Error::Invalid(error.to_string()))?;
    if signature::verify(&bytes, signed, &[secret], app.now()).is_err() {
        return Ok(refuse("the signature does not verify"));
    }
    let Ok(event) = serde_json::from_slice::<Value>(&bytes) else { return Ok(refuse("this is not an event")) };
    if event["livemode"].as_bool() != Some(false) {
        tracing::error!("a live event came to the canary's address and was refused");
        return Ok(refuse("live events have another address"));
    }
    // What is told of the practice checkout, or of a payment that failed, says nothing of the one that was made.
    let is_of_payment = event["type"] == "payment_intent.succeeded";
    if let Some(run) = event["data"]["object"]["metadata"][CANARY_KEY].as_str().filter(|_| is_of_payment) {
        let now = app.now();
        app.db.write(async |tx| store::end(tx, run, CanaryLink::Message, Ok(()), now).await).await?;
    }
    Ok((StatusCode::OK, "heard\n").into_response())
}
