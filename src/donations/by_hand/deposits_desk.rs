//! Staff's pages for deposits: what waits to be taken to the bank, recording a deposit, taking one back.

use super::{
    deposits::{self, NewDeposit, can_be_reversed},
    form::{parse_day, parse_text},
};
use crate::{
    app::App,
    error::Error,
    staff::{DeskPage, Finance},
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
use entity::{
    Money, deposit, deposit_gift, donation,
    ids::{DepositId, DonationId},
};
use serde::Deserialize;

/// The desk's routes of deposits.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/donations/deposits", get(show_list).post(record))
        .route("/desk/donations/deposits/{id}", get(show_one))
        .route("/desk/donations/deposits/{id}/reverse", post(take_back))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: String,
    older: String,
}

/// The form as it was sent: each ticked box is a `gift`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawDeposit {
    given_on: String,
    reference: String,
    gift: Vec<String>,
}

#[derive(Template)]
#[template(path = "donations/desk_deposits.html")]
struct ListPage {
    page: DeskPage,
    waiting: Pager<donation::Model>,
    deposits: Pager<deposit::Model>,
    values: RawDeposit,
    errors: FormErrors,
}

impl ListPage {
    fn is_chosen(&self, gift: &donation::Model) -> bool {
        self.values.gift.iter().any(|id| *id == gift.id.to_string())
    }

    fn amount(&self, gift: &donation::Model) -> Money {
        Money::new(gift.amount_minor, gift.currency)
    }

    fn sum(&self, deposit: &deposit::Model) -> Money {
        Money::new(deposit.amount_minor, deposit.currency)
    }
}

fn place<T: std::str::FromStr>(text: &str) -> Result<Option<T>, Error> {
    match text.trim() {
        "" => Ok(None),
        id => Ok(Some(id.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?)),
    }
}

async fn list_page(app: &App, page: DeskPage, asked: &Asked, values: RawDeposit, errors: FormErrors) -> Result<ListPage, Error> {
    let db = app.db.read();
    let waiting = deposits::list_waiting(db, place::<DonationId>(&asked.after)?).await?;
    let deposits = deposits::list(db, place::<DepositId>(&asked.older)?).await?;
    let title = page.t("desk-deposits-title");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(ListPage { page: page.titled(title), waiting, deposits, values, errors })
}

async fn show_list(State(app): State<App>, _: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let values = RawDeposit { given_on: app.today().to_string(), ..RawDeposit::default() };
    web::html(&list_page(&app, page, &asked, values, FormErrors::default()).await?)
}

async fn record(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Query(asked): Query<Asked>,
    Form(raw): Form<RawDeposit>,
) -> Result<Response, Error> {
    let mut errors = FormErrors::default();
    let on = parse_day(&app, &page, &raw.given_on, &mut errors);
    let reference = parse_text(&page, &raw.reference, "reference", 140, &mut errors);
    let gifts: Vec<DonationId> = raw.gift.iter().filter_map(|id| id.parse().ok()).collect();
    if let (Some(on), true) = (on, errors.is_empty()) {
        match deposits::record(&app, &who.actor(), &NewDeposit { gifts, on, reference }).await {
            Ok(id) => return Ok(web::redirect(&format!("/desk/donations/deposits/{id}?done=deposited"))),
            Err(Error::Invalid(why) | Error::Conflict(why)) => errors.add("gifts", why),
            Err(error) => return Err(error),
        }
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &list_page(&app, page, &asked, raw, errors).await?)
}

#[derive(Template)]
#[template(path = "donations/desk_deposit.html")]
struct DepositPage {
    page: DeskPage,
    head: deposit::Model,
    sum: Money,
    gifts: Vec<(deposit_gift::Model, donation::Model, Money)>,
    can_be_reversed: bool,
    values: RawReason,
    errors: FormErrors,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawReason {
    reason: String,
}

async fn deposit_page(app: &App, page: DeskPage, id: DepositId, values: RawReason, errors: FormErrors) -> Result<DepositPage, Error> {
    let (head, gifts) = deposits::find(app.db.read(), id).await?;
    let sum = Money::new(head.amount_minor, head.currency);
    let title = page.t1("desk-deposit-title", "day", page.date(head.deposited_on));
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let can_be_reversed = can_be_reversed(&head, &gifts);
    let gifts = gifts.into_iter().map(|(row, gift)| (row, gift.clone(), Money::new(gift.amount_minor, gift.currency))).collect();
    Ok(DepositPage { page: page.titled(title), head, sum, gifts, can_be_reversed, values, errors })
}

async fn show_one(State(app): State<App>, _: Finance, page: DeskPage, Path(id): Path<DepositId>) -> Result<Response, Error> {
    web::html(&deposit_page(&app, page, id, RawReason::default(), FormErrors::default()).await?)
}

async fn take_back(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<DepositId>,
    Form(raw): Form<RawReason>,
) -> Result<Response, Error> {
    match deposits::reverse(&app, &who.actor(), id, &raw.reason).await {
        Ok(()) => Ok(web::redirect(&format!("/desk/donations/deposits/{id}?done=deposit-reversed"))),
        Err(Error::Invalid(why)) => {
            let mut errors = FormErrors::default();
            errors.add("reason", why);
            web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &deposit_page(&app, page, id, raw, errors).await?)
        }
        Err(error) => Err(error),
    }
}
