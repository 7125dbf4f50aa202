//! The record of what was asked and answered, for the check against Stripe's own types: one JSON object a line.

use serde_json::{Value, json};
use std::{fs::OpenOptions, io::Write, path::PathBuf};

/// Where the record goes, if anywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(pub Option<PathBuf>);

impl Record {
    /// Appends one exchange in a single write, so that several stand-ins can share a file.
    pub fn write(&self, method: &str, path: &str, form: &str, status: u16, response: &Value) {
        let Some(path_of_file) = &self.0 else { return };
        let line = json!({ "method": method, "path": path, "form": form, "status": status, "response": response });
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path_of_file)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = written {
            tracing::error!(%error, "the stand-in cannot write its record");
        }
    }
}
