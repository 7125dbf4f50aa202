//! The queries of refunds and disputes.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    dispute,
    ids::{DonationId, RefundId, WishItemId},
    ledger_entry, ledger_transaction, refund,
    words::{Account, DisputeOutcome, MovementKind, PromiseWay, RefundState},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

/// The refunds of a donation, oldest first.
pub async fn refunds_of(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<refund::Model>, Error> {
    let all = refund::Entity::find().filter(refund::Column::DonationId.eq(id));
    Ok(all.order_by_asc(refund::Column::CreatedAt).order_by_asc(refund::Column::Id).all(db).await?)
}

/// The disputes of a donation, oldest first.
pub async fn disputes_of(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<dispute::Model>, Error> {
    let all = dispute::Entity::find().filter(dispute::Column::DonationId.eq(id));
    Ok(all.order_by_asc(dispute::Column::OpenedAt).order_by_asc(dispute::Column::Id).all(db).await?)
}

/// Whether a refund or a dispute of a donation is known here.
pub async fn has_any(db: &impl ConnectionTrait, id: DonationId) -> Result<bool, Error> {
    let refund = refund::Entity::find().filter(refund::Column::DonationId.eq(id)).limit(1).one(db).await?;
    if refund.is_some() {
        return Ok(true);
    }
    Ok(dispute::Entity::find().filter(dispute::Column::DonationId.eq(id)).limit(1).one(db).await?.is_some())
}

/// A refund by its id.
pub async fn refund(db: &impl ConnectionTrait, id: RefundId) -> Result<Option<refund::Model>, Error> {
    Ok(refund::Entity::find_by_id(id).one(db).await?)
}

/// The refund that one rendering of the form asked for.
pub async fn refund_by_key(db: &impl ConnectionTrait, key: &str) -> Result<Option<refund::Model>, Error> {
    Ok(refund::Entity::find().filter(refund::Column::IdempotencyKey.eq(key)).one(db).await?)
}

/// A refund by Stripe's id.
pub async fn refund_by_stripe_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<refund::Model>, Error> {
    Ok(refund::Entity::find().filter(refund::Column::StripeRefundId.eq(id)).one(db).await?)
}

/// A dispute by Stripe's id.
pub async fn dispute_by_stripe_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<dispute::Model>, Error> {
    Ok(dispute::Entity::find().filter(dispute::Column::StripeDisputeId.eq(id)).one(db).await?)
}

/// Writes a new refund.
pub async fn insert_refund(tx: &DatabaseTransaction, row: refund::Model) -> Result<(), Error> {
    refund::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a refund that is there.
pub async fn update_refund(tx: &DatabaseTransaction, row: refund::Model) -> Result<(), Error> {
    refund::Entity::update(row.into_active_model().reset_all()).exec(tx).await?;
    Ok(())
}

/// Writes a new dispute.
pub async fn insert_dispute(tx: &DatabaseTransaction, row: dispute::Model) -> Result<(), Error> {
    dispute::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a dispute that is there.
pub async fn update_dispute(tx: &DatabaseTransaction, row: dispute::Model) -> Result<(), Error> {
    dispute::Entity::update(row.into_active_model().reset_all()).exec(tx).await?;
    Ok(())
}

/// Whether a refund of a donation is under way: it can still fail.
pub async fn is_refund_under_way(db: &impl ConnectionTrait, id: DonationId) -> Result<bool, Error> {
    Ok(refunds_of(db, id).await?.iter().any(|refund| matches!(refund.state, RefundState::Asked | RefundState::Pending)))
}

/// Whether money of a donation may be about to go back: a refund is under way, or a bank has not decided yet.
pub async fn may_go_back(db: &impl ConnectionTrait, id: DonationId) -> Result<bool, Error> {
    let is_open = |dispute: &dispute::Model| {
        dispute.outcome == DisputeOutcome::Open || (dispute.outcome == DisputeOutcome::Inquiry && dispute.closed_at.is_none())
    };
    Ok(disputes_of(db, id).await?.iter().any(is_open) || is_refund_under_way(db, id).await?)
}

/// The wish item that could not be bought, where the giver of a donation asked for her money back: what goes back is taken from there.
pub async fn item_asked_back(db: &impl ConnectionTrait, id: DonationId) -> Result<Option<WishItemId>, Error> {
    use entity::{promise, promise_choice};
    let to_promise: sea_orm::RelationDef =
        promise_choice::Entity::belongs_to(promise::Entity).from(promise_choice::Column::PromiseId).to(promise::Column::Id).into();
    let chosen = promise_choice::Entity::find()
        .select_only()
        .column(promise::Column::WishItemId)
        .join(sea_orm::JoinType::InnerJoin, to_promise)
        .filter(promise_choice::Column::DonationId.eq(id))
        .filter(promise_choice::Column::Way.eq(PromiseWay::Refund))
        .order_by_desc(promise_choice::Column::Id);
    Ok(chosen.into_tuple().one(db).await?)
}

/// Donations with a refund that is under way since before `before`, or a dispute that is not decided: their events may have been lost.
pub async fn unfinished(db: &impl ConnectionTrait, before: DateTime<Utc>, most: u64) -> Result<Vec<DonationId>, Error> {
    use sea_orm::Condition;
    let mut ids: Vec<DonationId> = refund::Entity::find()
        .select_only()
        .column(refund::Column::DonationId)
        .filter(refund::Column::State.is_in([RefundState::Asked, RefundState::Pending]))
        .filter(refund::Column::CreatedAt.lte(before))
        .order_by_asc(refund::Column::UpdatedAt)
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    let undecided = Condition::any()
        .add(dispute::Column::Outcome.eq(DisputeOutcome::Open))
        .add(Condition::all().add(dispute::Column::Outcome.eq(DisputeOutcome::Inquiry)).add(dispute::Column::ClosedAt.is_null()));
    let disputed: Vec<DonationId> = dispute::Entity::find()
        .select_only()
        .column(dispute::Column::DonationId)
        .filter(undecided)
        .order_by_asc(dispute::Column::UpdatedAt)
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    ids.extend(disputed);
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The balance transactions of refunds and disputes that the ledger holds for a donation. A payment that its bank took back is none of
/// them, although it lowers the income as a refund does.
pub async fn posted_movements(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<String>, Error> {
    use ledger_transaction::Column;
    let kinds = [MovementKind::Refund, MovementKind::RefundFailure, MovementKind::Dispute, MovementKind::DisputeReversal];
    let posted: Vec<Option<String>> = ledger_transaction::Entity::find()
        .select_only()
        .column(Column::StripeBalanceTransaction)
        .filter(Column::DonationId.eq(id))
        .filter(Column::Kind.is_in(kinds))
        .filter(Column::Source.not_like("%:charge_failure"))
        .into_tuple()
        .all(db)
        .await?;
    Ok(posted.into_iter().flatten().collect())
}

/// How often the loss of a dispute was posted, and what it comes to: income taken, cost, disputed money given up, in minor units.
pub async fn posted_loss(db: &impl ConnectionTrait, source: &str) -> Result<(usize, [i64; 3]), Error> {
    use ledger_transaction::Column;
    let heads = ledger_transaction::Entity::find()
        .filter(Column::Kind.eq(MovementKind::DisputeLoss))
        .filter(Column::Source.eq(source).or(Column::Source.starts_with(format!("{source}:"))))
        .all(db)
        .await?;
    let ids: Vec<i64> = heads.iter().map(|head| head.id).collect();
    let mut sums = [0i64; 3];
    for leg in ledger_entry::Entity::find().filter(ledger_entry::Column::TransactionId.is_in(ids)).all(db).await? {
        let (place, minor) = match leg.account {
            Account::Donations => (0, Some(leg.amount_minor)),
            Account::StripeFees => (1, Some(leg.amount_minor)),
            Account::Disputed => (2, leg.amount_minor.checked_neg()),
            _ => continue,
        };
        sums[place] = minor.and_then(|minor| minor.checked_add(sums[place])).ok_or(entity::MoneyError::Overflow)?;
    }
    Ok((heads.len(), sums))
}

/// How much of a donation's income refunds took back that did not fail, in minor units.
pub async fn refunds_booked(db: &impl ConnectionTrait, id: DonationId) -> Result<i64, Error> {
    use sea_orm::{JoinType, RelationDef, sea_query::Expr};
    let to_head: RelationDef = ledger_entry::Entity::belongs_to(ledger_transaction::Entity)
        .from(ledger_entry::Column::TransactionId)
        .to(ledger_transaction::Column::Id)
        .into();
    let sum: Option<Option<i64>> = ledger_entry::Entity::find()
        .select_only()
        .column_as(Expr::col((ledger_entry::Entity, ledger_entry::Column::AmountMinor)).sum().cast_as("bigint"), "total")
        .join(JoinType::InnerJoin, to_head)
        .filter(ledger_transaction::Column::DonationId.eq(id))
        .filter(ledger_transaction::Column::Kind.is_in([MovementKind::Refund, MovementKind::RefundFailure]))
        .filter(ledger_entry::Column::Account.eq(Account::Donations))
        .into_tuple()
        .one(db)
        .await?;
    Ok(sum.flatten().unwrap_or(0))
}
