//! Movements of the balance: each is taken in once, mapped, and in the ledger.

use super::{give, money, pay_out, reconcile};
use crate::{
    donations::{
        helpers::{GOOD_CARD, balance, balances, count, everything, number},
        reconcile::{a_checkout, foreign_session},
    },
    support::{TestApp, gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    balance_movement, difference,
    words::{BalanceMapping, DonationStatus},
};
use sea_orm::EntityTrait;
use wellwisher::{
    ledger,
    payments::{BalanceEntry, BalanceQuery, standin::BalanceRow},
    payouts::{mapping, mapping_of, movements, store},
    reports::verify,
};

fn book(test: &TestApp, kind: &'static str, category: &'static str, gross: i64, fee: i64) -> String {
    test.stripe.standin.book(&BalanceRow { kind, category, gross: money(gross, "EUR"), fee })
}

async fn take_in(test: &TestApp) -> movements::TakenIn {
    let mut taken = movements::TakenIn::default();
    let since = BalanceQuery::Since(test.app.now() - TimeDelta::days(1));
    movements::take_in_all(&test.app, since, None, &mut taken).await.expect("Stripe answers");
    taken
}

async fn differences(test: &TestApp) -> Vec<(String, bool)> {
    let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().map(|one| (one.kind, one.settled_at.is_some())).collect()
}

/// The movement of the only gift, read as if nobody had known of the gift.
async fn take_for_others(test: &TestApp) -> BalanceEntry {
    let entry = test.app.stripe.list_balance(BalanceQuery::Since(test.app.now()), None).await.unwrap().items.remove(0);
    let mapped_to = mapping::mapping_in(&entry.balance, &entry.kind, &entry.category, false);
    let movement = balance_movement::Model {
        id: entry.id.clone(),
        category: entry.category.clone(),
        kind: entry.kind.clone(),
        source_id: entry.source.id.clone(),
        gross_minor: entry.gross.minor,
        fee_minor: entry.fee.minor,
        net_minor: entry.net.minor,
        currency: entry.net.currency,
        occurred_at: entry.created,
        available_at: entry.available_on,
        payout_id: None,
        donation_id: None,
        mapped_to,
        heard_at: test.app.now(),
        balance: entry.balance.clone(),
    };
    let (posting, now) = (mapping::posting_of(&movement, mapped_to).unwrap().unwrap(), test.app.now());
    let write = async |tx: &sea_orm::DatabaseTransaction| {
        store::insert_movement(tx, movement.clone()).await?;
        ledger::post(tx, &posting, now).await
    };
    assert!(test.app.db.write(write).await.unwrap());
    entry
}

on_both_databases! {
    async fn every_movement_is_posted_to_its_account_and_a_second_look_writes_nothing(test: TestApp) {
        test.books_end_broken("a movement of an unknown kind waits for finance");
        give(&test, 10_000, "EUR").await;
        book(&test, "stripe_fee", "fee", -200, 0);
        book(&test, "stripe_fee", "fee", 0, 70);
        book(&test, "reserve_hold", "risk_reserved_funds", -500, 0);
        book(&test, "reserve_release", "risk_reserved_funds", 100, 0);
        book(&test, "topup", "topup", 1_000, 0);
        book(&test, "contribution", "contribution", -30, 0);
        book(&test, "adjustment", "something_new", -50, 5);
        foreign_session(&test).await;
        let report = reconcile(&test).await;
        assert_eq!((report.movements.seen, report.movements.new, report.unmapped), (9, 9, 1));
        let expected = [
            ("donations", "EUR", -10_000),
            ("stripe_fees", "EUR", 320 + 200 + 70),
            ("stripe_reserve", "EUR", 400),
            ("bank", "EUR", -1_000),
            ("other_activity", "EUR", 30),
            ("unmapped", "EUR", 55),
            ("stripe_clearing", "EUR", 10_000 - 320 - 200 - 70 - 500 + 100 + 1_000 - 30 - 55),
            ("other_activity", "USD", -(4_200 - 152)),
            ("stripe_clearing", "USD", 4_200 - 152),
        ];
        for (account, code, minor) in expected {
            assert_eq!(balance(&test.app, account, code).await, minor, "{account} {code}");
        }
        assert_eq!(balances(&test.app).await.len(), expected.len());
        let before = everything(&test.app).await;
        let again = reconcile(&test).await;
        assert_eq!((again.movements.seen, again.movements.new), (9, 0));
        assert_eq!(everything(&test.app).await, before, "a second look writes nothing");
    }

    async fn the_tax_on_fees_is_a_fee_and_the_least_balance_is_kept_back_from_a_payout_and_comes_back(test: TestApp) {
        give(&test, 10_000, "EUR").await;
        book(&test, "tax_fee", "tax", -61, 0);
        book(&test, "tax_fee", "tax", 8, 0);
        book(&test, "payout_minimum_balance_hold", "payout_minimum_balance_hold", -2_000, 0);
        let left = 10_000 - 320 - 61 + 8;
        assert_eq!(pay_out(&test).await.len(), 1);
        reconcile(&test).await;
        for (account, minor) in [("bank", left - 2_000), ("stripe_reserve", 2_000), ("stripe_fees", 320 + 61 - 8), ("stripe_clearing", 0)] {
            assert_eq!(balance(&test.app, account, "EUR").await, minor, "{account}");
        }
        book(&test, "payout_minimum_balance_release", "payout_minimum_balance_release", 2_000, 0);
        assert_eq!(reconcile(&test).await.unmapped, 0);
        for (account, minor) in [("bank", left - 2_000), ("stripe_reserve", 0), ("stripe_clearing", 2_000)] {
            assert_eq!(balance(&test.app, account, "EUR").await, minor, "{account}");
        }
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
    }

    async fn a_movement_keeps_no_words_and_names_its_donation(test: TestApp) {
        let gift = give(&test, 2_500, "EUR").await;
        reconcile(&test).await;
        let movement = balance_movement::Entity::find().one(test.app.db.read()).await.unwrap().expect("a movement");
        assert_eq!((movement.donation_id, movement.mapped_to, movement.net_minor), (Some(gift.id), BalanceMapping::Gift, 2_397));
        assert_eq!(Some(movement.source_id), gift.charge_id);
        assert_eq!(count(&test.app, "ledger_transaction").await, 2, "the gift and its fee were there already");
    }

    async fn a_gift_that_only_the_balance_tells_of_is_settled_and_written_down(test: TestApp) {
        let started = test.start(&gift(2_500, "EUR")).await;
        test.pay_unheard(&started);
        assert_eq!(take_in(&test).await.not_posted, Vec::<String>::new());
        assert_eq!(test.donation(started.id).await.status, DonationStatus::Paid);
        assert_eq!((balance(&test.app, "stripe_clearing", "EUR").await, count(&test.app, "receipt").await), (2_397, 1));
        assert_eq!(differences(&test).await, [("not_posted".to_owned(), true)]);
        let before = everything(&test.app).await;
        take_in(&test).await;
        assert_eq!(everything(&test.app).await, before);
        assert!(verify(&test.app).await.unwrap().is_ok());
    }

    async fn what_was_taken_for_somebody_elses_is_put_right_when_its_donation_is_known(test: TestApp) {
        let gift = give(&test, 2_500, "EUR").await;
        let entry = take_for_others(&test).await;
        assert!(!verify(&test.app).await.unwrap().is_ok(), "it is in the books twice");
        take_in(&test).await;
        let right = store::movement(test.app.db.read(), &entry.id).await.unwrap().unwrap();
        assert_eq!((right.mapped_to, right.donation_id), (BalanceMapping::Gift, Some(gift.id)));
        assert_eq!((balance(&test.app, "other_activity", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (0, 2_397));
        assert_eq!(differences(&test).await, [("taken_for_other".to_owned(), true)]);
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
        let before = everything(&test.app).await;
        take_in(&test).await;
        assert_eq!(everything(&test.app).await, before);
    }

    async fn the_same_in_a_balance_that_is_not_known_is_then_held_back(test: TestApp) {
        let gift = give(&test, 2_500, "EUR").await;
        let entry = test.app.stripe.list_balance(BalanceQuery::Since(test.app.now()), None).await.unwrap().items.remove(0);
        assert!(test.stripe.standin.move_to("settlement_reserved", &entry.id));
        let entry = take_for_others(&test).await;
        let books = async |account| balance(&test.app, account, "EUR").await;
        assert_eq!((books("unmapped").await, books("stripe_reserve").await, books("stripe_clearing").await), (-2_397, 2_397, 2_397));
        take_in(&test).await;
        let right = store::movement(test.app.db.read(), &entry.id).await.unwrap().unwrap();
        assert_eq!((right.mapped_to, right.donation_id), (BalanceMapping::Gift, Some(gift.id)));
        assert_eq!((books("unmapped").await, books("stripe_reserve").await, books("stripe_clearing").await), (0, 2_397, 0));
        assert_eq!(differences(&test).await, [("taken_for_other".to_owned(), true), ("unknown_balance".to_owned(), false)]);
        assert!(verify(&test.app).await.unwrap().is_ok());
        let report = reconcile(&test).await;
        assert!(report.in_unknown_balances == 1 && !report.is_clean(), "it waits for a person: {report:?}");
    }

    async fn a_payment_of_a_donation_that_is_not_here_is_not_ours_and_is_shown(test: TestApp) {
        let new = a_checkout(&test, "019a0000-0000-7000-8000-000000000001");
        let session = test.app.stripe.create_checkout(&new).await.unwrap().session_id;
        test.stripe.standin.pay(&session, GOOD_CARD);
        let report = reconcile(&test).await;
        assert_eq!(report.sessions.unknown, [session]);
        assert!(!report.is_clean());
        let mut all = differences(&test).await;
        all.sort();
        assert_eq!(all, [("unknown_donation".to_owned(), false), ("unknown_session".to_owned(), false)]);
        assert_eq!(balance(&test.app, "other_activity", "USD").await, -4_048);
        let before = everything(&test.app).await;
        reconcile(&test).await;
        assert_eq!(everything(&test.app).await, before);
    }

    async fn the_books_begin_whole_however_short_the_first_look_back_is(test: TestApp) {
        give(&test, 2_500, "EUR").await;
        test.app.clock.advance(TimeDelta::days(60));
        let report = wellwisher::payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        assert_eq!(report.movements.new, 1);
        test.app.clock.advance(TimeDelta::days(60));
        let report = wellwisher::payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        assert_eq!(report.movements.seen, 0, "from then on only what is new is read");
    }

    async fn two_processes_that_take_the_same_in_write_it_once(test: TestApp) {
        for _ in 0..5 {
            give(&test, 2_500, "EUR").await;
        }
        for _ in 0..20 {
            book(&test, "stripe_fee", "fee", -10, 0);
        }
        let both = futures_util::future::join(take_in(&test), take_in(&test)).await;
        assert_eq!(both.0.new + both.1.new, 25);
        assert_eq!((count(&test.app, "balance_movement").await, balance(&test.app, "stripe_fees", "EUR").await), (25, 5 * 103 + 200));
    }

    async fn currencies_of_every_kind_reach_the_bank_to_the_last_unit(test: TestApp) {
        for (code, minor) in [("JPY", 5_000), ("KWD", 12_340), ("ISK", 500_000), ("HUF", 900_000), ("EUR", 9_999)] {
            give(&test, minor, code).await;
            give(&test, minor, code).await;
        }
        let made = pay_out(&test).await;
        assert_eq!(made.len(), 5);
        reconcile(&test).await;
        for code in ["JPY", "KWD", "ISK", "HUF", "EUR"] {
            let net = number(&test.app, &format!(
                "select cast(sum(net_minor) as bigint) as n from balance_movement where currency = '{code}' and mapped_to = 'gift'")).await;
            assert!(net > 0);
            assert_eq!(balance(&test.app, "bank", code).await, net, "{code}");
            assert_eq!(balance(&test.app, "stripe_clearing", code).await, 0, "{code}");
        }
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
    }

    async fn a_settlement_in_another_currency_is_the_movement_of_that_currency(test: TestApp) {
        let test = crate::donations::helpers::before(test, |options| {
            options.fees.settlement_currency = Some("EUR".parse().unwrap());
            options.record = Some(crate::support::stripe_traffic_file());
        }).await;
        give(&test, 2_500, "USD").await;
        let made = pay_out(&test).await;
        reconcile(&test).await;
        assert_eq!(made.len(), 1);
        assert_eq!((balance(&test.app, "bank", "EUR").await, balance(&test.app, "stripe_clearing", "EUR").await), (2_177, 0));
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
    }
}

#[test]
fn a_category_that_is_not_known_is_for_a_person() {
    use BalanceMapping as To;
    for (category, ours, to) in [
        ("charge", true, To::Gift),
        ("charge", false, To::Other),
        ("refund", true, To::Refund),
        ("dispute_reversal", true, To::DisputeReversal),
        ("charge_failure", true, To::Refund),
        ("partial_capture_reversal", true, To::Unmapped),
        ("charge_failure", false, To::Other),
        ("payout_reversal", false, To::PayoutFailure),
        ("other_adjustment", false, To::Unmapped),
        ("tax", false, To::Unmapped),
        ("", false, To::Unmapped),
    ] {
        assert_eq!(mapping_of(category, ours), to, "{category}");
    }
}
