//! Staff's pages for funds.

use super::{
    funds::{self, RawFund},
    store,
};
use crate::{
    app::App,
    error::Error,
    staff::{AnyStaff, DeskPage},
    web::{self, Form, FormErrors, Path},
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use entity::{fund, ids::FundId, words::Restriction};

/// The desk's pages for funds: open to all staff, because editors need them for campaigns and finance for the books.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/funds", get(list))
        .route("/desk/funds/new", get(blank).post(create))
        .route("/desk/funds/{id}", get(edit).post(change))
}

#[derive(Template)]
#[template(path = "campaigns/desk_funds.html")]
struct ListPage {
    page: DeskPage,
    funds: Vec<fund::Model>,
}

async fn list(State(app): State<App>, _: AnyStaff, page: DeskPage) -> Result<Response, Error> {
    let funds = store::funds(app.db.read()).await?;
    let title = page.t("desk-funds");
    web::html(&ListPage { page: page.titled(title), funds })
}

#[derive(Template)]
#[template(path = "campaigns/desk_fund.html")]
struct EditPage {
    page: DeskPage,
    id: Option<FundId>,
    values: RawFund,
    errors: FormErrors,
    restrictions: Vec<(String, String)>,
}

fn edit_page(page: DeskPage, id: Option<FundId>, values: RawFund, errors: FormErrors) -> EditPage {
    let restrictions = Restriction::ALL.iter().map(|word| (word.to_string(), page.t(&format!("desk-fund-{word}")))).collect();
    let title = page.t(if id.is_some() { "desk-fund-edit" } else { "desk-fund-new" });
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    EditPage { page: page.titled(title), id, values, errors, restrictions }
}

async fn blank(_: AnyStaff, page: DeskPage) -> Result<Response, Error> {
    web::html(&edit_page(page, None, RawFund::default(), FormErrors::default()))
}

async fn create(State(app): State<App>, who: AnyStaff, page: DeskPage, Form(raw): Form<RawFund>) -> Result<Response, Error> {
    save(&app, &who, page, None, raw).await
}

async fn edit(State(app): State<App>, _: AnyStaff, page: DeskPage, Path(id): Path<FundId>) -> Result<Response, Error> {
    let fund = store::fund(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    web::html(&edit_page(page, Some(id), RawFund::of(&fund), FormErrors::default()))
}

async fn change(
    State(app): State<App>,
    who: AnyStaff,
    page: DeskPage,
    Path(id): Path<FundId>,
    Form(raw): Form<RawFund>,
) -> Result<Response, Error> {
    save(&app, &who, page, Some(id), raw).await
}

async fn save(app: &App, who: &AnyStaff, page: DeskPage, id: Option<FundId>, raw: RawFund) -> Result<Response, Error> {
    let errors = match funds::parse(&raw) {
        Ok(details) => {
            let written = match id {
                Some(id) => funds::edit(app, &who.actor(), id, &details).await,
                None => funds::create(app, &who.actor(), &details).await,
            };
            let mut errors = FormErrors::default();
            match written {
                Ok(_) => return Ok(web::redirect("/desk/funds?done=saved")),
                Err(Error::Conflict(why)) => errors.add("code", why),
                Err(other) => return Err(other),
            }
            errors
        }
        Err(errors) => errors,
    };
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &edit_page(page, id, raw, errors))
}
