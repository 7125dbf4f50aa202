//! Queries of statements.

use super::{profiles::TaxYear, store};
use crate::{clock::start_of_day, error::Error};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    confirmation, dispute, donation, donation_address,
    ids::{DonationId, ReceiptSeriesId, StatementId, SupporterId},
    letter, receipt, statement, supporter,
    words::{DisputeOutcome, ReceiptStatus},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, Query},
};
use std::collections::HashSet;

/// From the first moment of a tax year to the first after it, where the issuer is.
pub fn span(zone: Tz, year: &TaxYear) -> (DateTime<Utc>, DateTime<Utc>) {
    (start_of_day(zone, year.starts_on), start_of_day(zone, year.ends_on + chrono::Days::new(1)))
}

/// The next supporters, in the order of their ids, who gave within a span of time.
pub async fn givers(
    db: &impl ConnectionTrait,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    after: Option<SupporterId>,
    most: u64,
) -> Result<Vec<SupporterId>, Error> {
    use donation::Column as D;
    // One look at each supporter, not at each of her gifts: those of other years are passed over at once.
    let gave = Query::select()
        .expr(Expr::cust("1"))
        .from(donation::Entity)
        .and_where(Expr::col((donation::Entity, D::SupporterId)).equals((supporter::Entity, supporter::Column::Id)))
        .and_where(D::PaidAt.gte(from))
        .and_where(D::PaidAt.lt(until))
        .to_owned();
    let mut find = supporter::Entity::find().select_only().column(supporter::Column::Id).filter(Expr::exists(gave));
    if let Some(after) = after {
        find = find.filter(supporter::Column::Id.gt(after));
    }
    Ok(find.order_by_asc(supporter::Column::Id).limit(most).into_tuple().all(db).await?)
}

/// How many supporters gave within a span of time.
pub async fn count_givers(db: &impl ConnectionTrait, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Result<u64, Error> {
    let counted: Option<i64> = donation::Entity::find()
        .select_only()
        .column_as(Expr::cust("count(distinct supporter_id)"), "n")
        .filter(donation::Column::PaidAt.gte(from))
        .filter(donation::Column::PaidAt.lt(until))
        .into_tuple()
        .one(db)
        .await?;
    Ok(u64::try_from(counted.unwrap_or(0)).unwrap_or(0))
}

/// The gifts of these supporters within a span of time, oldest first.
pub async fn gifts(
    db: &impl ConnectionTrait,
    who: &[SupporterId],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<donation::Model>, Error> {
    let find = donation::Entity::find()
        .filter(donation::Column::SupporterId.is_in(who.iter().copied()))
        .filter(donation::Column::PaidAt.gte(from))
        .filter(donation::Column::PaidAt.lt(until));
    Ok(find.order_by_asc(donation::Column::PaidAt).order_by_asc(donation::Column::Id).all(db).await?)
}

/// The valid receipts of these gifts.
pub async fn receipts(db: &impl ConnectionTrait, gifts: &[DonationId]) -> Result<Vec<receipt::Model>, Error> {
    let mut found = receipt::Entity::find().filter(receipt::Column::DonationId.is_in(gifts.iter().copied())).all(db).await?;
    // Not asked of the database: for many gifts SQLite would begin with the state, which nearly all receipts there are have.
    found.retain(|receipt| receipt.status == ReceiptStatus::Issued);
    Ok(found)
}

/// The postal addresses given with these gifts.
pub async fn addresses(db: &impl ConnectionTrait, gifts: &[DonationId]) -> Result<Vec<donation_address::Model>, Error> {
    Ok(donation_address::Entity::find().filter(donation_address::Column::DonationId.is_in(gifts.iter().copied())).all(db).await?)
}

/// Which of these gifts their payers' banks dispute now: until that is decided nobody can say that they were given.
pub async fn disputed(db: &impl ConnectionTrait, gifts: &[DonationId]) -> Result<HashSet<DonationId>, Error> {
    let mut all = HashSet::new();
    for some in gifts.chunks(500) {
        let open = dispute::Entity::find()
            .select_only()
            .column(dispute::Column::DonationId)
            .filter(dispute::Column::DonationId.is_in(some.iter().copied()))
            .filter(dispute::Column::Outcome.eq(DisputeOutcome::Open));
        all.extend(open.into_tuple::<DonationId>().all(db).await?);
    }
    Ok(all)
}

/// Which of these gifts are on a valid German confirmation.
pub async fn confirmed(db: &impl ConnectionTrait, gifts: &[DonationId]) -> Result<Vec<confirmation::Model>, Error> {
    Ok(confirmation::Entity::find().filter(confirmation::Column::DonationId.is_in(gifts.iter().copied())).all(db).await?)
}

/// These supporters.
pub async fn supporters(db: &impl ConnectionTrait, who: &[SupporterId]) -> Result<Vec<supporter::Model>, Error> {
    Ok(supporter::Entity::find().filter(supporter::Column::Id.is_in(who.iter().copied())).all(db).await?)
}

/// Locks a supporter until the transaction ends, so that two runs at once issue one statement.
pub async fn lock(tx: &DatabaseTransaction, who: SupporterId) -> Result<(), Error> {
    supporter::Entity::find_by_id(who).lock_exclusive().one(tx).await?.map(|_| ()).ok_or(Error::NotFound)
}

/// The valid statements of these supporters for a tax year.
pub async fn statements(db: &impl ConnectionTrait, who: &[SupporterId], year: &TaxYear) -> Result<Vec<statement::Model>, Error> {
    let find = statement::Entity::find()
        .filter(statement::Column::SupporterId.is_in(who.iter().copied()))
        .filter(statement::Column::StartsOn.eq(year.starts_on))
        .filter(statement::Column::Status.eq(ReceiptStatus::Issued));
    Ok(find.all(db).await?)
}

/// What came back of gifts, or is disputed, since a valid statement of their giver was issued; and what was won, or given back in vain, since
/// one was that has ended. `cross join` keeps SQLite from reading all statements: little comes back.
const CAME_BACK: &str = "select distinct s.supporter_id, s.starts_on, d.paid_at
    from ledger_transaction t cross join donation d cross join statement s
    where t.kind in ('refund', 'refund_failure', 'dispute', 'dispute_reversal', 'dispute_loss', 'shortfall', 'reversal')
        and d.id = t.donation_id and d.paid_at is not null and s.supporter_id = d.supporter_id
        and (s.status = 'issued' or (s.status = 'void' and t.kind in ('refund_failure', 'dispute_reversal') and not exists (
            select 1 from statement n where n.supporter_id = s.supporter_id and n.starts_on = s.starts_on and n.status = 'issued')))
        and s.sealed_at is null and t.posted_at >= s.issued_at limit 1000";

/// Supporters of whose gifts something came back since a statement of theirs was issued that is still valid, or something counts again since
/// one was that has ended: the first day of its year, and when the gift was paid.
pub async fn came_back_since(db: &impl ConnectionTrait) -> Result<Vec<(SupporterId, NaiveDate, DateTime<Utc>)>, Error> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), CAME_BACK)).await?;
    rows.into_iter().map(|row| Ok((row.try_get("", "supporter_id")?, row.try_get("", "starts_on")?, row.try_get("", "paid_at")?))).collect()
}

/// A statement by its id.
pub async fn find(db: &impl ConnectionTrait, id: StatementId) -> Result<statement::Model, Error> {
    statement::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)
}

/// The statements of a tax year, the newest first, after the one with id `after` of the page before.
pub async fn page(
    db: &impl ConnectionTrait,
    year: &TaxYear,
    after: Option<StatementId>,
    most: u64,
) -> Result<Vec<(statement::Model, Option<supporter::Model>)>, Error> {
    let mut find = statement::Entity::find().filter(statement::Column::StartsOn.eq(year.starts_on));
    if let Some(after) = after {
        find = find.filter(statement::Column::Id.lt(after));
    }
    let rows = find.order_by_desc(statement::Column::Id).limit(most).all(db).await?;
    let who: Vec<SupporterId> = rows.iter().map(|row| row.supporter_id).collect();
    let people = supporters(db, &who).await?;
    Ok(rows.into_iter().map(|row| (row.clone(), people.iter().find(|person| person.id == row.supporter_id).cloned())).collect())
}

/// What a statement is stored under.
pub(super) struct Number {
    pub series_id: ReceiptSeriesId,
    pub number: i64,
}

/// Writes a statement; a German one takes its gifts, each of which may be on one confirmation only.
pub(super) async fn insert(
    tx: &DatabaseTransaction,
    row: statement::ActiveModel,
    confirms: &[DonationId],
) -> Result<statement::Model, Error> {
    let written = statement::Entity::insert(row).exec_with_returning(tx).await?;
    if !confirms.is_empty() {
        let rows = confirms.iter().map(|gift| confirmation::ActiveModel {
            donation_id: Set(*gift),
            receipt_id: Set(None),
            statement_id: Set(Some(written.id)),
        });
        confirmation::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(written)
}

/// Ends the validity of a statement; its gifts are free for another confirmation, and its letter does not go out any more.
pub(super) async fn end(
    tx: &DatabaseTransaction,
    (id, code): (StatementId, &str),
    status: ReceiptStatus,
    reason: &str,
) -> Result<(), Error> {
    let ended = statement::Entity::update_many()
        .col_expr(statement::Column::Status, Expr::value(status))
        .col_expr(statement::Column::StatusReason, Expr::value(reason))
        .filter(statement::Column::Id.eq(id))
        .filter(statement::Column::Status.eq(ReceiptStatus::Issued))
        .exec(tx)
        .await?;
    if ended.rows_affected != 1 {
        return Err(Error::Conflict("the statement is not valid any more".to_owned()));
    }
    store::keep_letters_in(tx, letter::Column::DedupeKey.eq(format!("statement:{code}"))).await?;
    confirmation::Entity::delete_many().filter(confirmation::Column::StatementId.eq(id)).exec(tx).await?;
    Ok(())
}
