//! The books: each transaction of the ledger as an entry, by the day on which it is booked.

use super::{Entry, Side};
use crate::{
    db::packed::{
        self,
        Column::{Id, Plain, Typed},
        Fields,
    },
    error::Error,
    ledger,
    reports::report::{Page, Period, read_place, write_place},
};
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money, donation, fund,
    ids::{DonationId, FundId},
    ledger_entry, ledger_transaction,
    words::{Account, MovementKind},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

/// A fund as it was: its code, and the general-ledger codes of its income and of its fees.
type Codes = [String; 3];

/// A transaction, with the fund that its gift was given for.
struct Head {
    id: i64,
    booked_at: DateTime<Utc>,
    kind: MovementKind,
    source: String,
    donation_id: Option<DonationId>,
    fund: Option<(FundId, Codes)>,
}

/// What is asked of a transaction, in this order.
const HEAD: [packed::Column; 9] = [
    Plain("id"),
    Plain("booked_at"),
    Plain("kind"),
    Typed("source"),
    Id("donation_id"),
    Id("fund_id"),
    Typed("fund_code"),
    Typed("gl_income"),
    Typed("gl_fee"),
];

impl Head {
    fn read(mut row: Fields<'_>) -> Result<Self, Error> {
        let (id, booked_at, kind, source, donation_id) = (row.needed()?, row.instant()?, row.needed()?, row.needed()?, row.parsed()?);
        let fund_id = row.parsed()?;
        let mut code = || Ok::<_, Error>(row.text()?.unwrap_or_default());
        let codes = [code()?, code()?, code()?];
        row.end()?;
        Ok(Self { id, booked_at, kind, source, donation_id, fund: fund_id.map(|id| (id, codes)) })
    }
}

/// The next transactions.
pub(super) async fn page(db: &impl ConnectionTrait, period: &Period, after: &str, limit: u64) -> Result<Page<Entry>, Error> {
    use donation::Column as D;
    use ledger_transaction::Column as T;
    let (from, until) = period.bounds()?;
    let mut query = ledger_transaction::Entity::find()
        .select_only()
        .columns([T::Id, T::BookedAt, T::Kind, T::Source, T::DonationId])
        .columns([D::FundId, D::FundCode, D::GlIncome, D::GlFee])
        .join(JoinType::LeftJoin, ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(D::Id).into())
        .filter(Condition::all().add_option(from.map(|from| T::BookedAt.gte(from))).add_option(until.map(|until| T::BookedAt.lt(until))));
    if let Some((at, id)) = read_place::<i64>(after)? {
        query = query.filter(T::BookedAt.gte(at)).filter(Condition::any().add(T::BookedAt.gt(at)).add(T::Id.gt(id)));
    }
    let query = query.order_by_asc(T::BookedAt).order_by_asc(T::Id).limit(limit + 1);
    let found = packed::fetch(db, &query, &HEAD).await?;
    let mut heads = found.rows().map(Head::read).collect::<Result<Vec<_>, Error>>()?;
    drop(found);
    heads.sort_by_key(|head| (head.booked_at, head.id));
    let more = heads.len() as u64 > limit;
    heads.truncate(limit as usize);
    let next = heads.last().filter(|_| more).map(|head| write_place(head.booked_at, head.id));
    let legs = legs_of(db, heads.iter().map(|head| head.id)).await?;
    let own = |head: &Head| &legs[legs.partition_point(|leg| leg.of < head.id)..legs.partition_point(|leg| leg.of <= head.id)];
    let elsewhere = |head: &Head, fund: FundId| head.fund.as_ref().is_none_or(|(own, _)| *own != fund);
    let others = heads.iter().filter(|head| own(head).iter().filter_map(|leg| leg.fund).any(|fund| elsewhere(head, fund)));
    let others = other_funds(db, others.map(|head| head.donation_id).collect()).await?;
    let side = |head: &Head, leg: &Leg| {
        let codes = leg.fund.and_then(|fund| match &head.fund {
            Some((own, codes)) if *own == fund => Some(codes),
            _ => others.get(&(head.donation_id, fund)),
        });
        let [fund_code, gl_income, gl_fee] = codes.cloned().unwrap_or_default();
        let gl_code = match leg.account {
            Account::Donations => gl_income,
            Account::StripeFees => gl_fee,
            _ => String::new(),
        };
        Side { account: leg.account, fund_code, gl_code, money: leg.money }
    };
    let rows = heads.iter().map(|head| Entry {
        day: head.booked_at.with_timezone(&period.zone).date_naive(),
        number: head.id.to_string(),
        narration: format!("{} {}", head.kind, head.source),
        sides: own(head).iter().map(|leg| side(head, leg)).collect(),
    });
    Ok(Page { rows: rows.collect(), next })
}

/// Funds that are not those that the gift was given for: where its money was moved to, as they were then; of what belongs to no gift, as
/// they are.
async fn other_funds(
    db: &impl ConnectionTrait,
    gifts: Vec<Option<DonationId>>,
) -> Result<HashMap<(Option<DonationId>, FundId), Codes>, Error> {
    let mut codes = HashMap::new();
    if gifts.contains(&None) {
        let all = fund::Entity::find().all(db).await?;
        codes.extend(all.into_iter().map(|fund| ((None, fund.id), [fund.code, fund.gl_income, fund.gl_fee])));
    }
    if gifts.iter().any(Option::is_some) {
        let moved = ledger::funds::moved_to(db, gifts.into_iter().flatten()).await?;
        codes.extend(moved.into_iter().map(|to| ((Some(to.donation_id), to.fund_id), [to.fund_code, to.gl_income, to.gl_fee])));
    }
    Ok(codes)
}

/// One side of the transaction `of`.
struct Leg {
    of: i64,
    id: i64,
    account: Account,
    fund: Option<FundId>,
    money: Money,
}

/// The sides of these transactions, by their numbers.
async fn legs_of(db: &impl ConnectionTrait, numbers: impl Iterator<Item = i64> + Clone) -> Result<Vec<Leg>, Error> {
    use ledger_entry::Column as E;
    let query = ledger_entry::Entity::find()
        .select_only()
        .columns([E::TransactionId, E::Id, E::Account, E::AmountMinor, E::Currency, E::FundId])
        .filter(ledger::of_transactions(numbers));
    const COLUMNS: [packed::Column; 6] =
        [Plain("transaction_id"), Plain("id"), Plain("account"), Plain("amount_minor"), Plain("currency"), Id("fund_id")];
    let found = packed::fetch(db, &query, &COLUMNS).await?;
    let mut legs = Vec::new();
    for mut row in found.rows() {
        let (of, id) = (row.needed()?, row.needed()?);
        let (account, minor, currency): (Account, i64, Currency) = (row.needed()?, row.needed()?, row.needed()?);
        let fund = row.parsed()?;
        row.end()?;
        legs.push(Leg { of, id, account, fund, money: Money::new(minor, currency) });
    }
    // By the number of the side within its transaction.
    legs.sort_by_key(|leg| (leg.of, leg.id));
    Ok(legs)
}
