//! The queries of movements and payouts.

use super::{differences, mapping};
use crate::{error::Error, ledger};
use chrono::{DateTime, Utc};
use entity::{
    balance_movement, difference, donation,
    ids::{DonationId, PayoutId},
    ledger_transaction, payout,
    words::{BalanceMapping, DonationStatus, MovementKind, PayoutReconciliation, PayoutState},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, OnConflict, Query, UnionType},
};
use std::collections::HashSet;

use crate::web::pager::PAGE_ROWS;

/// A movement by its id.
pub async fn movement(db: &impl ConnectionTrait, id: &str) -> Result<Option<balance_movement::Model>, Error> {
    Ok(balance_movement::Entity::find_by_id(id).one(db).await?)
}

/// A movement, locked until the transaction ends.
pub async fn lock_movement(tx: &impl ConnectionTrait, id: &str) -> Result<Option<balance_movement::Model>, Error> {
    Ok(balance_movement::Entity::find_by_id(id).lock_exclusive().one(tx).await?)
}

/// Those of these movements that are here.
pub async fn movements(db: &impl ConnectionTrait, ids: &[&str]) -> Result<Vec<balance_movement::Model>, Error> {
    Ok(balance_movement::Entity::find().filter(balance_movement::Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// Writes a movement unless it is there. Returns whether it was new.
pub async fn insert_movement(tx: &impl ConnectionTrait, row: balance_movement::Model) -> Result<bool, Error> {
    let quiet = OnConflict::column(balance_movement::Column::Id).do_nothing().to_owned();
    let written =
        balance_movement::Entity::insert(row.into_active_model().reset_all()).on_conflict(quiet).exec_without_returning(tx).await?;
    Ok(written == 1)
}

/// Says which payout a movement is part of.
pub async fn set_payout(tx: &impl ConnectionTrait, id: &str, payout: &str) -> Result<(), Error> {
    balance_movement::Entity::update_many()
        .col_expr(balance_movement::Column::PayoutId, Expr::value(Some(payout)))
        .filter(balance_movement::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Says which of Stripe's balances a movement changed.
pub async fn set_balance(tx: &impl ConnectionTrait, id: &str, balance: &str) -> Result<(), Error> {
    balance_movement::Entity::update_many()
        .col_expr(balance_movement::Column::Balance, Expr::value(balance))
        .filter(balance_movement::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Says what a movement is to us.
pub async fn set_mapping(tx: &impl ConnectionTrait, id: &str, mapping: BalanceMapping, donation: Option<DonationId>) -> Result<(), Error> {
    balance_movement::Entity::update_many()
        .col_expr(balance_movement::Column::MappedTo, Expr::value(mapping.as_str()))
        .col_expr(balance_movement::Column::DonationId, Expr::value(donation.map(|id| id.0)))
        .filter(balance_movement::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Movements that wait for a person: those that nobody has mapped yet, and those for which a donation has no posting although Stripe was
/// asked about it.
fn left_over() -> Condition {
    use balance_movement::Column as C;
    let not_posted = Query::select()
        .column(difference::Column::ObjectId)
        .from(difference::Entity)
        .and_where(difference::Column::Kind.eq(differences::NOT_POSTED))
        .and_where(difference::Column::SettledAt.is_null())
        .to_owned();
    // Two questions, because an index answers each; together in one condition, all movements would be read.
    let either = Query::select()
        .column(C::Id)
        .from(balance_movement::Entity)
        .and_where(C::MappedTo.eq(BalanceMapping::Unmapped))
        .union(UnionType::Distinct, not_posted)
        .to_owned();
    Condition::all().add(C::Id.in_subquery(either))
}

/// How many movements wait for a person.
pub async fn count_left_over(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(balance_movement::Entity::find().filter(left_over()).count(db).await?)
}

/// A page of movements that wait for a person, in the order of their ids, after the movement `after` of the page before.
pub async fn left_over_page(db: &impl ConnectionTrait, after: Option<&str>) -> Result<Vec<balance_movement::Model>, Error> {
    let after = after.map(|after| balance_movement::Column::Id.gt(after));
    let page = balance_movement::Entity::find().filter(left_over()).filter(Condition::all().add_option(after));
    Ok(page.order_by_asc(balance_movement::Column::Id).limit(PAGE_ROWS + 1).all(db).await?)
}

/// How many movements nobody has mapped yet.
pub async fn count_unmapped(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(balance_movement::Entity::find().filter(balance_movement::Column::MappedTo.eq(BalanceMapping::Unmapped)).count(db).await?)
}

/// Movements of payments that are not paid here, or not yet: of debits under way, and of those that failed since.
pub async fn of_unpaid_gifts(db: &impl ConnectionTrait, most: u64) -> Result<Vec<(String, DonationId)>, Error> {
    use balance_movement::Column as C;
    let unpaid = Query::select()
        .column(donation::Column::Id)
        .from(donation::Entity)
        .and_where(donation::Column::Status.ne(DonationStatus::Paid))
        .to_owned();
    let rows: Vec<(String, Option<DonationId>)> = balance_movement::Entity::find()
        .select_only()
        .columns([C::Id, C::DonationId])
        .filter(C::DonationId.in_subquery(unpaid))
        .filter(C::MappedTo.is_in([BalanceMapping::Gift, BalanceMapping::Refund]))
        .order_by_asc(C::Id)
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(id, donation)| Some((id, donation?))).collect())
}

/// Which of these movements the ledger has, other than as not ours, unknown or held back, or as something that was taken back.
pub async fn posted(db: &impl ConnectionTrait, ids: &[&str]) -> Result<HashSet<String>, Error> {
    use ledger_transaction::Column;
    let rows: Vec<Option<String>> = ledger_transaction::Entity::find()
        .select_only()
        .column(Column::StripeBalanceTransaction)
        .filter(Column::StripeBalanceTransaction.is_in(ids.iter().copied()))
        .filter(Column::Kind.is_not_in([MovementKind::Other, MovementKind::Unmapped, MovementKind::Reversal]))
        .filter(Column::Source.not_like(format!("%:{}%", mapping::HELD_BACK)))
        .filter(Column::Id.not_in_subquery(ledger::taken_back()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

/// A payout by its id.
pub async fn payout(db: &impl ConnectionTrait, id: PayoutId) -> Result<Option<payout::Model>, Error> {
    Ok(payout::Entity::find_by_id(id).one(db).await?)
}

/// A payout by Stripe's id.
pub async fn payout_of_stripe(db: &impl ConnectionTrait, id: &str) -> Result<Option<payout::Model>, Error> {
    Ok(payout::Entity::find().filter(payout::Column::StripePayoutId.eq(id)).one(db).await?)
}

/// The same, locked until the transaction ends.
pub async fn lock_payout(tx: &impl ConnectionTrait, id: &str) -> Result<Option<payout::Model>, Error> {
    Ok(payout::Entity::find().filter(payout::Column::StripePayoutId.eq(id)).lock_exclusive().one(tx).await?)
}

/// Payouts by Stripe's ids.
pub async fn payouts_of_stripe(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<payout::Model>, Error> {
    let found = payout::Entity::find().filter(payout::Column::StripePayoutId.is_in(ids.iter().map(String::as_str)));
    Ok(found.order_by_asc(payout::Column::CreatedAt).all(db).await?)
}

/// Writes a payout unless Stripe's id is there. Returns whether it was new.
pub async fn insert_payout(tx: &impl ConnectionTrait, row: payout::Model) -> Result<bool, Error> {
    let quiet = OnConflict::column(payout::Column::StripePayoutId).do_nothing().to_owned();
    Ok(payout::Entity::insert(row.into_active_model().reset_all()).on_conflict(quiet).exec_without_returning(tx).await? == 1)
}

/// Writes a payout as it is now.
pub async fn update_payout(tx: &impl ConnectionTrait, row: payout::Model) -> Result<(), Error> {
    row.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Payouts whose life is not over or whose parts are not known, made before `before`, the oldest first.
pub async fn unfinished(db: &impl ConnectionTrait, before: DateTime<Utc>, most: u64) -> Result<Vec<payout::Model>, Error> {
    use payout::Column;
    let under_way = Column::State.is_in([PayoutState::Pending, PayoutState::InTransit]);
    let not_itemised = Condition::all()
        .add(Column::Automatic.eq(true))
        .add(Column::ItemisedAt.is_null())
        .add(Column::Reconciliation.ne(PayoutReconciliation::NotApplicable))
        .add(Column::State.is_not_in([PayoutState::Failed, PayoutState::Canceled]));
    Ok(payout::Entity::find()
        .filter(Column::CreatedAt.lt(before))
        .filter(Condition::any().add(under_way).add(not_itemised))
        .order_by_asc(Column::CreatedAt)
        .limit(most)
        .all(db)
        .await?)
}

/// A page of payouts, the newest first, after the payout `after` of the page before.
pub async fn page(db: &impl ConnectionTrait, after: Option<PayoutId>) -> Result<Vec<payout::Model>, Error> {
    use payout::Column as C;
    let mut query = payout::Entity::find().order_by_desc(C::CreatedAt).order_by_desc(C::Id).limit(PAGE_ROWS + 1);
    if let Some(id) = after {
        let last = payout(db, id).await?.ok_or(Error::NotFound)?;
        let older = Condition::all().add(C::CreatedAt.eq(last.created_at)).add(C::Id.lt(last.id));
        query = query.filter(Condition::any().add(C::CreatedAt.lt(last.created_at)).add(older));
    }
    Ok(query.all(db).await?)
}
