//! Whose money a promise is about: what of the gifts for an item is not spent, what came late, and what came back.

use super::{carry, store};
use crate::{
    app::App,
    donations::{back::store as gifts_back, refunds},
    error::Error,
    ledger, wishes,
};
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money, MoneyError, donation,
    ids::{DonationId, WishItemId},
    promise_choice, wish_item, wish_reservation,
    words::{Account, MovementKind, ReservationState},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use std::collections::{BTreeSet, HashSet};

/// A gift for an item, and what of it is not spent.
pub(super) struct Unspent {
    pub(super) held: wish_reservation::Model,
    pub(super) gift: donation::Model,
    pub(super) part: Part,
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
pub(super) async fn everybody(db: &impl ConnectionTrait, item: &wish_item::Model, now: DateTime<Utc>) -> Result<Vec<Unspent>, Error> {
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
pub(super) async fn put_again(tx: &DatabaseTransaction, concerned: &mut Vec<Unspent>, now: DateTime<Utc>) -> Result<(), Error> {
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
pub(super) async fn late_of(db: &impl ConnectionTrait, item: &wish_item::Model, now: DateTime<Utc>) -> Result<Vec<Unspent>, Error> {
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
pub(super) async fn late_gifts(app: &App) -> Result<Vec<(wish_item::Model, Vec<Unspent>)>, Error> {
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
pub(super) fn at_stake(places: &[ledger::Place], item: WishItemId, currency: Currency) -> Result<Money, MoneyError> {
    if places.iter().any(|place| place.purpose.wish_item_id == Some(item)) {
        return ledger::income_for_item(places, item, currency);
    }
    let all = places.iter().filter(|place| place.income.currency == currency);
    all.map(|place| place.income).try_fold(Money::new(0, currency), Money::checked_add)
}

/// How much of a gift is concerned.
pub(super) struct Part {
    /// What of its share in the item is not spent, in pieces or in money.
    pub(super) rest: i64,
    /// What of its income that is.
    pub(super) amount: Money,
    /// What of its income stands for the item.
    pub(super) income: Money,
    /// Whether it is the whole gift.
    pub(super) is_whole: bool,
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
