//! Rows as files. Each kind of file is written row by row, so that memory does not grow with the report.

mod csv;
mod jsonl;
mod xlsx;

pub use csv::Lines;
pub use xlsx::Book;

use super::report::{Cell, Column, Format, Report};
use crate::error::Error;
use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};
use jsonl::Objects;
use std::path::Path;

/// A table being written.
pub enum TableWriter {
    /// Comma-separated values.
    Csv(Lines),
    /// A JSON object in each line.
    Jsonl(Objects),
    /// A spreadsheet; its bytes are there only when it is finished.
    Xlsx(Box<Book>),
}

impl TableWriter {
    /// A table with these columns; a spreadsheet keeps its rows in a nameless file in `folder` meanwhile.
    pub fn new(format: Format, report: Report, columns: &'static [Column], folder: &Path) -> Result<Self, Error> {
        Ok(match format {
            Format::Xlsx => Self::Xlsx(Box::new(Book::new(report.as_str(), columns, folder)?)),
            Format::Jsonl => Self::Jsonl(Objects::new(columns)),
            _ => {
                let mut lines = if format == Format::CsvSemicolon { Lines::with_semicolons() } else { Lines::default() };
                for (place, column) in columns.iter().enumerate() {
                    let mark = if place == 0 && report.begins_with_mark(format) { "\u{feff}" } else { "" };
                    lines.number(format_args!("{mark}{}", column.name));
                }
                lines.end();
                Self::Csv(lines)
            }
        })
    }

    /// Writes a row.
    pub fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        match self {
            Self::Csv(lines) => {
                for cell in cells {
                    write_cell(lines, cell);
                }
                lines.end();
                Ok(())
            }
            Self::Jsonl(objects) => {
                objects.row(cells);
                Ok(())
            }
            Self::Xlsx(book) => book.row(cells),
        }
    }

    /// How many bytes wait to be taken.
    pub fn waiting(&self) -> usize {
        match self {
            Self::Csv(lines) => lines.len(),
            Self::Jsonl(objects) => objects.bytes.len(),
            Self::Xlsx(_) => 0,
        }
    }

    /// Takes what was written so far.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Csv(lines) => lines.take(),
            Self::Jsonl(objects) => std::mem::take(&mut objects.bytes),
            Self::Xlsx(_) => Vec::new(),
        }
    }
}

fn write_cell(lines: &mut Lines, cell: &Cell) {
    match cell {
        Cell::Empty => lines.text(""),
        Cell::Text(text) => lines.text(text),
        Cell::Word(word) => lines.text(word),
        Cell::Day(on) => lines.plain(&day(*on)),
        Cell::Instant(at) => lines.plain(&utc(*at)),
        Cell::Money(money) => lines.decimal(&money.decimal()),
        Cell::Count(count) => lines.count(*count),
    }
}

/// An instant to the second, `2026-01-31T18:05:00Z`. Files have millions: digit by digit it is ten times as fast as any formatter.
pub fn utc(instant: DateTime<Utc>) -> String {
    let Ok(year @ 0..=9999) = u32::try_from(instant.year()) else { return instant.to_rfc3339_opts(SecondsFormat::Secs, true) };
    let mut text = *b"0000-00-00T00:00:00Z";
    put_date(&mut text, year, instant.month(), instant.day());
    put_two(&mut text, 11, instant.hour());
    put_two(&mut text, 14, instant.minute());
    put_two(&mut text, 17, instant.second());
    String::from_utf8_lossy(&text).into_owned()
}

/// A day, `2026-01-31`.
pub fn day(day: NaiveDate) -> String {
    let Ok(year @ 0..=9999) = u32::try_from(day.year()) else { return day.to_string() };
    let mut text = *b"0000-00-00";
    put_date(&mut text, year, day.month(), day.day());
    String::from_utf8_lossy(&text).into_owned()
}

fn put_date(text: &mut [u8], year: u32, month: u32, day: u32) {
    put_two(text, 0, year / 100);
    put_two(text, 2, year % 100);
    put_two(text, 5, month);
    put_two(text, 8, day);
}

fn put_two(text: &mut [u8], place: usize, number: u32) {
    text[place] = b'0' + (number / 10 % 10) as u8;
    text[place + 1] = b'0' + (number % 10) as u8;
}
