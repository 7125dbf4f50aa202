//! Refunds and disputes whose events were all lost: found by asking, in the books once, a part of their payout.

use super::{give, money, pay_out, payout_of, reconcile};
use crate::{
    donations::helpers::{balance, count, everything},
    support::{TestApp, on_both_databases},
};
use entity::{balance_movement, difference, words::BalanceMapping};
use sea_orm::{ConnectionTrait, EntityTrait};
use wellwisher::{
    payments::standin::Decision,
    payouts::{differences, waterfall},
    reports::verify,
    staff::Actor,
};

async fn assert_verified(test: &TestApp) {
    let report = verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

async fn mapped(test: &TestApp) -> Vec<BalanceMapping> {
    let mut all: Vec<_> =
        balance_movement::Entity::find().all(test.app.db.read()).await.unwrap().into_iter().map(|one| one.mapped_to).collect();
    all.sort();
    all
}

on_both_databases! {
    async fn a_refund_and_a_dispute_that_nobody_told_us_of_are_found_and_written_down(test: TestApp) {
        let (refunded, disputed) = (give(&test, 5_000, "EUR").await, give(&test, 3_000, "EUR").await);
        reconcile(&test).await;
        test.stripe.standin.refund(refunded.checkout_session_id.as_deref().unwrap(), Some(2_000)).expect("a refund");
        let dispute = test.stripe.standin.dispute(disputed.checkout_session_id.as_deref().unwrap(), None, false).expect("a dispute");
        let report = reconcile(&test).await;
        assert_eq!((report.returned.seen, report.returned.changed.len()), (2, 2));
        assert!(report.is_clean(), "{report:?}");
        use BalanceMapping as To;
        assert_eq!(mapped(&test).await, [To::Gift, To::Gift, To::Refund, To::Dispute]);
        assert_eq!(balance(&test.app, "disputed", "EUR").await, 3_000);
        assert_verified(&test).await;
        let before = everything(&test.app).await;
        assert!(reconcile(&test).await.returned.changed.is_empty());
        assert_eq!(everything(&test.app).await, before, "a second look writes nothing");

        assert!(test.stripe.standin.decide_dispute(&dispute, Decision::Lost));
        reconcile(&test).await;
        assert_eq!((balance(&test.app, "disputed", "EUR").await, balance(&test.app, "donations", "EUR").await), (0, -3_000));
        let missed = difference::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!((missed.len(), missed.iter().all(|one| one.settled_at.is_some())), (2, true), "{missed:?}");
        assert_verified(&test).await;

        let id = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        let fall = waterfall::explain(test.app.db.read(), payout_of(&test, &id).await).await.unwrap();
        assert_eq!((fall.remainder.len(), fall.total.net), (0, fall.amount));
        let of = |kind| fall.lines.iter().find(|line| line.mapping == kind).map(|line| line.sums.gross);
        assert_eq!((of(To::Refund), of(To::Dispute)), (Some(money(-2_000, "EUR")), Some(money(-3_000, "EUR"))));
        assert_eq!(balance(&test.app, "stripe_clearing", "EUR").await, 0);
        assert_verified(&test).await;
    }

    async fn what_does_not_fit_a_donation_shows_again_when_it_is_another_although_the_first_was_settled(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        let session = gift.checkout_session_id.as_deref().unwrap();
        reconcile(&test).await;
        // Somebody has changed the donation behind the program's back.
        let change = async |sql: &'static str| test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap();
        let refused = async || {
            let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
            all.into_iter().find(|one| one.kind == differences::REFUSED).expect("it is written down")
        };
        let settle = async || {
            let id = refused().await.id;
            differences::settle_by_hand(&test.app, &Actor::system(), id, "a person looked").await.unwrap();
        };
        change("update donation set livemode = true").await;
        test.stripe.standin.refund(session, Some(500)).expect("a refund");
        assert_eq!(reconcile(&test).await.returned.refused, [gift.id]);
        assert!(refused().await.settled_at.is_none());
        settle().await;
        assert_eq!(reconcile(&test).await.returned.refused, [gift.id]);
        assert!(refused().await.settled_at.is_some(), "the same is still settled");
        test.stripe.standin.refund(session, Some(600)).expect("a refund");
        reconcile(&test).await;
        assert!(refused().await.settled_at.is_none(), "another one is open");
        settle().await;

        change("update donation set livemode = false").await;
        let report = reconcile(&test).await;
        assert_eq!((report.returned.changed, report.returned.refused), (vec![gift.id], vec![]));
        let ended = refused().await;
        assert!(ended.done == "a person looked" && ended.detail.ends_with("It agrees with Stripe."), "{ended:?}");
        let before = everything(&test.app).await;
        reconcile(&test).await;
        assert_eq!(everything(&test.app).await, before, "a second look writes nothing");
        change("update donation set livemode = true").await;
        test.stripe.standin.refund(session, Some(700)).expect("a refund");
        reconcile(&test).await;
        assert!(refused().await.settled_at.is_none(), "it happens again");
        change("update donation set livemode = false").await;
        reconcile(&test).await;
        assert_eq!(refused().await.done, "It agrees with Stripe.");
        assert_verified(&test).await;
    }

    async fn what_a_person_has_settled_stays_settled_when_its_refund_is_too_old_to_be_listed(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        let session = gift.checkout_session_id.as_deref().unwrap();
        // A question of the bank that nobody has answered yet has the donation looked at in every run.
        test.stripe.standin.dispute(session, None, true).expect("a question");
        reconcile(&test).await;
        let change = async |sql: &'static str| test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap();
        let refused = async || {
            let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
            all.into_iter().find(|one| one.kind == differences::REFUSED).expect("it is written down")
        };
        change("update donation set livemode = true").await;
        test.stripe.standin.refund(session, Some(500)).expect("a refund");
        assert_eq!(reconcile(&test).await.returned.refused, [gift.id]);
        differences::settle_by_hand(&test.app, &Actor::system(), refused().await.id, "a person looked").await.unwrap();
        let settled = refused().await;
        test.app.clock.advance(chrono::TimeDelta::days(60));
        let report = reconcile(&test).await;
        assert_eq!((report.returned.seen, report.returned.refused), (0, vec![gift.id]));
        assert_eq!(refused().await, settled);
        test.stripe.standin.refund(session, Some(600)).expect("a refund");
        reconcile(&test).await;
        assert!(refused().await.settled_at.is_none(), "another one is open");
        change("update donation set livemode = false").await;
        reconcile(&test).await;
        assert_verified(&test).await;
    }

    async fn what_was_missed_on_another_day_is_told_anew(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        let mut found = Vec::new();
        for _ in 0..2 {
            test.app.clock.advance(chrono::TimeDelta::days(1));
            test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(1_000)).expect("a refund");
            assert_eq!(reconcile(&test).await.returned.changed, [gift.id]);
            let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
            found.extend(all.into_iter().filter(|one| one.kind == differences::MISSED).map(|one| one.found_at));
        }
        assert_eq!(found[1] - found[0], chrono::TimeDelta::days(1), "{found:?}");
    }

    async fn a_movement_of_a_refund_asks_for_its_donation_before_it_is_posted(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), None).expect("a refund");
        let mut taken = wellwisher::payouts::movements::TakenIn::default();
        let since = wellwisher::payments::BalanceQuery::Since(gift.created_at);
        wellwisher::payouts::movements::take_in_all(&test.app, since, None, &mut taken).await.unwrap();
        assert_eq!((taken.new, taken.not_posted.len(), count(&test.app, "refund").await), (2, 0, 1));
        assert_eq!(balance(&test.app, "donations", "EUR").await, 0);
        assert_verified(&test).await;
    }
}
