//! The same rows in every kind of file.

use super::{
    accounting::{TemporaryFile, has_module, run_python},
    all_of, behind_its_back, bytes_of, everything, file_of,
    movements::every_kind,
    rows_of, run,
};
use crate::support::{TestApp, gift, on_both_databases};
use serde_json::Value;
use wellwisher::{
    clock,
    donations::register,
    reports::{ExportRequest, Format, Manifest, Report, ReportRequest},
};

fn without_format(manifest: &Manifest) -> (u64, String) {
    (manifest.rows, manifest.to_json()["totals"].to_string())
}

fn is_number(column: &str) -> bool {
    matches!(column, "gross" | "fee" | "exchanged" | "net" | "other" | "entry_no" | "presented_minor" | "reverses_entry")
        || column.ends_with("_minor")
}

on_both_databases! {
    async fn csv_json_and_spreadsheet_hold_the_same_rows(test: TestApp) {
        let mut named = gift(2_500, "EUR");
        named.name = "=cmd|' /C calc'!A0".to_owned();
        test.give(&named).await;
        every_kind(&test).await;
        let mut request = everything();
        request.asked.with_donors = true;
        let (csv, of_csv) = file_of(&test, &request).await;
        let rows = rows_of(&csv);
        let names: Vec<String> = csv.lines().next().unwrap().split(',').map(str::to_owned).collect();

        let (json, of_json) = file_of(&test, &ExportRequest { format: Format::Jsonl, ..request.clone() }).await;
        assert_eq!(without_format(&of_json), without_format(&of_csv));
        let objects: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), rows.len());
        for (object, row) in objects.iter().zip(&rows) {
            for name in &names {
                let said = match &object[name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                // JSON has no formulas, so its text is as it was given.
                assert_eq!(said, row[name].strip_prefix('\'').unwrap_or(&row[name]), "{name}");
            }
        }

        let sheet = ExportRequest { format: Format::Xlsx, ..request };
        let (bytes, of_sheet) = bytes_of(&test, &sheet).await;
        assert_eq!(without_format(&of_sheet), without_format(&of_csv));
        assert_eq!(of_sheet.sha256, clock::hex(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref()));
        assert_eq!(bytes_of(&test, &sheet).await.0, bytes, "the same rows are the same file");
        if has_module("openpyxl") {
            let output = run_python("sheet.py", &TemporaryFile::new(".xlsx", &bytes));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let read: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(read["sheets"], serde_json::json!(["donations"]));
            let cells = read["rows"].as_array().unwrap();
            assert_eq!(cells[0], serde_json::json!(names));
            assert_eq!(cells.len(), rows.len() + 1);
            for (cells, row) in cells[1..].iter().zip(&rows) {
                for (place, name) in names.iter().enumerate() {
                    match &cells[place] {
                        Value::Null => assert_eq!(row[name], "", "{name}"),
                        Value::Number(number) => {
                            assert!(is_number(name), "{name}");
                            assert_eq!(number.as_f64(), row[name].parse().ok(), "{name}");
                        }
                        text => assert_eq!(text, row[name].as_str(), "{name}"),
                    }
                }
            }
        }
    }

    async fn where_excel_wants_semicolons_it_gets_them_with_decimal_commas(test: TestApp) {
        let mut named = gift(2_550, "EUR");
        (named.name, named.email) = ("=cmd|' /C calc'!A0; ja".to_owned(), "-formula@example.org".to_owned());
        test.give(&named).await;
        let mut comma = gift(9_900, "EUR");
        comma.name = "Ahmadi, \"Zoë\"".to_owned();
        test.give(&comma).await;
        every_kind(&test).await;
        let mut request = everything();
        request.asked.with_donors = true;
        let (csv, of_csv) = file_of(&test, &request).await;
        let (file, manifest) = file_of(&test, &ExportRequest { format: Format::CsvSemicolon, ..request.clone() }).await;
        assert_eq!(without_format(&manifest), without_format(&of_csv));
        let (mark, text) = file.split_at('\u{feff}'.len_utf8());
        assert_eq!((mark, file.lines().count()), ("\u{feff}", csv.lines().count()));
        assert!(text.starts_with("entry_no;posted_at_utc;") && text.ends_with("\r\n"), "{text}");
        assert!(text.contains("\"'=cmd|' /C calc'!A0; ja\";'-formula@example.org\r\n"), "quoted for its semicolon, and no formula: {text}");
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
        let rows: Vec<crate::reports::Row> = reader.deserialize().map(|row| row.expect("every row has every column")).collect();
        let same = rows_of(&csv);
        assert_eq!(rows.len(), same.len());
        for (ours, theirs) in rows.iter().zip(&same) {
            assert_eq!(ours.len(), theirs.len());
            for (name, cell) in ours {
                let money = matches!(name.as_str(), "gross" | "fee" | "exchanged" | "net" | "other");
                assert_eq!(cell, &if money { theirs[name].replace('.', ",") } else { theirs[name].clone() }, "{name}");
            }
        }
        assert!(rows.iter().any(|row| row["gross"] == "25,50") && rows.iter().any(|row| row["gross"] == "-15,00") && rows.iter().any(|row| row["gross"] == "12,340"));
        assert_eq!(Format::CsvSemicolon.ending(), ".csv");
    }

    async fn every_report_is_written_in_every_format_that_it_names(test: TestApp) {
        every_kind(&test).await;
        for report in Report::ALL {
            for format in report.formats() {
                let mut request = ExportRequest { format, ..all_of(*report) };
                request.asked.currency = "EUR".parse().ok().filter(|_| *report == Report::Journal);
                let (bytes, manifest) = bytes_of(&test, &request).await;
                // There was no payout, no recurring gift, no sponsor and no claim, so there is not one line about any.
                assert_eq!(bytes.is_empty(), matches!(report, Report::Waterfall | Report::Recurring | Report::Matching | Report::GiftAid) && format == Format::Jsonl, "{} {}", report.as_str(), format.as_str());
                assert_eq!(manifest.sha256, clock::hex(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref()));
                assert_eq!(manifest.as_of, test.app.now());
            }
            for format in Format::ALL.iter().filter(|format| !report.formats().any(|own| own == **format)) {
                let request = ExportRequest { format: *format, ..all_of(*report) };
                assert!(wellwisher::reports::export::check(&request).is_err(), "{} {}", report.as_str(), format.as_str());
            }
        }
    }

    async fn pages_of_any_size_hold_the_same_rows_each_once(test: TestApp) {
        test.books_end_broken("postings were written into the ledger alone");
        test.give(&gift(2_500, "EUR")).await;
        let db = behind_its_back(&test).await;
        // Many at one moment: the number decides.
        run(&db, "insert into ledger_transaction (kind, source, donation_id, occurred_at, posted_at, booked_at)
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 230)
            select 'donation', 'bulk:' || i, t.donation_id, t.occurred_at, t.posted_at, t.booked_at from n, ledger_transaction t where t.kind = 'donation'").await;
        run(&db, "insert into ledger_entry (transaction_id, account, amount_minor, currency)
            select id, 'stripe_clearing', id, 'EUR' from ledger_transaction where source like 'bulk:%'
            union all select id, 'donations', -id, 'EUR' from ledger_transaction where source like 'bulk:%'").await;
        for report in [Report::Donations, Report::Books] {
            let request = ReportRequest::all(report, chrono_tz::Asia::Kabul);
            let whole = wellwisher::reports::report::page(&test.app, &request, "", 10_000).await.unwrap();
            if report == Report::Donations {
                let count = async |most| register::count(test.app.db.read(), &request.scope().unwrap(), most).await.unwrap();
                assert_eq!((count(None).await, count(Some(10_000)).await), (whole.rows.len() as i64, whole.rows.len() as i64));
                assert!(count(Some(100)).await >= 100, "a list need not count all of very many");
            }
            assert!(whole.next.is_none() && whole.rows.len() >= 232);
            let (mut rows, mut after, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let page = wellwisher::reports::report::page(&test.app, &request, &after, 7).await.unwrap();
                rows.extend(page.rows);
                pages += 1;
                match page.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert!(pages > 30 && rows == whole.rows, "{pages} pages, {} rows", rows.len());
            for wrong in ["x", "12", "1.x", "99999999999999999999.1"] {
                assert!(wellwisher::reports::report::page(&test.app, &request, wrong, 7).await.is_err(), "{wrong}");
            }
        }
    }
}
