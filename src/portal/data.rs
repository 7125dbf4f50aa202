//! What we know of her: taking it along, and having it erased.

use super::session::{self, AtHome};
use crate::{
    app::App,
    error::Error,
    limits::HourlyLimit,
    privacy::{
        self, By, Erased, Obstacle,
        erase::{obstacles, preview},
        export, inventory,
    },
    web::{self, Form, FormErrors, Page, Path, client::ClientAddress},
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use entity::supporter;
use serde::Deserialize;
use std::sync::Arc;

/// How many files one network may take in an hour: each is noted in the audit trail.
const FILES_PER_HOUR: u32 = 120;

#[derive(Clone)]
struct FilesLimit(Arc<HourlyLimit>);

#[derive(Template)]
#[template(path = "portal/data.html")]
struct DataPage {
    page: Page,
    /// Each kind of which there is something, and how much.
    kinds: Vec<(&'static str, usize)>,
}

/// What there is, and where to take it from.
pub(super) async fn show(State(app): State<App>, AtHome { supporter, page }: AtHome) -> Result<Response, Error> {
    let export = export::everything(app.db.read(), &app, supporter.id).await?;
    let kinds = export.parts.iter().filter(|part| !part.rows.is_empty()).map(|part| (part.table.name, part.rows.len())).collect();
    let title = page.t("portal-data-title");
    web::html(&DataPage { page: page.titled(title), kinds })
}

/// One file: `everything.json`, or `<kind>.csv`.
pub(super) async fn take(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    client: ClientAddress,
    Path(file): Path<String>,
) -> Result<Response, Error> {
    let kind = file.strip_suffix(".csv").and_then(inventory::table);
    if kind.is_none() && file != "everything.json" {
        return Err(Error::NotFound);
    }
    let key = app.random.bytes();
    let limit = app.shelf.get_or_open(async || Ok(FilesLimit(Arc::new(HourlyLimit::new(FILES_PER_HOUR, &key))))).await?;
    if !limit.0.allows(client.network(), app.now()) {
        return Err(Error::TooMany(page.t("portal-data-too-many")));
    }
    let form = kind.map_or("json", |table| table.name);
    let export = export::take_along(&app, &By::Supporter.actor(), supporter.id, form).await?;
    let (kind, bytes) = match kind {
        Some(table) => ("text/csv; charset=utf-8", export.to_csv(table.name).ok_or(Error::NotFound)?),
        None => ("application/json", serde_json::to_vec_pretty(&export.to_json(&app))?),
    };
    let name = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")).map_err(|e| Error::internal("a file's name", e))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

#[derive(Template)]
#[template(path = "portal/erase.html")]
struct ErasePage {
    page: Page,
    errors: FormErrors,
    /// By which rules the organisation's receipts are made.
    profile: String,
    obstacles: Vec<String>,
    kept_until: Option<NaiveDate>,
    typed: String,
}

fn told(page: &Page, obstacle: &Obstacle) -> String {
    let until = match obstacle {
        Obstacle::Checkout(until) => page.time(until),
        _ => String::new(),
    };
    page.t1(&format!("portal-erase-{}", obstacle.as_str()), "until", until)
}

async fn erase_page(app: &App, page: Page, who: &supporter::Model, errors: FormErrors, typed: String) -> Result<ErasePage, Error> {
    let db = app.db.read();
    let (_, kept_until) = preview(db, app, who.id).await?;
    let in_the_way = obstacles(db, who.id).await?;
    let obstacles = in_the_way.iter().map(|one| told(&page, one)).collect();
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    let title = format!("{prefix}{}", page.t("portal-erase-title"));
    let profile = app.config.org_receipt_profile.as_str().to_owned();
    Ok(ErasePage { page: page.titled(title), errors, profile, obstacles, kept_until, typed })
}

/// Says what goes, what is kept, how long and why, and asks for her address as a confirmation.
pub(super) async fn ask_to_erase(State(app): State<App>, AtHome { supporter, page }: AtHome) -> Result<Response, Error> {
    web::html(&erase_page(&app, page, &supporter, FormErrors::default(), String::new()).await?)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Confirmation {
    confirm: String,
}

/// Erases her. Her sessions end with it, this one too.
pub(super) async fn erase(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    headers: HeaderMap,
    Form(typed): Form<Confirmation>,
) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    if typed.confirm.trim().to_lowercase() == supporter.email {
        match privacy::erase(&app, &By::Supporter, supporter.id).await {
            Ok(Erased::Now { .. } | Erased::Before) => {
                let cookie = session::end(&app, &headers).await?;
                return Ok(([cookie], web::redirect("/me?erased=1")).into_response());
            }
            Err(Error::Conflict(_)) => errors.add("confirm", page.t("portal-erase-not-yet")),
            Err(error) => return Err(error),
        }
    } else {
        errors.add("confirm", page.t("portal-erase-confirm-wrong"));
    }
    let shown = erase_page(&app, page, &supporter, errors, typed.confirm).await?;
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}
