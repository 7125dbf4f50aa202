//! JSON lines: an object for each row, amounts as decimal text so that no program makes floating-point numbers of them.

use super::utc;
use crate::reports::report::{Cell, Column};
use std::io::Write;

/// Lines being written.
pub struct Objects {
    columns: &'static [Column],
    pub(super) bytes: Vec<u8>,
}

impl Objects {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Self { columns, bytes: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: &[Cell]) {
        for (place, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            let before = if place == 0 { "{" } else { "," };
            let _ = write!(self.bytes, "{before}\"{}\":", column.name);
            let _ = match cell {
                Cell::Empty => write!(self.bytes, "null"),
                // Serialising a text into memory cannot fail.
                Cell::Text(text) => serde_json::to_writer(&mut self.bytes, text).map_err(std::io::Error::from),
                Cell::Word(word) => serde_json::to_writer(&mut self.bytes, word).map_err(std::io::Error::from),
                Cell::Day(day) => write!(self.bytes, "\"{day}\""),
                Cell::Instant(at) => write!(self.bytes, "\"{}\"", utc(*at)),
                Cell::Money(money) => write!(self.bytes, "\"{}\"", money.decimal()),
                Cell::Count(count) => write!(self.bytes, "{count}"),
            };
        }
        self.bytes.extend_from_slice(b"}\n");
    }
}
