//! Items on a shop's list elsewhere: a supporter says *I ordered this*, the item is held for her so that nobody else buys the same, and
//! staff confirm it when it has come, or refuse it. What nobody confirms frees itself.
//!
//! Who gives an address with it is asked once, by letter, whether she wants to hear of it: anybody can type anybody's address. When she says
//! yes, news of the item reach her, and a letter says what came of her order (`order_letters`), also when that was settled before her answer.
//! Until then she hears nothing else.

use super::{
    order_letters::{self, Hears, News},
    steps::{self, NewStep},
    stock, store,
};
use crate::{
    app::App,
    asks::{amount, gift, token},
    consents,
    error::Error,
    i18n::Language,
    mail::topic::Topic,
    staff::audit::{self, Actor},
    supporters,
    web::{FormErrors, Page},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{SupporterId, WishItemId, WishOrderId},
    subscription, wish_item, wish_order,
    words::{OrderState, WishKind, WishStatus, WishStepKind},
};
use sea_orm::DatabaseTransaction;
use serde::Deserialize;
use serde_json::json;

/// How many one network may report in an hour.
pub const PER_HOUR: u32 = 6;

/// The most pieces that one report holds: a stranger’s word takes them off the list for weeks.
pub const PIECES_MAX: i64 = 20;

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the form's field of that name, as typed")]
pub struct RawOrder {
    pub form_token: String,
    pub quantity: String,
    pub email: String,
    pub website: String,
}

/// An order, ready to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id inside the form token.
    pub form_token: String,
    /// How many.
    pub quantity: i64,
    /// Where she wants to hear of it; may be empty.
    pub email: String,
}

/// Reads the form; one sentence for each field that is wrong.
pub fn parse(app: &App, page: &Page, raw: &RawOrder) -> Result<Order, FormErrors> {
    let mut errors = FormErrors::default();
    let quantity = amount::parse_count(&raw.quantity).filter(|quantity| *quantity >= 1);
    match quantity {
        None => errors.add("quantity", page.t("asks-error-quantity")),
        Some(quantity) if quantity > PIECES_MAX => errors.add("quantity", page.tn("wishes-order-most", PIECES_MAX)),
        Some(_) => {}
    }
    let email = gift::without_controls(&raw.email, false);
    if !email.is_empty() && !gift::is_email(&email) {
        errors.add("email", page.t("asks-error-email"));
    }
    if !raw.website.is_empty() {
        errors.add("website", page.t("asks-error-website"));
    }
    let token = token::check(app, &raw.form_token).map_err(|error| errors.add("ordered", page.t(error.key()))).ok();
    match (quantity, token) {
        (Some(quantity), Some(token)) if errors.is_empty() => Ok(Order { form_token: token.id, quantity, email }),
        _ => Err(errors),
    }
}

/// What came of saying that something was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is held; also when the same form was sent before.
    Held,
    /// Fewer are left.
    NotEnough {
        /// How many.
        left: i64,
    },
    /// The item is not asked for any more.
    Closed,
}

/// Holds what a supporter says that she ordered, and asks her whether she wants to hear of it. The answer is the same whatever is known of
/// her address.
pub async fn tell(app: &App, item_id: WishItemId, order: &Order, language: &str) -> Result<Told, Error> {
    let now = app.now();
    let told = app
        .db
        .write(async |tx| {
            let item = store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
            if store::order_by_form(tx, &order.form_token).await?.is_some() {
                return Ok(Told::Held);
            }
            if item.status != WishStatus::Open || item.kind != WishKind::Link {
                return Ok(Told::Closed);
            }
            let left = left_of(tx, &item, now).await?;
            if order.quantity > left {
                return Ok(Told::NotEnough { left });
            }
            let row = wish_order::Model {
                id: app.new_id(),
                wish_item_id: item_id,
                form_token: order.form_token.clone(),
                quantity: order.quantity,
                state: OrderState::Held,
                email: String::new(),
                language: language.to_owned(),
                expires_at: now + TimeDelta::days(app.config.wish_order_days),
                created_at: now,
                updated_at: now,
                supporter_id: ask(tx, app, item_id, &order.email, language).await?,
                answer_due: false,
            };
            store::insert_order(tx, row.clone()).await?;
            steps::write(tx, NewStep::of_order(&row, WishStepKind::Ordered), now).await?;
            Ok(Told::Held)
        })
        .await?;
    app.bell.notify_waiters();
    Ok(told)
}

/// Asks who gave this address whether she wants news of the item, and to hear of this order. An address that something stands against is not
/// even noted, and whoever has not answered another question is not asked a second one: anybody can type anybody's address.
async fn ask(tx: &DatabaseTransaction, app: &App, item_id: WishItemId, email: &str, language: &str) -> Result<Option<SupporterId>, Error> {
    let topic = Topic::Item(item_id);
    if email.is_empty() || consents::stands_against(tx, app, email, topic).await? {
        return Ok(None);
    }
    let supporter = supporters::find_or_add(tx, app.new_id(), email, language, app.now()).await?;
    match consents::in_force(tx, supporter.id, topic).await? {
        // The question that she has will do for this order too.
        Some(wish) if wish.confirmed_at.is_none() && is_of_an_order(&wish) => return Ok(Some(supporter.id)),
        // She gets the news of the item, or is asked about them elsewhere. That the order is hers, nobody has shown.
        Some(_) => return Ok(None),
        None if consents::has_open_question(tx, app, email).await? => return Ok(None),
        None => {}
    }
    let language = Language::nearest(language).unwrap_or_default();
    let wording = language.text(NEWS);
    consents::ask(tx, app, &consents::Request { supporter: &supporter, topic, language, wording: &wording }).await?;
    Ok(Some(supporter.id))
}

/// The words that she agrees to.
const NEWS: &str = "wishes-order-news";

/// Whether a wish for news came with an order, and not with a gift.
pub(super) fn is_of_an_order(wish: &subscription::Model) -> bool {
    Language::nearest(&wish.language).is_some_and(|language| wish.wording == language.text(NEWS))
}

async fn left_of(tx: &DatabaseTransaction, item: &wish_item::Model, now: DateTime<Utc>) -> Result<i64, Error> {
    Ok(stock(tx, &[item.id], now).await?.remove(&item.id).ok_or(Error::NotFound)?.left)
}

/// It has come, or the shop says so: what was ordered counts as bought. One that ran out can be confirmed while as many are left.
pub async fn confirm(app: &App, actor: &Actor, id: WishOrderId) -> Result<WishItemId, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (item, order) = lock(tx, id).await?;
            let is_held = order.state == OrderState::Held && order.expires_at > now;
            let is_over = matches!(order.state, OrderState::Held | OrderState::Expired);
            let may_confirm = is_held || (is_over && order.quantity <= left_of(tx, &item, now).await?);
            if !may_confirm {
                return Err(Error::Conflict("this order is settled already, or others have taken its place".to_owned()));
            }
            end(tx, app, order.clone(), OrderState::Confirmed, News::Came, now).await?;
            let step = NewStep { order_id: Some(id), ..NewStep::by(actor, item.id, WishStepKind::Bought, order.quantity, "") };
            steps::write(tx, step, now).await?;
            audit::record(tx, now, actor, "wish.order_confirm", "wish_order", &id.to_string(), json!({})).await?;
            Ok(item.id)
        })
        .await
}

/// It did not come: what was held is needed again.
pub async fn refuse(app: &App, actor: &Actor, id: WishOrderId) -> Result<WishItemId, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (item, order) = lock(tx, id).await?;
            if order.state != OrderState::Held {
                return Err(Error::Conflict("this order is settled already".to_owned()));
            }
            end(tx, app, order.clone(), OrderState::Refused, News::Missing, now).await?;
            let step = NewStep { order_id: Some(id), ..NewStep::by(actor, item.id, WishStepKind::OrderEnded, order.quantity, "") };
            steps::write(tx, step, now).await?;
            audit::record(tx, now, actor, "wish.order_refuse", "wish_order", &id.to_string(), json!({})).await?;
            Ok(item.id)
        })
        .await
}

/// Writes down that the orders which nobody confirmed in time are over; they had stopped counting by themselves. Returns how many.
pub async fn expire(app: &App) -> Result<u64, Error> {
    let now = app.now();
    let mut ended = 0;
    for id in store::expired_orders(app.db.read(), now).await? {
        // One that meets trouble must not keep the others waiting.
        match app.db.write(async |tx| expire_one(tx, app, id, now).await).await {
            Ok(is_ended) => ended += u64::from(is_ended),
            Err(error) => tracing::error!(order_id = %id, %error, "an order that ran out could not be ended"),
        }
    }
    if ended > 0 {
        app.bell.notify_waiters();
    }
    Ok(ended)
}

async fn expire_one(tx: &DatabaseTransaction, app: &App, id: WishOrderId, now: DateTime<Utc>) -> Result<bool, Error> {
    let (_, order) = lock(tx, id).await?;
    if order.state != OrderState::Held || order.expires_at > now {
        return Ok(false);
    }
    let step = NewStep { actor: steps::SYSTEM, ..NewStep::of_order(&order, WishStepKind::OrderEnded) };
    steps::write(tx, step, now).await?;
    end(tx, app, order, OrderState::Expired, News::Missing, now).await?;
    Ok(true)
}

/// Staff take back that it came, under the item's lock. Whoever was told that it had come is told that it has not.
pub(super) async fn take_back(tx: &DatabaseTransaction, app: &App, id: WishOrderId, now: DateTime<Utc>) -> Result<(), Error> {
    let order = store::order(tx, id).await?.ok_or(Error::NotFound)?;
    let news = if order.answer_due { News::Missing } else { News::CameNot };
    end(tx, app, order, OrderState::Refused, news, now).await
}

/// Tells those who said yes after their order was settled what came of it, and forgets whose the orders are to which nobody said yes in time.
/// Returns how many were told.
pub async fn tell_late(app: &App) -> Result<u64, Error> {
    let (mut told, mut last) = (0, None);
    loop {
        let round = store::unanswered_orders(app.db.read(), last).await?;
        for (id, supporter_id, item_id) in &round {
            let wish = consents::in_force(app.db.read(), *supporter_id, Topic::Item(*item_id)).await?;
            if wish.is_some_and(|wish| wish.confirmed_at.is_none() && app.now() < wish.expires_at) {
                continue;
            }
            // One that meets trouble must not keep the others waiting.
            match app.db.write(async |tx| tell_one(tx, app, *id, app.now()).await).await {
                Ok(hears) => told += u64::from(matches!(hears, Hears::Now(_))),
                Err(error) => tracing::error!(order_id = %id, %error, "who ordered something could not be told what came of it"),
            }
        }
        last = round.last().map(|(id, ..)| *id);
        if last.is_none() {
            break;
        }
    }
    if told > 0 {
        app.bell.notify_waiters();
    }
    Ok(told)
}

async fn tell_one(tx: &DatabaseTransaction, app: &App, id: WishOrderId, now: DateTime<Utc>) -> Result<Hears, Error> {
    let (_, order) = lock(tx, id).await?;
    if !order.answer_due {
        return Ok(Hears::Never);
    }
    let news = if order.state == OrderState::Confirmed { News::Came } else { News::Missing };
    let hears = order_letters::tell(tx, app, &order, news, now).await?;
    store::update_order(tx, known_by(order, hears)).await?;
    Ok(hears)
}

/// Ends an order and tells her whose it was, if she wants to hear of it.
async fn end(
    tx: &DatabaseTransaction,
    app: &App,
    order: wish_order::Model,
    state: OrderState,
    news: News,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let hears = order_letters::tell(tx, app, &order, news, now).await?;
    let over = wish_order::Model { state, updated_at: now, email: String::new(), ..order };
    Ok(store::update_order(tx, known_by(over, hears)).await?)
}

/// An order that is over: whose it was is known while she may still say that she wants to hear of it, and of whoever did and what she ordered
/// came, or may; else it is forgotten.
fn known_by(order: wish_order::Model, hears: Hears) -> wish_order::Model {
    let supporter_id = match hears {
        Hears::Perhaps(id) => Some(id),
        // One that ran out may come after all.
        Hears::Now(id) => Some(id).filter(|_| matches!(order.state, OrderState::Confirmed | OrderState::Expired)),
        Hears::Never => None,
    };
    wish_order::Model { supporter_id, answer_due: matches!(hears, Hears::Perhaps(_)), ..order }
}

/// The item first, as every other writer does, then the order as it is under that lock.
async fn lock(tx: &DatabaseTransaction, id: WishOrderId) -> Result<(wish_item::Model, wish_order::Model), Error> {
    let seen = store::order(tx, id).await?.ok_or(Error::NotFound)?;
    let item = store::lock_item(tx, seen.wish_item_id).await?.ok_or(Error::NotFound)?;
    let order = store::order(tx, id).await?.ok_or(Error::NotFound)?;
    Ok((item, order))
}
