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
mod returned;
pub mod store;

pub use carry::{carry_out, carry_out_due};
pub use desk::desk_routes;
pub use pages::routes;
pub use returned::{given_back, giving_back};

use crate::{
    app::App,
    asks::accepts_gifts,
    clock::sha256_hex,
    donations::{back::store as gifts_back, refunds, store as gifts},
    error::Error,
    ledger,
    staff::audit::{self, Actor},
    wishes::{
        self,
        steps::{self, NewStep},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Currency, Money, MoneyError, donation,
    ids::{DonationId, PromiseChoiceId, PromiseId, WishItemId},
    promise, promise_choice, wish_item, wish_reservation,
    words::{Account, CancelReason, MovementKind, PromiseWay, ReservationState, WishStatus, WishStepKind},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::json;
use std::collections::{BTreeSet, HashSet};

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

/// A gift for an item, and what of it is not spent.
struct Unspent {
    held: wish_reservation::Model,
    gift: donation::Model,
    part: Part,
}

/// The gifts for an item whose money is not spent and that no question stands open about; all, or only some of them.
async fn unspent(
    db: &impl ConnectionTrait,
    item: &wish_item::Model,
    only: Option<&HashSet<DonationId>>,
    now: DateTime<Utc>,
) -> Result<Vec<Unspent>, Error> {
    let stock = wishes::stock(db, &[item.id], now).await?.remove(&item.id).ok_or(Error::NotFound)?;
    let price = wishes::price_of(item).ok_or_else(|| Error::Conflict("An item on a shop's list is not paid here.".to_owned()))?;
    // What the first gifts have bought: in pieces, or in money where many pay together.
    let mut spent = if stock.funding.is_some() { price.checked_mul(stock.bought)?.minor } else { stock.bought };
    let mut unspent = Vec::new();
    for (held, gift) in store::paid_for(db, item.id).await? {
        let share = held.amount_minor.unwrap_or(held.quantity);
        let used = spent.clamp(0, share);
        spent -= used;
        if used == share || only.is_some_and(|only| !only.contains(&gift.id)) {
            continue;
        }
        let income = ledger::income_for_item(&ledger::places_of_gift(db, gift.id).await?, item.id, gift.currency)?;
        if income.minor > 0 && !store::waits(db, gift.id).await? {
            let part = Part::of(share, used, income)?;
            unspent.push(Unspent { held, gift, part });
        }
    }
    Ok(unspent)
}

/// Everybody whose money for an item is not spent: also where it came back to the item and holds nothing of it any more.
async fn everybody(db: &impl ConnectionTrait, item: &wish_item::Model, now: DateTime<Utc>) -> Result<Vec<Unspent>, Error> {
    let mut all = unspent(db, item, None, now).await?;
    let known: HashSet<DonationId> = all.iter().map(|one| one.gift.id).collect();
    all.extend(came_back(db, item, false, now).await?.into_iter().filter(|one| !known.contains(&one.gift.id)));
    Ok(all)
}

/// The gifts whose money came back to an item after it had left it, or never left it although its giver was told so: their refund failed, or a
/// dispute that was lost is won. Where they are to be `asked_anew`, only those whose givers were asked before, and are not being asked. What
/// goes back otherwise is left out.
async fn came_back(
    db: &impl ConnectionTrait,
    item: &wish_item::Model,
    asked_anew: bool,
    now: DateTime<Utc>,
) -> Result<Vec<Unspent>, Error> {
    let ids: HashSet<DonationId> = store::came_back(db, Some(item.id), asked_anew).await?.into_iter().map(|(_, gift)| gift).collect();
    let mut found = Vec::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut held = store::of_gifts(db, item.id, ReservationState::Released, &ids).await?;
    held.extend(store::of_gifts(db, item.id, ReservationState::Paid, &ids).await?);
    for (held, gift) in held {
        let before = store::last_choice(db, gift.id, item.id).await?;
        let keeps = held.state == ReservationState::Paid && before.as_ref().is_some_and(|choice| choice.is_whole);
        let part = if asked_anew && keeps {
            // Not all of it had left the item, or its refund was never booked: it is asked about as before.
            unspent(db, item, Some(&HashSet::from([gift.id])), now).await?.pop().map(|one| one.part)
        } else {
            Part::that_came_back(&held, &gift, before.as_ref(), &ledger::places_of_gift(db, gift.id).await?)?
        };
        let Some(part) = part else { continue };
        let part = if keeps { part } else { part.at_most(since_settled(db, &gift, item.id).await?) };
        if !store::waits(db, gift.id).await? && refunds::left_of(db, &gift).await?.minor >= part.amount.minor {
            found.push(Unspent { held, gift, part });
        }
    }
    Ok(found)
}

/// How much came back to a gift since an upgrade that took it as settled; none where it did not.
async fn since_settled(db: &impl ConnectionTrait, gift: &donation::Model, item: WishItemId) -> Result<Option<i64>, Error> {
    let settled = store::settled_entry(db, gift.id, item).await?;
    if settled < 1 {
        return Ok(None);
    }
    let (mut before, mut back) = (0i64, 0i64);
    for (head, sides) in ledger::entries_of_donation(db, gift.id).await? {
        if matches!(head.kind, MovementKind::RefundFailure | MovementKind::DisputeLoss) {
            let income = sides.iter().filter(|side| side.account == Account::Donations && side.amount_minor < 0);
            let sum = if head.id > settled { &mut back } else { &mut before };
            *sum = income.fold(*sum, |sum, side| sum.saturating_sub(side.amount_minor));
        }
    }
    // Where nothing had come back by then, nothing was settled.
    Ok(Some(back).filter(|back| *back > 0 && before > 0))
}

/// What was taken out of an item to be given back, and came back, is put in again, so that it can be taken out by what is chosen now. Where
/// the item is asked for and others have paid for it meanwhile, finance has to see to it.
async fn put_again(tx: &DatabaseTransaction, concerned: &mut Vec<Unspent>, now: DateTime<Utc>) -> Result<(), Error> {
    let mut left_out = HashSet::new();
    for one in concerned.iter().filter(|one| one.part.out > 0) {
        if !wishes::put_again(tx, one.gift.id, one.part.out, now).await? {
            tracing::error!(donation_id = %one.gift.id, "money came back to an item that is paid by others: its giver is not asked");
            left_out.insert(one.gift.id);
        }
    }
    concerned.retain(|one| !left_out.contains(&one.gift.id));
    Ok(())
}

/// The gifts for an item whose money came after it was declared that it cannot be bought, and of which nobody was asked; and those whose givers
/// were asked and whose money came back since. Where the hold was lost by then, the money is booked for the item's campaign or fund: she
/// gave for the item all the same. What is spent, or may be about to go back, is left out.
async fn late_of(db: &impl ConnectionTrait, item: &wish_item::Model, now: DateTime<Utc>) -> Result<Vec<Unspent>, Error> {
    let mut late = came_back(db, item, true, now).await?;
    let ids: HashSet<DonationId> = store::came_late(db, Some(item.id)).await?.into_iter().map(|(_, gift)| gift).collect();
    if !ids.is_empty() {
        late.extend(unspent(db, item, Some(&ids), now).await?);
        for (held, gift) in store::of_gifts(db, item.id, ReservationState::Released, &ids).await? {
            let income = at_stake(&ledger::places_of_gift(db, gift.id).await?, item.id, gift.currency)?;
            if income.minor > 0 {
                let part = Part::of(held.amount_minor.unwrap_or(held.quantity), 0, income)?;
                late.push(Unspent { held, gift, part });
            }
        }
    }
    let mut kept = Vec::new();
    for one in late {
        if !gifts_back::may_go_back(db, one.gift.id).await? {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// The gifts that came or came back late and wait for the question, by item. Asked on the reader: most of the time there is none.
async fn late_gifts(app: &App) -> Result<Vec<(wish_item::Model, Vec<Unspent>)>, Error> {
    let (db, now) = (app.db.read(), app.now());
    let mut late = store::came_late(db, None).await?;
    late.extend(store::came_back(db, None, true).await?);
    let items: BTreeSet<WishItemId> = late.into_iter().map(|(item, _)| item).collect();
    let ids: Vec<WishItemId> = items.into_iter().collect();
    let mut found = Vec::new();
    for item in wishes::store::items_by_id(db, &ids).await? {
        // One that meets trouble must not keep the others waiting, nor the desk's home.
        match late_of(db, &item, now).await {
            Ok(late) if late.is_empty() => {}
            Ok(late) => found.push((item, late)),
            Err(error) => tracing::error!(item_id = %item.id, %error, "who paid for it late could not be found"),
        }
    }
    Ok(found)
}

/// What of a gift's income a choice about an item is about: what stands for the item. A gift whose money came when the item was gone never
/// stood there: then all of it.
fn at_stake(places: &[ledger::Place], item: WishItemId, currency: Currency) -> Result<Money, MoneyError> {
    if places.iter().any(|place| place.purpose.wish_item_id == Some(item)) {
        return ledger::income_for_item(places, item, currency);
    }
    let all = places.iter().filter(|place| place.income.currency == currency);
    all.map(|place| place.income).try_fold(Money::new(0, currency), Money::checked_add)
}

/// How much of a gift is concerned.
struct Part {
    /// What of its share in the item is not spent, in pieces or in money.
    rest: i64,
    /// What of its income that is.
    amount: Money,
    /// What of its income stands for the item.
    income: Money,
    /// Whether it is the whole gift.
    is_whole: bool,
    /// What of the rest was taken out of the item when it was to be given back, while what is spent stayed.
    out: i64,
}

impl Part {
    /// Of a gift that paid a share, of which some is spent.
    fn of(share: i64, used: i64, income: Money) -> Result<Self, MoneyError> {
        let (rest, is_whole) = (share - used, used == 0);
        let minor = match is_whole {
            true => income.minor,
            false => {
                let minor = i128::from(income.minor) * i128::from(rest) / i128::from(share);
                i64::try_from(minor).map_err(|_| MoneyError::Overflow)?.max(1)
            }
        };
        Ok(Self { rest, amount: Money::new(minor, income.currency), income, is_whole, out: 0 })
    }

    /// Of a gift that stands for an item again after its money had left it. `before` is what its giver was asked about the item last: what was
    /// spent then is spent.
    fn that_came_back(
        held: &wish_reservation::Model,
        gift: &donation::Model,
        before: Option<&promise_choice::Model>,
        places: &[ledger::Place],
    ) -> Result<Option<Self>, MoneyError> {
        let item = held.wish_item_id;
        let income = match before {
            // Money that never stood for the item came back to where it stood, unless its giver has sent it elsewhere since.
            Some(choice) if choice.source.is_empty() => at_stake(places, item, gift.currency)?,
            _ => ledger::income_for_item(places, item, gift.currency)?,
        };
        let part = before.filter(|choice| !choice.is_whole);
        let is_held = held.state == ReservationState::Paid;
        let spent = part.map_or(0, |choice| carry::spent_of(choice, gift));
        let minor = income.minor.saturating_sub(spent);
        if minor < 1 || (is_held && part.is_none()) {
            return Ok(None);
        }
        let rest = match part {
            None => held.amount_minor.unwrap_or(held.quantity),
            Some(choice) => choice.share_minor.map_or(choice.quantity, |share| share.min(minor)),
        };
        // What many pay for together follows the gift's worth: of what never left the books nothing is out.
        let out = match held.amount_minor {
            _ if !is_held => 0,
            Some(minor) => {
                let cover = if gift.wish_item_id == Some(item) { gift.fee_cover_minor } else { 0 };
                (spent.saturating_add(rest) - cover - minor).clamp(0, rest)
            }
            None => rest,
        };
        let amount = Money::new(minor, gift.currency);
        Ok(Some(Self { rest, amount, income, is_whole: part.is_none(), out }))
    }

    /// No more than so much of it: the rest of the money was settled before.
    fn at_most(self, minor: Option<i64>) -> Self {
        match minor.filter(|minor| *minor < self.amount.minor) {
            Some(minor) => Self { amount: Money::new(minor, self.amount.currency), is_whole: false, ..self },
            None => self,
        }
    }
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
