//! Carries out what givers chose: once, under the locks of the gift, the choice and the items, in that order.

use super::{CHANGE_LASTS, at_stake, letters, lock, offer, store};
use crate::{
    app::App,
    donations::{back::store as gifts_back, refunds, store as gifts},
    error::Error,
    ledger::{self, Leg, Posting, Purpose},
    matching,
    staff::audit::Actor,
    wishes,
};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation,
    ids::{PromiseChoiceId, WishItemId},
    promise_choice, refund,
    words::{Account, MovementKind, PromiseWay, RefundState},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

/// How often Stripe is asked anew for one refund that it refused.
const ATTEMPTS_MAX: u128 = 50;

/// How many are looked at in one round.
const ROUND: u64 = 100;

/// What a step under the locks came to.
enum Next {
    /// It is done, or was before.
    Done,
    /// It waits: a bank holds the money, another refund of it is under way, or it is given back by hand.
    Waits,
    /// The money is to go back: Stripe is asked outside of any transaction.
    GiveBack(Box<promise_choice::Model>, refunds::Wish),
}

/// Carries out what was chosen a day ago or more, and the default where nobody chose in time. Returns how many were carried out.
pub async fn carry_out_due(app: &App) -> Result<u64, Error> {
    let (mut done, mut last) = (0, None);
    loop {
        let now = app.now();
        let round = store::due(app.db.read(), now - CHANGE_LASTS, now, last, ROUND).await?;
        for id in &round {
            // One that meets trouble must not keep the others waiting.
            match carry_out(app, *id).await {
                Ok(carried) => done += u64::from(carried),
                Err(error) => tracing::error!(choice_id = %id, %error, "a choice could not be carried out"),
            }
        }
        last = round.last().copied();
        if last.is_none() {
            return Ok(done);
        }
    }
}

/// Carries out one choice; without one, the default. Returns whether it is carried out now.
pub async fn carry_out(app: &App, id: PromiseChoiceId) -> Result<bool, Error> {
    match app.db.write(async |tx| move_money(tx, app, id).await).await? {
        Next::Done => {
            app.bell.notify_waiters();
            Ok(store::choice(app.db.read(), id).await?.is_some_and(|choice| choice.carried_at.is_some()))
        }
        Next::Waits => Ok(false),
        Next::GiveBack(choice, wish) => give_back(app, &choice, &wish).await,
    }
}

async fn move_money(tx: &DatabaseTransaction, app: &App, id: PromiseChoiceId) -> Result<Next, Error> {
    let now = app.now();
    let (gift, choice) = lock(tx, id).await?;
    if choice.carried_at.is_some() {
        return Ok(Next::Done);
    }
    let promise = store::promise(tx, choice.promise_id).await?.ok_or(Error::NotFound)?;
    let places = ledger::places_of_gift(tx, gift.id).await?;
    let amount = not_spent(&choice, &gift, at_stake(&places, promise.wish_item_id, gift.currency)?);
    if let Some(next) = wish_of(tx, &choice, &gift, amount).await? {
        return Ok(next);
    }
    let chosen_by = if choice.way == PromiseWay::Open { "default".to_owned() } else { choice.chosen_by.clone() };
    let way = if choice.way == PromiseWay::Open { PromiseWay::General } else { choice.way };
    if amount.minor < 1 {
        // All of it went back by another way: there is nothing left to move, and nothing that was to be bought with it.
        wishes::take_out(tx, gift.id, share_of(&choice, 0), now).await?;
        store::update(tx, promise_choice::Model { way, chosen_by, carried_at: Some(now), updated_at: now, ..choice }).await?;
        return Ok(Next::Done);
    }
    let to = find_target(tx, app, &choice, promise.wish_item_id, way, amount, &gift, now).await?;
    let source = format!("wish:{}:moved", choice.id);
    let mut legs = vec![Leg { account: Account::Donations, amount, purpose: ledger::main_purpose(&places).unwrap_or_default() }];
    for (money, purpose) in to.legs {
        legs.push(Leg { account: Account::Donations, amount: money.negated()?, purpose });
    }
    let posting = Posting {
        kind: MovementKind::Reclassification,
        source: source.clone(),
        donation_id: Some(gift.id),
        occurred_at: now,
        balance_transaction: None,
        reverses_id: None,
        legs,
    };
    if !ledger::post_of_gift(tx, posting, Some(promise.wish_item_id), now).await? {
        return Err(Error::Internal(format!("choice {} was moved and is not carried out", choice.id)));
    }
    wishes::take_out(tx, gift.id, share_of(&choice, amount.minor), now).await?;
    if let Some((item, share)) = to.item {
        wishes::put_in(tx, gift.id, item, share, now).await?;
    }
    matching::agree(tx, &gift, now).await?;
    let way = to.way;
    let to_item_id = to.item.map(|(item, _)| item);
    gifts::note(tx, gift.id, now, "promise_moved", way.as_str()).await?;
    let carried = promise_choice::Model {
        way,
        to_item_id,
        chosen_by,
        carried_at: Some(now),
        moved_minor: amount.minor,
        source,
        trouble: String::new(),
        updated_at: now,
        ..choice
    };
    store::update(tx, carried.clone()).await?;
    letters::tell(tx, app, &carried, &gift, now).await?;
    Ok(Next::Done)
}

/// Where money goes.
struct Target {
    way: PromiseWay,
    legs: Vec<(Money, Purpose)>,
    item: Option<(WishItemId, wishes::Share)>,
}

/// The other item while it is still to be had, else the general fund. Both items are locked, in the order in which everybody locks them.
#[expect(clippy::too_many_arguments, reason = "all of it is one decision under one lock")]
async fn find_target(
    tx: &DatabaseTransaction,
    app: &App,
    choice: &promise_choice::Model,
    from: WishItemId,
    way: PromiseWay,
    amount: Money,
    gift: &donation::Model,
    now: DateTime<Utc>,
) -> Result<Target, Error> {
    let mut ids = vec![from];
    ids.extend(choice.to_item_id.filter(|_| way == PromiseWay::Item));
    ids.sort();
    for id in ids {
        wishes::store::lock_item(tx, id).await?;
    }
    let general = gifts::fund(tx, None, app.new_id(), now).await?;
    let to_general = Purpose { fund_id: Some(general.id), article_id: gift.article_id, ..Purpose::default() };
    let nowhere_else = Target { way: PromiseWay::General, legs: vec![(amount, to_general)], item: None };
    let Some(id) = choice.to_item_id.filter(|_| way == PromiseWay::Item) else { return Ok(nowhere_else) };
    let Some(item) = wishes::store::item(tx, id).await? else { return Ok(nowhere_else) };
    let Some(stock) = wishes::stock(tx, &[id], now).await?.remove(&id) else { return Ok(nowhere_else) };
    let Some(offer) = offer(&stock, item, amount) else { return Ok(nowhere_else) };
    let with_campaign =
        Purpose { fund_id: Some(offer.item.fund_id), campaign_id: offer.item.campaign_id, article_id: gift.article_id, wish_item_id: None };
    let for_item = Purpose { wish_item_id: Some(id), ..with_campaign };
    let mut legs = vec![(offer.share.money, for_item)];
    if offer.rest.minor > 0 {
        legs.push((offer.rest, with_campaign));
    }
    Ok(Target { way: PromiseWay::Item, legs, item: Some((id, offer.share)) })
}

/// Why it is given back, for staff.
const REASON: &str = "chosen by the giver: the item cannot be bought";

/// What is taken out of the item when `moved` of the money goes elsewhere: all of a whole gift, however much that is by now. Of an item that
/// many pay for together no more than moves: what went back before is out of it already.
fn share_of(choice: &promise_choice::Model, moved: i64) -> i64 {
    match choice.share_minor {
        _ if choice.is_whole => i64::MAX,
        Some(share) => share.min(moved),
        None => choice.quantity,
    }
}

/// What is asked of Stripe, when the money is to go back and there is some; or that the choice waits, because a bank or another refund has a
/// part of `amount` and may give it back.
async fn wish_of(
    tx: &DatabaseTransaction,
    choice: &promise_choice::Model,
    gift: &donation::Model,
    amount: Money,
) -> Result<Option<Next>, Error> {
    let (form, asked) = refund_of(tx, choice).await?;
    let give_back = |amount| {
        let wish = refunds::Wish { form, amount, reason: REASON.to_owned() };
        Some(Next::GiveBack(Box::new(choice.clone()), wish))
    };
    // What Stripe was asked for is carried on, whatever was chosen since.
    if let Some(asked) = asked {
        return Ok(give_back(Money::new(asked.amount_minor, asked.currency)));
    }
    if amount.minor < 1 {
        return Ok(gifts_back::is_refund_under_way(tx, gift.id).await?.then_some(Next::Waits));
    }
    // What did not come through Stripe is given back by hand: finance says when.
    if choice.returning_at.is_some() || (choice.way == PromiseWay::Refund && gift.payment_intent_id.is_none()) {
        return Ok(Some(Next::Waits));
    }
    if choice.way != PromiseWay::Refund {
        return Ok(None);
    }
    if refunds::left_of(tx, gift).await?.minor < amount.minor {
        return Ok(Some(Next::Waits));
    }
    Ok(give_back(amount))
}

/// What of the money that stands for the item now is not spent. Of a gift that has bought some, what that cost stays; what went back since
/// it was declared went back of the rest.
fn not_spent(choice: &promise_choice::Model, gift: &donation::Model, held: Money) -> Money {
    if choice.is_whole {
        return held;
    }
    Money::new(choice.amount_minor.min(held.minor.saturating_sub(spent_of(choice, gift))).max(0), held.currency)
}

/// What was spent of a gift when its giver was asked, of which a part cannot be bought.
pub(super) fn spent_of(choice: &promise_choice::Model, gift: &donation::Model) -> i64 {
    let stood = if choice.held_minor > 0 { choice.held_minor } else { gift.amount_minor };
    stood.saturating_sub(choice.amount_minor).max(0)
}

/// The form under which Stripe is asked to give the money of a choice back, and what was asked for under it already. A refund that came to
/// nothing, because Stripe refused it or the bank sent it back, is asked for anew under another form.
pub(super) async fn refund_of(
    db: &impl ConnectionTrait,
    choice: &promise_choice::Model,
) -> Result<(uuid::Uuid, Option<refund::Model>), Error> {
    for attempt in 0..=ATTEMPTS_MAX {
        let form = uuid::Uuid::from_u128(choice.id.0.as_u128() ^ attempt);
        match gifts_back::refund_by_key(db, &refunds::key_of(choice.donation_id, form)).await? {
            Some(asked) if came_to_nothing(&asked) => {}
            asked => return Ok((form, asked)),
        }
    }
    Err(Error::Conflict("This refund failed many times: give the money back on the gift's own page.".to_owned()))
}

fn came_to_nothing(refund: &refund::Model) -> bool {
    matches!(refund.state, RefundState::Failed | RefundState::Canceled)
}

/// Gives the money back through the refund verb, under the choice's own key: asked twice, it is one refund.
async fn give_back(app: &App, choice: &promise_choice::Model, wish: &refunds::Wish) -> Result<bool, Error> {
    let trouble = match refunds::refund(app, &Actor::system(), choice.donation_id, wish).await {
        Ok(refunds::Outcome::Made) => String::new(),
        // Nothing is said to be done before Stripe says so: it is asked again, under the same key.
        Ok(refunds::Outcome::Waiting) => return Ok(false),
        Err(refunds::Problem::Other(error)) => return Err(error),
        Err(problem) => problem.to_string(),
    };
    let (now, refund_key) = (app.now(), refunds::key_of(choice.donation_id, wish.form));
    app.db
        .write(async |tx| {
            let (gift, current) = lock(tx, choice.id).await?;
            if current.carried_at.is_some() {
                return Ok(true);
            }
            let mut trouble = trouble.clone();
            if trouble.is_empty() && gifts_back::refund_by_key(tx, &refund_key).await?.is_some_and(|refund| came_to_nothing(&refund)) {
                "the bank sent the refund back".clone_into(&mut trouble);
            }
            if !trouble.is_empty() {
                store::update(tx, promise_choice::Model { trouble, updated_at: now, ..current }).await?;
                return Ok(false);
            }
            // A whole gift frees its item when its worth is gone, and what it pays of one that many pay for together follows its worth:
            // Stripe's booking tells both. Of some pieces this is the only word.
            if !current.is_whole && current.share_minor.is_none() {
                wishes::take_out(tx, gift.id, current.quantity, now).await?;
            }
            gifts::note(tx, gift.id, now, "promise_moved", PromiseWay::Refund.as_str()).await?;
            let carried = promise_choice::Model {
                // She may have changed her mind while Stripe was asked: the money is on its way back.
                way: PromiseWay::Refund,
                to_item_id: None,
                carried_at: Some(now),
                moved_minor: wish.amount.minor,
                refund_key: refund_key.clone(),
                trouble: String::new(),
                updated_at: now,
                ..current
            };
            store::update(tx, carried.clone()).await?;
            letters::tell(tx, app, &carried, &gift, now).await?;
            Ok(true)
        })
        .await
}
