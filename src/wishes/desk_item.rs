//! One item at the desk: how far it has come, what staff do with it, and everything that happened to it.

use super::{ItemCard, cards, item, progress, steps, store};
use crate::{
    app::App,
    asks::{amount, gift},
    error::Error,
    staff::{DeskPage, Editor},
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
    Money,
    ids::WishItemId,
    wish_order, wish_step,
    words::{CancelReason, OrderState},
};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/wish-list/{id}", get(show))
        .route("/desk/wish-list/{id}/buy", post(buy))
        .route("/desk/wish-list/{id}/deliver", post(deliver))
        .route("/desk/wish-list/{id}/undo", post(undo))
        .route("/desk/wish-list/{id}/cancel", post(cancel))
        .route("/desk/wish-list/{id}/reopen", post(reopen))
}

/// What staff typed to do something with an item.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Deed {
    quantity: String,
    note: String,
    step: String,
    reason: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct After {
    after: String,
}

/// A step as the desk shows it.
struct Line {
    step: wish_step::Model,
    money: Option<Money>,
    can_be_undone: bool,
}

#[derive(Template)]
#[template(path = "wishes/desk_item.html")]
struct ItemPage {
    page: DeskPage,
    card: ItemCard,
    campaign: Option<String>,
    fund: String,
    to_buy: i64,
    orders: Vec<wish_order::Model>,
    history: Vec<Line>,
    next: Option<String>,
    reasons: Vec<(String, String)>,
    values: Deed,
    errors: FormErrors,
}

async fn show(
    State(app): State<App>,
    _: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Query(query): Query<After>,
) -> Result<Response, Error> {
    web::html(&item_page(&app, page, id, query.after.parse().ok(), Deed::default(), FormErrors::default()).await?)
}

async fn item_page(
    app: &App,
    page: DeskPage,
    id: WishItemId,
    after: Option<i64>,
    values: Deed,
    errors: FormErrors,
) -> Result<ItemPage, Error> {
    let db = app.db.read();
    let item = store::item(db, id).await?.ok_or(Error::NotFound)?;
    let campaigns = store::campaigns_by_id(db, item.campaign_id.into_iter().collect()).await?;
    let campaign = item.campaign_id.and_then(|id| campaigns.get(&id)).map(|campaign| campaign.title.clone());
    let fund = store::funds(db).await?.into_iter().find(|fund| fund.id == item.fund_id).map(|fund| fund.name).unwrap_or_default();
    let (undone, now) = (store::undone(db, id).await?, app.now());
    let Pager { rows, next } = steps::page(db, id, after).await?;
    let currency = item.currency;
    let line = |step: wish_step::Model| Line {
        money: step.amount_minor.zip(currency).map(|(minor, currency)| Money::new(minor, currency)),
        can_be_undone: progress::can_be_undone(&step, &undone, now),
        step,
    };
    let title = item.title.clone();
    let title = if errors.is_empty() { title } else { format!("{} {title}", page.t("error-prefix")) };
    let reasons = CancelReason::ALL.iter().filter(|reason| **reason != CancelReason::None);
    let reasons = reasons.map(|reason| (reason.to_string(), page.word("desk-wish-reason", reason.as_str()))).collect();
    let orders = store::orders(db, Some(id), Some(OrderState::Held), None).await?;
    let card = cards(db, vec![item], now).await?.pop().ok_or(Error::NotFound)?;
    let to_buy = if store::is_being_chosen(db, id).await? { 0 } else { card.stock.can_be_bought(&card.item) };
    let history = rows.into_iter().map(line).collect();
    Ok(ItemPage { page: page.titled(title), card, campaign, fund, to_buy, orders, history, next, reasons, values, errors })
}

/// How many, or what is wrong with it.
fn quantity_of(deed: &Deed) -> Option<i64> {
    amount::parse_count(&deed.quantity).filter(|quantity| (1..=item::QUANTITY_MAX).contains(quantity))
}

fn note_of(deed: &Deed) -> String {
    gift::without_controls(&deed.note, false).chars().take(progress::NOTE_CHARACTERS_MAX).collect()
}

/// Back to the item, or the item's page with what was typed and why it was not done.
async fn answer(
    app: &App,
    page: DeskPage,
    id: WishItemId,
    deed: Deed,
    field: &'static str,
    done: Result<(), Error>,
) -> Result<Response, Error> {
    let why = match done {
        Ok(()) => return Ok(web::redirect(&format!("/desk/wish-list/{id}?done=saved"))),
        Err(Error::Conflict(why) | Error::Invalid(why)) => why,
        Err(other) => return Err(other),
    };
    let mut errors = FormErrors::default();
    errors.add(field, why);
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &item_page(app, page, id, None, deed, errors).await?)
}

fn no_number() -> Result<(), Error> {
    Err(Error::Invalid("Write how many, as a whole number such as 1".to_owned()))
}

async fn buy(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Form(deed): Form<Deed>,
) -> Result<Response, Error> {
    let done = match quantity_of(&deed) {
        Some(quantity) => progress::buy(&app, &who.actor(), id, quantity, &note_of(&deed)).await,
        None => no_number(),
    };
    answer(&app, page, id, deed, "buy", done).await
}

async fn deliver(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Form(deed): Form<Deed>,
) -> Result<Response, Error> {
    let done = match quantity_of(&deed) {
        Some(quantity) => progress::deliver(&app, &who.actor(), id, quantity, &note_of(&deed)).await,
        None => no_number(),
    };
    answer(&app, page, id, deed, "deliver", done).await
}

async fn undo(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Form(deed): Form<Deed>,
) -> Result<Response, Error> {
    let step = deed.step.parse().map_err(|_| Error::NotFound)?;
    let done = progress::undo(&app, &who.actor(), id, step, &note_of(&deed)).await;
    answer(&app, page, id, deed, "history", done).await
}

async fn cancel(
    State(app): State<App>,
    who: Editor,
    page: DeskPage,
    Path(id): Path<WishItemId>,
    Form(deed): Form<Deed>,
) -> Result<Response, Error> {
    let done = match deed.reason.parse::<CancelReason>() {
        Ok(reason) if reason != CancelReason::None => item::cancel(&app, &who.actor(), id, reason, &note_of(&deed)).await,
        _ => Err(Error::Invalid("Choose why it is asked for no more".to_owned())),
    };
    answer(&app, page, id, deed, "reason", done).await
}

async fn reopen(State(app): State<App>, who: Editor, page: DeskPage, Path(id): Path<WishItemId>) -> Result<Response, Error> {
    let done = item::reopen(&app, &who.actor(), id).await;
    answer(&app, page, id, Deed::default(), "reason", done).await
}
