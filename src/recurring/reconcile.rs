//! Asks Stripe what we missed of recurring donations: renewals, failures, ends whose events were lost. Doing it again writes nothing.

use super::{By, Refreshed, refresh, store, tell};
use crate::{app::App, donations, error::Error, payments::StripeFailure};
use chrono::{DateTime, TimeDelta, Utc};
use entity::ids::RecurringId;

/// How many are read at once.
const ROUND: u64 = 100;

/// How long after its end somebody may still pay an invoice of a gift, by the page that Stripe mailed her.
const PAID_AFTER_END: TimeDelta = TimeDelta::days(35);

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many gifts Stripe was asked about.
    pub seen: u64,
    /// How many of them changed.
    pub changed: u64,
    /// Which those are.
    pub caught_up: Vec<String>,
    /// Subscriptions that name a gift which is not here (a restored backup, another installation on the same account).
    pub unknown: Vec<String>,
    /// Gifts that could not be looked at; the log says why.
    pub failed: Vec<String>,
    /// Why Stripe did not list its subscriptions: nothing was compared then.
    pub unlisted: Option<StripeFailure>,
}

/// Looks at the subscriptions that were made since `since` and at the gifts about which something is awaited; at all that have not ended,
/// or ended lately, when it is `thorough`.
///
/// # Errors
/// When Stripe does not answer.
pub async fn reconcile(app: &App, since: DateTime<Utc>, thorough: bool) -> Result<Report, Error> {
    let mut report = Report::default();
    let listed = match app.stripe.all_subscriptions(since).await {
        Ok(listed) => listed,
        Err(failure) if failure.may_pass() => return Err(tell(&failure)),
        Err(failure) => {
            tracing::error!(%failure, "Stripe did not list its subscriptions");
            report.unlisted = Some(failure);
            return Ok(report);
        }
    };
    for subscription in listed {
        let Some(id) = subscription.recurring_id.as_deref().and_then(|id| id.parse::<RecurringId>().ok()) else { continue };
        match store::find(app.db.read(), id).await? {
            None => {
                tracing::error!(subscription_id = subscription.id, "Stripe has a subscription of a recurring donation that is not here");
                report.unknown.push(subscription.id);
            }
            Some(gift) if gift.subscription_id.is_none() => look_at(app, id, &mut report).await?,
            Some(_) => {}
        }
    }
    let (now, mut last) = (app.now(), None);
    let abandoned = now - donations::CHECKOUT_LASTS;
    let ended = thorough.then(|| now - PAID_AFTER_END);
    loop {
        let round = store::to_look_at(app.db.read(), now, abandoned, ended, last, ROUND).await?;
        for gift in &round {
            look_at(app, gift.id, &mut report).await?;
        }
        last = round.last().map(|gift| gift.id);
        if last.is_none() {
            return Ok(report);
        }
    }
}

async fn look_at(app: &App, id: RecurringId, report: &mut Report) -> Result<(), Error> {
    report.seen += 1;
    match refresh(app, id, &By::Stripe).await {
        Ok(Refreshed::Changed) => {
            report.changed += 1;
            report.caught_up.push(id.to_string());
        }
        Ok(Refreshed::Refused(_)) => report.failed.push(id.to_string()),
        Ok(Refreshed::Unchanged | Refreshed::NotBegun) => {}
        Err(Error::Unavailable(why)) => return Err(Error::Unavailable(why)),
        // One that cannot be looked at must not keep the others from being found.
        Err(error) => {
            tracing::error!(recurring_id = %id, %error, "a recurring donation could not be looked at");
            report.failed.push(id.to_string());
        }
    }
    Ok(())
}
