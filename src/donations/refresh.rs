//! Asks Stripe about one donation and applies what it says, for whoever has found that something of it may be missing.

use super::{
    CLOCK_MARGIN,
    back::{self, Present},
    refunds, settle, store,
};
use crate::{app::App, error::Error, payments::StripeFailure};
use entity::{donation, ids::DonationId};

/// Brings a donation up to date with Stripe: its payment, and what came back of it. Nothing to ask about: nothing is changed.
pub async fn refresh(app: &App, id: DonationId) -> Result<settle::Applied, Error> {
    refunds::finish_asked(app, id).await?;
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    match look_up(app, &donation, true).await {
        Ok(Some(present)) => back::apply(app, id, &present).await,
        Ok(None) => Ok(settle::Applied::Unchanged),
        Err(failure) if failure.is_missing() => Ok(settle::Applied::Unchanged),
        Err(failure) => Err(Error::Unavailable(format!("Stripe did not tell how a donation stands: {failure:?}"))),
    }
}

/// What Stripe says of a donation at this moment, wherever its payment must be looked for; none when Stripe has nothing of it.
/// `is_called_for` is as for [`back::ask`].
pub(super) async fn look_up(app: &App, donation: &donation::Model, is_called_for: bool) -> Result<Option<Present>, StripeFailure> {
    let session = match &donation.checkout_session_id {
        Some(session) => Some(session.clone()),
        // A payment without a checkout of its own.
        None if donation.payment_intent_id.is_some() || donation.invoice_id.is_some() => None,
        // The answer that named the session may have been lost on its way to us.
        None => {
            let since = donation.created_at - CLOCK_MARGIN;
            match app.stripe.find_checkout_by_donation(&donation.id.to_string(), since).await? {
                Some(state) => Some(state.session_id),
                None => return Ok(None),
            }
        }
    };
    back::ask(app, donation, session.as_deref(), is_called_for).await.map(Some)
}
