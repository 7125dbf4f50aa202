//! Receipts as rows, by when they were issued, and after them the statements of a year: also the void and the replaced, because a series has no
//! gaps. They name nobody.

use super::report::{Cell, Column, Kind, Link, Page, Period, Row, column, no_such_page, read_place, write_place};
use crate::{
    db::packed::{
        self,
        Column::{Id, Plain, Typed},
        Fields,
    },
    error::Error,
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    Currency, Money,
    ids::{DonationId, ReceiptId, StatementId},
    receipt, statement,
    words::ReceiptStatus,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use std::collections::HashMap;

/// `amount` is what the receipt says, `valid` the same where it still is valid, and zero where not. A statement lists gifts that have receipts,
/// so its sum stands in a column of its own, `year_amount`: added to the others it would count them twice.
pub const COLUMNS: &[Column] = &[
    column("receipt_no", Kind::Text),
    column("gift_on", Kind::Day),
    column("issued_at_utc", Kind::Instant),
    column("issued_date", Kind::Day),
    column("status", Kind::Text),
    column("status_reason", Kind::Text),
    column("replaces", Kind::Text),
    column("amount", Kind::Money),
    column("amount_minor", Kind::Count),
    column("valid", Kind::Money),
    column("currency", Kind::Text),
    column("profile", Kind::Text),
    column("language", Kind::Text),
    column("donation_id", Kind::Text),
    column("kind", Kind::Text),
    column("starts_on", Kind::Day),
    column("ends_on", Kind::Day),
    column("year_amount", Kind::Money),
];

/// The place of a page that begins with statements, followed by the id of the last one before it, if there is any.
const STATEMENTS: &str = "statements.";

/// How many statements are read at once: each is read with all gifts that it lists.
const STATEMENTS_AT_ONCE: u64 = 200;

/// A receipt without its words, which are long and in no report.
struct Line {
    id: ReceiptId,
    code: String,
    donation_id: DonationId,
    status: ReceiptStatus,
    status_reason: String,
    gift_on: NaiveDate,
    issued_at: DateTime<Utc>,
    amount_minor: i64,
    currency: Currency,
    profile: String,
    language: String,
    replaces_id: Option<ReceiptId>,
}

/// The columns of a line, in its order.
const LINE: &[packed::Column] = &[
    Id("id"),
    Typed("code"),
    Id("donation_id"),
    Plain("status"),
    Typed("status_reason"),
    Plain("gift_on"),
    Plain("issued_at"),
    Plain("amount_minor"),
    Plain("currency"),
    Typed("profile"),
    Typed("language"),
    Id("replaces_id"),
];

impl Line {
    fn read(mut row: Fields<'_>) -> Result<Self, Error> {
        let line = Self {
            id: row.needed()?,
            code: row.needed()?,
            donation_id: row.needed()?,
            status: row.needed()?,
            status_reason: row.needed()?,
            gift_on: row.needed()?,
            issued_at: row.instant()?,
            amount_minor: row.needed()?,
            currency: row.needed()?,
            profile: row.needed()?,
            language: row.needed()?,
            replaces_id: row.parsed()?,
        };
        row.end()?;
        Ok(line)
    }
}

/// The next receipts; after the last of them, statements.
pub async fn page(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page, Error> {
    if let Some(after) = after.strip_prefix(STATEMENTS) {
        return statements(db, period, after, limit).await;
    }
    let mut page = receipts(db, period, after, limit).await?;
    if page.next.is_none() {
        let more = statements(db, period, "", limit.saturating_sub(page.rows.len() as u64)).await?;
        page.rows.extend(more.rows);
        page.next = more.next;
    }
    Ok(page)
}

async fn receipts(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page, Error> {
    use receipt::Column as C;
    let (from, until) = period.bounds()?;
    let mut query = receipt::Entity::find()
        .select_only()
        .columns([C::Id, C::Code, C::DonationId, C::Status, C::StatusReason, C::GiftOn, C::IssuedAt, C::AmountMinor, C::Currency])
        .columns([C::Profile, C::Language, C::ReplacesId])
        .filter(Condition::all().add_option(from.map(|from| C::IssuedAt.gte(from))).add_option(until.map(|until| C::IssuedAt.lt(until))));
    if let Some((at, id)) = read_place::<ReceiptId>(after)? {
        query = query.filter(C::IssuedAt.gte(at)).filter(Condition::any().add(C::IssuedAt.gt(at)).add(C::Id.gt(id)));
    }
    let query = query.order_by_asc(C::IssuedAt).order_by_asc(C::Id).limit(limit + 1);
    let mut found = packed::fetch(db, &query, LINE).await?.rows().map(Line::read).collect::<Result<Vec<_>, Error>>()?;
    found.sort_by_key(|receipt| (receipt.issued_at, receipt.id));
    let more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| write_place(last.issued_at, last.id));
    let replaced = codes_of(db, found.iter().filter_map(|receipt| receipt.replaces_id).collect()).await?;
    let rows = found.into_iter().map(|receipt| row_of(receipt, period, &replaced)).collect();
    Ok(Page { rows, next })
}

async fn codes_of(db: &impl ConnectionTrait, ids: Vec<ReceiptId>) -> Result<HashMap<ReceiptId, String>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let named = receipt::Entity::find().select_only().columns([receipt::Column::Id, receipt::Column::Code]);
    let found: Vec<(ReceiptId, String)> = named.filter(receipt::Column::Id.is_in(ids)).into_tuple().all(db).await?;
    Ok(found.into_iter().collect())
}

fn row_of(receipt: Line, period: &Period, replaced: &HashMap<ReceiptId, String>) -> Row {
    let money = |minor| Cell::Money(Money::new(minor, receipt.currency));
    let valid = if receipt.status == ReceiptStatus::Issued { receipt.amount_minor } else { 0 };
    let cells = vec![
        Cell::Text(receipt.code),
        Cell::Day(receipt.gift_on),
        Cell::Instant(receipt.issued_at),
        Cell::Day(receipt.issued_at.with_timezone(&period.zone).date_naive()),
        Cell::Word(receipt.status.as_str()),
        Cell::Text(receipt.status_reason),
        receipt.replaces_id.and_then(|id| replaced.get(&id).cloned()).into(),
        money(receipt.amount_minor),
        Cell::Count(receipt.amount_minor),
        money(valid),
        Cell::Text(receipt.currency.code().to_owned()),
        Cell::Text(receipt.profile),
        Cell::Text(receipt.language),
        Cell::Text(receipt.donation_id.to_string()),
        Cell::Word("receipt"),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
    ];
    Row { cells, link: Some(Link::Donation(receipt.donation_id)) }
}

/// What the report tells of what a statement says.
#[derive(Deserialize)]
struct Said {
    totals: Vec<Money>,
    replaces: Option<String>,
}

/// The next statements, by id, which begins with when they were issued. One over gifts in several currencies has a row for each.
async fn statements(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page, Error> {
    use statement::Column as C;
    let limit = limit.min(STATEMENTS_AT_ONCE);
    let (from, until) = period.bounds()?;
    let last: Option<StatementId> = if after.is_empty() { None } else { Some(after.parse().map_err(|_| no_such_page())?) };
    let fits = Condition::all()
        .add_option(from.map(|from| C::IssuedAt.gte(from)))
        .add_option(until.map(|until| C::IssuedAt.lt(until)))
        .add_option(last.map(|last| C::Id.gt(last)));
    let mut found = statement::Entity::find().filter(fits).order_by_asc(C::Id).limit(limit + 1).all(db).await?;
    let more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    let last = found.last().map(|last| last.id).or(last);
    let next = more.then(|| format!("{STATEMENTS}{}", last.map(|last| last.to_string()).unwrap_or_default()));
    let mut rows = Vec::with_capacity(found.len());
    for one in &found {
        let said: Said = serde_json::from_str(&one.snapshot)?;
        rows.extend(said.totals.iter().map(|sum| row_of_statement(one, &said, *sum, period)));
    }
    Ok(Page { rows, next })
}

fn row_of_statement(one: &statement::Model, said: &Said, sum: Money, period: &Period) -> Row {
    let cells = vec![
        Cell::Text(one.code.clone()),
        Cell::Empty,
        Cell::Instant(one.issued_at),
        Cell::Day(one.issued_at.with_timezone(&period.zone).date_naive()),
        Cell::Word(one.status.as_str()),
        Cell::Text(one.status_reason.clone()),
        said.replaces.clone().into(),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Text(sum.currency.code().to_owned()),
        Cell::Text(one.profile.clone()),
        Cell::Text(one.language.clone()),
        Cell::Empty,
        Cell::Word("statement"),
        Cell::Day(one.starts_on),
        Cell::Day(one.ends_on),
        Cell::Money(sum),
    ];
    Row { cells, link: Some(Link::Address(format!("/desk/annual-receipts/{}", one.id))) }
}
