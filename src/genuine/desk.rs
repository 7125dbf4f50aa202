//! The list of genuine links at the desk, for administrators.

use super::{add, parse, remove, rotate, signed, store};
use crate::{
    app::App,
    error::Error,
    staff::{Admin, DeskPage},
    web::{self, Form, FormErrors, Path},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::{genuine_key, genuine_link, ids::GenuineLinkId, words::GenuineKind};
use serde::Deserialize;

/// The desk's pages.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/genuine", get(show).post(add_link))
        .route("/desk/genuine/key", post(change_key))
        .route("/desk/genuine/{id}/remove", post(remove_link))
}

/// The form of a link as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    kind: String,
    label: String,
    address: String,
}

#[derive(Template)]
#[template(path = "genuine/desk.html")]
struct ListPage {
    page: DeskPage,
    rows: Vec<genuine_link::Model>,
    kinds: Vec<(String, String)>,
    typed: Typed,
    errors: FormErrors,
    /// The present key's fingerprint.
    key: super::KeyNamed,
    former: Option<super::KeyNamed>,
    changes: Vec<genuine_key::Model>,
}

async fn list_page(app: &App, page: DeskPage, typed: Typed, errors: FormErrors) -> Result<ListPage, Error> {
    let document = signed(app).await?.document;
    let title = page.t("desk-genuine-title");
    Ok(ListPage {
        rows: store::standing(app.db.read()).await?,
        kinds: GenuineKind::ALL.iter().map(|kind| (kind.to_string(), page.t(&format!("genuine-kind-{kind}")))).collect(),
        changes: store::keys(app.db.read()).await?,
        key: document.key,
        former: document.former_key,
        page: page.titled(title),
        typed,
        errors,
    })
}

async fn show(State(app): State<App>, _: Admin, page: DeskPage) -> Result<Response, Error> {
    web::html(&list_page(&app, page, Typed::default(), FormErrors::default()).await?)
}

async fn add_link(State(app): State<App>, who: Admin, page: DeskPage, Form(typed): Form<Typed>) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    match parse(&typed.kind, &typed.label, &typed.address) {
        Ok(link) => match add(&app, &who.actor(), &link).await {
            Ok(_) => return Ok(web::redirect("/desk/genuine?done=saved")),
            Err(Error::Conflict(why)) => errors.add("address", why),
            Err(other) => return Err(other),
        },
        Err((field, key)) => errors.add(field, page.t1(key, "max", super::TEXT_MAX)),
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &list_page(&app, page, typed, errors).await?)
}

async fn remove_link(State(app): State<App>, who: Admin, Path(id): Path<GenuineLinkId>) -> Result<Response, Error> {
    remove(&app, &who.actor(), id).await?;
    Ok(web::redirect("/desk/genuine?done=saved"))
}

/// The form that changes the key.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KeyForm {
    /// Typed to confirm.
    confirm: String,
    /// Set when the old key was lost or stolen.
    stolen: String,
}

async fn change_key(State(app): State<App>, who: Admin, page: DeskPage, Form(raw): Form<KeyForm>) -> Result<Response, Error> {
    if !raw.confirm.trim().eq_ignore_ascii_case("new key") {
        let mut errors = FormErrors::default();
        errors.add("confirm", page.t("desk-genuine-fault-confirm"));
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &list_page(&app, page, Typed::default(), errors).await?);
    }
    rotate(&app, &who.actor(), raw.stolen.is_empty()).await?;
    Ok(web::redirect("/desk/genuine?done=saved"))
}
