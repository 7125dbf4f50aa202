//! Staff's pages for announced transfers: finding one by its code or amount, and matching it with the bank statement.

use super::{
    form::{parse_day, parse_text},
    transfers::{self, Arrived, Search},
};
use crate::{
    app::App,
    asks::{amount, gift::tell_amount_error},
    donations::store,
    error::Error,
    staff::{DeskPage, Finance},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use entity::{Money, donation, ids::DonationId};
use serde::Deserialize;

/// The desk's routes of announced transfers.
pub fn routes() -> Router<App> {
    Router::new().route("/desk/donations/transfers", get(show_list)).route("/desk/donations/{id}/transfer", get(show_match).post(match_one))
}

/// The search as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    after: String,
}

#[derive(Template)]
#[template(path = "donations/desk_transfers.html")]
struct ListPage {
    page: DeskPage,
    asked: Asked,
    is_offered: bool,
    lines: Pager<(donation::Model, Money)>,
    next: Option<String>,
}

async fn show_list(State(app): State<App>, _: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let after = match asked.after.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?),
    };
    let found = transfers::list(&app, &Search::of(&app, &asked.q), after).await?;
    let next = found.next.as_ref().map(|after| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("/desk/donations/transfers?{}", query.append_pair("q", asked.q.trim()).append_pair("after", after).finish())
    });
    let rows = found.rows.into_iter().map(|d| (d.clone(), Money::new(d.amount_minor, d.currency))).collect();
    let title = page.t("desk-transfers-title");
    web::html(&ListPage {
        page: page.titled(title),
        asked,
        is_offered: transfers::is_offered(&app),
        lines: Pager { rows, next: found.next },
        next,
    })
}

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RawMatch {
    given_on: String,
    amount: String,
    statement: String,
}

#[derive(Template)]
#[template(path = "donations/desk_match.html")]
struct MatchPage {
    page: DeskPage,
    donation: donation::Model,
    amount: Money,
    values: RawMatch,
    errors: FormErrors,
}

async fn find_waiting(app: &App, id: DonationId) -> Result<donation::Model, Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    if transfers::is_waited_for(&donation) {
        return Ok(donation);
    }
    Err(Error::Conflict("This is no transfer that is waited for: perhaps somebody has matched it already.".to_owned()))
}

fn match_page(page: DeskPage, donation: donation::Model, values: RawMatch, errors: FormErrors) -> MatchPage {
    let title = page.t("desk-match-title");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    MatchPage { page: page.titled(title), amount: Money::new(donation.amount_minor, donation.currency), donation, values, errors }
}

async fn show_match(State(app): State<App>, _: Finance, page: DeskPage, Path(id): Path<DonationId>) -> Result<Response, Error> {
    let donation = find_waiting(&app, id).await?;
    let amount = Money::new(donation.amount_minor, donation.currency).decimal();
    let values = RawMatch { given_on: app.today().to_string(), amount, statement: String::new() };
    web::html(&match_page(page, donation, values, FormErrors::default()))
}

async fn match_one(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<DonationId>,
    Form(raw): Form<RawMatch>,
) -> Result<Response, Error> {
    let donation = find_waiting(&app, id).await?;
    let mut errors = FormErrors::default();
    let on = parse_day(&app, &page, &raw.given_on, &mut errors);
    let money =
        amount::parse_moved(&raw.amount, donation.currency).map_err(|error| errors.add("amount", tell_amount_error(&page, error))).ok();
    let statement = parse_text(&page, &raw.statement, "statement", 140, &mut errors);
    if donation.wish_item_id.is_some() && money.is_some_and(|money| money.minor != donation.amount_minor) {
        errors.add("amount", page.t("desk-match-error-item"));
    }
    let (Some(on), Some(money), true) = (on, money, errors.is_empty()) else {
        return web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &match_page(page, donation, raw, errors));
    };
    transfers::match_transfer(&app, &who.actor(), id, &Arrived { on, money, statement }).await?;
    Ok(web::redirect(&format!("/desk/donations/{id}?done=transfer-matched")))
}
