//! Ends what ran out: checkouts that nobody paid, holds on wish items that are over.

use super::{CLOCK_MARGIN, back, settle, store};
use crate::{app::App, error::Error, wishes};
use entity::{
    donation,
    words::{DonationSource, DonationStatus},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

/// How many are read at once.
const ROUND: u64 = 100;

/// Ends pending donations whose checkout ran out, after asking Stripe about those that reached it, and frees holds. Returns how many ended.
pub async fn sweep(app: &App) -> Result<u64, Error> {
    let now = app.now();
    let (mut ended, mut last) = (0, None);
    loop {
        let round = store::overdue(app.db.read(), now, last, ROUND).await?;
        for donation in &round {
            // One that cannot be looked at must not keep the others waiting.
            match end_overdue(app, donation).await {
                Ok(done) => ended += u64::from(done),
                Err(error) => tracing::error!(donation_id = %donation.id, %error, "an overdue checkout could not be ended"),
            }
        }
        last = round.last().map(|donation| donation.id);
        if last.is_none() {
            break;
        }
    }
    app.db.write(async |tx| wishes::release_expired(tx, now).await).await?;
    Ok(ended)
}

async fn end_overdue(app: &App, donation: &donation::Model) -> Result<bool, Error> {
    if donation.source == DonationSource::Manual {
        return expire(app, donation, "no bank transfer was matched with it in time").await;
    }
    let state = match &donation.checkout_session_id {
        Some(session) => app.stripe.fetch_checkout(session).await.map(Some),
        // The answer that named the session may have been lost on its way to us.
        None => app.stripe.find_checkout_by_donation(&donation.id.to_string(), donation.created_at - CLOCK_MARGIN).await,
    };
    match state {
        Ok(Some(state)) => {
            let changed = settle::apply(app, donation.id, &state).await? == settle::Applied::Changed;
            if state.came_back && state.is_paid() {
                bring_back(app, donation, &state.session_id).await?;
            }
            Ok(changed)
        }
        Ok(None) => expire(app, donation, "Stripe never had a checkout for it").await,
        Err(failure) if failure.is_missing() => expire(app, donation, "Stripe has no such checkout").await,
        Err(failure) => {
            tracing::warn!(donation_id = %donation.id, ?failure, "an overdue checkout could not be looked up");
            Ok(false)
        }
    }
}

/// What came back of a payment that we hear of only now.
async fn bring_back(app: &App, donation: &donation::Model, session: &str) -> Result<(), Error> {
    match back::ask(app, donation, Some(session), true).await {
        Ok(present) => back::apply(app, donation.id, &present).await.map(|_| ()),
        Err(failure) => {
            tracing::warn!(donation_id = %donation.id, ?failure, "Stripe did not tell what came back: reconcile asks again");
            Ok(())
        }
    }
}

async fn expire(app: &App, donation: &donation::Model, why: &str) -> Result<bool, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let Some(current) = store::lock(tx, donation.id).await? else { return Ok(false) };
            if current.status != DonationStatus::Pending {
                return Ok(false);
            }
            let mut row = current.into_active_model();
            row.status = Set(DonationStatus::Expired);
            row.checkout_url = Set(None);
            row.updated_at = Set(now);
            row.update(tx).await?;
            wishes::release(tx, donation.id, now).await?;
            store::note(tx, donation.id, now, "expired", why).await?;
            Ok(true)
        })
        .await
}
