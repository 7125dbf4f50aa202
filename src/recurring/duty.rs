//! What was asked of Stripe and is not done yet, or what Stripe leaves undone by itself: an end that got lost in a crash, a new card that only
//! the customer has, payments that are still tried during a pause. Whoever looks at a gift does it.

use super::{store, tell};
use crate::{
    app::App,
    error::Error,
    payments::{InvoiceState, InvoiceStatus, StripeFailure, SubscriptionState, SubscriptionStatus},
};
use entity::recurring_donation;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

/// Does what is still to be done. Returns whether anything was, so that Stripe is to be asked anew. Doing it twice is doing it once.
///
/// # Errors
/// [`Error::Unavailable`] when Stripe does not answer: it stays to be done. [`Error::Conflict`] when Stripe refuses to end the gift.
pub(super) async fn carry_out(
    app: &App,
    gift: &recurring_donation::Model,
    state: &SubscriptionState,
    invoices: &[InvoiceState],
) -> Result<bool, Error> {
    if matches!(state.status, SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired) {
        return Ok(false);
    }
    if !gift.asked_end.is_empty() {
        return end(app, gift, &state.id).await.map(|()| true);
    }
    let mut done = false;
    if let Some(card) = &state.new_card {
        use_card(app, state, invoices, card).await?;
        done = true;
    }
    if state.collection_paused {
        done |= void_what_waits(app, invoices).await?;
    }
    Ok(done)
}

async fn end(app: &App, gift: &recurring_donation::Model, subscription: &str) -> Result<(), Error> {
    let failure = match app.stripe.cancel(subscription).await {
        Ok(()) => return Ok(()),
        // It is over already: the state says so.
        Err(failure) if failure.is_missing() => return Ok(()),
        Err(failure) => failure,
    };
    if !failure.outcome_unknown() {
        // Asking again would change nothing: whoever asked is told now, and it is not asked for any more.
        let now = app.now();
        app.db
            .write(async |tx| {
                let mut row = store::lock(tx, gift.id).await?.ok_or(Error::NotFound)?.into_active_model();
                row.asked_end = Set(String::new());
                row.updated_at = Set(now);
                row.update(tx).await?;
                Ok(())
            })
            .await?;
    }
    Err(tell(&failure))
}

/// Pays what waits by the new card, and has the subscription use it from now on. In this order, because after a crash in between the card is
/// still a new one; asked twice, Stripe charges once.
async fn use_card(app: &App, state: &SubscriptionState, invoices: &[InvoiceState], card: &str) -> Result<(), Error> {
    let newest = invoices.iter().rev().find(|invoice| matches!(invoice.status, InvoiceStatus::Open | InvoiceStatus::Draft));
    let waiting = match (state.status, newest) {
        _ if state.collection_paused => None,
        (SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid, Some(invoice)) if invoice.status == InvoiceStatus::Open => Some(invoice),
        // Stripe has stopped trying: the newest payment is a draft until somebody makes it final (docs.stripe.com/billing/subscriptions/overview).
        (SubscriptionStatus::Unpaid, Some(draft)) => {
            said_or_refused(app.stripe.finalize_invoice(&draft.id).await)?;
            Some(draft)
        }
        _ => None,
    };
    if let Some(invoice) = waiting {
        // A card that does not pay is told by the invoice.
        said_or_refused(app.stripe.pay_invoice(&invoice.id, card).await)?;
    }
    app.stripe.use_card(&state.id, card).await.map_err(|failure| tell(&failure))
}

/// A pause keeps Stripe from charging what comes, not from trying again what failed before it
/// (docs.stripe.com/billing/subscriptions/pause-payment). Nothing is charged during a pause.
async fn void_what_waits(app: &App, invoices: &[InvoiceState]) -> Result<bool, Error> {
    let mut done = false;
    for invoice in invoices.iter().filter(|invoice| invoice.status == InvoiceStatus::Open && invoice.next_try.is_some()) {
        done |= said_or_refused(app.stripe.void_invoice(&invoice.id).await)?;
    }
    Ok(done)
}

/// Whether Stripe did it. A refusal is an answer too: what is refused is not asked for again and again in one go.
fn said_or_refused(answer: Result<(), StripeFailure>) -> Result<bool, Error> {
    match answer {
        Ok(()) => Ok(true),
        Err(failure) if failure.outcome_unknown() => Err(tell(&failure)),
        Err(failure) => {
            tracing::info!(%failure, "Stripe refused what a recurring donation waits for");
            Ok(false)
        }
    }
}
