//! The few figures of the desk's home.

use crate::{app::App, error::Error};
use chrono::{DateTime, Days, NaiveTime, TimeZone, Utc};
use entity::{
    Currency, Money, donation, job, letter,
    words::{DonationStatus, LetterState},
};
use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

/// Gifts in one currency over some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gifts {
    /// How many.
    pub count: i64,
    /// What they come to.
    pub total: Money,
}

/// What the desk's home shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Paid since midnight in the organisation's time zone, by currency.
    pub today: Vec<Gifts>,
    /// Paid in the last thirty of its days, today included, by currency.
    pub thirty_days: Vec<Gifts>,
    /// Letters that will not be tried again, or may not have arrived.
    pub letters_failed: u64,
    /// Jobs that were given up.
    pub jobs_given_up: u64,
}

/// Gathers them.
pub async fn gather(app: &App) -> Result<Figures, Error> {
    let failed = [LetterState::Bounced, LetterState::Dead, LetterState::Unknown];
    let db = app.db.read();
    Ok(Figures {
        today: gifts_since(app, start_of_day(app, 0)).await?,
        thirty_days: gifts_since(app, start_of_day(app, 29)).await?,
        letters_failed: letter::Entity::find().filter(letter::Column::State.is_in(failed)).count(db).await?,
        jobs_given_up: job::Entity::find().filter(job::Column::GivenUpAt.is_not_null()).count(db).await?,
    })
}

/// Midnight in the organisation's time zone, `days` before today; where the clocks skip it, the first moment after.
fn start_of_day(app: &App, days: u64) -> DateTime<Utc> {
    let day = app.today() - Days::new(days);
    let zone = app.config.org_timezone;
    let candidates = (0..3).filter_map(|hour| zone.from_local_datetime(&day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?)).earliest());
    candidates.map(|start| start.with_timezone(&Utc)).next().unwrap_or_else(|| day.and_time(NaiveTime::MIN).and_utc())
}

async fn gifts_since(app: &App, since: DateTime<Utc>) -> Result<Vec<Gifts>, Error> {
    let rows: Vec<(Currency, i64, i64)> = donation::Entity::find()
        .select_only()
        .column(donation::Column::Currency)
        .column_as(donation::Column::Id.count(), "gifts")
        .column_as(Expr::col(donation::Column::AmountMinor).sum().cast_as("bigint"), "total")
        .filter(donation::Column::Status.eq(DonationStatus::Paid))
        .filter(donation::Column::PaidAt.gte(since))
        .group_by(donation::Column::Currency)
        .order_by_asc(donation::Column::Currency)
        .into_tuple()
        .all(app.db.read())
        .await?;
    Ok(rows.into_iter().map(|(currency, count, total)| Gifts { count, total: Money::new(total, currency) }).collect())
}
