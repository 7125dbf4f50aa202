//! Every job and schedule: what is done outside of requests.

use crate::{
    app::App, campaigns, canary, consents, donations, jobs, jobs::Outcome, matching, payouts, privacy, promises, readers, receipts,
    recurring, reports, updates,
};
use chrono::TimeDelta;
use entity::{job, words::LetterStream};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How many jobs are worked on at once.
const JOBS_AT_ONCE: u64 = 8;

/// How long the worker sleeps when nobody rings: other processes' jobs are found within it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the schedules are looked at.
const SCHEDULES_EVERY: Duration = Duration::from_secs(20);

/// Works until `stop`, and then finishes what is in its hands.
pub async fn run(app: App, stop: CancellationToken) {
    tokio::join!(work_on_jobs(&app, &stop), send_letters(&app, &stop), follow_schedules(&app, &stop));
}

/// Sleeps until the bell rings, the time is over or the end is near. Returns whether to go on.
async fn rest(app: &App, stop: &CancellationToken, most: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = app.bell.notified() => true,
        () = tokio::time::sleep(most) => true,
    }
}

async fn work_on_jobs(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match work_once(app).await {
            Ok(0) => {
                if !rest(app, stop, LOOK_EVERY).await {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "the worker cannot get its jobs");
                if !rest(app, stop, Duration::from_secs(5)).await {
                    return;
                }
            }
        }
    }
}

/// Does what is due now. Returns how many jobs that were.
pub async fn work_once(app: &App) -> Result<usize, crate::error::Error> {
    let due = jobs::lease(&app.db, app.now(), JOBS_AT_ONCE).await?;
    let count = due.len();
    let mut running = tokio::task::JoinSet::new();
    for one in due {
        let app = app.clone();
        running.spawn(async move {
            let outcome = act(&app, &one).await;
            if let Err(error) = jobs::finish(&app.db, &app.random, &one, &outcome, app.now()).await {
                tracing::error!(job_id = %one.id, %error, "a job's outcome could not be kept: it will be done again");
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a job panicked: its lease ends and it is tried again");
        }
    }
    Ok(count)
}

async fn act(app: &App, one: &job::Model) -> Outcome {
    let payload: serde_json::Value = match serde_json::from_str(&one.payload) {
        Ok(payload) => payload,
        Err(error) => return Outcome::GiveUp(format!("the payload is not JSON: {error}")),
    };
    match (one.kind.as_str(), payload["event"].as_str(), payload["recurring"].as_str()) {
        (donations::events::JOB, Some(event), _) => payouts::events::act(app, event).await,
        (donations::RECURRING_JOB, _, Some(id)) => recurring::events::look_after(app, id).await,
        (donations::ending::JOB, _, _) => donations::ending::act(app, payload["donation"].as_str().unwrap_or_default()).await,
        (privacy::address::JOB, _, _) => privacy::address::tell_stripe(app, &payload).await,
        (privacy::erase::JOB, _, _) => privacy::keep::forget_at_stripe(app, &payload).await,
        (receipts::annual::JOB, _, _) => receipts::annual::act(app, &payload).await,
        (updates::send::JOB, _, _) => updates::send::act(app, &payload).await,
        (kind, _, _) => Outcome::GiveUp(format!("no part of this version does `{kind}`")),
    }
}

/// Receipts and news leave by pumps of their own.
async fn send_letters(app: &App, stop: &CancellationToken) {
    let pump = |stream| Arc::clone(&app.outbox).send_stream(app.db.clone(), app.clock.clone(), stream, Arc::clone(&app.bell), stop.clone());
    tokio::join!(pump(LetterStream::Transactional), pump(LetterStream::Updates));
}

async fn follow_schedules(app: &App, stop: &CancellationToken) {
    // Whatever happened while nobody worked is asked for at once, however short that was.
    if is_due(app, "reconcile", TimeDelta::zero()).await {
        reconcile(app, donations::reconcile::LOOK_BACK, false).await;
    }
    loop {
        run_schedules(app).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SCHEDULES_EVERY) => {}
        }
    }
}

/// Does the recurring work that is due, once among all processes.
pub async fn run_schedules(app: &App) {
    if is_due(app, "sweep_donations", TimeDelta::minutes(1)).await
        && let Err(error) = donations::sweep(app).await
    {
        tracing::error!(%error, "overdue checkouts could not be ended");
    }
    if is_due(app, "reconcile", TimeDelta::minutes(10)).await {
        reconcile(app, donations::reconcile::LOOK_BACK, false).await;
    }
    if is_due(app, "reconcile_long", TimeDelta::hours(24)).await {
        reconcile(app, donations::reconcile::LOOK_BACK_LONG, true).await;
    }
    if is_due(app, "remind_of_cards", TimeDelta::hours(24)).await
        && let Err(error) = recurring::remind::remind(app).await
    {
        tracing::error!(%error, "supporters whose card expires could not be told");
    }
    if is_due(app, "verify", TimeDelta::hours(1)).await
        && let Err(error) = reports::verify_and_keep(app).await
    {
        tracing::error!(%error, "the books could not be verified");
    }
    if is_due(app, "statistics", TimeDelta::hours(24)).await
        && let Err(error) = app.db.gather_statistics().await
    {
        tracing::error!(%error, "the database's statistics could not be gathered");
    }
    if is_due(app, "annual_statements", TimeDelta::hours(1)).await
        && let Err(error) = receipts::annual::begin_when_due(app).await
    {
        tracing::error!(%error, "the statements of the last tax year are due and cannot be made");
    }
    if is_due(app, "carry_out_promises", TimeDelta::hours(1)).await
        && let Err(error) = promises::keep(app).await
    {
        tracing::error!(%error, "choices of givers could not be carried out");
    }
    if is_due(app, "close_campaigns", TimeDelta::minutes(1)).await
        && let Err(error) = campaigns::life::close_due(app).await
    {
        tracing::error!(%error, "campaigns whose deadline is over could not be closed");
    }
    if is_due(app, "repair_matching", TimeDelta::hours(1)).await {
        match matching::repair(app).await {
            Ok(0) => {}
            Ok(repaired) => tracing::warn!(repaired, "matching pots had drifted and were put right: see the audit trail"),
            Err(error) => tracing::error!(%error, "matching pots could not be looked after"),
        }
    }
    if is_due(app, "tend_updates", TimeDelta::seconds(15)).await
        && let Err(error) = updates::send::tend(app).await
    {
        tracing::error!(%error, "news could not be looked after");
    }
    if let Some(folder) = &app.config.mail_bounce_dir
        && is_due(app, "hear_bounces", TimeDelta::minutes(1)).await
        && let Err(error) = app.outbox.hear_maildir(&app.db, &app.clock, folder).await
    {
        tracing::error!(%error, "bounces could not be read");
    }
    if is_due(app, "forget_unconfirmed", TimeDelta::hours(24)).await
        && let Err(error) = consents::forget_unconfirmed(app).await
    {
        tracing::error!(%error, "wishes for news that nobody confirmed could not be forgotten");
    }
    forget(app).await;
    keep_canary(app).await;
    // Every process keeps its own days of readers: closing one is safe to repeat.
    match readers::counter(app).await {
        Ok(counter) => {
            if let Err(error) = counter.keep().await {
                tracing::error!(%error, "the readers' days could not be kept");
            }
        }
        Err(error) => tracing::error!(%error, "readers are not counted"),
    }
}

/// What is forgotten by itself.
async fn forget(app: &App) {
    if is_due(app, "forget_gone_letters", TimeDelta::minutes(1)).await
        && let Err(error) = privacy::keep::forget_gone_letters(app).await
    {
        tracing::error!(%error, "letters to erased supporters could not be forgotten");
    }
    if is_due(app, "finish_address_changes", TimeDelta::minutes(1)).await
        && let Err(error) = privacy::address::finish_waiting(app).await
    {
        tracing::error!(%error, "other addresses could not be given");
    }
    if is_due(app, "forget", TimeDelta::hours(24)).await {
        match privacy::keep::forget_what_is_over(app).await {
            Ok(gone) => tracing::debug!(letters = gone.letters, keys = gone.keys, supporters = gone.supporters, "forgotten"),
            Err(error) => tracing::error!(%error, "what is over could not be forgotten"),
        }
    }
}

/// The daily practice gift, and the look whether every link gave its sign.
async fn keep_canary(app: &App) {
    if app.config.canary.is_none() {
        return;
    }
    if is_due(app, "canary", canary::EVERY).await
        && let Err(error) = canary::begin(app, donations::rehearse).await
    {
        tracing::error!(%error, "the canary could not be sent out");
    }
    if is_due(app, "canary_look", TimeDelta::minutes(10)).await
        && let Err(error) = canary::look(app, donations::rehearse).await
    {
        tracing::error!(%error, "the canary could not be looked after");
    }
}

async fn is_due(app: &App, name: &'static str, every: TimeDelta) -> bool {
    jobs::begin_schedule(&app.db, &app.clock, name, every).await.unwrap_or_else(|error| {
        tracing::error!(%error, name, "a schedule could not be begun");
        false
    })
}

/// Asks Stripe what we missed since the last time that this came through, an hour of it again, and at least `look_back`.
async fn reconcile(app: &App, look_back: TimeDelta, thorough: bool) {
    let (recurring, report) = payouts::keeping::everything(app, look_back, thorough, |_, _| {}).await;
    match recurring {
        Ok(report) if report.changed > 0 || !report.unknown.is_empty() || !report.failed.is_empty() || report.unlisted.is_some() => {
            tracing::warn!(
                changed = report.changed,
                unknown = report.unknown.len(),
                failed = report.failed.len(),
                "reconciling recurring donations found differences: see them at the desk"
            );
        }
        Ok(report) => tracing::debug!(seen = report.seen, "recurring donations reconciled"),
        Err(error) => tracing::warn!(%error, "reconciling recurring donations did not come through"),
    }
    match report {
        Ok(report) if !report.is_clean() => tracing::warn!(
            refused = report.sessions.refused,
            unknown = report.sessions.unknown.len(),
            failed = report.sessions.failed.len(),
            not_posted = report.movements.not_posted.len(),
            unmapped = report.unmapped,
            unlisted = report.unlisted.len(),
            "reconciling left something for a person: see the differences at the desk"
        ),
        Ok(report) => tracing::debug!(sessions = report.sessions.seen, movements = report.movements.seen, "reconciled"),
        Err(error) => tracing::warn!(%error, "reconciling did not come through"),
    }
}
