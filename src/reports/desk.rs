//! Reports at the desk: what there is, each with its period and its rows, and the proof that everything agrees.

use super::{
    asked::AskedReport,
    chart::{Chart, charts},
    desk_export, groups, journal,
    report::{self, Cell, Column, Format, Kind, Period, Report, ReportRequest},
    schedule,
    taken::{self, Taken},
    verify::{self, KeptCheck, verify},
};
use crate::{
    app::App,
    donations::{list::Asked, register},
    error::Error,
    staff::{AnyStaff, DeskPage, Finance},
    web::{self, Path, Query, pager::PAGE_ROWS},
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use entity::Currency;

/// How many months back the chooser names one by one.
const MONTHS_NAMED: u32 = 18;

/// How many years back the chooser names.
const YEARS_NAMED: i32 = 6;

/// The desk's routes of reports.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/reports", get(show_all))
        .route("/desk/reports/{report}", get(show))
        .route("/desk/reports/{report}/file", get(desk_export::export))
        .route("/desk/reports/donations.csv", get(desk_export::export_donations))
        .route("/desk/reports/verify", get(show_verify))
        .route("/desk/reports/verify/last", get(show_last))
}

#[derive(Template)]
#[template(path = "reports/desk.html")]
struct ReportsPage {
    page: DeskPage,
    reports: Vec<&'static str>,
    taken: Vec<Taken>,
}

#[derive(Template)]
#[template(path = "reports/report.html")]
struct ReportPage {
    page: DeskPage,
    name: &'static str,
    /// What the chooser offers: value, words, whether chosen.
    periods: Vec<(String, String, bool)>,
    period: String,
    from: String,
    to: String,
    /// The days shown, in words.
    days: String,
    zone: &'static str,
    /// What else the rows are narrowed by.
    fields: Vec<(&'static str, String)>,
    columns: Vec<Column>,
    rows: Vec<ShownRow>,
    charts: Vec<Chart>,
    next: Option<String>,
    /// What the button says: how many rows the file has, where that is quickly known.
    download: String,
    formats: Vec<&'static str>,
    /// The currencies that can be chosen: code, whether chosen. None where there is no choice.
    currencies: Vec<(String, bool)>,
    /// How many files some format needs, where that is more than one, with the key of the text that says so.
    files: Option<(&'static str, usize)>,
    has_donors: bool,
    all_columns: &'static [Column],
}

struct ShownRow {
    cells: Vec<ShownCell>,
    link: Option<String>,
}

struct ShownCell {
    text: String,
    is_figure: bool,
    is_code: bool,
}

#[derive(Template)]
#[template(path = "reports/verify.html")]
struct VerifyPage {
    page: DeskPage,
    /// When it was checked, for what was kept; none for now.
    at: Option<DateTime<Utc>>,
    ok: bool,
    checks: Vec<KeptCheck>,
}

/// How many files that were taken away are listed.
const TAKEN_SHOWN: u64 = 20;

async fn show_all(State(app): State<App>, _who: Finance, page: DeskPage) -> Result<Response, Error> {
    let title = page.t("desk-nav-reports");
    let is_offered = |report: &Report| *report != Report::GiftAid || app.config.org_receipt_profile.offers_gift_aid();
    let reports = Report::ALL.iter().copied().filter(is_offered).map(Report::as_str).collect();
    web::html(&ReportsPage { page: page.titled(title), reports, taken: taken::last(app.db.read(), TAKEN_SHOWN).await? })
}

async fn show_verify(State(app): State<App>, _who: Finance, page: DeskPage) -> Result<Response, Error> {
    let report = verify(&app).await?;
    let title = page.t("desk-reports-verify");
    web::html(&VerifyPage { page: page.titled(title), at: None, ok: report.is_ok(), checks: report.kept() })
}

/// What the hourly verification found last.
async fn show_last(State(app): State<App>, _who: AnyStaff, page: DeskPage) -> Result<Response, Error> {
    let Some((last, checks)) = verify::last(&app).await? else { return Ok(web::redirect("/desk")) };
    let title = page.t("desk-reports-verify");
    web::html(&VerifyPage { page: page.titled(title), at: Some(last.began_at), ok: last.ok, checks })
}

async fn show(
    State(app): State<App>,
    _who: Finance,
    page: DeskPage,
    Path(name): Path<String>,
    Query(filter): Query<Asked>,
    Query(mut asked): Query<AskedReport>,
) -> Result<Response, Error> {
    let report: Report = name.parse().map_err(|_| Error::NotFound)?;
    if asked.is_of_no_days() {
        // The last whole month is what finance asks for most; months are compared over a year.
        let today = app.today();
        let last = today.with_day(1).unwrap_or(today) - Days::new(1);
        asked.period = match report {
            Report::ByMonth | Report::Recurring => today.year().to_string(),
            Report::GiftAid => "all".to_owned(),
            _ => format!("{:04}-{:02}", last.year(), last.month()),
        };
    }
    let request = asked.request(&app, report, &filter, app.config.org_timezone).await?;
    let rows = report::page(&app, &request, &asked.after, PAGE_ROWS).await?;
    let drawn = drawn(&app, &page, &request, &rows).await?;
    let currencies = currencies(&app, &request).await?;
    let mut fields: Vec<(&'static str, String)> = asked.fields(&filter).into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    if asked.claim.trim().is_empty() {
        // The next page and the file are of the claim that is shown, also when a newer one was made meanwhile.
        fields.extend(request.claim.map(|claim| ("claim", claim.to_string())));
    }
    let all_columns = report.columns(false);
    let shown: Vec<usize> = match report.columns_on_page() {
        [] => (0..all_columns.len()).collect(),
        some => some.iter().filter_map(|name| all_columns.iter().position(|column| column.name == *name)).collect(),
    };
    let title = page.t(&format!("desk-report-{}", report.as_str()));
    let view = ReportPage {
        name: report.as_str(),
        periods: periods(&page, &app, &asked.period),
        from: asked.posted_from.clone(),
        to: asked.posted_to.clone(),
        days: days_in_words(&page, &request.period),
        zone: app.config.org_timezone.name(),
        columns: shown.iter().map(|place| all_columns[*place]).collect(),
        charts: drawn,
        next: rows.next.as_deref().map(|next| address(report, &fields, &asked, next)),
        rows: rows.rows.iter().map(|row| shown_row(&page, row, &shown)).collect(),
        download: download(&app, &page, &request).await?,
        formats: report.formats().map(Format::as_str).collect(),
        files: several_files(&app, &request, &currencies).await?,
        currencies,
        has_donors: report == Report::Donations,
        all_columns,
        fields,
        period: asked.period,
        page: page.clone().titled(title),
    };
    web::html(&view)
}

/// What is drawn over the rows. Of many months the last are those that are looked at, also where the first are on this page.
async fn drawn(app: &App, page: &DeskPage, request: &ReportRequest, rows: &report::Page) -> Result<Vec<Chart>, Error> {
    if request.report == Report::ByMonth && rows.next.is_some() {
        return Ok(charts(request.report, &groups::last_months(app.db.read(), &request.period).await?, page));
    }
    Ok(charts(request.report, rows, page))
}

/// What the button of the download says.
async fn download(app: &App, page: &DeskPage, request: &ReportRequest) -> Result<String, Error> {
    if request.report != Report::Donations {
        return Ok(page.t("desk-reports-download"));
    }
    let rows = register::count(app.db.read(), &request.scope()?, Some(register::COUNTED_MAX as u64 + 1)).await?;
    Ok(if rows > register::COUNTED_MAX { page.t("desk-reports-download-many") } else { page.tn("desk-reports-download-rows", rows) })
}

/// The currencies of a journal's days, where there are several or one was chosen.
async fn currencies(app: &App, request: &ReportRequest) -> Result<Vec<(String, bool)>, Error> {
    if request.report != Report::Journal {
        return Ok(Vec::new());
    }
    let mut all = journal::currencies(app.db.read(), &request.period).await?;
    let unheard_of = request.currency.filter(|chosen| !all.contains(chosen));
    all.extend(unheard_of);
    let is_chosen = |currency: &Currency| request.currency == Some(*currency);
    let are_choice = all.len() > 1 || request.currency.is_some();
    Ok(all.iter().filter(|_| are_choice).map(|currency| (currency.code().to_owned(), is_chosen(currency))).collect())
}

/// How many files the format needs that takes only short ones. Where a currency has to be chosen first, that is not known yet.
async fn several_files(app: &App, request: &ReportRequest, currencies: &[(String, bool)]) -> Result<Option<(&'static str, usize)>, Error> {
    let (text, files) = match request.report {
        Report::Journal if currencies.is_empty() || request.currency.is_some() => {
            ("desk-reports-part", journal::xero_files(app, request).await?)
        }
        Report::GiftAid => ("desk-reports-part-gift-aid", schedule::files(app.db.read(), request).await?),
        _ => return Ok(None),
    };
    Ok(Some((text, files.len())).filter(|(_, count)| *count > 1))
}

fn address(report: Report, fields: &[(&'static str, String)], asked: &AskedReport, after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let days = [("period", &asked.period), ("posted_from", &asked.posted_from), ("posted_to", &asked.posted_to)];
    for (name, value) in days.into_iter().chain(fields.iter().map(|(name, value)| (*name, value))).filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    format!("/desk/reports/{}?{}", report.as_str(), query.append_pair("after", after).finish())
}

fn periods(page: &DeskPage, app: &App, chosen: &str) -> Vec<(String, String, bool)> {
    let this_month = app.today().with_day(1).unwrap_or_else(|| app.today());
    let months = (0..MONTHS_NAMED).filter_map(|back| this_month.checked_sub_months(Months::new(back)));
    let months = months.map(|month| format!("{:04}-{:02}", month.year(), month.month()));
    let years = (0..YEARS_NAMED).map(|back| (this_month.year() - back).to_string());
    let words = [(String::new(), page.t("desk-reports-custom")), ("all".to_owned(), page.t("desk-reports-all-time"))];
    let mut all: Vec<(String, String)> = words.into_iter().chain(months.chain(years).map(|name| (name.clone(), name))).collect();
    if !all.iter().any(|(value, _)| value == chosen) {
        all.push((chosen.to_owned(), chosen.to_owned()));
    }
    all.into_iter().map(|(value, text)| (value.clone(), text, value == chosen)).collect()
}

fn days_in_words(page: &DeskPage, period: &Period) -> String {
    let day = |day: Option<NaiveDate>, open: &str| day.map_or_else(|| page.t(open), |day| page.date(day));
    page.t2("desk-reports-days", "from", day(period.from, "desk-reports-beginning"), "to", day(period.to, "desk-reports-now"))
}

fn shown_row(page: &DeskPage, row: &report::Row, shown: &[usize]) -> ShownRow {
    let cells = shown.iter().filter_map(|place| row.cells.get(*place)).map(|cell| match cell {
        Cell::Empty => ShownCell { text: String::new(), is_figure: false, is_code: false },
        Cell::Text(text) => ShownCell { text: text.clone(), is_figure: false, is_code: true },
        Cell::Word(word) => ShownCell { text: page.word("desk-report-word", word), is_figure: false, is_code: false },
        Cell::Day(day) => ShownCell { text: day.to_string(), is_figure: false, is_code: true },
        Cell::Instant(at) => ShownCell { text: page.time(at), is_figure: false, is_code: true },
        Cell::Money(money) => ShownCell { text: page.money(money), is_figure: true, is_code: false },
        Cell::Count(count) => ShownCell { text: page.number(count), is_figure: true, is_code: false },
    });
    let mut cells: Vec<ShownCell> = cells.collect();
    // The first cell carries the link; a group without a name has none.
    if let Some(first) = cells.first_mut()
        && first.text.is_empty()
    {
        first.text = page.t("desk-reports-none");
    }
    ShownRow { cells, link: row.link.as_ref().map(ToString::to_string) }
}

impl ReportPage {
    /// Whether a format that takes one currency cannot be had before one was chosen.
    fn wants_currency(&self) -> bool {
        !self.currencies.is_empty() && self.currencies.iter().all(|(_, is_chosen)| !is_chosen)
    }
}

/// Whether a column's cells stand at the end of their column.
impl Column {
    fn is_figure(&self) -> bool {
        matches!(self.kind, Kind::Money | Kind::Count)
    }
}
