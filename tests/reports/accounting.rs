//! hledger and beancount read what we export, find it in order, and come to our figures to the smallest unit; one unit changed and they
//! refuse it.

use super::{
    all_of, behind_its_back, bytes_of,
    movements::{every_kind, random_year},
    of_days,
};
use crate::support::{TestApp, on_both_databases, unique_number};
use entity::{Money, ids::FundId, ledger_entry, ledger_transaction};
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, ConnectionTrait, DatabaseConnection, EntityTrait, Statement};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    process::{Command, Output},
    sync::Mutex,
};
use wellwisher::{
    ledger::Posting,
    reports::{ExportRequest, Format, Report},
};

/// The balances of a file: account, currency, decimal number.
type Balances = BTreeMap<(String, String), String>;

fn python() -> String {
    std::env::var("WELLWISHER_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Whether a tool is there; with `CI=true` it must be, else its absence is said once.
pub fn is_there(what: &str, mut probe: Command) -> bool {
    let found = probe.output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is missing: see CONTRIBUTING.md");
        static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        if SAID.lock().unwrap().insert(what.to_owned()) {
            let _ = writeln!(std::io::stderr(), "{what} is missing: what it would check is SKIPPED.");
        }
    }
    found
}

pub fn has_module(module: &str) -> bool {
    let mut probe = Command::new(python());
    probe.args(["-c", &format!("import {module}")]);
    is_there(&format!("Python's {module}"), probe)
}

fn has_hledger() -> bool {
    let mut probe = Command::new("hledger");
    probe.arg("--version");
    is_there("hledger", probe)
}

pub struct TemporaryFile(pub PathBuf);

impl TemporaryFile {
    pub fn new(ending: &str, bytes: &[u8]) -> Self {
        let path = crate::support::scratch().join(format!("report-{}-{}{ending}", std::process::id(), unique_number()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn run_python(script: &str, file: &TemporaryFile) -> Output {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(script);
    Command::new(python()).arg(script).arg(&file.0).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn hledger(file: &[u8]) -> Result<Balances, String> {
    let file = TemporaryFile::new(".journal", file);
    let ask = |arguments: &[&str]| Command::new("hledger").env("LANG", "C.UTF-8").arg("-f").arg(&file.0).args(arguments).output().unwrap();
    let checked = ask(&["check", "--strict", "ordereddates"]);
    if !checked.status.success() {
        return Err(told(&checked));
    }
    let balances = ask(&["balance", "--flat", "--no-total", "--empty", "--layout=tidy", "-O", "csv"]);
    assert!(balances.status.success(), "{}", told(&balances));
    let mut reader = csv::Reader::from_reader(balances.stdout.as_slice());
    let mut found = Balances::new();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        found.insert((row["account"].clone(), row["commodity"].clone()), row["value"].clone());
    }
    Ok(found)
}

fn beancount(file: &[u8]) -> Result<Balances, String> {
    let file = TemporaryFile::new(".beancount", file);
    let output = run_python("books.py", &file);
    if !output.status.success() {
        return Err(told(&output));
    }
    let sums: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(&output.stdout).unwrap();
    Ok(sums.into_iter().flat_map(|(account, by)| by.into_iter().map(move |(currency, sum)| ((account.clone(), currency), sum))).collect())
}

fn without_zeros(balances: Balances) -> Balances {
    balances.into_iter().filter(|(_, sum)| sum.chars().any(|c| ('1'..='9').contains(&c))).collect()
}

/// Our own balances, asked in plain SQL: by account, fund codes and currency.
async fn own_balances(test: &TestApp) -> Balances {
    balances_in(&behind_its_back(test).await).await
}

async fn balances_in(db: &DatabaseConnection) -> Balances {
    let backend = db.get_database_backend();
    let sql = "select e.account as account, f.code as code, f.gl_income as income, f.gl_fee as fee, e.currency as currency,
            cast(sum(e.amount_minor) as bigint) as minor
        from ledger_entry e left join fund f on f.id = e.fund_id group by e.account, f.code, f.gl_income, f.gl_fee, e.currency";
    let mut balances = BTreeMap::new();
    for row in db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap() {
        let text = |name: &str| row.try_get::<Option<String>>("", name).unwrap().unwrap_or_default();
        let fund = |gl: &str| {
            let parts: Vec<String> = [text(gl), text("code").to_ascii_uppercase()].into_iter().filter(|part| !part.is_empty()).collect();
            if parts.is_empty() { "No-Fund".to_owned() } else { parts.join("-") }
        };
        let path = match text("account").as_str() {
            "stripe_clearing" => "Assets:Stripe:Clearing".to_owned(),
            "donations" => format!("Income:Donations:{}", fund("income")),
            "stripe_fees" => format!("Expenses:Fees:Stripe:{}", fund("fee")),
            "exchange" => "Equity:Exchange".to_owned(),
            "bank" => "Assets:Bank".to_owned(),
            "undeposited" => "Assets:Undeposited".to_owned(),
            "disputed" => "Assets:Stripe:Disputed".to_owned(),
            "stripe_reserve" => "Assets:Stripe:Reserve".to_owned(),
            "other_activity" => "Equity:Stripe:Other".to_owned(),
            other => panic!("{other}"),
        };
        let money = Money::new(row.try_get("", "minor").unwrap(), text("currency").parse().unwrap());
        balances.insert((path, text("currency")), money.decimal());
    }
    without_zeros(balances)
}

fn in_format(report: Report, format: Format) -> ExportRequest {
    ExportRequest { format, ..all_of(report) }
}

/// The file with the last digit of its first amount made another.
fn with_one_cent_changed(file: &str) -> String {
    let mut ends = file.match_indices(" EUR\n").map(|(at, _)| at);
    // The words of an entry may end so too.
    let at = ends.find(|at| file[..*at].ends_with(|c: char| c.is_ascii_digit())).expect("an amount in euros");
    let digit = file[..at].chars().last().unwrap();
    let other = if digit == '9' { '8' } else { char::from(digit as u8 + 1) };
    format!("{}{other}{}", &file[..at - 1], &file[at..])
}

/// The balances that a program reads out of a file, or why it refuses it.
type Reader = fn(&[u8]) -> Result<Balances, String>;

/// The books as hledger and beancount read them are those of the database, and with one cent changed neither takes them. `export` writes
/// them in the format.
pub async fn assert_books_are_those_of(db: &DatabaseConnection, export: impl AsyncFn(Format) -> Vec<u8>) {
    let ours = balances_in(db).await;
    assert!(ours.len() > 5, "{ours:#?}");
    for format in [Format::Hledger, Format::Beancount] {
        let (is_there, read): (bool, Reader) =
            if format == Format::Hledger { (has_hledger(), hledger) } else { (has_module("beancount"), beancount) };
        if !is_there {
            continue;
        }
        let file = export(format).await;
        assert_eq!(without_zeros(read(&file).unwrap()), ours, "{}", format.as_str());
        let changed = with_one_cent_changed(&String::from_utf8(file).unwrap());
        let refusal = read(changed.as_bytes()).unwrap_err();
        assert!(refusal.contains("balance"), "{}: {refusal}", format.as_str());
    }
}

async fn insert_in_bulk(test: &TestApp, postings: &[Posting]) {
    let now = test.app.now();
    let first = 1_000_000;
    test.app
        .db
        .write(async |tx| {
            for (chunk, some) in postings.chunks(1_000).enumerate() {
                let number = |place: usize| first + (chunk * 1_000 + place) as i64;
                let heads = some.iter().enumerate().map(|(place, posting)| ledger_transaction::ActiveModel {
                    id: Set(number(place)),
                    kind: Set(posting.kind),
                    source: Set(posting.source.clone()),
                    donation_id: Set(posting.donation_id),
                    occurred_at: Set(posting.occurred_at),
                    posted_at: Set(now),
                    stripe_balance_transaction: Set(posting.balance_transaction.clone()),
                    reverses_id: Set(None),
                    booked_at: Set(posting.occurred_at),
                });
                ledger_transaction::Entity::insert_many(heads).exec_without_returning(tx).await?;
                let sides = some.iter().enumerate().flat_map(|(place, posting)| {
                    posting.legs.iter().map(move |leg| ledger_entry::ActiveModel {
                        id: NotSet,
                        transaction_id: Set(number(place)),
                        account: Set(leg.account),
                        amount_minor: Set(leg.amount.minor),
                        currency: Set(leg.amount.currency),
                        fund_id: Set(leg.purpose.fund_id),
                        campaign_id: Set(None),
                        wish_item_id: Set(None),
                        article_id: Set(None),
                    })
                });
                ledger_entry::Entity::insert_many(sides).exec_without_returning(tx).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

on_both_databases! {
    async fn hledger_and_beancount_come_to_our_balances_and_refuse_a_changed_cent(test: TestApp) {
        every_kind(&test).await;
        let ours = own_balances(&test).await;
        assert!(ours.len() > 15, "{ours:#?}");
        for report in [Report::Books, Report::Journal] {
            let (plain, manifest) = bytes_of(&test, &in_format(report, Format::Hledger)).await;
            for (currency, sums) in &manifest.totals {
                assert_eq!(sums["debit"], sums["credit"], "{currency}");
            }
            let text = String::from_utf8(plain.clone()).unwrap();
            assert!(!text.contains("example.org") && !text.contains("Supporter"), "{text}");
            if has_hledger() {
                assert_eq!(without_zeros(hledger(&plain).unwrap()), ours, "{}", report.as_str());
                let refusal = hledger(with_one_cent_changed(&text).as_bytes()).unwrap_err();
                assert!(refusal.contains("balance"), "{refusal}");
            }
            let (plain, _) = bytes_of(&test, &in_format(report, Format::Beancount)).await;
            if has_module("beancount") {
                assert_eq!(without_zeros(beancount(&plain).unwrap()), ours, "{}", report.as_str());
                let text = String::from_utf8(plain).unwrap();
                let refusal = beancount(with_one_cent_changed(&text).as_bytes()).unwrap_err();
                assert!(refusal.contains("does not balance"), "{refusal}");
                // A transaction that was left out is balanced in itself: the balances at the end find it.
                let dropped: Vec<&str> = text.split("\n\n").collect();
                let short = [&dropped[..3], &dropped[4..]].concat().join("\n\n");
                let refusal = beancount(short.as_bytes()).unwrap_err();
                assert!(refusal.contains("Balance failed"), "{refusal}");
            }
        }
        let may = of_days(in_format(Report::Books, Format::Hledger), "2026-05-01", "2026-05-31", chrono_tz::Asia::Kabul);
        let (of_may, _) = bytes_of(&test, &may).await;
        assert!(!String::from_utf8(of_may.clone()).unwrap().contains("Balances at the end"), "a part has no balances of its own");
        if has_hledger() {
            assert_eq!(without_zeros(hledger(&of_may).unwrap()), ours);
        }
    }

    async fn a_random_year_of_twenty_thousand_movements_balances_to_the_cent(test: TestApp) {
        let mut funds: Vec<FundId> = Vec::new();
        for code in ["SCHOOLS", "CLINICS", "WINTER-2026"] {
            funds.push(test.add_fund(code).await);
        }
        insert_in_bulk(&test, &random_year(20_000, 7, &funds)).await;
        test.books_end_broken("the year is of the ledger alone, without donations");
        let ours = own_balances(&test).await;
        for report in [Report::Books, Report::Journal] {
            let mut in_newfoundland = in_format(report, Format::Hledger);
            in_newfoundland.asked.period.zone = chrono_tz::America::St_Johns;
            let (file, manifest) = bytes_of(&test, &in_newfoundland).await;
            assert!(report == Report::Journal || manifest.rows > 40_000);
            if has_hledger() {
                assert_eq!(without_zeros(hledger(&file).unwrap()), ours, "{}", report.as_str());
            }
        }
        if has_module("beancount") {
            let (file, _) = bytes_of(&test, &in_format(Report::Journal, Format::Beancount)).await;
            assert_eq!(without_zeros(beancount(&file).unwrap()), ours);
        }
        let db = behind_its_back(&test).await;
        assert_books_are_those_of(&db, async |format| bytes_of(&test, &in_format(Report::Books, format)).await.0).await;
    }
}
