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
use std::collections::{BTreeMap, BTreeSet};

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
    // Each with what of it is not known here yet, as Stripe has it.
    let mut behind: BTreeMap<DonationId, BTreeSet<String>> = BTreeMap::new();
    for id in back::store::unfinished(db, app.now() - IN_FLIGHT, ROUND).await? {
        behind.entry(id).or_default();
    }
    let refunds = lists::or_note(lists::REFUNDS, app.stripe.refunds_since(since).await, &mut returned.unlisted)?;
    for refund in refunds.unwrap_or_default() {
        returned.seen += 1;
        let Some(donation) = owner_of(app, refund.payment_intent_id.as_deref(), refund.charge_id.as_deref()).await? else { continue };
        let known = back::store::refund_by_stripe_id(db, &refund.refund_id).await?;
        if known.is_none_or(|known| known.state != refund.state) {
            behind.entry(donation.id).or_default().insert(format!("{} {}", refund.refund_id, refund.state));
        }
    }
    let disputes = lists::or_note(lists::DISPUTES, app.stripe.disputes_since(since).await, &mut returned.unlisted)?;
    for dispute in disputes.unwrap_or_default() {
        returned.seen += 1;
        let Some(donation) = owner_of(app, dispute.payment_intent_id.as_deref(), Some(&dispute.charge_id)).await? else { continue };
        let known = back::store::dispute_by_stripe_id(db, &dispute.dispute_id).await?;
        if known.is_none_or(|known| known.stripe_status != dispute.status) {
            behind.entry(donation.id).or_default().insert(format!("{} {}", dispute.dispute_id, dispute.status));
        }
    }
    if !returned.unlisted.is_empty() {
        return Ok(returned);
    }
    let mut agreeing = Vec::new();
    for id in behind.keys().copied() {
        match donations::refresh(app, id).await {
            Ok(Applied::Changed) => {
                returned.changed.push(id);
                agreeing.push(id.to_string());
            }
            Ok(Applied::Refused(_)) => returned.refused.push(id),
            Ok(Applied::Unchanged) => agreeing.push(id.to_string()),
            // One whose answer was overtaken is asked about again in the next run, unless it agrees by then.
            Ok(Applied::Overtaken) => {}
            // One that cannot be brought up to date must not keep the others from it; it is looked at again in the next run.
            Err(error) => {
                tracing::error!(donation_id = %id, %error, "a donation could not be brought up to date");
                returned.failed.push(id);
            }
        }
    }
    write_down(app, &returned, &behind).await?;
    differences::end_all(app, [differences::REFUSED, differences::FAILED], &agreeing, "It agrees with Stripe.").await?;
    Ok(returned)
}

async fn owner_of(app: &App, intent: Option<&str>, charge: Option<&str>) -> Result<Option<donation::Model>, Error> {
    let ids: Vec<&str> = [intent, charge].into_iter().flatten().collect();
    if ids.is_empty() { Ok(None) } else { Ok(donations::store::find_by_stripe_object(app.db.read(), &ids).await?) }
}

async fn write_down(app: &App, returned: &Returned, behind: &BTreeMap<DonationId, BTreeSet<String>>) -> Result<(), Error> {
    // Each says of what it is, so that the next one of the same donation is another, also where a person has settled the first.
    let of = |id: &DonationId| behind.get(id).into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
    let said = |id: &DonationId, words: &str| match of(id).join(", ") {
        of if of.is_empty() => words.to_owned(),
        of => format!("{words} ({of})"),
    };
    let mut all: Vec<(&'static str, String, String, Option<&str>)> = Vec::new();
    let missed = format!("Stripe knew more of its refunds and disputes than we did on {}.", app.today());
    all.extend(returned.changed.iter().map(|id| (differences::MISSED, id.to_string(), said(id, &missed), Some("Brought up to date."))));
    let refused = "What Stripe has of it does not fit the donation; its story says why.";
    let failed = "What Stripe has of it could not be applied; the log says why.";
    for (kind, words, ids) in [(differences::REFUSED, refused, &returned.refused), (differences::FAILED, failed, &returned.failed)] {
        for id in ids {
            let object = id.to_string();
            // What was told of before may be too old to be listed again: that is no other difference.
            let known = differences::find(app.db.read(), kind, &object).await?.map(|known| known.detail).unwrap_or_default();
            let is_told =
                (known == words || (known.starts_with(words) && known.ends_with(')'))) && of(id).iter().all(|one| known.contains(one));
            all.push((kind, object, if is_told { known } else { said(id, words) }, None));
        }
    }
    let found: Vec<_> = all.iter().map(|(kind, object, detail, done)| Found { kind, object, detail, done: *done }).collect();
    differences::note_all(app, &found).await
}
