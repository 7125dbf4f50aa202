//! One door to all the kinds of journal files.

use super::{
    Accounts, Entry, entries,
    imports::{self, XERO_LINES_MAX},
    plain::{Dialect, Plain},
};
use crate::{
    app::App,
    error::Error,
    reports::{
        export::{FilePart, rows_at_once},
        report::{Format, ReportRequest},
        write::Lines,
    },
};

/// A journal file being written.
#[derive(Debug)]
pub struct Writer {
    accounts: Accounts,
    kind: Kind,
    out: Vec<u8>,
}

#[derive(Debug)]
enum Kind {
    Plain(Plain),
    Xero { lines: Lines, tax_rate: String, cutter: Cutter },
    QuickBooksOnline(Lines),
    QuickBooksDesktop,
}

/// Which of Xero's files an entry goes to: as many whole entries in each as fit.
#[derive(Debug)]
struct Cutter {
    file: usize,
    lines: usize,
}

impl Cutter {
    const fn new() -> Self {
        // The line of column names is one of those that Xero counts.
        Self { file: 1, lines: 1 }
    }

    fn file_of(&mut self, entry: &Entry) -> usize {
        if self.lines > 1 && self.lines + entry.sides.len() > XERO_LINES_MAX {
            *self = Self { file: self.file + 1, lines: 1 };
        }
        self.lines += entry.sides.len();
        self.file
    }
}

impl Writer {
    /// A file of this format.
    pub fn new(app: &App, request: &ReportRequest, format: Format) -> Self {
        let whole = request.period.from.is_none();
        let mut out = Vec::new();
        let kind = match format {
            Format::Hledger => Kind::Plain(Plain::new(Dialect::Hledger, whole)),
            Format::Beancount => Kind::Plain(Plain::new(Dialect::Beancount, whole)),
            Format::Xero => {
                let mut lines = Lines::default();
                imports::xero_names(&mut lines);
                Kind::Xero { lines, tax_rate: app.config.xero_tax_rate.clone(), cutter: Cutter::new() }
            }
            Format::QuickBooksOnline => {
                let mut lines = Lines::default();
                imports::quickbooks_names(&mut lines);
                Kind::QuickBooksOnline(lines)
            }
            _ => {
                imports::iif_names(&mut out);
                Kind::QuickBooksDesktop
            }
        };
        if let Kind::Plain(plain) = &kind {
            plain.start(&mut out);
        }
        Self { accounts: Accounts::of(&app.config), kind, out }
    }

    /// Writes an entry. False: one of Xero's files is full, and the entry belongs to the next.
    pub fn entry(&mut self, entry: &Entry) -> Result<bool, Error> {
        match &mut self.kind {
            Kind::Plain(plain) => plain.entry(&self.accounts, entry, &mut self.out)?,
            Kind::Xero { lines, tax_rate, cutter } => {
                if cutter.file_of(entry) > 1 {
                    return Ok(false);
                }
                imports::xero_entry(lines, &self.accounts, tax_rate, entry);
            }
            Kind::QuickBooksOnline(lines) => imports::quickbooks_entry(lines, &self.accounts, entry)?,
            Kind::QuickBooksDesktop => imports::iif_entry(&mut self.out, &self.accounts, entry),
        }
        Ok(true)
    }

    /// Writes what stands at the end.
    pub fn finish(&mut self) {
        if let Kind::Plain(plain) = &self.kind {
            plain.finish(&mut self.out);
        }
    }

    /// How many bytes wait to be taken.
    pub fn waiting(&self) -> usize {
        match &self.kind {
            Kind::Xero { lines, .. } | Kind::QuickBooksOnline(lines) => lines.len(),
            _ => self.out.len(),
        }
    }

    /// Takes what was written so far.
    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.kind {
            Kind::Xero { lines, .. } | Kind::QuickBooksOnline(lines) => lines.take(),
            _ => std::mem::take(&mut self.out),
        }
    }
}

/// The files that Xero needs, one at least: found by going through the entries once, however many there are.
pub async fn xero_files(app: &App, request: &ReportRequest) -> Result<Vec<FilePart>, Error> {
    let (mut cutter, mut after, mut files) = (Cutter::new(), String::new(), vec![FilePart::default()]);
    loop {
        let (page, read) = entries(app, request, after, rows_at_once(app.db.is_postgres())).await?;
        for (skip, entry) in read.rows.iter().enumerate() {
            if cutter.file_of(entry) > files.len() {
                files.push(FilePart { page: page.clone(), skip });
            }
        }
        match read.next {
            Some(next) => after = next,
            None => return Ok(files),
        }
    }
}
