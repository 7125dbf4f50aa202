//! A CSV file: a header row with the names of [`super::fields`], then one article a row. Fields are joined by commas, semicolons or
//! tabs, whichever the header has.

use super::{
    fields::{Fields, field_named},
    reading::{Found, Reading},
};
use crate::clock::sha256_hex;
use chrono_tz::Tz;
use csv::{Reader, ReaderBuilder, StringRecord};

/// Reads the rows of a table.
pub fn read(reading: &mut Reading, text: &str, zone: Tz) {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|mark| first.bytes().filter(|byte| byte == mark).count());
    let mut rows = ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).from_reader(text.as_bytes());
    let Some(columns) = columns_of(reading, &mut rows) else { return };
    let mut row = StringRecord::new();
    loop {
        match rows.read_record(&mut row) {
            Ok(false) => return,
            Ok(true) => take(reading, &columns, &row, zone),
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                reading.skip(line, why_bad(&error));
                if error.is_io_error() {
                    return;
                }
            }
        }
    }
}

/// The field of each column.
fn columns_of(reading: &mut Reading, rows: &mut Reader<&[u8]>) -> Option<Vec<Option<&'static str>>> {
    let header = match rows.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            reading.skip(1, why_bad(&error));
            return None;
        }
    };
    let mut columns: Vec<Option<&'static str>> = Vec::new();
    for name in &header {
        let field = field_named(name);
        if field.is_none() {
            reading.note(1, format!("the column `{name}` is not known and was left out"));
        }
        if field.is_some() && columns.contains(&field) {
            reading.skip(1, format!("two columns say the same: `{name}` is one of them"));
            return None;
        }
        columns.push(field);
    }
    if !columns.contains(&Some("title")) {
        reading.skip(1, "the first row must name the columns, and one of them must be `title`");
        return None;
    }
    Some(columns)
}

fn take(reading: &mut Reading, columns: &[Option<&'static str>], row: &StringRecord, zone: Tz) {
    let line = row.position().map_or(1, csv::Position::line);
    let named = columns.iter().zip(row).filter_map(|(field, value)| Some(((*field)?, value.to_owned())));
    let fields = Fields(named.filter(|(_, value)| !value.trim().is_empty()).collect());
    if fields.0.is_empty() {
        return;
    }
    match fields.understood(zone) {
        Ok(said) => reading.take(Found { key: key_of(&fields), line, details: said.details, views: said.views, publish: said.publish }),
        Err(faults) => {
            let told: Vec<String> = faults.into_iter().map(|(field, why)| format!("{field}: {why}")).collect();
            reading.skip(line, told.join("; "));
        }
    }
}

/// The id, else the address, else the title with its date.
fn key_of(fields: &Fields) -> String {
    match (fields.get("id"), fields.get("url")) {
        ("", "") => format!("row:{}", sha256_hex(&format!("{}\n{}", fields.get("title"), fields.get("published")))),
        ("", url) => format!("url:{url}"),
        (id, _) => format!("csv:{id}"),
    }
}

fn why_bad(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} fields and the first row has {expected_len}: is a quotation mark missing?")
        }
        _ => format!("this row cannot be read: {error}"),
    }
}
