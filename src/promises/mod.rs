//! Promises that cannot be kept. Staff declare that an item which was funded cannot be bought; everybody whose money is in it gets a
//! letter with a link and chooses: another item, the general fund, or the money back; for givers whom no e-mail reaches finance
//! prints it. Who does not answer in time has agreed, before paying, to the general fund. A choice can be changed until it is carried out,
//! and it is carried out once.
//!
//! Money that stays is moved in the ledger by one balanced transaction from its purpose to the other (source `wish:<choice>:moved`); money
//! that goes back goes through the refund verb, under the choice's own key.

mod carry;
mod desk;
mod letters;
mod pages;
mod paper;
pub mod store;

pub use carry::{carry_out, carry_out_due};
pub use desk::desk_routes;
pub use pages::routes;

use crate::{
    app::App,
    asks::accepts_gifts,
    clock::sha256_hex,
    donations::{refunds, store as gifts},
    error::Error,
    ledger,
    staff::audit::{self, Actor},
    wishes::{
        self,
        steps::{self, NewStep},
    },
};
use chrono::TimeDelta;
use entity::{
    Money, MoneyError, donation,
    ids::{PromiseChoiceId, PromiseId, WishItemId},
    promise, promise_choice, wish_item, wish_reservation,
    words::{CancelReason, PromiseWay, WishStatus, WishStepKind},
};
use sea_orm::DatabaseTransaction;
use serde_json::json;

/// How long a choice can still be changed before it is carried out.
pub const CHANGE_LASTS: TimeDelta = TimeDelta::days(1);

/// How many gifts one promise may concern: beyond that it is declared in parts.
const GIFTS_MAX: usize = 20_000;

/// The secret in a giver's link: 256 bits that only we can derive from the choice. The database holds its hash.
pub fn token_of(app: &App, id: PromiseChoiceId) -> String {
    use base64::Engine;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &app.key("promise page v1"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, id.0.as_bytes()))
}

/// The path of a giver's page.
pub fn path_of(app: &App, id: PromiseChoiceId) -> String {
    format!("/promises/{}", token_of(app, id))
}

/// Declares that what was paid of an item and is not bought cannot be bought. The item is asked for no more, and everybody concerned is
/// written to. What is bought counts as bought with the first gifts.
///
/// # Errors
/// `Conflict` when nobody's money is concerned: then the item is simply cancelled.
pub async fn declare(app: &App, actor: &Actor, item_id: WishItemId, reason: CancelReason, note: &str) -> Result<PromiseId, Error> {
    let now = app.now();
    let id: PromiseId = app.new_id();
    let promise = promise::Model {
        id,
        wish_item_id: item_id,
        reason,
        note: note.to_owned(),
        decide_by: now + TimeDelta::days(app.config.promise_days),
        declared_by: actor.staff_id,
        declared_by_name: actor.name.clone(),
        created_at: now,
    };
    app.db
        .write(async |tx| {
            let item = wishes::store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
            let concerned = concerned(tx, app, &item, &promise).await?;
            if concerned.is_empty() {
                return Err(Error::Conflict("No paid gift is waiting for this item: ask for it no more instead.".to_owned()));
            }
            let choices: Vec<promise_choice::Model> = concerned.iter().map(|(choice, _)| choice.clone()).collect();
            store::insert(tx, promise.clone(), &choices).await?;
            if item.status == WishStatus::Open {
                let left: i64 = choices.iter().map(|choice| choice.quantity).sum();
                let cancelled = wish_item::Model { status: WishStatus::Cancelled, cancel_reason: reason, updated_at: now, ..item.clone() };
                wishes::store::update_item(tx, cancelled).await?;
                steps::write(tx, NewStep::by(actor, item_id, WishStepKind::Cancelled, left, reason.as_str()), now).await?;
            }
            for (choice, gift) in &concerned {
                gifts::note(tx, gift.id, now, "promise_changed", &item.title).await?;
                letters::ask(tx, app, &promise, choice, gift, &item, now).await?;
            }
            let detail = json!({ "item": item_id, "reason": reason, "gifts": choices.len() });
            audit::record(tx, now, actor, "promise.declare", "promise", &id.to_string(), detail).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(id)
}

/// The gifts whose money is not spent, with what may become of each.
async fn concerned(
    tx: &DatabaseTransaction,
    app: &App,
    item: &wish_item::Model,
    promise: &promise::Model,
) -> Result<Vec<(promise_choice::Model, donation::Model)>, Error> {
    let stock = wishes::stock(tx, &[item.id], promise.created_at).await?.remove(&item.id).ok_or(Error::NotFound)?;
    let price = wishes::price_of(item).ok_or_else(|| Error::Conflict("An item on a shop's list is not paid here.".to_owned()))?;
    // What the first gifts have bought: in pieces, or in money where many pay together.
    let mut spent = if stock.funding.is_some() { price.checked_mul(stock.bought)?.minor } else { stock.bought };
    let mut concerned = Vec::new();
    for (held, gift) in store::paid_for(tx, item.id).await? {
        let share = held.amount_minor.unwrap_or(held.quantity);
        let used = spent.clamp(0, share);
        spent -= used;
        let held_money = ledger::income_for_item(&ledger::places_of_gift(tx, gift.id).await?, item.id, gift.currency)?;
        if used == share || held_money.minor < 1 || store::waits(tx, gift.id).await? {
            continue;
        }
        let choice = blank(app, promise, &held, &gift, Part { share, used, income: held_money })?;
        concerned.push((choice, gift));
        if concerned.len() > GIFTS_MAX {
            return Err(Error::Conflict("More gifts are concerned than can be written to at once.".to_owned()));
        }
    }
    Ok(concerned)
}

/// How much of a gift is concerned.
struct Part {
    /// What it paid, in pieces or in money.
    share: i64,
    /// What of that is spent.
    used: i64,
    /// What of its income stands for the item.
    income: Money,
}

fn blank(
    app: &App,
    promise: &promise::Model,
    held: &wish_reservation::Model,
    gift: &donation::Model,
    part: Part,
) -> Result<promise_choice::Model, Error> {
    let id: PromiseChoiceId = app.new_id();
    let rest = part.share - part.used;
    let amount = match part.used {
        0 => part.income.minor,
        _ => {
            let amount = i128::from(part.income.minor) * i128::from(rest) / i128::from(part.share);
            i64::try_from(amount).map_err(|_| MoneyError::Overflow)?.max(1)
        }
    };
    Ok(promise_choice::Model {
        id,
        promise_id: promise.id,
        donation_id: gift.id,
        token_hash: sha256_hex(&token_of(app, id)),
        quantity: if held.amount_minor.is_some() { 1 } else { rest },
        share_minor: held.amount_minor.map(|_| rest),
        amount_minor: amount,
        held_minor: part.income.minor,
        currency: gift.currency,
        is_whole: part.used == 0,
        way: PromiseWay::Open,
        to_item_id: None,
        chosen_by: String::new(),
        chosen_at: None,
        carried_at: None,
        moved_minor: 0,
        source: String::new(),
        refund_key: String::new(),
        trouble: String::new(),
        created_at: promise.created_at,
        updated_at: promise.created_at,
    })
}

/// An item that the money may go to instead.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The item.
    pub item: wish_item::Model,
    /// What of it the money pays for.
    pub share: wishes::Share,
    /// What is left over; it stays with the item's campaign or fund.
    pub rest: Money,
}

/// The items that the money of a choice can pay for now. Of a gift that bought something already, none: its parts stay together.
pub async fn offers(app: &App, choice: &promise_choice::Model, from: WishItemId) -> Result<Vec<Offer>, Error> {
    if !choice.is_whole {
        return Ok(Vec::new());
    }
    let db = app.db.read();
    let items = store::open_items(db, choice.currency).await?;
    let ids: Vec<WishItemId> = items.iter().map(|(item, _)| item.id).collect();
    let (stocks, now) = (wishes::stock(db, &ids, app.now()).await?, app.local_now());
    let money = Money::new(choice.amount_minor, choice.currency);
    let offers = items.into_iter().filter(|(item, campaign)| {
        item.id != from && (item.campaign_id.is_none() || campaign.as_ref().is_some_and(|campaign| accepts_gifts(campaign, &now)))
    });
    Ok(offers.filter_map(|(item, _)| offer(stocks.get(&item.id)?, item, money)).take(20).collect())
}

/// What of an item some money pays for: as many as are left, or what is missing of one that many pay for together.
pub(super) fn offer(stock: &wishes::Stock, item: wish_item::Model, money: Money) -> Option<Offer> {
    // An item can be given another currency between a choice and its carrying out.
    let price = wishes::price_of(&item).filter(|price| price.currency == money.currency)?;
    let (quantity, paid) = match stock.funding {
        Some(funding) => (1, funding.left().minor.min(money.minor)),
        None => {
            let quantity = (money.minor / price.minor).min(stock.left);
            (quantity, quantity.checked_mul(price.minor)?)
        }
    };
    let share = wishes::Share { quantity, money: Money::new(paid, money.currency) };
    (quantity > 0 && paid > 0).then(|| Offer { item, share, rest: Money::new(money.minor - paid, money.currency) })
}

/// Whether the money of a choice can go back through Stripe.
pub async fn can_go_back(app: &App, choice: &promise_choice::Model) -> Result<bool, Error> {
    let gift = gifts::find(app.db.read(), choice.donation_id).await?.ok_or(Error::NotFound)?;
    Ok(gift.payment_intent_id.is_some() && refunds::left_of(app.db.read(), &gift).await?.minor > 0)
}

/// Keeps what a giver chose; she may choose again until it is carried out.
///
/// # Errors
/// `Conflict` when it was carried out already, or Stripe was asked to give the money back.
pub async fn choose(app: &App, id: PromiseChoiceId, way: PromiseWay, to_item_id: Option<WishItemId>) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let seen = store::choice(tx, id).await?.ok_or(Error::NotFound)?;
            gifts::lock(tx, seen.donation_id).await?.ok_or(Error::NotFound)?;
            let choice = store::lock_choice(tx, id).await?.ok_or(Error::NotFound)?;
            if choice.carried_at.is_some() || carry::refund_of(tx, &choice).await?.1.is_some() {
                return Err(Error::Conflict("this was carried out already".to_owned()));
            }
            let (donation_id, chosen_by) = (choice.donation_id, "supporter".to_owned());
            let chosen_at = Some(now);
            let trouble = String::new();
            store::update(tx, promise_choice::Model { way, to_item_id, chosen_by, chosen_at, trouble, updated_at: now, ..choice }).await?;
            Ok(gifts::note(tx, donation_id, now, "promise_chosen", way.as_str()).await?)
        })
        .await
}
