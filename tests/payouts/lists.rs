//! A key that lacks a right: what can be asked is asked, the rest is told, and nothing counts as come through.

use super::{give, pay_out, payout_of, reconcile};
use crate::{
    donations::helpers::{balance, everything},
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::{difference, words::Role};
use sea_orm::ConnectionTrait;
use wellwisher::{
    error::Error,
    payments::standin::ApiFault,
    payouts::{differences, keeping, lists, reconcile::OUTCOME},
    reports::{Level, doctor, verify},
    staff::outcomes,
};

async fn open(test: &TestApp) -> Vec<difference::Model> {
    differences::open_of(test.app.db.read(), differences::UNLISTED).await.unwrap()
}

async fn last_run(test: &TestApp) -> Option<chrono::DateTime<chrono::Utc>> {
    outcomes::last(test.app.db.read(), OUTCOME).await.unwrap().map(|last| last.began_at)
}

on_both_databases! {
    async fn a_list_that_is_refused_keeps_no_other_from_being_read_and_is_told_until_it_is_given(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        let unheard = test.start(&crate::support::gift(2_500, "EUR")).await;
        test.pay_unheard(&unheard);
        test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(2_000)).expect("a refund");
        test.stripe.standin.take_right("refunds", "rak_refund_read");
        let report = reconcile(&test).await;
        assert_eq!(report.unlisted.iter().map(|one| one.list).collect::<Vec<_>>(), [lists::REFUNDS]);
        assert!(!report.is_clean() && !report.came_through());
        assert!(report.movements.seen >= 2 && report.sessions.seen == 2, "the others were read: {report:?}");
        let told = open(&test).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].detail.contains("the key lacks the right rak_refund_read"), "{told:?}");
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/differences?open=yes").await.body.contains("A list that Stripe does not give"));
        let before = everything(&test.app).await;
        reconcile(&test).await;
        assert_eq!(everything(&test.app).await, before, "a second look writes nothing");

        test.stripe.standin.give_rights();
        let report = reconcile(&test).await;
        assert!(report.came_through() && open(&test).await.is_empty(), "{report:?}");
        assert_eq!(balance(&test.app, "donations", "EUR").await, -5_500, "what came back is in the books");
        // The same again is told again.
        test.stripe.standin.take_right("refunds", "rak_refund_read");
        reconcile(&test).await;
        assert_eq!(open(&test).await.len(), 1);
        assert!(verify(&test.app).await.unwrap().is_ok());
    }

    async fn a_payout_is_not_explained_by_parts_that_could_not_be_read(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        let id = pay_out(&test).await.remove(0);
        test.stripe.standin.take_right("balance_transactions", "rak_balance_transaction_source_read");
        let report = reconcile(&test).await;
        assert_eq!(report.unlisted.iter().map(|one| one.list).collect::<Vec<_>>(), [lists::MOVEMENTS]);
        assert_eq!((report.payouts.seen, report.payouts.itemised), (1, 0));
        assert_eq!(payout_of(&test, &id).await.itemised_at, None);
        test.stripe.standin.give_rights();
        let report = reconcile(&test).await;
        assert!(report.is_clean() && report.payouts.itemised == 1, "{report:?}");
        assert!(differences::open_of(test.app.db.read(), differences::REMAINDER).await.unwrap().is_empty());
    }

    async fn a_run_without_one_of_its_lists_is_begun_anew_from_where_it_began(test: TestApp) {
        keeping::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.unwrap();
        keeping::recurring_and_keep(&test.app, TimeDelta::hours(1), false).await.unwrap();
        let well = last_run(&test).await;
        assert!(well.is_some());
        let gift = give(&test, 5_000, "EUR").await;
        test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(2_000)).expect("a refund");
        test.stripe.standin.take_right("refunds", "rak_refund_read");
        for _ in 0..7 {
            test.app.clock.advance(TimeDelta::minutes(10));
            keeping::reconcile_and_keep(&test.app, TimeDelta::minutes(1)).await.unwrap();
            keeping::recurring_and_keep(&test.app, TimeDelta::minutes(1), false).await.unwrap();
        }
        assert_eq!(last_run(&test).await, well, "none came through");
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), well);
        let finding = doctor(&test.app).await.into_iter().find(|finding| finding.name == "reconciling").unwrap();
        assert!(finding.level == Level::Fail && finding.told.contains("rak_refund_read"), "{finding:?}");
        test.sign_in_as(Role::Finance).await;
        let waits = test.get("/desk").await.texts("main ul:not(.cards) li");
        assert!(waits.iter().any(|one| one.contains("hour Stripe was not asked for everything")), "{waits:?}");

        test.stripe.standin.give_rights();
        keeping::reconcile_and_keep(&test.app, TimeDelta::minutes(1)).await.unwrap();
        assert_eq!(last_run(&test).await, Some(test.app.now()));
        assert_eq!(balance(&test.app, "donations", "EUR").await, -3_000, "found, although it was long before the last minute");
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), None);
        let waits = test.get("/desk").await.texts("main ul:not(.cards) li");
        assert!(!waits.iter().any(|one| one.contains("Stripe was not asked")), "{waits:?}");
    }

    async fn while_payouts_are_refused_the_balance_goes_on_from_where_it_was_given(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        give(&test, 2_500, "EUR").await;
        let id = pay_out(&test).await.remove(0);
        test.stripe.standin.take_right("payouts", "rak_payout_read");
        let run = async || {
            test.app.clock.advance(TimeDelta::hours(2));
            keeping::reconcile_and_keep(&test.app, TimeDelta::minutes(1)).await.unwrap()
        };
        let first = run().await;
        assert_eq!(first.unlisted.iter().map(|one| one.list).collect::<Vec<_>>(), [lists::PAYOUTS]);
        assert_eq!((first.movements.seen, first.came_through()), (3, false));
        assert_eq!(run().await.movements.seen, 0, "they were read");
        give(&test, 1_000, "EUR").await;
        assert_eq!((run().await.movements.new, run().await.movements.seen), (1, 0));
        test.stripe.standin.give_rights();
        let mended = run().await;
        assert!(mended.came_through() && mended.payouts.itemised == 1, "{mended:?}");
        assert!(payout_of(&test, &id).await.itemised_at.is_some());
        let after = run().await;
        assert_eq!((after.movements.seen, after.payouts.seen), (0, 0));
    }

    async fn a_test_key_asks_nothing_where_any_gift_is_live(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        let set = async |live: &str| {
            let sql = format!("update donation set livemode = {live} where id in (select donation_id from receipt where code = 'R-2026-000001')");
            test.app.db.write(async |tx| Ok(tx.execute_unprepared(&sql).await.map(|_| ())?)).await.unwrap();
        };
        set("true").await;
        assert!(test.donation(gift.id).await.livemode);
        test.wait(1);
        test.start(&crate::support::gift(2_500, "EUR")).await;
        let refused = keeping::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await;
        assert!(matches!(&refused, Err(Error::Invalid(why)) if why.contains("is not a live key")), "{refused:?}");
        set("false").await;
        keeping::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.unwrap();
    }

    async fn an_installation_whose_runs_never_came_through_says_so_after_an_hour(test: TestApp) {
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), None, "nobody has tried");
        let began = test.app.now();
        test.stripe.standin.fault(ApiFault::TooManyRequests, 50);
        assert!(keeping::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.is_err());
        test.app.clock.advance(TimeDelta::minutes(50));
        assert!(keeping::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.is_err());
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), None);
        test.app.clock.advance(TimeDelta::minutes(11));
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), Some(began));
        test.stripe.standin.clear_faults();
        keeping::reconcile_and_keep(&test.app, TimeDelta::hours(1)).await.unwrap();
        assert_eq!(keeping::overdue(&test.app).await.unwrap(), None);
    }

    async fn without_the_right_to_read_the_balance_all_else_comes_through_and_it_is_told(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        test.stripe.standin.take_right("balance", "rak_balance_read");
        let report = reconcile(&test).await;
        assert!(report.came_through() && !report.is_clean());
        assert!(open(&test).await[0].detail.contains("rak_balance_read"));
    }
}
