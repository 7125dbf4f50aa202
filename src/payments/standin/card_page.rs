//! The page on which practice money is paid. No script; one small stylesheet; plain words.

use super::{PayOutcome, Standin, state::SessionStatus};
use askama::Template;
use axum::{
    body::{Body, to_bytes},
    extract::{RawPathParams, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use std::collections::HashMap;
use url::{Url, form_urlencoded};

/// The largest form that is read.
const BODY_BYTES_MAX: usize = 16 * 1024;

const STYLES: &str = include_str!("../../../templates/standin/standin.css");

#[derive(Template)]
#[template(path = "standin/card.html")]
struct CardPage<'a> {
    path: &'a str,
    what: &'a str,
    amount: &'a str,
    email: &'a str,
    cancel_url: Option<&'a str>,
    error: Option<&'a str>,
    debit: bool,
    /// `month` or `year` for what is paid again and again.
    every: Option<&'static str>,
    expiry: &'a str,
}

#[derive(Template)]
#[template(path = "standin/bank.html")]
struct BankPage<'a> {
    path: &'a str,
    amount: &'a str,
}

#[derive(Template)]
#[template(path = "standin/closed.html")]
struct ClosedPage<'a> {
    title: &'a str,
    words: &'a str,
    back: Option<&'a str>,
}

/// What the pages need to know of a session.
pub(super) struct View {
    path: String,
    what: String,
    amount: String,
    email: String,
    success_url: String,
    cancel_url: Option<String>,
    status: SessionStatus,
    bank_asks: bool,
    every: Option<&'static str>,
}

/// `GET /pay/{session}`
pub(super) async fn show(State(standin): State<Standin>, params: RawPathParams) -> Response {
    let id = session_of(&params);
    standin.catch_up();
    match view(&standin, &id) {
        Some(view) if view.status == SessionStatus::Open && view.bank_asks => bank(&view),
        Some(view) if view.status == SessionStatus::Open => card(&view, StatusCode::OK, None, &HashMap::new()),
        found => closed(found.as_ref()),
    }
}

/// `POST /pay/{session}`
pub(super) async fn pay(State(standin): State<Standin>, params: RawPathParams, request: Request) -> Response {
    let id = session_of(&params);
    let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await.unwrap_or_default();
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map(|text| text.trim()).unwrap_or_default();
    standin.catch_up();
    let Some(view) = view(&standin, &id) else { return closed(None) };
    if view.status == SessionStatus::Complete {
        return see_other(&view.success_url);
    }
    let outcome = match (field("step"), field("method")) {
        ("bank", _) => standin.answer_bank(&id, field("answer") == "approve"),
        (_, "debit_succeeds") => standin.pay_by_debit(&id, true),
        (_, "debit_fails") => standin.pay_by_debit(&id, false),
        _ => {
            if let Some(problem) = card_problem(field("number"), field("expiry"), field("cvc"), &standin) {
                return card(&view, StatusCode::UNPROCESSABLE_ENTITY, Some(problem), &form);
            }
            standin.pay_with(&id, field("number"), month_and_year(field("expiry")).unwrap_or((12, 2040)))
        }
    };
    match outcome {
        PayOutcome::Paid | PayOutcome::Processing => see_other(&view.success_url),
        PayOutcome::NeedsApproval => bank(&view),
        PayOutcome::Declined(words) => card(&view, StatusCode::PAYMENT_REQUIRED, Some(words), &form),
        PayOutcome::NotPractice => card(&view, StatusCode::UNPROCESSABLE_ENTITY, Some(NOT_PRACTICE), &form),
        PayOutcome::Closed | PayOutcome::Unknown => closed(self::view(&standin, &id).as_ref()),
    }
}

pub(super) const NOT_PRACTICE: &str = "This is not one of the practice numbers below. Never type a real card number here.";

/// `GET /standin.css`
pub(super) async fn stylesheet() -> Response {
    let mut response = Response::new(Body::from(STYLES));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    response
}

pub(super) fn card_problem(number: &str, expiry: &str, cvc: &str, standin: &Standin) -> Option<&'static str> {
    if number.is_empty() {
        return Some("Type one of the practice card numbers below.");
    }
    let Some((month, year)) = month_and_year(expiry) else {
        return Some("Type the expiry date as month and year, for example 12 / 40.");
    };
    let now = standin.inner.clock.now();
    use chrono::Datelike;
    if (year, month) < (now.year(), now.month()) {
        return Some("The expiry date is in the past: any date to come will do, for example 12 / 40.");
    }
    if !(3..=4).contains(&cvc.len()) || !cvc.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("Type a security code of three digits: any will do, for example 123.");
    }
    None
}

/// Reads `12 / 40` or `12/2040`.
pub(super) fn month_and_year(expiry: &str) -> Option<(u32, i32)> {
    let (month, year) = expiry.split_once('/')?;
    let (month, year) = (month.trim().parse().ok()?, year.trim());
    let year = match year.len() {
        2 => 2000 + year.parse::<i32>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    (1..=12).contains(&month).then_some((month, year))
}

fn session_of(params: &RawPathParams) -> String {
    params.iter().find(|(name, _)| *name == "session").map(|(_, id)| id.to_owned()).unwrap_or_default()
}

fn view(standin: &Standin, id: &str) -> Option<View> {
    let vault = standin.lock();
    let session = vault.sessions.get(id)?;
    let intent = session.intent_id.as_ref().and_then(|id| vault.intents.get(id));
    Some(View {
        path: format!("/pay/{}", session.id),
        what: session.product_name.clone(),
        amount: session.amount.to_string(),
        email: session.email.clone().unwrap_or_default(),
        success_url: session.success_url.replace("{CHECKOUT_SESSION_ID}", &session.id),
        cancel_url: session.cancel_url.clone(),
        status: session.status,
        every: session.plan.as_ref().map(|plan| plan.every.as_str()),
        bank_asks: intent.is_some_and(|intent| intent.status == "requires_action"),
    })
}

fn card(view: &View, status: StatusCode, error: Option<&str>, form: &HashMap<String, String>) -> Response {
    let page = CardPage {
        path: &view.path,
        what: &view.what,
        amount: &view.amount,
        email: &view.email,
        cancel_url: view.cancel_url.as_deref(),
        error,
        every: view.every,
        debit: form.get("method").is_some_and(|method| method.starts_with("debit")),
        expiry: form.get("expiry").map(String::as_str).unwrap_or_default(),
    };
    html(status, page.render(), &[Some(&view.success_url), view.cancel_url.as_ref()])
}

fn bank(view: &View) -> Response {
    let page = BankPage { path: &view.path, amount: &view.amount };
    html(StatusCode::OK, page.render(), &[Some(&view.success_url)])
}

pub(super) fn closed(view: Option<&View>) -> Response {
    let (status, title, words, back) = match view {
        Some(view) if view.status == SessionStatus::Complete => {
            (StatusCode::OK, "This payment is complete", "There is nothing more to pay here.", Some(view.success_url.as_str()))
        }
        Some(view) => {
            let words = "Nothing was paid. Go back and start again.";
            (StatusCode::GONE, "This payment page has run out", words, view.cancel_url.as_deref())
        }
        None => {
            let words = "Practice payments are kept in memory only: the program has been started anew since. Nothing was paid. Go back to the site and start again.";
            (StatusCode::NOT_FOUND, "This payment page is not known", words, None)
        }
    };
    html(status, ClosedPage { title, words, back }.render(), &[])
}

/// A page whose forms may lead only to itself and, after the redirect, to the addresses given (browsers apply `form-action` to both).
pub(super) fn html(status: StatusCode, page: askama::Result<String>, targets: &[Option<&String>]) -> Response {
    let Ok(page) = page else {
        let mut response = Response::new(Body::from("The page could not be made."));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let origins: String = targets
        .iter()
        .flatten()
        .filter_map(|target| Url::parse(target).ok())
        .map(|url| format!(" {}", url.origin().ascii_serialization()))
        .collect();
    let policy = format!("default-src 'none'; style-src 'self'; form-action 'self'{origins}; base-uri 'none'; frame-ancestors 'none'");
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

pub(super) fn see_other(url: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let target = Url::parse(url).ok().and_then(|url| HeaderValue::try_from(url.as_str()).ok());
    if let Some(target) = target {
        response.headers_mut().insert(header::LOCATION, target);
    }
    response
}
