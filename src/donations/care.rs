//! What staff do with one donation: send its receipt again, ask Stripe how it stands. Both are in the audit trail.

use super::{back, refresh::look_up, settle, store};
use crate::{
    app::App,
    error::Error,
    receipts::{self, Elsewhere},
    staff::{Actor, audit},
};
use entity::ids::{DonationId, LetterId};
use serde_json::json;

/// Sends the valid receipt once more, where letters about it go or to another address. The receipt stays the same; the answer is the new letter.
pub async fn resend_receipt(app: &App, actor: &Actor, id: DonationId, elsewhere: Option<Elsewhere<'_>>) -> Result<LetterId, Error> {
    let now = app.now();
    let letter = app
        .db
        .write(async |tx| {
            // Under the donation's lock, so that a refund cannot end the receipt meanwhile.
            store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            let receipt = receipts::store::issued_for_donation(tx, id).await?;
            let receipt = receipt.ok_or_else(|| Error::Conflict("This donation has no valid receipt to send.".to_owned()))?;
            let letter = receipts::resend(tx, &app.outbox, receipt.id, elsewhere, app.new_id(), now).await?;
            // The address itself stays out of the trail, which is kept for ever.
            let detail = json!({ "receipt": receipt.code, "letter": letter, "other_address": elsewhere.is_some(), "from_now_on": elsewhere.is_some_and(|to| to.from_now_on) });
            audit::record(tx, now, actor, "receipt.resend", "donation", &id.to_string(), detail).await?;
            Ok(letter)
        })
        .await?;
    app.bell.notify_waiters();
    Ok(letter)
}

/// What Stripe said when staff asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The donation was brought up to date.
    Changed,
    /// Nothing was new.
    Unchanged,
    /// Stripe has no checkout of this donation.
    NoCheckout,
    /// What Stripe has does not fit the donation; the story says why.
    Refused,
}

impl Answer {
    /// The word for it in addresses and in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "stripe-changed",
            Self::Unchanged => "stripe-unchanged",
            Self::NoCheckout => "stripe-none",
            Self::Refused => "stripe-refused",
        }
    }
}

/// Asks Stripe how the donation stands, and brings it up to date.
pub async fn ask_stripe(app: &App, actor: &Actor, id: DonationId) -> Result<Answer, Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let answer = match look_up(app, &donation, true).await {
        Ok(Some(present)) => match back::apply(app, id, &present).await? {
            settle::Applied::Changed => Answer::Changed,
            settle::Applied::Unchanged | settle::Applied::Overtaken => Answer::Unchanged,
            settle::Applied::Refused(_) => Answer::Refused,
        },
        Ok(None) => Answer::NoCheckout,
        Err(failure) if failure.is_missing() => Answer::NoCheckout,
        Err(failure) => return Err(Error::Unavailable(format!("Stripe did not tell how a checkout stands: {failure:?}"))),
    };
    let now = app.now();
    app.db
        .write(async |tx| {
            audit::record(tx, now, actor, "donation.ask_stripe", "donation", &id.to_string(), json!({ "answer": answer.as_str() })).await
        })
        .await?;
    Ok(answer)
}
