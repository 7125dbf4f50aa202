//! What a supporter and staff do with a recurring donation: another amount, a pause, its end, another card. Stripe is asked first; what
//! it then says is what holds. Staff's changes are in the audit trail.

use super::{By, refresh, store, tell};
use crate::{app::App, asks, clock::start_of_day, error::Error, payments::StripeFailure, staff::audit};
use chrono::{DateTime, Months, NaiveDate, Utc};
use entity::{Money, ids::RecurringId, recurring_donation, words::RecurringStatus};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use serde_json::json;

/// The longest pause that can be set, in months.
pub const PAUSE_MONTHS_MAX: u32 = 24;

/// The longest reason that is kept.
pub const REASON_CHARACTERS_MAX: usize = 1_000;

/// Charges another amount from the next payment on.
///
/// # Errors
/// [`Error::Invalid`] when the amount is outside the limits or in another currency; [`Error::Conflict`] when the gift has ended.
pub async fn change_amount(app: &App, by: &By, id: RecurringId, money: Money) -> Result<(), Error> {
    let (gift, subscription) = running(app, id).await?;
    let limits = asks::limits(&app.config, gift.currency);
    if money.currency != gift.currency {
        return Err(Error::Invalid("The currency of a recurring donation cannot change.".to_owned()));
    }
    if !(limits.min.minor..=limits.max.minor).contains(&money.minor) {
        return Err(Error::Invalid(format!("The amount must be from {} to {}.", limits.min, limits.max)));
    }
    // Compared with what Stripe charges, not with what we last heard: somebody may have changed it there.
    let state = app.stripe.fetch_subscription(&subscription).await.map_err(|failure| tell(&failure))?;
    if state.amount != Some(money) {
        let before = state.amount.map(|amount| amount.minor);
        let detail = json!({ "before": before, "after": money.minor, "currency": money.currency });
        audited(app, by, "recurring.change_amount", id, detail, app.stripe.change_amount(&state, money)).await?;
    }
    refresh(app, id, by).await.map(|_| ())
}

/// When a pause until this day ends: at the beginning of the day in the organisation's zone. Nothing when the day is not in reach.
pub fn pause_end(app: &App, day: NaiveDate) -> Option<DateTime<Utc>> {
    let last = app.today().checked_add_months(Months::new(PAUSE_MONTHS_MAX))?;
    (day > app.today() && day <= last).then(|| start_of_day(app.config.org_timezone, day))
}

/// Charges nothing until `until`, or until it is resumed. What would have been charged in that time is not made up for.
pub async fn pause(app: &App, by: &By, id: RecurringId, until: Option<DateTime<Utc>>) -> Result<(), Error> {
    let (_, subscription) = running(app, id).await?;
    audited(app, by, "recurring.pause", id, json!({ "until": until }), app.stripe.pause(&subscription, until)).await?;
    refresh(app, id, by).await.map(|_| ())
}

/// Charges again from the next payment on.
pub async fn resume(app: &App, by: &By, id: RecurringId) -> Result<(), Error> {
    let (_, subscription) = running(app, id).await?;
    audited(app, by, "recurring.resume", id, json!({}), app.stripe.resume(&subscription)).await?;
    refresh(app, id, by).await.map(|_| ())
}

/// Ends it: nothing more is charged. `reason` may be empty; only staff see it, and Stripe never does. The wish is written down first: when
/// Stripe does not answer, or this program dies, it is carried out as soon as may be. Returns whether it has ended already.
///
/// # Errors
/// [`Error::Conflict`] when it has ended before, or Stripe refuses.
pub async fn end(app: &App, by: &By, id: RecurringId, reason: &str) -> Result<bool, Error> {
    running(app, id).await?;
    let now = app.now();
    let reason: String = reason.trim().chars().take(REASON_CHARACTERS_MAX).collect();
    app.db
        .write(async |tx| {
            let mut row = store::lock(tx, id).await?.ok_or(Error::NotFound)?.into_active_model();
            row.asked_end = Set(by.as_str().to_owned());
            row.end_note = Set(reason.clone());
            row.updated_at = Set(now);
            row.update(tx).await?;
            record(tx, now, by, "recurring.end", id, json!({ "reason_given": !reason.is_empty() })).await
        })
        .await?;
    match refresh(app, id, by).await {
        Ok(_) => Ok(true),
        Err(Error::Unavailable(why)) => {
            tracing::warn!(recurring_id = %id, why, "a recurring donation is ended as soon as Stripe answers");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// A page of Stripe's on which another card is given; it leads back to `back`, a path of ours.
pub async fn card_page(app: &App, id: RecurringId, back: &str) -> Result<String, Error> {
    let (gift, _) = running(app, id).await?;
    let customer = gift.customer_id.ok_or_else(|| Error::Conflict("This donation has no card yet.".to_owned()))?;
    app.stripe.card_page(&customer, &app.config.link(back)).await.map_err(|failure| tell(&failure))
}

/// Staff ask Stripe how it stands.
pub async fn ask_stripe(app: &App, by: &By, id: RecurringId) -> Result<super::Refreshed, Error> {
    let came = refresh(app, id, &By::Stripe).await?;
    audit(app, by, "recurring.ask_stripe", id, json!({ "answer": format!("{came:?}") })).await?;
    Ok(came)
}

async fn running(app: &App, id: RecurringId) -> Result<(recurring_donation::Model, String), Error> {
    let gift = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    if gift.status == RecurringStatus::Ended {
        return Err(Error::Conflict("This recurring donation has ended.".to_owned()));
    }
    match gift.subscription_id.clone() {
        Some(subscription) => Ok((gift, subscription)),
        None => Err(Error::Conflict("The first payment of this recurring donation has not come yet.".to_owned())),
    }
}

async fn audit(app: &App, by: &By, action: &str, id: RecurringId, detail: serde_json::Value) -> Result<(), Error> {
    let now = app.now();
    app.db.write(async |tx| record(tx, now, by, action, id, detail.clone()).await).await
}

async fn record(
    tx: &DatabaseTransaction,
    now: DateTime<Utc>,
    by: &By,
    action: &str,
    id: RecurringId,
    detail: serde_json::Value,
) -> Result<(), Error> {
    let By::Staff(actor) = by else { return Ok(()) };
    audit::record(tx, now, actor, action, "recurring_donation", &id.to_string(), detail).await
}

/// Asks Stripe for a change that is in the trail before it is made, because afterwards this program might not be there to write it down.
/// What was refused, or whose fate is unknown, is in the trail too.
async fn audited<T>(
    app: &App,
    by: &By,
    action: &str,
    id: RecurringId,
    detail: serde_json::Value,
    asked: impl Future<Output = Result<T, StripeFailure>>,
) -> Result<T, Error> {
    audit(app, by, action, id, detail).await?;
    match asked.await {
        Ok(done) => Ok(done),
        Err(failure) => {
            audit(app, by, &format!("{action}.failed"), id, json!({ "unknown": failure.outcome_unknown() })).await?;
            Err(tell(&failure))
        }
    }
}
