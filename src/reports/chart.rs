//! Bars for a table that stands below them: drawn here, without a script, in the direction in which the page is read.

use super::report::{Cell, Page, Report};
use crate::web;
use entity::{Currency, Money};
use std::collections::BTreeMap;

/// No more bars than can be told apart.
const BARS_MAX: usize = 36;

/// The drawing's width in its own units; the page makes it as wide as there is room.
const WIDTH: u32 = 720;

/// The height of the longest bar.
const HEIGHT: u32 = 160;

/// The bars of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// What it shows, for who cannot see it.
    pub title: String,
    /// The bars, in the order of the table.
    pub bars: Vec<Bar>,
    /// The drawing's width.
    pub width: u32,
    /// The drawing's height, labels and all.
    pub height: u32,
    /// Where zero is.
    pub base: u32,
    /// The height of the labels' line.
    pub label_y: u32,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Its name under it; empty where there are too many to write all.
    pub label: String,
    /// Its name and amount.
    pub tip: String,
    /// Where it begins.
    pub x: u32,
    /// How wide it is.
    pub width: u32,
    /// Its upper end.
    pub y: u32,
    /// How high it is.
    pub height: u32,
    /// Its middle.
    pub middle: u32,
}

/// A chart for each currency of a page of months or campaigns, of recurring giving one for months and one for years; none for other reports.
pub fn charts(report: Report, rows: &Page, page: &web::Page) -> Vec<Chart> {
    let raised_at = match report {
        Report::ByMonth => 5,
        Report::ByCampaign => 7,
        Report::Recurring => 3,
        _ => return Vec::new(),
    };
    let mut by_currency: BTreeMap<(Currency, &str), Vec<(String, Money)>> = BTreeMap::new();
    for row in &rows.rows {
        let name = match &row.cells[0] {
            Cell::Text(name) => name.clone(),
            _ => page.t("desk-reports-none"),
        };
        let kind = match &row.cells[1] {
            Cell::Word(kind) if report == Report::Recurring => kind,
            _ => "",
        };
        if let Some(Cell::Money(raised)) = row.cells.get(raised_at) {
            by_currency.entry((raised.currency, kind)).or_default().push((name, *raised));
        }
    }
    let drawn = by_currency.into_iter().filter(|(_, bars)| bars.iter().any(|(_, money)| money.minor != 0));
    drawn.map(|((currency, kind), bars)| draw(report, (currency, kind), bars, page)).collect()
}

fn draw(report: Report, (currency, kind): (Currency, &str), mut named: Vec<(String, Money)>, page: &web::Page) -> Chart {
    // The last months are those that are looked at, and the largest campaigns.
    if named.len() > BARS_MAX {
        if matches!(report, Report::ByMonth | Report::Recurring) {
            named.drain(..named.len() - BARS_MAX);
        } else {
            named.sort_by_key(|(_, money)| std::cmp::Reverse(money.minor));
            named.truncate(BARS_MAX);
        }
    }
    let highest = named.iter().map(|(_, money)| money.minor).max().unwrap_or(0).max(0);
    let lowest = named.iter().map(|(_, money)| money.minor).min().unwrap_or(0).min(0);
    let span = (i128::from(highest) - i128::from(lowest)).max(1);
    let scaled = |minor: i64| (i128::from(minor) * i128::from(HEIGHT) / span) as i32;
    let base = 10 + scaled(highest) as u32;
    let slot = WIDTH / named.len().max(1) as u32;
    let is_rtl = page.lang.dir() == "rtl";
    let count = named.len() as u32;
    let every = count.div_ceil(9).max(1);
    let bars = named.into_iter().enumerate().map(|(place, (name, money))| {
        let place = place as u32;
        let seen = if is_rtl { count - 1 - place } else { place };
        let height = scaled(money.minor).unsigned_abs().max(1);
        let width = (slot * 7 / 10).clamp(2, 90);
        let x = seen * slot + (slot - width) / 2;
        Bar {
            tip: format!("{name}: {}", page.money(money)),
            label: if place.is_multiple_of(every) { shortened(&name) } else { String::new() },
            x,
            width,
            y: if money.minor < 0 { base } else { base - height.min(base) },
            height,
            middle: x + width / 2,
        }
    });
    let of = match kind {
        "" => currency.to_string(),
        kind => format!("{currency}, {}", page.t(&format!("desk-report-word-{kind}"))),
    };
    let title = page.t2("desk-reports-chart", "report", page.t(&format!("desk-report-{}", report.as_str())), "currency", of);
    Chart { title, bars: bars.collect(), width: WIDTH, height: HEIGHT + 45, base, label_y: HEIGHT + 35 }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= 10 { name.to_owned() } else { name.chars().take(9).chain(['…']).collect() }
}
