//! Supporters at the desk: what is known of one, given to her or erased on her request, and what is kept of her sealed.

use super::{
    By, Erased, Obstacle, address,
    erase::{self, obstacles, preview},
    export, find, find_by_address,
    sealed::{self, Opened},
};
use crate::{
    app::App,
    error::Error,
    staff::{Admin, DeskPage, Finance},
    web::{self, Form, FormErrors, Path, Query},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::NaiveDate;
use entity::{
    donation, erasure,
    ids::{SealedDocumentId, SupporterId},
    sealed_document, supporter,
    words::ErasureBy,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde::Deserialize;

/// What is typed to erase somebody who has no address.
const NO_ADDRESS: &str = "ERASE";

/// The desk's routes of supporters.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/supporters", get(look_up))
        .route("/desk/supporters/{id}", get(show))
        .route("/desk/supporters/{id}/export", post(take))
        .route("/desk/supporters/{id}/erase", post(erase_her))
        .route("/desk/supporters/{id}/address", post(ask_address))
        .route("/desk/sealed/{id}", get(ask_why).post(open))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
}

#[derive(Template)]
#[template(path = "privacy/desk_find.html")]
struct FindPage {
    page: DeskPage,
    asked: Asked,
}

#[derive(Template)]
#[template(path = "privacy/desk_supporter.html")]
struct SupporterPage {
    page: DeskPage,
    errors: FormErrors,
    supporter: supporter::Model,
    gifts: u64,
    erased: Option<erasure::Model>,
    documents: Vec<sealed_document::Model>,
    obstacles: Vec<String>,
    kept: (usize, Option<NaiveDate>),
    typed: String,
    new_address: String,
}

impl SupporterPage {
    /// What is to be typed to erase her.
    fn wanted(&self) -> &str {
        wanted(&self.supporter)
    }
}

fn wanted(supporter: &supporter::Model) -> &str {
    if supporter.email.is_empty() { NO_ADDRESS } else { &supporter.email }
}

#[derive(Template)]
#[template(path = "privacy/desk_sealed.html")]
struct SealedPage {
    page: DeskPage,
    errors: FormErrors,
    document: sealed_document::Model,
    reason: String,
    opened: Option<Opened>,
}

/// Finds one by her address, written in full: the page is no list of people.
async fn look_up(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    if let Some(found) = find_by_address(app.db.read(), &asked.q).await? {
        return Ok(web::redirect(&format!("/desk/supporters/{}", found.id)));
    }
    let title = page.t("desk-nav-supporters");
    web::html(&FindPage { page: page.titled(title), asked })
}

async fn show(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<SupporterId>) -> Result<Response, Error> {
    web::html(&page_of(&app, page, id, FormErrors::default(), String::new()).await?)
}

async fn page_of(app: &App, page: DeskPage, id: SupporterId, errors: FormErrors, typed: String) -> Result<SupporterPage, Error> {
    let db = app.db.read();
    let supporter = find(db, id).await?;
    let gifts = donation::Entity::find().filter(donation::Column::SupporterId.eq(id)).filter(donation::Column::PaidAt.is_not_null());
    let gifts = gifts.count(db).await?;
    let erased = erasure::Entity::find_by_id(id).one(db).await?;
    let (obstacles, kept) = match erased {
        Some(_) => (Vec::new(), (0, None)),
        None => (obstacles(db, id).await?.iter().map(|one| told(&page, one)).collect(), preview(db, app, id).await?),
    };
    let documents = sealed::documents_of(db, id).await?;
    let title = page.t("desk-supporter-title");
    Ok(SupporterPage {
        page: page.titled(title),
        errors,
        supporter,
        gifts,
        erased,
        documents,
        obstacles,
        kept,
        typed,
        new_address: String::new(),
    })
}

fn told(page: &DeskPage, obstacle: &Obstacle) -> String {
    let until = match obstacle {
        Obstacle::Checkout(until) => page.time(until),
        _ => String::new(),
    };
    page.t1(&format!("desk-erase-{}", obstacle.as_str()), "until", until)
}

/// Gives everything that is known of her as one document, to be sent to her.
async fn take(State(app): State<App>, who: Admin, Path(id): Path<SupporterId>) -> Result<Response, Error> {
    let export = export::take_along(&app, &who.actor(), id, "json").await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"supporter.json\"")),
    ];
    Ok((headers, serde_json::to_vec_pretty(&export.to_json(&app))?).into_response())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NewAddress {
    email: String,
}

/// Asks both mailboxes for another address: a typing mistake, or a letter of hers. Nobody at the desk can change it.
async fn ask_address(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<SupporterId>,
    Form(typed): Form<NewAddress>,
) -> Result<Response, Error> {
    match address::ask(&app, ErasureBy::Staff, &who.actor(), id, &typed.email).await {
        Ok(()) => Ok(web::redirect(&format!("/desk/supporters/{id}?done=address-asked"))),
        Err(Error::Invalid(why) | Error::TooMany(why) | Error::Conflict(why)) => {
            let mut errors = FormErrors::default();
            errors.add("email", why);
            let shown = SupporterPage { new_address: typed.email, ..page_of(&app, page, id, errors, String::new()).await? };
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
        Err(error) => Err(error),
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmation {
    confirm: String,
}

async fn erase_her(
    State(app): State<App>,
    who: Admin,
    page: DeskPage,
    Path(id): Path<SupporterId>,
    Form(typed): Form<Confirmation>,
) -> Result<Response, Error> {
    let supporter = find(app.db.read(), id).await?;
    let mut errors = FormErrors::default();
    if typed.confirm.trim().to_lowercase() == wanted(&supporter).to_lowercase() {
        match erase::erase(&app, &By::Staff(who.actor()), id).await {
            Ok(Erased::Now { .. } | Erased::Before) => return Ok(web::redirect(&format!("/desk/supporters/{id}?done=supporter-erased"))),
            Err(Error::Conflict(_)) => errors.add("confirm", page.t("desk-erase-not-yet")),
            Err(error) => return Err(error),
        }
    } else {
        errors.add("confirm", page.t1("desk-erase-confirm-wrong", "wanted", wanted(&supporter).to_owned()));
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &page_of(&app, page, id, errors, typed.confirm).await?)
}

async fn ask_why(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<SealedDocumentId>) -> Result<Response, Error> {
    let document = sealed::find(&app, id).await?;
    let title = page.t("desk-sealed-title");
    web::html(&SealedPage { page: page.titled(title), errors: FormErrors::default(), document, reason: String::new(), opened: None })
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    reason: String,
}

/// Shows what was sealed, once, to whoever says why.
async fn open(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<SealedDocumentId>,
    Form(typed): Form<Reason>,
) -> Result<Response, Error> {
    let document = sealed::find(&app, id).await?;
    let title = page.t("desk-sealed-title");
    let mut errors = FormErrors::default();
    let opened = match sealed::open(&app, &who.actor(), id, &typed.reason).await {
        Ok(opened) => Some(opened),
        Err(Error::Invalid(why) | Error::Conflict(why)) => {
            errors.add("reason", why);
            None
        }
        Err(error) => return Err(error),
    };
    let status = if opened.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    web::html_status(status, &SealedPage { page: page.titled(title), errors, document, reason: typed.reason, opened })
}
