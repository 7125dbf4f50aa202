//! The books: each transaction of the ledger as an entry, by the day on which it is booked.

use super::{Entry, Side, read_funds};
use crate::{
    db::packed::{
        self,
        Column::{Id, Plain, Typed},
    },
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
    let found = packed::fetch(db, &query, &[Plain("id"), Plain("booked_at"), Plain("kind"), Typed("source")]).await?;
    let heads = found.rows().map(|mut row| Ok((row.needed()?, row.instant()?, row.needed()?, row.needed()?)));
    let mut heads = heads.collect::<Result<Vec<(i64, DateTime<Utc>, MovementKind, String)>, Error>>()?;
    drop(found);
    heads.sort_by_key(|(id, at, ..)| (*at, *id));
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
    let query = ledger_entry::Entity::find()
        .select_only()
        .columns([E::TransactionId, E::Id, E::Account, E::AmountMinor, E::Currency, E::FundId])
        .filter(ledger::of_transactions(numbers));
    const COLUMNS: [packed::Column; 6] =
        [Plain("transaction_id"), Plain("id"), Plain("account"), Plain("amount_minor"), Plain("currency"), Id("fund_id")];
    let found = packed::fetch(db, &query, &COLUMNS).await?;
    let mut sides = Vec::new();
    for mut row in found.rows() {
        let (number, id) = (row.needed::<i64>()?, row.needed::<i64>()?);
        let (account, minor, currency): (Account, i64, Currency) = (row.needed()?, row.needed()?, row.needed()?);
        let fund = row.parsed::<FundId>()?.and_then(|id| funds.get(&id)).cloned();
        row.end()?;
        sides.push((number, id, Side { account, fund, money: Money::new(minor, currency) }));
    }
    // By the number of the side within its transaction.
    sides.sort_by_key(|(number, id, _)| (*number, *id));
    Ok(sides.into_iter().map(|(number, _, side)| (number, side)).collect())
}
