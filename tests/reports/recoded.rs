//! What was given keeps the codes and the restriction that its fund had then: a closed month is exported as it was, whatever becomes of the
//! fund.

use super::{all_of, behind_its_back, bytes_of, file_of, of_days, rows_of, run};
use crate::support::{TestApp, gift, hand_gift, on_both_databases};
use chrono::TimeDelta;
use entity::{donation, fund, promise_choice, words::CancelReason};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter};
use sea_orm_migration::MigratorTrait;
use std::collections::BTreeMap;
use wellwisher::{
    campaigns::funds::{self, RawFund},
    donations,
    ledger::periods,
    payouts, promises,
    reports::{ExportRequest, Format, Report, verify},
    staff::Actor,
};

const CODED: [Report; 4] = [Report::Donations, Report::Journal, Report::Books, Report::ByFund];

async fn fund_of(test: &TestApp, code: &str) -> fund::Model {
    let find = fund::Entity::find().filter(fund::Column::Code.eq(code));
    find.one(test.app.db.read()).await.unwrap().expect("a fund")
}

/// Edits a fund as finance does at its page.
async fn edit(test: &TestApp, code: &str, change: impl FnOnce(&mut RawFund)) {
    let fund = fund_of(test, code).await;
    let mut raw = RawFund::of(&fund);
    change(&mut raw);
    funds::edit(&test.app, &Actor::system(), fund.id, &funds::parse(&raw).expect("a fund")).await.expect("it is changed");
}

/// Each file in each form that has a fund's codes or restriction in it, of the days of a month.
async fn files(test: &TestApp, first: &str, last: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for report in CODED {
        for format in Format::ALL.iter().copied().filter(|format| *format != Format::Xlsx) {
            if !format.is_table() && !matches!(report, Report::Journal | Report::Books) {
                continue;
            }
            let mut request = of_days(ExportRequest { format, ..all_of(report) }, first, last, chrono_tz::UTC);
            if report == Report::Journal {
                request.asked.currency = Some("EUR".parse().unwrap());
            } else if matches!(format, Format::Xero | Format::QuickBooksOnline | Format::QuickBooksDesktop) {
                continue;
            }
            let (bytes, _) = bytes_of(test, &request).await;
            files.insert(format!("{} as {}", report.as_str(), format.as_str()), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    files
}

async fn rows(test: &TestApp, report: Report, first: &str, last: &str) -> Vec<super::Row> {
    rows_of(&file_of(test, &of_days(all_of(report), first, last, chrono_tz::UTC)).await.0)
}

/// For two of an item of the fund TEST, whose giver has it moved to the general fund.
async fn moved_gift(test: &TestApp) -> donation::Model {
    let item = test.item("School bag", None, |_| {}).await;
    let mut given = gift(5_000, "EUR");
    (given.item, given.fund_id) = (Some((item.id, 2)), Some(item.fund_id));
    let paid = test.give(&given).await;
    promises::declare(&test.app, &Actor::system(), item.id, CancelReason::Danger, "The road is watched").await.unwrap();
    let find = promise_choice::Entity::find().filter(promise_choice::Column::DonationId.eq(paid.id));
    let choice = find.one(test.app.db.read()).await.unwrap().expect("a choice");
    assert_eq!(test.post(&promises::path_of(&test.app, choice.id), &[("way", "general")]).await.status, 303);
    test.app.clock.advance(TimeDelta::hours(25));
    assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 1);
    paid
}

async fn close_may(test: &TestApp) {
    test.app.clock.set("2026-06-02T00:00:00Z".parse().unwrap());
    payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(40)).await.unwrap();
    let day = |text: &str| text.parse().unwrap();
    let period = periods::make(&test.app, &Actor::system(), day("2026-05-01"), day("2026-05-31")).await.unwrap();
    periods::close(&test.app, &Actor::system(), period.id).await.unwrap();
}

async fn give_back(test: &TestApp, gift: &donation::Model, minor: i64) {
    test.stripe.standin.refund(gift.checkout_session_id.as_deref().unwrap(), Some(minor)).unwrap();
    donations::refresh(&test.app, gift.id).await.unwrap();
}

/// Makes the database what it was before gifts kept their codes.
async fn go_back(test: &TestApp, db: &DatabaseConnection) {
    let refusal = "before update on donation";
    let condition = "old.paid_at is not null and new.amount_minor <> old.amount_minor";
    let common = "drop table donation_fund; alter table donation drop column gl_income; alter table donation drop column gl_fee;
        delete from seaql_migrations where version like 'm0040%';";
    let sql = if test.database.is_postgres() {
        format!(
            "drop trigger donation_refuses_update on donation; {common}
             drop function donation_fund_refuses_update(); drop function donation_fund_refuses_delete();
             create trigger donation_refuses_update {refusal} for each row when ({condition}) execute function donation_refuses_update();"
        )
    } else {
        format!(
            "drop trigger donation_refuses_update; {common}
             create trigger donation_refuses_update {refusal} when {condition} begin select raise(abort, 'never edited'); end;"
        )
    };
    run(db, &sql).await;
}

on_both_databases! {
    async fn a_closed_month_is_exported_as_it_was_whatever_becomes_of_its_funds(test: TestApp) {
        test.give(&gift(1_200, "EUR")).await;
        edit(&test, "GENERAL", |raw| (raw.gl_income, raw.gl_fee) = ("4100".into(), "6100".into())).await;
        let moved = moved_gift(&test).await;
        let mut cash = hand_gift(&test, 4_000, "EUR");
        cash.fund_id = Some(moved.fund_id);
        test.enter(&cash).await;
        give_back(&test, &moved, 1_000).await;
        test.give(&gift(900, "USD")).await;
        close_may(&test).await;
        let before = files(&test, "2026-05-01", "2026-05-31").await;
        assert!(before.len() > 20 && before.values().all(|file| file.len() > 100), "{before:#?}");
        for (file, codes) in [
            ("donations as csv", ["TEST,with,4000,6000", "GENERAL,without,4100,6100"]),
            ("journal as xero", [",4000,", ",4100,"]),
            ("books as hledger", ["Income:Donations:4000-TEST", "Income:Donations:4100-GENERAL"]),
            ("by-fund as csv", ["TEST,Schools,with,4000", "GENERAL,General,without,4100"]),
        ] {
            assert!(codes.iter().all(|code| before[file].contains(code)), "{file}: {}", before[file]);
        }

        edit(&test, "TEST", |raw| {
            (raw.code, raw.restriction) = ("RENAMED".into(), "endowment".into());
            (raw.gl_income, raw.gl_fee) = ("4777".into(), "6777".into());
        })
        .await;
        edit(&test, "GENERAL", |raw| {
            (raw.restriction, raw.gl_income, raw.gl_fee) = ("with".into(), "4888".into(), "6888".into());
        })
        .await;
        for (name, after) in files(&test, "2026-05-01", "2026-05-31").await {
            assert_eq!(after, before[&name], "{name}");
        }

        // What comes now goes by the new codes; what goes back of the money that was moved, by those with which it came there.
        give_back(&test, &moved, 4_000).await;
        let mut given = gift(2_000, "EUR");
        given.fund_id = Some(moved.fund_id);
        test.give(&given).await;
        let june = rows(&test, Report::Books, "2026-06-01", "2026-06-30").await;
        let income: Vec<_> = june.iter().filter(|row| row["account"] == "donations").collect();
        let coded: Vec<_> = income.iter().map(|row| (row["account_code"].as_str(), row["fund_code"].as_str(), row["amount_minor"].as_str())).collect();
        assert_eq!(coded, [("4100", "GENERAL", "4000"), ("4777", "RENAMED", "-2000")]);
        let funds = rows(&test, Report::ByFund, "2026-06-01", "2026-06-30").await;
        let funds: Vec<_> = funds.iter().map(|row| ["fund_code", "restriction", "gl_income", "raised"].map(|name| row[name].as_str())).collect();
        assert_eq!(funds, [["GENERAL", "without", "4100", "-40.00"], ["RENAMED", "endowment", "4777", "20.00"]]);
        let journal = rows(&test, Report::Journal, "2026-06-01", "2026-06-30").await;
        for (code, fund, minor) in [("4100", "GENERAL", "4000"), ("4777", "RENAMED", "-2000")] {
            let row = journal.iter().find(|row| row["account"] == "donations" && row["account_code"] == code).unwrap_or_else(|| panic!("{journal:#?}"));
            assert_eq!((row["fund_code"].as_str(), row["amount_minor"].as_str()), (fund, minor));
        }
    }

    async fn a_code_that_there_was_none_of_is_given_to_what_is_not_closed(test: TestApp) {
        let first = test.give(&gift(1_200, "EUR")).await;
        close_may(&test).await;
        let may = files(&test, "2026-05-01", "2026-05-31").await;
        assert!(may["journal as xero"].contains(",Donations,"), "{}", may["journal as xero"]);
        let second = test.give(&gift(1_300, "EUR")).await;
        edit(&test, "GENERAL", |raw| raw.gl_income = "4100".into()).await;
        edit(&test, "GENERAL", |raw| (raw.gl_income, raw.gl_fee) = ("4200".into(), "6200".into())).await;
        let codes = async |gift: &donation::Model| {
            let gift = test.donation(gift.id).await;
            (gift.gl_income, gift.gl_fee)
        };
        assert_eq!(codes(&second).await, ("4100".to_owned(), "6200".to_owned()), "the first code that it was given stays");
        assert_eq!(codes(&first).await, (String::new(), String::new()));
        assert_eq!(files(&test, "2026-05-01", "2026-05-31").await, may, "a closed month stays as it was");
        let db = behind_its_back(&test).await;
        for edit in ["update donation set gl_income = '4999' where gl_income <> ''", "update donation set gl_fee = '' where gl_fee <> ''"] {
            assert!(db.execute_unprepared(edit).await.is_err(), "{edit}");
        }
    }

    async fn an_upgrade_keeps_the_codes_that_the_books_were_shown_with(test: TestApp) {
        test.give(&gift(1_200, "EUR")).await;
        edit(&test, "GENERAL", |raw| (raw.gl_income, raw.gl_fee) = ("4100".into(), "6100".into())).await;
        let moved = moved_gift(&test).await;
        let shown = files(&test, "2026-05-01", "2026-05-31").await;
        let db = behind_its_back(&test).await;
        go_back(&test, &db).await;
        migration::Migrator::up(&db, None).await.unwrap();
        assert_eq!(files(&test, "2026-05-01", "2026-05-31").await, shown);
        edit(&test, "TEST", |raw| (raw.code, raw.gl_income) = ("RENAMED".into(), "4777".into())).await;
        edit(&test, "GENERAL", |raw| raw.gl_income = "4888".into()).await;
        assert_eq!(files(&test, "2026-05-01", "2026-05-31").await, shown);
        assert_eq!(test.donation(moved.id).await.gl_income, "4000");
        let edit = "update donation set gl_income = '4999'";
        assert!(db.execute_unprepared(edit).await.is_err(), "it is refused again");
    }

    async fn codes_that_were_not_kept_where_money_moved_are_found(test: TestApp) {
        moved_gift(&test).await;
        assert!(verify(&test.app).await.unwrap().is_ok());
        test.books_end_broken("the codes of a fund are taken out of the database");
        let db = behind_its_back(&test).await;
        let on = if test.database.is_postgres() { " on donation_fund" } else { "" };
        run(&db, &format!("drop trigger donation_fund_refuses_delete{on}")).await;
        run(&db, "delete from donation_fund").await;
        let report = verify(&test.app).await.unwrap();
        let found = report.broken().find(|check| check.name.starts_with("Where money was moved to another fund")).expect("a broken rule");
        assert!(found.findings[0].contains("GENERAL"), "{:?}", found.findings);
    }
}
