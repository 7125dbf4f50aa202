//! What follows from a donation's worth: its receipt, its wish item, and the letters that tell of it.

use super::super::{path_of, receipt, settle, store};
use crate::{
    app::App,
    error::Error,
    ledger,
    receipts::{self, Agreed, Ended, IssuerSettings},
    wishes,
};
use chrono::{DateTime, Datelike, Utc};
use entity::{donation, receipt as receipt_row};
use sea_orm::DatabaseTransaction;

/// Makes everything that depends on a paid donation's worth agree with what the ledger says now: the item is free again when nothing is
/// left, and the live receipt says what is left. The supporter hears of a receipt that changed. Returns whether something changed.
pub async fn agree(tx: &DatabaseTransaction, app: &App, donation: &donation::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    let worth = ledger::worth_of(tx, donation.id, donation.currency).await?;
    let purpose = ledger::purpose_of_gift(tx, donation.id).await?.unwrap_or_default();
    let item_moved = if worth.minor < 1 {
        give_item_back(tx, donation, now).await?
    } else if purpose.wish_item_id.is_some() {
        take_item_again(tx, donation, now).await?
    } else {
        false
    };
    let paid_at = donation.paid_at.unwrap_or(now);
    let gift = receipt::paid_gift(tx, donation, worth, purpose.wish_item_id, paid_at).await?;
    let settings = IssuerSettings::from_config(&app.config);
    let why = if worth.minor < 1 { "the gift was given back".to_owned() } else { format!("a part was given back: {worth} is left") };
    let agreed = receipts::agree(tx, &settings, &gift, &why, now, &app.random).await?;
    tell(tx, app, donation, &agreed, now).await?;
    Ok(item_moved || agreed != Agreed::Unchanged)
}

async fn give_item_back(tx: &DatabaseTransaction, donation: &donation::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    let moved = wishes::give_back(tx, donation.id, now).await?;
    if moved {
        store::note(tx, donation.id, now, "item_given_back", "").await?;
    }
    Ok(moved)
}

/// The gift is worth something again after its item was freed: it is taken again where enough is left.
async fn take_item_again(tx: &DatabaseTransaction, donation: &donation::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    if wishes::is_paid(tx, donation.id).await? {
        return Ok(false);
    }
    match wishes::pay(tx, donation.id, now).await? {
        wishes::Outcome::NoItem => Ok(false),
        wishes::Outcome::PaidLate { counted: false } => {
            settle::note_once(tx, donation.id, now, "item_paid_late", "the item was gone: the gift stays with its fund").await?;
            Ok(false)
        }
        wishes::Outcome::Paid | wishes::Outcome::PaidLate { counted: true } => {
            store::note(tx, donation.id, now, "item_taken_again", "").await?;
            Ok(true)
        }
    }
}

async fn tell(tx: &DatabaseTransaction, app: &App, donation: &donation::Model, agreed: &Agreed, now: DateTime<Utc>) -> Result<(), Error> {
    let (letter, ended) = match agreed {
        Agreed::Unchanged => return Ok(()),
        Agreed::Voided(old) => {
            store::note(tx, donation.id, now, "receipt_void", &old.code).await?;
            (receipts::cancelled_letter(old, Ended::Returned)?, Some(old))
        }
        Agreed::Replaced { old, new } => {
            store::note(tx, donation.id, now, "receipt_replaced", &format!("{} → {}", old.code, new.code)).await?;
            (receipts::letter(new, Some(&app.config.link(&path_of(app, donation.id))))?, Some(old))
        }
        Agreed::Restored(new) => {
            store::note(tx, donation.id, now, "receipt_restored", &new.code).await?;
            (receipts::letter(new, Some(&app.config.link(&path_of(app, donation.id))))?, None)
        }
    };
    if let Some(old) = ended.filter(|old| is_of_earlier_year(app, old)) {
        store::note(tx, donation.id, now, "receipt_of_earlier_year", &old.code).await?;
    }
    if !letter.to_address.is_empty() {
        app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
    }
    Ok(())
}

/// Whether a receipt may have been used for the taxes of a year that is over: then more than a letter may be needed.
pub fn is_of_earlier_year(app: &App, receipt: &receipt_row::Model) -> bool {
    receipt.gift_on.year() < app.today().year()
}
