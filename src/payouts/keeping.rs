//! Reconciling, by itself and by command: everything is asked for, what differed is written down, and it is kept when that last came through.

use super::{
    differences::{self, Found},
    lists::{self, Unlisted},
    reconcile::{self, OUTCOME, Report},
};
use crate::{
    app::App,
    error::Error,
    recurring::{self, By, Refreshed},
    staff::outcomes,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    donation,
    ids::{DonationId, RecurringId},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

/// The name under which it is kept when the recurring gifts were last asked for.
const OF_RECURRING: &str = "reconcile_recurring";

/// The names under which it is kept since when runs of each kind have failed.
fn failing_of(name: &str) -> &'static str {
    if name == OUTCOME { "reconcile_failing" } else { "reconcile_recurring_failing" }
}

/// How long ago Stripe may have been asked for everything: six runs.
pub const ASKED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// Since when nobody has asked Stripe for everything and been answered, where that is longer than [`ASKED_WITHIN`]. Nothing where it was never
/// tried.
pub async fn overdue(app: &App) -> Result<Option<DateTime<Utc>>, Error> {
    let db = app.db.read();
    let mut since: Option<DateTime<Utc>> = None;
    for name in [OUTCOME, OF_RECURRING] {
        let well = outcomes::last(db, name).await?.map(|last| last.began_at);
        let asked = match well {
            Some(well) => Some(well),
            None => outcomes::last(db, failing_of(name)).await?.map(|failing| failing.began_at),
        };
        since = [since, asked].into_iter().flatten().min();
    }
    Ok(since.filter(|since| app.now() - *since > ASKED_WITHIN))
}

/// Keeps since when runs have failed, unless they did before this one already.
async fn keep_failing(app: &App, name: &'static str, began: DateTime<Utc>) -> Result<(), Error> {
    let (db, failing_name) = (app.db.read(), failing_of(name));
    let failing = outcomes::last(db, failing_name).await?.map(|failing| failing.began_at);
    let well = outcomes::last(db, name).await?.map(|last| last.began_at);
    if failing.is_some_and(|failing| well.is_none_or(|well| failing > well)) {
        return Ok(());
    }
    keep(app, failing_name, false, "did not come through", began).await
}

async fn keep(app: &App, name: &'static str, ok: bool, summary: &str, began: DateTime<Utc>) -> Result<(), Error> {
    let ended = app.now();
    app.db.write(async |tx| outcomes::keep(tx, outcomes::Kept { name, ok, summary, report: "{}", began, ended }).await).await
}

/// Keeps what became of a run that began then: that it came through, where `told` says so and how, or since when none does.
async fn keep_outcome<T>(
    app: &App,
    name: &'static str,
    began: DateTime<Utc>,
    outcome: Result<T, Error>,
    told: impl FnOnce(&T) -> Option<(bool, String)>,
) -> Result<T, Error> {
    let told = outcome.as_ref().ok().and_then(told);
    match told {
        Some((ok, summary)) => keep(app, name, ok, &summary, began).await?,
        None => keep_failing(app, name, began).await?,
    }
    outcome
}

/// Asks Stripe for everything that was missed, and keeps what became of it: of recurring gifts first, so that the movements of renewals find
/// their donations. One that does not come through keeps nothing from the other.
pub async fn everything(
    app: &App,
    look_back: TimeDelta,
    thorough: bool,
    progress: impl Fn(u64, u64),
) -> (Result<recurring::reconcile::Report, Error>, Result<Report, Error>) {
    (recurring_and_keep(app, look_back, thorough).await, run(app, look_back, progress).await)
}

/// Refuses a key that is not live where any gift is: test payments would come into the books, and the mark from which live runs go on would
/// move.
pub(super) async fn refuse_test_key(app: &App) -> Result<(), Error> {
    if app.stripe.livemode() {
        return Ok(());
    }
    let live = donation::Entity::find().select_only().column(donation::Column::Id).filter(donation::Column::Livemode.eq(true)).limit(1);
    if live.into_tuple::<DonationId>().one(app.db.read()).await?.is_none() {
        return Ok(());
    }
    let why = "STRIPE_SECRET_KEY is not a live key, and there are live gifts in this database: Stripe was asked nothing. \
               Give the live key, or another database.";
    Err(Error::Invalid(why.to_owned()))
}

/// Asks for what was missed of recurring gifts, writes down what differed, and keeps that it came through.
pub async fn recurring_and_keep(app: &App, look_back: TimeDelta, thorough: bool) -> Result<recurring::reconcile::Report, Error> {
    refuse_test_key(app).await?;
    let began = app.now();
    let outcome = recurring_since(app, began - look_back, thorough).await;
    keep_outcome(app, OF_RECURRING, began, outcome, |report| {
        let is_clean = report.unknown.is_empty() && report.failed.is_empty();
        report.unlisted.is_none().then(|| (is_clean, "recurring gifts".to_owned()))
    })
    .await
}

async fn recurring_since(app: &App, since: DateTime<Utc>, thorough: bool) -> Result<recurring::reconcile::Report, Error> {
    let report = recurring::reconcile::reconcile(app, since, thorough).await?;
    let unlisted: Vec<Unlisted> = report.unlisted.iter().map(|failure| Unlisted::new(lists::SUBSCRIPTIONS, failure)).collect();
    lists::write_down(app, &[lists::SUBSCRIPTIONS], &unlisted).await?;
    write_down(app, &report).await?;
    settle_what_is_over(app, &report).await?;
    Ok(report)
}

async fn write_down(app: &App, report: &recurring::reconcile::Report) -> Result<(), Error> {
    let missed = format!("Stripe knew more of it than we did on {}.", app.today());
    let unknown = "It names a recurring gift that is not here. Was a backup restored, or does another installation use the account?";
    let failed = "What Stripe has of it could not be applied, or does not fit; its story says why, or the log.";
    let (mended, mut all) = (Some("Brought up to date."), Vec::new());
    all.extend(report.caught_up.iter().map(|object| Found { kind: differences::MISSED_GIFT, object, detail: &missed, done: mended }));
    all.extend(report.unknown.iter().map(|object| Found { kind: differences::UNKNOWN_GIFT, object, detail: unknown, done: None }));
    all.extend(report.failed.iter().map(|object| Found { kind: differences::FAILED_GIFT, object, detail: failed, done: None }));
    differences::note_all(app, &all).await
}

/// Asks again about gifts that could not be brought up to date before, and settles those that can by now.
async fn settle_what_is_over(app: &App, report: &recurring::reconcile::Report) -> Result<(), Error> {
    for found in differences::open_of(app.db.read(), differences::FAILED_GIFT).await? {
        let Ok(id) = found.object_id.parse::<RecurringId>() else { continue };
        if report.failed.contains(&found.object_id) || report.unlisted.is_some() {
            continue;
        }
        if let Ok(Refreshed::Changed | Refreshed::Unchanged) = recurring::refresh(app, id, &By::Stripe).await {
            let now = app.now();
            app.db.write(async |tx| differences::end(tx, found.clone(), "It is up to date.", now).await).await?;
        }
    }
    Ok(())
}

/// Reconciles all but recurring gifts, and keeps what became of it.
pub async fn reconcile_and_keep(app: &App, look_back: TimeDelta) -> Result<Report, Error> {
    run(app, look_back, |_, _| {}).await
}

/// Reconciles since the last run that came through, overlapping it, and at least `look_back`; then keeps when it began, so that the next
/// run goes on from there however long nobody worked in between. A run to which Stripe did not give a list has not come through, and the
/// balance and the payouts, which have marks of their own, go on from these.
async fn run(app: &App, look_back: TimeDelta, progress: impl Fn(u64, u64)) -> Result<Report, Error> {
    refuse_test_key(app).await?;
    let began = app.now();
    let missed = outcomes::last(app.db.read(), OUTCOME).await?.map(|last| last.began_at - reconcile::OVERLAP);
    let outcome = reconcile::reconcile_what_was_missed(app, missed, began - look_back, progress).await;
    keep_outcome(app, OUTCOME, began, outcome, |report| {
        let summary = || format!("{} sessions, {} movements, {} payouts", report.sessions.seen, report.movements.seen, report.payouts.seen);
        report.came_through().then(|| (report.is_clean(), summary()))
    })
    .await
}
