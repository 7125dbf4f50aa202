//! Erasing, with a process that ends at once in between: whoever comes next finishes it.

use super::{CANARY, EMAIL, her, places_with, run, send_letters};
use crate::{
    recurring::helpers::{GOOD_CARD, fill, hear, session_of, the_gift},
    support::{Folder, Program, TestApp, WEBHOOK_SECRET, on_both_databases},
};
use chrono::TimeDelta;
use entity::{erasure, ids::SupporterId, job};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::time::{Duration, Instant};
use wellwisher::{
    clock::Clock,
    payments::standin::{ApiFault, PayOutcome},
    privacy::{self, By, keep},
    recurring::{self, care},
};

/// A supporter whose monthly gift has ended: Stripe has a customer of hers.
async fn she_gave_monthly(test: &TestApp) -> SupporterId {
    let answer = fill(test, "").await.with("email", EMAIL).with("name", "Qanari Karimi").with("frequency", "monthly").send(test).await;
    assert_eq!(test.stripe.standin.pay(&session_of(test, &answer), GOOD_CARD), PayOutcome::Paid);
    hear(test).await;
    care::end(&test.app, &recurring::By::Supporter, the_gift(test).await.id, "").await.unwrap();
    hear(test).await;
    her(test).await.id
}

async fn job_at_stripe(test: &TestApp) -> Option<job::Model> {
    job::Entity::find().filter(job::Column::Kind.eq(privacy::erase::JOB)).one(test.app.db.read()).await.unwrap()
}

async fn row_of(test: &TestApp, id: SupporterId) -> erasure::Model {
    erasure::Entity::find_by_id(id).one(test.app.db.read()).await.unwrap().expect("she is erased")
}

/// Waits until something is so; the program beside us is a busy machine's.
async fn until(what: &str, serve: &Program, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} does not come: {}", serve.err());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both_databases! {
    async fn a_process_that_ends_after_erasing_leaves_the_rest_to_the_next_one(test: TestApp) {
        test.app.clock.set(Clock::System.now());
        let id = she_gave_monthly(&test).await;
        let customer = the_gift(&test).await.customer_id.expect("a customer");
        let folder = Folder::new();
        let letters = folder.join("letters").display().to_string();
        let (url, api_base) = (test.database.url.clone(), test.stripe.base_url.clone());
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("SECRET_KEY", "a secret for tests, of more than 32 characters"),
            ("STRIPE_SECRET_KEY", "sk_test_wellwisher"),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("STRIPE_API_BASE", api_base.as_str()),
            ("MAIL_DIR", letters.as_str()),
            ("LOG", "warn"),
        ];
        // One process erases her and is gone: no worker has seen the job.
        let erased = Program::run(&folder, &["supporters", "erase", EMAIL, "--yes"], &settings).await;
        assert_eq!(erased.code, Some(0), "{}", erased.err);
        assert!(job_at_stripe(&test).await.is_some_and(|job| job.lease_until.is_none()));
        assert!(row_of(&test, id).await.stripe_done_at.is_none());
        assert!(test.app.stripe.fetch_subscription(the_gift(&test).await.subscription_id.as_deref().unwrap()).await.is_ok());
        // The next dies while it waits for Stripe, which may have done it or not.
        test.stripe.standin.fault(ApiFault::Hang { ms: 120_000 }, 1_000);
        let serve = Program::start(&folder, &["serve"], &settings);
        until("the job", &serve, async || job_at_stripe(&test).await.is_some_and(|job| job.lease_until.is_some())).await;
        serve.kill();
        assert!(row_of(&test, id).await.stripe_done_at.is_none(), "it is not done before it is done");
        let left = places_with(&test, CANARY).await;
        assert!(left.iter().all(|place| place.starts_with("letter.")), "she is erased whatever became of the worker: {left:?}");
        // Two minutes later the job is free again.
        test.stripe.standin.clear_faults();
        run(&test, "update job set lease_until = '2026-01-01T00:00:00+00:00' where lease_until is not null").await;
        let serve = Program::start(&folder, &["serve"], &settings);
        until("Stripe's word", &serve, async || row_of(&test, id).await.stripe_done_at.is_some()).await;
        assert_eq!(serve.stop().await.code, Some(0));
        // A letter that the dead worker had in hand is tried again when its hold has ended.
        for _ in 0..3 {
            test.app.clock.advance(TimeDelta::hours(2));
            send_letters(&test).await;
            keep::forget_gone_letters(&test.app).await.unwrap();
        }
        assert_eq!(places_with(&test, CANARY).await, Vec::<String>::new());
        assert!(job_at_stripe(&test).await.is_none());
        assert!(test.app.stripe.delete_customer(&customer).await.is_ok(), "asked again it stays deleted");
        // Her documents' key is destroyed on its day by whoever works then, once.
        let until = row_of(&test, id).await.kept_until.expect("receipts are kept");
        test.app.clock.set(until.and_hms_opt(12, 0, 0).unwrap().and_utc());
        assert_eq!(keep::forget_what_is_over(&test.app).await.unwrap().keys, 0);
        test.app.clock.set(until.succ_opt().unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc());
        let both = futures_util::future::join(keep::forget_what_is_over(&test.app), keep::forget_what_is_over(&test.app)).await;
        assert_eq!(both.0.unwrap().keys + both.1.unwrap().keys, 1);
        assert!(row_of(&test, id).await.wrapped_key.is_none());
        assert!(matches!(privacy::erase(&test.app, &By::Operator, id).await, Ok(privacy::Erased::Before)));
    }
}
