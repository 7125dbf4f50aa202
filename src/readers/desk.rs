//! The desk's page of readers: every day with everything that was received and where it ended, and what each campaign and article was read.

use super::filter::Bucket;
use super::token::Scope;
use super::{DayFigures, ScopeTotal, daily_readers, totals};
use crate::app::App;
use crate::clock;
use crate::error::Error;
use crate::staff::{AnyStaff, DeskPage};
use crate::web::{self, Query};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chrono::{Days, NaiveDate};
use entity::words::ReaderScope;
use serde::Deserialize;

/// The longest time that one page shows.
const DAYS_MAX: i64 = 400;

/// What is shown when nothing else is asked.
const DAYS_SHOWN: u64 = 30;

/// The routes of the desk.
pub fn desk_routes() -> Router<App> {
    Router::new().route("/desk/readers", get(show))
}

/// Empty fields, as a form sends them, ask for nothing.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    campaign: String,
    #[serde(default)]
    article: String,
}

#[derive(Template)]
#[template(path = "readers/desk.html")]
struct ReadersPage {
    page: DeskPage,
    from: NaiveDate,
    to: NaiveDate,
    asked: Asked,
    /// The campaign or article whose days are shown; none for the site.
    subject: Option<String>,
    days: Vec<DayFigures>,
    sum: DayFigures,
    campaigns: Vec<ScopeTotal>,
    articles: Vec<ScopeTotal>,
}

impl ReadersPage {
    /// The buckets but for the views, which have a column of their own.
    fn filtered(&self) -> &'static [Bucket] {
        &Bucket::ALL[1..]
    }

    /// The two lists below the days: heading, the word of the query, rows.
    fn lists(&self) -> [(&'static str, &'static str, &[ScopeTotal]); 2] {
        [("desk-readers-campaigns", "campaign", &self.campaigns), ("desk-readers-articles", "article", &self.articles)]
    }

    /// The fewest distinct readers that the days can have had: the busiest day's.
    fn least(&self) -> u64 {
        self.days.iter().map(|day| day.readers_min).max().unwrap_or(0)
    }
}

/// Open to everybody who works here: the figures name nobody.
async fn show(State(app): State<App>, _staff: AnyStaff, page: DeskPage, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let today = app.now().date_naive();
    let to = parse_day(&asked.to, today)?;
    let from = parse_day(&asked.from, to - Days::new(DAYS_SHOWN - 1))?;
    if from > to || (to - from).num_days() > DAYS_MAX {
        return Err(Error::Invalid(format!("the first day must come before the last, and at most {DAYS_MAX} days lie between them")));
    }
    let scope = asked.scope()?;
    let days = daily_readers(&app, scope, from, to).await?;
    let (campaigns, articles) = match scope.kind {
        ReaderScope::Site => (totals(&app, ReaderScope::Campaign, from, to).await?, totals(&app, ReaderScope::Article, from, to).await?),
        _ => (Vec::new(), Vec::new()),
    };
    let title = page.t("desk-readers-title");
    let subject = super::store::title_of(app.db.read(), scope).await?;
    let sum = DayFigures::sum(&days, from);
    web::html(&ReadersPage { page: page.titled(title), from, to, asked, subject, days, sum, campaigns, articles })
}

fn parse_day(typed: &str, otherwise: NaiveDate) -> Result<NaiveDate, Error> {
    match typed.trim() {
        "" => Ok(otherwise),
        typed => clock::parse_day(typed).ok_or_else(|| Error::Invalid("a day is written as 2026-05-31".to_owned())),
    }
}

impl Asked {
    fn scope(&self) -> Result<Scope, Error> {
        Ok(if !self.campaign.is_empty() {
            Scope::campaign(self.campaign.parse().map_err(|_| Error::NotFound)?)
        } else if !self.article.is_empty() {
            Scope::article(self.article.parse().map_err(|_| Error::NotFound)?)
        } else {
            Scope::SITE
        })
    }
}
