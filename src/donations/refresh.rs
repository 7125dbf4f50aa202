//! Asks Stripe about one donation and applies what it says, for whoever has found that something of it may be missing.

use super::{CLOCK_MARGIN, settle, store};
use crate::{app::App, error::Error};
use entity::ids::DonationId;

/// Brings a donation up to date with Stripe. Nothing to ask about: nothing is changed.
pub async fn refresh(app: &App, id: DonationId) -> Result<settle::Applied, Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let state = match &donation.checkout_session_id {
        Some(session) => app.stripe.fetch_checkout(session).await.map(Some),
        // The answer that named the session may have been lost on its way to us.
        None => app.stripe.find_checkout_by_donation(&id.to_string(), donation.created_at - CLOCK_MARGIN).await,
    };
    match state {
        Ok(Some(state)) => settle::apply(app, id, &state).await,
        Ok(None) => Ok(settle::Applied::Unchanged),
        Err(failure) if failure.is_missing() => Ok(settle::Applied::Unchanged),
        Err(failure) => Err(Error::Unavailable(format!("Stripe did not tell how a donation stands: {failure:?}"))),
    }
}
