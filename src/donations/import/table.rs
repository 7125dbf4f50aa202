//! A CSV file of past gifts: a header row that names the columns in any order, then one gift a row. Commas, semicolons or tabs,
//! whichever the header has; UTF-8 with a byte order mark or without.
//!
//! | column | what | needed |
//! |---|---|---|
//! | `date` | the day, `2025-12-31`, or a moment with its zone, `2025-12-31T20:15:00+04:30` | yes |
//! | `amount` | as people write it: `1,000.50`, `1.000,50`; not `1.000`, which could be one | yes |
//! | `currency` | three letters | yes, or `--currency` |
//! | `id` | what the other system calls it; without it the row itself is what a gift is known by | no |
//! | `email`, `name` | who gave; both may be empty | no |
//! | `campaign`, `article` | by the last part of the address | no |
//! | `fund` | by its code; else the campaign's, `--fund`, the general one | no |
//! | `reference`, `note` | texts for staff | no |
//! | `language` | of the supporter, as a tag | no |

use crate::{
    asks::{
        amount,
        gift::{is_email, without_controls},
    },
    clock::{self, sha256_hex},
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use csv::{ReaderBuilder, StringRecord};
use entity::{Currency, Money};
use std::collections::HashMap;

/// The columns that are known.
const COLUMNS: [&str; 12] =
    ["date", "amount", "currency", "id", "email", "name", "campaign", "article", "fund", "reference", "note", "language"];

/// The longest text of a field, in characters.
const TEXT_MAX: usize = 1_000;

/// The first year that a day may be of: earlier ones are slips of the finger, or days of another calendar (1404 is the Persian 2025).
const FIRST_YEAR: i32 = 1950;

/// When a gift was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// On a day of the organisation's zone.
    On(NaiveDate),
    /// At a moment.
    At(DateTime<Utc>),
}

/// A gift as a row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the column of that name, empty where it is")]
pub struct Row {
    /// The line in the file, counted from one.
    pub line: u64,
    /// What the gift is known by, so that importing it again adds nothing.
    pub key: String,
    pub given: Given,
    pub money: Money,
    pub email: String,
    pub name: String,
    pub campaign: String,
    pub article: String,
    pub fund: String,
    pub reference: String,
    pub note: String,
    pub language: String,
}

impl Row {
    /// What it may be known by elsewhere: the other system's id, and the reference.
    pub fn names(&self) -> Vec<&str> {
        [self.key.strip_prefix("id:").unwrap_or_default(), self.reference.as_str()].into_iter().filter(|name| !name.is_empty()).collect()
    }
}

/// A row that was left out, or a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line in the file, counted from one.
    pub line: u64,
    /// What about it.
    pub why: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The gifts.
    pub rows: Vec<Row>,
    /// Rows left out.
    pub skipped: Vec<Remark>,
    /// Columns left out.
    pub notes: Vec<Remark>,
}

impl Table {
    fn skip(&mut self, line: u64, why: impl Into<String>) {
        self.skipped.push(Remark { line, why: why.into() });
    }
}

/// Reads a file. `currency` stands where a row names none.
pub fn read(bytes: &[u8], currency: Option<Currency>) -> Table {
    let mut table = Table::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64;
            table.skip(line, "the file is not UTF-8: save it as “CSV UTF-8”, and nothing is misread");
            return table;
        }
    };
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|mark| first.bytes().filter(|byte| byte == mark).count());
    let mut reader = ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).from_reader(text.as_bytes());
    let Some(columns) = columns_of(&mut table, reader.headers()) else { return table };
    let (mut record, mut seen) = (StringRecord::new(), HashMap::new());
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return table,
            Ok(true) => {
                let line = record.position().map_or(1, csv::Position::line);
                if record.iter().all(|field| field.trim().is_empty()) {
                    continue;
                }
                match row_of(line, &columns, &record, currency, &mut seen) {
                    Ok(row) => table.rows.push(row),
                    Err(why) => table.skip(line, why),
                }
            }
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                table.skip(line, format!("this row cannot be read: {error}"));
            }
        }
    }
}

fn columns_of(table: &mut Table, header: Result<&StringRecord, csv::Error>) -> Option<Vec<Option<&'static str>>> {
    let header = match header {
        Ok(header) => header.clone(),
        Err(error) => {
            table.skip(1, format!("the first row cannot be read: {error}"));
            return None;
        }
    };
    let mut columns = Vec::new();
    for name in &header {
        let plain = name.trim().to_lowercase();
        let known = COLUMNS.into_iter().find(|column| *column == plain);
        if known.is_none() {
            table.notes.push(Remark { line: 1, why: format!("the column `{name}` is not known and was left out") });
        } else if columns.contains(&known) {
            table.skip(1, format!("two columns are called `{plain}`"));
            return None;
        }
        columns.push(known);
    }
    let missing: Vec<_> = ["date", "amount"].into_iter().filter(|needed| !columns.contains(&Some(needed))).collect();
    if !missing.is_empty() {
        table.skip(1, format!("the first row must name the columns, and `{}` is missing", missing.join("` and `")));
        return None;
    }
    Some(columns)
}

fn row_of(
    line: u64,
    columns: &[Option<&'static str>],
    record: &StringRecord,
    currency: Option<Currency>,
    seen: &mut HashMap<String, u64>,
) -> Result<Row, String> {
    let field = |name: &str| {
        let at = columns.iter().position(|column| *column == Some(name));
        without_controls(at.and_then(|at| record.get(at)).unwrap_or_default(), name == "note")
    };
    if let Some(long) = COLUMNS.into_iter().find(|name| field(name).chars().count() > TEXT_MAX) {
        return Err(format!("`{long}` is longer than {TEXT_MAX} characters"));
    }
    let currency = match field("currency").as_str() {
        "" => currency.ok_or("no currency is named: add the column `currency`, or say `--currency EUR`")?,
        code => code.parse().map_err(|_| format!("`{code}` is not a currency"))?,
    };
    let typed = field("amount");
    if typed.starts_with(['-', '\u{2212}', '(']) {
        return Err(format!("the amount `{typed}` is below zero: leave refunds out, and what they gave back with them"));
    }
    if amount::is_ambiguous_in_a_file(&typed, currency) {
        return Err(format!("the amount `{typed}` could be a thousand or one: write it with the currency’s decimals"));
    }
    let money = amount::parse_moved(&typed, currency).map_err(|error| format!("the amount `{typed}`: {error}"))?;
    let email = field("email").to_lowercase();
    if !email.is_empty() && !is_email(&email) {
        // The address itself stays out of what is printed.
        return Err("`email` is not an e-mail address".to_owned());
    }
    let row = Row {
        line,
        key: String::new(),
        given: parse_given(&field("date"))?,
        money,
        email,
        name: field("name"),
        campaign: field("campaign"),
        article: field("article"),
        fund: field("fund"),
        reference: field("reference"),
        note: field("note"),
        language: field("language"),
    };
    let key = match field("id").as_str() {
        "" => {
            let all = sha256_hex(&format!("{:?}", Row { line: 0, ..row.clone() }));
            // Two gifts may look the same: the second of them is the second one each time.
            let before = seen.entry(all.clone()).and_modify(|count| *count += 1).or_default();
            format!("row:{all}:{before}")
        }
        id => {
            let key = format!("id:{id}");
            if seen.insert(key.clone(), line).is_some() {
                return Err(format!("the id `{id}` stands in the file twice"));
            }
            key
        }
    };
    Ok(Row { key, ..row })
}

fn parse_given(text: &str) -> Result<Given, String> {
    let (given, year) = if let Some(day) = clock::parse_day(text) {
        (Given::On(day), day.year())
    } else {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| format!("`{text}` is not a day such as 2025-12-31"))?;
        (Given::At(moment.with_timezone(&Utc)), moment.year())
    };
    if year < FIRST_YEAR {
        return Err(format!("`{text}` is before {FIRST_YEAR}: write the day in the Gregorian calendar"));
    }
    Ok(given)
}
