//! The live receipt says what the gift is worth. When money came back it is void, or void and replaced; never edited.

use super::{Change, IssuerSettings, PaidGift, issue, replace, store, void};
use crate::{clock::Random, error::Error};
use chrono::{DateTime, Utc};
use entity::receipt;
use sea_orm::DatabaseTransaction;

/// What became of a gift's receipt.
#[derive(Clone, Debug, PartialEq)]
pub enum Agreed {
    /// It says what the gift is worth, or the gift never had one.
    Unchanged,
    /// Nothing of the gift is left: the receipt is void.
    Voided(receipt::Model),
    /// Something else is left: the old one is void and a new one stands in its place.
    Replaced {
        /// The one that is no longer valid.
        old: Box<receipt::Model>,
        /// The one that is.
        new: Box<receipt::Model>,
    },
    /// The gift had lost its receipt and is worth something again.
    Restored(receipt::Model),
}

/// Makes the live receipt of a gift agree with `worth.amount`, what is left of it. `why` stands on the receipt that is no longer valid.
/// A gift that never had a receipt gets none.
pub async fn agree(
    tx: &DatabaseTransaction,
    settings: &IssuerSettings,
    worth: &PaidGift,
    why: &str,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<Agreed, Error> {
    let Some(old) = store::issued_for_donation(tx, worth.donation_id).await? else {
        let had_one = !store::find_by_donation(tx, worth.donation_id).await?.is_empty();
        if worth.amount.minor < 1 || !had_one {
            return Ok(Agreed::Unchanged);
        }
        return Ok(Agreed::Restored(issue(tx, settings, worth, now, random).await?));
    };
    if worth.amount.minor == old.amount_minor && worth.amount.currency == old.currency {
        return Ok(Agreed::Unchanged);
    }
    if worth.amount.minor < 1 {
        void(tx, old.id, why).await?;
        return Ok(Agreed::Voided(store::find(tx, old.id).await?));
    }
    // Her name and address as they stand on the old one: staff may have corrected them.
    let change = Change { amount: Some(worth.amount), ..Change::default() };
    let new = replace(tx, settings, old.id, &change, why, now, random).await?;
    Ok(Agreed::Replaced { old: Box::new(store::find(tx, old.id).await?), new: Box::new(new) })
}
