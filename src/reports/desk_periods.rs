//! Accounting periods at the desk: making, closing, opening again.

use crate::{
    app::App,
    clock::parse_day,
    error::Error,
    ledger::periods::{self, Obstacle},
    staff::{DeskPage, Finance},
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
use chrono::{Days, NaiveDate};
use entity::{accounting_period, ids::AccountingPeriodId, words::PeriodState};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/periods", get(show_list).post(make))
        .route("/desk/periods/{id}", get(show_one))
        .route("/desk/periods/{id}/close", post(close))
        .route("/desk/periods/{id}/reopen", post(reopen))
        .route("/desk/periods/{id}/remove", post(remove))
}

/// A period with its last day, as people say it.
struct Shown {
    period: accounting_period::Model,
    last: NaiveDate,
    is_closed: bool,
}

impl Shown {
    fn of(period: accounting_period::Model) -> Self {
        Self { last: period.ends_on - Days::new(1), is_closed: period.state == PeriodState::Closed, period }
    }
}

#[derive(Template)]
#[template(path = "reports/desk_periods.html")]
struct ListPage {
    page: DeskPage,
    errors: FormErrors,
    periods: Vec<Shown>,
    typed: PeriodForm,
    zone: &'static str,
}

#[derive(Template)]
#[template(path = "reports/desk_period.html")]
struct PeriodPage {
    page: DeskPage,
    errors: FormErrors,
    shown: Shown,
    obstacles: Vec<Obstacle>,
    reason: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PeriodForm {
    first: String,
    last: String,
}

async fn list_page(app: &App, page: DeskPage, typed: Option<PeriodForm>, errors: FormErrors) -> Result<ListPage, Error> {
    let all = periods::list(app.db.read()).await?;
    let typed = typed.unwrap_or_else(|| {
        let (first, last) = periods::suggest(&all, app.today());
        PeriodForm { first: first.to_string(), last: last.to_string() }
    });
    let title = page.t("desk-nav-periods");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(ListPage {
        page: page.titled(title),
        errors,
        periods: all.into_iter().map(Shown::of).collect(),
        typed,
        zone: app.config.org_timezone.name(),
    })
}

async fn show_list(State(app): State<App>, _who: Finance, page: DeskPage) -> Result<Response, Error> {
    web::html(&list_page(&app, page, None, FormErrors::default()).await?)
}

async fn make(State(app): State<App>, who: Finance, page: DeskPage, Form(form): Form<PeriodForm>) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let (first, last) = (parse_day(&form.first), parse_day(&form.last));
    for (field, day) in [("first", first), ("last", last)] {
        if day.is_none() {
            errors.add(field, page.t("desk-period-day-wrong"));
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        match periods::make(&app, &who.actor(), first, last).await {
            Ok(_) => return Ok(web::redirect("/desk/periods?done=saved")),
            Err(Error::Invalid(why) | Error::Conflict(why)) => errors.add("last", why),
            Err(other) => return Err(other),
        }
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &list_page(&app, page, Some(form), errors).await?)
}

async fn period_page(app: &App, page: DeskPage, id: AccountingPeriodId) -> Result<PeriodPage, Error> {
    let period = periods::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let obstacles = match period.state {
        PeriodState::Open => periods::obstacles(app.db.read(), &period, app.now()).await?,
        PeriodState::Closed => Vec::new(),
    };
    let shown = Shown::of(period);
    let title = page.t2("desk-period-title", "first", page.date(shown.period.starts_on), "last", page.date(shown.last));
    Ok(PeriodPage { page: page.titled(title), errors: FormErrors::default(), shown, obstacles, reason: String::new() })
}

async fn show_one(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<AccountingPeriodId>) -> Result<Response, Error> {
    web::html(&period_page(&app, page, id).await?)
}

async fn close(State(app): State<App>, who: Finance, Path(id): Path<AccountingPeriodId>) -> Result<Response, Error> {
    periods::close(&app, &who.actor(), id).await?;
    Ok(web::redirect(&format!("/desk/periods/{id}?done=period-closed")))
}

#[derive(Deserialize)]
struct ReasonForm {
    #[serde(default)]
    reason: String,
}

async fn reopen(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<AccountingPeriodId>,
    Form(form): Form<ReasonForm>,
) -> Result<Response, Error> {
    match periods::reopen(&app, &who.actor(), id, &form.reason).await {
        Ok(()) => Ok(web::redirect(&format!("/desk/periods/{id}?done=period-reopened"))),
        Err(Error::Invalid(why)) => {
            let mut shown = period_page(&app, page, id).await?;
            let title = format!("{} {}", shown.page.t("error-prefix"), shown.page.title);
            shown.page = shown.page.titled(title);
            shown.errors.add("reason", why);
            shown.reason = form.reason;
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &shown)
        }
        Err(other) => Err(other),
    }
}

async fn remove(State(app): State<App>, who: Finance, Path(id): Path<AccountingPeriodId>) -> Result<Response, Error> {
    periods::remove(&app, &who.actor(), id).await?;
    Ok(web::redirect("/desk/periods?done=saved"))
}
