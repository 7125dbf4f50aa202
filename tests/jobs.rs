//! Work that outlives a request: leases, retries, and giving up where staff see it.

use crate::support::{TestApp, TestDatabase, on_both_databases};
use chrono::TimeDelta;
use entity::{ids::JobId, job};
use sea_orm::EntityTrait;
use std::collections::HashSet;
use wellwisher::{
    app::App,
    db::Db,
    error::Error,
    jobs::{self, ATTEMPTS_MAX, NewJob, Outcome},
};

async fn add(app: &App, key: Option<&str>) {
    let (id, now) = (app.new_id::<JobId>(), app.now());
    let key = key.map(str::to_owned);
    app.db
        .write(async |tx| {
            let new = NewJob { kind: "test", payload: serde_json::json!({}), dedupe_key: key.clone(), run_at: now };
            jobs::enqueue(tx, id, new, now).await
        })
        .await
        .expect("the job is written");
}

async fn all(app: &App) -> Vec<job::Model> {
    job::Entity::find().all(app.db.read()).await.expect("jobs are read")
}

async fn lease(app: &App) -> Vec<job::Model> {
    jobs::lease(&app.db, app.now(), 100).await.expect("jobs are leased")
}

async fn finish(app: &App, job: &job::Model, outcome: Outcome) {
    jobs::finish(&app.db, &app.random, job, &outcome, app.now()).await.expect("the job is finished");
}

on_both_databases! {
    async fn a_job_that_is_done_is_gone(app: TestApp) {
        add(&app.app, None).await;
        let job = lease(&app.app).await.remove(0);
        assert_eq!(job.attempts, 1);
        finish(&app.app, &job, Outcome::Done).await;
        assert!(all(&app.app).await.is_empty());
    }

    async fn a_job_whose_transaction_fails_was_never_written(app: TestApp) {
        let (id, now) = (app.app.new_id::<JobId>(), app.app.now());
        let written: Result<(), Error> = app.app.db.write(async |tx| {
            let new = NewJob { kind: "test", payload: serde_json::json!({}), dedupe_key: None, run_at: now };
            jobs::enqueue(tx, id, new, now).await?;
            Err(Error::Conflict("no".into()))
        }).await;
        assert!(written.is_err() && all(&app.app).await.is_empty());
    }

    async fn one_key_waits_once_and_jobs_without_a_key_all_wait(app: TestApp) {
        for key in [Some("one"), Some("one"), None, None] {
            add(&app.app, key).await;
        }
        assert_eq!(all(&app.app).await.len(), 3);
    }

    async fn a_leased_job_is_nobody_elses_until_its_lease_ends(app: TestApp) {
        add(&app.app, None).await;
        let first = lease(&app.app).await.remove(0);
        app.app.clock.advance(TimeDelta::seconds(119));
        assert!(lease(&app.app).await.is_empty());
        app.app.clock.advance(TimeDelta::seconds(1));
        let second = lease(&app.app).await.remove(0);
        assert_eq!((second.id, second.attempts), (first.id, 2));
        // Who lost the lease comes back: it has no say any more, and the other still holds the job.
        finish(&app.app, &first, Outcome::GiveUp("late".into())).await;
        let held = all(&app.app).await.remove(0);
        assert!(held.given_up_at.is_none() && held.lease_until.is_some());
    }

    async fn a_retry_waits_longer_each_time(app: TestApp) {
        add(&app.app, None).await;
        let mut last = TimeDelta::zero();
        for _ in 1..ATTEMPTS_MAX {
            let job = lease(&app.app).await.remove(0);
            finish(&app.app, &job, Outcome::Retry("busy".into())).await;
            let waiting = all(&app.app).await.remove(0);
            assert_eq!(waiting.last_error, "busy");
            let wait = waiting.run_at - app.app.now();
            assert!(wait >= TimeDelta::seconds(5) && wait <= TimeDelta::minutes(75), "{wait}");
            assert!(wait > last || wait >= TimeDelta::hours(1), "{wait} after {last}");
            assert!(lease(&app.app).await.is_empty(), "not before its time");
            last = wait;
            app.app.clock.set(waiting.run_at);
        }
        let job = lease(&app.app).await.remove(0);
        finish(&app.app, &job, Outcome::Retry("busy".into())).await;
        assert!(all(&app.app).await[0].given_up_at.is_some(), "given up after {ATTEMPTS_MAX}");
    }

    async fn what_is_given_up_stays_visible_and_can_be_tried_again(app: TestApp) {
        add(&app.app, None).await;
        let job = lease(&app.app).await.remove(0);
        finish(&app.app, &job, Outcome::GiveUp("it will never work".into())).await;
        app.app.clock.advance(TimeDelta::days(1));
        assert!(lease(&app.app).await.is_empty());
        let shown = all(&app.app).await.remove(0);
        assert_eq!((shown.last_error.as_str(), shown.given_up_at.is_some()), ("it will never work", true));
        let now = app.app.now();
        app.app.db.write(async |tx| jobs::retry(tx, job.id, now).await).await.unwrap();
        assert_eq!(lease(&app.app).await[0].attempts, 1);
        let again = app.app.db.write(async |tx| jobs::retry(tx, job.id, now).await).await;
        assert!(matches!(again, Err(Error::NotFound)), "only what was given up");
    }

    async fn a_job_that_kills_its_workers_is_given_up_too(app: TestApp) {
        add(&app.app, None).await;
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(lease(&app.app).await.len(), 1);
            app.app.clock.advance(TimeDelta::minutes(3));
        }
        assert!(lease(&app.app).await.is_empty());
        let shown = all(&app.app).await.remove(0);
        assert!(shown.given_up_at.is_some() && !shown.last_error.is_empty());
    }

    async fn a_long_reason_is_cut(app: TestApp) {
        add(&app.app, None).await;
        let job = lease(&app.app).await.remove(0);
        finish(&app.app, &job, Outcome::GiveUp("و".repeat(9_000))).await;
        assert_eq!(all(&app.app).await[0].last_error.chars().count(), 500);
    }

    async fn two_processes_never_lease_the_same_job(database: TestDatabase) {
        let app = TestApp::with(database, |_| {}).await;
        for _ in 0..40 {
            add(&app.app, None).await;
        }
        let other = if app.app.db.is_postgres() { Db::open(&app.database.url).await.unwrap() } else { app.app.db.clone() };
        let take = |db: Db| {
            let now = app.app.now();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let some = jobs::lease(&db, now, 3).await.unwrap();
                    if some.is_empty() {
                        return mine;
                    }
                    mine.extend(some.into_iter().map(|job| job.id));
                }
            })
        };
        let (one, two) = tokio::join!(take(app.app.db.clone()), take(other));
        let ids: Vec<_> = one.unwrap().into_iter().chain(two.unwrap()).collect();
        assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (40, 40));
    }

    async fn a_schedule_is_begun_by_one_of_many(database: TestDatabase) {
        let app = TestApp::with(database, |_| {}).await;
        let other = if app.app.db.is_postgres() { Db::open(&app.database.url).await.unwrap() } else { app.app.db.clone() };
        let begin = || async {
            let tries = (0..8).map(|at| {
                let (db, clock) = (if at % 2 == 0 { app.app.db.clone() } else { other.clone() }, app.app.clock.clone());
                tokio::spawn(async move { jobs::begin_schedule(&db, &clock, "sweep", TimeDelta::minutes(10)).await.unwrap() })
            });
            let begun = futures_util::future::join_all(tries.collect::<Vec<_>>()).await;
            begun.into_iter().filter(|begun| *begun.as_ref().unwrap()).count()
        };
        assert_eq!(begin().await, 1, "the first time");
        assert_eq!(begin().await, 0, "not again at once");
        app.app.clock.advance(TimeDelta::minutes(9));
        assert_eq!(begin().await, 0);
        app.app.clock.advance(TimeDelta::minutes(1));
        assert_eq!(begin().await, 1, "when it is due");
    }
}
