//! Donations at the desk: the list with its filter and totals, one donation's story, and what staff can do with it.
//!
//! Everybody at the desk sees what was given; who gave it is shown to finance and administrators only.

use super::{
    care,
    explain::{self, Aftermath},
    list::{self, Asked, Line, Total},
    register, story,
    story::Story,
};
use crate::{
    app::App,
    error::Error,
    receipts::Elsewhere,
    staff::{AnyStaff, DeskPage, Finance},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use entity::{ids::DonationId, words::DonationStatus};
use serde::Deserialize;

/// The desk's routes of donations and letters.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/donations", get(show_list))
        .route("/desk/donations/{id}", get(show_story))
        .route("/desk/donations/{id}/receipt", post(resend_receipt))
        .route("/desk/donations/{id}/refresh", post(ask_stripe))
}

#[derive(Template)]
#[template(path = "donations/desk_list.html")]
struct ListPage {
    page: DeskPage,
    asked: Asked,
    statuses: Vec<(String, String)>,
    campaigns: Vec<(String, String)>,
    funds: Vec<(String, String)>,
    lines: Pager<Line>,
    totals: Vec<Total>,
    /// What the button of the export says: how many rows it has.
    export: String,
    /// Where the next page is, with the same filter.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "donations/desk_story.html")]
struct StoryPage {
    page: DeskPage,
    errors: FormErrors,
    story: Story,
    /// The story in a sentence.
    summary: String,
    /// And in many.
    told: Vec<explain::Line>,
    to_address: String,
    from_now_on: bool,
}

async fn show_list(State(app): State<App>, _who: AnyStaff, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let db = app.db.read();
    let filter = asked.filter(app.config.org_timezone, page.may_see_money())?.searched(db).await?;
    let after: Option<DonationId> = match asked.after.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?),
    };
    let any = |text: String| std::iter::once((String::new(), text));
    let statuses = DonationStatus::ALL.iter().map(|status| (status.to_string(), page.word("desk-donation-status", status.as_str())));
    let lines = list::page(db, &filter, after).await?;
    let scope = register::Scope { filter: filter.clone(), ..Default::default() };
    let rows = register::count(db, &scope, Some(register::COUNTED_MAX as u64 + 1)).await?;
    let shown = ListPage {
        statuses: any(page.t("desk-donations-any")).chain(statuses).collect(),
        campaigns: any(page.t("desk-donations-any")).chain(list::campaigns(db).await?).collect(),
        funds: any(page.t("desk-donations-any")).chain(list::funds(db).await?).collect(),
        totals: list::totals(db, &filter).await?,
        export: if rows > register::COUNTED_MAX { page.t("desk-donations-export-many") } else { page.tn("desk-donations-export", rows) },
        next: lines.next.as_deref().map(|after| asked.address_after(after)),
        page: page.clone().titled(page.t("desk-nav-donations")),
        lines,
        asked,
    };
    web::html(&shown)
}

async fn show_story(State(app): State<App>, _who: AnyStaff, page: DeskPage, Path(id): Path<DonationId>) -> Result<Response, Error> {
    web::html(&story_page(&app, page, id, FormErrors::default(), (String::new(), false)).await?)
}

async fn story_page(
    app: &App,
    page: DeskPage,
    id: DonationId,
    errors: FormErrors,
    (to_address, from_now_on): (String, bool),
) -> Result<StoryPage, Error> {
    let story = story::tell(app, id).await?;
    let after = Aftermath::of(app.db.read(), &story).await?;
    let title = page.t1("desk-donation-title", "amount", page.money(story.amount));
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let told = if page.may_see_money() { explain::lines(&page, &story, &after) } else { Vec::new() };
    Ok(StoryPage { summary: explain::summary(&page, &story), told, page: page.titled(title), errors, story, to_address, from_now_on })
}

#[derive(Deserialize)]
struct ResendForm {
    /// Empty: where letters about the receipt go.
    #[serde(default)]
    to_address: String,
    /// Whether they go to this address from now on.
    from_now_on: Option<String>,
}

/// The receipt's letter once more: the same receipt, perhaps to a corrected address.
async fn resend_receipt(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<DonationId>,
    Form(form): Form<ResendForm>,
) -> Result<Response, Error> {
    let (corrected, from_now_on) = (Some(form.to_address.trim()).filter(|address| !address.is_empty()), form.from_now_on.is_some());
    if corrected.is_some_and(|address| address.len() > 254 || address.parse::<lettre::Address>().is_err()) {
        let mut errors = FormErrors::default();
        errors.add("to_address", page.t("desk-donation-address-wrong"));
        let shown = story_page(&app, page, id, errors, (form.to_address, from_now_on)).await?;
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let elsewhere = corrected.map(|address| Elsewhere { address, from_now_on });
    care::resend_receipt(&app, &who.actor(), id, elsewhere).await?;
    Ok(web::redirect(&format!("/desk/donations/{id}?done=receipt-sent")))
}

async fn ask_stripe(State(app): State<App>, who: Finance, Path(id): Path<DonationId>) -> Result<Response, Error> {
    let answer = care::ask_stripe(&app, &who.actor(), id).await?;
    Ok(web::redirect(&format!("/desk/donations/{id}?done={}", answer.as_str())))
}
