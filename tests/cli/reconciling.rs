//! `wellwisher reconcile` leaves behind what a run of `serve` leaves behind.

use crate::support::{Folder, Program, TestApp, beside, on_both_databases};
use chrono::TimeDelta;
use entity::words::Role;
use sea_orm::ConnectionTrait;
use wellwisher::{
    clock::Clock,
    payments::standin::ApiFault,
    payouts::{differences, keeping, reconcile::OUTCOME},
    staff::outcomes,
};

/// The lists that Stripe did not give, as they stand at the desk.
async fn unlisted(test: &TestApp) -> Vec<String> {
    let open = differences::open_of(test.app.db.read(), differences::UNLISTED).await.unwrap();
    open.into_iter().map(|found| found.object_id).collect()
}

/// Whether the desk's home says that for an hour nobody was told everything.
async fn is_told_overdue(test: &TestApp) -> bool {
    test.get("/desk").await.texts("main ul:not(.cards) li").iter().any(|one| one.contains("Stripe was not asked for everything"))
}

/// What a live key would have made of the gifts.
async fn set_livemode(test: &TestApp, live: bool) {
    let sql = format!("update donation set livemode = {live}");
    test.app.db.write(async |tx| Ok(tx.execute_unprepared(&sql).await.map(|_| ())?)).await.unwrap();
}

on_both_databases! {
    async fn what_became_of_reconciling_by_command_is_kept_as_that_of_a_run_by_itself(test: TestApp) {
        let now = Clock::System.now();
        test.app.clock.set(now - TimeDelta::hours(3));
        let unheard = test.start(&crate::support::gift(2_500, "EUR")).await;
        test.pay_unheard(&unheard);
        test.stripe.standin.fault(ApiFault::TooManyRequests, 200);
        let (recurring, rest) = keeping::everything(&test.app, TimeDelta::hours(1), false, |_, _| {}).await;
        assert!(recurring.is_err() && rest.is_err());
        test.stripe.standin.clear_faults();
        test.app.clock.set(now);
        test.sign_in_as(Role::Finance).await;
        assert!(is_told_overdue(&test).await);

        let folder = Folder::new();
        let settings = beside(&test.database.url, &test.stripe.base_url);
        let well = Program::run(&folder, &["reconcile", "--days", "1"], &settings).await;
        assert_eq!(well.code, Some(0), "{}{}", well.out, well.err);
        assert!(well.out.contains("1 donations brought up to date") && well.out.contains("0 recurring donations looked at"), "{}", well.out);
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), None);
        assert!(!is_told_overdue(&test).await);
        let last = async || outcomes::last(test.app.db.read(), OUTCOME).await.unwrap().map(|last| last.began_at);
        let came_through = last().await;
        assert!(came_through.is_some_and(|began| began >= now - TimeDelta::seconds(1)), "{came_through:?}");

        // Of each of the two, one list is refused.
        test.stripe.standin.take_right("refunds", "rak_refund_read");
        test.stripe.standin.take_right("subscriptions", "rak_subscription_read");
        let part = Program::run(&folder, &["reconcile"], &settings).await;
        assert_eq!(part.code, Some(1), "{}{}", part.out, part.err);
        assert!(part.out.contains("rak_refund_read") && part.out.contains("rak_subscription_read"), "{}", part.out);
        let mut told = unlisted(&test).await;
        told.sort();
        assert_eq!(told, ["refunds", "subscriptions"]);
        assert_eq!(last().await, came_through, "the next begins where this one began");
        for failing in ["reconcile_failing", "reconcile_recurring_failing"] {
            let since = outcomes::last(test.app.db.read(), failing).await.unwrap().map(|failing| failing.began_at);
            assert!(since > came_through, "{failing}: {since:?}");
        }

        test.stripe.standin.give_rights();
        let again = Program::run(&folder, &["reconcile"], &settings).await;
        assert_eq!(again.code, Some(0), "{}{}", again.out, again.err);
        assert!(unlisted(&test).await.is_empty() && last().await > came_through);

        // A test key beside live gifts asks nothing and moves no mark.
        let (kept, said) = (last().await, "STRIPE_SECRET_KEY is not a live key");
        set_livemode(&test, true).await;
        let before = crate::donations::helpers::everything(&test.app).await;
        for command in [&["reconcile"][..], &["import", "stripe-history"]] {
            let refused = Program::run(&folder, command, &settings).await;
            assert_eq!((refused.code, refused.out.as_str(), refused.err.contains(said)), (Some(2), "", true), "{}", refused.err);
        }
        assert!(keeping::everything(&test.app, TimeDelta::hours(1), true, |_, _| {}).await.1.is_err(), "nor does the schedule");
        assert_eq!((last().await, crate::donations::helpers::everything(&test.app).await), (kept, before));
        set_livemode(&test, false).await;

        // Without any answer it says so.
        test.stripe.standin.fault(ApiFault::TooManyRequests, 200);
        let none = Program::run(&folder, &["reconcile"], &settings).await;
        assert_eq!((none.code, none.out.as_str()), (Some(2), ""), "{}", none.err);
        test.stripe.standin.clear_faults();
    }
}
