//! Journals: what an accounting program takes in, and what plain-text accounting checks.
//!
//! The *journal* is a summary: one entry for each payout, fund and currency in each month, and for what no payout holds yet, one for each
//! day, fund and currency. It names nobody, and no entry crosses the end of a month, so that a month's journal is a month's books. Take a
//! month when its payouts are there: what was summed by day is summed by payout then. The *books* are every transaction of the ledger.

mod accounts;
mod imports;
mod latin;
mod plain;
mod summary;
mod transactions;
mod writer;

pub use accounts::Accounts;
pub use imports::XERO_LINES_MAX;
pub use latin::to_windows_1252;
pub use writer::{Writer, xero_files};

use super::report::{Cell, Column, Kind, Page, Period, Report, ReportRequest, Row, column};
use crate::{app::App, error::Error};
use chrono::NaiveDate;
use entity::{Currency, Money, words::Account};
use sea_orm::{ConnectionTrait, Statement};

/// A row is one side of an entry: a debit or a credit.
pub const COLUMNS: &[Column] = &[
    column("journal_no", Kind::Text),
    column("date", Kind::Day),
    column("narration", Kind::Text),
    column("account", Kind::Text),
    column("account_code", Kind::Text),
    column("fund_code", Kind::Text),
    column("debit", Kind::Money),
    column("credit", Kind::Money),
    column("amount_minor", Kind::Count),
    column("currency", Kind::Text),
];

/// One side of an entry.
#[derive(Clone, Debug)]
pub struct Side {
    /// The account.
    pub account: Account,
    /// The code of the fund that it is for, as it was then; empty where it is for none.
    pub fund_code: String,
    /// That fund's general-ledger code for this account then; empty where it has none.
    pub gl_code: String,
    /// Positive for a debit, negative for a credit.
    pub money: Money,
}

/// One balanced entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its day, in the zone that was asked for.
    pub day: NaiveDate,
    /// Its number: the same whenever the same entry is taken away, at most eleven characters, as QuickBooks Desktop has room for.
    pub number: String,
    /// What it is, without names.
    pub narration: String,
    /// The sides; they sum to zero in each currency.
    pub sides: Vec<Side>,
}

/// The entries after `after`, and where they were found; of the summary a month at a time. Months that have none of the currency are passed
/// over: an empty page is the end.
pub async fn entries(app: &App, request: &ReportRequest, mut after: String, limit: u64) -> Result<(String, Page<Entry>), Error> {
    let (db, period) = (app.db.read(), &request.period);
    if request.report == Report::Books {
        let page = transactions::page(db, period, &after, limit).await?;
        return Ok((after, page));
    }
    // An entry of the summary is of one currency.
    let is_asked_for = |side: &Side| request.currency.is_none_or(|currency| side.money.currency == currency);
    loop {
        let mut page = summary::page(db, period, &after).await?;
        page.rows.retain(|entry| entry.sides.iter().all(is_asked_for));
        match page.next.take_if(|_| page.rows.is_empty()) {
            Some(next) => after = next,
            None => return Ok((after, page)),
        }
    }
}

/// The currencies of what is booked in these days.
pub async fn currencies(db: &impl ConnectionTrait, period: &Period) -> Result<Vec<Currency>, Error> {
    let (condition, values) = period.over_bookings("t.booked_at", 1)?;
    // As in the sums by group, `cross join` keeps SQLite from reading all entries first.
    let sql = format!(
        "select distinct e.currency as currency from ledger_transaction t cross join ledger_entry e
         where e.transaction_id = t.id and {condition} order by 1"
    );
    let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    Ok(rows.iter().map(|row| row.try_get("", "currency")).collect::<Result<_, _>>()?)
}

/// Refuses several currencies in a file of a program that takes every amount in it for one of its own currency.
pub async fn refuse_currencies(app: &App, request: &ReportRequest, program: &str) -> Result<(), Error> {
    let all = if request.currency.is_some() { Vec::new() } else { currencies(app.db.read(), &request.period).await? };
    if all.len() < 2 {
        return Ok(());
    }
    let codes: Vec<&str> = all.iter().map(Currency::code).collect();
    let why = format!(
        "{program} takes one currency in a file, and in these days there are {}: choose one, on the command line with --currency {}",
        codes.join(", "),
        codes[0]
    );
    Err(Error::Invalid(why))
}

/// The same as rows.
pub async fn page(app: &App, request: &ReportRequest, after: &str, limit: u64) -> Result<Page, Error> {
    let accounts = Accounts::of(&app.config);
    let (_, read) = entries(app, request, after.to_owned(), limit).await?;
    let rows =
        read.rows.iter().flat_map(|entry| entry.sides.iter().map(|side| row_of(&accounts, entry, side))).collect::<Result<_, _>>()?;
    Ok(Page { rows, next: read.next })
}

fn row_of(accounts: &Accounts, entry: &Entry, side: &Side) -> Result<Row, Error> {
    let (debit, credit) =
        if side.money.minor > 0 { (Cell::Money(side.money), Cell::Empty) } else { (Cell::Empty, Cell::Money(side.money.negated()?)) };
    let cells = vec![
        Cell::Text(entry.number.clone()),
        Cell::Day(entry.day),
        Cell::Text(entry.narration.clone()),
        Cell::Word(side.account.as_str()),
        Cell::Text(accounts.code(side)),
        Some(side.fund_code.clone()).filter(|code| !code.is_empty()).into(),
        debit,
        credit,
        Cell::Count(side.money.minor),
        Cell::Text(side.money.currency.code().to_owned()),
    ];
    Ok(Row { cells, link: None })
}
