//! `/_standin/…`: faults on demand and short cuts, for tests and demonstrations on this machine.
//!
//! A page of another site could make a visitor's browser post here. So a change needs a JSON content type, which a browser sends across
//! sites only when it is allowed to, and nothing here allows it; and the `Host` must name this machine.

use super::{Decision, FaultOrders, PayOutcome, Standin};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    number: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    succeeds: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    amount: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    amount: Option<i64>,
    #[serde(default)]
    inquiry: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    decision: Decision,
}

/// Any call under `/_standin/`.
pub(super) async fn handle(State(standin): State<Standin>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !from_here(&parts.headers) {
        return answer(StatusCode::FORBIDDEN, &json!({ "error": "only from this machine" }));
    }
    let writes = parts.method != "GET";
    let is_json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if writes && !is_json {
        return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!({ "error": "send application/json" }));
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "too large" }));
    };
    let path = parts.uri.path().trim_start_matches("/_standin/").trim_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    match act(&standin, parts.method.as_str(), &segments, &body) {
        Some(Ok(value)) => answer(StatusCode::OK, &value),
        Some(Err(error)) => answer(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
        None => answer(StatusCode::NOT_FOUND, &json!({ "error": "no such control" })),
    }
}

fn act(standin: &Standin, method: &str, segments: &[&str], body: &[u8]) -> Option<Result<Value, serde_json::Error>> {
    let done = |done: bool| json!({ "done": done });
    Some(match (method, segments) {
        ("GET", ["sessions"]) => serde_json::to_value(standin.sessions()),
        ("GET", ["events"]) => serde_json::to_value(standin.events()),
        ("GET", ["faults"]) => Ok(json!({ "api": standin.faults_waiting().0, "webhooks": standin.faults_waiting().1 })),
        ("POST", ["faults"]) => serde_json::from_slice::<FaultOrders>(body).map(|orders| {
            standin.order_faults(&orders);
            done(true)
        }),
        ("DELETE", ["faults"]) => {
            standin.clear_faults();
            Ok(done(true))
        }
        ("POST", ["sessions", id, "pay"]) => serde_json::from_slice::<Pay>(body).map(|pay| outcome(standin.pay(id, &pay.number))),
        ("POST", ["sessions", id, "approve"]) => {
            serde_json::from_slice::<Answer>(body).map(|answer| outcome(standin.answer_bank(id, answer.succeeds)))
        }
        ("POST", ["sessions", id, "debit"]) => {
            serde_json::from_slice::<Answer>(body).map(|answer| outcome(standin.pay_by_debit(id, answer.succeeds)))
        }
        ("POST", ["sessions", id, "settle"]) => {
            serde_json::from_slice::<Answer>(body).map(|answer| done(standin.settle_debit(id, answer.succeeds)))
        }
        ("POST", ["sessions", id, "expire"]) => Ok(done(standin.expire(id))),
        ("POST", ["payouts"]) => Ok(json!({ "payouts": standin.pay_out() })),
        ("POST", ["payouts", id, "complete"]) => Ok(done(standin.complete_payout(id))),
        ("POST", ["payouts", id, "fail"]) => Ok(done(standin.fail_payout(id))),
        ("GET", ["subscriptions"]) => serde_json::to_value(standin.subscriptions()),
        ("POST", ["subscriptions", id, "renew"]) => Ok(done(standin.renew(id))),
        ("POST", ["subscriptions", id, "retry"]) => Ok(done(standin.retry(id))),
        ("GET", ["refunds"]) => serde_json::to_value(standin.refunds()),
        ("GET", ["disputes"]) => serde_json::to_value(standin.disputes()),
        ("POST", ["sessions", id, "refund"]) => serde_json::from_slice::<Part>(body).map(|part| made(standin.refund(id, part.amount))),
        ("POST", ["refunds", id, "settle"]) => {
            serde_json::from_slice::<Answer>(body).map(|answer| done(standin.settle_refund(id, answer.succeeds)))
        }
        ("POST", ["sessions", id, "dispute"]) => {
            serde_json::from_slice::<Opening>(body).map(|opening| made(standin.dispute(id, opening.amount, opening.inquiry)))
        }
        ("POST", ["disputes", id, "decide"]) => {
            serde_json::from_slice::<Verdict>(body).map(|verdict| done(standin.decide_dispute(id, verdict.decision)))
        }
        ("POST", ["events", id, "resend"]) => Ok(done(standin.resend(id))),
        _ => return None,
    })
}

fn made(id: Option<String>) -> Value {
    json!({ "done": id.is_some(), "id": id })
}

fn outcome(outcome: PayOutcome) -> Value {
    json!({ "outcome": match outcome {
        PayOutcome::Paid => "paid",
        PayOutcome::NeedsApproval => "needs_approval",
        PayOutcome::Processing => "processing",
        PayOutcome::Declined(_) => "declined",
        PayOutcome::NotPractice => "not_practice",
        PayOutcome::Closed => "closed",
        PayOutcome::Unknown => "unknown",
    } })
}

/// Whether the request names this machine, so that another name that leads here cannot be used against it.
fn from_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    super::super::checked_base(&format!("http://{host}/")).is_ok()
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
