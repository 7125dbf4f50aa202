//! Money that Stripe keeps in other balances than the one that is paid out: told apart, never silently mixed.

use super::{give, money, pay_out, payout_of, reconcile};
use crate::{
    donations::helpers::{balance, everything},
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::{difference, last_outcome, words::BalanceMapping};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, EntityTrait, QuerySelect};
use sea_orm_migration::MigratorTrait;
use wellwisher::{
    donations,
    ledger::periods::{self, Obstacle},
    payments::{BalanceQuery, balance::RESERVED, standin::BalanceRow},
    payouts::{self, differences, mapping, store, waterfall},
    reports::verify,
    staff::Actor,
};

const PREFUNDING: &str = "refund_and_dispute_prefunding";

fn book_in(test: &TestApp, balance: &'static str, kind: &'static str, category: &'static str, gross: i64) -> String {
    test.stripe.standin.book_in(balance, &BalanceRow { kind, category, gross: money(gross, "EUR"), fee: 0 })
}

/// The movement of the balance that the latest refund made.
async fn refund_entry(test: &TestApp) -> String {
    let page = test.app.stripe.list_balance(BalanceQuery::Since(test.app.now() - TimeDelta::days(1)), None).await.unwrap();
    page.items.into_iter().find(|entry| entry.category == "refund").expect("a refund").id
}

/// The differences that wait: kind and what was found.
async fn open(test: &TestApp) -> Vec<(String, String)> {
    let all = difference::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().filter(|one| one.settled_at.is_none()).map(|one| (one.kind, one.detail)).collect()
}

async fn assert_verified(test: &TestApp) {
    let report = verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}

async fn assert_second_look_writes_nothing(test: &TestApp) {
    let before = everything(&test.app).await;
    reconcile(test).await;
    assert_eq!(everything(&test.app).await, before, "a second look writes nothing");
}

async fn in_books(test: &TestApp, accounts: [&str; 3]) -> [i64; 3] {
    let mut sums = [0; 3];
    for (sum, account) in sums.iter_mut().zip(accounts) {
        *sum = balance(&test.app, account, "EUR").await;
    }
    sums
}

/// What a period that has just ended waits for.
async fn obstacles(test: &TestApp) -> Vec<Obstacle> {
    test.app.clock.set("2026-06-02T00:00:00Z".parse().unwrap());
    payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
    let day = |text: &str| text.parse().unwrap();
    let period = match periods::list(test.app.db.read()).await.unwrap().pop() {
        Some(period) => period,
        None => periods::make(&test.app, &Actor::system(), day("2026-05-01"), day("2026-05-31")).await.unwrap(),
    };
    periods::obstacles(test.app.db.read(), &period, test.app.now()).await.unwrap()
}

on_both_databases! {
    async fn what_is_held_back_is_told_once_although_both_balances_tell_of_it(test: TestApp) {
        give(&test, 10_000, "EUR").await;
        book_in(&test, "payments", "reserve_hold", "risk_reserved_funds", -2_000);
        book_in(&test, RESERVED, "reserve_hold", "risk_reserved_funds", 2_000);
        // A category that is new, of a type that is known.
        book_in(&test, "payments", "reserve_release", "reserve_released", 500);
        book_in(&test, RESERVED, "reserve_release", "reserve_released", -500);
        let report = reconcile(&test).await;
        assert_eq!((report.unmapped, report.movements.new), (0, 5));
        let accounts = ["stripe_clearing", "stripe_reserve", "unmapped"];
        assert_eq!(in_books(&test, accounts).await, [10_000 - 320 - 1_500, 1_500, 0]);
        assert_eq!(open(&test).await, [], "what Stripe holds is what the books say");
        assert_second_look_writes_nothing(&test).await;
        let made = pay_out(&test).await;
        reconcile(&test).await;
        let payout = payout_of(&test, &made[0]).await;
        let fall = waterfall::explain(test.app.db.read(), payout).await.unwrap();
        let reserve = fall.lines.iter().find(|line| line.mapping == BalanceMapping::Reserve).expect("a line of its own");
        assert_eq!((reserve.sums.count, reserve.sums.net), (2, money(-1_500, "EUR")));
        assert_eq!((fall.amount, fall.remainder.len()), (money(8_180, "EUR"), 0));
        assert_eq!(in_books(&test, ["stripe_clearing", "stripe_reserve", "bank"]).await, [0, 1_500, 8_180]);
        test.app.clock.advance(TimeDelta::hours(2));
        assert_verified(&test).await;
        assert_eq!(obstacles(&test).await, [], "nothing of it keeps a period from closing");
    }

    async fn a_refund_from_what_was_put_aside_for_refunds_is_no_part_of_a_payout(test: TestApp) {
        let given = give(&test, 10_000, "EUR").await;
        book_in(&test, PREFUNDING, "topup", "topup", 3_000);
        test.stripe.standin.refund(given.checkout_session_id.as_deref().unwrap(), Some(1_000)).unwrap();
        assert!(test.stripe.standin.move_to(PREFUNDING, &refund_entry(&test).await));
        let made = pay_out(&test).await;
        assert!(reconcile(&test).await.is_clean());
        // Stripe does not list it with the payout. If it did, it would be no part of it either.
        let payout = payout_of(&test, &made[0]).await;
        assert_eq!(payout.amount_minor, 10_000 - 320, "the refund was not paid from it");
        let movement = refund_entry_of(&test).await;
        test.app.db.write(async |tx| store::set_payout(tx, &movement, &made[0]).await).await.unwrap();
        let fall = waterfall::explain(test.app.db.read(), payout).await.unwrap();
        assert_eq!((fall.total.net, fall.remainder.len()), (fall.amount, 0));
        assert_eq!(fall.apart.iter().map(|line| (line.mapping, line.sums.net.minor)).collect::<Vec<_>>(), [(BalanceMapping::Refund, -1_000)]);
        // It stays what Stripe holds for us, and all of it was found.
        assert_eq!(in_books(&test, ["stripe_clearing", "donations", "bank"]).await, [2_000, -9_000, 9_680 - 3_000]);
        assert!(open(&test).await.is_empty());
        test.app.clock.advance(TimeDelta::hours(2));
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn balances_that_agree_only_together_are_told_and_put_right_when_they_are_read_again(test: TestApp) {
        give(&test, 10_000, "EUR").await;
        let topup = book_in(&test, "payments", "topup", "topup", 3_000);
        reconcile(&test).await;
        assert!(open(&test).await.is_empty());
        test.app.clock.advance(TimeDelta::days(60));
        assert!(test.stripe.standin.move_to(PREFUNDING, &topup));
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::hours(1), |_, _| {}).await.unwrap();
        let told = open(&test).await;
        assert!(told.len() == 1 && told[0].0 == differences::BALANCE && told[0].1.contains(PREFUNDING), "{told:?}");
        payouts::reconcile(&test.app, test.app.now() - TimeDelta::days(100), |_, _| {}).await.unwrap();
        assert!(open(&test).await.is_empty());
        assert_eq!(store::movement(test.app.db.read(), &topup).await.unwrap().unwrap().balance, PREFUNDING);
        assert_eq!(in_books(&test, ["stripe_clearing", "bank", "unmapped"]).await, [12_680, -3_000, 0], "it was booked right");
        assert_verified(&test).await;
    }

    async fn what_moves_in_a_balance_that_is_not_known_keeps_its_period_open_until_somebody_says_what_it_is(test: TestApp) {
        give(&test, 10_000, "EUR").await;
        book_in(&test, "payments", "transfer", "transfer", -700);
        let other = book_in(&test, "stored_value", "transfer", "transfer", 700);
        assert_eq!(obstacles(&test).await, [Obstacle::Unmapped(1)]);
        let accounts = ["unmapped", "stripe_reserve", "other_activity"];
        assert_eq!(in_books(&test, accounts).await, [-700, 700, 700]);
        assert!(open(&test).await.is_empty(), "what Stripe tells of agrees: {:?}", open(&test).await);
        mapping::map_movement(&test.app, &Actor::system(), &other, BalanceMapping::Other, "it went to the gift cards").await.unwrap();
        assert_eq!(in_books(&test, accounts).await, [0, 700, 0]);
        assert_eq!(obstacles(&test).await, []);
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn a_gift_in_a_balance_that_is_not_known_is_a_gift_held_back_and_waits_for_a_person(test: TestApp) {
        let given = give(&test, 10_000, "EUR").await;
        let page = test.app.stripe.list_balance(BalanceQuery::Since(test.app.now() - TimeDelta::days(1)), None).await.unwrap();
        assert!(test.stripe.standin.move_to("settlement_reserved", &page.items[0].id));
        reconcile(&test).await;
        let accounts = ["donations", "stripe_clearing", "stripe_reserve"];
        assert_eq!(in_books(&test, accounts).await, [-10_000, 0, 9_680], "all of it is income, and nothing of it can be paid out");
        donations::refresh(&test.app, given.id).await.unwrap();
        assert_eq!(obstacles(&test).await, [Obstacle::UnknownBalance(1)]);
        let told = difference::Entity::find().all(test.app.db.read()).await.unwrap().remove(0);
        assert!(told.kind == differences::UNKNOWN_BALANCE && told.detail.contains("settlement_reserved"), "{told:?}");
        differences::settle_by_hand(&test.app, &Actor::system(), told.id, "a reserve of Stripe's").await.unwrap();
        assert_eq!(obstacles(&test).await, []);
        // It is released: Stripe moves it into the balance that is paid out.
        assert!(test.stripe.standin.move_to("payments", &page.items[0].id));
        reconcile(&test).await;
        assert_eq!(in_books(&test, accounts).await, [-10_000, 9_680, 0]);
        test.app.clock.advance(TimeDelta::hours(2));
        assert_verified(&test).await;
        assert_second_look_writes_nothing(&test).await;
    }

    async fn a_balance_that_was_not_known_is_nobodys_business_once_the_money_has_left_it(test: TestApp) {
        give(&test, 10_000, "EUR").await;
        let page = test.app.stripe.list_balance(BalanceQuery::Since(test.app.now() - TimeDelta::days(1)), None).await.unwrap();
        assert!(test.stripe.standin.move_to("settlement_reserved", &page.items[0].id));
        reconcile(&test).await;
        assert_eq!(open(&test).await.len(), 1);
        assert!(test.stripe.standin.move_to("payments", &page.items[0].id));
        reconcile(&test).await;
        assert!(open(&test).await.is_empty());
        assert_verified(&test).await;
    }
}

#[tokio::test]
async fn after_the_upgrade_the_balance_is_read_from_the_beginning_once_more() {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await.unwrap();
    let before = migration::Migrator::migrations().iter().position(|step| step.name().starts_with("m0036_")).expect("the step");
    migration::Migrator::up(&database, Some(u32::try_from(before).unwrap())).await.unwrap();
    let at = "2026-05-01T00:00:00Z";
    for name in ["balance", "reconcile"] {
        let sql = format!(
            "insert into last_outcome (name, ok, summary, report, began_at, ended_at) values ('{name}', true, '', '{{}}', '{at}', '{at}')"
        );
        database.execute_unprepared(&sql).await.unwrap();
    }
    migration::Migrator::up(&database, None).await.unwrap();
    let kept =
        last_outcome::Entity::find().select_only().column(last_outcome::Column::Name).into_tuple::<String>().all(&database).await.unwrap();
    assert_eq!(kept, ["reconcile"]);
}

/// The refund's movement as it is here.
async fn refund_entry_of(test: &TestApp) -> String {
    let all = entity::balance_movement::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().find(|movement| movement.category == "refund").expect("the refund").id
}

#[test]
fn a_movement_is_judged_by_its_balance_its_type_and_its_category() {
    use BalanceMapping as To;
    for (balance, kind, category, ours, to) in [
        ("payments", "reserve_hold", "something_new", false, To::Reserve),
        ("payments", "adjustment", "something_new", false, To::Unmapped),
        ("payments", "tax_fee", "tax", false, To::StripeFee),
        ("payments", "tax_fee", "something_new", false, To::StripeFee),
        ("payments", "adjustment", "tax", false, To::Unmapped),
        ("payments", "tax_fund", "something_new", false, To::Unmapped),
        ("payments", "payout_minimum_balance_hold", "something_new", false, To::Reserve),
        ("payments", "payout_minimum_balance_release", "something_new", false, To::Reserve),
        ("something_new", "tax_fee", "tax", false, To::Unmapped),
        (RESERVED, "reserve_release", "risk_reserved_funds", false, To::Reserve),
        ("issuing", "issuing_transaction", "issuing_transaction", false, To::Other),
        (PREFUNDING, "topup", "topup", false, To::TopUp),
        (PREFUNDING, "refund", "refund", true, To::Refund),
        ("something_new", "topup", "topup", false, To::Unmapped),
        ("something_new", "charge", "charge", false, To::Unmapped),
        ("something_new", "charge", "charge", true, To::Gift),
    ] {
        assert_eq!(mapping::mapping_in(balance, kind, category, ours), to, "{balance} {kind} {category}");
    }
}
