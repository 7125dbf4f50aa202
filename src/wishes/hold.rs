//! What one donation holds of an item: held while its checkout is open, then paid or released. Every change is decided under the lock of
//! the item's row and leaves a step.

use super::{
    Stock, is_shared,
    steps::{self, NewStep},
    stock, store,
};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Money,
    ids::{DonationId, WishItemId},
    wish_item, wish_reservation,
    words::{ReservationState, WishKind, WishStatus, WishStepKind},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use std::fmt;

/// What a gift asks of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How many; one of an item that many pay for together.
    pub quantity: i64,
    /// What is given for it, without what covers the fee: counts for an item that many pay for together.
    pub money: Money,
}

/// Why an item cannot be held.
#[derive(Debug)]
pub enum ReserveError {
    /// Fewer are left than were asked for.
    NotEnough {
        /// How many are left.
        left: i64,
    },
    /// Less money is missing than was offered.
    TooMuch {
        /// How much is missing.
        left: Money,
    },
    /// The item is not asked for any more, or is on a shop's list elsewhere.
    NotOpen,
    /// The database, or an item that is not there.
    Other(Error),
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnough { left: 0 } => f.write_str("all of this item are taken; choose another one, or give an amount"),
            Self::NotEnough { left } => write!(f, "only {left} of this item are left; give at most {left}"),
            Self::TooMuch { left } => write!(f, "only {left} is missing for this item; give at most {left}"),
            Self::NotOpen => f.write_str("this item is not asked for any more; choose another one, or give an amount"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReserveError {}

impl From<Error> for ReserveError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<ReserveError> for Error {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Other(error) => error,
            refused => Self::Conflict(refused.to_string()),
        }
    }
}

/// What became of the item when its donation was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The donation is not for an item.
    NoItem,
    /// The item is paid; also when it was already.
    Paid,
    /// The hold had been lost. `counted`: enough was left, so the item is paid all the same. Otherwise the gift stands without
    /// the item, and staff must hear of it.
    PaidLate {
        /// Whether the item counts as paid.
        counted: bool,
    },
}

/// Makes sure that a share of an item can be held now, and locks the item until the transaction ends: ask before writing
/// the donation, then [`reserve`].
pub async fn check_left(
    tx: &DatabaseTransaction,
    item_id: WishItemId,
    share: Share,
    now: DateTime<Utc>,
) -> Result<wish_item::Model, ReserveError> {
    let item = store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
    if item.status != WishStatus::Open || item.kind != WishKind::Priced {
        return Err(ReserveError::NotOpen);
    }
    let stock = stock_of(tx, item_id, now).await?;
    match stock.funding.map(|funding| funding.left()) {
        Some(left) if left.minor < 1 => Err(ReserveError::NotEnough { left: 0 }),
        Some(left) if share.money.currency != left.currency || !(1..=left.minor).contains(&share.money.minor) => {
            Err(ReserveError::TooMuch { left })
        }
        None if share.quantity < 1 || share.quantity > stock.left => Err(ReserveError::NotEnough { left: stock.left }),
        _ => Ok(item),
    }
}

/// Holds a share of an item for a donation until `expires_at`. The donation's row must be there, with no hold yet.
pub async fn reserve(
    tx: &DatabaseTransaction,
    item_id: WishItemId,
    donation_id: DonationId,
    share: Share,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), ReserveError> {
    let item = check_left(tx, item_id, share, now).await?;
    let held = wish_reservation::Model {
        // One donation has one reservation, so they share their id.
        id: donation_id.0.into(),
        wish_item_id: item_id,
        donation_id,
        quantity: share.quantity,
        state: ReservationState::Held,
        expires_at,
        created_at: now,
        updated_at: now,
        amount_minor: is_shared(&item).then_some(share.money.minor),
    };
    store::insert_reservation(tx, held.clone()).await?;
    Ok(note(tx, &held, WishStepKind::Reserved, now).await?)
}

/// Keeps the hold of a donation until `until`, for a bank debit that takes days to settle. A hold that was lost is taken again where
/// enough is left. Returns whether it is held.
pub async fn keep(tx: &DatabaseTransaction, donation_id: DonationId, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(reservation) = store::lock_reservation(tx, donation_id).await? else { return Ok(false) };
    let is_held = reservation.state == ReservationState::Held && reservation.expires_at > now;
    let kept = match reservation.state {
        ReservationState::Paid => return Ok(true),
        _ => is_held || fits(&stock_of(tx, reservation.wish_item_id, now).await?, &reservation),
    };
    if kept {
        let until = until.max(reservation.expires_at);
        if !is_held {
            note(tx, &reservation, WishStepKind::Reserved, now).await?;
        }
        store::set_reservation(tx, wish_reservation::Model { expires_at: until, ..reservation }, ReservationState::Held, now).await?;
    }
    Ok(kept)
}

/// The donation is paid: what it holds is paid too. Safe to repeat.
pub async fn pay(tx: &DatabaseTransaction, donation_id: DonationId, now: DateTime<Utc>) -> Result<Outcome, Error> {
    let Some(reservation) = store::lock_reservation(tx, donation_id).await? else { return Ok(Outcome::NoItem) };
    let (outcome, step) = match reservation.state {
        ReservationState::Paid => return Ok(Outcome::Paid),
        ReservationState::Held if reservation.expires_at > now => (Outcome::Paid, WishStepKind::Paid),
        ReservationState::Held | ReservationState::Released => {
            let counted = fits(&stock_of(tx, reservation.wish_item_id, now).await?, &reservation);
            (Outcome::PaidLate { counted }, if counted { WishStepKind::PaidLate } else { WishStepKind::Missed })
        }
    };
    // Whoever looks at it again and again finds it gone each time: that is one step.
    if step != WishStepKind::Missed || !steps::is_missed(tx, &reservation).await? {
        note(tx, &reservation, step, now).await?;
    }
    let state = if outcome == (Outcome::PaidLate { counted: false }) { ReservationState::Released } else { ReservationState::Paid };
    store::set_reservation(tx, reservation, state, now).await?;
    Ok(outcome)
}

/// Whether a donation has paid for its item.
pub async fn is_paid(db: &impl ConnectionTrait, donation_id: DonationId) -> Result<bool, Error> {
    Ok(store::reservation(db, donation_id).await?.is_some_and(|reservation| reservation.state == ReservationState::Paid))
}

/// What of an item is kept for a donation at `now`, held or paid: how many, and of an item that many pay for together how much money in
/// minor units. Zero without any.
pub async fn kept_for(db: &impl ConnectionTrait, donation_id: DonationId, now: DateTime<Utc>) -> Result<(i64, i64), Error> {
    Ok(match store::reservation(db, donation_id).await? {
        Some(kept) if kept.state == ReservationState::Paid || (kept.state == ReservationState::Held && kept.expires_at > now) => {
            (kept.quantity, kept.amount_minor.unwrap_or(0))
        }
        _ => (0, 0),
    })
}

/// Frees what a donation holds, because its checkout ran out or failed. What is paid stays paid. Returns whether something was freed.
pub async fn release(tx: &DatabaseTransaction, donation_id: DonationId, now: DateTime<Utc>) -> Result<bool, Error> {
    free(tx, donation_id, ReservationState::Held, WishStepKind::Released, now).await
}

/// The payment was given back: the item that it paid for is needed again. Returns whether it was paid.
pub async fn give_back(tx: &DatabaseTransaction, donation_id: DonationId, now: DateTime<Utc>) -> Result<bool, Error> {
    free(tx, donation_id, ReservationState::Paid, WishStepKind::GivenBack, now).await
}

async fn free(
    tx: &DatabaseTransaction,
    donation_id: DonationId,
    from: ReservationState,
    step: WishStepKind,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(reservation) = store::lock_reservation(tx, donation_id).await?.filter(|held| held.state == from) else { return Ok(false) };
    note(tx, &reservation, step, now).await?;
    store::set_reservation(tx, reservation, ReservationState::Released, now).await?;
    Ok(true)
}

/// What a gift pays towards an item that many pay for together follows what the gift is worth: `worth` is that, without what covers the
/// fee. Returns whether something changed. An item that is paid whole stays paid for as long as anything is left of its gift.
pub async fn follow_worth(tx: &DatabaseTransaction, donation_id: DonationId, worth: Money, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(paid) = store::lock_reservation(tx, donation_id).await?.filter(|held| held.state == ReservationState::Paid) else {
        return Ok(false);
    };
    let Some(before) = paid.amount_minor.filter(|_| worth.minor > 0) else { return Ok(false) };
    // Others may have given meanwhile what was missing then: it grows by no more than is missing now.
    let most = match stock_of(tx, paid.wish_item_id, now).await?.funding {
        Some(funding) if worth.minor > before => before.saturating_add(funding.left().minor),
        _ => worth.minor,
    };
    let worth = Money::new(worth.minor.min(most), worth.currency);
    if worth.minor == before {
        return Ok(false);
    }
    let change = wish_reservation::Model { amount_minor: Some((before - worth.minor).abs()), ..paid.clone() };
    let step = if worth.minor < before { WishStepKind::GivenBack } else { WishStepKind::PaidLate };
    note(tx, &change, step, now).await?;
    let after = wish_reservation::Model { amount_minor: Some(worth.minor), ..paid };
    store::set_reservation(tx, after, ReservationState::Paid, now).await?;
    Ok(true)
}

/// Writes down that the holds which ran out are over; they had stopped counting by themselves. Returns how many.
pub async fn release_expired(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<u64, Error> {
    let mut ended = 0;
    for (donation_id, _) in store::expired_holds(tx, now).await? {
        let still = store::lock_reservation(tx, donation_id).await?;
        let Some(held) = still.filter(|held| held.state == ReservationState::Held && held.expires_at <= now) else { continue };
        steps::write(tx, NewStep { actor: steps::SYSTEM, ..NewStep::of(&held, WishStepKind::Released) }, now).await?;
        store::set_reservation(tx, held, ReservationState::Released, now).await?;
        ended += 1;
    }
    Ok(ended)
}

/// Whether a reservation that counts no more finds enough left.
fn fits(stock: &Stock, reservation: &wish_reservation::Model) -> bool {
    match (reservation.amount_minor, stock.funding) {
        (Some(minor), Some(funding)) => minor <= funding.left().minor,
        _ => reservation.quantity <= stock.left,
    }
}

async fn note(tx: &DatabaseTransaction, of: &wish_reservation::Model, kind: WishStepKind, now: DateTime<Utc>) -> Result<(), Error> {
    steps::write(tx, NewStep::of(of, kind), now).await
}

async fn stock_of(tx: &DatabaseTransaction, item_id: WishItemId, now: DateTime<Utc>) -> Result<Stock, Error> {
    stock(tx, &[item_id], now).await?.remove(&item_id).ok_or(Error::NotFound)
}
