//! The register of donations as a file: every movement of money once, in the order of the ledger, in constant memory.
//!
//! Columns that hold amounts may be summed over the rows of one currency: `gross` is what was given, `fee` what Stripe kept, `exchanged`
//! what left this currency for the one that Stripe settled in (negative) or came from another (positive), and
//! `net = gross − fee + exchanged` by how much what Stripe holds changed. A gift and its fee are rows of their own, because they
//! happen at different times; the amount that the supporter saw stands in the gift's row only.
//!
//! The period is that of posting, not of the event: rows are never added to a day that is over, so the same period gives the same file.

use super::csv::Lines;
use crate::{
    app::App,
    clock::{hex, start_of_day},
    donations::{
        list::Filter,
        register::{self, Movement, Scope, Sums},
    },
    error::Error,
};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;
use entity::{Currency, Money, ids::SupporterId};
use std::{collections::BTreeMap, str::FromStr};

/// How many bytes are handed on at a time.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// The columns, in order.
pub const COLUMNS: [&str; 34] = [
    "entry_no",
    "posted_at_utc",
    "posted_date",
    "occurred_at_utc",
    "type",
    "donation_id",
    "receipt_no",
    "donor_ref",
    "campaign",
    "item",
    "article",
    "fund_code",
    "restriction",
    "gl_income",
    "gl_fee",
    "presented_currency",
    "presented_minor",
    "settlement_currency",
    "gross",
    "gross_minor",
    "fee",
    "fee_minor",
    "exchanged",
    "exchanged_minor",
    "net",
    "net_minor",
    "currency",
    "stripe_checkout_session",
    "stripe_payment_intent",
    "stripe_charge",
    "stripe_balance_txn",
    "time_zone",
    "donor_name",
    "donor_email",
];

/// How many of [`COLUMNS`] stand in every export; those after them name people.
const COLUMNS_WITHOUT_DONORS: usize = 32;

/// How the file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For programs: UTF-8.
    #[default]
    Csv,
    /// For Excel: UTF-8 with a byte order mark, without which it takes Persian for another encoding.
    CsvExcel,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "csv" => Ok(Self::Csv),
            "csv-excel" => Ok(Self::CsvExcel),
            _ => Err(Error::Invalid(format!("`{word}` is not a format: choose csv or csv-excel"))),
        }
    }
}

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The first day, where `timezone` is; none: from the beginning.
    pub from: Option<NaiveDate>,
    /// The last day, included; none: up to now.
    pub to: Option<NaiveDate>,
    /// The zone of these days and of the column `posted_date`.
    pub timezone: Tz,
    /// How the file is written.
    pub format: Format,
    /// Whether names and e-mail addresses are in it.
    pub with_donors: bool,
    /// Only movements of donations that fit.
    pub filter: Filter,
}

impl ExportRequest {
    /// The days in `timezone` as instants: from the start of the first to the start of the day after the last.
    pub fn scope(&self) -> Result<Scope, Error> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to < from
        {
            return Err(Error::Invalid(format!("the last day, {to}, is before the first, {from}")));
        }
        let after = self.to.and_then(|to| to.succ_opt());
        Ok(Scope {
            from: self.from.map(|day| start_of_day(self.timezone, day)),
            until: after.map(|day| start_of_day(self.timezone, day)),
            filter: self.filter.clone(),
        })
    }
}

/// What was exported: written into the audit trail, so that a file can be told from one that was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Rows, without the line of column names.
    pub rows: u64,
    /// The sums of the amount columns, by currency.
    pub totals: BTreeMap<Currency, Sums>,
    /// SHA-256 of the file in hex.
    pub sha256: String,
}

impl Manifest {
    /// The same as JSON: `{"rows": 2, "totals": {"EUR": {"gross": "50.00", …}}, "sha256": "…"}`.
    pub fn to_json(&self) -> serde_json::Value {
        let decimal = |minor, currency: &Currency| Money::new(minor, *currency).decimal();
        let totals: serde_json::Map<String, serde_json::Value> = self
            .totals
            .iter()
            .map(|(currency, sums)| {
                let sums = serde_json::json!({
                    "gross": decimal(sums.gross, currency), "fee": decimal(sums.fee, currency),
                    "exchanged": decimal(sums.exchanged, currency), "net": decimal(sums.net, currency),
                });
                (currency.to_string(), sums)
            })
            .collect();
        serde_json::json!({ "rows": self.rows, "totals": totals, "sha256": self.sha256 })
    }
}

/// Where the bytes go.
pub trait Sink: Send {
    /// Takes a piece of the file; `rows` is how many rows are written by now, for a progress bar. An error ends the export.
    fn put(&mut self, chunk: Bytes, rows: u64) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A file, or standard output.
#[derive(Debug)]
pub struct WriteSink<W>(pub W);

impl<W: std::io::Write + Send> Sink for WriteSink<W> {
    async fn put(&mut self, chunk: Bytes, _rows: u64) -> Result<(), Error> {
        self.0.write_all(&chunk).map_err(|error| Error::Unavailable(format!("the export cannot be written: {error}")))
    }
}

/// How many rows an export will have.
pub async fn count_rows(app: &App, request: &ExportRequest) -> Result<i64, Error> {
    register::count(app.db.read(), &request.scope()?).await
}

/// Writes the register into `sink`, a few thousand rows at a time. When the database fails in the middle, so does this: what the sink
/// has got by then is not a whole file.
pub async fn export_donations(app: &App, request: &ExportRequest, sink: &mut impl Sink) -> Result<Manifest, Error> {
    let scope = request.scope()?;
    let references = DonorReferences::new(app);
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut manifest = Manifest::default();
    let mut lines = Lines::default();
    write_names(&mut lines, request);
    let mut last = 0;
    while let Some((movements, read_to)) = register::page(app.db.read(), &scope, last, request.with_donors).await? {
        last = read_to;
        for movement in &movements {
            write_row(&mut lines, request, &references, movement);
            manifest.rows += 1;
            let total = manifest.totals.entry(movement.currency).or_default();
            *total = total.checked_add(movement.sums)?;
            if lines.len() >= CHUNK_BYTES {
                hand_on(&mut lines, &mut digest, sink, manifest.rows).await?;
            }
        }
    }
    hand_on(&mut lines, &mut digest, sink, manifest.rows).await?;
    manifest.sha256 = hex(digest.finish().as_ref());
    Ok(manifest)
}

async fn hand_on(lines: &mut Lines, digest: &mut ring::digest::Context, sink: &mut impl Sink, rows: u64) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let chunk = Bytes::from(lines.take());
    digest.update(&chunk);
    sink.put(chunk, rows).await
}

fn write_names(lines: &mut Lines, request: &ExportRequest) {
    let count = if request.with_donors { COLUMNS.len() } else { COLUMNS_WITHOUT_DONORS };
    for (place, name) in COLUMNS[..count].iter().enumerate() {
        if place == 0 && request.format == Format::CsvExcel {
            lines.number(format_args!("\u{feff}{name}"));
        } else {
            lines.text(name);
        }
    }
    lines.end();
}

fn write_row(lines: &mut Lines, request: &ExportRequest, references: &DonorReferences, movement: &Movement) {
    let head = &movement.head;
    let is_gift = movement.kind == "donation";
    lines.number(head.entry_no);
    lines.text(&utc(head.posted_at));
    lines.text(&head.posted_at.with_timezone(&request.timezone).date_naive().to_string());
    lines.text(&utc(head.occurred_at));
    lines.text(movement.kind);
    lines.text(&head.donation_id.map(|id| id.to_string()).unwrap_or_default());
    lines.maybe(head.receipt_no.as_deref());
    lines.text(&head.supporter_id.map(|id| references.of(id)).unwrap_or_default());
    lines.maybe(head.campaign.as_deref());
    lines.maybe(head.item.as_deref());
    lines.maybe(head.article.as_deref());
    lines.maybe(head.fund_code.as_deref());
    lines.text(head.restriction.map_or("", |restriction| restriction.as_str()));
    lines.maybe(head.gl_income.as_deref());
    lines.maybe(head.gl_fee.as_deref());
    lines.text(head.presented_currency.as_ref().map_or("", Currency::code));
    match head.presented_minor.filter(|_| is_gift) {
        Some(minor) => lines.number(minor),
        None => lines.text(""),
    }
    lines.text(movement.settlement.as_ref().map_or("", Currency::code));
    for minor in [movement.sums.gross, movement.sums.fee, movement.sums.exchanged, movement.sums.net] {
        lines.number(Money::new(minor, movement.currency).decimal());
        lines.number(minor);
    }
    lines.text(movement.currency.code());
    lines.maybe(head.session.as_deref());
    lines.maybe(head.intent.as_deref());
    lines.maybe(head.charge.as_deref());
    lines.maybe(head.balance_transaction.as_deref());
    lines.text(request.timezone.name());
    if request.with_donors {
        lines.maybe(head.donor_name.as_deref());
        lines.maybe(head.donor_email.as_deref());
    }
    lines.end();
}

fn utc(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Pseudonyms of supporters: the same in every export, and without our key nobody can tell whose they are.
struct DonorReferences(ring::hmac::Key);

impl DonorReferences {
    fn new(app: &App) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &app.key("donor reference v1")))
    }

    fn of(&self, id: SupporterId) -> String {
        format!("D{}", &hex(ring::hmac::sign(&self.0, id.0.as_bytes()).as_ref())[..16])
    }
}
