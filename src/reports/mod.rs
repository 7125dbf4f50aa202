//! What finance takes away: exports, and `verify`, which recomputes everything.

/// Comma-separated values that no spreadsheet program runs as a formula.
pub mod csv;
mod desk;
/// Whether the installation is well.
pub mod doctor;
/// The register of donations as a file.
pub mod donations;
/// Whether everything that was written down still agrees.
pub mod verify;

pub use desk::routes;
pub use doctor::{Finding, Level, doctor};
pub use donations::{ExportRequest, Format, Manifest, Sink, WriteSink, export_donations};
pub use verify::{Check, VerifyReport, verify};
