//! A report taken away from the desk: sent while it is read, and in the audit trail.

use super::{
    asked::AskedReport,
    export::{self, ExportRequest, FilePart, Manifest, Sink},
    report::{Format, Report},
};
use crate::{
    app::App,
    donations::list::Asked,
    error::Error,
    staff::{Actor, Finance, audit},
    web::{Path, Query},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use chrono::NaiveDate;
use serde_json::json;
use std::{
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// How many exports may run at once.
static EXPORTS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(4)));

/// How many pieces wait for a slow reader before the export waits too.
const PIECES_WAITING: usize = 4;

/// How long an export waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The register as CSV, at its oldest address.
pub(super) async fn export_donations(
    state: State<App>,
    who: Finance,
    filter: Query<Asked>,
    asked: Query<AskedReport>,
) -> Result<Response, Error> {
    export(state, who, Path(Report::Donations.as_str().to_owned()), filter, asked).await
}

/// What the page with the same address shows, all of it, as a file. It is sent while it is read: when something fails in the middle the
/// connection is cut, so that nobody takes a part for the whole. The audit trail says what was taken.
pub(super) async fn export(
    State(app): State<App>,
    who: Finance,
    Path(name): Path<String>,
    Query(filter): Query<Asked>,
    Query(asked): Query<AskedReport>,
) -> Result<Response, Error> {
    let report: Report = name.parse().map_err(|_| Error::NotFound)?;
    let part = Some(asked.part.trim()).filter(|part| !part.is_empty());
    let request = ExportRequest {
        asked: asked.request(&app, report, &filter, app.config.org_timezone).await?,
        format: if asked.format.is_empty() { Format::Csv } else { asked.format.parse()? },
        part: part.map(str::parse).transpose().map_err(|_| Error::Invalid("Name which file by its number.".to_owned()))?,
    };
    export::check(&request)?;
    let files = export::files(&app, &request).await?;
    if files.len() > 1 && request.part.is_none() {
        return Err(Error::Invalid(format!("This is {} files: take them one by one from the report's page.", files.len())));
    }
    export::file_of(&request, &files)?;
    let busy = || Error::TooMany("Several exports are running. Please try again in a minute.".to_owned());
    let place = EXPORTS.clone().try_acquire_owned().map_err(|_| busy())?;
    let named = asked.trail(&filter, &request.asked);
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{}\"", file_name(&request, files.len())));
    let kind = HeaderValue::from_static(request.format.content_type());
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    tokio::spawn(send(app, who.actor(), request, files, named, sender, place));
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_DISPOSITION, disposition.map_err(|error| Error::internal("a file's name", error))?);
    Ok(response)
}

fn file_name(request: &ExportRequest, files: usize) -> String {
    let day = |day: Option<NaiveDate>| day.map(|day| format!("-{day}")).unwrap_or_default();
    let part = request.part.filter(|_| files > 1).map(|part| format!("-{part}")).unwrap_or_default();
    let currency = request.asked.currency.map(|currency| format!("-{currency}")).unwrap_or_default();
    let (name, period) = (request.asked.report.as_str(), request.asked.period);
    format!("{name}{}{}{currency}{part}{}", day(period.from), day(period.to), request.format.ending())
}

type Piece = Result<Bytes, io::Error>;

/// Into the body of a response. The last piece is held back until the audit trail has its entry.
struct BodySink {
    pieces: mpsc::Sender<Piece>,
    held: Option<Bytes>,
    rows: u64,
}

impl BodySink {
    async fn send(&self, piece: Piece) -> Result<(), Error> {
        let gone = || Error::Unavailable("the reader of the export has gone".to_owned());
        match tokio::time::timeout(PATIENCE, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(gone()),
        }
    }
}

impl Sink for BodySink {
    async fn put(&mut self, chunk: Bytes, rows: u64) -> Result<(), Error> {
        if let Some(piece) = self.held.replace(chunk) {
            self.send(Ok(piece)).await?;
        }
        self.rows = rows;
        Ok(())
    }
}

async fn send(
    app: App,
    actor: Actor,
    request: ExportRequest,
    files: Vec<FilePart>,
    named: serde_json::Value,
    pieces: mpsc::Sender<Piece>,
    _place: OwnedSemaphorePermit,
) {
    let mut sink = BodySink { pieces, held: None, rows: 0 };
    let result = export::export_file(&app, &request, &files, &mut sink).await;
    let written = record(&app, &actor, &request, named, &result, sink.rows).await;
    let last = match result.and(written) {
        Ok(()) => Ok(sink.held.take().unwrap_or_default()),
        Err(error) => {
            tracing::error!(%error, "an export was cut off");
            Err(io::Error::other("the export was cut off"))
        }
    };
    // When the reader is gone there is nobody left to tell.
    let _ = sink.send(last).await;
}

async fn record(
    app: &App,
    actor: &Actor,
    request: &ExportRequest,
    named: serde_json::Value,
    result: &Result<Manifest, Error>,
    rows: u64,
) -> Result<(), Error> {
    let now = app.now();
    let what = match result {
        Ok(manifest) => manifest.to_json(),
        Err(_) => json!({ "cut_off_after_rows": rows }),
    };
    let detail = json!({ "asked": named, "sent": what });
    let report = request.asked.report.as_str();
    app.db.write(async |tx| audit::record(tx, now, actor, "report.export", "report", report, detail.clone()).await).await
}
