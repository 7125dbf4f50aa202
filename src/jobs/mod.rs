//! Work that outlives a request: a table, leases, retries, schedules.
//!
//! A job is written in the transaction of what causes it, and is done at least once: each must come out the same when
//! done again. Any number of processes may work on one PostgreSQL; a lease, not a held transaction, keeps them apart.

use crate::{
    clock::{Clock, Random},
    db::{Db, is_unique_violation},
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{ids::JobId, job, schedule};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType, OnConflict},
};

/// How long a worker may hold a job before another takes it over.
const LEASE: TimeDelta = TimeDelta::seconds(120);

/// How often a job is tried before it is given up and shown to staff.
pub const ATTEMPTS_MAX: i64 = 12;

/// What became of one attempt at a job, said at each place where it can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and removed.
    Done,
    /// It may work later; says why it did not now.
    Retry(String),
    /// It will never work; says why. Staff see it.
    GiveUp(String),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(why) | Error::TooMany(why) | Error::Internal(why) => Self::Retry(why),
            other => Self::GiveUp(other.to_string()),
        }
    }
}

/// A job to be written.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Which work.
    pub kind: &'static str,
    /// What it needs: ids only.
    pub payload: serde_json::Value,
    /// At most one waiting job bears it.
    pub dedupe_key: Option<String>,
    /// Not before.
    pub run_at: DateTime<Utc>,
}

/// Writes a job in the caller's transaction; one whose key waits already is not written again.
pub async fn enqueue(tx: &impl ConnectionTrait, id: JobId, new: NewJob, now: DateTime<Utc>) -> Result<(), Error> {
    let row = job::ActiveModel {
        id: Set(id),
        kind: Set(new.kind.to_owned()),
        payload: Set(new.payload.to_string()),
        dedupe_key: Set(new.dedupe_key),
        run_at: Set(new.run_at),
        attempts: Set(0),
        lease_until: Set(None),
        last_error: Set(String::new()),
        given_up_at: Set(None),
        created_at: Set(now),
    };
    let quiet = OnConflict::column(job::Column::DedupeKey).do_nothing().to_owned();
    job::Entity::insert(row).on_conflict(quiet).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes up to `most` due jobs, so that no other worker takes them before the lease ends. A job whose every worker ended without a word,
/// as if it had killed them, is given up.
pub async fn lease(db: &Db, now: DateTime<Utc>, most: u64) -> Result<Vec<job::Model>, Error> {
    db.write(async |tx| {
        let given_up = job::Entity::update_many()
            .col_expr(job::Column::GivenUpAt, Expr::value(Some(now)))
            .col_expr(job::Column::LastError, Expr::value("every worker that took it ended without a word"))
            .filter(job::Column::GivenUpAt.is_null())
            .filter(job::Column::Attempts.gte(ATTEMPTS_MAX))
            .filter(job::Column::LeaseUntil.lte(now))
            .exec(tx)
            .await?;
        if given_up.rows_affected > 0 {
            tracing::error!(jobs = given_up.rows_affected, "jobs were given up: every worker that took them ended without a word");
        }
        let due = job::Entity::find()
            .filter(job::Column::GivenUpAt.is_null())
            .filter(job::Column::RunAt.lte(now))
            .filter(job::Column::LeaseUntil.is_null().or(job::Column::LeaseUntil.lte(now)))
            .order_by_asc(job::Column::RunAt)
            .order_by_asc(job::Column::Id)
            .limit(most)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(tx)
            .await?;
        let ids: Vec<JobId> = due.iter().map(|j| j.id).collect();
        if !ids.is_empty() {
            job::Entity::update_many()
                .col_expr(job::Column::LeaseUntil, Expr::value(now + LEASE))
                .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
                .filter(job::Column::Id.is_in(ids))
                .exec(tx)
                .await?;
        }
        Ok(due.into_iter().map(|j| job::Model { attempts: j.attempts + 1, ..j }).collect())
    })
    .await
}

/// Writes down what became of a leased job.
pub async fn finish(db: &Db, random: &Random, done: &job::Model, outcome: &Outcome, now: DateTime<Utc>) -> Result<(), Error> {
    let give_up = |why: &str| (Some(now), why.to_owned(), now);
    let (given_up_at, last_error, run_at) = match outcome {
        Outcome::Done => {
            return db.write(async |tx| job::Entity::delete_by_id(done.id).exec(tx).await.map(|_| ()).map_err(Error::from)).await;
        }
        Outcome::GiveUp(why) => give_up(why),
        Outcome::Retry(why) if done.attempts >= ATTEMPTS_MAX => give_up(why),
        Outcome::Retry(why) => (None, why.clone(), now + wait_before(done.attempts, random.fraction())),
    };
    if given_up_at.is_some() {
        tracing::error!(job_id = %done.id, kind = done.kind, why = last_error, "a job was given up");
    }
    db.write(async |tx| {
        job::Entity::update_many()
            .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
            .col_expr(job::Column::LastError, Expr::value(shorten(&last_error)))
            .col_expr(job::Column::GivenUpAt, Expr::value(given_up_at))
            .col_expr(job::Column::RunAt, Expr::value(run_at))
            .filter(job::Column::Id.eq(done.id))
            // Who lost the lease has no say any more.
            .filter(job::Column::Attempts.eq(done.attempts))
            .exec(tx)
            .await?;
        Ok(())
    })
    .await
}

/// Five seconds, doubled with every attempt up to an hour, spread by up to a quarter.
fn wait_before(attempts: i64, fraction: f64) -> TimeDelta {
    let seconds = std::cmp::Ord::min(5_i64 << (attempts - 1).clamp(0, 10), 3_600);
    TimeDelta::milliseconds(seconds * 1_000 + (seconds as f64 * 250.0 * fraction) as i64)
}

fn shorten(text: &str) -> String {
    text.chars().take(500).collect()
}

/// Lets a job that was given up be tried again.
pub async fn retry(tx: &impl ConnectionTrait, id: JobId, now: DateTime<Utc>) -> Result<(), Error> {
    let changed = job::Entity::update_many()
        .col_expr(job::Column::GivenUpAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(job::Column::Attempts, Expr::value(0))
        .col_expr(job::Column::RunAt, Expr::value(now))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::GivenUpAt.is_not_null())
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// Lets the job of this key be tried again, where it was given up at `until` or before.
pub async fn revive(tx: &impl ConnectionTrait, key: &str, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
    job::Entity::update_many()
        .col_expr(job::Column::GivenUpAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(job::Column::Attempts, Expr::value(0))
        .col_expr(job::Column::RunAt, Expr::value(now))
        .filter(job::Column::DedupeKey.eq(key))
        .filter(job::Column::GivenUpAt.lte(until))
        .exec(tx)
        .await?;
    Ok(())
}

/// What the jobs of this kind that are not given up need.
pub async fn waiting(db: &impl ConnectionTrait, kind: &str) -> Result<Vec<serde_json::Value>, Error> {
    let mine = job::Entity::find().filter(job::Column::Kind.eq(kind)).filter(job::Column::GivenUpAt.is_null());
    let payloads: Vec<String> = mine.select_only().column(job::Column::Payload).into_tuple().all(db).await?;
    Ok(payloads.iter().filter_map(|payload| serde_json::from_str(payload).ok()).collect())
}

/// Whether work that is done once and never again is to be begun: true for the first transaction only that asks by this name and commits.
pub async fn begin_once(tx: &impl ConnectionTrait, name: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let first = schedule::ActiveModel { name: Set(name.to_owned()), last_run_at: Set(now) };
    let quiet = OnConflict::column(schedule::Column::Name).do_nothing().to_owned();
    Ok(schedule::Entity::insert(first).on_conflict(quiet).exec_without_returning(tx).await? == 1)
}

/// Whether recurring work is due, and this process, of many, is to do it: the time is written by whoever is first.
pub async fn begin_schedule(db: &Db, clock: &Clock, name: &'static str, every: TimeDelta) -> Result<bool, Error> {
    let now = clock.now();
    db.write(async |tx| {
        let first = schedule::ActiveModel { name: Set(name.to_owned()), last_run_at: Set(now) };
        match schedule::Entity::find_by_id(name).one(tx).await? {
            None => {
                let quiet = OnConflict::column(schedule::Column::Name).do_nothing().to_owned();
                match schedule::Entity::insert(first).on_conflict(quiet).exec_without_returning(tx).await {
                    Ok(rows) => Ok(rows == 1),
                    Err(error) if is_unique_violation(&error) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
            Some(_) => {
                let changed = schedule::Entity::update_many()
                    .col_expr(schedule::Column::LastRunAt, Expr::value(now))
                    .filter(schedule::Column::Name.eq(name))
                    .filter(schedule::Column::LastRunAt.lte(now - every))
                    .exec(tx)
                    .await?;
                Ok(changed.rows_affected == 1)
            }
        }
    })
    .await
}
