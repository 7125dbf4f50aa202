//! `doctor` tells what is wrong and what to do.

use super::{behind_its_back, run};
use crate::support::{TestApp, TestDatabase, gift, on_both_databases};
use entity::words::Role;
use sea_orm::{ConnectionTrait, Statement};
use secrecy::SecretString;
use std::collections::BTreeSet;
use wellwisher::{
    payments::{event, rights::RIGHTS},
    reports::{Finding, Level, doctor, verify::REFUSALS},
};

fn about<'f>(findings: &'f [Finding], name: &str) -> &'f Finding {
    findings.iter().find(|finding| finding.name == name).unwrap_or_else(|| panic!("nothing about {name}: {findings:#?}"))
}

on_both_databases! {
    async fn a_sound_house_has_nothing_that_fails(test: TestApp) {
        test.add_person(Role::Admin).await;
        test.give(&gift(2_500, "EUR")).await;
        let findings = doctor(&test.app).await;
        let failed: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Fail && finding.name != "files").collect();
        assert!(failed.is_empty(), "{failed:#?}");
        for name in ["database", "stripe", "mail", "letters", "jobs", "staff", "books", "reader key"] {
            assert_eq!(about(&findings, name).level, Level::Ok, "{:?}", about(&findings, name));
        }
        // The clock of tests stands still.
        assert_eq!(about(&findings, "clock").level, Level::Warn);
        assert_eq!(about(&findings, "webhook").level, Level::Warn, "no event has come");
        assert!(findings.iter().all(|finding| finding.level == Level::Ok || !finding.fix.is_empty()), "{findings:#?}");
    }

    async fn each_fault_is_told_with_what_to_do(test: TestApp) {
        test.books_end_broken("faults of every kind were written into the database");
        test.give(&gift(2_500, "EUR")).await;
        let db = behind_its_back(&test).await;
        run(&db, "update letter set state = 'dead'").await;
        run(&db, "insert into job (id, kind, payload, run_at, attempts, last_error, given_up_at, created_at)
            select id, 'x', '{}', created_at, 12, 'why', created_at, created_at from supporter").await;
        run(&db, "insert into stripe_event (id, event_type, api_version, livemode, object_id, payload, received_at, outcome)
            select 'evt_1', 'x', '', false, '', '{}', created_at, 'waiting' from supporter").await;
        run(&db, "update receipt_series set next_number = 9").await;
        test.wait(7_200);
        let findings = doctor(&test.app).await;
        for (name, level) in [("letters", Level::Warn), ("jobs", Level::Fail), ("webhook", Level::Fail), ("books", Level::Fail), ("staff", Level::Warn)] {
            let finding = about(&findings, name);
            assert_eq!(finding.level, level, "{finding:?}");
            assert!(!finding.fix.is_empty(), "{finding:?}");
        }
        assert!(about(&findings, "books").told.contains("Receipt numbers have no gaps."));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_folder_that_cannot_be_written_and_a_stripe_that_is_gone_are_failures() {
    let test = TestApp::with(TestDatabase::sqlite().await, |settings| {
        let blocked = std::path::Path::new(&settings.data_dir).join("not-a-folder");
        std::fs::write(&blocked, "").unwrap();
        settings.mail_dir = blocked.display().to_string();
    })
    .await;
    test.stripe.standin.fault(wellwisher::payments::standin::ApiFault::ServerError, 20);
    let findings = doctor(&test.app).await;
    assert_eq!(about(&findings, "mail").level, Level::Fail);
    assert_eq!(about(&findings, "stripe").level, Level::Fail);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_key_that_others_can_read_is_a_failure() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestApp::with(TestDatabase::sqlite().await, |_| {}).await;
    let key = test.directory.join("secret.key");
    std::fs::write(&key, "x").unwrap();
    for (mode, level) in [(0o644, Level::Fail), (0o600, Level::Ok)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let findings = doctor(&test.app).await;
        let about_key = findings.iter().find(|finding| finding.name == "files" && finding.told.contains("secret.key")).unwrap();
        assert_eq!(about_key.level, level, "{about_key:?}");
    }
}

/// A Wellwisher that believes to speak with Stripe.
async fn with_a_key() -> TestApp {
    TestApp::with(TestDatabase::sqlite().await, |settings| {
        settings.stripe_secret_key = SecretString::from("rk_test_wellwisher");
        settings.stripe_webhook_secret = SecretString::from("whsec_test");
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_right_that_a_key_lacks_is_named_in_stripes_words() {
    let test = with_a_key().await;
    assert_eq!(about(&doctor(&test.app).await, "stripe").level, Level::Ok);
    let lacking = [
        ("checkout/sessions", "rak_checkout_session_read", "Checkout Sessions"),
        ("payment_intents", "rak_payment_intent_read", "PaymentIntents"),
        ("charges", "rak_charge_read", "Charges"),
        ("refunds", "rak_refund_read", "Refunds"),
        ("disputes", "rak_dispute_read", "Disputes"),
        ("balance", "rak_balance_read", "Balance"),
        ("balance_transactions", "rak_balance_transaction_source_read", "Balance Transactions"),
        ("payouts", "rak_payout_read", "Payouts"),
        ("subscriptions", "rak_subscription_read", "Subscriptions"),
        ("invoices", "rak_invoice_read", "Invoices"),
        ("customers", "rak_customer_read", "Customers"),
        ("billing_portal/configurations", "rak_billing_portal_configuration_read", "Customer portal"),
    ];
    assert_eq!(lacking.map(|(_, _, name)| name), RIGHTS.map(|right| right.name));
    for (path, word, name) in lacking {
        test.stripe.standin.take_right(path, word);
        let findings = doctor(&test.app).await;
        let finding = about(&findings, "stripe");
        assert_eq!(
            (finding.level, &finding.told),
            (Level::Fail, &format!("Stripe in test mode answers, but the key lacks rights: {name} ({word})"))
        );
        for right in RIGHTS.iter().filter(|right| right.writes) {
            assert!(finding.fix.contains(right.name), "{}: {}", right.name, finding.fix);
        }
        test.stripe.standin.give_rights();
    }
    test.stripe.standin.take_right("refunds", "rak_refund_read");
    test.stripe.standin.take_right("payouts", "rak_payout_read");
    let findings = doctor(&test.app).await;
    assert!(about(&findings, "stripe").told.ends_with("Refunds (rak_refund_read), Payouts (rak_payout_read)"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_endpoint_does_not_send_is_named() {
    let test = with_a_key().await;
    let url = "http://127.0.0.1:8080/webhooks/stripe";
    let endpoint = async || about(&doctor(&test.app).await, "endpoint").clone();
    let finding = endpoint().await;
    assert!(finding.level == Level::Warn && finding.told.starts_with(&format!("Stripe sends nothing to {url}")), "{finding:?}");
    let all: Vec<&str> = event::all_needed().collect();
    test.stripe.standin.show_endpoint("https://another.example/webhooks/stripe", &["*"]);
    assert_eq!(endpoint().await.level, Level::Warn, "another site's is not ours");
    test.stripe.standin.show_endpoint(url, &all[2..]);
    let finding = endpoint().await;
    assert_eq!((finding.level, finding.told), (Level::Warn, format!("{url} is not sent {}, {}", all[0], all[1])));
    for events in [all.as_slice(), &["*"]] {
        test.stripe.standin.show_endpoint(url, events);
        assert_eq!(endpoint().await.level, Level::Ok);
    }
    test.stripe.standin.take_right("webhook_endpoints", "rak_webhook_read");
    let finding = endpoint().await;
    assert!(all.iter().all(|kind| finding.told.contains(kind)), "{finding:?}");
}

#[test]
fn the_readme_names_every_event_that_is_acted_on() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for kind in event::all_heard() {
        assert!(readme.contains(&format!("`{kind}`")), "README.md does not name `{kind}`");
    }
    assert!(event::OF_PAYOUTS.iter().all(|kind| kind.starts_with("payout.")));
    let distinct: BTreeSet<&str> = event::all_heard().collect();
    assert_eq!((distinct.len(), event::all_needed().count()), (event::all_heard().count(), event::all_heard().count() - 4));
}

on_both_databases! {
    async fn every_refusal_that_the_migrations_put_into_the_database_is_looked_after_by_verify(test: TestApp) {
        let catalogue = if test.database.is_postgres() {
            "select cast(tgname as text) as name from pg_trigger join pg_class on pg_class.oid = tgrelid
             where not tgisinternal and pg_class.relnamespace = to_regnamespace(current_schema())"
        } else {
            "select name from sqlite_master where type = 'trigger'"
        };
        let db = behind_its_back(&test).await;
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), catalogue)).await.unwrap();
        let there: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).filter(|name: &String| name.contains("_refuses_")).collect();
        let known: BTreeSet<String> = REFUSALS.iter().map(|(table, operation)| format!("{table}_refuses_{operation}")).collect();
        assert_eq!(there, known);
        assert_eq!(known.len(), REFUSALS.len());
    }
}
