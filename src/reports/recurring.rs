//! How recurring giving does, month by month: what began, changed, was lost and came back.
//!
//! The amounts are what is charged each month or year, not what was paid: that is in the register. `net` is by how much the promises of a month
//! changed what comes from then on: begun + raised − lowered − ended − lost. A pause takes nothing from it.

use super::report::{Cell, Column, Kind, Link, Page, Period, Row, column, no_such_page};
use crate::{
    app::App,
    error::Error,
    recurring::health::{Line, Sum, health},
};
use chrono::Datelike;
use entity::{Money, MoneyError};

/// The columns: a number and an amount for each thing that can happen.
pub const COLUMNS: &[Column] = &[
    column("month", Kind::Text),
    column("every", Kind::Text),
    column("currency", Kind::Text),
    column("net", Kind::Money),
    column("begun", Kind::Count),
    column("begun_amount", Kind::Money),
    column("raised_gifts", Kind::Count),
    column("raised_amount", Kind::Money),
    column("lowered_gifts", Kind::Count),
    column("lowered_amount", Kind::Money),
    column("paused", Kind::Count),
    column("paused_amount", Kind::Money),
    column("resumed", Kind::Count),
    column("resumed_amount", Kind::Money),
    column("ended", Kind::Count),
    column("ended_amount", Kind::Money),
    column("lost", Kind::Count),
    column("lost_amount", Kind::Money),
    column("failing", Kind::Count),
    column("failing_amount", Kind::Money),
    column("recovered", Kind::Count),
    column("recovered_amount", Kind::Money),
];

/// The months of the period, cut out of one answer: a dozen rows for a year.
pub async fn page(app: &App, period: &Period, after: &str, limit: u64) -> Result<Page, Error> {
    let skip: usize = if after.is_empty() { 0 } else { after.parse().map_err(|_| no_such_page())? };
    let lines = health(app, period.zone, period.bounds()?).await?;
    let more = lines.len() > skip.saturating_add(limit as usize);
    let rows = lines.iter().skip(skip).take(limit as usize).map(row_of).collect::<Result<Vec<_>, Error>>()?;
    Ok(Page { next: more.then(|| (skip + rows.len()).to_string()), rows })
}

fn row_of(line: &Line) -> Result<Row, Error> {
    let mut cells = vec![
        Cell::Text(format!("{:04}-{:02}", line.month.year(), line.month.month())),
        Cell::Word(line.every.as_str()),
        Cell::Text(line.currency.code().to_owned()),
        Cell::Money(net_of(line)?),
    ];
    let all = [line.begun, line.raised, line.lowered, line.paused, line.resumed, line.ended, line.lost, line.failing, line.recovered];
    for sum in all {
        cells.extend([Cell::Count(sum.count), Cell::Money(line.money(sum))]);
    }
    Ok(Row { cells, link: Some(Link::Address(format!("/desk/recurring?every={}", line.every))) })
}

fn net_of(line: &Line) -> Result<Money, Error> {
    let add = |total: i64, sum: Sum| total.checked_add(sum.minor);
    let more = add(line.begun.minor, line.raised);
    let less = add(line.lowered.minor, line.ended).and_then(|less| add(less, line.lost));
    let net = more.zip(less).and_then(|(more, less)| more.checked_sub(less)).ok_or(MoneyError::Overflow)?;
    Ok(Money::new(net, line.currency))
}
