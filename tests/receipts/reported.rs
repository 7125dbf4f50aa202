//! The report of receipts: after them the statements of a year, at any length of a page and in every kind of file.

use crate::{
    reports::{all_of, bytes_of, file_of, rows_of},
    support::{TestApp, gift, on_both_databases, take_back},
};
use entity::{Currency, statement, words::Role};
use sea_orm::{EntityTrait, QueryOrder};
use wellwisher::{
    asks::Gift,
    receipts::annual,
    reports::{Format, Period, Report, report},
    staff::Actor,
};

async fn state_the_year(test: &TestApp, today: &str) -> annual::Report {
    test.app.clock.set(today.parse().unwrap());
    let year = annual::year_to_state(&test.app, 2026).unwrap();
    annual::run(&test.app, &Actor::system(), &year, false, |_, _| {}).await.unwrap()
}

/// Three givers' statements; then one giver's ends, and another's, of two currencies, is replaced.
async fn three_givers(test: &TestApp) {
    test.app.clock.set("2026-05-01T08:00:00Z".parse().unwrap());
    let mut given = Vec::new();
    for (who, minor, currency) in [("wren", 2_500, "USD"), ("wren", 1_000, "EUR"), ("ash", 500, "USD"), ("ivy", 700, "USD")] {
        given.push(test.give(&Gift { email: format!("{who}@example.org"), ..gift(minor, currency) }).await);
    }
    assert_eq!(state_the_year(test, "2027-01-15T08:00:00Z").await.issued, 3);
    test.app.clock.set("2027-02-01T08:00:00Z".parse().unwrap());
    take_back(test, &given[1], 400).await;
    take_back(test, &given[3], 700).await;
    let again = state_the_year(test, "2027-02-02T08:00:00Z").await;
    assert_eq!((again.replaced, again.ended, again.unchanged), (1, 1, 1));
}

on_both_databases! {
    async fn statements_are_reported_after_the_receipts_and_not_added_to_them(test: TestApp) {
        three_givers(&test).await;
        let (file, manifest) = file_of(&test, &all_of(Report::Receipts)).await;
        let rows = rows_of(&file);
        let stored = statement::Entity::find().order_by_asc(statement::Column::Number).all(test.app.db.read()).await.unwrap();
        assert_eq!(stored.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let new = stored.last().unwrap();
        let old = stored.iter().find(|one| Some(one.id) == new.replaces_id).expect("the replaced one");

        let kinds: Vec<&str> = rows.iter().map(|row| row["kind"].as_str()).collect();
        assert!(kinds.is_sorted() && kinds[0] == "receipt", "receipts first: {kinds:?}");
        let told: Vec<_> = rows.iter().filter(|row| row["kind"] == "statement").collect();
        let mut codes: Vec<&str> = told.iter().map(|row| row["receipt_no"].as_str()).collect();
        codes.dedup();
        assert_eq!(codes.len(), stored.len(), "the rows of one stand together");
        codes.sort_unstable();
        assert_eq!(codes, stored.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), "each, without a gap");
        let of = |code: &str| -> Vec<String> {
            let own = told.iter().filter(|row| row["receipt_no"] == code);
            own.map(|row| format!("{} {} {} {}", row["status"], row["currency"], row["year_amount"], row["replaces"])).collect()
        };
        assert_eq!(of(&old.code), ["replaced EUR 10.00 ", "replaced USD 25.00 "]);
        assert_eq!(of(&new.code), [format!("issued EUR 6.00 {}", old.code), format!("issued USD 25.00 {}", old.code)]);
        let rest: Vec<String> = stored[..3].iter().filter(|one| one.id != old.id).flat_map(|one| of(&one.code)).collect();
        assert!(rest.len() == 2 && rest.contains(&"issued USD 5.00 ".into()) && rest.contains(&"void USD 7.00 ".into()), "{rest:?}");
        for row in &told {
            assert_eq!((row["starts_on"].as_str(), row["ends_on"].as_str()), ("2026-01-01", "2026-12-31"));
            assert!(["amount", "amount_minor", "valid", "donation_id"].iter().all(|name| row[*name].is_empty()), "{row:?}");
        }

        assert_eq!(manifest.rows, rows.len() as u64);
        let totals: Vec<i64> = ["EUR", "USD"]
            .iter()
            .flat_map(|code| ["valid", "year_amount"].map(|column| manifest.totals[&code.parse::<Currency>().unwrap()][column]))
            .collect();
        assert_eq!(totals, [1_000, 1_000 + 600, 2_500 + 500 + 700, 2_500 + 500 + 700 + 2_500], "receipts and statements apart");
        for format in [Format::Jsonl, Format::Xlsx, Format::CsvExcel] {
            let mut request = all_of(Report::Receipts);
            request.format = format;
            let (_, same) = bytes_of(&test, &request).await;
            assert_eq!((same.rows, &same.totals), (manifest.rows, &manifest.totals), "{format:?}");
        }
    }

    async fn pages_of_any_length_hold_every_receipt_and_statement_once(test: TestApp) {
        three_givers(&test).await;
        let mut asked = all_of(Report::Receipts).asked;
        let whole = report::page(&test.app, &asked, "", 1_000).await.unwrap();
        assert_eq!((whole.rows.len(), &whole.next), (4 + 6, &None), "four receipts; four statements, two of two currencies");
        for limit in 1..=10 {
            let (mut rows, mut after) = (Vec::new(), String::new());
            loop {
                let page = report::page(&test.app, &asked, &after, limit).await.unwrap();
                assert!(!page.rows.is_empty(), "no page is empty but for where it begins: {limit} {after}");
                rows.extend(page.rows);
                assert!(rows.len() <= whole.rows.len(), "{limit}: it has an end");
                let Some(next) = page.next else { break };
                after = next;
            }
            assert_eq!(rows, whole.rows, "{limit}");
        }
        assert!(report::page(&test.app, &asked, "statements.x", 5).await.is_err(), "no page begins there");
        asked.period = Period { from: "2027-02-02".parse().ok(), to: "2027-02-02".parse().ok(), zone: chrono_tz::UTC };
        assert_eq!(report::page(&test.app, &asked, "", 5).await.unwrap().rows.len(), 2, "what was issued on that day");

        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/receipts?period=all").await;
        let new = statement::Entity::find().order_by_desc(statement::Column::Number).one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(page.texts(&format!("a[href='/desk/annual-receipts/{}']", new.id)), [new.code.as_str(), new.code.as_str()], "{}", page.body);
    }
}
