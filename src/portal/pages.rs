//! `/me`: asking for the link, opening it, and what is behind it.

use super::{
    actions, data, details, news, papers,
    session::{self, Visitor},
    store,
};
use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    limits::HourlyLimit,
    recurring, staff,
    web::{self, Form, FormErrors, Page, Path, Query, client::ClientAddress},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use entity::{Money, donation, receipt, recurring_donation, statement, words::RecurringStatus};
use serde::Deserialize;
use std::sync::Arc;

/// How many links one network may ask for in an hour.
const ASKED_PER_HOUR: u32 = 10;

/// How many gifts are listed.
const GIFTS_MAX: u64 = 500;

/// The routes of a supporter's own pages: never kept by a browser, and no change without a word where it came from.
pub fn routes() -> Router<App> {
    staff::protect(
        Router::new()
            .route("/me", get(show))
            .route("/me/link", post(send_link))
            .route("/me/sign-out", post(sign_out))
            .route("/me/{token}", get(ask_to_open).post(open_link))
            .route("/me/news", get(news::show).post(news::change))
            .route("/me/details", get(details::show).post(details::save))
            .route("/me/email", post(details::ask_address))
            .route("/me/address/{token}", get(details::ask_about_address).post(details::decide_address))
            .route("/me/receipts/{id}/correct", post(details::correct))
            .route("/me/data", get(data::show))
            .route("/me/export/{file}", get(data::take))
            .route("/me/erase", get(data::ask_to_erase).post(data::erase))
            .route("/me/receipts/{id}", get(papers::show_receipt))
            .route("/me/receipts/{id}/pdf", get(papers::pdf_of_receipt))
            .route("/me/statements/{id}", get(papers::show_statement))
            .route("/me/statements/{id}/pdf", get(papers::pdf_of_statement))
            .route("/me/recurring/{id}/{action}", get(actions::ask).post(actions::act)),
    )
}

#[derive(Clone)]
struct AskedLimit(Arc<HourlyLimit>);

#[derive(Template)]
#[template(path = "portal/ask.html")]
struct AskPage {
    page: Page,
    errors: FormErrors,
    email: String,
    sent: bool,
    /// Whether a link did not open anything.
    stale: bool,
    /// Whether she was just erased.
    erased: bool,
}

/// A gift of hers.
struct Gift {
    donation: donation::Model,
    amount: Money,
    receipt: Option<receipt::Model>,
}

#[derive(Template)]
#[template(path = "portal/home.html")]
struct HomePage {
    page: Page,
    done: Option<String>,
    gifts: Vec<Gift>,
    recurring: Vec<(recurring_donation::Model, Money)>,
    statements: Vec<statement::Model>,
    /// Where she asks for a confirmation that counts on signed paper only, when there is one.
    on_paper: Option<String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Asked {
    sent: String,
    stale: String,
    erased: String,
    done: String,
}

async fn show(State(app): State<App>, Visitor(supporter): Visitor, page: Page, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let title = page.t("portal-title");
    let Some(supporter) = supporter else {
        let (sent, stale, erased) = (!asked.sent.is_empty(), !asked.stale.is_empty(), !asked.erased.is_empty());
        let errors = FormErrors::default();
        return web::html(&AskPage { page: page.titled(title), errors, email: String::new(), sent, stale, erased });
    };
    let page = page.preferring(&supporter.language);
    let db = app.db.read();
    let gifts = store::gifts(db, supporter.id, GIFTS_MAX).await?;
    let mut receipts = store::receipts(db, gifts.iter().map(|gift| gift.id).collect()).await?;
    let gift = |donation: donation::Model| Gift {
        amount: Money::new(donation.amount_minor, donation.currency),
        receipt: receipts.remove(&donation.id),
        donation,
    };
    let gifts = gifts.into_iter().map(gift).collect();
    let recurring = recurring::store::of_supporter(db, supporter.id, GIFTS_MAX).await?;
    let recurring = recurring.into_iter().map(|gift| (gift.clone(), Money::new(gift.amount_minor, gift.currency))).collect();
    let done =
        Some(format!("portal-done-{}", asked.done)).filter(|key| !asked.done.is_empty() && page.lang.has(key)).map(|key| page.t(&key));
    let on_paper = store::has_statement_on_paper(db, supporter.id).await?.then(|| app.config.org_email.clone());
    let statements = store::statements(db, supporter.id).await?;
    let title = page.t("portal-title");
    web::html(&HomePage { page: page.titled(title), done, gifts, recurring, statements, on_paper })
}

#[derive(Deserialize)]
struct LinkForm {
    #[serde(default)]
    email: String,
}

/// The answer is the same whether the address is known or not, and comes as soon: what is to be done is done afterwards.
async fn send_link(State(app): State<App>, page: Page, client: ClientAddress, Form(form): Form<LinkForm>) -> Result<Response, Error> {
    let email = form.email.trim().to_owned();
    let title = format!("{} {}", page.t("error-prefix"), page.t("portal-title"));
    let again = |status, text: String| {
        let mut errors = FormErrors::default();
        errors.add("email", text);
        web::html_status(
            status,
            &AskPage { page: page.clone().titled(title.clone()), errors, email: email.clone(), sent: false, stale: false, erased: false },
        )
    };
    if email.len() > 254 || email.parse::<lettre::Address>().is_err() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, page.t("asks-error-email"));
    }
    let key = app.random.bytes();
    let limit = app.shelf.get_or_open(async || Ok(AskedLimit(Arc::new(HourlyLimit::new(ASKED_PER_HOUR, &key))))).await?;
    if !limit.0.allows(client.network(), app.now()) {
        return again(StatusCode::TOO_MANY_REQUESTS, page.t("portal-too-many"));
    }
    let language = page.lang;
    tokio::spawn(async move {
        if let Err(error) = super::send_link(&app, &email, language).await {
            tracing::error!(%error, "a link to a supporter's own pages could not be sent");
        }
    });
    Ok(web::redirect("/me?sent=1"))
}

#[derive(Template)]
#[template(path = "portal/open.html")]
struct OpenPage {
    page: Page,
    token: String,
}

/// What the link in the letter shows: a button, and nothing of hers. Looking at it uses nothing up, because mail programs look at links
/// before people do.
async fn ask_to_open(
    State(app): State<App>,
    Visitor(supporter): Visitor,
    page: Page,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    match store::link(app.db.read(), &sha256_hex(&token), app.now()).await? {
        Some(_) => {
            let title = page.t("portal-title");
            web::html(&OpenPage { page: page.titled(title), token })
        }
        None => Ok(not_opened(supporter.is_some())),
    }
}

async fn open_link(
    State(app): State<App>,
    Visitor(supporter): Visitor,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    match session::open(&app, &headers, &token).await? {
        // The address with the secret does not stay in the browser's bar.
        Some(cookie) => Ok(([cookie], web::redirect("/me")).into_response()),
        None => Ok(not_opened(supporter.is_some())),
    }
}

/// A link that opens nothing any more: who pressed its button twice is at home already.
fn not_opened(is_at_home: bool) -> Response {
    web::redirect(if is_at_home { "/me" } else { "/me?stale=1" })
}

async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    let cookie = session::end(&app, &headers).await?;
    Ok(([cookie], web::redirect("/me")).into_response())
}
