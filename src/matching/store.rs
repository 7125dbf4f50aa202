//! Queries for matching pots.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Currency, donation_step,
    ids::{CampaignId, DonationId, MatchPotId, StaffId},
    ledger_entry, ledger_transaction, match_hold, match_payment, match_pot, match_step,
    words::{Account, MatchPotStatus, MatchState, MatchStepKind},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
    sea_query::{Expr, LockType},
};
use std::collections::HashMap;

/// How many holds that ran out are freed in one transaction.
const FREED_MAX: u64 = 500;

/// How many donations are asked for in one question.
const AT_ONCE: usize = 500;

/// A pot by its id.
pub async fn pot(db: &impl ConnectionTrait, id: MatchPotId) -> Result<Option<match_pot::Model>, DbErr> {
    match_pot::Entity::find_by_id(id).one(db).await
}

/// A campaign's pots, in the order in which they are used up.
pub async fn pots_of_campaign(db: &impl ConnectionTrait, id: CampaignId) -> Result<Vec<match_pot::Model>, DbErr> {
    use match_pot::Column;
    let find = match_pot::Entity::find().filter(Column::CampaignId.eq(id));
    find.order_by_asc(Column::Position).order_by_asc(Column::Id).all(db).await
}

/// The pots of these campaigns.
pub async fn pots_of_campaigns(db: &impl ConnectionTrait, ids: &[CampaignId]) -> Result<Vec<match_pot::Model>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    match_pot::Entity::find().filter(match_pot::Column::CampaignId.is_in(ids.iter().copied())).all(db).await
}

/// A page of all pots, the newest first, in a state, beginning after an id.
pub async fn search(
    db: &impl ConnectionTrait,
    status: Option<MatchPotStatus>,
    after: Option<MatchPotId>,
    most: u64,
) -> Result<Vec<match_pot::Model>, DbErr> {
    use match_pot::Column;
    let mut find = match_pot::Entity::find();
    if let Some(status) = status {
        find = find.filter(Column::Status.eq(status));
    }
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    find.order_by_desc(Column::Id).limit(most).all(db).await
}

/// A campaign's open pots, locked until the transaction ends, in the order of their ids. `FOR NO KEY UPDATE`, because holds refer to them.
pub(super) async fn lock_open(tx: &DatabaseTransaction, campaign: CampaignId) -> Result<Vec<match_pot::Model>, DbErr> {
    use match_pot::Column;
    let find = match_pot::Entity::find().filter(Column::CampaignId.eq(campaign)).filter(Column::Status.eq(MatchPotStatus::Open));
    find.order_by_asc(Column::Id).lock(LockType::NoKeyUpdate).all(tx).await
}

/// These pots, locked until the transaction ends, in the order of their ids.
pub(super) async fn lock_pots(tx: &DatabaseTransaction, ids: &[MatchPotId]) -> Result<Vec<match_pot::Model>, DbErr> {
    let find = match_pot::Entity::find().filter(match_pot::Column::Id.is_in(ids.iter().copied()));
    find.order_by_asc(match_pot::Column::Id).lock(LockType::NoKeyUpdate).all(tx).await
}

/// A pot, locked until the transaction ends.
pub(super) async fn lock_pot(tx: &DatabaseTransaction, id: MatchPotId) -> Result<match_pot::Model, Error> {
    lock_pots(tx, &[id]).await?.pop().ok_or(Error::NotFound)
}

/// What a donation has of pots, in their order.
pub async fn holds_of_donation(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<match_hold::Model>, DbErr> {
    let find = match_hold::Entity::find().filter(match_hold::Column::DonationId.eq(id));
    find.order_by_asc(match_hold::Column::Position).all(db).await
}

/// A pot's holds that ran out at `now` and are not freed yet.
pub(super) async fn ran_out_of(tx: &DatabaseTransaction, pot: MatchPotId, now: DateTime<Utc>) -> Result<Vec<match_hold::Model>, DbErr> {
    use match_hold::Column;
    let find = match_hold::Entity::find().filter(Column::MatchPotId.eq(pot)).filter(Column::State.eq(MatchState::Held));
    find.filter(Column::ExpiresAt.lte(now)).order_by_asc(Column::ExpiresAt).limit(FREED_MAX).all(tx).await
}

/// The pots that have holds which ran out.
pub(super) async fn with_ran_out(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<MatchPotId>, DbErr> {
    use match_hold::Column;
    let find = match_hold::Entity::find().select_only().column(Column::MatchPotId).distinct();
    find.filter(Column::State.eq(MatchState::Held)).filter(Column::ExpiresAt.lte(now)).into_tuple().all(db).await
}

/// How much of each pot is held by what ran out and is not freed yet.
pub(super) async fn ran_out(db: &impl ConnectionTrait, pots: &[MatchPotId], now: DateTime<Utc>) -> Result<HashMap<MatchPotId, i64>, DbErr> {
    use match_hold::Column;
    let rows: Vec<(MatchPotId, i64)> = match_hold::Entity::find()
        .select_only()
        .column(Column::MatchPotId)
        // SUM of a bigint is numeric on PostgreSQL.
        .column_as(Expr::col(Column::Minor).sum().cast_as("bigint"), "total")
        .filter(Column::MatchPotId.is_in(pots.iter().copied()))
        .filter(Column::State.eq(MatchState::Held))
        .filter(Column::ExpiresAt.lte(now))
        .group_by(Column::MatchPotId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// What the holds of a pot add up to: held, confirmed.
pub(super) async fn sums_of(db: &impl ConnectionTrait, pot: MatchPotId) -> Result<(i64, i64), DbErr> {
    use match_hold::Column;
    let rows: Vec<(MatchState, i64)> = match_hold::Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Expr::col(Column::Minor).sum().cast_as("bigint"), "total")
        .filter(Column::MatchPotId.eq(pot))
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?;
    let of = |state| rows.iter().find(|(of, _)| *of == state).map_or(0, |(_, total)| *total);
    Ok((of(MatchState::Held), of(MatchState::Confirmed)))
}

/// Writes a new pot.
pub(super) async fn insert_pot(tx: &DatabaseTransaction, pot: match_pot::Model) -> Result<(), DbErr> {
    match_pot::Entity::insert(pot.into_active_model()).exec_without_returning(tx).await.map(|_| ())
}

/// Writes every column of a pot that is there and locked.
pub(super) async fn update_pot(tx: &DatabaseTransaction, pot: &match_pot::Model) -> Result<(), DbErr> {
    pot.clone().into_active_model().reset_all().update(tx).await.map(|_| ())
}

/// Writes a new hold.
pub(super) async fn insert_hold(tx: &DatabaseTransaction, hold: match_hold::Model) -> Result<(), DbErr> {
    match_hold::Entity::insert(hold.into_active_model()).exec_without_returning(tx).await.map(|_| ())
}

/// Writes every column of a hold that is there.
pub(super) async fn update_hold(tx: &DatabaseTransaction, hold: &match_hold::Model) -> Result<(), DbErr> {
    hold.clone().into_active_model().reset_all().update(tx).await.map(|_| ())
}

/// A step to be written.
pub(super) struct NewStep<'a> {
    pub pot: MatchPotId,
    pub kind: MatchStepKind,
    pub change: i64,
    pub donation_id: Option<DonationId>,
    pub staff_id: Option<StaffId>,
    pub actor: &'a str,
    pub note: &'a str,
}

/// Writes a step, in the transaction of what it tells.
pub(super) async fn note(tx: &DatabaseTransaction, step: NewStep<'_>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = match_step::ActiveModel {
        id: NotSet,
        match_pot_id: Set(step.pot),
        at: Set(now),
        kind: Set(step.kind),
        change_minor: Set(step.change),
        donation_id: Set(step.donation_id),
        staff_id: Set(step.staff_id),
        actor: Set(step.actor.to_owned()),
        note: Set(step.note.to_owned()),
    };
    match_step::Entity::insert(row).exec_without_returning(tx).await.map(|_| ())
}

/// Writes into a donation's own story.
pub(super) async fn tell(tx: &DatabaseTransaction, id: DonationId, kind: &str, detail: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = donation_step::ActiveModel {
        id: NotSet,
        donation_id: Set(id),
        at: Set(now),
        kind: Set(kind.to_owned()),
        detail: Set(detail.to_owned()),
    };
    donation_step::Entity::insert(row).exec_without_returning(tx).await.map(|_| ())
}

/// A page of a pot's steps, the newest first, beginning after one.
pub async fn steps(db: &impl ConnectionTrait, pot: MatchPotId, after: Option<i64>, most: u64) -> Result<Vec<match_step::Model>, DbErr> {
    use match_step::Column;
    let mut find = match_step::Entity::find().filter(Column::MatchPotId.eq(pot));
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    find.order_by_desc(Column::Id).limit(most).all(db).await
}

/// The sponsor's payments of these pots that count.
pub async fn payments(db: &impl ConnectionTrait, pots: &[MatchPotId]) -> Result<Vec<match_payment::Model>, DbErr> {
    use match_payment::Column;
    if pots.is_empty() {
        return Ok(Vec::new());
    }
    let find = match_payment::Entity::find().filter(Column::MatchPotId.is_in(pots.iter().copied())).filter(Column::UnlinkedAt.is_null());
    find.order_by_asc(Column::Id).all(db).await
}

/// The pot that a donation pays as its sponsor.
pub async fn payment_by(db: &impl ConnectionTrait, donation: DonationId) -> Result<Option<match_payment::Model>, DbErr> {
    use match_payment::Column;
    match_payment::Entity::find().filter(Column::DonationId.eq(donation)).filter(Column::UnlinkedAt.is_null()).one(db).await
}

/// What the ledger holds of a donation for a campaign.
pub(super) async fn income_for(
    db: &impl ConnectionTrait,
    donation: DonationId,
    campaign: CampaignId,
    currency: Currency,
) -> Result<i64, Error> {
    Ok(incomes_for(db, &[donation]).await?.get(&(donation, campaign, currency)).copied().unwrap_or(0))
}

/// What the ledger holds of these donations for each campaign, in each currency.
pub(super) async fn incomes_for(
    db: &impl ConnectionTrait,
    donations: &[DonationId],
) -> Result<HashMap<(DonationId, CampaignId, Currency), i64>, Error> {
    use ledger_entry::Column as E;
    use ledger_transaction::Column as T;
    let head: RelationDef = ledger_entry::Entity::belongs_to(ledger_transaction::Entity).from(E::TransactionId).to(T::Id).into();
    let mut incomes = HashMap::new();
    for some in donations.chunks(AT_ONCE) {
        let rows: Vec<(DonationId, CampaignId, Currency, i64)> = ledger_entry::Entity::find()
            .select_only()
            .column(T::DonationId)
            .column(E::CampaignId)
            .column(E::Currency)
            .column_as(Expr::col((ledger_entry::Entity, E::AmountMinor)).sum().cast_as("bigint"), "total")
            .join(JoinType::InnerJoin, head.clone())
            .filter(T::DonationId.is_in(some.iter().copied()))
            .filter(E::Account.eq(Account::Donations))
            .filter(E::CampaignId.is_not_null())
            .group_by(T::DonationId)
            .group_by(E::CampaignId)
            .group_by(E::Currency)
            .into_tuple()
            .all(db)
            .await?;
        for (donation, campaign, currency, total) in rows {
            // Income is a credit, and credits are negative.
            incomes.insert((donation, campaign, currency), total.checked_neg().ok_or(entity::MoneyError::Overflow)?);
        }
    }
    Ok(incomes)
}
