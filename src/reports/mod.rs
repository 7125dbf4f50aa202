//! What finance takes away: reports, exports and journals, and `verify`, which recomputes everything.

/// What a report is asked with.
pub mod asked;
mod chart;
mod desk;
mod desk_export;
mod desk_periods;
/// Whether the installation is well.
pub mod doctor;
mod doctor_stripe;
/// Reports as files.
pub mod export;
mod groups;
/// What accounting programs take in.
pub mod journal;
mod receipts;
mod matching;
mod recurring;
mod register;
/// What a report is, and which there are.
pub mod report;
/// The schedule of a Gift Aid claim.
pub mod schedule;
/// What was taken away last.
pub mod taken;
/// Whether everything that was written down still agrees.
pub mod verify;
mod waterfall;
/// Rows as files.
pub mod write;

pub use doctor::{Finding, Level, doctor};
pub use export::{ExportRequest, FilePart, Manifest, Sink, WriteSink, export};
pub use report::{Format, Period, Report, ReportRequest};
pub use verify::{Check, VerifyReport, verify, verify_and_keep};

use crate::app::App;

/// The desk's routes of reports and accounting periods.
pub fn routes() -> axum::Router<App> {
    desk::routes().merge(desk_periods::routes())
}
