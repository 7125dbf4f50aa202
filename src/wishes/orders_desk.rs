//! Staff's page for what supporters say that they ordered at shops elsewhere.

use super::{orders, store};
use crate::{
    app::App,
    error::Error,
    staff::{DeskPage, Editor},
    web::{self, Path, Query, pager::Pager},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use entity::{
    ids::{WishItemId, WishOrderId},
    wish_order,
    words::OrderState,
};
use serde::Deserialize;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/desk/wish-list/orders", get(list))
        .route("/desk/wish-list/orders/{id}/confirm", post(confirm))
        .route("/desk/wish-list/orders/{id}/refuse", post(refuse))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    state: String,
    after: String,
}

#[derive(Template)]
#[template(path = "wishes/desk_orders.html")]
struct OrdersPage {
    page: DeskPage,
    filter: Filter,
    states: Vec<(String, String)>,
    orders: Vec<(wish_order::Model, String)>,
    next: Option<String>,
}

/// What waits for staff, or what became of earlier orders; the newest first.
async fn list(State(app): State<App>, _: Editor, page: DeskPage, Query(mut filter): Query<Filter>) -> Result<Response, Error> {
    if filter.state.parse::<OrderState>().is_err() {
        filter.state = OrderState::Held.to_string();
    }
    let db = app.db.read();
    let rows = store::orders(db, None, filter.state.parse().ok(), filter.after.parse().ok()).await?;
    let Pager { rows, next } = Pager::from_rows(rows, |order| order.id.to_string());
    let ids: Vec<WishItemId> = rows.iter().map(|order| order.wish_item_id).collect();
    let items = store::items_by_id(db, &ids).await?;
    let title_of = |id| items.iter().find(|item| item.id == id).map(|item| item.title.clone()).unwrap_or_default();
    let orders = rows.into_iter().map(|order| (order.clone(), title_of(order.wish_item_id))).collect();
    let states = OrderState::ALL.iter().map(|state| (state.to_string(), page.word("desk-wish-order", state.as_str()))).collect();
    let title = page.t("desk-wish-orders-title");
    web::html(&OrdersPage { page: page.titled(title), filter, states, orders, next })
}

async fn confirm(State(app): State<App>, who: Editor, Path(id): Path<WishOrderId>) -> Result<Response, Error> {
    let item = orders::confirm(&app, &who.actor(), id).await?;
    app.bell.notify_waiters();
    Ok(web::redirect(&format!("/desk/wish-list/{item}?done=saved")))
}

async fn refuse(State(app): State<App>, who: Editor, Path(id): Path<WishOrderId>) -> Result<Response, Error> {
    let item = orders::refuse(&app, &who.actor(), id).await?;
    app.bell.notify_waiters();
    Ok(web::redirect(&format!("/desk/wish-list/{item}?done=saved")))
}
