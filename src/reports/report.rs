//! What a report is: a name, columns, and rows that are read page by page. The desk's page and every kind of file show the same rows.

use super::{groups, journal, matching, receipts, recurring, register, schedule, waterfall};
use crate::{
    app::App,
    clock::start_of_day,
    donations::{list::Filter, register::Scope},
    error::Error,
};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    Currency, Money,
    ids::{DonationId, GiftAidClaimId},
};
use std::str::FromStr;

macro_rules! reports {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// The reports, by the names that the command line, the addresses of the desk and the audit trail use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Report { $($(#[$doc])* $name),+ }

        impl Report {
            /// All, in the order of the desk.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

reports! {
    /// The register: a row for each movement of money in each currency.
    Donations = "donations",
    /// What each month brought.
    ByMonth = "by-month",
    /// What each campaign brought.
    ByCampaign = "by-campaign",
    /// What each fund brought.
    ByFund = "by-fund",
    /// What each wish item brought.
    ByItem = "by-item",
    /// What each article brought.
    ByArticle = "by-article",
    /// What began, changed, was lost and came back of monthly and yearly gifts.
    Recurring = "recurring",
    /// Each matching pot: promised, confirmed, paid by the sponsor, left.
    Matching = "matching",
    /// Receipts and statements of a year, issued, void and replaced.
    Receipts = "receipts",
    /// The schedule of a Gift Aid claim.
    GiftAid = "gift-aid",
    /// Each payout, and what it is made of.
    Waterfall = "waterfall",
    /// Summaries for an accounting program: a journal for each payout and fund.
    Journal = "journal",
    /// Every transaction of the ledger with its sides.
    Books = "books",
}

impl FromStr for Report {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|report| report.as_str() == word);
        found.ok_or_else(|| {
            Error::Invalid(format!("`{word}` is not a report: choose one of {}", names(Self::ALL.iter().map(|r| r.as_str()))))
        })
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For programs: comma-separated UTF-8.
    #[default]
    Csv,
    /// For Excel: the same with a byte order mark, without which it takes Persian for another encoding.
    CsvExcel,
    /// For Excel in the many countries where it parts cells at semicolons and writes decimals with a comma.
    CsvSemicolon,
    /// A spreadsheet.
    Xlsx,
    /// A JSON object in each line.
    Jsonl,
    /// A journal of hledger.
    Hledger,
    /// A ledger of beancount.
    Beancount,
    /// Xero's manual journals.
    Xero,
    /// QuickBooks Online's journal entries.
    QuickBooksOnline,
    /// QuickBooks Desktop's general journal.
    QuickBooksDesktop,
}

impl Format {
    /// All.
    pub const ALL: &[Self] = &[
        Self::Csv,
        Self::CsvExcel,
        Self::CsvSemicolon,
        Self::Xlsx,
        Self::Jsonl,
        Self::Hledger,
        Self::Beancount,
        Self::Xero,
        Self::QuickBooksOnline,
        Self::QuickBooksDesktop,
    ];

    /// The name on the command line and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::CsvExcel => "csv-excel",
            Self::CsvSemicolon => "csv-semicolon",
            Self::Xlsx => "xlsx",
            Self::Jsonl => "jsonl",
            Self::Hledger => "hledger",
            Self::Beancount => "beancount",
            Self::Xero => "xero",
            Self::QuickBooksOnline => "qbo",
            Self::QuickBooksDesktop => "iif",
        }
    }

    /// How a file's name ends.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvExcel | Self::CsvSemicolon => ".csv",
            Self::Xlsx => ".xlsx",
            Self::Jsonl => ".jsonl",
            Self::Hledger => ".journal",
            Self::Beancount => ".beancount",
            Self::Xero => "-xero.csv",
            Self::QuickBooksOnline => "-qbo.csv",
            Self::QuickBooksDesktop => ".iif",
        }
    }

    /// What a file is, as HTTP says it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvExcel | Self::CsvSemicolon | Self::Xero | Self::QuickBooksOnline => {
                "text/csv; charset=utf-8; header=present"
            }
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Jsonl => "application/jsonl",
            Self::Hledger | Self::Beancount => "text/plain; charset=utf-8",
            Self::QuickBooksDesktop => "text/plain; charset=windows-1252",
        }
    }

    /// Whether it holds the rows of a table, and not journal entries.
    pub const fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::CsvExcel | Self::CsvSemicolon | Self::Xlsx | Self::Jsonl)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|format| format.as_str() == word);
        found.ok_or_else(|| {
            Error::Invalid(format!("`{word}` is not a format: choose one of {}", names(Self::ALL.iter().map(|f| f.as_str()))))
        })
    }
}

impl Report {
    /// The formats that it can be taken away in.
    pub fn formats(self) -> impl Iterator<Item = Format> {
        Format::ALL.iter().copied().filter(move |format| match self {
            Self::Journal => true,
            // The programs that import journals are not made for a line of each gift; nor should they hold them.
            Self::Books => format.is_table() || matches!(format, Format::Hledger | Format::Beancount),
            // Its comma-separated values are HMRC's file.
            Self::GiftAid => matches!(format, Format::Csv | Format::Xlsx | Format::Jsonl),
            _ => format.is_table(),
        })
    }

    /// Whether its file of this format begins with a byte order mark, without which a spreadsheet program takes Persian, or the name Zoë, for
    /// another encoding. HMRC's file has one, because its rows are copied out of such a program.
    pub const fn begins_with_mark(self, format: Format) -> bool {
        match format {
            Format::CsvExcel | Format::CsvSemicolon => true,
            Format::Csv => matches!(self, Self::GiftAid),
            _ => false,
        }
    }

    /// Whether a period narrows it. What sponsors promised is as it stands now, and a schedule is that of its claim.
    pub const fn heeds_days(self) -> bool {
        !matches!(self, Self::Matching | Self::GiftAid)
    }

    /// What its rows can be narrowed by besides days, by the names that addresses use.
    pub const fn narrowed_by(self) -> &'static [&'static str] {
        match self {
            Self::Donations => &["status", "campaign", "fund", "from", "to", "q", "item", "article"],
            Self::GiftAid => &["claim"],
            Self::Journal => &["currency"],
            _ => &[],
        }
    }

    /// Its columns.
    pub fn columns(self, with_donors: bool) -> &'static [Column] {
        match self {
            Self::Donations => register::columns(with_donors),
            Self::ByMonth => groups::BY_MONTH,
            Self::ByCampaign => groups::BY_CAMPAIGN,
            Self::ByFund => groups::BY_FUND,
            Self::ByItem => groups::BY_ITEM,
            Self::ByArticle => groups::BY_ARTICLE,
            Self::Recurring => recurring::COLUMNS,
            Self::Matching => matching::COLUMNS,
            Self::Receipts => receipts::COLUMNS,
            Self::GiftAid => schedule::COLUMNS,
            Self::Waterfall => waterfall::COLUMNS,
            Self::Journal | Self::Books => journal::COLUMNS,
        }
    }

    /// The columns that the desk's page shows, where that are not all.
    pub const fn columns_on_page(self) -> &'static [&'static str] {
        match self {
            Self::Donations => &[
                "entry_no",
                "booked_date",
                "type",
                "receipt_no",
                "campaign",
                "fund_code",
                "gross",
                "fee",
                "exchanged",
                "other",
                "net",
                "currency",
                "payout",
                "at_bank_on",
            ],
            Self::Receipts => &[
                "receipt_no",
                "kind",
                "gift_on",
                "starts_on",
                "ends_on",
                "issued_date",
                "status",
                "status_reason",
                "replaces",
                "amount",
                "valid",
                "year_amount",
                "currency",
            ],
            Self::Recurring => &[
                "month",
                "every",
                "currency",
                "net",
                "begun",
                "begun_amount",
                "raised_amount",
                "lowered_amount",
                "paused",
                "resumed",
                "ended",
                "ended_amount",
                "lost",
                "lost_amount",
                "failing",
                "recovered",
            ],
            // Names and addresses are in the file alone, whose taking the audit trail notes.
            Self::GiftAid => &["Donation date (DD/MM/YY)", "Amount"],
            Self::ByItem => &["item", "title", "currency", "gifts", "given", "taken_back", "raised", "fees"],
            Self::ByArticle => &["article", "title", "currency", "gifts", "given", "taken_back", "raised", "fees"],
            _ => &[],
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// A day.
    Day,
    /// An instant, in UTC.
    Instant,
    /// An amount, as a decimal number; may be summed over the rows of one currency.
    Money,
    /// A whole number.
    Count,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in files.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A column, short to write.
pub(super) const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Words, whatever is in them.
    Text(String),
    /// A word of the program.
    Word(&'static str),
    /// A day.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// An amount.
    Money(Money),
    /// A whole number.
    Count(i64),
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }
}

/// A place at the desk. It becomes an address only on a page: files have millions of rows and no links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A donation's story.
    Donation(DonationId),
    /// Anything else.
    Address(String),
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Donation(id) => write!(f, "/desk/donations/{id}"),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// Where the desk shows what is behind it.
    pub link: Option<Link>,
}

/// Some rows, and where the next ones begin.
#[derive(Clone, Debug)]
pub struct Page<T = Row> {
    /// The rows.
    pub rows: Vec<T>,
    /// What the next page is asked with; none: there is no more.
    pub next: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), next: None }
    }
}

/// A first moment, and the first one after; none where there is no bound.
pub type Bounds = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Whole days in a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first; none: from the beginning.
    pub from: Option<NaiveDate>,
    /// The last, included; none: without end.
    pub to: Option<NaiveDate>,
    /// Where they are days.
    pub zone: Tz,
}

impl Period {
    /// The first moment, and the first moment after. A last day before the first is refused.
    pub fn bounds(&self) -> Result<Bounds, Error> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to < from
        {
            return Err(Error::Invalid(format!("the last day, {to}, is before the first, {from}")));
        }
        let after = self.to.and_then(|to| to.succ_opt());
        Ok((self.from.map(|day| start_of_day(self.zone, day)), after.map(|day| start_of_day(self.zone, day))))
    }

    /// The same as a condition over `t.booked_at`, with its values, the first of them numbered `first`.
    pub(super) fn over_bookings(&self, column: &str, first: usize) -> Result<(String, Vec<sea_orm::Value>), Error> {
        let (from, until) = self.bounds()?;
        let (mut sql, mut values) = ("1 = 1".to_owned(), Vec::new());
        for (bound, comparison) in [(from, ">="), (until, "<")] {
            if let Some(bound) = bound {
                sql.push_str(&format!(" and {column} {comparison} ${}", first + values.len()));
                values.push(bound.into());
            }
        }
        Ok((sql, values))
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// The report.
    pub report: Report,
    /// Which days. Money counts on the day it is booked; receipts by when they were issued, payouts by when the bank has them, recurring
    /// giving by when it changed. What sponsors promised and the schedule of a claim heed none.
    pub period: Period,
    /// Whether names and e-mail addresses are in it; only the register has them.
    pub with_donors: bool,
    /// Only movements of donations that fit; only the register heeds it.
    pub filter: Filter,
    /// Only gifts for this item, by its slug; only the register heeds it.
    pub item: Option<String>,
    /// Only gifts from this article, by its slug; only the register heeds it.
    pub article: Option<String>,
    /// Which claim; only the schedule of Gift Aid heeds it, and has no rows without.
    pub claim: Option<GiftAidClaimId>,
    /// Only entries in this currency; only the journal heeds it.
    pub currency: Option<Currency>,
}

impl ReportRequest {
    /// All of a report.
    pub fn all(report: Report, zone: Tz) -> Self {
        let period = Period { from: None, to: None, zone };
        Self { report, period, with_donors: false, filter: Filter::default(), item: None, article: None, claim: None, currency: None }
    }

    /// Whether it names people: then not everybody on a machine may read the file.
    pub fn names_people(&self) -> bool {
        self.with_donors || self.report == Report::GiftAid
    }

    /// The movements of the register.
    pub fn scope(&self) -> Result<Scope, Error> {
        let (from, until) = self.period.bounds()?;
        Ok(Scope { from, until, filter: self.filter.clone(), item: self.item.clone(), article: self.article.clone() })
    }
}

/// The rows after `after` (empty: from the beginning), about `limit` of them; a page may hold a few more where rows belong together.
pub async fn page(app: &App, request: &ReportRequest, after: &str, limit: u64) -> Result<Page, Error> {
    match request.report {
        Report::Donations => register::page(app, request, after, limit).await,
        Report::ByMonth => groups::by_month(app.db.read(), &request.period, after).await,
        Report::ByCampaign | Report::ByFund | Report::ByItem | Report::ByArticle => {
            groups::page(app.db.read(), request, after, limit).await
        }
        Report::Recurring => recurring::page(app, &request.period, after, limit).await,
        Report::Matching => matching::page(app.db.read(), &request.period, after, limit).await,
        Report::Receipts => receipts::page(app.db.read(), &request.period, after, limit).await,
        Report::GiftAid => schedule::page(app.db.read(), request, after, limit).await,
        Report::Waterfall => waterfall::page(app.db.read(), &request.period, after, limit).await,
        Report::Journal | Report::Books => journal::page(app, request, after, limit).await,
    }
}

/// A mistake in an address: no page begins there.
pub(super) fn no_such_page() -> Error {
    Error::Invalid("The page asked for does not exist.".to_owned())
}

/// A place in rows ordered by time and a number or id, as an address says it.
pub(super) fn write_place(at: DateTime<Utc>, id: impl std::fmt::Display) -> String {
    format!("{}.{id}", at.timestamp_micros())
}

/// The same, read.
pub(super) fn read_place<T: FromStr>(place: &str) -> Result<Option<(DateTime<Utc>, T)>, Error> {
    if place.is_empty() {
        return Ok(None);
    }
    let parts = place.split_once('.').and_then(|(at, id)| Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.parse().ok()?)));
    parts.map(Some).ok_or_else(no_such_page)
}
