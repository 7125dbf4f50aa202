//! What each fund, campaign, item, article and month brought: sums of the ledger's income and fees, by currency.
//!
//! `given` is what was given, `taken_back` what was refunded, reversed or lost in disputes, less what came back of that,
//! `raised = given − taken_back`. `fees` are what Stripe kept, in the currency that it settled in, so they may stand in another currency's
//! row than their gifts. A fund has a row for each code, restriction and general-ledger code that it had.

use super::report::{Cell, Column, Kind, Link, Page, Period, Report, ReportRequest, Row, column, no_such_page};
use crate::{clock::start_of_day, error::Error, ledger::funds};
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use entity::{Currency, Money};
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, Statement};

/// How many months are asked for at a time.
const MONTHS_AT_ONCE: usize = 60;

const SUMS: [Column; 6] = [
    column("currency", Kind::Text),
    column("gifts", Kind::Count),
    column("given", Kind::Money),
    column("taken_back", Kind::Money),
    column("raised", Kind::Money),
    column("fees", Kind::Money),
];

const fn with_sums<const N: usize, const ALL: usize>(own: [Column; N]) -> [Column; ALL] {
    let mut all = [SUMS[0]; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < N { own[at] } else { SUMS[at - N] };
        at += 1;
    }
    all
}

/// The columns of the months.
pub const BY_MONTH: &[Column] = &with_sums::<1, 7>([column("month", Kind::Text)]);
/// The columns of the campaigns.
pub const BY_CAMPAIGN: &[Column] =
    &with_sums::<3, 9>([column("campaign", Kind::Text), column("title", Kind::Text), column("status", Kind::Text)]);
/// The columns of the funds.
pub const BY_FUND: &[Column] = &with_sums::<4, 10>([
    column("fund_code", Kind::Text),
    column("name", Kind::Text),
    column("restriction", Kind::Text),
    column("gl_income", Kind::Text),
]);
/// The columns of the items.
pub const BY_ITEM: &[Column] = &with_sums::<3, 9>([column("item", Kind::Text), column("title", Kind::Text), column("status", Kind::Text)]);
/// The columns of the articles.
pub const BY_ARTICLE: &[Column] =
    &with_sums::<3, 9>([column("article", Kind::Text), column("title", Kind::Text), column("status", Kind::Text)]);

/// The figures of a group in one currency.
#[derive(Clone, Debug, FromQueryResult)]
struct Sums {
    currency: Currency,
    gifts: i64,
    given: i64,
    taken_back: i64,
    fees: i64,
}

const FIGURES: &str = "e.currency as currency,
    cast(sum(case when e.account = 'donations' and t.kind = 'donation' then 1 else 0 end) as bigint) as gifts,
    cast(-sum(case when e.account = 'donations' and t.kind = 'donation' then e.amount_minor else 0 end) as bigint) as given,
    cast(sum(case when e.account = 'donations' and t.kind <> 'donation' then e.amount_minor else 0 end) as bigint) as taken_back,
    cast(sum(case when e.account = 'stripe_fees' then e.amount_minor else 0 end) as bigint) as fees";

impl Sums {
    fn of(row: &QueryResult) -> Result<Self, Error> {
        Ok(Self::from_query_result(row, "")?)
    }

    fn cells(&self) -> Result<[Cell; 6], Error> {
        let money = |minor| Cell::Money(Money::new(minor, self.currency));
        let raised = self.given.checked_sub(self.taken_back).ok_or(entity::MoneyError::Overflow)?;
        Ok([
            Cell::Text(self.currency.code().to_owned()),
            Cell::Count(self.gifts),
            money(self.given),
            money(self.taken_back),
            money(raised),
            money(self.fees),
        ])
    }
}

/// The groups of campaigns, funds, items or articles: one question computes them all, however many movements there are, and a page is cut
/// out of the answer. There are as many groups as somebody has made by hand.
pub async fn page(db: &impl ConnectionTrait, request: &ReportRequest, after: &str, limit: u64) -> Result<Page, Error> {
    let skip: usize = if after.is_empty() { 0 } else { after.parse().map_err(|_| no_such_page())? };
    let (table, key, own, filter) = match request.report {
        Report::ByCampaign => ("campaign", "campaign_id", ["slug", "title", "status"].as_slice(), "campaign"),
        Report::ByItem => ("wish_item", "wish_item_id", ["slug", "title", "status"].as_slice(), "item"),
        Report::ByArticle => ("article", "article_id", ["slug", "title", "status"].as_slice(), "article"),
        _ => ("fund", "fund_id", ["code", "name", "restriction", "gl_income"].as_slice(), "fund"),
    };
    let (period, values) = request.period.over_bookings("t.booked_at", 1)?;
    // A fund's codes and what binds it are those of when it was given for; all else is called as it is now.
    let kept: &[(&str, &str)] = match request.report {
        Report::ByFund => &[("code", funds::CODE), ("restriction", funds::RESTRICTION), ("gl_income", funds::GL_INCOME)],
        _ => &[],
    };
    let was: String = kept.iter().map(|(column, was)| format!("{was} as own_{column}, ")).collect();
    let by: String = kept.iter().map(|(column, _)| format!("own_{column}, ")).collect();
    let joined = match request.report {
        Report::ByFund => format!("left join donation d on d.id = t.donation_id and e.fund_id is not null {}", funds::AS_IT_WAS),
        _ => String::new(),
    };
    let now = own.iter().filter(|column| kept.iter().all(|(name, _)| name != *column));
    let named: String = now.map(|column| format!("n.{column} as own_{column}, ")).collect();
    // `cross join` keeps SQLite from reading the entries by campaign, which is ten times slower: it is the same question.
    let sql = format!(
        "select {named} g.* from (select e.{key} as who, {was} {FIGURES}
            from ledger_transaction t cross join ledger_entry e {joined}
            where e.transaction_id = t.id and e.account in ('donations', 'stripe_fees') and {period} group by e.{key}, {by} e.currency) g
        left join {table} n on n.id = g.who order by case when n.id is null then 1 else 0 end, own_{}, g.currency",
        own[0]
    );
    let found = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    let more = found.len() > skip.saturating_add(limit as usize);
    let rows = found.iter().skip(skip).take(limit as usize).map(|row| {
        let mut cells = Vec::with_capacity(own.len() + SUMS.len());
        for column in own {
            cells.push(row.try_get::<Option<String>>("", &format!("own_{column}"))?.into());
        }
        let link = match &cells[0] {
            Cell::Text(name) => Some(Link::Address(register_address(&request.period, &[(filter, name)]))),
            _ => None,
        };
        cells.extend(Sums::of(row)?.cells()?);
        Ok(Row { cells, link })
    });
    let rows = rows.collect::<Result<Vec<_>, Error>>()?;
    Ok(Page { next: more.then(|| (skip + rows.len()).to_string()), rows })
}

/// The desk's page of the register for these days and this filter.
fn register_address(period: &Period, filter: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, day) in [("posted_from", period.from), ("posted_to", period.to)] {
        if let Some(day) = day {
            query.append_pair(name, &day.to_string());
        }
    }
    if period.from.is_none() && period.to.is_none() {
        query.append_pair("period", "all");
    }
    for (name, value) in filter {
        query.append_pair(name, value);
    }
    format!("/desk/reports/donations?{}", query.finish())
}

/// A month of a zone, cut by the period's ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Month {
    /// Its first day.
    pub first: NaiveDate,
    /// Its last day, or the period's.
    pub last: NaiveDate,
    /// The first day that counts: its own, or the period's.
    pub from: NaiveDate,
}

impl Month {
    /// `2026-01`.
    pub fn name(&self) -> String {
        format!("{:04}-{:02}", self.first.year(), self.first.month())
    }

    /// The same; of a part of it the days.
    pub fn days(&self) -> String {
        let is_whole = self.from == self.first && self.last.succ_opt().is_none_or(|next| next.day() == 1);
        if is_whole { self.name() } else { format!("{} to {}", self.from, self.last) }
    }

    fn bounds(&self, period: &Period) -> (DateTime<Utc>, DateTime<Utc>) {
        let after = self.last.succ_opt().unwrap_or(NaiveDate::MAX);
        (start_of_day(period.zone, self.from), start_of_day(period.zone, after))
    }
}

/// The months in which something is booked in the period, from the first to the last.
pub(super) async fn months(db: &impl ConnectionTrait, period: &Period) -> Result<Vec<Month>, Error> {
    let (condition, values) = period.over_bookings("t.booked_at", 1)?;
    // Two questions, because each is answered by one end of the index.
    let mut ends = Vec::new();
    for order in ["asc", "desc"] {
        let sql = format!("select t.booked_at as at from ledger_transaction t where {condition} order by t.booked_at {order} limit 1");
        let row = db.query_one_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values.clone())).await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        ends.push(row.try_get::<DateTime<Utc>>("", "at")?.with_timezone(&period.zone).date_naive());
    }
    let mut months = Vec::new();
    let mut first = ends[0].with_day(1).unwrap_or(ends[0]);
    while first <= ends[1] {
        let Some(next) = first.checked_add_months(Months::new(1)) else { break };
        let last = next.pred_opt().unwrap_or(first);
        months.push(Month {
            first,
            last: period.to.map_or(last, |to| to.min(last)),
            from: period.from.map_or(first, |from| from.max(first)),
        });
        first = next;
    }
    Ok(months)
}

/// What each month of the period's zone brought.
pub async fn by_month(db: &impl ConnectionTrait, period: &Period, after: &str) -> Result<Page, Error> {
    let skip: usize = if after.is_empty() { 0 } else { after.parse().map_err(|_| no_such_page())? };
    let months = months(db, period).await?;
    let some: Vec<Month> = months.iter().copied().skip(skip).take(MONTHS_AT_ONCE).collect();
    let done = skip + some.len();
    Ok(Page { rows: of_months(db, period, &some).await?, next: (done < months.len()).then(|| done.to_string()) })
}

/// What the last of these months brought, as many as are shown at a time.
pub(super) async fn last_months(db: &impl ConnectionTrait, period: &Period) -> Result<Page, Error> {
    let months = months(db, period).await?;
    let some = &months[months.len().saturating_sub(MONTHS_AT_ONCE)..];
    Ok(Page { rows: of_months(db, period, some).await?, next: None })
}

async fn of_months(db: &impl ConnectionTrait, period: &Period, some: &[Month]) -> Result<Vec<Row>, Error> {
    if some.is_empty() {
        return Ok(Vec::new());
    }
    let (mut list, mut values) = (String::new(), Vec::<sea_orm::Value>::new());
    for (number, month) in some.iter().enumerate() {
        let (from, until) = month.bounds(period);
        let comma = if number == 0 { "" } else { ", " };
        list.push_str(&format!("{comma}({number}, ${}, ${})", 2 * number + 1, 2 * number + 2));
        values.extend([from.into(), until.into()]);
    }
    let sql = format!(
        "with months(number, starts, ends) as (values {list})
        select cast(m.number as bigint) as number, {FIGURES} from months m
        join ledger_transaction t on t.booked_at >= m.starts and t.booked_at < m.ends
        join ledger_entry e on e.transaction_id = t.id
        where e.account in ('donations', 'stripe_fees') group by m.number, e.currency order by m.number, e.currency"
    );
    let found = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    let rows = found.iter().map(|row| {
        let month = usize::try_from(row.try_get::<i64>("", "number")?).ok().and_then(|number| some.get(number)).ok_or_else(no_such_page)?;
        let mut cells = vec![Cell::Text(month.name())];
        cells.extend(Sums::of(row)?.cells()?);
        let days = Period { from: Some(month.from), to: Some(month.last), zone: period.zone };
        Ok(Row { cells, link: Some(Link::Address(register_address(&days, &[]))) })
    });
    rows.collect()
}
