//! Money that moves in ways that are rare: booked before it is decided, taken back by a bank, paid twice, read only in part.

use super::{give, money, pay_out, payout_of, reconcile};
use crate::{
    donations::helpers::{balance, balances, before, count, everything, number},
    support::{TestApp, gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    difference,
    words::{BalanceMapping, DonationStatus},
};
use sea_orm::{ConnectionTrait, Database, EntityTrait};
use wellwisher::{
    donations,
    ledger::{
        self,
        periods::{self, Obstacle},
    },
    payments::{BalanceQuery, standin::BalanceRow},
    payouts::{self, differences, movements, store, waterfall},
    reports::verify,
    staff::Actor,
};

async fn assert_verified(test: &TestApp) {
    let report = verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

/// The differences: kind, what was found, whether it is over.
async fn found(test: &TestApp) -> Vec<(String, String, bool)> {
    let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().map(|one| (one.kind, one.detail, one.settled_at.is_some())).collect()
}

async fn open(test: &TestApp) -> Vec<(String, String)> {
    found(test).await.into_iter().filter(|one| !one.2).map(|one| (one.0, one.1)).collect()
}

async fn assert_second_look_writes_nothing(test: &TestApp) {
    let before = everything(&test.app).await;
    reconcile(test).await;
    assert_eq!(everything(&test.app).await, before, "a second look writes nothing");
}

on_both_databases! {
    async fn a_debit_that_is_booked_before_it_is_decided_waits_and_is_a_gift_when_it_is_paid(test: TestApp) {
        let test = before(test, |options| options.debit_delay = None).await;
        let started = test.start(&gift(5_000, "EUR")).await;
        let session = test.donation(started.id).await.checkout_session_id.unwrap();
        test.stripe.standin.pay_by_debit(&session, true);
        assert!(test.stripe.standin.book_early(&session));
        let report = reconcile(&test).await;
        assert_eq!(test.donation(started.id).await.status, DonationStatus::Processing);
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(balance(&test.app, "stripe_clearing", "EUR").await, 0);
        let open = open(&test).await;
        let of_payments_under_way = "of payments that are under way, or whose fee Stripe has not told yet.";
        assert!(open.len() == 1 && open[0].0 == "balance" && open[0].1.ends_with(of_payments_under_way), "periods go by its end: {open:?}");
        test.app.clock.advance(TimeDelta::hours(2));
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
        test.app.clock.advance(TimeDelta::days(6));
        assert!(test.stripe.standin.settle_debit(&session, true));
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(26), |_, _| {}).await.unwrap();
        assert_eq!((balance(&test.app, "donations", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (-5_000, 4_825));
        assert!(found(&test).await.iter().all(|one| one.2), "{:?}", found(&test).await);
        assert_verified(&test).await;
    }

    async fn a_debit_that_fails_after_it_was_booked_is_beside_the_gifts_and_comes_to_nothing(test: TestApp) {
        let test = before(test, |options| options.debit_delay = None).await;
        let started = test.start(&gift(5_000, "EUR")).await;
        let session = test.donation(started.id).await.checkout_session_id.unwrap();
        test.stripe.standin.pay_by_debit(&session, false);
        test.stripe.standin.book_early(&session);
        reconcile(&test).await;
        test.app.clock.advance(TimeDelta::days(6));
        assert!(test.stripe.standin.settle_debit(&session, false));
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(26), |_, _| {}).await.unwrap();
        assert_eq!(test.donation(started.id).await.status, DonationStatus::Failed);
        assert_eq!((balance(&test.app, "donations", "EUR").await, balance(&test.app, "other_activity", "EUR").await), (0, 0));
        assert_eq!((balance(&test.app, "stripe_clearing", "EUR").await, balance(&test.app, "stripe_fees", "EUR").await), (-175, 175), "the fee stays");
        assert!(open(&test).await.is_empty(), "{:?}", open(&test).await);
        test.app.clock.advance(TimeDelta::hours(2));
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn a_payment_that_its_bank_takes_back_takes_its_income_and_its_receipt_with_it(test: TestApp) {
        let given = give(&test, 5_000, "EUR").await;
        reconcile(&test).await;
        assert!(test.stripe.standin.take_payment_back(given.checkout_session_id.as_deref().unwrap()));
        assert!(reconcile(&test).await.is_clean());
        assert_eq!((balance(&test.app, "donations", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (0, -175));
        assert_eq!(number(&test.app, "select count(*) as n from receipt where status = 'void'").await, 1);
        assert_eq!(number(&test.app, "select count(*) as n from donation_step where kind = 'payment_returned'").await, 1);
        assert!(open(&test).await.is_empty());
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn a_payment_that_its_bank_takes_back_after_a_part_was_given_back_costs_that_part_in_any_order(test: TestApp) {
        let hear = async |id| donations::refresh(&test.app, id).await.unwrap();
        let mut ends = Vec::new();
        for is_refunded_first in [true, false] {
            let before = balances(&test.app).await;
            let given = give(&test, 5_000, "EUR").await;
            let session = given.checkout_session_id.clone().unwrap();
            reconcile(&test).await;
            let refund = if is_refunded_first {
                let refund = test.stripe.standin.refund(&session, Some(2_000)).unwrap();
                hear(given.id).await;
                assert!(test.stripe.standin.take_payment_back(&session));
                reconcile(&test).await;
                refund
            } else {
                assert!(test.stripe.standin.take_payment_back(&session));
                reconcile(&test).await;
                let refund = test.stripe.standin.refund(&session, Some(2_000)).unwrap();
                reconcile(&test).await;
                refund
            };
            assert_eq!(ledger::worth_of(test.app.db.read(), given.id, given.currency).await.unwrap().minor, 0, "never less than nothing");
            let mut after = balances(&test.app).await;
            for (account, minor) in before {
                *after.entry(account).or_default() -= minor;
            }
            after.retain(|_, minor| *minor != 0);
            ends.push(after);
            assert_verified(&test).await;
            assert_second_look_writes_nothing(&test).await;
            assert!(test.stripe.standin.settle_refund(&refund, false), "the refund could not be delivered");
            reconcile(&test).await;
            let covered = format!("select cast(coalesce(sum(e.amount_minor), 0) as bigint) as n from ledger_transaction t
                join ledger_entry e on e.transaction_id = t.id where t.source like 'gift:{}:shortfall:%' and e.account = 'stripe_fees'", given.id);
            assert_eq!(number(&test.app, &covered).await, 0, "nothing went beyond the gift after all");
            assert_verified(&test).await;
        }
        assert_eq!(ends[0], ends[1]);
        let of = |account: &str| ends[0].iter().find(|((name, _), _)| name == account).map(|(_, minor)| *minor);
        assert_eq!((of("donations"), of("stripe_fees"), of("stripe_clearing")), (None, Some(2_175), Some(-2_175)));
    }

    async fn a_payment_of_another_currency_that_its_bank_takes_back_after_a_part_was_given_back_is_worth_nothing(test: TestApp) {
        let test = before(test, |options| options.fees.settlement_currency = Some("EUR".parse().unwrap())).await;
        let given = give(&test, 5_000, "USD").await;
        let session = given.checkout_session_id.clone().unwrap();
        reconcile(&test).await;
        test.stripe.standin.refund(&session, Some(2_000)).unwrap();
        donations::refresh(&test.app, given.id).await.unwrap();
        test.stripe.standin.take_payment_back(&session);
        reconcile(&test).await;
        assert_eq!((balance(&test.app, "donations", "USD").await, balance(&test.app, "stripe_fees", "USD").await), (0, 2_000));
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn a_second_payment_for_one_donation_is_put_aside_for_a_person(test: TestApp) {
        let given = give(&test, 4_200, "USD").await;
        let mut again = crate::donations::reconcile::a_checkout(&test, &given.id.to_string());
        again.idempotency_key = "another".to_owned();
        let session = test.app.stripe.create_checkout(&again).await.unwrap().session_id;
        test.stripe.standin.pay(&session, crate::donations::helpers::GOOD_CARD);
        reconcile(&test).await;
        let open = open(&test).await;
        assert!(open.iter().any(|(kind, detail)| kind == "put_aside" && detail.contains("A second payment")), "{open:?}");
        assert_eq!(balance(&test.app, "donations", "USD").await, -4_200, "it is income once");
        assert_eq!(balance(&test.app, "other_activity", "USD").await, -4_200);
        test.app.clock.advance(TimeDelta::hours(2));
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn what_a_person_said_a_movement_is_stays(test: TestApp) {
        let given = give(&test, 5_000, "EUR").await;
        let row = BalanceRow { kind: "adjustment", category: "partial_capture_reversal", gross: money(-50, "EUR"), fee: 0 };
        let txn = test.stripe.standin.book_for(given.checkout_session_id.as_deref().unwrap(), &row).expect("a movement");
        assert_eq!(reconcile(&test).await.unmapped, 1);
        payouts::map_movement(&test.app, &Actor::system(), &txn, BalanceMapping::Other, "looked it up").await.unwrap();
        assert_eq!(balance(&test.app, "unmapped", "EUR").await, 0);
        assert_second_look_writes_nothing(&test).await;
        assert_eq!(balance(&test.app, "other_activity", "EUR").await, 50);
        assert_verified(&test).await;
    }

    async fn books_whose_first_reading_was_cut_off_begin_whole_all_the_same(test: TestApp) {
        give(&test, 2_500, "EUR").await;
        test.app.clock.advance(TimeDelta::days(1));
        give(&test, 2_500, "EUR").await;
        test.app.clock.advance(TimeDelta::days(60));
        let all = test.app.stripe.list_balance(BalanceQuery::Since(test.app.now() - TimeDelta::days(90)), None).await.unwrap().items;
        movements::take_in(&test.app, &all[..1], None, &mut movements::TakenIn::default()).await.unwrap();
        assert_eq!(count(&test.app, "balance_movement").await, 1, "the newest only, and then the power went");
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        assert_eq!(count(&test.app, "balance_movement").await, 2);
    }

    async fn a_payout_that_its_parts_did_not_explain_is_looked_at_again(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        let id = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        let db = Database::connect(&test.database.url).await.unwrap();
        db.execute_unprepared("update balance_movement set payout_id = null where mapped_to = 'gift'").await.unwrap();
        let detail = "Its parts leave EUR 48.25 unexplained.";
        let now = test.app.now();
        let lacking = differences::Found { kind: differences::REMAINDER, object: &id, detail, done: None };
        test.app.db.write(async |tx| differences::note(tx, lacking, now).await).await.unwrap();
        test.app.clock.advance(TimeDelta::days(50));
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        assert!(waterfall::remainder(test.app.db.read(), &payout_of(&test, &id).await).await.unwrap().is_empty());
        assert!(open(&test).await.is_empty(), "{:?}", open(&test).await);
        assert_verified(&test).await;
    }

    async fn an_automatic_payout_whose_parts_stripe_never_tells_is_rolled_forward_and_keeps_no_period_open(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        test.app.clock.advance(TimeDelta::days(3));
        let id = test.stripe.standin.pay_out().remove(0);
        test.stripe.standin.keep_parts_secret(&id);
        test.stripe.standin.complete_payout(&id);
        let day = |text: &str| text.parse().unwrap();
        let may = periods::make(&test.app, &Actor::system(), day("2026-05-01"), day("2026-05-31")).await.unwrap();
        test.app.clock.set("2026-06-02T00:00:00Z".parse().unwrap());
        assert_eq!(periods::obstacles(test.app.db.read(), &may, test.app.now()).await.unwrap(), [Obstacle::NotAsked], "a gift came by Stripe");
        payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
        let fall = waterfall::explain(test.app.db.read(), payout_of(&test, &id).await).await.unwrap();
        assert_eq!(fall.roll.expect("rolled forward").closing, money(0, "EUR"));
        assert_eq!(periods::obstacles(test.app.db.read(), &may, test.app.now()).await.unwrap(), []);
    }

    async fn what_is_paid_out_by_hand_closes_no_period_while_stripe_holds_other_money_than_the_books(test: TestApp) {
        let month = async || {
            let today = test.app.today();
            periods::make(&test.app, &Actor::system(), today, today + chrono::Days::new(9)).await.unwrap()
        };
        let obstacles = async |of: &entity::accounting_period::Model| periods::obstacles(test.app.db.read(), of, test.app.now()).await.unwrap();
        let pay = async |by_hand: bool| {
            give(&test, 5_000, "EUR").await;
            test.app.clock.advance(TimeDelta::days(5));
            if by_hand {
                test.stripe.standin.complete_payout(&test.stripe.standin.pay_out_by_hand(money(1_000, "EUR")));
            } else {
                pay_out(&test).await;
            }
            test.app.clock.advance(TimeDelta::days(15));
            payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
        };
        let of_itself = month().await;
        pay(false).await;
        let of_hand = month().await;
        pay(true).await;
        assert!(open(&test).await.is_empty(), "{:?}", open(&test).await);
        let note = async |kind: &'static str, object: &str, detail: &str, done: Option<&str>| {
            let (now, found) = (test.app.now(), differences::Found { kind, object, detail, done });
            test.app.db.write(async |tx| differences::note(tx, found, now).await).await.unwrap();
        };
        note(differences::BALANCE, "USD", "What Stripe holds less what the books say: USD 7.00.", None).await;
        assert_eq!(obstacles(&of_hand).await, [], "nothing was paid out by hand in that currency");
        note(differences::UNLISTED, "balance", "Stripe does not give what it holds.", None).await;
        assert_eq!((obstacles(&of_hand).await, obstacles(&of_itself).await), (vec![Obstacle::Held(1)], vec![]), "nothing is proven");
        note(differences::UNLISTED, "balance", "Stripe gives it.", Some("Stripe gives it.")).await;
        // A fee that Stripe has not told yet, or a debit under way, keeps no month open.
        note(differences::BALANCE, "EUR", "What Stripe holds less what the books say: EUR 15.00. EUR 15.00 of it is of payments that are under way, or whose fee Stripe has not told yet.", None).await;
        assert_eq!(obstacles(&of_hand).await, []);
        note(differences::BALANCE, "EUR", "What Stripe holds less what the books say: EUR 7.00. EUR 7.00 of it is in no movement that Stripe has listed.", None).await;
        assert_eq!(obstacles(&of_itself).await, [], "its parts say what it is made of");
        assert_eq!(obstacles(&of_hand).await, [Obstacle::Held(1)]);
        assert!(periods::close(&test.app, &Actor::system(), of_hand.id).await.is_err());
        test.sign_in_as(entity::words::Role::Finance).await;
        let page = test.get(&format!("/desk/periods/{}", of_hand.id)).await;
        assert!(page.body.contains("what Stripe holds does not agree with the books") && page.body.contains("/desk/differences?open=yes"), "{}", page.body);
        let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
        let id = all.into_iter().find(|one| one.kind == differences::BALANCE && one.object_id == "EUR").expect("it is told").id;
        differences::settle_by_hand(&test.app, &Actor::system(), id, "the opening balance").await.unwrap();
        assert_eq!(obstacles(&of_hand).await, []);
        periods::close(&test.app, &Actor::system(), of_hand.id).await.unwrap();
    }

    async fn a_payout_at_once_with_its_fee_adds_up(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        test.app.clock.advance(TimeDelta::days(3));
        let id = test.stripe.standin.pay_out_at_once(money(3_000, "EUR"), 45);
        test.stripe.standin.complete_payout(&id);
        reconcile(&test).await;
        let roll = waterfall::explain(test.app.db.read(), payout_of(&test, &id).await).await.unwrap().roll.expect("a roll-forward");
        let moved: i64 = roll.lines.iter().map(|line| line.sums.net.minor).sum();
        assert_eq!(roll.opening.minor + moved + roll.leaves.minor - roll.fee.minor, roll.closing.minor);
        assert_eq!((roll.fee, roll.closing), (money(45, "EUR"), money(4_825 - 3_045, "EUR")));
        assert_eq!((balance(&test.app, "bank", "EUR").await, balance(&test.app, "stripe_fees", "EUR").await), (3_000, 175 + 45));
        assert_verified(&test).await;
    }

    async fn what_stripe_holds_is_held_against_the_books(test: TestApp) {
        test.stripe.standin.book(&BalanceRow { kind: "topup", category: "topup", gross: money(700, "EUR"), fee: 0 });
        test.app.clock.advance(TimeDelta::days(60));
        give(&test, 5_000, "EUR").await;
        give(&test, 3_000, "JPY").await;
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        let told = open(&test).await;
        assert_eq!(told.len(), 1, "the yen agree: {told:?}");
        assert!(told[0].0 == "balance" && told[0].1.contains("7.00") && told[0].1.contains("before the books begin on 2026-"), "{told:?}");
        let id = difference::Entity::find().one(test.app.db.read()).await.unwrap().unwrap().id;
        differences::settle_by_hand(&test.app, &Actor::system(), id, "the opening balance").await.unwrap();
        give(&test, 1_000, "EUR").await;
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        assert!(open(&test).await.is_empty(), "what a person settled stays settled while it is the same");
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::days(90), |_, _| {}).await.unwrap();
        assert!(open(&test).await.is_empty(), "{:?}", open(&test).await);
        assert_eq!(balance(&test.app, "stripe_clearing", "EUR").await, test.app.stripe.fetch_balance().await.unwrap().of_currency("EUR".parse().unwrap()).unwrap().minor);
    }

    async fn a_difference_that_is_over_is_settled_by_itself(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        reconcile(&test).await;
        let (now, movement) = (test.app.now(), store::left_over_page(test.app.db.read(), None).await.unwrap());
        assert!(movement.is_empty());
        let txn = test.app.stripe.list_balance(BalanceQuery::Since(now - TimeDelta::days(1)), None).await.unwrap().items.remove(0).id;
        let lacking = differences::Found { kind: differences::NOT_POSTED, object: &txn, detail: "It is not in the books.", done: None };
        test.app.db.write(async |tx| differences::note(tx, lacking, now).await).await.unwrap();
        assert_eq!(store::count_left_over(test.app.db.read()).await.unwrap(), 1, "it waits for a person too");
        reconcile(&test).await;
        assert!(open(&test).await.is_empty());
        assert_eq!(store::count_left_over(test.app.db.read()).await.unwrap(), 0);
    }
}
