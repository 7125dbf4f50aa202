//! What finance takes away, the proof that everything agrees, and whether the installation is well.

mod books;
mod export;
mod health;
mod sent;

use crate::support::TestApp;
use bytes::Bytes;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use std::collections::BTreeMap;
use wellwisher::{
    donations::list::Filter,
    error::Error,
    reports::{ExportRequest, Format, Manifest, Sink, export_donations},
};

/// An export of everything.
fn everything() -> ExportRequest {
    ExportRequest { from: None, to: None, timezone: chrono_tz::UTC, format: Format::Csv, with_donors: false, filter: Filter::default() }
}

/// Keeps the pieces.
#[derive(Default)]
struct Kept(Vec<Bytes>);

impl Sink for Kept {
    async fn put(&mut self, chunk: Bytes, _rows: u64) -> Result<(), Error> {
        self.0.push(chunk);
        Ok(())
    }
}

type Row = BTreeMap<String, String>;

/// The file and its manifest.
async fn file_of(test: &TestApp, request: &ExportRequest) -> (String, Manifest) {
    let mut kept = Kept::default();
    let manifest = export_donations(&test.app, request, &mut kept).await.expect("the export");
    (String::from_utf8(kept.0.concat()).expect("UTF-8"), manifest)
}

/// The rows of a file, by column.
fn rows_of(file: &str) -> Vec<Row> {
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
