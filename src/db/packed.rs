//! Thousands of rows, brought over as one text.
//!
//! The driver hands over each row by itself, and of SQLite each value of it, copied, from one thread to another. For a million rows that
//! takes several times as long as reading them does, so whoever wants very many has the database put them together: fields and rows are
//! parted by the control characters that are made for it, which no text has inside.

use crate::error::Error;
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};
use std::str::FromStr;

const BETWEEN_FIELDS: char = '\u{1f}';
const BETWEEN_ROWS: char = '\u{1e}';
/// Stands for a value that is not there, which an empty text is not.
const NOTHING: &str = "\u{1d}";

/// How a column of the question becomes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// What cannot hold a control character: a number, an instant, a day, a word or code of ours or Stripe's.
    Plain(&'static str),
    /// An id.
    Id(&'static str),
    /// Words that somebody typed: a character that parts fields or rows becomes a space.
    Typed(&'static str),
}

impl Column {
    fn sql(self, backend: DbBackend) -> String {
        match self {
            Self::Plain(name) => format!("coalesce(cast(s.{name} as text), '{NOTHING}')"),
            Self::Id(name) if backend == DbBackend::Sqlite => format!("case when s.{name} is null then '{NOTHING}' else hex(s.{name}) end"),
            Self::Id(name) => format!("coalesce(cast(s.{name} as text), '{NOTHING}')"),
            Self::Typed(name) => {
                let parted = format!("replace(replace(cast(s.{name} as text), '{BETWEEN_FIELDS}', ' '), '{BETWEEN_ROWS}', ' ')");
                format!("coalesce(replace({parted}, '{NOTHING}', ' '), '{NOTHING}')")
            }
        }
    }
}

/// Rows as one text.
#[derive(Clone, Debug, Default)]
pub struct Packed(String);

/// The rows of a question, which selects `columns` by these names; their order is that of the question.
pub async fn fetch(db: &impl ConnectionTrait, question: &impl QueryTrait, columns: &[Column]) -> Result<Packed, Error> {
    fetch_raw(db, question.build(db.get_database_backend()), columns).await
}

/// The same of a question in SQL.
pub async fn fetch_raw(db: &impl ConnectionTrait, question: Statement, columns: &[Column]) -> Result<Packed, Error> {
    let backend = question.db_backend;
    let fields: Vec<String> = columns.iter().map(|column| column.sql(backend)).collect();
    let row = format!("concat({})", fields.join(&format!(", '{BETWEEN_FIELDS}', ")));
    let all = if backend == DbBackend::Sqlite { "group_concat" } else { "string_agg" };
    let sql = format!("select {all}({row}, '{BETWEEN_ROWS}') as packed from ({}) s", question.sql);
    let found = db.query_one_raw(Statement { sql, ..question }).await?;
    let packed: Option<String> = found.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(Packed(packed.unwrap_or_default()))
}

impl Packed {
    /// The rows, one after the other.
    pub fn rows(&self) -> impl Iterator<Item = Fields<'_>> {
        let all = Some(self.0.as_str()).filter(|all| !all.is_empty());
        all.into_iter().flat_map(|all| all.split(BETWEEN_ROWS)).map(|row| Fields { rest: Some(row) })
    }
}

/// The fields of a row, to be taken in the order of the columns.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'p> {
    rest: Option<&'p str>,
}

fn wrong(what: &str) -> Error {
    Error::Internal(format!("the database packed {what}"))
}

impl<'p> Fields<'p> {
    /// The next field, or that it is not there.
    pub fn maybe(&mut self) -> Result<Option<&'p str>, Error> {
        let rest = self.rest.ok_or_else(|| wrong("too few fields into a row"))?;
        let field = match rest.split_once(BETWEEN_FIELDS) {
            Some((field, rest)) => {
                self.rest = Some(rest);
                field
            }
            None => {
                self.rest = None;
                rest
            }
        };
        Ok(Some(field).filter(|field| *field != NOTHING))
    }

    /// The next field as a text of its own.
    pub fn text(&mut self) -> Result<Option<String>, Error> {
        Ok(self.maybe()?.map(str::to_owned))
    }

    /// The next field as what it is, or that it is not there.
    pub fn parsed<T: FromStr>(&mut self) -> Result<Option<T>, Error> {
        let Some(field) = self.maybe()? else { return Ok(None) };
        field.parse().map(Some).map_err(|_| wrong("a field that cannot be read"))
    }

    /// The next field as what it is; it has to be there.
    pub fn needed<T: FromStr>(&mut self) -> Result<T, Error> {
        self.parsed()?.ok_or_else(|| wrong("nothing where a value has to be"))
    }

    /// The next field as an instant; it has to be there.
    pub fn instant(&mut self) -> Result<DateTime<Utc>, Error> {
        let field = self.maybe()?.ok_or_else(|| wrong("no instant where one has to be"))?;
        read_instant(field).ok_or_else(|| wrong("an instant that cannot be read"))
    }

    /// Whether all fields are taken, as they have to be.
    pub fn end(&self) -> Result<(), Error> {
        if self.rest.is_none() { Ok(()) } else { Err(wrong("too many fields into a row")) }
    }
}

/// `2026-01-31T18:05:09.123456+00:00` of SQLite, `2026-01-31 18:05:09.123456+00` of PostgreSQL: what both write of an instant of UTC.
fn read_instant(text: &str) -> Option<DateTime<Utc>> {
    let (date_time, zone) = text.split_at_checked(text.len().checked_sub(1)? - text.bytes().rev().position(|b| b == b'+')?)?;
    if !matches!(zone, "+00" | "+00:00") || !date_time.is_ascii() {
        return None;
    }
    let bytes = date_time.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        bytes.get(from..to)?.iter().try_fold(0, |sum: u32, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    let marks = [(4, b"-"), (7, b"-"), (10, b"T "), (13, b":"), (16, b":")] as [(usize, &[u8]); 5];
    if !marks.iter().all(|(place, marks)| bytes.get(*place).is_some_and(|byte| marks.contains(byte))) {
        return None;
    }
    let fraction = match bytes.get(19) {
        None => 0,
        Some(b'.') if (21..=29).contains(&bytes.len()) => {
            let digits = u32::try_from(bytes.len() - 20).ok()?;
            number(20, bytes.len())? * 10u32.pow(9 - digits)
        }
        Some(_) => return None,
    };
    let day = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 7)?, number(8, 10)?)?;
    Some(day.and_hms_nano_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, fraction)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_either_database_writes_of_an_instant_is_read() {
        let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (text, same) in [
            ("2026-01-31T18:05:09+00:00", "2026-01-31T18:05:09Z"),
            ("2026-01-31 18:05:09+00", "2026-01-31T18:05:09Z"),
            ("2024-02-29T23:59:59.123456789+00:00", "2024-02-29T23:59:59.123456789Z"),
            ("2024-02-29 23:59:59.5+00", "2024-02-29T23:59:59.5Z"),
        ] {
            assert_eq!(read_instant(text), Some(instant(same)), "{text}");
        }
        for text in [
            "",
            "+",
            "+00",
            "2026-01-31 18:05:09",
            "2026-01-31 18:05:09+02",
            "2026-02-30 18:05:09+00",
            "2026-01-31 18:05:09.+00",
            "2026-01-31 18:05+00",
            "2026-01-31x18:05:09+00",
            "infinity",
            "2026-01-31 18:05:09.1234567890+00",
        ] {
            assert_eq!(read_instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_row_gives_its_fields_and_no_more() {
        let packed = Packed(format!("1{BETWEEN_FIELDS}{NOTHING}{BETWEEN_FIELDS}{BETWEEN_ROWS}2{BETWEEN_FIELDS}x{BETWEEN_FIELDS}y"));
        let rows: Vec<_> = packed
            .rows()
            .map(|mut row| {
                let read = (row.needed::<i64>().unwrap(), row.text().unwrap(), row.text().unwrap());
                row.end().unwrap();
                assert!(row.maybe().is_err(), "there is no fourth");
                read
            })
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [(1, None, text("")), (2, text("x"), text("y"))]);
        let mut row = packed.rows().next().unwrap();
        assert!(row.end().is_err() && row.needed::<bool>().is_err());
        assert_eq!(Packed::default().rows().count(), 0);
    }
}
