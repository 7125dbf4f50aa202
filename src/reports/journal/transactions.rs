//! The books: each transaction of the ledger as an entry, by the day on which it is booked.

use super::{Entry, Side, read_funds};
use crate::{
    error::Error,
    ledger,
    reports::report::{Page, Period, read_place, write_place},
};
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money,
    ids::FundId,
    ledger_entry, ledger_transaction,
    words::{Account, MovementKind},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// The next transactions.
pub(super) async fn page(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page<Entry>, Error> {
    use ledger_transaction::Column as T;
    let (from, until) = period.bounds()?;
    let mut query = ledger_transaction::Entity::find()
        .select_only()
        .columns([T::Id, T::BookedAt, T::Kind, T::Source])
        .filter(Condition::all().add_option(from.map(|from| T::BookedAt.gte(from))).add_option(until.map(|until| T::BookedAt.lt(until))));
    if let Some((at, id)) = read_place::<i64>(after)? {
        query = query.filter(T::BookedAt.gte(at)).filter(Condition::any().add(T::BookedAt.gt(at)).add(T::Id.gt(id)));
    }
    let query = query.order_by_asc(T::BookedAt).order_by_asc(T::Id).limit(limit + 1);
    let mut heads: Vec<(i64, DateTime<Utc>, MovementKind, String)> = query.into_tuple().all(db).await?;
    let more = heads.len() as u64 > limit;
    heads.truncate(limit as usize);
    let next = heads.last().filter(|_| more).map(|(id, at, ..)| write_place(*at, id));
    let sides = sides_of(db, heads.iter().map(|(id, ..)| *id)).await?;
    let rows = heads.into_iter().map(|(id, booked_at, kind, source)| {
        let first = sides.partition_point(|(number, _)| *number < id);
        Entry {
            day: booked_at.with_timezone(&period.zone).date_naive(),
            number: id.to_string(),
            narration: format!("{kind} {source}"),
            sides: sides[first..].iter().take_while(|(number, _)| *number == id).map(|(_, side)| side.clone()).collect(),
        }
    });
    Ok(Page { rows: rows.collect(), next })
}

/// The sides of these transactions, by their numbers.
async fn sides_of(db: &impl ConnectionTrait, numbers: impl Iterator<Item = i64> + Clone) -> Result<Vec<(i64, Side)>, Error> {
    use ledger_entry::Column as E;
    let funds = read_funds(db).await?;
    let found: Vec<(i64, Account, i64, Currency, Option<FundId>)> = ledger_entry::Entity::find()
        .select_only()
        .columns([E::TransactionId, E::Account, E::AmountMinor, E::Currency, E::FundId])
        .filter(ledger::of_transactions(numbers))
        .order_by_asc(E::TransactionId)
        .order_by_asc(E::Id)
        .into_tuple()
        .all(db)
        .await?;
    let side = |(number, account, minor, currency, fund): (_, _, _, _, Option<FundId>)| {
        (number, Side { account, fund: fund.and_then(|id| funds.get(&id)).cloned(), money: Money::new(minor, currency) })
    };
    Ok(found.into_iter().map(side).collect())
}
