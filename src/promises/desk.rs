//! Finance's pages for promises that cannot be kept: declare one, see each choice, carry one out now.

use super::{carry_out, declare, late_gifts, paper, returned, store};
use crate::{
    app::App,
    asks::gift::without_controls,
    error::Error,
    staff::{DeskPage, Finance},
    web::{self, Form, FormErrors, Path, Query, pager::Pager},
    wishes,
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use entity::{
    Money,
    ids::{DonationId, PromiseChoiceId, PromiseId, WishItemId},
    promise, promise_choice, wish_item,
    words::CancelReason,
};
use serde::Deserialize;

/// The desk's pages.
pub fn desk_routes() -> Router<App> {
    Router::new()
        .route("/desk/promises", get(list))
        .route("/desk/promises/new", get(blank).post(create))
        .route("/desk/promises/{id}", get(show))
        .route("/desk/promises/choices/{id}/carry-out", post(carry_one))
        .route("/desk/promises/choices/{id}/letter", post(paper::print))
        .route("/desk/promises/choices/{id}/given-back", get(returned::show).post(returned::close))
        .route("/desk/promises/choices/{id}/giving-back", post(returned::mark))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct After {
    after: String,
}

#[derive(Template)]
#[template(path = "promises/desk_list.html")]
struct ListPage {
    page: DeskPage,
    promises: Vec<(promise::Model, String)>,
    /// Gifts that came after it was declared, and of which nobody was asked yet.
    late: Vec<Late>,
    /// What is to be given back by hand.
    by_hand: Vec<ByHand>,
    /// Items that are asked for no more, with money that is not spent.
    with_money: Vec<wish_item::Model>,
    next: Option<String>,
}

/// A gift that came late.
struct Late {
    id: DonationId,
    title: String,
    amount: Money,
    given_at: DateTime<Utc>,
}

/// A gift that is to be given back by hand.
struct ByHand {
    id: PromiseChoiceId,
    since: Option<DateTime<Utc>>,
    amount: Money,
    given_at: DateTime<Utc>,
}

async fn list(State(app): State<App>, _: Finance, page: DeskPage, Query(query): Query<After>) -> Result<Response, Error> {
    let db = app.db.read();
    let Pager { rows, next } = Pager::from_rows(store::promises(db, query.after.parse().ok()).await?, |promise| promise.id.to_string());
    let ids: Vec<WishItemId> = rows.iter().map(|promise| promise.wish_item_id).collect();
    let items = wishes::store::items_by_id(db, &ids).await?;
    let title_of = |id| items.iter().find(|item| item.id == id).map(|item| item.title.clone()).unwrap_or_default();
    let promises = rows.into_iter().map(|promise| (promise.clone(), title_of(promise.wish_item_id))).collect();
    let late = late_gifts(&app).await?.into_iter().flat_map(|(item, late)| {
        late.into_iter().map(move |one| Late {
            id: one.gift.id,
            title: item.title.clone(),
            amount: one.part.amount,
            given_at: one.gift.paid_at.unwrap_or(one.gift.created_at),
        })
    });
    let by_hand = store::to_give_back(db).await?.into_iter().map(|(choice, gift)| ByHand {
        id: choice.id,
        since: choice.returning_at,
        amount: Money::new(gift.amount_minor, gift.currency),
        given_at: gift.paid_at.unwrap_or(gift.created_at),
    });
    let (late, by_hand, title) = (late.collect(), by_hand.collect(), page.t("desk-promise-title"));
    let with_money = wishes::with_money_left(db, app.now()).await?;
    web::html(&ListPage { page: page.titled(title), promises, late, by_hand, with_money, next })
}

#[derive(Template)]
#[template(path = "promises/desk_promise.html")]
struct PromisePage {
    page: DeskPage,
    promise: promise::Model,
    item: wish_item::Model,
    choices: Vec<Asked>,
    next: Option<String>,
}

/// What becomes of one gift.
struct Asked {
    choice: promise_choice::Model,
    amount: Money,
    given_at: DateTime<Utc>,
    /// Whether its giver can still be asked, and on paper only.
    is_on_paper: bool,
    printed_at: Option<DateTime<Utc>>,
    /// Whether it waits to be given back by hand.
    is_by_hand: bool,
    /// Whether her page tells her to write for her money: it did not come through Stripe, and not all of her gift can be given back by hand.
    is_to_be_agreed: bool,
}

async fn show(
    State(app): State<App>,
    _: Finance,
    page: DeskPage,
    Path(id): Path<PromiseId>,
    Query(query): Query<After>,
) -> Result<Response, Error> {
    let db = app.db.read();
    let promise = store::promise(db, id).await?.ok_or(Error::NotFound)?;
    let item = wishes::store::item(db, promise.wish_item_id).await?.ok_or(Error::NotFound)?;
    let Pager { rows, next } = Pager::from_rows(store::choices(db, id, query.after.parse().ok()).await?, |choice| choice.id.to_string());
    let ids: Vec<DonationId> = rows.iter().map(|choice| choice.donation_id).collect();
    let gifts = store::gifts(db, &ids).await?;
    let without = store::without_address(db, gifts.values().map(|gift| gift.supporter_id).collect()).await?;
    let not_arrived = store::not_arrived(db, &rows.iter().map(|choice| choice.id).collect::<Vec<_>>()).await?;
    let printed = store::printed_at(db, &ids, promise.created_at).await?;
    let mut choices = Vec::new();
    for choice in rows {
        let Some(gift) = gifts.get(&choice.donation_id) else { continue };
        let waits = choice.carried_at.is_none() && gift.payment_intent_id.is_none();
        choices.push(Asked {
            amount: Money::new(choice.amount_minor, choice.currency),
            given_at: gift.paid_at.unwrap_or(gift.created_at),
            is_on_paper: choice.carried_at.is_none() && (without.contains(&gift.supporter_id) || not_arrived.contains(&choice.id)),
            printed_at: printed.get(&gift.id).copied(),
            is_by_hand: returned::is_waited_for(&choice, gift),
            is_to_be_agreed: waits && !returned::is_possible(db, &choice, gift).await?,
            choice,
        });
    }
    let title = item.title.clone();
    web::html(&PromisePage { page: page.titled(title), promise, item, choices, next })
}

impl PromisePage {
    fn has_paper(&self) -> bool {
        self.choices.iter().any(|asked| asked.is_on_paper)
    }
}

/// The form as it was sent.
#[derive(Clone, Deserialize, Default)]
#[serde(default)]
struct RawPromise {
    item: String,
    reason: String,
    note: String,
}

#[derive(Template)]
#[template(path = "promises/desk_new.html")]
struct NewPage {
    page: DeskPage,
    item: wish_item::Model,
    values: RawPromise,
    reasons: Vec<(String, String)>,
    errors: FormErrors,
}

async fn new_page(app: &App, page: DeskPage, values: RawPromise, errors: FormErrors) -> Result<NewPage, Error> {
    let id: WishItemId = values.item.parse().map_err(|_| Error::NotFound)?;
    let item = wishes::store::item(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let reasons = CancelReason::ALL.iter().filter(|reason| **reason != CancelReason::None);
    let reasons = reasons.map(|reason| (reason.to_string(), page.word("desk-wish-reason", reason.as_str()))).collect();
    let title = page.t("desk-promise-new");
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    Ok(NewPage { page: page.titled(title), item, values, reasons, errors })
}

async fn blank(State(app): State<App>, _: Finance, page: DeskPage, Query(values): Query<RawPromise>) -> Result<Response, Error> {
    web::html(&new_page(&app, page, values, FormErrors::default()).await?)
}

async fn create(State(app): State<App>, who: Finance, page: DeskPage, Form(raw): Form<RawPromise>) -> Result<Response, Error> {
    let id: WishItemId = raw.item.parse().map_err(|_| Error::NotFound)?;
    let mut errors = FormErrors::default();
    let note: String = without_controls(&raw.note, false).chars().take(500).collect();
    match raw.reason.parse::<CancelReason>() {
        Ok(reason) if reason != CancelReason::None => match declare(&app, &who.actor(), id, reason, &note).await {
            Ok(promise) => return Ok(web::redirect(&format!("/desk/promises/{promise}?done=saved"))),
            Err(Error::Conflict(why)) => errors.add("reason", why),
            Err(other) => return Err(other),
        },
        _ => errors.add("reason", page.t("desk-promise-error-reason")),
    }
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &new_page(&app, page, raw, errors).await?)
}

async fn carry_one(State(app): State<App>, _: Finance, Path(id): Path<PromiseChoiceId>) -> Result<Response, Error> {
    let choice = store::choice(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    if choice.carried_at.is_none() && choice.chosen_at.is_none() {
        return Err(Error::Conflict("The giver has not chosen yet, and has time until the day that the letter names.".to_owned()));
    }
    carry_out(&app, id).await?;
    Ok(web::redirect(&format!("/desk/promises/{}?done=saved", choice.promise_id)))
}
