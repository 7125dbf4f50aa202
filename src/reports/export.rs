//! A report as a file, written while it is read, with a manifest of what was taken away.

use super::{
    journal::{self, Entry, Writer},
    report::{self, Cell, Format, Page, Report, ReportRequest},
    schedule,
    write::{TableWriter, utc},
};
use crate::{app::App, clock::hex, donations::register, error::Error};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use entity::{Currency, Money};
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// How many bytes are handed on at a time.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// How many rows or transactions are read at a time: enough that the question costs little beside the rows, few enough for any memory.
/// PostgreSQL plans a question of many tables anew each time, which took it half of its time for a thousand rows.
pub const fn rows_at_once(is_postgres: bool) -> u64 {
    if is_postgres { 5_000 } else { 1_000 }
}

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The rows.
    pub asked: ReportRequest,
    /// How the file is written.
    pub format: Format,
    /// Which of the files that it needs, from one; where there is only one, it need not be named.
    pub part: Option<usize>,
}

/// Where one of several files begins: the page of rows or entries, and how many of them belong to the file before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePart {
    /// What the page is asked with.
    pub page: String,
    /// How many of its entries to leave out.
    pub skip: usize,
}

/// The sums of the amount columns, by currency and column.
pub type Totals = BTreeMap<Currency, BTreeMap<&'static str, i64>>;

/// What was exported: written into the audit trail, so that a file can be told from one that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Of which report.
    pub report: Report,
    /// How it is written.
    pub format: Format,
    /// Rows, without the line of column names; of a journal, the sides of its entries.
    pub rows: u64,
    /// The sums, of a journal those of debits and credits.
    pub totals: Totals,
    /// SHA-256 of the file in hex.
    pub sha256: String,
    /// When it was read.
    pub as_of: DateTime<Utc>,
}

impl Manifest {
    /// The same as JSON: `{"report": "donations", "rows": 2, "totals": {"EUR": {"gross": "50.00", …}}, "sha256": "…", "as_of": "…"}`.
    pub fn to_json(&self) -> serde_json::Value {
        let of_currency = |currency: &Currency, sums: &BTreeMap<&'static str, i64>| -> serde_json::Value {
            sums.iter()
                .map(|(column, minor)| ((*column).to_owned(), serde_json::Value::String(Money::new(*minor, *currency).decimal())))
                .collect()
        };
        let totals: serde_json::Map<String, serde_json::Value> =
            self.totals.iter().map(|(currency, sums)| (currency.to_string(), of_currency(currency, sums))).collect();
        serde_json::json!({
            "report": self.report.as_str(), "format": self.format.as_str(), "rows": self.rows, "totals": totals, "sha256": self.sha256,
            "as_of": utc(self.as_of),
        })
    }
}

/// Where the bytes go.
pub trait Sink: Send {
    /// Takes a piece of the file; `rows` is how many rows are written by now. An error ends the export.
    fn put(&mut self, chunk: Bytes, rows: u64) -> impl Future<Output = Result<(), Error>> + Send;

    /// Hears how many rows are read by now, for a progress bar.
    fn progress(&mut self, _rows: u64) {}
}

/// A file, or standard output.
#[derive(Debug)]
pub struct WriteSink<W>(pub W);

impl<W: std::io::Write + Send> Sink for WriteSink<W> {
    async fn put(&mut self, chunk: Bytes, _rows: u64) -> Result<(), Error> {
        self.0.write_all(&chunk).map_err(|error| Error::Unavailable(format!("the export cannot be written: {error}")))
    }
}

/// How many rows an export will have, where that is quickly known.
pub async fn count_rows(app: &App, request: &ReportRequest) -> Result<Option<i64>, Error> {
    match request.report {
        Report::Donations => register::count(app.db.read(), &request.scope()?, None).await.map(Some),
        _ => Ok(None),
    }
}

/// The files that an export is: Xero and HMRC take only short ones. Who takes several asks once, and each with [`export_file`]. Several
/// currencies are refused where the program that takes the file knows one.
pub async fn files(app: &App, request: &ExportRequest) -> Result<Vec<FilePart>, Error> {
    match (request.asked.report, request.format) {
        (_, Format::Xero) => {
            journal::refuse_currencies(app, &request.asked, "Xero").await?;
            journal::xero_files(app, &request.asked).await
        }
        (_, Format::QuickBooksDesktop) => {
            journal::refuse_currencies(app, &request.asked, "QuickBooks Desktop").await?;
            Ok(vec![FilePart::default()])
        }
        (Report::GiftAid, Format::Csv) => schedule::files(app.db.read(), &request.asked).await,
        _ => Ok(vec![FilePart::default()]),
    }
}

/// Refuses what cannot be exported, before anything is written.
pub fn check(request: &ExportRequest) -> Result<(), Error> {
    request.asked.period.bounds()?;
    if !request.asked.report.formats().any(|format| format == request.format) {
        let all: Vec<&str> = request.asked.report.formats().map(Format::as_str).collect();
        let (report, format) = (request.asked.report.as_str(), request.format.as_str());
        return Err(Error::Invalid(format!("the report `{report}` is not written as {format}: choose one of {}", all.join(", "))));
    }
    Ok(())
}

/// Writes a report into `sink`, some rows at a time. When the database fails in the middle, so does this: what the sink has got by then is
/// not a whole file.
pub async fn export(app: &App, request: &ExportRequest, sink: &mut impl Sink) -> Result<Manifest, Error> {
    check(request)?;
    export_file(app, request, &files(app, request).await?, sink).await
}

/// The same, one of `files`.
pub async fn export_file(app: &App, request: &ExportRequest, files: &[FilePart], sink: &mut impl Sink) -> Result<Manifest, Error> {
    check(request)?;
    let mut out = Out { sink, digest: ring::digest::Context::new(&ring::digest::SHA256), rows: 0, totals: Totals::new() };
    let as_of = app.now();
    if request.format.is_table() {
        write_table(app, request, files, &mut out).await?
    } else {
        write_journal(app, request, files, &mut out).await?
    }
    Ok(Manifest {
        report: request.asked.report,
        format: request.format,
        rows: out.rows,
        totals: out.totals,
        sha256: hex(out.digest.finish().as_ref()),
        as_of,
    })
}

struct Out<'s, S> {
    sink: &'s mut S,
    digest: ring::digest::Context,
    rows: u64,
    totals: Totals,
}

impl<S: Sink> Out<'_, S> {
    async fn hand_on(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        let chunk = bytes.into();
        if chunk.is_empty() {
            return Ok(());
        }
        self.digest.update(&chunk);
        self.sink.put(chunk, self.rows).await
    }

    fn add(&mut self, column: &'static str, money: Money) -> Result<(), Error> {
        let sum = self.totals.entry(money.currency).or_default().entry(column).or_default();
        *sum = sum.checked_add(money.minor).ok_or(entity::MoneyError::Overflow)?;
        Ok(())
    }
}

/// Rows that are being read while those before them are written.
type Reading<T> = AbortOnDropHandle<Result<Page<T>, Error>>;

fn ahead<T: Send + 'static>(reading: impl Future<Output = Result<Page<T>, Error>> + Send + 'static) -> Reading<T> {
    AbortOnDropHandle::new(tokio::spawn(reading))
}

async fn arrived<T>(reading: Reading<T>) -> Result<Page<T>, Error> {
    reading.await.map_err(|error| Error::internal("reading a report", error))?
}

fn rows(app: &App, request: &ExportRequest, after: String) -> impl Future<Output = Result<Page, Error>> + Send + use<> {
    let (app, asked) = (app.clone(), request.asked.clone());
    // A claim is read whole for each page of it.
    let most = if asked.report == Report::GiftAid { u64::MAX } else { rows_at_once(app.db.is_postgres()) };
    async move { report::page(&app, &asked, &after, most).await }
}

fn entries(app: &App, request: &ExportRequest, after: String) -> impl Future<Output = Result<Page<Entry>, Error>> + Send + use<> {
    let (app, asked) = (app.clone(), request.asked.clone());
    async move { journal::entries(&app, &asked, after, rows_at_once(app.db.is_postgres())).await.map(|(_, page)| page) }
}

async fn write_table<S: Sink>(app: &App, request: &ExportRequest, files: &[FilePart], out: &mut Out<'_, S>) -> Result<(), Error> {
    let report = request.asked.report;
    let columns = report.columns(request.asked.with_donors);
    let most = if report == Report::GiftAid && request.format == Format::Csv { schedule::ROWS_MAX as u64 } else { u64::MAX };
    let mut reading = ahead(rows(app, request, file_of(request, files)?.page.clone()));
    let mut table = TableWriter::new(request.format, report, columns, &temporary_folder(app))?;
    loop {
        let page = arrived(reading).await?;
        let left = usize::try_from(most - out.rows).unwrap_or(usize::MAX);
        let next = page.next.filter(|_| page.rows.len() < left).map(|after| ahead(rows(app, request, after)));
        for row in page.rows.iter().take(left) {
            for (column, cell) in columns.iter().zip(&row.cells) {
                if let Cell::Money(money) = cell {
                    out.add(column.name, *money)?;
                }
            }
            table.row(&row.cells)?;
            out.rows += 1;
            if table.waiting() >= CHUNK_BYTES {
                out.hand_on(table.take()).await?;
            }
        }
        out.sink.progress(out.rows);
        match next {
            Some(next) => reading = next,
            None => break,
        }
    }
    match table {
        TableWriter::Xlsx(book) => {
            let (sender, mut pieces) = mpsc::channel(4);
            let packing = tokio::task::spawn_blocking(move || book.send(CHUNK_BYTES, sender));
            while let Some(piece) = pieces.recv().await {
                out.hand_on(piece).await?;
            }
            packing.await.map_err(|error| Error::internal("packing a spreadsheet", error))?
        }
        mut table => out.hand_on(table.take()).await,
    }
}

/// On the same disk as the data: the system's folder for temporary files may be in memory.
fn temporary_folder(app: &App) -> std::path::PathBuf {
    let own = &app.config.data_dir;
    if own.is_dir() { own.clone() } else { std::env::temp_dir() }
}

async fn write_journal<S: Sink>(app: &App, request: &ExportRequest, files: &[FilePart], out: &mut Out<'_, S>) -> Result<(), Error> {
    let file = file_of(request, files)?;
    let mut writer = Writer::new(app, &request.asked, request.format);
    let mut reading = ahead(entries(app, request, file.page.clone()));
    let mut skip = file.skip;
    'pages: loop {
        let page = arrived(reading).await?;
        let next = page.next.map(|after| ahead(entries(app, request, after)));
        for entry in page.rows.iter().skip(std::mem::take(&mut skip)).filter(|entry| !entry.sides.is_empty()) {
            if !writer.entry(entry)? {
                break 'pages;
            }
            for side in &entry.sides {
                let (column, amount) = if side.money.minor > 0 { ("debit", side.money) } else { ("credit", side.money.negated()?) };
                out.add(column, amount)?;
                out.rows += 1;
            }
            if writer.waiting() >= CHUNK_BYTES {
                out.hand_on(writer.take()).await?;
            }
        }
        out.sink.progress(out.rows);
        match next {
            Some(next) => reading = next,
            None => break,
        }
    }
    writer.finish();
    out.hand_on(writer.take()).await
}

/// The file that was asked for, of `files`.
pub(super) fn file_of<'f>(request: &ExportRequest, files: &'f [FilePart]) -> Result<&'f FilePart, Error> {
    let many = files.len();
    let part = match request.part {
        None if many > 1 => {
            let limit = match request.format {
                Format::Xero => format!("Xero takes at most {} lines in a file", journal::XERO_LINES_MAX),
                _ => format!("HMRC’s spreadsheet takes at most {} rows", schedule::ROWS_MAX),
            };
            return Err(Error::Invalid(format!("{limit}, so this is {many} files: name which one")));
        }
        part => part.unwrap_or(1),
    };
    let file = part.checked_sub(1).and_then(|place| files.get(place));
    file.ok_or_else(|| Error::Invalid(format!("there is no file {part}: there are {many}")))
}
