//! Refunds and disputes that we have not heard of: found by Stripe's lists, brought up to date by `donations`.

use super::{
    differences::{self, Found},
    lists::{self, Unlisted},
};
use crate::{
    app::App,
    donations::{self, back, settle::Applied},
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{donation, ids::DonationId};
use std::collections::BTreeSet;

/// How long a refund that was asked for may be on its way to Stripe before it is asked for again.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(2);

/// How many donations whose refund or dispute is not over are asked about in one run.
const ROUND: u64 = 1_000;

/// What looking for refunds and disputes came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// How many refunds and disputes Stripe has since then.
    pub seen: u64,
    /// Donations that changed.
    pub changed: Vec<DonationId>,
    /// Donations of which Stripe tells what does not fit: staff are shown why.
    pub refused: Vec<DonationId>,
    /// Donations that could not be brought up to date; the log says why.
    pub failed: Vec<DonationId>,
    /// Which lists Stripe did not give: nothing is brought up to date then, because what came back of a gift is judged by both.
    pub unlisted: Vec<Unlisted>,
}

/// Compares Stripe's refunds and disputes since `since`, and earlier ones that are not over, with ours.
pub async fn look_for(app: &App, since: DateTime<Utc>) -> Result<Returned, Error> {
    let db = app.db.read();
    let mut returned = Returned::default();
    let mut behind: BTreeSet<DonationId> = back::store::unfinished(db, app.now() - IN_FLIGHT, ROUND).await?.into_iter().collect();
    let refunds = lists::or_note(lists::REFUNDS, app.stripe.refunds_since(since).await, &mut returned.unlisted)?;
    for refund in refunds.unwrap_or_default() {
        returned.seen += 1;
        let Some(donation) = owner_of(app, refund.payment_intent_id.as_deref(), refund.charge_id.as_deref()).await? else { continue };
        let known = back::store::refund_by_stripe_id(db, &refund.refund_id).await?;
        if known.is_none_or(|known| known.state != refund.state) {
            behind.insert(donation.id);
        }
    }
    let disputes = lists::or_note(lists::DISPUTES, app.stripe.disputes_since(since).await, &mut returned.unlisted)?;
    for dispute in disputes.unwrap_or_default() {
        returned.seen += 1;
        let Some(donation) = owner_of(app, dispute.payment_intent_id.as_deref(), Some(&dispute.charge_id)).await? else { continue };
        let known = back::store::dispute_by_stripe_id(db, &dispute.dispute_id).await?;
        if known.is_none_or(|known| known.stripe_status != dispute.status) {
            behind.insert(donation.id);
        }
    }
    if !returned.unlisted.is_empty() {
        return Ok(returned);
    }
    for id in behind {
        match donations::refresh(app, id).await {
            Ok(Applied::Changed) => returned.changed.push(id),
            Ok(Applied::Refused(_)) => returned.refused.push(id),
            // One whose answer was overtaken is asked about again in the next run, unless it agrees by then.
            Ok(Applied::Unchanged | Applied::Overtaken) => {}
            // One that cannot be brought up to date must not keep the others from it; it is looked at again in the next run.
            Err(error) => {
                tracing::error!(donation_id = %id, %error, "a donation could not be brought up to date");
                returned.failed.push(id);
            }
        }
    }
    write_down(app, &returned).await?;
    Ok(returned)
}

async fn owner_of(app: &App, intent: Option<&str>, charge: Option<&str>) -> Result<Option<donation::Model>, Error> {
    let ids: Vec<&str> = [intent, charge].into_iter().flatten().collect();
    if ids.is_empty() { Ok(None) } else { Ok(donations::store::find_by_stripe_object(app.db.read(), &ids).await?) }
}

async fn write_down(app: &App, returned: &Returned) -> Result<(), Error> {
    if returned.changed.is_empty() && returned.refused.is_empty() && returned.failed.is_empty() {
        return Ok(());
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            for id in &returned.changed {
                let (object, detail) = (id.to_string(), "Stripe knew more of its refunds and disputes than we did.");
                let found = Found { kind: differences::MISSED, object: &object, detail, done: Some("Brought up to date.") };
                differences::note(tx, found, now).await?;
            }
            for id in &returned.refused {
                let (object, detail) = (id.to_string(), "What Stripe has of it does not fit the donation; its story says why.");
                differences::note(tx, Found { kind: differences::REFUSED, object: &object, detail, done: None }, now).await?;
            }
            for id in &returned.failed {
                let (object, detail) = (id.to_string(), "What Stripe has of it could not be applied; the log says why.");
                differences::note(tx, Found { kind: differences::FAILED, object: &object, detail, done: None }, now).await?;
            }
            Ok(())
        })
        .await
}
