//! `verify` holds when all is well, and names each row that was changed behind the program's back.

use super::{behind_its_back, run};
use crate::support::{TestApp, gift, hand_gift, on_both_databases};
use sea_orm::DatabaseConnection;
use wellwisher::{
    donations::{by_hand, care},
    reports::verify,
    staff::Actor,
};

/// Two paid gifts (one for two of an item), one that waits, and something in the audit trail.
async fn some_gifts(test: &TestApp) {
    let campaign = test.add_campaign("winter").await;
    let item = test.add_item("bag", 10, campaign).await;
    let mut given = gift(5_000, "EUR");
    (given.campaign_id, given.item) = (Some(campaign), Some((item, 2)));
    let paid = test.give(&given).await;
    test.give_settled_in(&gift(10_000, "USD"), "EUR", 9_200, 307).await;
    test.start(&gift(7_700, "EUR")).await;
    care::resend_receipt(&test.app, &Actor::system(), paid.id, None).await.unwrap();
    test.enter(&hand_gift(test, 4_000, "GBP")).await;
    let mistaken = test.enter(&hand_gift(test, 4_100, "GBP")).await;
    by_hand::reverse(&test.app, &Actor::system(), mistaken.id, "entered for another day").await.unwrap();
}

/// Takes the refusals out of the database, as somebody with its password could.
pub async fn let_everything_be_edited(test: &TestApp, db: &DatabaseConnection) {
    let tables = [
        "ledger_transaction",
        "ledger_entry",
        "donation_step",
        "letter_attempt",
        "audit_entry",
        "stripe_event",
        "receipt",
        "donation",
        "balance_movement",
    ];
    for table in tables {
        for operation in ["update", "delete"] {
            if test.database.is_postgres() {
                run(db, &format!("alter table {table} disable trigger {table}_refuses_{operation}")).await;
            } else {
                run(db, &format!("drop trigger {table}_refuses_{operation}")).await;
            }
        }
    }
}

/// A rule, what breaks it, and what mends it again.
const TAMPERINGS: &[(&str, &str, &str)] = &[
    (
        "Each transaction of the ledger sums to zero",
        "update ledger_entry set amount_minor = amount_minor + 1 where id = (select min(id) from ledger_entry)",
        "update ledger_entry set amount_minor = amount_minor - 1 where id = (select min(id) from ledger_entry)",
    ),
    (
        "The whole ledger sums to zero",
        "update ledger_entry set amount_minor = amount_minor - 1 where id = (select max(id) from ledger_entry)",
        "update ledger_entry set amount_minor = amount_minor + 1 where id = (select max(id) from ledger_entry)",
    ),
    (
        "Each paid donation is in the ledger once",
        "update donation set amount_minor = amount_minor + 1 where currency = 'USD'",
        "update donation set amount_minor = amount_minor - 1 where currency = 'USD'",
    ),
    (
        "Every posting belongs to a paid donation",
        "update donation set status = 'failed', paid_at = null where currency = 'USD'",
        "update donation set status = 'paid', paid_at = created_at where currency = 'USD'",
    ),
    (
        "What a gift is for in the ledger",
        "update donation set article_id = null, wish_item_id = null, wish_quantity = null where wish_item_id is not null",
        "update donation set wish_quantity = 2, wish_item_id = (select id from wish_item) where amount_minor = 5000",
    ),
    (
        "Stripe's fee of a donation is in the ledger once",
        "insert into ledger_transaction (kind, source, donation_id, occurred_at, posted_at, booked_at)
            select 'fee', 'txn_again:fee', donation_id, occurred_at, posted_at, booked_at from ledger_transaction where kind = 'fee' order by id limit 1",
        "delete from ledger_transaction where source = 'txn_again:fee'",
    ),
    (
        "Each paid donation names the checkout",
        "update donation set checkout_url = checkout_session_id, checkout_session_id = null where currency = 'USD'",
        "update donation set checkout_session_id = checkout_url, checkout_url = null where currency = 'USD'",
    ),
    (
        "A gift by hand names how it came",
        "update donation set method = 'barter' where amount_minor = 4000 and source = 'manual'",
        "update donation set method = 'cash' where amount_minor = 4000 and source = 'manual'",
    ),
    (
        "What was taken back was taken back once",
        "update ledger_transaction set reverses_id = (select min(id) from ledger_transaction) where kind = 'reversal'",
        "update ledger_transaction set reverses_id = (select t.id from ledger_transaction t where t.source || ':reversal' = ledger_transaction.source)
            where kind = 'reversal'",
    ),
    (
        "No form, checkout, payment or charge belongs to two",
        "update donation set checkout_url = charge_id, charge_id = payment_intent_id where currency = 'USD'",
        "update donation set charge_id = checkout_url, checkout_url = null where currency = 'USD'",
    ),
    (
        "Each paid donation has one valid receipt",
        "update receipt set status = 'void' where currency = 'USD'",
        "update receipt set status = 'issued' where currency = 'USD'",
    ),
    (
        "No receipt was given for what was not paid",
        "update donation set status = 'failed', paid_at = null where currency = 'USD'",
        "update donation set status = 'paid', paid_at = created_at where currency = 'USD'",
    ),
    (
        "Receipt numbers have no gaps",
        "update receipt set number = number + 10 where currency = 'USD'",
        "update receipt set number = number - 10 where currency = 'USD'",
    ),
    (
        "Each receipt has one first letter",
        "update letter set dedupe_key = 'lost' where dedupe_key = 'receipt:R-2026-000002'",
        "update letter set dedupe_key = 'receipt:R-2026-000002' where dedupe_key = 'lost'",
    ),
    ("No more of a wish item is held", "update wish_item set quantity = 1", "update wish_item set quantity = 10"),
    (
        "A wish item is paid where its donation is",
        "update wish_reservation set state = 'released'",
        "update wish_reservation set state = 'paid'",
    ),
    (
        "Every reader's beacon of a closed day",
        "insert into reader_day (scope, scope_id, day, source, readers, views, duplicates, bots, prefetch, opt_out, malformed, unknown_article,
            capped, staff, received, epochs, readers_min, form, rules_version, closed)
            values ('site', '', '2026-04-30', 'script', 3, 5, 0, 1, 0, 0, 0, 0, 0, 0, 7, 1, 3, 'exact', 1, true)",
        "delete from reader_day",
    ),
    (
        "What a campaign shows as raised",
        "update ledger_entry set amount_minor = amount_minor - 1 where account = 'donations' and campaign_id is not null",
        "update ledger_entry set amount_minor = amount_minor + 1 where account = 'donations' and campaign_id is not null",
    ),
    (
        "What each receipt says",
        "update receipt set snapshot = replace(snapshot, '10000', '20000') where currency = 'USD'",
        "update receipt set snapshot = replace(snapshot, '20000', '10000') where currency = 'USD'",
    ),
    (
        "The audit trail is whole",
        "update audit_entry set action = 'nothing.happened'",
        "update audit_entry set action = replace(substr('receipt.resend  donation.enter  donation.enter  donation.reverse', cast((id - 1) * 16 + 1 as integer), 16), ' ', '')",
    ),
];

on_both_databases! {
    async fn all_rules_hold_after_gifts_of_every_kind(test: TestApp) {
        assert!(verify(&test.app).await.unwrap().is_ok(), "an empty house is in order");
        some_gifts(&test).await;
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
        assert!(report.checks.iter().filter(|check| check.rows_checked > 0).count() >= 16, "{report:#?}");
    }

    async fn whatever_is_changed_behind_our_back_is_found_and_named(test: TestApp) {
        some_gifts(&test).await;
        let db = behind_its_back(&test).await;
        test.books_end_broken("the refusals to edit are taken out of the database");
        let_everything_be_edited(&test, &db).await;
        let report = verify(&test.app).await.unwrap();
        let broken: Vec<_> = report.broken().collect();
        assert_eq!(broken.len(), 1, "{broken:#?}");
        assert!(broken[0].findings.contains(&"table ledger_entry: the database no longer refuses update".to_owned()));
        assert_eq!(broken[0].findings.len(), 18);
        for (rule, tampering, mending) in TAMPERINGS {
            run(&db, tampering).await;
            let report = verify(&test.app).await.unwrap();
            let found = report.broken().find(|check| check.name.starts_with(rule));
            assert!(found.is_some_and(|check| !check.findings.is_empty()), "not found: {rule}\n{report:#?}");
            run(&db, mending).await;
            assert_eq!(verify(&test.app).await.unwrap().broken().count(), 1, "mended: {rule}");
        }
    }

    async fn a_finding_names_the_row_and_says_what_is_wrong(test: TestApp) {
        some_gifts(&test).await;
        let db = behind_its_back(&test).await;
        test.books_end_broken("the refusals to edit are taken out of the database");
        let_everything_be_edited(&test, &db).await;
        run(&db, "update donation set amount_minor = 10100 where currency = 'USD'").await;
        let report = verify(&test.app).await.unwrap();
        let found = report.broken().find(|check| check.name.starts_with("Each paid donation is in the ledger")).unwrap();
        assert!(found.findings[0].ends_with("(another amount in the ledger): 10000 instead of 10100"), "{:?}", found.findings);
        assert!(found.findings[0].starts_with("donation 019"), "{:?}", found.findings);
    }
}
