//! Ends what ran out: checkouts that nobody paid, holds on wish items that are over.

use super::{back, ending, refresh::look_up, settle, store};
use crate::{app::App, error::Error, matching, wishes};
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
    matching::release_expired(app).await?;
    wishes::orders::expire(app).await?;
    wishes::orders::tell_late(app).await?;
    ending::conclude_left(app).await?;
    Ok(ended)
}

async fn end_overdue(app: &App, donation: &donation::Model) -> Result<bool, Error> {
    if donation.source == DonationSource::Manual {
        return expire(app, donation, "no bank transfer was matched with it in time").await;
    }
    match look_up(app, donation, false).await {
        Ok(Some(present)) => Ok(back::apply(app, donation.id, &present).await? == settle::Applied::Changed),
        Ok(None) => expire(app, donation, "Stripe never had a checkout for it").await,
        Err(failure) if failure.is_missing() => expire(app, donation, "Stripe has no such checkout").await,
        Err(failure) => {
            tracing::warn!(donation_id = %donation.id, ?failure, "an overdue checkout could not be looked up");
            Ok(false)
        }
    }
}

/// Ends a pending donation that Stripe knows nothing of.
pub(super) async fn expire(app: &App, donation: &donation::Model, why: &str) -> Result<bool, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let Some(current) = store::lock(tx, donation.id).await? else { return Ok(false) };
            if current.status != DonationStatus::Pending {
                return Ok(false);
            }
            let mut row = current.clone().into_active_model();
            row.status = Set(DonationStatus::Expired);
            row.checkout_url = Set(None);
            row.updated_at = Set(now);
            row.update(tx).await?;
            wishes::release(tx, donation.id, now).await?;
            matching::release(tx, &current, now).await?;
            store::note(tx, donation.id, now, "expired", why).await?;
            Ok(true)
        })
        .await
}
