//! Receipts at the desk: the list, one receipt as it was issued, mending its name and address, a page to print and a PDF; and the statements
//! of a year.
//! Finance and administrators only, because receipts name people.

use super::{
    IssuerSettings, Snapshot, annual,
    care::{self, Correction},
    document::Document,
    list::{self, Asked},
    pdf::{self, Sheet},
    profiles::{self, TaxYear},
    statement, store, years,
};
use crate::{
    app::App,
    asks::gift::without_controls,
    error::Error,
    staff::{DeskPage, Finance},
    web::{
        self, Form, FormErrors, Page, Path, Query,
        pager::{PAGE_ROWS, Pager},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use chrono::{Datelike, NaiveDate};
use entity::{
    Money,
    ids::{ReceiptId, StatementId},
    letter, receipt, supporter,
    words::ReceiptStatus,
};
use serde::Deserialize;

const NAME_CHARACTERS_MAX: usize = 100;
const ADDRESS_CHARACTERS_MAX: usize = 300;

/// From which amount in Canadian cents the return of a receipted gift is reported to the Canada Revenue Agency, within 90 days.
const CANADIAN_RETURN_MIN: i64 = 5_000;

/// The desk's routes of receipts.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/receipts", get(show_list))
        .route("/desk/receipts/{id}", get(show_receipt))
        .route("/desk/receipts/{id}/correct", post(correct))
        .route("/desk/receipts/{id}/print", get(print_receipt))
        .route("/desk/receipts/{id}/pdf", get(pdf_of_receipt))
        .route("/desk/annual-receipts", get(show_year).post(send_year))
        .route("/desk/annual-receipts/{id}", get(show_statement))
        .route("/desk/annual-receipts/{id}/print", get(print_statement))
        .route("/desk/annual-receipts/{id}/pdf", get(pdf_of_statement))
}

#[derive(Template)]
#[template(path = "receipts/desk_list.html")]
struct ListPage {
    page: DeskPage,
    asked: Asked,
    statuses: Vec<(String, String)>,
    profiles: Vec<(String, String)>,
    years: Vec<(String, String)>,
    receipts: Pager<receipt::Model>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "receipts/desk_receipt.html")]
struct ReceiptPage {
    page: DeskPage,
    errors: FormErrors,
    receipt: receipt::Model,
    shown: Document,
    replaces: Option<receipt::Model>,
    replaced_by: Option<receipt::Model>,
    letters: Vec<letter::Model>,
    /// What somebody has to do about it.
    duties: Vec<String>,
    typed: Correction,
}

#[derive(Template)]
#[template(path = "receipts/print.html")]
struct PrintPage {
    page: DeskPage,
    shown: Document,
}

#[derive(Template)]
#[template(path = "receipts/desk_year.html")]
struct YearPage {
    page: DeskPage,
    year: TaxYear,
    years: Vec<(String, String)>,
    /// What sending would do, or why it cannot be done.
    would: Result<annual::Report, String>,
    statements: Pager<(entity::statement::Model, Option<supporter::Model>)>,
    is_german: bool,
    /// Whether they are being made just now.
    is_running: bool,
    /// When they go out by themselves.
    sent_on: Option<NaiveDate>,
    /// How many valid statements no longer say what is left of their gifts, by year.
    outdated: Vec<(TaxYear, u64)>,
}

#[derive(Template)]
#[template(path = "receipts/desk_statement.html")]
struct StatementPage {
    page: DeskPage,
    statement: entity::statement::Model,
    shown: Document,
}

async fn show_list(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let receipts = list::page(app.db.read(), &asked).await?;
    let any = || std::iter::once((String::new(), page.t("desk-donations-any")));
    let this_year = app.today().year();
    let shown = ListPage {
        statuses: any().chain(ReceiptStatus::ALL.iter().map(|s| (s.to_string(), page.word("desk-receipt-status", s.as_str())))).collect(),
        profiles: any().chain(["plain", "us", "uk", "ca", "de", "au"].map(|p| (p.to_owned(), page.word("desk-profile", p)))).collect(),
        years: any().chain((0..10).map(|back| (this_year - back).to_string()).map(|year| (year.clone(), year))).collect(),
        next: receipts.next.as_deref().map(|after| asked.address_after(after)),
        page: page.clone().titled(page.t("desk-nav-receipts")),
        receipts,
        asked,
    };
    web::html(&shown)
}

async fn show_receipt(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<ReceiptId>) -> Result<Response, Error> {
    let receipt = store::find(app.db.read(), id).await?;
    let said: Snapshot = serde_json::from_str(&receipt.snapshot)?;
    let typed = Correction { name: said.donor_name, address: said.donor_address };
    web::html(&tell_receipt(&app, page, receipt, FormErrors::default(), typed).await?)
}

async fn tell_receipt(
    app: &App,
    page: DeskPage,
    receipt: receipt::Model,
    errors: FormErrors,
    typed: Correction,
) -> Result<ReceiptPage, Error> {
    let db = app.db.read();
    let replaces = match receipt.replaces_id {
        Some(id) => Some(store::find(db, id).await?),
        None => None,
    };
    let replaced_by = list::replacement_of(db, receipt.id).await?;
    let prefix = if errors.is_empty() { String::new() } else { format!("{} ", page.t("error-prefix")) };
    Ok(ReceiptPage {
        duties: duties(app, &page, &receipt, replaced_by.as_ref()),
        shown: Document::of_receipt(&receipt)?,
        letters: store::letters(db, receipt.id).await?,
        page: page.clone().titled(format!("{prefix}{} {}", page.t("desk-receipt-title"), receipt.code)),
        errors,
        receipt,
        replaces,
        replaced_by,
        typed,
    })
}

/// What somebody has to do about a receipt that is no longer valid because its gift came back.
fn duties(app: &App, page: &DeskPage, receipt: &receipt::Model, replaced_by: Option<&receipt::Model>) -> Vec<String> {
    let left = replaced_by.map_or(0, |new| new.amount_minor);
    let returned = receipt.amount_minor.saturating_sub(left);
    if receipt.status == ReceiptStatus::Issued || returned == 0 {
        return Vec::new();
    }
    let mut duties = Vec::new();
    let of = |day| TaxYear::of_day(&receipt.profile, day);
    if of(receipt.gift_on).is_some_and(|year| year.ends_on < app.today()) {
        duties.push(page.t("desk-receipt-duty-year"));
    }
    if receipt.profile == "ca" && receipt.currency.code() == "CAD" && returned >= CANADIAN_RETURN_MIN {
        duties.push(page.t("desk-receipt-duty-ca"));
    }
    if receipt.profile == "uk" {
        duties.push(page.t("desk-receipt-duty-uk"));
    }
    duties
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct CorrectForm {
    donor_name: String,
    donor_address: String,
}

/// Replaces the receipt by one with the name and address as typed.
async fn correct(
    State(app): State<App>,
    who: Finance,
    page: DeskPage,
    Path(id): Path<ReceiptId>,
    Form(form): Form<CorrectForm>,
) -> Result<Response, Error> {
    let lines = without_controls(&form.donor_address, true);
    let parts: Vec<&str> = lines.lines().map(|line| line.trim().trim_end_matches(',')).filter(|line| !line.is_empty()).collect();
    let typed = Correction { name: without_controls(&form.donor_name, false), address: parts.join(", ") };
    let mut errors = FormErrors::default();
    let mut check = |field, text: &str, most: usize| {
        if text.chars().count() > most {
            errors.add(field, page.t1("asks-error-long", "most", page.number(most as i64)));
        }
    };
    check("donor_name", &typed.name, NAME_CHARACTERS_MAX);
    check("donor_address", &typed.address, ADDRESS_CHARACTERS_MAX);
    if errors.is_empty() {
        match care::correct(&app, &who.actor(), id, &typed).await {
            Ok(new) => return Ok(web::redirect(&format!("/desk/receipts/{}?done=receipt-corrected", new.id))),
            Err(Error::Invalid(why)) => errors.add("donor_name", why),
            Err(error) => return Err(error),
        }
    }
    let receipt = store::find(app.db.read(), id).await?;
    web::html_status(StatusCode::UNPROCESSABLE_ENTITY, &tell_receipt(&app, page, receipt, errors, typed).await?)
}

async fn print_receipt(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<ReceiptId>) -> Result<Response, Error> {
    let receipt = store::find(app.db.read(), id).await?;
    web::html(&PrintPage { page: page.titled(receipt.code.clone()), shown: Document::of_receipt(&receipt)? })
}

async fn pdf_of_receipt(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<ReceiptId>) -> Result<Response, Error> {
    send_pdf(&app, &page, Sheet::of_receipt(&store::find(app.db.read(), id).await?)?).await
}

async fn pdf_of_statement(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<StatementId>) -> Result<Response, Error> {
    send_pdf(&app, &page, Sheet::of_statement(&years::find(app.db.read(), id).await?)?).await
}

/// A sheet as a PDF to keep; or, where there is none, the page that says what to do instead, in the page's language.
pub async fn send_pdf(app: &App, page: &Page, sheet: Sheet) -> Result<Response, Error> {
    let name = sheet.file_name();
    let bytes = pdf::make(app, sheet).await.map_err(|error| error.told(page.lang))?;
    web::pdf(bytes, &name)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AskedYear {
    year: String,
    after: String,
}

/// What sending the statements of a year would do, and those that were issued.
async fn show_year(State(app): State<App>, _who: Finance, page: DeskPage, Query(asked): Query<AskedYear>) -> Result<Response, Error> {
    let profile = app.config.org_receipt_profile.as_str();
    let last = annual::last_year(&app);
    let wrong = || Error::Invalid("Choose one of the years.".to_owned());
    let number = if asked.year.trim().is_empty() { last } else { asked.year.trim().parse().map_err(|_| wrong())? };
    let year = TaxYear::beginning_in(profile, number).ok_or_else(wrong)?;
    let after: Option<StatementId> = match asked.after.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| Error::Invalid("The page asked for does not exist.".to_owned()))?),
    };
    let would = match annual::year_to_state(&app, number) {
        Ok(year) => Ok(annual::preview(&app, &year, annual::PREVIEWED_MAX).await?),
        Err(Error::Invalid(why)) => Err(why),
        Err(error) => return Err(error),
    };
    let rows = years::page(app.db.read(), &year, after, PAGE_ROWS + 1).await?;
    let names = (0..10).filter_map(|back| TaxYear::beginning_in(profile, last + 1 - back));
    let title = page.t1("desk-annual-title", "year", year.name());
    let shown = YearPage {
        page: page.titled(title),
        years: names.map(|year| (year.year.to_string(), year.name())).collect(),
        would,
        statements: Pager::from_rows(rows, |(statement, _)| statement.id.to_string()),
        is_german: profile == "de",
        is_running: annual::is_running(&app, &year).await?,
        sent_on: annual::sent_on(&app, &year),
        outdated: annual::outdated(&app).await?,
        year,
    };
    web::html(&shown)
}

#[derive(Deserialize)]
struct SendYear {
    year: String,
}

async fn send_year(State(app): State<App>, who: Finance, Form(form): Form<SendYear>) -> Result<Response, Error> {
    let number = form.year.trim().parse().map_err(|_| Error::Invalid("Choose one of the years.".to_owned()))?;
    let year = annual::year_to_state(&app, number)?;
    annual::begin(&app, &who.actor(), &year).await?;
    Ok(web::redirect(&format!("/desk/annual-receipts?year={number}&done=annual-begun")))
}

async fn show_statement(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<StatementId>) -> Result<Response, Error> {
    let statement = years::find(app.db.read(), id).await?;
    let title = format!("{} {}", page.t("desk-statement-title"), statement.code);
    web::html(&StatementPage { page: page.titled(title), shown: statement::document(&statement)?, statement })
}

async fn print_statement(State(app): State<App>, _who: Finance, page: DeskPage, Path(id): Path<StatementId>) -> Result<Response, Error> {
    let statement = years::find(app.db.read(), id).await?;
    web::html(&PrintPage { page: page.titled(statement.code.clone()), shown: statement::document(&statement)? })
}

impl ReceiptPage {
    fn amount(&self) -> Money {
        Money::new(self.receipt.amount_minor, self.receipt.currency)
    }
}

impl ListPage {
    fn amount(&self, receipt: &receipt::Model) -> Money {
        Money::new(receipt.amount_minor, receipt.currency)
    }

    /// Whether official receipts lack something of the issuer.
    fn lacks(&self) -> Vec<&'static str> {
        profiles::lacks(&IssuerSettings::from_config(self.page.config()).issuer)
    }
}
