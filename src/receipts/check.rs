//! Whether a receipt is genuine, for whoever holds it: its number and its check code give amount, date and campaign, and no name.
//!
//! The numbers follow each other, so a number alone gives nothing. The check code is twelve letters and digits by chance (60 bits), stands on
//! the receipt only, and is asked for by a form that is posted, so that it is in no address. A wrong code and a number that was never taken
//! are answered alike, and one network may try only so often.

use super::{Snapshot, store};
use crate::{
    app::App,
    clock::Random,
    error::Error,
    limits::HourlyLimit,
    web::{self, Form, FormErrors, Page, client::ClientAddress},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use chrono::NaiveDate;
use entity::{Money, words::ReceiptStatus};
use serde::Deserialize;
use std::sync::Arc;

/// How often one network may try in an hour.
const TRIES_PER_HOUR: u32 = 30;

/// The longest that is read of a field, in characters.
const TYPED_MAX: usize = 60;

/// Letters and digits that are not taken for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many letters and digits a code has.
const LENGTH: usize = 12;

/// The public routes.
pub fn routes() -> Router<App> {
    Router::new().route("/receipts/check", get(show).post(check))
}

/// A new check code, `K7QF-29XD-M4TN`.
pub(super) fn new_code(random: &Random) -> String {
    let letters = random.bytes::<LENGTH>().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
    let mut code = String::with_capacity(LENGTH + 2);
    for (at, letter) in letters.into_iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

/// What was typed, without what gets into it on the way: spaces, marks of direction, Persian digits, small letters.
fn plain(typed: &str) -> String {
    let latin = |c: char| match c {
        '۰'..='۹' => char::from_digit(u32::from(c) - u32::from('۰'), 10).unwrap_or(c),
        '٠'..='٩' => char::from_digit(u32::from(c) - u32::from('٠'), 10).unwrap_or(c),
        '–' | '—' | '‐' | '‑' | '−' => '-',
        other => other.to_ascii_uppercase(),
    };
    typed.chars().take(TYPED_MAX).map(latin).filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

/// The letters and digits of a code; those that look like others are taken for them.
fn letters_of(code: &str) -> String {
    let same = |c: char| match c {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    plain(code).chars().filter(|c| *c != '-').map(same).collect()
}

/// Compares without telling by the time it takes where two texts differ.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// What the page tells of a genuine receipt.
struct Found {
    code: String,
    status: ReceiptStatus,
    amount: Money,
    gift_on: NaiveDate,
    campaign: Option<String>,
    issuer: String,
    practice: bool,
}

/// The receipt of this number and check code.
async fn find(app: &App, number: &str, code: &str) -> Result<Option<Found>, Error> {
    let (number, code) = (plain(number), letters_of(code));
    let Some(receipt) = store::find_by_code(app.db.read(), &number).await? else { return Ok(None) };
    let snapshot: Snapshot = serde_json::from_str(&receipt.snapshot)?;
    let own = letters_of(&snapshot.check);
    if own.len() != LENGTH || !is_same(&own, &code) {
        return Ok(None);
    }
    Ok(Some(Found {
        code: receipt.code,
        status: receipt.status,
        amount: snapshot.amount,
        gift_on: snapshot.gift_on,
        campaign: snapshot.campaign,
        issuer: snapshot.issuer.legal_name,
        practice: snapshot.practice,
    }))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    number: String,
    code: String,
}

#[derive(Template)]
#[template(path = "receipts/check.html")]
struct CheckPage {
    page: Page,
    typed: Typed,
    errors: FormErrors,
    found: Option<Found>,
}

#[derive(Clone)]
struct TriesLimit(Arc<HourlyLimit>);

async fn show(page: Page) -> Result<Response, Error> {
    answer(page, StatusCode::OK, Typed::default(), FormErrors::default(), None)
}

async fn check(State(app): State<App>, page: Page, client: ClientAddress, Form(typed): Form<Typed>) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    if plain(&typed.number).is_empty() {
        errors.add("number", page.t("receipts-check-number-empty"));
    }
    if plain(&typed.code).is_empty() {
        errors.add("code", page.t("receipts-check-code-empty"));
    }
    if !errors.is_empty() {
        return answer(page, StatusCode::UNPROCESSABLE_ENTITY, typed, errors, None);
    }
    let open = async || Ok(TriesLimit(Arc::new(HourlyLimit::new(TRIES_PER_HOUR, &app.random.bytes()))));
    if !app.shelf.get_or_open(open).await?.0.allows(client.network(), app.now()) {
        errors.add("number", page.t("receipts-check-too-many"));
        return answer(page, StatusCode::TOO_MANY_REQUESTS, typed, errors, None);
    }
    match find(&app, &typed.number, &typed.code).await? {
        Some(found) => answer(page, StatusCode::OK, Typed::default(), errors, Some(found)),
        None => {
            errors.add("number", page.t("receipts-check-wrong"));
            answer(page, StatusCode::UNPROCESSABLE_ENTITY, typed, errors, None)
        }
    }
}

fn answer(page: Page, status: StatusCode, typed: Typed, errors: FormErrors, found: Option<Found>) -> Result<Response, Error> {
    let title = page.t("receipts-check-title");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let mut response = web::html_status(status, &CheckPage { page: page.titled(title), typed, errors, found })?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = new_code(&Random::default());
        assert_eq!((code.len(), code.matches('-').count()), (14, 2), "{code}");
        assert_eq!(letters_of(&code).len(), LENGTH);
        for typed in ["k7qf-29xd-m4tn", " K7QF 29XD M4TN ", "\u{2068}K7QF–29XD–M4TN\u{2069}", "K7QF-۲۹XD-M۴TN", "k7qf٢٩xdm٤tn"] {
            assert_eq!(letters_of(typed), "K7QF29XDM4TN", "{typed}");
        }
        assert_eq!(letters_of("oOiIlL"), "001111");
        assert_eq!(plain("r-۲۰۲۶-000123"), "R-2026-000123");
        assert!(is_same("AB", "AB") && !is_same("AB", "AC") && !is_same("AB", "ABC"));
    }
}
