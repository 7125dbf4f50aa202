//! Carries out what givers chose: once, under the locks of the gift, the choice and the items, in that order.

use super::{CHANGE_LASTS, letters, offer, store};
use crate::{
    app::App,
    donations::{refunds, store as gifts},
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
    promise_choice,
    words::{Account, MovementKind, PromiseWay},
};
use sea_orm::DatabaseTransaction;

/// How many are looked at in one round.
const ROUND: u64 = 100;

/// What a step under the locks came to.
enum Next {
    /// It is done, or was before.
    Done,
    /// The money is to go back: Stripe is asked outside of any transaction.
    GiveBack(Box<promise_choice::Model>),
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
    let seen = store::choice(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    match app.db.write(async |tx| move_money(tx, app, &seen).await).await? {
        Next::Done => {
            app.bell.notify_waiters();
            Ok(store::choice(app.db.read(), id).await?.is_some_and(|choice| choice.carried_at.is_some()))
        }
        Next::GiveBack(choice) => give_back(app, &choice).await,
    }
}

async fn move_money(tx: &DatabaseTransaction, app: &App, seen: &promise_choice::Model) -> Result<Next, Error> {
    let now = app.now();
    let gift = gifts::lock(tx, seen.donation_id).await?.ok_or(Error::NotFound)?;
    let choice = store::lock_choice(tx, seen.id).await?.ok_or(Error::NotFound)?;
    if choice.carried_at.is_some() {
        return Ok(Next::Done);
    }
    if choice.way == PromiseWay::Refund {
        return Ok(Next::GiveBack(Box::new(choice)));
    }
    let worth = ledger::worth_of(tx, gift.id, gift.currency).await?;
    let amount = Money::new(if choice.is_whole { worth.minor } else { choice.amount_minor.min(worth.minor) }, choice.currency);
    let chosen_by = if choice.way == PromiseWay::Open { "default".to_owned() } else { choice.chosen_by.clone() };
    let way = if choice.way == PromiseWay::Open { PromiseWay::General } else { choice.way };
    if amount.minor < 1 {
        // All of it went back by another way: there is nothing left to move.
        store::update(tx, promise_choice::Model { way, chosen_by, carried_at: Some(now), updated_at: now, ..choice }).await?;
        return Ok(Next::Done);
    }
    let promise = store::promise(tx, choice.promise_id).await?.ok_or(Error::NotFound)?;
    let to = find_target(tx, app, &choice, promise.wish_item_id, way, amount, &gift, now).await?;
    let source = format!("wish:{}:moved", choice.id);
    let from = ledger::purpose_of_gift(tx, gift.id).await?.unwrap_or_default();
    let mut legs = vec![Leg { account: Account::Donations, amount, purpose: from }];
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
    if !ledger::post(tx, &posting, now).await? {
        return Err(Error::Internal(format!("choice {} was moved and is not carried out", choice.id)));
    }
    wishes::take_out(tx, gift.id, choice.share_minor.unwrap_or(choice.quantity), now).await?;
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

/// Gives the money back through the refund verb, under the choice's own key: asked twice, it is one refund.
async fn give_back(app: &App, choice: &promise_choice::Model) -> Result<bool, Error> {
    let amount = Money::new(choice.amount_minor, choice.currency);
    let wish = refunds::Wish { form: choice.id.0, amount, reason: "chosen by the giver: the item cannot be bought".to_owned() };
    let trouble = match refunds::refund(app, &Actor::system(), choice.donation_id, &wish).await {
        Ok(_) => String::new(),
        Err(refunds::Problem::Other(error)) => return Err(error),
        Err(problem) => problem.to_string(),
    };
    let now = app.now();
    app.db
        .write(async |tx| {
            let gift = gifts::lock(tx, choice.donation_id).await?.ok_or(Error::NotFound)?;
            let current = store::lock_choice(tx, choice.id).await?.ok_or(Error::NotFound)?;
            if current.carried_at.is_some() {
                return Ok(true);
            }
            if !trouble.is_empty() {
                store::update(tx, promise_choice::Model { trouble: trouble.clone(), updated_at: now, ..current }).await?;
                return Ok(false);
            }
            // A whole gift frees its item when its worth is gone, which Stripe's booking tells; of a part this is the only word.
            if !current.is_whole {
                wishes::take_out(tx, gift.id, current.share_minor.unwrap_or(current.quantity), now).await?;
            }
            gifts::note(tx, gift.id, now, "promise_moved", PromiseWay::Refund.as_str()).await?;
            let carried = promise_choice::Model {
                carried_at: Some(now),
                moved_minor: current.amount_minor,
                refund_key: refunds::key_of(current.donation_id, current.id.0),
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
