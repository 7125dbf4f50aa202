//! What was paid of an item is taken out of it and put into another, when its money goes elsewhere.

use super::{
    ReserveError, Share, check_left, is_shared,
    steps::{self, NewStep},
    stock, store,
};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    ids::{DonationId, WishItemId},
    wish_reservation,
    words::{ReservationState, WishStatus, WishStepKind},
};
use sea_orm::DatabaseTransaction;

/// Takes so much of what a donation paid out of its item: pieces, or of an item that many pay for together minor units. What is left, if
/// anything, stays paid. Returns whether anything was taken out.
pub async fn take_out(tx: &DatabaseTransaction, donation_id: DonationId, share: i64, now: DateTime<Utc>) -> Result<bool, Error> {
    let paid = store::lock_reservation(tx, donation_id).await?.filter(|held| share > 0 && held.state == ReservationState::Paid);
    let Some(paid) = paid else { return Ok(false) };
    let all = paid.amount_minor.unwrap_or(paid.quantity);
    let left = (all - share).max(0);
    if left == 0 {
        steps::write(tx, NewStep::of(&paid, WishStepKind::GivenBack), now).await?;
        store::set_reservation(tx, paid, ReservationState::Released, now).await?;
        return Ok(true);
    }
    let (out, rest) = match paid.amount_minor {
        Some(_) => (
            wish_reservation::Model { amount_minor: Some(share), ..paid.clone() },
            wish_reservation::Model { amount_minor: Some(left), ..paid },
        ),
        None => (wish_reservation::Model { quantity: share, ..paid.clone() }, wish_reservation::Model { quantity: left, ..paid }),
    };
    steps::write(tx, NewStep::of(&out, WishStepKind::GivenBack), now).await?;
    store::update_reservation(tx, wish_reservation::Model { updated_at: now, ..rest }).await?;
    Ok(true)
}

/// Puts a part that was taken out of an item, and whose money came back to it, in again: pieces, or of an item that many pay for together
/// minor units. Of an item that is asked for, others may have paid for it meanwhile: then it is not. Of one that is asked for no more, that room
/// is promised to nobody. Returns whether it was.
pub async fn put_again(tx: &DatabaseTransaction, donation_id: DonationId, share: i64, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(paid) = store::lock_reservation(tx, donation_id).await?.filter(|held| held.state == ReservationState::Paid) else {
        return Ok(false);
    };
    let item = store::item(tx, paid.wish_item_id).await?.ok_or(Error::NotFound)?;
    let stock = stock(tx, &[item.id], now).await?.remove(&item.id).ok_or(Error::NotFound)?;
    let (left, out, all) = match (paid.amount_minor, stock.funding) {
        (Some(minor), Some(funding)) => (
            funding.goal.minor - funding.paid.minor - funding.held.minor,
            wish_reservation::Model { amount_minor: Some(share), ..paid.clone() },
            wish_reservation::Model { amount_minor: Some(minor + share), ..paid },
        ),
        _ => (
            stock.needed - stock.paid - stock.reserved,
            wish_reservation::Model { quantity: share, ..paid.clone() },
            wish_reservation::Model { quantity: paid.quantity + share, ..paid },
        ),
    };
    if share < 1 || (item.status == WishStatus::Open && share > left) {
        return Ok(false);
    }
    steps::write(tx, NewStep::of(&out, WishStepKind::PaidLate), now).await?;
    store::update_reservation(tx, wish_reservation::Model { updated_at: now, ..all }).await?;
    Ok(true)
}

/// Puts what was taken out of one item, all of it, into another: paid at once.
pub async fn put_in(
    tx: &DatabaseTransaction,
    donation_id: DonationId,
    item_id: WishItemId,
    share: Share,
    now: DateTime<Utc>,
) -> Result<(), ReserveError> {
    let item = check_left(tx, item_id, share, now).await?;
    let kept = store::reservation(tx, donation_id).await?.ok_or(Error::NotFound)?;
    let paid = wish_reservation::Model {
        wish_item_id: item_id,
        quantity: share.quantity,
        state: ReservationState::Paid,
        amount_minor: is_shared(&item).then_some(share.money.minor),
        updated_at: now,
        ..kept
    };
    store::update_reservation(tx, paid.clone()).await?;
    Ok(steps::write(tx, NewStep::of(&paid, WishStepKind::Paid), now).await?)
}
