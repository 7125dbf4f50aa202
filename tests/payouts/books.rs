//! `verify` holds every figure of the balance and the bank against the ledger, is run every hour, and its outcome is seen by all staff.

use super::{give, money, pay_out, reconcile};
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::words::Role;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use wellwisher::{
    ledger::periods,
    payments::standin::BalanceRow,
    reports::{Level, doctor, verify, verify_and_keep},
    staff::Actor,
    worker,
};

async fn let_everything_be_edited(test: &TestApp, db: &DatabaseConnection) {
    for table in ["ledger_transaction", "ledger_entry", "balance_movement"] {
        for operation in ["update", "delete"] {
            let sql = if test.database.is_postgres() {
                format!("alter table {table} disable trigger {table}_refuses_{operation}")
            } else {
                format!("drop trigger {table}_refuses_{operation}")
            };
            db.execute_unprepared(&sql).await.unwrap();
        }
    }
}

/// A rule, what breaks it, and what mends it again.
const TAMPERINGS: &[(&str, &str, &str)] = &[
    (
        "What each movement of Stripe's balance came to",
        "update balance_movement set gross_minor = gross_minor + 1, net_minor = net_minor + 1 where mapped_to = 'gift'",
        "update balance_movement set gross_minor = gross_minor - 1, net_minor = net_minor - 1 where mapped_to = 'gift'",
    ),
    (
        "What each movement of Stripe's balance came to",
        "update ledger_transaction set stripe_balance_transaction = 'txn_lost' where kind = 'stripe_fee'",
        "update ledger_transaction set stripe_balance_transaction = replace(source, ':stripe_fee', '') where kind = 'stripe_fee'",
    ),
    (
        "Every posting from Stripe's balance has its movement",
        "update ledger_transaction set stripe_balance_transaction = 'txn_lost' where kind = 'payout'",
        "update ledger_transaction set stripe_balance_transaction = replace(source, ':payout', '') where kind = 'payout'",
    ),
    (
        "A movement changes what Stripe holds in its own currency only",
        "insert into ledger_entry (transaction_id, account, amount_minor, currency)
            select id, 'stripe_clearing', 7, 'USD' from ledger_transaction where kind = 'stripe_fee'",
        "delete from ledger_entry where currency = 'USD'",
    ),
    (
        "Every movement of Stripe's balance is of a known kind",
        "update balance_movement set mapped_to = 'unmapped' where mapped_to = 'stripe_fee'",
        "update balance_movement set mapped_to = 'stripe_fee' where mapped_to = 'unmapped'",
    ),
    (
        "Each itemised payout is the sum of its parts",
        "update balance_movement set payout_id = null where mapped_to = 'stripe_fee'",
        "update balance_movement set payout_id = (select stripe_payout_id from payout) where mapped_to = 'stripe_fee'",
    ),
    (
        "The bank has what each payout brought",
        "update payout set amount_minor = amount_minor + 1",
        "update payout set amount_minor = amount_minor - 1",
    ),
    (
        "Each closed period is as it was closed",
        "update ledger_transaction set occurred_at = posted_at where kind = 'stripe_fee'",
        "update ledger_transaction set occurred_at = booked_at where kind = 'stripe_fee'",
    ),
    (
        "The database itself refuses to edit",
        "update ledger_entry set amount_minor = amount_minor",
        "update ledger_entry set amount_minor = amount_minor",
    ),
];

async fn some_money_at_the_bank(test: &TestApp) {
    give(test, 5_000, "EUR").await;
    test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-250, "EUR"), fee: 0 });
    pay_out(test).await;
    test.app.clock.set("2026-06-02T00:00:00Z".parse().unwrap());
    wellwisher::payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
    let day = |text: &str| text.parse().unwrap();
    let period = periods::make(&test.app, &Actor::system(), day("2026-05-01"), day("2026-05-31")).await.unwrap();
    periods::close(&test.app, &Actor::system(), period.id).await.unwrap();
    test.app.clock.advance(TimeDelta::hours(1));
}

on_both_databases! {
    async fn whatever_is_changed_behind_our_back_between_stripe_and_the_bank_is_found(test: TestApp) {
        some_money_at_the_bank(&test).await;
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
        let db = Database::connect(&test.database.url).await.unwrap();
        test.books_end_broken("the refusals to edit are taken out of the database");
        let_everything_be_edited(&test, &db).await;
        for (rule, tampering, mending) in TAMPERINGS {
            db.execute_unprepared(tampering).await.unwrap();
            let report = verify(&test.app).await.unwrap();
            let found = report.broken().find(|check| check.name.starts_with(rule));
            assert!(found.is_some_and(|check| !check.findings.is_empty()), "not found: {rule}\n{report:#?}");
            db.execute_unprepared(mending).await.unwrap();
            let report = verify(&test.app).await.unwrap();
            let left: Vec<_> = report.broken().filter(|check| !check.name.starts_with("The database itself")).collect();
            assert!(left.is_empty(), "mended: {rule} {left:#?}");
        }
    }

    async fn the_hourly_check_shows_on_every_page_what_is_broken_and_the_doctor_says_so(test: TestApp) {
        some_money_at_the_bank(&test).await;
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get("/desk/reports/verify/last").await.location(), "/desk", "never checked yet");
        let finding = |all: Vec<wellwisher::reports::Finding>| all.into_iter().find(|one| one.name == "hourly check").unwrap();
        assert_eq!(finding(doctor(&test.app).await).level, Level::Warn);
        worker::run_schedules(&test.app).await;
        assert!(test.get("/desk").await.texts(".alarm").is_empty());
        assert_eq!(finding(doctor(&test.app).await).level, Level::Ok);
        assert_eq!(test.get("/desk/reports/verify/last").await.texts("p.done").len(), 1);

        let db = Database::connect(&test.database.url).await.unwrap();
        db.execute_unprepared("update payout set amount_minor = amount_minor + 1").await.unwrap();
        test.app.clock.advance(TimeDelta::minutes(59));
        worker::run_schedules(&test.app).await;
        test.sign_in_as(Role::Editor).await;
        assert!(test.get("/desk").await.texts(".alarm").is_empty(), "it is checked every hour");
        test.app.clock.advance(TimeDelta::minutes(2));
        verify_and_keep(&test.app).await.unwrap();
        test.sign_in_as(Role::Editor).await;
        for path in ["/desk", "/desk/articles", "/desk/donations"] {
            let alarm = test.get(path).await.texts(".alarm").concat();
            assert!(alarm.contains("Each itemised payout is the sum of its parts."), "{path}: {alarm}");
        }
        let page = test.get("/desk/reports/verify/last").await;
        assert!(page.texts("table li").iter().any(|finding| finding.contains("po_")), "{}", page.body);
        assert_eq!(finding(doctor(&test.app).await).level, Level::Fail);

        db.execute_unprepared("update payout set amount_minor = amount_minor - 1").await.unwrap();
        verify_and_keep(&test.app).await.unwrap();
        assert!(test.get("/desk").await.texts(".alarm").is_empty());
    }

    async fn the_worker_checks_every_hour_by_itself_and_the_desk_says_what_broke(test: TestApp) {
        some_money_at_the_bank(&test).await;
        worker::run_schedules(&test.app).await;
        let db = Database::connect(&test.database.url).await.unwrap();
        test.books_end_broken("the refusals to edit are taken out of the database");
        let_everything_be_edited(&test, &db).await;
        db.execute_unprepared("update ledger_entry set amount_minor = amount_minor + 1 where account = 'bank'").await.unwrap();
        for (minutes, expected) in [(58, false), (3, true)] {
            test.app.clock.advance(TimeDelta::minutes(minutes));
            worker::run_schedules(&test.app).await;
            test.sign_in_as(Role::Editor).await;
            let alarm = test.get("/desk").await.texts(".alarm").concat();
            assert_eq!(alarm.contains("Each transaction of the ledger sums to zero in every currency."), expected, "{minutes}: {alarm}");
        }
        let page = test.get("/desk/reports/verify/last").await;
        assert!(page.texts("table li").iter().any(|finding| finding.starts_with("ledger transaction ")), "{}", page.body);
    }

    async fn a_movement_that_was_just_heard_of_may_wait_for_its_donation(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        reconcile(&test).await;
        let db = Database::connect(&test.database.url).await.unwrap();
        let row = "insert into balance_movement (id, category, kind, source_id, gross_minor, fee_minor, net_minor, currency, occurred_at,
            available_at, payout_id, donation_id, mapped_to, heard_at) select 'txn_new', category, kind, source_id, gross_minor, fee_minor,
            net_minor, currency, occurred_at, available_at, payout_id, donation_id, mapped_to, heard_at from balance_movement";
        db.execute_unprepared(row).await.unwrap();
        assert!(verify(&test.app).await.unwrap().is_ok());
        test.app.clock.advance(TimeDelta::minutes(20));
        let report = verify(&test.app).await.unwrap();
        let broken: Vec<_> = report.broken().collect();
        assert_eq!(broken.len(), 1);
        assert!(broken[0].findings[0].starts_with("movement txn_new (gift, no posting)"), "{:?}", broken[0].findings);
        test.books_end_broken("a movement has no posting");
    }
}
