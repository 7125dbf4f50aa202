//! The ledger's queries.

use super::Posting;
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money, accounting_period,
    ids::{ArticleId, CampaignId, DonationId},
    ledger_entry, ledger_transaction,
    words::{Account, MovementKind, PeriodState},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    RelationDef, Statement, Value,
    sea_query::{Expr, OnConflict, Query, SelectStatement},
};
use std::collections::HashMap;

/// Writes the transaction and its sides, unless its source is there already.
pub(super) async fn insert(tx: &impl ConnectionTrait, posting: &Posting, now: DateTime<Utc>) -> Result<bool, Error> {
    super::periods::hold(tx).await?;
    let head = ledger_transaction::ActiveModel {
        id: NotSet,
        kind: Set(posting.kind),
        source: Set(posting.source.clone()),
        donation_id: Set(posting.donation_id),
        occurred_at: Set(posting.occurred_at),
        posted_at: Set(now),
        stripe_balance_transaction: Set(posting.balance_transaction.clone()),
        reverses_id: Set(posting.reverses_id),
        booked_at: Set(booking_of(tx, posting.occurred_at).await?),
    };
    let quiet = OnConflict::column(ledger_transaction::Column::Source).do_nothing().to_owned();
    if ledger_transaction::Entity::insert(head).on_conflict(quiet).exec_without_returning(tx).await? == 0 {
        return Ok(false);
    }
    let head = ledger_transaction::Entity::find().filter(ledger_transaction::Column::Source.eq(&posting.source)).one(tx).await?;
    let transaction_id = head.ok_or_else(|| Error::Internal(format!("the ledger lost {}", posting.source)))?.id;
    let rows = posting.legs.iter().filter(|leg| leg.amount.minor != 0).map(|leg| ledger_entry::ActiveModel {
        id: NotSet,
        transaction_id: Set(transaction_id),
        account: Set(leg.account),
        amount_minor: Set(leg.amount.minor),
        currency: Set(leg.amount.currency),
        fund_id: Set(leg.purpose.fund_id),
        campaign_id: Set(leg.purpose.campaign_id),
        wish_item_id: Set(leg.purpose.wish_item_id),
        article_id: Set(leg.purpose.article_id),
    });
    ledger_entry::Entity::insert_many(rows).exec_without_returning(tx).await?;
    super::funds::keep(tx, posting).await?;
    Ok(true)
}

/// The moment at which something that happened at `occurred_at` counts: then, or where closed periods begin to be open again.
async fn booking_of(tx: &impl ConnectionTrait, occurred_at: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    use accounting_period::Column;
    let closed = accounting_period::Entity::find()
        .filter(Column::State.eq(PeriodState::Closed))
        .filter(Column::EndsAt.gt(occurred_at))
        .order_by_asc(Column::StartsAt)
        .all(tx)
        .await?;
    let mut at = occurred_at;
    for period in closed {
        if (period.starts_at..period.ends_at).contains(&at) {
            at = period.ends_at;
        }
    }
    Ok(at)
}

/// What one campaign raised in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// The sum of its gifts, before fees.
    pub money: Money,
    /// How many gifts.
    pub gifts: i64,
}

/// The income of campaigns by currency, and how many gifts it is of: the negative sides. All of them are added up where they stand in an index,
/// and what is no gift is taken away afterwards, because that is little: the sides of what came back after all or moved here, and those of gifts of
/// which nothing is left. Only a reversal may have several sides that count once.
const RAISED: &str = "select campaign_id, currency, cast(sum(total) as bigint) as total, cast(sum(gifts) as bigint) as gifts from (
        select campaign_id, currency, cast(sum(amount_minor) as bigint) as total, count(case when amount_minor < 0 then 1 end) as gifts
        from ledger_entry where account = 'donations' and campaign_id in (@campaigns) group by campaign_id, currency
    union all
        select e.campaign_id, e.currency, 0, count(distinct case when t.kind = 'reversal' then t.id end) - count(*)
        from (select id, kind from ledger_transaction
                where kind in ('refund_failure', 'dispute_loss', 'reclassification', 'shortfall', 'reversal')
            union all select t.id, t.kind
                from (select distinct donation_id from ledger_transaction where kind in ('refund', 'dispute_loss', 'reversal')) b
                cross join ledger_transaction t
                where t.donation_id = b.donation_id and t.kind = 'donation' and (select sum(e.amount_minor)
                    from ledger_transaction a cross join ledger_entry e
                    where a.donation_id = b.donation_id and e.transaction_id = a.id and e.account = 'donations') >= 0) t
        cross join ledger_entry e
        where e.transaction_id = t.id and e.account = 'donations' and e.amount_minor < 0 and e.campaign_id in (@campaigns)
        group by e.campaign_id, e.currency) s
    group by campaign_id, currency order by campaign_id, currency";

/// What each campaign raised in each currency: the income that the ledger holds for it. One without gifts has no row.
pub async fn raised(db: &impl ConnectionTrait, campaigns: &[CampaignId]) -> Result<Vec<Raised>, Error> {
    if campaigns.is_empty() {
        return Ok(Vec::new());
    }
    let places = (1..=campaigns.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let values = campaigns.iter().map(|id| Value::from(*id));
    let question = Statement::from_sql_and_values(db.get_database_backend(), RAISED.replace("@campaigns", &places), values);
    let row = |row: QueryResult| {
        let (total, currency) = (row.try_get::<i64>("", "total")?, row.try_get::<Currency>("", "currency")?);
        // Income is a credit, and credits are negative; a debit takes income back.
        let money = Money::new(total, currency).negated()?;
        Ok(Raised { campaign_id: row.try_get("", "campaign_id")?, money, gifts: row.try_get("", "gifts")? })
    };
    db.query_all_raw(question).await?.into_iter().map(row).collect()
}

/// What the gifts that came from an article are worth now, by currency.
pub async fn raised_from(db: &impl ConnectionTrait, article: ArticleId) -> Result<Vec<Money>, Error> {
    use ledger_entry::Column;
    let sum = Expr::col(Column::AmountMinor).sum().cast_as("bigint");
    let rows: Vec<(Currency, i64)> = ledger_entry::Entity::find()
        .select_only()
        .column(Column::Currency)
        .column_as(sum, "total")
        .filter(Column::Account.eq(Account::Donations))
        .filter(Column::ArticleId.eq(article))
        .group_by(Column::Currency)
        .order_by_asc(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter().map(|(currency, total)| Ok(Money::new(total, currency).negated()?)).collect()
}

/// Income in one currency over some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Income {
    /// How many gifts were booked.
    pub gifts: i64,
    /// Their sum before fees, less what went back in the same days; below nothing when more went back than came.
    pub money: Money,
}

/// The income that the ledger booked at or after a moment, by currency.
pub async fn income_since(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<Vec<Income>, Error> {
    use ledger_entry::Column;
    let kind = Expr::col((ledger_transaction::Entity, ledger_transaction::Column::Kind));
    let is_gift = Expr::case(kind.eq(MovementKind::Donation), 1).finally(0);
    let rows: Vec<(Currency, i64, i64)> = ledger_entry::Entity::find()
        .select_only()
        .column(Column::Currency)
        // SUM of a bigint is numeric on PostgreSQL.
        .column_as(Expr::expr(is_gift).sum().cast_as("bigint"), "gifts")
        .column_as(Expr::col((ledger_entry::Entity, Column::AmountMinor)).sum().cast_as("bigint"), "total")
        .join(JoinType::InnerJoin, to_head())
        .filter(ledger_transaction::Column::BookedAt.gte(since))
        .filter(Column::Account.eq(Account::Donations))
        .group_by(Column::Currency)
        .order_by_asc(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    // Income is a credit, and credits are negative.
    rows.into_iter().map(|(currency, gifts, total)| Ok(Income { gifts, money: Money::new(total, currency).negated()? })).collect()
}

/// The transaction with this source and its sides, if it was posted.
pub async fn find_by_source(
    db: &impl ConnectionTrait,
    source: &str,
) -> Result<Option<(ledger_transaction::Model, Vec<ledger_entry::Model>)>, Error> {
    let head = ledger_transaction::Entity::find().filter(ledger_transaction::Column::Source.eq(source)).one(db).await?;
    let Some(head) = head else { return Ok(None) };
    let sides = ledger_entry::Entity::find()
        .filter(ledger_entry::Column::TransactionId.eq(head.id))
        .order_by_asc(ledger_entry::Column::Id)
        .all(db)
        .await?;
    Ok(Some((head, sides)))
}

/// The transactions that were taken back.
pub fn taken_back() -> SelectStatement {
    Query::select()
        .column(ledger_transaction::Column::ReversesId)
        .from(ledger_transaction::Entity)
        .and_where(ledger_transaction::Column::ReversesId.is_not_null())
        .to_owned()
}

/// The transactions of these kinds that a movement of Stripe's balance made and that were not taken back, with their sides.
pub async fn standing_of_movement(
    db: &impl ConnectionTrait,
    movement: &str,
    kinds: &[MovementKind],
) -> Result<Vec<(ledger_transaction::Model, Vec<ledger_entry::Model>)>, Error> {
    use ledger_transaction::Column;
    let heads = ledger_transaction::Entity::find()
        .filter(Column::StripeBalanceTransaction.eq(movement))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::Id.not_in_subquery(taken_back()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let mut standing = Vec::new();
    for head in heads {
        let sides = ledger_entry::Entity::find().filter(ledger_entry::Column::TransactionId.eq(head.id));
        let sides = sides.order_by_asc(ledger_entry::Column::Id).all(db).await?;
        standing.push((head, sides));
    }
    Ok(standing)
}

/// How often a movement of Stripe's balance was posted as this kind.
pub async fn times_posted(db: &impl ConnectionTrait, movement: &str, kind: MovementKind) -> Result<u64, Error> {
    use ledger_transaction::Column;
    let find = ledger_transaction::Entity::find().filter(Column::StripeBalanceTransaction.eq(movement)).filter(Column::Kind.eq(kind));
    Ok(find.count(db).await?)
}

/// The transactions of one donation with their sides, oldest first.
pub async fn entries_of_donation(
    db: &impl ConnectionTrait,
    donation: DonationId,
) -> Result<Vec<(ledger_transaction::Model, Vec<ledger_entry::Model>)>, Error> {
    let heads = ledger_transaction::Entity::find()
        .filter(ledger_transaction::Column::DonationId.eq(donation))
        .order_by_asc(ledger_transaction::Column::Id)
        .all(db)
        .await?;
    let ids: Vec<i64> = heads.iter().map(|h| h.id).collect();
    let mut sides: HashMap<i64, Vec<ledger_entry::Model>> = HashMap::new();
    for side in ledger_entry::Entity::find()
        .filter(ledger_entry::Column::TransactionId.is_in(ids))
        .order_by_asc(ledger_entry::Column::Id)
        .all(db)
        .await?
    {
        sides.entry(side.transaction_id).or_default().push(side);
    }
    Ok(heads.into_iter().map(|head| (head.clone(), sides.remove(&head.id).unwrap_or_default())).collect())
}

/// The entries of these transactions. Numbers that stand close together are asked for as a range, which is quicker and may hold entries of
/// others that stand between; scattered ones by name.
pub fn of_transactions(numbers: impl Iterator<Item = i64> + Clone) -> Expr {
    use ledger_entry::Column::TransactionId;
    match range_of(numbers.clone()) {
        Some((first, last)) => TransactionId.between(first, last),
        None => TransactionId.is_in(numbers),
    }
}

/// The same in SQL as a condition over `column`, with its values, which are numbered from one.
pub fn numbered(column: &str, numbers: impl Iterator<Item = i64> + Clone) -> (String, Vec<Value>) {
    match range_of(numbers.clone()) {
        Some((first, last)) => (format!("{column} between $1 and $2"), vec![first.into(), last.into()]),
        None => {
            let values: Vec<Value> = numbers.map(Value::from).collect();
            let places: Vec<String> = (1..=values.len()).map(|place| format!("${place}")).collect();
            (format!("{column} in ({})", places.join(", ")), values)
        }
    }
}

/// The first and the last of numbers that stand close together.
fn range_of(numbers: impl Iterator<Item = i64> + Clone) -> Option<(i64, i64)> {
    let (first, last) = (numbers.clone().min().unwrap_or(0), numbers.clone().max().unwrap_or(0));
    (last.saturating_sub(first) < 4 * numbers.count() as i64).then_some((first, last))
}

/// What a donation is worth: the income that the ledger holds for it, in its own currency. Zero while it is not paid.
pub async fn worth_of(db: &impl ConnectionTrait, donation: DonationId, currency: Currency) -> Result<Money, Error> {
    use ledger_entry::Column;
    // SUM of a bigint is numeric on PostgreSQL.
    let sum: Option<Option<i64>> = ledger_entry::Entity::find()
        .select_only()
        .column_as(Expr::col((ledger_entry::Entity, Column::AmountMinor)).sum().cast_as("bigint"), "total")
        .join(JoinType::InnerJoin, to_head())
        .filter(ledger_transaction::Column::DonationId.eq(donation))
        .filter(Column::Account.eq(Account::Donations))
        .filter(Column::Currency.eq(currency))
        .into_tuple()
        .one(db)
        .await?;
    Ok(Money::new(sum.flatten().unwrap_or(0), currency).negated()?)
}

/// How often a shortfall of a gift was posted, and what it comes to, in minor units of the gift's currency.
pub(super) async fn posted_shortfall(db: &impl ConnectionTrait, donation: DonationId) -> Result<(usize, i64), Error> {
    let legs = ledger_entry::Entity::find()
        .join(JoinType::InnerJoin, to_head())
        .filter(ledger_transaction::Column::DonationId.eq(donation))
        .filter(ledger_transaction::Column::Kind.eq(MovementKind::Shortfall))
        .filter(ledger_entry::Column::Account.eq(Account::StripeFees))
        .all(db)
        .await?;
    let sum = legs.iter().map(|leg| leg.amount_minor).try_fold(0i64, i64::checked_add).ok_or(entity::MoneyError::Overflow)?;
    let heads: std::collections::BTreeSet<i64> = legs.iter().map(|leg| leg.transaction_id).collect();
    Ok((heads.len(), sum))
}

fn to_head() -> RelationDef {
    ledger_entry::Entity::belongs_to(ledger_transaction::Entity)
        .from(ledger_entry::Column::TransactionId)
        .to(ledger_transaction::Column::Id)
        .into()
}
