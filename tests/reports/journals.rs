//! The files that Xero and QuickBooks take in, field by field.

use super::{
    Kept, all_of, bytes_of, file_of,
    movements::{at, every_kind, money, posting},
    of_days, rows_of,
};
use crate::support::{TestApp, gift, hand_gift, on_both_databases};
use chrono::TimeDelta;
use entity::words::{Account, BalanceMapping, MovementKind};
use std::collections::BTreeMap;
use wellwisher::{
    donations::by_hand::deposits::{self, NewDeposit},
    ledger::Purpose,
    reports::{ExportRequest, Format, Report, export, journal::XERO_LINES_MAX},
    staff::Actor,
};

fn journal(format: Format) -> ExportRequest {
    ExportRequest { format, ..all_of(Report::Journal) }
}

/// The entries of one currency.
fn journal_in(format: Format, currency: &str) -> ExportRequest {
    let mut request = journal(format);
    request.asked.currency = Some(currency.parse().unwrap());
    request
}

fn minor(decimal: &str) -> i64 {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    assert!(part.len() == 2, "two decimals of a euro: {decimal}");
    format!("{whole}{part}").parse().unwrap()
}

on_both_databases! {
    async fn a_journal_is_one_payout_one_fund_one_currency_and_names_nobody(test: TestApp) {
        let given = every_kind(&test).await;
        let (first, second) = (&given.winter, &given.dollars);
        for (donation, movement, payout) in [(first, (5_000, 175, "EUR"), "po_1"), (second, (9_200, 307, "EUR"), "po_1")] {
            let id = format!("txn_of_{}", donation.id);
            test.add_movement(&id, BalanceMapping::Gift, movement, Some(payout), Some(donation.id)).await;
        }
        test.add_movement("txn_r1", BalanceMapping::Refund, (-1_500, 0, "EUR"), Some("po_1"), Some(first.id)).await;
        test.add_payout("po_1", money(3_000, "EUR"), "2026-05-04".parse().unwrap(), "txn_p1").await;

        let (file, manifest) = file_of(&test, &journal(Format::Csv)).await;
        let rows = rows_of(&file);
        assert_eq!(manifest.rows, rows.len() as u64);
        let mut by_entry: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
        for row in &rows {
            *by_entry.entry((&row["journal_no"], &row["narration"], &row["currency"])).or_default() += row["amount_minor"].parse::<i64>().unwrap();
        }
        assert!(by_entry.values().all(|sum| *sum == 0), "{by_entry:#?}");
        let numbers: std::collections::BTreeSet<_> = by_entry.keys().map(|(number, ..)| number).collect();
        assert_eq!(numbers.len(), by_entry.len(), "each entry has a number of its own");
        assert!(numbers.iter().all(|number| number.len() == 11), "{numbers:?}");
        let narrations: Vec<&str> = by_entry.keys().map(|(_, narration, _)| *narration).collect();
        assert!(narrations.contains(&"Stripe payout po_1 in 2026-05, fund FUND-winter, EUR"), "{narrations:#?}");
        assert!(narrations.contains(&"Stripe payout po_1 in 2026-05, no fund, EUR"), "the payout itself: {narrations:#?}");
        assert!(narrations.contains(&"Movements of 2026-05-01 without payout, fund GENERAL, JPY"), "{narrations:#?}");
        let income = rows.iter().find(|row| row["account"] == "donations" && row["narration"].starts_with("Stripe payout") && row["fund_code"] == "FUND-winter").unwrap();
        assert_eq!((income["account_code"].as_str(), income["credit"].as_str(), income["debit"].as_str()), ("4000", "35.00", ""), "less the refund");
        assert!(!file.contains("Supporter") && !file.contains("example.org"), "{file}");
        // The same entries whatever is asked beside them.
        let may = file_of(&test, &of_days(journal(Format::Csv), "2026-05-01", "2026-05-31", chrono_tz::UTC)).await;
        assert_eq!(may.0, file);
    }

    async fn xero_takes_it(test: TestApp) {
        every_kind(&test).await;
        let (file, _) = file_of(&test, &journal_in(Format::Xero, "EUR")).await;
        let header = file.lines().next().unwrap();
        assert_eq!(header, "*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,TrackingName1,TrackingOption1,TrackingName2,TrackingOption2");
        let rows = rows_of(&file);
        let mut journals: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for row in &rows {
            assert!(row["*Narration"].ends_with(", EUR"), "one currency: {row:?}");
            *journals.entry((&row["*Narration"], &row["*Date"])).or_default() += minor(&row["*Amount"]);
        }
        assert!(journals.len() >= 4 && journals.values().all(|sum| *sum == 0), "debits are positive, credits negative: {journals:#?}");
        let income = rows.iter().find(|row| row["*AccountCode"] == "4000").unwrap();
        assert_eq!((income["*Date"].as_str(), income["*TaxRate"].as_str()), ("01/05/2026", "Tax Exempt"));
        assert_eq!(income["*Amount"], "-33.00", "50 given, 15 refunded, 5 of it failed, 7 lost in a dispute");
        assert!(rows.iter().any(|row| row["*AccountCode"] == "Stripe clearing"), "an account without a code goes by its name");
        assert!(rows.iter().all(|row| row["TrackingName1"].is_empty() && row["TrackingOption2"].is_empty()));
        for row in &rows {
            assert!(!row["*Narration"].is_empty() && !row["*AccountCode"].is_empty() && row["*TaxRate"] == "Tax Exempt", "{row:?}");
            let amount = row["*Amount"].strip_prefix('-').unwrap_or(&row["*Amount"]);
            assert!(amount.chars().all(|c| c.is_ascii_digit() || c == '.') && amount.contains(|c: char| c != '0' && c != '.'), "{row:?}");
            let day: Vec<usize> = row["*Date"].split('/').map(str::len).collect();
            assert_eq!(day, [2, 2, 4], "day first: {row:?}");
        }
        // The currencies that were left out are files of their own, to the last decimal that they have.
        for (currency, amount) in [("JPY", "-3000"), ("KWD", "-12.340"), ("USD", "-60.00")] {
            let rows = rows_of(&file_of(&test, &journal_in(Format::Xero, currency)).await.0);
            assert!(rows.iter().all(|row| row["*Narration"].ends_with(&format!(", {currency}"))), "{rows:?}");
            assert!(rows.iter().any(|row| row["*AccountCode"] == "Donations" && row["*Amount"] == amount), "{currency}: {rows:?}");
        }
        // One narration and date is one journal at Xero, so no two entries may share them.
        let entries: std::collections::BTreeSet<_> = rows.iter().map(|row| (&row["*Narration"], &row["*Date"], &row["Description"])).collect();
        assert_eq!(entries.len(), entries.iter().map(|(narration, date, _)| (narration, date)).collect::<std::collections::BTreeSet<_>>().len());
    }

    async fn xero_gets_files_of_three_hundred_lines_and_no_journal_is_cut(test: TestApp) {
        let start = at("2026-01-01T10:00:00Z");
        let gifts: Vec<_> = (0..170)
            .map(|day| {
                let sides = [(Account::StripeClearing, 100 + day, "EUR"), (Account::Donations, -100 - day, "EUR")];
                posting(MovementKind::Donation, &format!("pi_{day}:capture"), None, start + TimeDelta::days(day), &sides, Purpose::default())
            })
            .collect();
        test.post_all(&gifts).await;
        let request = journal(Format::Xero);
        let refusal = export(&test.app, &request, &mut Kept::default()).await.unwrap_err();
        assert!(refusal.to_string().contains("2 files"), "{refusal}");
        let mut amounts = Vec::new();
        for part in 1..=2 {
            let (file, manifest) = file_of(&test, &ExportRequest { part: Some(part), ..request.clone() }).await;
            assert!(file.lines().count() <= XERO_LINES_MAX, "{}", file.lines().count());
            let rows = rows_of(&file);
            assert_eq!(manifest.rows, rows.len() as u64);
            let mut sums: BTreeMap<String, i64> = BTreeMap::new();
            for row in &rows {
                *sums.entry(row["*Narration"].clone()).or_default() += minor(&row["*Amount"]);
                amounts.push(minor(&row["*Amount"]));
            }
            assert!(sums.values().all(|sum| *sum == 0), "no journal is cut");
        }
        assert_eq!((amounts.len(), amounts.iter().filter(|amount| **amount > 0).sum::<i64>()), (340, (0..170).map(|day| 100 + day).sum()));
        assert!(export(&test.app, &ExportRequest { part: Some(3), ..request }, &mut Kept::default()).await.is_err());
    }

    async fn quickbooks_online_takes_it(test: TestApp) {
        every_kind(&test).await;
        let (file, _) = file_of(&test, &journal(Format::QuickBooksOnline)).await;
        assert_eq!(file.lines().next().unwrap(), "Journal No,Journal Date,Account Name,Description,Debits,Credits,Class,Currency");
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for row in rows_of(&file) {
            assert!(row["Journal No"].len() <= 21 && row["Account Name"].len() <= 100);
            assert!(row["Debits"].is_empty() != row["Credits"].is_empty(), "one side of each line is blank: {row:?}");
            let date: Vec<&str> = row["Journal Date"].split('/').collect();
            assert_eq!((date[0], date[2]), ("05", "2026"), "month first");
            if row["Currency"] == "EUR" {
                let debit = if row["Credits"].is_empty() { minor(&row["Debits"]) } else { -minor(&row["Credits"]) };
                *sums.entry(row["Journal No"].clone()).or_default() += debit;
            }
        }
        assert!(sums.len() >= 4 && sums.values().all(|sum| *sum == 0), "{sums:?}");
    }

    async fn quickbooks_desktop_takes_it_in_its_own_letters(test: TestApp) {
        every_kind(&test).await;
        let (bytes, _) = bytes_of(&test, &journal_in(Format::QuickBooksDesktop, "EUR")).await;
        assert!(bytes.is_ascii(), "nothing here needs more");
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<Vec<&str>> = text.split("\r\n").filter(|line| !line.is_empty()).map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines[0], ["!TRNS", "TRNSTYPE", "DATE", "ACCNT", "NAME", "CLASS", "AMOUNT", "DOCNUM", "MEMO"]);
        assert_eq!(lines[1][0], "!SPL");
        assert_eq!(lines[1][1..], lines[0][1..]);
        assert_eq!(lines[2], ["!ENDTRNS"]);
        let (mut open, mut sum, mut entries) = (false, 0_i64, 0);
        let (mut numbers, mut accounts) = (Vec::new(), std::collections::BTreeSet::new());
        for line in &lines[3..] {
            match line[0] {
                "ENDTRNS" => {
                    assert!(open && sum == 0, "debits and credits of an entry are equal");
                    (open, entries) = (false, entries + 1);
                }
                head => {
                    assert_eq!(head == "TRNS", !open, "{line:?}");
                    (open, sum) = (true, if head == "TRNS" { 0 } else { sum });
                    assert_eq!((line.len(), line[1], line[4]), (9, "GENERAL JOURNAL", ""));
                    let date: Vec<&str> = line[2].split('/').collect();
                    assert_eq!((date[0], date[1].len(), date[2]), ("05", 2, "2026"), "month first");
                    assert!(!line[3].is_empty() && line[7].len() == 11, "account and number: {line:?}");
                    assert!(line[8].ends_with(", EUR") && line[6].rsplit('.').next().unwrap().len() == 2, "one currency: {line:?}");
                    assert!(line.iter().all(|cell| !cell.contains('"') && *cell == cell.trim()), "{line:?}");
                    if numbers.last() != Some(&line[7]) {
                        assert!(head == "TRNS" && !numbers.contains(&line[7]), "an entry has one number, and no other has it");
                        numbers.push(line[7]);
                    }
                    accounts.insert(line[3]);
                    sum += line[6].replace('.', "").parse::<i64>().unwrap();
                }
            }
        }
        assert!(entries >= 4, "{entries}");
        assert!(accounts.contains("4000") && accounts.contains("Stripe clearing"), "the fund's code, or the account's name: {accounts:?}");
        assert!(text.ends_with("ENDTRNS\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "every line ends as Windows ends it");
    }

    async fn a_deposit_is_an_entry_of_its_own_and_no_income(test: TestApp) {
        let gift = test.enter(&hand_gift(&test, 12_345, "KWD")).await.id;
        test.wait(86_400);
        let new = NewDeposit { gifts: vec![gift], on: test.app.today(), reference: "Rosa’s slip".into() };
        deposits::record(&test.app, &Actor::system(), &new).await.unwrap();
        for format in [Format::Xero, Format::QuickBooksOnline, Format::Csv] {
            let (file, _) = file_of(&test, &journal(format)).await;
            assert!(!file.contains("Rosa") && file.contains("12.345"), "{file}");
        }
        let (file, _) = file_of(&test, &journal(Format::Xero)).await;
        let rows = rows_of(&file);
        let lines: Vec<(&str, &str, &str)> = rows.iter().map(|row| (row["*Date"].as_str(), row["*AccountCode"].as_str(), row["*Amount"].as_str())).collect();
        assert_eq!(lines.len(), 4);
        for line in [("01/05/2026", "Undeposited funds", "12.345"), ("02/05/2026", "Undeposited funds", "-12.345"), ("02/05/2026", "Bank", "12.345")] {
            assert!(lines.contains(&line), "{line:?}: {lines:?}");
        }
    }

    async fn a_month_ends_where_the_organisation_is(test: TestApp) {
        // Half past seven in the evening in London is already the new year in Kabul.
        for (number, moment) in ["2026-12-31T19:29:59Z", "2026-12-31T19:30:00Z"].iter().enumerate() {
            let sides = [(Account::StripeClearing, 1_000, "KWD"), (Account::Donations, -1_000, "KWD")];
            test.post_all(&[posting(MovementKind::Donation, &format!("pi_{number}:capture"), None, at(moment), &sides, Purpose::default())]).await;
        }
        let mut request = journal(Format::Csv);
        request.asked.period.zone = chrono_tz::Asia::Kabul;
        let (file, _) = file_of(&test, &request).await;
        let rows = rows_of(&file);
        let days: Vec<&str> = rows.iter().map(|row| row["date"].as_str()).collect();
        assert_eq!(days, ["2026-12-31", "2026-12-31", "2027-01-01", "2027-01-01"]);
        assert_eq!(rows[0]["debit"], "1.000", "the dinar has a thousand fils");
        let year = of_days(request, "2026-01-01", "2026-12-31", chrono_tz::Asia::Kabul);
        assert_eq!(rows_of(&file_of(&test, &year).await.0).len(), 2);
    }

    async fn the_summary_follows_a_payout_across_the_end_of_a_month_without_crossing_it(test: TestApp) {
        let first = test.give(&gift(2_500, "EUR")).await;
        test.wait(40 * 86_400);
        let second = test.give(&gift(3_500, "EUR")).await;
        for donation in [&first, &second] {
            test.add_movement(&format!("txn_{}", donation.id), BalanceMapping::Gift, (100, 0, "EUR"), Some("po_9"), Some(donation.id)).await;
        }
        let rows = rows_of(&file_of(&test, &journal(Format::Csv)).await.0);
        let mut gifts: Vec<(&str, &str)> =
            rows.iter().filter(|row| row["account"] == "donations").map(|row| (row["narration"].as_str(), row["credit"].as_str())).collect();
        gifts.sort_unstable();
        assert_eq!(gifts, [
            ("Stripe payout po_9 in 2026-05, fund GENERAL, EUR", "25.00"),
            ("Stripe payout po_9 in 2026-06, fund GENERAL, EUR", "35.00"),
        ]);
    }

    async fn parts_of_a_month_have_numbers_of_their_own(test: TestApp) {
        let first = test.give(&gift(2_500, "EUR")).await;
        test.wait(10 * 86_400);
        let second = test.give(&gift(3_500, "EUR")).await;
        for donation in [&first, &second] {
            test.add_movement(&format!("txn_{}", donation.id), BalanceMapping::Gift, (100, 0, "EUR"), Some("po_9"), Some(donation.id)).await;
        }
        let mut told = BTreeMap::new();
        for (from, to) in [("2026-05-01", "2026-05-31"), ("2026-05-01", "2026-05-10"), ("2026-05-11", "2026-05-31")] {
            let file = file_of(&test, &of_days(journal(Format::Csv), from, to, chrono_tz::UTC)).await.0;
            let row = rows_of(&file).into_iter().find(|row| row["account"] == "donations").expect("its income");
            told.insert((from, to), (row["journal_no"].clone(), row["narration"].clone(), row["credit"].clone()));
        }
        let sums: Vec<&str> = told.values().map(|(.., credit)| credit.as_str()).collect();
        assert_eq!(sums, ["25.00", "60.00", "35.00"]);
        let numbers: std::collections::BTreeSet<_> = told.values().map(|(number, ..)| number).collect();
        assert_eq!(numbers.len(), 3, "other sums are other entries: {told:?}");
        assert_eq!(told[&("2026-05-01", "2026-05-31")].1, "Stripe payout po_9 in 2026-05, fund GENERAL, EUR");
        assert_eq!(told[&("2026-05-11", "2026-05-31")].1, "Stripe payout po_9 in 2026-05-11 to 2026-05-31, fund GENERAL, EUR");
    }

    async fn funds_whose_codes_differ_in_a_sign_only_are_accounts_of_their_own(test: TestApp) {
        for code in ["A.B", "A-B", "A_B"] {
            let mut given = gift(2_500, "EUR");
            given.fund_id = Some(crate::donations::helpers::new_fund(&test.app, code).await);
            test.give(&given).await;
        }
        for format in [Format::Hledger, Format::Beancount] {
            let (file, _) = file_of(&test, &ExportRequest { format, ..all_of(Report::Books) }).await;
            let words = file.split_whitespace().filter(|word| word.starts_with("Income:Donations:"));
            let accounts: std::collections::BTreeSet<&str> = words.collect();
            assert_eq!(accounts.len(), 3, "{accounts:?}");
            assert!(accounts.contains("Income:Donations:4000-A-B"), "the code that may stand as it is stays: {accounts:?}");
        }
    }
}
