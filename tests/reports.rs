//! What finance takes away, the proof that everything agrees, and whether the installation is well.

pub mod accounting;
mod bank_lines;
mod books;
mod files;
mod groups;
mod health;
mod invariants;
mod journals;
mod letters;
mod movements;
mod narrowed;
mod pages;
mod recoded;
mod register;
mod sent;
mod spreadsheet;

use crate::support::TestApp;
use bytes::Bytes;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use std::collections::BTreeMap;
use wellwisher::{
    error::Error,
    reports::{ExportRequest, Format, Manifest, Period, Report, ReportRequest, Sink, export},
};

/// A report, all of it, as CSV.
pub fn all_of(report: Report) -> ExportRequest {
    ExportRequest { asked: ReportRequest::all(report, chrono_tz::UTC), format: Format::Csv, part: None }
}

/// The whole register.
fn everything() -> ExportRequest {
    all_of(Report::Donations)
}

/// The same of some days of a zone.
fn of_days(mut request: ExportRequest, from: &str, to: &str, zone: chrono_tz::Tz) -> ExportRequest {
    request.asked.period = Period { from: from.parse().ok(), to: to.parse().ok(), zone };
    request
}

/// Keeps the pieces.
#[derive(Default)]
pub struct Kept(Vec<Bytes>);

impl Sink for Kept {
    async fn put(&mut self, chunk: Bytes, _rows: u64) -> Result<(), Error> {
        self.0.push(chunk);
        Ok(())
    }
}

/// A row of a file, by column.
pub type Row = BTreeMap<String, String>;

/// The bytes of a file and its manifest.
pub async fn bytes_of(test: &TestApp, request: &ExportRequest) -> (Vec<u8>, Manifest) {
    let mut kept = Kept::default();
    let manifest = export(&test.app, request, &mut kept).await.expect("the export");
    (kept.0.concat(), manifest)
}

/// The file and its manifest.
pub async fn file_of(test: &TestApp, request: &ExportRequest) -> (String, Manifest) {
    let mut kept = Kept::default();
    let manifest = export(&test.app, request, &mut kept).await.expect("the export");
    (String::from_utf8(kept.0.concat()).expect("UTF-8"), manifest)
}

/// The rows of a file, by column.
pub fn rows_of(file: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(file.trim_start_matches('\u{feff}').as_bytes());
    reader.deserialize().map(|row| row.expect("every row has every column")).collect()
}

/// A connection that the program knows nothing of.
async fn behind_its_back(test: &TestApp) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(&test.database.url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("the database opens")
}

async fn run(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
