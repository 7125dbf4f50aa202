//! The queries of changed promises.

use super::{letters::asked_key, paper::PRINTED};
use crate::{clock::sha256_hex, error::Error, web::pager::PAGE_ROWS};
use chrono::{DateTime, Utc};
use entity::{
    campaign, donation, donation_step, erasure,
    ids::{DonationId, PromiseChoiceId, PromiseId, SupporterId, WishItemId},
    letter, promise, promise_choice, supporter, wish_item, wish_reservation,
    words::{LetterState, PromiseWay, ReservationState, WishKind, WishStatus},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationDef, sea_query::JoinType,
};
use std::collections::{HashMap, HashSet};

/// A promise.
pub async fn promise(db: &impl ConnectionTrait, id: PromiseId) -> Result<Option<promise::Model>, DbErr> {
    promise::Entity::find_by_id(id).one(db).await
}

/// A page of promises, the newest first, beginning after one.
pub async fn promises(db: &impl ConnectionTrait, after: Option<PromiseId>) -> Result<Vec<promise::Model>, DbErr> {
    let mut find = promise::Entity::find();
    if let Some(after) = after {
        find = find.filter(promise::Column::Id.lt(after));
    }
    find.order_by_desc(promise::Column::Id).limit(PAGE_ROWS + 1).all(db).await
}

/// A page of the choices of a promise, beginning after one.
pub async fn choices(
    db: &impl ConnectionTrait,
    promise_id: PromiseId,
    after: Option<PromiseChoiceId>,
) -> Result<Vec<promise_choice::Model>, DbErr> {
    let mut find = promise_choice::Entity::find().filter(promise_choice::Column::PromiseId.eq(promise_id));
    if let Some(after) = after {
        find = find.filter(promise_choice::Column::Id.gt(after));
    }
    find.order_by_asc(promise_choice::Column::Id).limit(PAGE_ROWS + 1).all(db).await
}

/// These donations.
pub async fn gifts(db: &impl ConnectionTrait, ids: &[DonationId]) -> Result<HashMap<DonationId, donation::Model>, DbErr> {
    let found = donation::Entity::find().filter(donation::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    Ok(found.into_iter().map(|donation| (donation.id, donation)).collect())
}

/// Of which of these choices the question did not arrive: the mail server refused it for good, or nothing may be sent there.
pub async fn not_arrived(db: &impl ConnectionTrait, ids: &[PromiseChoiceId]) -> Result<HashSet<PromiseChoiceId>, DbErr> {
    use letter::Column;
    let states = [LetterState::Bounced, LetterState::Dead, LetterState::Suppressed, LetterState::Unknown];
    let keys: HashMap<String, PromiseChoiceId> = ids.iter().map(|id| (asked_key(*id), *id)).collect();
    let find = letter::Entity::find().select_only().column(Column::DedupeKey).filter(Column::DedupeKey.is_in(keys.keys().cloned()));
    // Whoever was erased has no address in her letters either.
    let found: Vec<String> = find.filter(Column::State.is_in(states)).filter(Column::ToAddress.ne("")).into_tuple().all(db).await?;
    Ok(found.iter().filter_map(|key| keys.get(key).copied()).collect())
}

/// Which of these supporters can be asked on paper only: they have no address, and were not erased.
pub async fn without_address(db: &impl ConnectionTrait, ids: Vec<SupporterId>) -> Result<HashSet<SupporterId>, DbErr> {
    use supporter::Column;
    let erased = erasure::Entity::find().select_only().column(erasure::Column::SupporterId);
    let find = supporter::Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids)).filter(Column::Email.eq(""));
    Ok(find.filter(Column::Id.not_in_subquery(erased.into_query())).into_tuple().all(db).await?.into_iter().collect())
}

/// When the question about each of these donations was printed last, since a promise was declared.
pub async fn printed_at(
    db: &impl ConnectionTrait,
    ids: &[DonationId],
    since: DateTime<Utc>,
) -> Result<HashMap<DonationId, DateTime<Utc>>, DbErr> {
    use donation_step::Column;
    let find = donation_step::Entity::find().select_only().columns([Column::DonationId, Column::At]);
    let find = find.filter(Column::DonationId.is_in(ids.iter().copied())).filter(Column::Kind.eq(PRINTED)).filter(Column::At.gte(since));
    let printed: Vec<(DonationId, DateTime<Utc>)> = find.order_by_asc(Column::At).into_tuple().all(db).await?;
    Ok(printed.into_iter().collect())
}

/// A choice.
pub async fn choice(db: &impl ConnectionTrait, id: PromiseChoiceId) -> Result<Option<promise_choice::Model>, DbErr> {
    promise_choice::Entity::find_by_id(id).one(db).await
}

/// A choice, locked until the transaction ends.
pub async fn lock_choice(tx: &DatabaseTransaction, id: PromiseChoiceId) -> Result<Option<promise_choice::Model>, DbErr> {
    promise_choice::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// The choice of a giver's link.
pub async fn choice_by_token(db: &impl ConnectionTrait, token: &str) -> Result<Option<promise_choice::Model>, DbErr> {
    promise_choice::Entity::find().filter(promise_choice::Column::TokenHash.eq(sha256_hex(token))).one(db).await
}

/// Writes a promise and its choices.
pub async fn insert(tx: &DatabaseTransaction, promise: promise::Model, choices: &[promise_choice::Model]) -> Result<(), DbErr> {
    promise::Entity::insert(promise.into_active_model()).exec_without_returning(tx).await?;
    for choice in choices {
        promise_choice::Entity::insert(choice.clone().into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Writes every column of a choice.
pub async fn update(tx: &DatabaseTransaction, choice: promise_choice::Model) -> Result<(), DbErr> {
    choice.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// What is paid of an item, with its gifts, the first one first: what is bought was bought with the first.
pub async fn paid_for(db: &impl ConnectionTrait, item_id: WishItemId) -> Result<Vec<(wish_reservation::Model, donation::Model)>, DbErr> {
    let to_gift: RelationDef =
        wish_reservation::Entity::belongs_to(donation::Entity).from(wish_reservation::Column::DonationId).to(donation::Column::Id).into();
    let rows = wish_reservation::Entity::find()
        .filter(wish_reservation::Column::WishItemId.eq(item_id))
        .filter(wish_reservation::Column::State.eq(ReservationState::Paid))
        .order_by_asc(wish_reservation::Column::CreatedAt)
        .order_by_asc(wish_reservation::Column::Id)
        .join(JoinType::InnerJoin, to_gift)
        .select_also(donation::Entity)
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(held, gift)| gift.map(|gift| (held, gift))).collect())
}

/// Whether a gift waits for a choice already.
pub async fn waits(db: &impl ConnectionTrait, donation_id: DonationId) -> Result<bool, DbErr> {
    let find = promise_choice::Entity::find().filter(promise_choice::Column::DonationId.eq(donation_id));
    Ok(find.filter(promise_choice::Column::CarriedAt.is_null()).one(db).await?.is_some())
}

/// The choices that are to be carried out: chosen before `chosen_before`, or not chosen and overdue at `now`. Those that met trouble wait
/// for a person.
pub async fn due(
    db: &impl ConnectionTrait,
    chosen_before: DateTime<Utc>,
    now: DateTime<Utc>,
    after: Option<PromiseChoiceId>,
    most: u64,
) -> Result<Vec<PromiseChoiceId>, DbErr> {
    use promise_choice::Column;
    let to_promise: RelationDef =
        promise_choice::Entity::belongs_to(promise::Entity).from(Column::PromiseId).to(promise::Column::Id).into();
    let is_due = Condition::any()
        .add(Condition::all().add(Column::Way.ne(PromiseWay::Open)).add(Column::ChosenAt.lte(chosen_before)))
        .add(promise::Column::DecideBy.lte(now));
    let mut find = promise_choice::Entity::find()
        .select_only()
        .column(Column::Id)
        .join(JoinType::InnerJoin, to_promise)
        .filter(Column::CarriedAt.is_null())
        .filter(Column::Trouble.eq(""))
        .filter(is_due);
    if let Some(after) = after {
        find = find.filter(Column::Id.gt(after));
    }
    find.order_by_asc(Column::Id).limit(most).into_tuple().all(db).await
}

/// The priced items in a currency that are asked for, the newest first, with their campaigns.
pub async fn open_items(
    db: &impl ConnectionTrait,
    currency: entity::Currency,
) -> Result<Vec<(wish_item::Model, Option<campaign::Model>)>, Error> {
    use wish_item::Column;
    let to_campaign: RelationDef = wish_item::Entity::belongs_to(campaign::Entity).from(Column::CampaignId).to(campaign::Column::Id).into();
    Ok(wish_item::Entity::find()
        .filter(Column::Status.eq(WishStatus::Open))
        .filter(Column::Kind.eq(WishKind::Priced))
        .filter(Column::Currency.eq(currency))
        .order_by_desc(Column::Id)
        .limit(200)
        .join(JoinType::LeftJoin, to_campaign)
        .select_also(campaign::Entity)
        .all(db)
        .await?)
}
