//! Plain-text accounting: hledger and beancount, whose strict checks are an independent proof of the books.
//!
//! What a file uses (accounts, commodities) and, when it begins at the beginning, the balance of each account stand at its end: both
//! programs read a file whole before they judge it. Pitfalls that were measured: in hledger a comment needs two spaces before its
//! semicolon, or it becomes part of the account's name; a semicolon in a description begins a comment; beancount takes a balance that is a
//! cent wrong unless its tolerance is written as zero, and checks it at the start of its day.

use super::{Accounts, Entry};
use crate::error::Error;
use chrono::NaiveDate;
use entity::{Currency, Money};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Hledger,
    Beancount,
}

/// What a file has used so far.
#[derive(Debug)]
pub(super) struct Plain {
    dialect: Dialect,
    /// Whether it begins where the ledger begins, so that its balances are the ledger's.
    whole: bool,
    balances: BTreeMap<String, BTreeMap<Currency, i64>>,
    days: Option<(NaiveDate, NaiveDate)>,
}

impl Plain {
    pub(super) fn new(dialect: Dialect, whole: bool) -> Self {
        Self { dialect, whole, balances: BTreeMap::new(), days: None }
    }

    pub(super) fn start(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.dialect {
            Dialect::Hledger => b"decimal-mark .\n".as_slice(),
            Dialect::Beancount => b"option \"title\" \"Donations\"\n",
        });
    }

    pub(super) fn entry(&mut self, accounts: &Accounts, entry: &Entry, out: &mut Vec<u8>) -> Result<(), Error> {
        let narration = one_line(&entry.narration);
        let _ = match self.dialect {
            Dialect::Hledger => write!(out, "\n{} * ({}) {narration}\n", entry.day, one_line(&entry.number)),
            Dialect::Beancount => write!(out, "\n{} * \"{narration}\"\n  number: \"{}\"\n", entry.day, one_line(&entry.number)),
        };
        for side in &entry.sides {
            let path = accounts.path(side);
            let _ = writeln!(out, "  {path}  {} {}", side.money.decimal(), side.money.currency);
            let balance = self.balances.entry(path).or_default().entry(side.money.currency).or_default();
            *balance = balance.checked_add(side.money.minor).ok_or(entity::MoneyError::Overflow)?;
        }
        let (first, last) = self.days.unwrap_or((entry.day, entry.day));
        self.days = Some((first.min(entry.day), last.max(entry.day)));
        Ok(())
    }

    pub(super) fn finish(&self, out: &mut Vec<u8>) {
        let Some((first, last)) = self.days else { return };
        match self.dialect {
            Dialect::Hledger => self.finish_hledger(last, out),
            Dialect::Beancount => self.finish_beancount(first, last, out),
        }
    }

    fn finish_hledger(&self, last: NaiveDate, out: &mut Vec<u8>) {
        let currencies: BTreeSet<Currency> = self.balances.values().flat_map(BTreeMap::keys).copied().collect();
        let _ = writeln!(out);
        for currency in currencies {
            // A currency without decimals is written with its decimal mark, or the mark would be unknown.
            let mark = if currency.exponent() == 0 { "." } else { "" };
            let _ = writeln!(out, "commodity {}{mark} {currency}", Money::new(1000 * 10_i64.pow(currency.exponent()), currency).decimal());
        }
        for path in self.balances.keys() {
            let kind = match path.split(':').next() {
                Some("Assets") => "A",
                Some("Income") => "R",
                Some("Expenses") => "X",
                _ => "E",
            };
            let _ = writeln!(out, "account {path}  ; type: {kind}");
        }
        if self.whole {
            let _ = writeln!(out, "\n{last} * Balances at the end");
            for (path, currency, balance) in self.balances() {
                let zero = Money::new(0, currency).decimal();
                let _ = writeln!(out, "  {path}  {zero} {currency} = {} {currency}", balance.decimal());
            }
        }
    }

    fn finish_beancount(&self, first: NaiveDate, last: NaiveDate, out: &mut Vec<u8>) {
        let _ = writeln!(out);
        for path in self.balances.keys() {
            let _ = writeln!(out, "{first} open {path}");
        }
        if self.whole {
            let after = last.succ_opt().unwrap_or(last);
            for (path, currency, balance) in self.balances() {
                let zero = Money::new(0, currency).decimal();
                let _ = writeln!(out, "{after} balance {path}  {} ~ {zero} {currency}", balance.decimal());
            }
        }
    }

    fn balances(&self) -> impl Iterator<Item = (&str, Currency, Money)> {
        self.balances.iter().flat_map(|(path, by_currency)| {
            by_currency.iter().map(|(currency, minor)| (path.as_str(), *currency, Money::new(*minor, *currency)))
        })
    }
}

/// Text without what would end it: line breaks, quotes, the semicolon of a comment, the bar between payee and note.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, ';' | '"' | '\\' | '|' | '(' | ')') { ' ' } else { c }).collect()
}
