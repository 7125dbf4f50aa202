//! Taking back what was entered by hand: a reversing entry, never an edit.

use super::source_of;
use crate::{
    app::App,
    donations::store,
    error::Error,
    ledger::{self, Posting},
    matching,
    receipts::{self, Ended},
    staff::{Actor, audit},
    supporters, wishes,
};
use chrono::{DateTime, Utc};
use entity::{
    donation,
    ids::DonationId,
    words::{DonationSource, DonationStatus},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::json;

/// An entry that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversed {
    /// When the reversal counts.
    pub booked_at: DateTime<Utc>,
    /// Whether it was taken back before, so that nothing was done now.
    pub already: bool,
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
    let done = app.db.write(async |tx| reverse_in(tx, app, actor, id, reason, Ended::Mistake).await).await?;
    app.bell.notify_waiters();
    Ok(done)
}

/// The same within the caller's transaction. `ended` is what who holds the receipt is told.
pub async fn reverse_in(
    tx: &DatabaseTransaction,
    app: &App,
    actor: &Actor,
    id: DonationId,
    reason: &str,
    ended: Ended,
) -> Result<Reversed, Error> {
    let now = app.now();
    let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if !can_be_reversed(&donation) {
        return Err(Error::Conflict(
            "Only a paid gift that was entered by hand is taken back like this. Give back a payment of Stripe by a refund.".to_owned(),
        ));
    }
    let entry = ledger::find_by_source(tx, &entered_as(&donation)).await?;
    let (head, sides) = entry.ok_or_else(|| Error::Internal(format!("donation {id} is not in the ledger")))?;
    let posting = Posting::reversal(&head, &sides, now)?;
    let source = posting.source.clone();
    // From where its income stands now: its giver may have chosen another purpose since.
    let is_new = ledger::post_of_gift(tx, posting, None, now).await?;
    let booked_at = ledger::find_by_source(tx, &source).await?.map_or(now, |(head, _)| head.booked_at);
    if !is_new {
        return Ok(Reversed { booked_at, already: true });
    }
    super::deposits::take_out(tx, &donation, now).await?;
    let receipt = receipts::store::issued_for_donation(tx, id).await?;
    if let Some(receipt) = &receipt {
        receipts::void(tx, receipt.id, reason).await?;
        // Who holds the receipt must know that it is worth nothing.
        if !receipts::store::letters(tx, receipt.id).await?.is_empty() {
            let giver = supporters::recipient(tx, &app.outbox, donation.supporter_id).await?;
            let letter = receipts::cancelled_letter(receipt, Some(&giver), ended)?;
            app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
        }
    }
    let item = wishes::give_back(tx, id, now).await?;
    matching::agree(tx, &donation, now).await?;
    store::note(tx, id, now, "reversed", reason).await?;
    let detail = json!({ "entry": head.id, "receipt": receipt.map(|r| r.code), "item_free_again": item });
    audit::record(tx, now, actor, "donation.reverse", "donation", &id.to_string(), detail).await?;
    Ok(Reversed { booked_at, already: false })
}
