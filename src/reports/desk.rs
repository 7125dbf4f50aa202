//! Reports at the desk: the export of donations, streamed, and the proof that everything agrees.

use super::{
    donations::{COLUMNS, ExportRequest, Format, Manifest, Sink, export_donations},
    verify::{VerifyReport, verify},
};
use crate::{
    app::App,
    donations::list::{Asked, parse_day},
    error::Error,
    staff::{Actor, DeskPage, Finance, audit},
    web::{self, Query},
};
use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
    routing::get,
};
use bytes::Bytes;
use chrono::{Datelike, Days, NaiveDate};
use serde::Deserialize;
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

/// The desk's routes of reports.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/reports", get(show))
        .route("/desk/reports/donations.csv", get(export))
        .route("/desk/reports/verify", get(show_verify))
}

#[derive(Template)]
#[template(path = "reports/desk.html")]
struct ReportsPage {
    page: DeskPage,
    from: NaiveDate,
    to: NaiveDate,
    zone: &'static str,
    columns: &'static [&'static str],
}

#[derive(Template)]
#[template(path = "reports/verify.html")]
struct VerifyPage {
    page: DeskPage,
    report: VerifyReport,
}

/// The last whole month is what finance asks for most.
async fn show(State(app): State<App>, _who: Finance, page: DeskPage) -> Result<Response, Error> {
    let first = app.today().with_day(1).unwrap_or_else(|| app.today());
    let to = first - Days::new(1);
    let title = page.t("desk-nav-reports");
    let shown = ReportsPage {
        page: page.titled(title),
        from: to.with_day(1).unwrap_or(to),
        to,
        zone: app.config.org_timezone.name(),
        columns: &COLUMNS,
    };
    web::html(&shown)
}

async fn show_verify(State(app): State<App>, _who: Finance, page: DeskPage) -> Result<Response, Error> {
    let report = verify(&app).await?;
    let title = page.t("desk-reports-verify");
    web::html(&VerifyPage { page: page.titled(title), report })
}

/// What the address of an export says besides the filter of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AskedExport {
    posted_from: String,
    posted_to: String,
    format: String,
    with_donors: String,
}

/// The register of what the same filter shows in the list, as a file. It is sent while it is read: when something fails in the middle the
/// connection is cut, so that nobody takes a part for the whole. The audit trail says what was taken.
async fn export(
    State(app): State<App>,
    who: Finance,
    Query(asked): Query<Asked>,
    Query(how): Query<AskedExport>,
) -> Result<Response, Error> {
    let request = ExportRequest {
        from: parse_day(&how.posted_from)?,
        to: parse_day(&how.posted_to)?,
        timezone: app.config.org_timezone,
        format: if how.format.is_empty() { Format::Csv } else { how.format.parse()? },
        with_donors: !how.with_donors.is_empty(),
        filter: asked.filter(app.config.org_timezone, true)?,
    };
    request.scope()?;
    let busy = || Error::TooMany("Several exports are running. Please try again in a minute.".to_owned());
    let place = EXPORTS.clone().try_acquire_owned().map_err(|_| busy())?;
    let named = json!({
        "from": request.from, "to": request.to, "with_donors": request.with_donors,
        // What was searched for may be somebody's address: the trail says only that there was a search.
        "filter": asked.fields().iter().filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (*name, if *name == "q" { "…" } else { *value })).collect::<std::collections::BTreeMap<_, _>>(),
    });
    let name = file_name(&request);
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    tokio::spawn(send_export(app, who.actor(), request, named, sender, place));
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, disposition.map_err(|error| Error::internal("a file's name", error))?);
    Ok(response)
}

fn file_name(request: &ExportRequest) -> String {
    let day = |day: Option<NaiveDate>| day.map(|day| format!("-{day}")).unwrap_or_default();
    format!("donations{}{}.csv", day(request.from), day(request.to))
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

async fn send_export(
    app: App,
    actor: Actor,
    request: ExportRequest,
    named: serde_json::Value,
    pieces: mpsc::Sender<Piece>,
    _place: OwnedSemaphorePermit,
) {
    let mut sink = BodySink { pieces, held: None, rows: 0 };
    let result = export_donations(&app, &request, &mut sink).await;
    let written = record(&app, &actor, named, &result, sink.rows).await;
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

async fn record(app: &App, actor: &Actor, named: serde_json::Value, result: &Result<Manifest, Error>, rows: u64) -> Result<(), Error> {
    let now = app.now();
    let what = match result {
        Ok(manifest) => manifest.to_json(),
        Err(_) => json!({ "cut_off_after_rows": rows }),
    };
    let detail = json!({ "asked": named, "sent": what });
    app.db.write(async |tx| audit::record(tx, now, actor, "report.export", "report", "donations", detail.clone()).await).await
}
