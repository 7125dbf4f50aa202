//! Where the income of a gift stands: one purpose from the beginning, several once its giver chose so for a part of it.
//!
//! What is taken back of a gift is taken from where it stands now, so that no purpose is left with less than nothing of it.

use super::{Leg, Posting, Purpose, store};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money, MoneyError,
    ids::{DonationId, WishItemId},
    ledger_entry, ledger_transaction,
    words::{Account, MovementKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef};
use std::cmp::Reverse;

/// A purpose, and what of a gift's income stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The purpose.
    pub purpose: Purpose,
    /// What the ledger holds for it of this gift; nothing where all of it went back or elsewhere.
    pub income: Money,
}

/// Every place where income of a gift was booked, in the order of the bookings. None while it is not in the ledger.
pub async fn places_of_gift(db: &impl ConnectionTrait, donation: DonationId) -> Result<Vec<Place>, Error> {
    let to_head: RelationDef = ledger_entry::Entity::belongs_to(ledger_transaction::Entity)
        .from(ledger_entry::Column::TransactionId)
        .to(ledger_transaction::Column::Id)
        .into();
    let legs = ledger_entry::Entity::find()
        .join(JoinType::InnerJoin, to_head)
        .filter(ledger_transaction::Column::DonationId.eq(donation))
        .filter(ledger_entry::Column::Account.eq(Account::Donations))
        .order_by_asc(ledger_entry::Column::Id)
        .all(db)
        .await?;
    let mut places: Vec<Place> = Vec::new();
    for leg in &legs {
        let purpose = purpose_of(leg);
        // Income is a credit, and credits are negative.
        let income = Money::new(leg.amount_minor, leg.currency).negated()?;
        match places.iter_mut().find(|place| place.purpose == purpose && place.income.currency == income.currency) {
            Some(place) => place.income = place.income.checked_add(income)?,
            None => places.push(Place { purpose, income }),
        }
    }
    Ok(places)
}

fn purpose_of(leg: &ledger_entry::Model) -> Purpose {
    Purpose { fund_id: leg.fund_id, campaign_id: leg.campaign_id, wish_item_id: leg.wish_item_id, article_id: leg.article_id }
}

/// What the income of a gift is for now: what it was booked for, or what its giver chose since; where it stands in several places, the one
/// with most of it. None while it is not in the ledger.
pub async fn purpose_of_gift(db: &impl ConnectionTrait, donation: DonationId) -> Result<Option<Purpose>, Error> {
    Ok(main_purpose(&places_of_gift(db, donation).await?))
}

/// The place with most of the income; the first of equal ones. A gift that went back whole is for what it was for last.
pub fn main_purpose(places: &[Place]) -> Option<Purpose> {
    let most = places.iter().map(|place| place.income.minor).max()?;
    let mut with_most = places.iter().filter(|place| place.income.minor == most);
    let main = if most > 0 { with_most.next() } else { with_most.next_back() };
    main.map(|place| place.purpose)
}

/// What of a gift's income stands for a wish item, in the currency of the gift.
pub fn income_for_item(places: &[Place], item: WishItemId, currency: Currency) -> Result<Money, MoneyError> {
    let for_item = places.iter().filter(|place| place.purpose.wish_item_id == Some(item) && place.income.currency == currency);
    for_item.map(|place| place.income).try_fold(Money::new(0, currency), Money::checked_add)
}

/// Posts what takes income of a gift back: from where it stands now. `first` is the wish item that it is taken from before all others. What
/// comes in again after all goes to where it was taken from.
pub async fn post_of_gift(
    tx: &impl ConnectionTrait,
    posting: Posting,
    first: Option<WishItemId>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(donation) = posting.donation_id else { return super::post(tx, &posting, now).await };
    let posting = match posting.kind {
        MovementKind::RefundFailure | MovementKind::DisputeLoss => put_back(posting, taken_of_gift(tx, donation).await?)?,
        _ => posting,
    };
    let places = places_of_gift(tx, donation).await?;
    super::post(tx, &spread(posting, &places, first)?, now).await
}

/// What refunds and lost disputes took of a gift's income and did not give back, by purpose, in the order of the bookings. What was taken
/// from a purpose that its giver has left since counts for where the rest of it went.
async fn taken_of_gift(db: &impl ConnectionTrait, donation: DonationId) -> Result<Vec<(Purpose, Money)>, Error> {
    let mut taken: Vec<(Purpose, Money)> = Vec::new();
    for (head, sides) in store::entries_of_donation(db, donation).await? {
        let income = sides.iter().filter(|side| side.account == Account::Donations);
        match head.kind {
            MovementKind::Refund | MovementKind::RefundFailure | MovementKind::DisputeLoss => {
                for side in income {
                    take(&mut taken, purpose_of(side), Money::new(side.amount_minor, side.currency));
                }
            }
            MovementKind::Reclassification => {
                let left: Vec<Purpose> = income.clone().filter(|side| side.amount_minor > 0).map(purpose_of).collect();
                let Some(to) = income.min_by_key(|side| side.amount_minor).map(purpose_of) else { continue };
                taken.iter_mut().filter(|(purpose, _)| left.contains(purpose)).for_each(|(purpose, _)| *purpose = to);
            }
            _ => {}
        }
    }
    Ok(taken)
}

/// Adds what was taken; what came back is of what was taken from the same purpose last.
fn take(taken: &mut Vec<(Purpose, Money)>, from: Purpose, amount: Money) {
    if amount.minor > 0 {
        taken.push((from, amount));
        return;
    }
    let mut back = amount.minor.saturating_neg();
    for (_, money) in taken.iter_mut().rev().filter(|(purpose, money)| *purpose == from && money.currency == amount.currency) {
        let part = money.minor.min(back);
        money.minor -= part;
        back -= part;
    }
}

/// A posting whose income goes to where it was taken from, what was taken last first. What goes beyond all of it stays where the posting
/// has it.
fn put_back(posting: Posting, mut taken: Vec<(Purpose, Money)>) -> Result<Posting, Error> {
    let mut legs: Vec<Leg> = Vec::new();
    for leg in posting.legs {
        if leg.account != Account::Donations || leg.amount.minor >= 0 {
            legs.push(leg);
            continue;
        }
        let mut parts: Vec<(Purpose, i64)> = Vec::new();
        let mut rest = leg.amount.minor;
        for (purpose, money) in taken.iter_mut().rev().filter(|(_, money)| money.currency == leg.amount.currency && money.minor > 0) {
            let part = money.minor.saturating_neg().max(rest);
            if part < 0 {
                add(&mut parts, *purpose, part)?;
                money.minor += part;
                rest -= part;
            }
        }
        add(&mut parts, leg.purpose, rest)?;
        legs.extend(divided(leg, parts));
    }
    Ok(Posting { legs, ..posting })
}

fn add(parts: &mut Vec<(Purpose, i64)>, to: Purpose, minor: i64) -> Result<(), MoneyError> {
    match parts.iter_mut().find(|(purpose, _)| *purpose == to) {
        Some((_, part)) => *part = part.checked_add(minor).ok_or(MoneyError::Overflow)?,
        None => parts.push((to, minor)),
    }
    Ok(())
}

/// A leg in parts, each for its purpose.
fn divided(leg: Leg, parts: Vec<(Purpose, i64)>) -> impl Iterator<Item = Leg> {
    let parts = parts.into_iter().filter(|(_, part)| *part != 0);
    parts.map(move |(purpose, part)| Leg { amount: Money::new(part, leg.amount.currency), purpose, ..leg })
}

/// A posting whose income is taken from where it stands: from `first`, then from where nothing is to be bought with it, then from the other
/// wish items. What goes beyond all of it stays where the posting has it.
pub fn spread(posting: Posting, places: &[Place], first: Option<WishItemId>) -> Result<Posting, Error> {
    let mut places = places.to_vec();
    places.sort_by_key(|place| {
        let item = place.purpose.wish_item_id;
        (first.is_none() || item != first, item.is_some(), Reverse(place.income.minor))
    });
    let mut legs: Vec<Leg> = Vec::new();
    for leg in posting.legs {
        if leg.account != Account::Donations || leg.amount.minor <= 0 {
            legs.push(leg);
            continue;
        }
        let mut taken: Vec<(Purpose, i64)> = Vec::new();
        let mut rest = leg.amount.minor;
        for place in places.iter_mut().filter(|place| place.income.currency == leg.amount.currency && place.income.minor > 0) {
            let part = place.income.minor.min(rest);
            if part > 0 {
                taken.push((place.purpose, part));
                place.income.minor -= part;
                rest -= part;
            }
        }
        add(&mut taken, leg.purpose, rest)?;
        legs.extend(divided(leg, taken));
    }
    Ok(Posting { legs, ..posting })
}

/// A gift is never worth less than nothing: what was taken back beyond its worth is a cost. Posts what is missing to that, or too much of
/// it when something came back since, so that the order in which all of it is learned does not matter. Returns whether something changed.
pub async fn cover_shortfall(
    tx: &impl ConnectionTrait,
    donation: DonationId,
    currency: Currency,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let places = places_of_gift(tx, donation).await?;
    let mut worth = places.iter().filter(|place| place.income.currency == currency).map(|place| place.income.minor);
    let worth = worth.try_fold(0i64, i64::checked_add).ok_or(MoneyError::Overflow)?;
    let (times, covered) = store::posted_shortfall(tx, donation).await?;
    let uncovered = worth.checked_sub(covered).ok_or(MoneyError::Overflow)?;
    let missing = uncovered.min(0).saturating_neg().checked_sub(covered).ok_or(MoneyError::Overflow)?;
    if missing == 0 {
        return Ok(false);
    }
    let (money, main) = (Money::new(missing, currency), main_purpose(&places).unwrap_or_default());
    // Where the books are below nothing they are lifted up to it.
    let lowest = places.iter().filter(|place| place.income.currency == currency).min_by_key(|place| place.income.minor);
    let purpose = lowest.filter(|place| missing > 0 && place.income.minor < 0).map_or(main, |place| place.purpose);
    let leg = |account, amount| Leg { account, amount, purpose };
    let posting = Posting {
        kind: MovementKind::Shortfall,
        source: format!("gift:{donation}:shortfall:{}", times + 1),
        donation_id: Some(donation),
        occurred_at: now,
        balance_transaction: None,
        reverses_id: None,
        legs: vec![leg(Account::Donations, money.negated()?), leg(Account::StripeFees, money)],
    };
    super::post(tx, &spread(posting, &places, None)?, now).await
}
