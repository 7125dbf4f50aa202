//! Spreadsheets. Rows go to a nameless file on the disk as they come, and are packed at the end: memory does not grow with them.

use super::utc;
use crate::{
    error::Error,
    reports::{
        report::{Cell, Column, Kind},
        write::csv::is_formula,
    },
};
use entity::Money;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use std::{
    io::{self, BufWriter, Write},
    path::Path,
};
use tokio::sync::mpsc;

/// A sheet has 1,048,576 rows, the first of them the column names; after that another sheet begins.
const ROWS_OF_A_SHEET: u32 = 1_048_575;

/// Excel counts with fifteen digits: a number with more is written as text, so that no digit is lost.
const EXACT_MAX: u64 = 999_999_999_999_999;

/// A workbook being written.
pub struct Book {
    workbook: Workbook,
    name: String,
    columns: &'static [Column],
    sheets: usize,
    row: u32,
    bold: Format,
    decimals: [Format; 4],
}

fn failed(error: &XlsxError) -> Error {
    Error::Unavailable(format!("the spreadsheet cannot be written: {error}"))
}

impl Book {
    pub(super) fn new(name: &str, columns: &'static [Column], folder: &Path) -> Result<Self, Error> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder).map_err(|error| failed(&error))?;
        // The time of writing would make the same rows another file.
        let no_time = ExcelDateTime::from_ymd(2000, 1, 1).map_err(|error| failed(&error))?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&no_time));
        let decimals = ["0", "0.0", "0.00", "0.000"].map(|format| Format::new().set_num_format(format));
        let mut book = Self { workbook, name: name.to_owned(), columns, sheets: 0, row: 0, bold: Format::new().set_bold(), decimals };
        book.add_sheet().map_err(|error| failed(&error))?;
        Ok(book)
    }

    fn add_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name = if self.sheets == 1 { self.name.clone() } else { format!("{} {}", self.name, self.sheets) };
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (place, column) in self.columns.iter().enumerate() {
            let wide = if column.kind == Kind::Instant { 21 } else { 14 };
            sheet.set_column_width(place as u16, wide)?;
            sheet.write_string_with_format(0, place as u16, column.name, &self.bold)?;
        }
        self.row = 0;
        Ok(())
    }

    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        self.write_row(cells).map_err(|error| failed(&error))
    }

    fn write_row(&mut self, cells: &[Cell]) -> Result<(), XlsxError> {
        if self.row == ROWS_OF_A_SHEET {
            self.add_sheet()?;
        }
        self.row += 1;
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1)?;
        for (place, cell) in cells.iter().enumerate() {
            let (row, place) = (self.row, place as u16);
            match cell {
                Cell::Empty => continue,
                Cell::Word(word) => sheet.write_string(row, place, *word)?,
                // A text never is a formula here; the apostrophe is for who saves the sheet as comma-separated values.
                Cell::Text(text) if is_formula(text) => sheet.write_string(row, place, format!("'{text}"))?,
                Cell::Text(text) => sheet.write_string(row, place, text.as_str())?,
                Cell::Day(day) => sheet.write_string(row, place, day.to_string())?,
                Cell::Instant(at) => sheet.write_string(row, place, utc(*at))?,
                Cell::Money(money) if money.minor.unsigned_abs() > EXACT_MAX => sheet.write_string(row, place, money.decimal())?,
                Cell::Money(money) => {
                    let format = &self.decimals[money.currency.exponent().min(3) as usize];
                    sheet.write_number_with_format(row, place, spreadsheet_number(*money), format)?
                }
                Cell::Count(count) if count.unsigned_abs() > EXACT_MAX => sheet.write_string(row, place, count.to_string())?,
                Cell::Count(count) => sheet.write_number(row, place, *count as f64)?,
            };
        }
        Ok(())
    }

    /// Packs the workbook and sends its bytes, about `chunk` at a time. It blocks; when nobody takes them any more, it ends.
    pub fn send(mut self, chunk: usize, pieces: mpsc::Sender<bytes::Bytes>) -> Result<(), Error> {
        let mut writer = BufWriter::with_capacity(chunk, Pieces(pieces));
        self.workbook.save_to_writer(&mut writer).map_err(|error| failed(&error))?;
        writer.flush().map_err(|error| Error::Unavailable(format!("the spreadsheet cannot be written: {error}")))
    }
}

/// The number that a spreadsheet holds. The file format knows no other numbers than these, and up to fifteen digits each decimal has
/// exactly one: it is written down, never counted with.
fn spreadsheet_number(money: Money) -> f64 {
    money.minor as f64 / 10_f64.powi(money.currency.exponent() as i32)
}

struct Pieces(mpsc::Sender<bytes::Bytes>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(bytes::Bytes::copy_from_slice(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
