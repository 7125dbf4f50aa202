//! The stand-in's front door for `/v1`: who asks, which fault waits, which answer is repeated, what is recorded.

use super::{
    Standin,
    api::{self, Call},
    errors::ApiError,
    faults::ApiFault,
    state::Vault,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::Engine;
use serde_json::Value;
use std::time::Duration;

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// One answer, before it goes out.
struct Answer {
    status: u16,
    body: String,
    replayed: bool,
}

impl Answer {
    fn error(error: &ApiError) -> Self {
        Self { status: error.status, body: error.body().to_string(), replayed: false }
    }
}

/// Any call under `/v1/`.
pub(super) async fn handle(State(standin): State<Standin>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return respond(&Answer::error(&ApiError::invalid("", "The request's body is too large.")));
    };
    let Ok(form) = String::from_utf8(bytes.to_vec()) else {
        return respond(&Answer::error(&ApiError::invalid("", "The request's body is not UTF-8.")));
    };
    if let Err(error) = check_key(&parts.headers) {
        return respond(&Answer::error(&error));
    }
    let method = parts.method.as_str();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let key = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).filter(|_| method == "POST");
    let call = Call { method, path: path.strip_prefix("/v1/").unwrap_or_default(), query, form: &form };

    let (answer, fault) = {
        let mut vault = standin.lock();
        vault.catch_up();
        let fault = vault.faults.take_api(method == "POST");
        if fault == Some(ApiFault::DropBefore) {
            return cut_off(Bytes::new());
        }
        if fault == Some(ApiFault::Gateway) {
            return gateway_page();
        }
        (exchange(&mut vault, &call, key, fault), fault)
    };
    standin.inner.wake.notify_one();
    if let Ok(json) = serde_json::from_str::<Value>(&answer.body) {
        standin.inner.record.write(method, path, if method == "GET" { query } else { &form }, answer.status, &json);
    }
    match fault {
        Some(ApiFault::Hang { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(ApiFault::DropAnswer) => return cut_off(Bytes::new()),
        Some(ApiFault::Malformed) => {
            let half = answer.body.chars().take(answer.body.chars().count() / 2).collect();
            return respond(&Answer { body: half, ..answer });
        }
        _ => {}
    }
    respond(&answer)
}

fn exchange(vault: &mut Vault, call: &Call<'_>, key: Option<&str>, fault: Option<ApiFault>) -> Answer {
    let asked = format!("{} {}?{}\n{}", call.method, call.path, call.query, call.form);
    let now = vault.now();
    if let Some(key) = key {
        match vault.replays.find(key, &asked, now) {
            Ok(Some((status, body))) => return Answer { status, body, replayed: true },
            Ok(None) => {}
            Err(error) => return Answer::error(&error),
        }
    }
    let result = match fault {
        Some(ApiFault::TooManyRequests) => Err(ApiError::too_many()),
        Some(ApiFault::Conflict) => Err(ApiError::conflict()),
        Some(ApiFault::ServerError) => return Answer::error(&ApiError::server()),
        Some(ApiFault::StoredServerError) => Err(ApiError::server()),
        _ => vault.account.check(call.path).and_then(|()| api::answer(vault, call)),
    };
    let answer = match result {
        Ok(value) => Answer { status: 200, body: value.to_string(), replayed: false },
        Err(error) => Answer::error(&error),
    };
    if let Some(key) = key {
        vault.replays.keep(key, asked, answer.status, &answer.body, now);
    }
    answer
}

/// A test key, as Bearer or as the user of Basic. A live key has no business here: it is refused before anything else is read.
fn check_key(headers: &HeaderMap) -> Result<(), ApiError> {
    let help = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.";
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(|| ApiError::unauthorized(help))?;
    let key = match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim().to_owned(),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
            let pair = base64::engine::general_purpose::STANDARD.decode(pair.trim()).unwrap_or_default();
            String::from_utf8(pair).unwrap_or_default().split(':').next().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    match crate::payments::livemode_of(&key) {
        Some(false) => Ok(()),
        Some(true) => Err(ApiError::unauthorized("This is the stand-in for Stripe: it takes test keys only. Do not send it a live key.")),
        None => Err(ApiError::unauthorized("Invalid API Key provided.")),
    }
}

fn respond(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if answer.replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

fn gateway_page() -> Response {
    let mut response = Response::new(Body::from("<html><body>502 Bad Gateway</body></html>"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// An answer whose connection breaks before it is whole.
fn cut_off(start: Bytes) -> Response {
    let broken = std::io::Error::other("cut off on purpose");
    let stream = futures_util::stream::iter([Ok(start), Err(broken)]);
    Response::new(Body::from_stream(stream))
}
