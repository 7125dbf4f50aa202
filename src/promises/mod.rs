//! Promises that cannot be kept. Staff declare that an item which was funded cannot be bought; everybody whose money is in it gets a
//! letter with a link and chooses: another item, the general fund, or the money back; for givers whom no e-mail reaches finance
//! prints it. Who does not answer in time has agreed, before paying, to the general fund. A choice can be changed until it is carried out,
//! and it is carried out once.
//!
//! Money that stays is moved in the ledger by one balanced transaction from its purpose to the other (source `wish:<choice>:moved`); money
//! that goes back goes through the refund verb, under the choice's own key.

mod carry;
mod concerned;
mod desk;
mod letters;
mod pages;
mod paper;
mod returned;
pub mod store;

pub use carry::{carry_out, carry_out_due};
pub use desk::desk_routes;
pub use pages::routes;
pub use returned::{given_back, giving_back};

use concerned::{Unspent, at_stake, everybody, late_gifts, late_of, put_again};

use crate::{
    app::App,
    asks::accepts_gifts,
    clock::sha256_hex,
    donations::{refunds, store as gifts},
    error::Error,
    staff::audit::{self, Actor},
    wishes::{
        self,
        steps::{self, NewStep},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Money, donation,
    ids::{PromiseChoiceId, PromiseId, WishItemId},
    promise, promise_choice, wish_item,
    words::{CancelReason, PromiseWay, ReservationState, WishStatus, WishStepKind},
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
/// written to. What is bought counts as bought with the first gifts. Whoever pays later is asked by [`ask_late`].
///
/// # Errors
/// `Conflict` when nobody's money is concerned, and none is on its way: then the item is simply cancelled.
pub async fn declare(app: &App, actor: &Actor, item_id: WishItemId, reason: CancelReason, note: &str) -> Result<PromiseId, Error> {
    let promise = blank_promise(app, actor, item_id, reason, note);
    match app.db.write(async |tx| declare_in(tx, app, actor, &promise, Whom::Everybody).await).await? {
        true => app.bell.notify_waiters(),
        false => return Err(Error::Conflict("No paid gift is waiting for this item: ask for it no more instead.".to_owned())),
    }
    Ok(promise.id)
}

/// Does what is due of promises: asks who paid late or whose money came back, and carries out what was chosen. Returns how many choices were
/// carried out.
pub async fn keep(app: &App) -> Result<u64, Error> {
    if let Err(error) = ask_late(app).await {
        tracing::error!(%error, "who paid for an item after it was found out of reach could not be asked");
    }
    carry_out_due(app).await
}

/// Asks those whose money came after it was declared that their item cannot be bought, because a checkout or a bank debit was under way, and
/// those to whom it could not be given back. They get a promise of their own, with as much time to choose. Returns how many promises were
/// declared.
pub async fn ask_late(app: &App) -> Result<u64, Error> {
    let (actor, mut declared) = (Actor::system(), 0);
    for (item, _) in late_gifts(app).await? {
        let reason = store::last_reason(app.db.read(), item.id).await?.unwrap_or(CancelReason::Other);
        let promise = blank_promise(app, &actor, item.id, reason, "");
        // One that meets trouble must not keep the others waiting.
        match app.db.write(async |tx| declare_in(tx, app, &actor, &promise, Whom::Late).await).await {
            Ok(is_declared) => declared += u64::from(is_declared),
            Err(error) => tracing::error!(item_id = %item.id, %error, "who paid for it late could not be asked"),
        }
    }
    if declared > 0 {
        app.bell.notify_waiters();
    }
    Ok(declared)
}

/// How many gifts came or came back late and wait for the question what is to become of them.
pub async fn count_late(app: &App) -> Result<u64, Error> {
    Ok(late_gifts(app).await?.iter().map(|(_, late)| late.len() as u64).sum())
}

fn blank_promise(app: &App, actor: &Actor, item_id: WishItemId, reason: CancelReason, note: &str) -> promise::Model {
    let now = app.now();
    promise::Model {
        id: app.new_id(),
        wish_item_id: item_id,
        reason,
        note: note.to_owned(),
        decide_by: now + TimeDelta::days(app.config.promise_days),
        declared_by: actor.staff_id,
        declared_by_name: actor.name.clone(),
        created_at: now,
        after_step: 0,
    }
}

/// Whom a declaration asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    /// Everybody whose money is not spent.
    Everybody,
    /// Those whose money came after an earlier declaration, and whom nobody asked; and those to whose item it came back since.
    Late,
}

/// Declares a promise, under the lock of its item. Returns whether somebody is concerned; else nothing is written.
async fn declare_in(tx: &DatabaseTransaction, app: &App, actor: &Actor, promise: &promise::Model, whom: Whom) -> Result<bool, Error> {
    let (now, reason) = (promise.created_at, promise.reason);
    let item = wishes::store::lock_item(tx, promise.wish_item_id).await?.ok_or(Error::NotFound)?;
    let mut concerned = match whom {
        Whom::Everybody => everybody(tx, &item, now).await?,
        Whom::Late => late_of(tx, &item, now).await?,
    };
    put_again(tx, &mut concerned, now).await?;
    if concerned.len() > GIFTS_MAX {
        return Err(Error::Conflict("More gifts are concerned than can be written to at once.".to_owned()));
    }
    if concerned.is_empty() && (whom == Whom::Late || !may_still_come(tx, &item, now).await?) {
        return Ok(false);
    }
    let promise = promise::Model { after_step: steps::last(tx, item.id).await?, ..promise.clone() };
    let choices: Vec<promise_choice::Model> = concerned.iter().map(|one| blank(app, &promise, one)).collect();
    store::insert(tx, promise.clone(), &choices).await?;
    if item.status == WishStatus::Open {
        let left: i64 = choices.iter().map(|choice| choice.quantity).sum();
        let cancelled = wish_item::Model { status: WishStatus::Cancelled, cancel_reason: reason, updated_at: now, ..item.clone() };
        wishes::store::update_item(tx, cancelled).await?;
        steps::write(tx, NewStep::by(actor, item.id, WishStepKind::Cancelled, left, reason.as_str()), now).await?;
    }
    for (choice, one) in choices.iter().zip(&concerned) {
        gifts::note(tx, one.gift.id, now, "promise_changed", &item.title).await?;
        letters::ask(tx, app, &promise, choice, &one.gift, &item, now).await?;
    }
    let detail = json!({ "item": item.id, "reason": reason, "gifts": choices.len() });
    audit::record(tx, now, actor, "promise.declare", "promise", &promise.id.to_string(), detail).await?;
    Ok(true)
}

/// Whether money for an item may still come, of which nothing was declared yet: a checkout or a bank debit holds some of it.
async fn may_still_come(tx: &DatabaseTransaction, item: &wish_item::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    let held = wishes::store::taken(tx, &[item.id], now).await?.contains_key(&(item.id, ReservationState::Held));
    Ok(held && (item.status == WishStatus::Open || store::last_reason(tx, item.id).await?.is_none()))
}

fn blank(app: &App, promise: &promise::Model, of: &Unspent) -> promise_choice::Model {
    let id: PromiseChoiceId = app.new_id();
    let (held, gift, part) = (&of.held, &of.gift, &of.part);
    promise_choice::Model {
        id,
        promise_id: promise.id,
        donation_id: gift.id,
        token_hash: sha256_hex(&token_of(app, id)),
        quantity: if held.amount_minor.is_some() { 1 } else { part.rest },
        share_minor: held.amount_minor.map(|_| part.rest),
        amount_minor: part.amount.minor,
        held_minor: part.income.minor,
        currency: gift.currency,
        is_whole: part.is_whole,
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
        returning_at: None,
        after_entry: 0,
    }
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

/// How the money of a choice can go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// By a refund.
    Stripe,
    /// By hand, because it came another way.
    ByHand,
}

/// How the money of a choice can go back, if it can.
pub async fn way_back(app: &App, choice: &promise_choice::Model) -> Result<Option<WayBack>, Error> {
    let db = app.db.read();
    let gift = gifts::find(db, choice.donation_id).await?.ok_or(Error::NotFound)?;
    Ok(match gift.payment_intent_id.is_some() {
        true => (refunds::left_of(db, &gift).await?.minor > 0).then_some(WayBack::Stripe),
        false => returned::is_possible(db, choice, &gift).await?.then_some(WayBack::ByHand),
    })
}

/// A gift and the choice about it, locked until the transaction ends: the gift first, as everywhere.
async fn lock(tx: &DatabaseTransaction, id: PromiseChoiceId) -> Result<(donation::Model, promise_choice::Model), Error> {
    let seen = store::choice(tx, id).await?.ok_or(Error::NotFound)?;
    let gift = gifts::lock(tx, seen.donation_id).await?.ok_or(Error::NotFound)?;
    let choice = store::lock_choice(tx, id).await?.ok_or(Error::NotFound)?;
    Ok((gift, choice))
}

/// Keeps what a giver chose; she may choose again until it is carried out.
///
/// # Errors
/// `Conflict` when it was carried out already, Stripe was asked to give the money back, or finance is giving it back by hand.
pub async fn choose(app: &App, id: PromiseChoiceId, way: PromiseWay, to_item_id: Option<WishItemId>) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let (_, choice) = lock(tx, id).await?;
            if choice.carried_at.is_some() || carry::refund_of(tx, &choice).await?.1.is_some() {
                return Err(Error::Conflict("this was carried out already".to_owned()));
            }
            if choice.returning_at.is_some() {
                return Err(Error::Conflict("the money is being given back".to_owned()));
            }
            let (donation_id, chosen_by) = (choice.donation_id, "supporter".to_owned());
            let chosen_at = Some(now);
            let trouble = String::new();
            store::update(tx, promise_choice::Model { way, to_item_id, chosen_by, chosen_at, trouble, updated_at: now, ..choice }).await?;
            Ok(gifts::note(tx, donation_id, now, "promise_chosen", way.as_str()).await?)
        })
        .await
}
