//! What was read from one file: articles, rows left out, remarks.

use crate::articles::Details;
use std::collections::HashMap;

/// A remark about a place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The file, by its path from where the import began.
    pub file: String,
    /// The line, counted from one.
    pub line: u64,
    /// What about it.
    pub why: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

/// One article as a file has it.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the import knows it by.
    pub key: String,
    /// Where it begins in its file.
    pub line: u64,
    /// What it says, checked.
    pub details: Details,
    /// Views counted by the older site.
    pub views: i64,
    /// Whether readers should see it.
    pub publish: bool,
}

/// What was read from one file.
#[derive(Debug, Default)]
pub struct Reading {
    /// The file's name.
    pub file: String,
    /// The articles.
    pub found: Vec<Found>,
    /// Rows left out.
    pub skipped: Vec<Remark>,
    /// What was left out of articles that were taken.
    pub notes: Vec<Remark>,
    lines_by_key: HashMap<String, u64>,
}

impl Reading {
    /// Nothing read yet.
    pub fn of(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// Leaves out the row at `line`.
    pub fn skip(&mut self, line: u64, why: impl Into<String>) {
        self.skipped.push(Remark { file: self.file.clone(), line, why: why.into() });
    }

    /// Remarks on the row at `line`.
    pub fn note(&mut self, line: u64, why: impl Into<String>) {
        self.notes.push(Remark { file: self.file.clone(), line, why: why.into() });
    }

    /// Takes an article, if it can be right and its key stands in the file only once.
    pub fn take(&mut self, mut found: Found) {
        if found.key.len() > 2000 || found.key.contains('\0') {
            return self.skip(found.line, "its id is longer than 2000 characters, or has a zero character in it");
        }
        if let Some(line) = self.lines_by_key.get(&found.key) {
            let why = format!("the same article stands on line {line} already ({})", found.key);
            return self.skip(found.line, why);
        }
        match found.details.checked() {
            Ok(details) => {
                found.details = details;
                self.lines_by_key.insert(found.key.clone(), found.line);
                self.found.push(found);
            }
            Err(faults) => {
                let told: Vec<String> = faults.into_iter().map(|(field, fault)| format!("{field}: {fault}")).collect();
                self.skip(found.line, told.join("; "));
            }
        }
    }

    /// Leaves out what is beyond `max` articles.
    pub fn limit_rows(&mut self, max: usize) {
        if let Some(first_left_out) = self.found.get(max) {
            let (line, left_out) = (first_left_out.line, self.found.len() - max);
            self.found.truncate(max);
            self.skip(line, format!("an import takes at most 100,000 articles; {left_out} from here on were left out: import them apart"));
        }
    }
}
