//! The books: each transaction of the ledger as an entry, by the day on which it is booked.

use super::{Entry, Side, read_funds};
use crate::{
    error::Error,
    reports::report::{Page, Period, read_place, write_place},
};
use entity::{Money, ledger_entry, ledger_transaction};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

/// The next transactions.
pub(super) async fn page(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page<Entry>, Error> {
    use ledger_transaction::Column as T;
    let (from, until) = period.bounds()?;
    let mut query = ledger_transaction::Entity::find()
        .filter(Condition::all().add_option(from.map(|from| T::BookedAt.gte(from))).add_option(until.map(|until| T::BookedAt.lt(until))));
    if let Some((at, id)) = read_place::<i64>(after)? {
        query = query.filter(T::BookedAt.gte(at)).filter(Condition::any().add(T::BookedAt.gt(at)).add(T::Id.gt(id)));
    }
    let mut heads = query.order_by_asc(T::BookedAt).order_by_asc(T::Id).limit(limit + 1).all(db).await?;
    let more = heads.len() as u64 > limit;
    heads.truncate(limit as usize);
    let next = heads.last().filter(|_| more).map(|head| write_place(head.booked_at, head.id));
    let mut sides: HashMap<i64, Vec<Side>> = HashMap::new();
    let funds = read_funds(db).await?;
    let of_these = ledger_entry::Column::TransactionId.is_in(heads.iter().map(|head| head.id));
    for entry in ledger_entry::Entity::find().filter(of_these).order_by_asc(ledger_entry::Column::Id).all(db).await? {
        sides.entry(entry.transaction_id).or_default().push(Side {
            account: entry.account,
            fund: entry.fund_id.and_then(|id| funds.get(&id)).cloned(),
            money: Money::new(entry.amount_minor, entry.currency),
        });
    }
    let rows = heads.into_iter().map(|head| Entry {
        day: head.booked_at.with_timezone(&period.zone).date_naive(),
        number: head.id.to_string(),
        narration: format!("{} {}", head.kind, head.source),
        sides: sides.remove(&head.id).unwrap_or_default(),
    });
    Ok(Page { rows: rows.collect(), next })
}
