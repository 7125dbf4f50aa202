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
mod history;
mod keeper;
mod pages;
mod places;
mod store;

pub use counter::{Counter, View};
pub use history::PastView;
pub use pages::routes;

use crate::app::App;
use crate::error::Error;
use chrono::NaiveDate;
use entity::ids::ArticleId;
use entity::words::ReaderSource;
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

impl DayFigures {
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
