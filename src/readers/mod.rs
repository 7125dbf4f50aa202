//! Who read what, counted once a day and then forgotten.
//!
//! A *reader* of a scope (the site, a campaign, an article) on a day is a distinct token among the qualified views of that day; a
//! *view* is a page load that passed the filter. Both are integers once the day is closed; until then the day is a set of tokens
//! under a key that the database never holds and that is destroyed ten minutes after midnight. Readers over a longer time are the sum of
//! daily readers, and are never called people. Nothing here is joined to supporters or donations.

/// What makes two views of one day the same reader.
pub mod token;
/// A set of tokens, exact and then a sketch.
pub mod set;
/// What is a view by a person.
pub mod filter;
/// One day's state.
pub mod day;
/// The bytes in which a day is written down until it is closed.
pub mod journal;
/// Where the day's key is kept.
pub mod key;
/// The live counter: acknowledged when it can no longer be lost by a kill.
pub mod counter;
mod desk;
mod history;
mod keeper;
mod pages;
mod places;
mod store;

pub use counter::{Counter, View};
pub use desk::desk_routes;
pub use history::PastView;
pub use pages::{beacon_routes, routes};

use crate::app::App;
use crate::error::Error;
use chrono::NaiveDate;
use entity::ids::ArticleId;
use entity::words::{ReaderScope, ReaderSource};
use std::collections::BTreeMap;
use token::Scope;

/// The counter of this process, opened on first use. `serve` asks for it at start, so that the journal is read before the first page.
pub async fn counter(app: &App) -> Result<Counter, Error> {
    let open = async || {
        let keys = key::KeyPlace::of(&app.config.database_url, &app.config.reader_key_dir)?;
        Counter::open(app.db.clone(), app.clock.clone(), app.random.clone(), keys).await
    };
    app.shelf.get_or_open(open).await
}

/// The views counted here of an article, up to now. The article page adds those that were imported with it.
pub async fn views_of(app: &App, article: ArticleId) -> Result<i64, Error> {
    Ok(counter(app).await?.views(article))
}

/// The views counted here of articles, up to now, in the order asked.
pub async fn views_of_many(app: &App, articles: &[ArticleId]) -> Result<Vec<i64>, Error> {
    Ok(counter(app).await?.views_of_many(articles))
}

/// One day of a scope, over all sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Daily readers; where a key was lost in the day, the most there can have been.
    pub readers: u64,
    /// The fewest readers there can have been: less than `readers` only where a key was lost.
    pub readers_min: u64,
    /// What was received, and where it ended; `counts.of(Bucket::Counted)` are the views.
    pub counts: day::Counts,
    /// How many of the views came by the no-script pixel.
    pub pixel_views: u64,
    /// Whether the figures are final.
    pub closed: bool,
    /// Whether `readers` is an estimate (more than a million).
    pub is_estimate: bool,
    /// The version of the filter's rules.
    pub rules_version: i32,
}

/// The days of a scope from one to another, both included, oldest first; days without a beacon are left out. The readers of a longer
/// time are the sum of daily readers: between the largest day and that sum lies the number of distinct ones.
pub async fn daily_readers(app: &App, scope: Scope, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayFigures>, Error> {
    let counter = counter(app).await?;
    let mut days: BTreeMap<NaiveDate, DayFigures> = BTreeMap::new();
    // Open days first: a day that closes between the two questions is then seen as closed, not missed.
    for (day, source, tally) in counter.open_days_of(scope) {
        if (from..=to).contains(&day) {
            let figures = days.entry(day).or_insert_with(|| DayFigures::empty(day, filter::RULES_VERSION, false));
            figures.add(source, &tally);
        }
    }
    for row in store::closed_days(app.db.read(), scope, from, to).await? {
        let version = i32::try_from(row.rules_version).unwrap_or_default();
        let figures = days.entry(row.day).or_insert_with(|| DayFigures::empty(row.day, version, true));
        if !figures.closed {
            *figures = DayFigures::empty(row.day, version, true);
        }
        figures.add(row.source, &store::tally_of(&row));
    }
    Ok(days.into_values().collect())
}

/// What one campaign or article came to over some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeTotal {
    /// Which.
    pub scope: Scope,
    /// Its title.
    pub title: String,
    /// The sum of its daily readers.
    pub readers: u64,
    /// Its views.
    pub views: u64,
}

/// What every campaign, or every article, came to from one day to another, both included; the most read first.
pub async fn totals(app: &App, kind: ReaderScope, from: NaiveDate, to: NaiveDate) -> Result<Vec<ScopeTotal>, Error> {
    let mut sums: BTreeMap<uuid::Uuid, (u64, u64)> = BTreeMap::new();
    let open_days = counter(app).await?.open_days();
    for (id, readers, views) in store::closed_totals(app.db.read(), kind, from, to).await? {
        sums.insert(id, (readers, views));
    }
    for (day, tallies) in open_days.iter().filter(|(day, _)| (from..=to).contains(day)) {
        // Closed since we looked: it is among the closed ones.
        if store::is_closed(app.db.read(), *day).await? {
            continue;
        }
        for ((scope, _), tally) in tallies.iter().filter(|((scope, _), _)| scope.kind == kind) {
            let sum = sums.entry(scope.id).or_default();
            sum.0 += tally.readers;
            sum.1 += tally.counts.of(filter::Bucket::Counted);
        }
    }
    let titles = store::titles(app.db.read(), kind, sums.keys().copied().collect()).await?;
    let named = sums.into_iter().filter_map(|(id, (readers, views))| {
        Some(ScopeTotal { scope: Scope { kind, id }, title: titles.get(&id)?.clone(), readers, views })
    });
    let mut rows: Vec<ScopeTotal> = named.collect();
    rows.sort_by(|a, b| b.views.cmp(&a.views).then_with(|| a.title.cmp(&b.title)));
    Ok(rows)
}

impl DayFigures {
    /// The views.
    pub fn views(&self) -> u64 {
        self.counts.of(filter::Bucket::Counted)
    }

    /// The sum of days; it bears the day `from`.
    pub fn sum(days: &[Self], from: NaiveDate) -> Self {
        let mut sum = Self::empty(from, filter::RULES_VERSION, days.iter().all(|day| day.closed));
        for day in days {
            sum.readers += day.readers;
            sum.readers_min += day.readers_min;
            sum.counts.add(&day.counts);
            sum.pixel_views += day.pixel_views;
            sum.is_estimate |= day.is_estimate;
        }
        sum
    }

    fn empty(day: NaiveDate, rules_version: i32, closed: bool) -> Self {
        Self { day, readers: 0, readers_min: 0, counts: day::Counts::default(), pixel_views: 0, closed, is_estimate: false, rules_version }
    }

    fn add(&mut self, source: ReaderSource, tally: &day::Tally) {
        self.readers += tally.readers;
        self.readers_min += tally.readers_min;
        self.counts.add(&tally.counts);
        self.is_estimate |= tally.is_estimate;
        if source == ReaderSource::Pixel {
            self.pixel_views += tally.counts.of(filter::Bucket::Counted);
        }
    }
}
