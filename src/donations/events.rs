//! Stripe's events: stored with their job in one transaction, acknowledged, then acted on by asking Stripe how things stand.

use super::{back, settle, store};
use crate::{
    app::App,
    error::Error,
    jobs::{self, NewJob, Outcome},
    payments::{
        event::{Event, OF_GIFTS},
        nameless,
    },
};
use entity::{donation, ids::DonationId, stripe_event};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

/// The kind of the job that acts on an event.
pub const JOB: &str = "act_on_stripe_event";

/// Whether an event of this type says that money comes back.
fn is_of_money_back(kind: &str) -> bool {
    kind.starts_with("charge.refund") || kind.starts_with("refund.") || kind.starts_with("charge.dispute.")
}

/// Stores a verified event and its job, all or nothing. Returns whether it was new.
pub async fn receive(app: &App, event: &Event, body: &str) -> Result<bool, Error> {
    let now = app.now();
    let donation_id: Option<DonationId> = event.donation_id.as_deref().and_then(|id| id.parse().ok());
    let new = app
        .db
        .write(async |tx| {
            let row = stripe_event::ActiveModel {
                id: Set(event.id.clone()),
                event_type: Set(event.kind.clone()),
                api_version: Set(event.api_version.clone().unwrap_or_default()),
                livemode: Set(event.livemode),
                object_id: Set(event.object_id.clone().unwrap_or_default()),
                donation_id: Set(donation_id),
                // What it tells of a person is not used, so it is not kept.
                payload: Set(nameless::without_persons(body).into_owned()),
                received_at: Set(now),
                outcome: Set("waiting".to_owned()),
                settled_at: Set(None),
                stripped_at: Set(Some(now)),
            };
            let quiet = OnConflict::column(stripe_event::Column::Id).do_nothing().to_owned();
            if stripe_event::Entity::insert(row).on_conflict(quiet).exec_without_returning(tx).await? == 0 {
                return Ok(false);
            }
            let job = NewJob {
                kind: JOB,
                payload: serde_json::json!({ "event": event.id }),
                dedupe_key: Some(format!("event:{}", event.id)),
                run_at: now,
            };
            jobs::enqueue(tx, app.new_id(), job, now).await?;
            Ok(true)
        })
        .await?;
    if new {
        app.bell.notify_waiters();
    }
    Ok(new)
}

/// The job: acts on a stored event.
pub async fn act(app: &App, event_id: &str) -> Outcome {
    match act_on(app, event_id).await {
        Ok(outcome) => outcome,
        Err(error) => error.into(),
    }
}

async fn act_on(app: &App, event_id: &str) -> Result<Outcome, Error> {
    let Some(row) = stripe_event::Entity::find_by_id(event_id).one(app.db.read()).await? else {
        return Ok(Outcome::GiveUp("the event is not there".to_owned()));
    };
    if !OF_GIFTS.contains(&row.event_type.as_str()) {
        return conclude(app, &row, None, "left alone: not a type that we act on").await;
    }
    let Ok(event) = Event::parse(row.payload.as_bytes()) else {
        return conclude(app, &row, None, "refused: not understood").await;
    };
    let Some(donation) = find_donation(app, &event).await? else {
        return conclude(app, &row, None, "left alone: not one of our donations").await;
    };
    let session = donation.checkout_session_id.clone().or_else(|| event.session_id().map(str::to_owned));
    if session.is_none() && donation.payment_intent_id.is_none() {
        return Ok(Outcome::Retry("the event came before the answer that names the session".to_owned()));
    }
    let is_called_for = is_of_money_back(&event.kind) || back::store::has_any(app.db.read(), donation.id).await?;
    let present = match back::ask(app, &donation, session.as_deref(), is_called_for).await {
        Ok(present) => present,
        Err(failure) if failure.outcome_unknown() => {
            return Ok(Outcome::Retry(format!("Stripe did not tell how things stand: {failure:?}")));
        }
        Err(failure) => return Ok(Outcome::GiveUp(format!("Stripe refused to tell how things stand: {failure:?}"))),
    };
    match back::apply(app, donation.id, &present).await? {
        settle::Applied::Refused(why) => conclude(app, &row, Some(donation.id), &format!("refused: {why}")).await,
        // Refunds and disputes are asked for one after the other: the older of two answers may know something that the newer does not.
        settle::Applied::Overtaken => Ok(Outcome::Retry("a newer answer of Stripe was applied meanwhile".to_owned())),
        settle::Applied::Changed | settle::Applied::Unchanged => conclude(app, &row, Some(donation.id), "applied").await,
    }
}

/// Ours are those that carry our metadata, or whose object we know; everything else on the account is left alone.
async fn find_donation(app: &App, event: &Event) -> Result<Option<donation::Model>, Error> {
    if let Some(id) = event.donation_id.as_deref().and_then(|id| id.parse().ok())
        && let Some(found) = store::find(app.db.read(), id).await?
    {
        return Ok(Some(found));
    }
    let ids = [event.object_id.as_deref(), event.payment_intent_id.as_deref(), event.charge_id.as_deref()];
    let ids: Vec<&str> = ids.into_iter().flatten().collect();
    Ok(store::find_by_stripe_object(app.db.read(), &ids).await?)
}

/// Writes down what became of an event: `applied`, or why not.
pub(crate) async fn conclude(
    app: &App,
    event: &stripe_event::Model,
    donation: Option<DonationId>,
    outcome: &str,
) -> Result<Outcome, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let mut change = stripe_event::Entity::update_many()
                .col_expr(stripe_event::Column::Outcome, Expr::value(outcome))
                .col_expr(stripe_event::Column::SettledAt, Expr::value(Some(now)))
                .filter(stripe_event::Column::Id.eq(&event.id));
            if let Some(id) = donation {
                change = change.col_expr(stripe_event::Column::DonationId, Expr::value(Some(id.0)));
            }
            change.exec(tx).await?;
            Ok(Outcome::Done)
        })
        .await
}
