//! Reconciling by itself: at the start, every ten minutes with an hour of it again, and every night five weeks back.

use super::give;
use crate::{
    donations::helpers::everything,
    support::{TestApp, gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{Money, words::DonationStatus};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use wellwisher::{donations::reconcile::LOOK_BACK, jobs, ledger, payments::standin::BalanceRow, payouts, staff::outcomes, worker};

/// A gift that was paid and that nobody told us of.
async fn unheard(test: &TestApp) -> entity::ids::DonationId {
    let started = test.start(&gift(2_500, "EUR")).await;
    test.pay_unheard(&started);
    started.id
}

async fn is_paid(test: &TestApp, id: entity::ids::DonationId) -> bool {
    test.donation(id).await.status == DonationStatus::Paid
}

/// Everything that is about money.
async fn books(test: &TestApp) -> Vec<String> {
    let tables = [
        "donation",
        "donation_step",
        "ledger_transaction",
        "ledger_entry",
        "receipt",
        "refund",
        "dispute",
        "balance_movement",
        "payout",
        "difference",
        "letter",
        "wish_step",
        "audit_entry",
    ];
    let is_money = |line: &&str| line.split_once(':').is_some_and(|(table, _)| tables.contains(&table));
    everything(&test.app).await.lines().filter(is_money).map(str::to_owned).collect()
}

on_both_databases! {
    async fn a_worker_asks_at_its_start_however_short_ago_the_last_one_did(test: TestApp) {
        worker::run_schedules(&test.app).await;
        let id = unheard(&test).await;
        test.app.clock.advance(TimeDelta::minutes(1));
        worker::run_schedules(&test.app).await;
        assert!(!is_paid(&test, id).await, "a minute later nobody asks");
        let stop = CancellationToken::new();
        let running = tokio::spawn(worker::run(test.app.clone(), stop.clone()));
        for _ in 0..600 {
            if is_paid(&test, id).await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.cancel();
        running.await.unwrap();
        assert!(is_paid(&test, id).await, "whatever happened while nobody worked");
    }

    async fn every_ten_minutes_it_is_asked_and_the_second_time_nothing_is_written(test: TestApp) {
        worker::run_schedules(&test.app).await;
        let id = unheard(&test).await;
        test.app.clock.advance(TimeDelta::minutes(9));
        worker::run_schedules(&test.app).await;
        assert!(!is_paid(&test, id).await);
        test.app.clock.advance(TimeDelta::minutes(1));
        worker::run_schedules(&test.app).await;
        assert!(is_paid(&test, id).await);
        let before = books(&test).await;
        for _ in 0..3 {
            test.app.clock.advance(TimeDelta::minutes(10));
            worker::run_schedules(&test.app).await;
        }
        assert_eq!(books(&test).await, before);
    }

    async fn each_run_goes_on_an_hour_before_the_last_one_began_however_long_ago_that_was(test: TestApp) {
        give(&test, 1_000, "EUR").await;
        payouts::reconcile::reconcile_and_keep(&test.app, LOOK_BACK).await.unwrap();
        // Paid, and booked at Stripe, within the hour before the next run's beginning: both belong to what is asked for again.
        let (early, late) = (unheard(&test).await, {
            test.app.clock.advance(TimeDelta::days(20));
            unheard(&test).await
        });
        payouts::reconcile::reconcile_and_keep(&test.app, LOOK_BACK).await.unwrap();
        assert!(is_paid(&test, early).await, "nobody worked for twenty days");
        assert!(is_paid(&test, late).await);
        let before = books(&test).await;
        payouts::reconcile::reconcile_and_keep(&test.app, LOOK_BACK).await.unwrap();
        assert_eq!(books(&test).await, before);
    }

    async fn what_stripe_booked_within_the_hour_before_a_run_and_told_after_it_is_in_the_next(test: TestApp) {
        give(&test, 1_000, "EUR").await;
        payouts::reconcile::reconcile_and_keep(&test.app, LOOK_BACK).await.unwrap();
        let ran = test.app.now();
        let fee = |gross| BalanceRow { kind: "stripe_fee", category: "fee", gross: Money::new(gross, "EUR".parse().unwrap()), fee: 0 };
        // Booked before that run began, and listed only after it had read.
        let [mut early, mut late] = [String::new(), String::new()];
        for (booked, minutes, gross) in [(&mut early, 61, -7), (&mut late, 59, -5)] {
            test.app.clock.set(ran - TimeDelta::minutes(minutes));
            *booked = test.stripe.standin.book(&fee(gross));
        }
        // The next run comes so late that its own look back does not reach there.
        test.app.clock.set(ran + LOOK_BACK + TimeDelta::hours(1));
        payouts::reconcile::reconcile_and_keep(&test.app, LOOK_BACK).await.unwrap();
        let known = async |id: &str| payouts::store::movement(test.app.db.read(), id).await.unwrap().is_some();
        assert_eq!((known(&early).await, known(&late).await), (false, true), "an hour of it again, and no more");
        payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
        assert!(known(&early).await, "the long look of the night finds it");
    }

    async fn every_night_five_weeks_are_asked_for_again(test: TestApp) {
        worker::run_schedules(&test.app).await;
        let given = give(&test, 2_500, "EUR").await;
        assert!(test.stripe.standin.refund(given.checkout_session_id.as_deref().unwrap(), None).is_some(), "in Stripe's dashboard, and nobody told us");
        // Runs since then came through and did not see it: as when a backup was restored.
        test.app.clock.advance(TimeDelta::days(30));
        let now = test.app.now();
        let kept = outcomes::Kept { name: payouts::reconcile::OUTCOME, ok: true, summary: "", report: "{}", began: now, ended: now };
        test.app.db.write(async |tx| outcomes::keep(tx, kept).await).await.unwrap();
        assert!(jobs::begin_schedule(&test.app.db, &test.app.clock, "reconcile_long", TimeDelta::zero()).await.unwrap());
        let worth = async || ledger::worth_of(test.app.db.read(), given.id, given.currency).await.unwrap().minor;
        worker::run_schedules(&test.app).await;
        assert_eq!(worth().await, 2_500, "the short look does not reach so far");
        test.app.clock.advance(TimeDelta::hours(24));
        worker::run_schedules(&test.app).await;
        assert_eq!(worth().await, 0);
        let before = books(&test).await;
        test.app.clock.advance(TimeDelta::hours(24));
        worker::run_schedules(&test.app).await;
        assert_eq!(books(&test).await, before);
    }
}
