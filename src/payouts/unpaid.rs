//! Movements of our donations for which `donations` has no posting: where their money belongs.
//!
//! Stripe books a bank debit when it begins, and books it out again when it fails; a bank may take back a payment that had counted already;
//! and somebody may pay for one donation twice. All of it moves the balance, so all of it has a place in the books.

use super::{
    differences::{self, Found},
    mapping, store,
};
use crate::{
    app::App,
    donations::{self, back},
    error::Error,
    ledger::{self, Booked, OfGift, Posting},
};
use chrono::{DateTime, Utc};
use entity::{
    Money, balance_movement, donation,
    ids::DonationId,
    words::{BalanceMapping, DonationStatus},
};
use sea_orm::DatabaseTransaction;

/// Where a movement's money belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is in the ledger.
    Posted,
    /// The payment is under way; it is posted when it is decided.
    Waits,
    /// Nowhere that the program knows: a person must say.
    Nowhere,
}

/// Finds the place of a movement after Stripe was asked about its donation, and posts it where `donations` does not.
pub(super) async fn find_place(app: &App, id: &str, donation: DonationId) -> Result<Place, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let donation = donations::store::lock(tx, donation).await?.ok_or(Error::NotFound)?;
            let movement = store::lock_movement(tx, id).await?.ok_or(Error::NotFound)?;
            place(tx, app, &movement, &donation, now).await
        })
        .await
}

async fn place(
    tx: &DatabaseTransaction,
    app: &App,
    movement: &balance_movement::Model,
    donation: &donation::Model,
    now: DateTime<Utc>,
) -> Result<Place, Error> {
    let id = movement.id.as_str();
    if mapping::is_posted_here(movement.mapped_to) {
        return Ok(Place::Posted);
    }
    if !store::posted(tx, &[id]).await?.is_empty() {
        let (detail, done) = (format!("It was not in the ledger; donation {}.", donation.id), "Stripe was asked again; it is posted.");
        differences::note(tx, Found { kind: differences::NOT_POSTED, object: id, detail: &detail, done: Some(done) }, now).await?;
        return Ok(Place::Posted);
    }
    let is_payment = matches!(movement.category.as_str(), "charge" | "charge_failure");
    let is_another = donation.charge_id.as_ref().is_some_and(|charge| *charge != movement.source_id && is_charge(&movement.source_id));
    match donation.status {
        DonationStatus::Processing if is_payment && !is_another => Ok(Place::Waits),
        DonationStatus::Failed | DonationStatus::Expired if is_payment => {
            let detail = format!("A payment for donation {} did not come through.", donation.id);
            put_aside(tx, movement, &detail, Some("Stripe books it in and out again: it is beside the gifts."), now).await
        }
        DonationStatus::Paid if is_payment && is_another => {
            let detail =
                format!("A second payment for donation {}, which is paid: give it back in Stripe, or ask the supporter.", donation.id);
            put_aside(tx, movement, &detail, None, now).await
        }
        DonationStatus::Paid if movement.category == "charge_failure" => take_income_back(tx, app, movement, donation, now).await,
        _ => {
            let detail = format!("Donation {} has no posting for it, although Stripe was asked.", donation.id);
            differences::note(tx, Found { kind: differences::NOT_POSTED, object: id, detail: &detail, done: None }, now).await?;
            Ok(Place::Nowhere)
        }
    }
}

fn is_charge(id: &str) -> bool {
    id.starts_with("ch_") || id.starts_with("py_")
}

/// Posts a payment that is no gift beside the gifts, so that the balance stays whole.
async fn put_aside(
    tx: &DatabaseTransaction,
    movement: &balance_movement::Model,
    detail: &str,
    done: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Place, Error> {
    mapping::map_to(tx, movement, BalanceMapping::Other, now).await?;
    differences::settle(tx, differences::NOT_POSTED, &movement.id, "It is posted beside the gifts.", now).await?;
    differences::note(tx, Found { kind: differences::PUT_ASIDE, object: &movement.id, detail, done }, now).await?;
    Ok(Place::Posted)
}

/// The bank took back a payment that had counted: the gift's income goes with it, and everything that depends on what it is worth.
async fn take_income_back(
    tx: &DatabaseTransaction,
    app: &App,
    movement: &balance_movement::Model,
    donation: &donation::Model,
    now: DateTime<Utc>,
) -> Result<Place, Error> {
    let gift = OfGift { donation_id: donation.id, purpose: ledger::purpose_of_gift(tx, donation.id).await?.unwrap_or_default() };
    let money = |minor| Money::new(minor, movement.currency);
    let booked = Booked { id: &movement.id, gross: money(movement.gross_minor), fee: money(movement.fee_minor), at: movement.occurred_at };
    // In the currency of the gift. What was given back of it before is lost beside that, which `agree` writes down as a cost.
    let taken = if booked.gross.currency == donation.currency {
        booked.gross.negated()?
    } else {
        Money::new(donation.amount_minor, donation.currency)
    };
    let mut posting = Posting::refund(gift, taken, booked)?;
    posting.source = format!("{}:charge_failure", movement.id);
    ledger::post_of_gift(tx, posting, None, now).await?;
    donations::store::note(tx, donation.id, now, "payment_returned", &movement.id).await?;
    back::agree(tx, app, donation, now).await?;
    let detail = format!("The bank took back the payment of donation {}, which had counted.", donation.id);
    let done = "Its income is taken back, and its receipt is void.";
    differences::note(tx, Found { kind: differences::MISSED, object: &donation.id.to_string(), detail: &detail, done: Some(done) }, now)
        .await?;
    Ok(Place::Posted)
}
