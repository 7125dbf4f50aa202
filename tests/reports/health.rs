//! `doctor` tells what is wrong and what to do.

use super::{behind_its_back, run};
use crate::support::{TestApp, TestDatabase, gift, on_both_databases};
use entity::words::Role;
use wellwisher::reports::{Finding, Level, doctor};

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
