//! Asks Stripe about one donation and applies what it says, for whoever has found that something of it may be missing.

use super::{CLOCK_MARGIN, back, refunds, settle, store};
use crate::{app::App, error::Error};
use entity::ids::DonationId;

/// Brings a donation up to date with Stripe: its payment, and what came back of it. Nothing to ask about: nothing is changed.
pub async fn refresh(app: &App, id: DonationId) -> Result<settle::Applied, Error> {
    refunds::finish_asked(app, id).await?;
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let session = match &donation.checkout_session_id {
        Some(session) => Ok(Some(session.clone())),
        // A payment without a checkout of its own: only what came back can be asked for.
        None if donation.payment_intent_id.is_some() => Ok(None),
        // The answer that named the session may have been lost on its way to us.
        None => {
            let found = app.stripe.find_checkout_by_donation(&id.to_string(), donation.created_at - CLOCK_MARGIN).await;
            found.map(|state| state.map(|state| state.session_id))
        }
    };
    let present = match session {
        Ok(None) if donation.payment_intent_id.is_none() => return Ok(settle::Applied::Unchanged),
        Ok(session) => back::ask(app, &donation, session.as_deref(), true).await,
        Err(failure) => Err(failure),
    };
    match present {
        Ok(present) => back::apply(app, id, &present).await,
        Err(failure) if failure.is_missing() => Ok(settle::Applied::Unchanged),
        Err(failure) => Err(Error::Unavailable(format!("Stripe did not tell how a donation stands: {failure:?}"))),
    }
}
