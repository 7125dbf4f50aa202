//! Taking back what was entered by hand: a reversing entry, never an edit.

use super::{deposits, source_of};
use crate::{
    app::App,
    donations::{back::is_of_earlier_year, store, taken::moment_of},
    error::Error,
    ledger::{self, Posting},
    matching,
    receipts::{self, Ended},
    staff::{Actor, audit},
    wishes,
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    donation,
    ids::DonationId,
    promise_choice,
    words::{Account, DonationSource, DonationStatus},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde_json::json;

/// An entry that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversed {
    /// When the reversal counts.
    pub booked_at: DateTime<Utc>,
    /// Whether it was taken back before, so that nothing was done now.
    pub already: bool,
}

/// How money that came by hand was given back by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBack {
    /// On which day.
    pub on: NaiveDate,
    /// From where it was paid: the cash box, or the bank.
    pub from: Account,
    /// In which way, in finance's words.
    pub how: String,
}

/// Whether a donation may be taken back by hand: it was entered by hand or came from another system's file, and is paid. What Stripe
/// holds is given back by a refund.
pub fn can_be_reversed(donation: &donation::Model) -> bool {
    let is_ours =
        donation.source == DonationSource::Manual || (donation.source == DonationSource::Imported && donation.charge_id.is_none());
    is_ours && donation.status == DonationStatus::Paid
}

/// What the ledger knows the entry of a donation by.
fn entered_as(donation: &donation::Model) -> String {
    match donation.source {
        DonationSource::Imported => crate::donations::import::source_of(donation.id),
        _ => source_of(donation.id),
    }
}

/// What the ledger knows the entry by that takes a donation back.
pub fn reversal_of(donation: &donation::Model) -> String {
    format!("{}:reversal", entered_as(donation))
}

/// Whether it was taken back.
pub async fn is_reversed(db: &impl ConnectionTrait, donation: &donation::Model) -> Result<bool, Error> {
    Ok(ledger::find_by_source(db, &reversal_of(donation)).await?.is_some())
}

/// Takes an entry back: the ledger's other way round, today; the receipt void; the item needed again; the reason in the story and the
/// trail. Twice is once.
pub async fn reverse(app: &App, actor: &Actor, id: DonationId, reason: &str) -> Result<Reversed, Error> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::Invalid("Say why the gift is taken back: finance will ask.".to_owned()));
    }
    let done = app.db.write(async |tx| reverse_in(tx, app, actor, id, reason, None).await).await?;
    app.bell.notify_waiters();
    Ok(done)
}

/// The gift was no mistake, and its giver has her money back: the same within the caller's transaction, on the day on which it was given back.
pub async fn give_back_in(tx: &DatabaseTransaction, app: &App, actor: &Actor, id: DonationId, back: &GivenBack) -> Result<Reversed, Error> {
    let from = if back.from == Account::Bank { "the bank" } else { "the cash box" };
    let reason = format!("given back on {} from {from}: {}", back.on, back.how);
    reverse_in(tx, app, actor, id, &reason, Some(back)).await
}

async fn reverse_in(
    tx: &DatabaseTransaction,
    app: &App,
    actor: &Actor,
    id: DonationId,
    reason: &str,
    given_back: Option<&GivenBack>,
) -> Result<Reversed, Error> {
    let now = app.now();
    let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if !can_be_reversed(&donation) {
        return Err(Error::Conflict(
            "Only a paid gift that was entered by hand is taken back like this. Give back a payment of Stripe by a refund.".to_owned(),
        ));
    }
    if given_back.is_none() && is_being_given_back(tx, id).await? {
        return Err(Error::Conflict(
            "The money of this gift is being given back to its giver: record that under “Promises”, or say there that it is not."
                .to_owned(),
        ));
    }
    let entry = ledger::find_by_source(tx, &entered_as(&donation)).await?;
    let (head, sides) = entry.ok_or_else(|| Error::Internal(format!("donation {id} is not in the ledger")))?;
    let day = given_back.map(|back| moment_of(back.on, app.config.org_timezone, now));
    let posting = Posting::reversal(&head, &sides, day.map_or(now, |day| day.max(head.occurred_at)))?;
    let (source, at) = (posting.source.clone(), posting.occurred_at);
    // From where its income stands now: its giver may have chosen another purpose since.
    let is_new = ledger::post_of_gift(tx, posting, None, now).await?;
    let booked_at = ledger::find_by_source(tx, &source).await?.map_or(now, |(head, _)| head.booked_at);
    if !is_new {
        return Ok(Reversed { booked_at, already: true });
    }
    match given_back {
        Some(back) => {
            let kept = sides.iter().find(|side| side.account != Account::Donations).map_or(back.from, |side| side.account);
            deposits::pay_from(tx, &donation, back.from, kept, &source, at, now).await?;
        }
        None => deposits::take_out(tx, &donation, now).await?,
    }
    let receipt = end_receipt(tx, app, &donation, reason, given_back.map_or(Ended::Mistake, |_| Ended::Returned)).await?;
    let item = wishes::give_back(tx, id, now).await?;
    matching::agree(tx, &donation, now).await?;
    store::note(tx, id, now, "reversed", reason).await?;
    let detail = json!({ "entry": head.id, "receipt": receipt, "item_free_again": item });
    audit::record(tx, now, actor, "donation.reverse", "donation", &id.to_string(), detail).await?;
    Ok(Reversed { booked_at, already: false })
}

/// Whether finance has said that it is giving the money of a gift back by hand, because its item cannot be bought.
async fn is_being_given_back(tx: &DatabaseTransaction, id: DonationId) -> Result<bool, Error> {
    use promise_choice::Column;
    let find = promise_choice::Entity::find().filter(Column::DonationId.eq(id)).filter(Column::CarriedAt.is_null());
    Ok(find.filter(Column::ReturningAt.is_not_null()).one(tx).await?.is_some())
}

/// Makes the receipt void, if there is one, and tells who holds it that it is worth nothing. Returns its code.
async fn end_receipt(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    reason: &str,
    ended: Ended,
) -> Result<Option<String>, Error> {
    let now = app.now();
    let Some(receipt) = receipts::store::issued_for_donation(tx, donation.id).await? else { return Ok(None) };
    receipts::void(tx, receipt.id, reason).await?;
    if is_of_earlier_year(app, &receipt) {
        store::note(tx, donation.id, now, "receipt_of_earlier_year", &receipt.code).await?;
    }
    if !receipts::store::letters(tx, receipt.id).await?.is_empty() {
        let giver = receipts::recipient(tx, &app.outbox, donation).await?;
        let mut letter = receipts::cancelled_letter(&receipt, Some(&giver), ended)?;
        if giver.email.is_empty() {
            letter = receipts::as_before(tx, donation.id, letter).await?;
        }
        if !letter.to_address.is_empty() {
            app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
        }
    }
    Ok(Some(receipt.code))
}
