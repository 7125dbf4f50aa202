//! What follows from a donation's worth: its receipt, its wish item, and the letters that tell of it.

use super::super::{path_of, receipt, settle, store};
use crate::{
    app::App,
    error::Error,
    ledger, matching,
    receipts::{self, Agreed, Ended, IssuerSettings, profiles::TaxYear},
    wishes,
};
use chrono::{DateTime, Utc};
use entity::{Money, donation, receipt as receipt_row};
use sea_orm::DatabaseTransaction;

/// Makes everything that depends on a paid donation's worth agree with what the ledger says now: the item is free again when nothing is
/// left, and the live receipt says what is left. The supporter hears of a receipt that changed. Returns whether something changed.
pub async fn agree(tx: &DatabaseTransaction, app: &App, donation: &donation::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    let covered = ledger::cover_shortfall(tx, donation.id, donation.currency, now).await?;
    if covered {
        store::note(tx, donation.id, now, "shortfall", "").await?;
    }
    let worth = ledger::worth_of(tx, donation.id, donation.currency).await?;
    let places = ledger::places_of_gift(tx, donation.id).await?;
    let for_item = places.iter().filter(|place| place.income.minor > 0).find_map(|place| place.purpose.wish_item_id);
    let item_moved = match for_item {
        _ if worth.minor < 1 => give_item_back(tx, donation, now).await?,
        Some(item) => {
            // What stands for the item: what else the gift is worth covers the fee, or is for something else since its giver chose so.
            let cover = if donation.wish_item_id == Some(item) { donation.fee_cover_minor } else { 0 };
            let held = ledger::income_for_item(&places, item, worth.currency)?;
            let towards = Money::new(held.minor.min(worth.minor - cover).max(1), worth.currency);
            take_item_again(tx, donation, now).await? | wishes::follow_worth(tx, donation.id, towards, now).await?
        }
        // What the gift is worth is for something else since its giver chose so.
        None => give_item_back(tx, donation, now).await?,
    };
    let match_moved = matching::agree(tx, donation, now).await?;
    let paid_at = donation.paid_at.unwrap_or(now);
    // Its item may be somebody else's by now.
    let item = if wishes::is_paid(tx, donation.id).await? { for_item } else { None };
    let gift = receipt::paid_gift(tx, donation, worth, item, paid_at).await?;
    let settings = IssuerSettings::from_config(&app.config);
    let why = if worth.minor < 1 { "nothing is left of the gift".to_owned() } else { format!("the gift is now worth {worth}") };
    let agreed = receipts::agree(tx, &settings, &gift, &why, now, &app.random).await?;
    tell(tx, app, donation, &agreed, now).await?;
    Ok(covered || item_moved || match_moved || agreed != Agreed::Unchanged)
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
    let giver = receipts::recipient(tx, &app.outbox, donation).await?;
    let link = app.config.link(&path_of(app, donation.id));
    let (letter, ended) = match agreed {
        Agreed::Unchanged => return Ok(()),
        Agreed::Voided(old) => {
            store::note(tx, donation.id, now, "receipt_void", &old.code).await?;
            (receipts::cancelled_letter(old, Some(&giver), Ended::Returned)?, Some(old))
        }
        Agreed::Replaced { old, new } => {
            store::note(tx, donation.id, now, "receipt_replaced", &format!("{} → {}", old.code, new.code)).await?;
            (receipts::letter(new, Some(&giver), Some(&link))?, Some(old.as_ref()))
        }
        Agreed::Restored(new) => {
            store::note(tx, donation.id, now, "receipt_restored", &new.code).await?;
            (receipts::letter(new, Some(&giver), Some(&link))?, None)
        }
    };
    // To her present address, or the one that staff named; of who has none, where she was written to last: staff may have been told one.
    let letter = match giver.email.is_empty() {
        true => receipts::as_before(tx, donation.id, letter).await?,
        false => letter,
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
    let year_of = |day| TaxYear::of_day(&receipt.profile, day).map(|year| year.year);
    year_of(receipt.gift_on) < year_of(app.today())
}
