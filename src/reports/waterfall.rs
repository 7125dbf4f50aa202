//! Each payout, and what it is made of: gifts, less refunds, less disputes, less fees, down to what reached the bank.
//!
//! The lines of one payout sum to zero: its parts, then `paid_out` with the payout's amount taken off, then `remainder`: what no part
//! explains, or `not_itemised` where Stripe does not say (yet) what the payout is made of. Movements that no payout holds so far stand at
//! the end as `waiting`.

use super::report::{Cell, Column, Kind, Link, Page, Period, Row, column, no_such_page};
use crate::{error::Error, payments::balance::PAYMENTS};
use entity::{
    Currency, Money, balance_movement,
    ids::PayoutId,
    payout,
    words::{BalanceMapping, PayoutState},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use std::collections::BTreeMap;

/// `movements` counts Stripe's balance transactions; `net = gross − fee`.
pub const COLUMNS: &[Column] = &[
    column("payout", Kind::Text),
    column("arrives_on", Kind::Day),
    column("state", Kind::Text),
    column("line", Kind::Text),
    column("movements", Kind::Count),
    column("gross", Kind::Money),
    column("fee", Kind::Money),
    column("net", Kind::Money),
    column("net_minor", Kind::Count),
    column("currency", Kind::Text),
];

/// What the last page is asked with: the movements that no payout holds.
const WAITING: &str = "waiting";

#[derive(Clone, Debug, FromQueryResult)]
struct Part {
    payout_id: Option<String>,
    balance: String,
    mapped_to: BalanceMapping,
    currency: Currency,
    movements: i64,
    gross: i64,
    fee: i64,
    net: i64,
}

/// The next payouts, by the day on which the bank has them.
pub async fn page(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page, Error> {
    use payout::Column as C;
    period.bounds()?;
    if after == WAITING {
        return Ok(Page { rows: waiting(db, period).await?, next: None });
    }
    let mut query = payout::Entity::find().filter(
        Condition::all().add_option(period.from.map(|from| C::ArrivesOn.gte(from))).add_option(period.to.map(|to| C::ArrivesOn.lte(to))),
    );
    if !after.is_empty() {
        let last: PayoutId = after.parse().map_err(|_| no_such_page())?;
        let last = payout::Entity::find_by_id(last).one(db).await?.ok_or_else(no_such_page)?;
        let same_day = Condition::all().add(C::ArrivesOn.eq(last.arrives_on)).add(C::Id.gt(last.id));
        query = query.filter(Condition::any().add(C::ArrivesOn.gt(last.arrives_on)).add(same_day));
    }
    // A payout is a handful of lines.
    let payouts_max = std::cmp::max(limit / 5, 1);
    let mut payouts = query.order_by_asc(C::ArrivesOn).order_by_asc(C::Id).limit(payouts_max + 1).all(db).await?;
    let more = payouts.len() as u64 > payouts_max;
    payouts.truncate(payouts_max as usize);
    let next = payouts.last().filter(|_| more).map_or_else(|| WAITING.to_owned(), |last| last.id.to_string());
    let mut parts: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    let ids: Vec<&str> = payouts.iter().map(|payout| payout.stripe_payout_id.as_str()).collect();
    let of_these = Condition::all()
        .add(balance_movement::Column::PayoutId.is_in(ids))
        .add(balance_movement::Column::Balance.eq(PAYMENTS))
        .add(Expr::col(balance_movement::Column::SourceId).ne(Expr::col(balance_movement::Column::PayoutId)));
    for part in read_parts(db, of_these).await? {
        parts.entry(part.payout_id.clone().unwrap_or_default()).or_default().push(part);
    }
    let mut rows = Vec::new();
    for payout in &payouts {
        push_payout(&mut rows, payout, parts.remove(&payout.stripe_payout_id).unwrap_or_default())?;
    }
    if rows.is_empty() {
        return Ok(Page { rows: waiting(db, period).await?, next: None });
    }
    Ok(Page { rows, next: Some(next) })
}

async fn read_parts(db: &impl ConnectionTrait, which: Condition) -> Result<Vec<Part>, Error> {
    use balance_movement::Column as C;
    let sum = |column: C| Expr::col(column).sum().cast_as("bigint");
    let mut parts: Vec<Part> = balance_movement::Entity::find()
        .select_only()
        .columns([C::PayoutId, C::Balance, C::MappedTo, C::Currency])
        .column_as(C::Id.count(), "movements")
        .column_as(sum(C::GrossMinor), "gross")
        .column_as(sum(C::FeeMinor), "fee")
        .column_as(sum(C::NetMinor), "net")
        .filter(which)
        .group_by(C::PayoutId)
        .group_by(C::Balance)
        .group_by(C::MappedTo)
        .group_by(C::Currency)
        .into_model::<Part>()
        .all(db)
        .await?;
    let place = |part: &Part| (part.payout_id.clone(), part.balance != PAYMENTS, part.balance.clone(), part.currency, part.mapped_to);
    parts.sort_by_cached_key(place);
    Ok(parts)
}

fn push_payout(rows: &mut Vec<Row>, payout: &payout::Model, parts: Vec<Part>) -> Result<(), Error> {
    let link = Some(Link::Address(format!("/desk/payouts/{}", payout.id)));
    let mut explained: i64 = 0;
    for part in &parts {
        if part.currency == payout.currency {
            explained = explained.checked_add(part.net).ok_or(entity::MoneyError::Overflow)?;
        }
        rows.push(row_of(Some(payout), Cell::Word(part.mapped_to.as_str()), part, link.clone()));
    }
    let amount = payout.amount_minor;
    let line = |movements, net| Part {
        payout_id: None,
        balance: PAYMENTS.to_owned(),
        mapped_to: BalanceMapping::Payout,
        currency: payout.currency,
        movements,
        gross: net,
        fee: 0,
        net,
    };
    let paid_out = amount.checked_neg().ok_or(entity::MoneyError::Overflow)?;
    rows.push(row_of(Some(payout), Cell::Word("paid_out"), &line(1, paid_out), link.clone()));
    let remainder = amount.checked_sub(explained).ok_or(entity::MoneyError::Overflow)?;
    let is_itemised = payout.itemised_at.is_some();
    rows.push(row_of(Some(payout), Cell::Word(if is_itemised { "remainder" } else { "not_itemised" }), &line(0, remainder), link));
    Ok(())
}

fn row_of(payout: Option<&payout::Model>, line: Cell, part: &Part, link: Option<Link>) -> Row {
    let money = |minor| Cell::Money(Money::new(minor, part.currency));
    let cells = vec![
        payout.map_or(Cell::Empty, |payout| Cell::Text(payout.stripe_payout_id.clone())),
        payout.map_or(Cell::Empty, |payout| Cell::Day(payout.arrives_on)),
        Cell::Word(payout.map_or(WAITING, |payout: &payout::Model| PayoutState::as_str(&payout.state))),
        line,
        Cell::Count(part.movements),
        money(part.gross),
        money(part.fee),
        money(part.net),
        Cell::Count(part.net),
        Cell::Text(part.currency.code().to_owned()),
    ];
    Row { cells, link }
}

/// What Stripe moved until the end of the period and no payout holds: first in the balance that is paid out, then in those that it keeps
/// apart, each with its name.
async fn waiting(db: &impl ConnectionTrait, period: &Period) -> Result<Vec<Row>, Error> {
    use balance_movement::Column as C;
    let (_, until) = period.bounds()?;
    let which = Condition::all().add(C::PayoutId.is_null()).add_option(until.map(|until| C::OccurredAt.lt(until)));
    let parts = read_parts(db, which).await?;
    let line = |part: &Part| match part.balance.as_str() {
        PAYMENTS => Cell::Word(part.mapped_to.as_str()),
        apart => Cell::Text(format!("{apart}: {}", part.mapped_to)),
    };
    Ok(parts.iter().map(|part| row_of(None, line(part), part, None)).collect())
}
