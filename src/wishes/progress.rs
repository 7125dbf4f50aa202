//! What staff do with what was paid: bought, delivered, and each of them taken back by a step of its own.

use super::{
    Stock, orders,
    steps::{self, NewStep},
    stock, store,
};
use crate::{
    app::App,
    error::Error,
    staff::audit::{self, Actor},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{ids::WishItemId, wish_item, wish_step, words::WishStepKind};
use sea_orm::{DatabaseTransaction, EntityTrait};
use serde_json::json;

/// How long staff can take a step back. Later, what was told to givers stands.
pub const UNDO_LASTS: TimeDelta = TimeDelta::days(7);

/// The longest note that is kept.
pub const NOTE_CHARACTERS_MAX: usize = 500;

/// Marks some of an item as bought: never more than are paid, and none while givers choose what becomes of their money.
pub async fn buy(app: &App, actor: &Actor, id: WishItemId, quantity: i64, note: &str) -> Result<(), Error> {
    advance(app, actor, id, quantity, note, WishStepKind::Bought).await
}

/// Marks some of an item as delivered: never more than are bought.
pub async fn deliver(app: &App, actor: &Actor, id: WishItemId, quantity: i64, note: &str) -> Result<(), Error> {
    advance(app, actor, id, quantity, note, WishStepKind::Delivered).await
}

async fn advance(app: &App, actor: &Actor, id: WishItemId, quantity: i64, note: &str, kind: WishStepKind) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (item, stock) = lock(tx, id, now).await?;
            let (most, verb, why) = match kind {
                WishStepKind::Delivered => (stock.bought - stock.delivered, "wish.deliver", "bought and not delivered"),
                _ => (stock.can_be_bought(&item), "wish.buy", "paid and not bought"),
            };
            if kind == WishStepKind::Bought && store::is_being_chosen(tx, id).await? {
                return Err(Error::Conflict(
                    "Givers are choosing what becomes of their money for this item: what they paid for is bought no more.".to_owned(),
                ));
            }
            if !(1..=most.max(0)).contains(&quantity) {
                return Err(Error::Conflict(format!("{most} of this item are {why}: write a number up to that")));
            }
            steps::write(tx, NewStep::by(actor, id, kind, quantity, note), now).await?;
            audit::record(tx, now, actor, verb, "wish_item", &id.to_string(), json!({ "quantity": quantity })).await
        })
        .await
}

async fn lock(tx: &DatabaseTransaction, id: WishItemId, now: DateTime<Utc>) -> Result<(wish_item::Model, Stock), Error> {
    let item = store::lock_item(tx, id).await?.ok_or(Error::NotFound)?;
    let stock = stock(tx, &[id], now).await?.remove(&id).ok_or(Error::NotFound)?;
    Ok((item, stock))
}

/// Whether a step can be taken back at `now`, as far as the step itself is concerned.
pub fn can_be_undone(step: &wish_step::Model, undone: &[i64], now: DateTime<Utc>) -> bool {
    matches!(step.kind, WishStepKind::Bought | WishStepKind::Delivered)
        && step.quantity > 0
        && !undone.contains(&step.id)
        && now - step.at < UNDO_LASTS
}

/// Takes a step back by another one: once, within a week, and only where what followed allows it: what is delivered was bought.
pub async fn undo(app: &App, actor: &Actor, id: WishItemId, step_id: i64, note: &str) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (_, stock) = lock(tx, id, now).await?;
            let step = wish_step::Entity::find_by_id(step_id).one(tx).await?.filter(|step| step.wish_item_id == id);
            let step = step.ok_or(Error::NotFound)?;
            if !can_be_undone(&step, &store::undone(tx, id).await?, now) {
                return Err(Error::Conflict("this step cannot be taken back: it was already, or it is older than a week".to_owned()));
            }
            if step.kind == WishStepKind::Bought && stock.bought - step.quantity < stock.delivered {
                return Err(Error::Conflict("some of these are delivered: take that back first".to_owned()));
            }
            let back =
                NewStep { undoes_id: Some(step.id), order_id: step.order_id, ..NewStep::by(actor, id, step.kind, -step.quantity, note) };
            steps::write(tx, back, now).await?;
            if let Some(order) = step.order_id {
                orders::take_back(tx, app, order, now).await?;
            }
            audit::record(tx, now, actor, "wish.undo", "wish_item", &id.to_string(), json!({ "step": step_id })).await
        })
        .await
}
