//! The queries of changed promises.

use super::{letters::asked_key, paper::PRINTED};
use crate::{clock::sha256_hex, error::Error, web::pager::PAGE_ROWS};
use chrono::{DateTime, Utc};
use entity::{
    campaign, donation, donation_step, erasure,
    ids::{DonationId, PromiseChoiceId, PromiseId, SupporterId, WishItemId},
    ledger_transaction, letter, promise, promise_choice, supporter, wish_item, wish_reservation, wish_step,
    words::{CancelReason, LetterState, MovementKind, PromiseWay, ReservationState, WishKind, WishStatus, WishStepKind},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, RelationDef, Select,
    sea_query::{Expr, JoinType},
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

/// What is or was held of an item, each with its gift.
type Held = Vec<(wish_reservation::Model, donation::Model)>;

/// What is paid of an item, with its gifts, the first paid one first: what is bought was bought with the first. It does not go by when a
/// checkout began, because a bank debit takes days.
pub async fn paid_for(db: &impl ConnectionTrait, item_id: WishItemId) -> Result<Held, DbErr> {
    let mut paid = with_gifts(db, of_item(item_id, ReservationState::Paid)).await?;
    let steps = paying_steps(db, item_id).await?;
    paid.sort_by_key(|(held, gift)| (steps.get(&gift.id).copied().unwrap_or_default(), held.id));
    Ok(paid)
}

/// Which of these gifts hold nothing of an item: their money came when it was gone, or went back; or which of them hold some of it.
pub async fn of_gifts(
    db: &impl ConnectionTrait,
    item_id: WishItemId,
    state: ReservationState,
    ids: &HashSet<DonationId>,
) -> Result<Held, DbErr> {
    let of_gifts = wish_reservation::Column::DonationId.is_in(ids.iter().copied());
    with_gifts(db, of_item(item_id, state).filter(of_gifts)).await
}

fn of_item(item_id: WishItemId, state: ReservationState) -> Select<wish_reservation::Entity> {
    use wish_reservation::Column;
    wish_reservation::Entity::find().filter(Column::WishItemId.eq(item_id)).filter(Column::State.eq(state)).order_by_asc(Column::Id)
}

async fn with_gifts(db: &impl ConnectionTrait, find: Select<wish_reservation::Entity>) -> Result<Held, DbErr> {
    let to_gift: RelationDef =
        wish_reservation::Entity::belongs_to(donation::Entity).from(wish_reservation::Column::DonationId).to(donation::Column::Id).into();
    let rows = find.join(JoinType::InnerJoin, to_gift).select_also(donation::Entity).all(db).await?;
    Ok(rows.into_iter().filter_map(|(held, gift)| gift.map(|gift| (held, gift))).collect())
}

/// The step by which each gift was paid for an item; the last one, where all of it had gone back or elsewhere in between.
async fn paying_steps(db: &impl ConnectionTrait, item_id: WishItemId) -> Result<HashMap<DonationId, i64>, DbErr> {
    use wish_step::Column;
    let kinds = [WishStepKind::Paid, WishStepKind::PaidLate, WishStepKind::GivenBack];
    let find = wish_step::Entity::find().filter(Column::WishItemId.eq(item_id)).filter(Column::Kind.is_in(kinds));
    let mut paid: HashMap<DonationId, (i64, i64)> = HashMap::new();
    for one in find.order_by_asc(Column::Id).all(db).await? {
        let Some(gift) = one.donation_id else { continue };
        let (step, share) = paid.entry(gift).or_default();
        if *share < 1 {
            *step = one.id;
        }
        let change = one.amount_minor.unwrap_or(one.quantity);
        *share += if one.kind == WishStepKind::GivenBack { -change } else { change };
    }
    Ok(paid.into_iter().map(|(gift, (step, _))| (gift, step)).collect())
}

/// The gifts whose money came after it was declared that their item cannot be bought, and of which nobody was asked about it; of one item,
/// or of all. An item that is asked for, or was since, has none. What became of the money is not looked at here.
pub async fn came_late(db: &impl ConnectionTrait, item_id: Option<WishItemId>) -> Result<Vec<(WishItemId, DonationId)>, DbErr> {
    use promise::Column as P;
    let to_item: RelationDef = promise::Entity::belongs_to(wish_item::Entity).from(P::WishItemId).to(wish_item::Column::Id).into();
    let to_step: RelationDef = promise::Entity::belongs_to(wish_step::Entity).from(P::WishItemId).to(wish_step::Column::WishItemId).into();
    let is_later = Expr::col((wish_step::Entity, wish_step::Column::Id)).gt(Expr::col((promise::Entity, P::AfterStep)));
    let mut find = promise::Entity::find()
        .select_only()
        .columns([wish_step::Column::WishItemId, wish_step::Column::DonationId])
        .distinct()
        .join(JoinType::InnerJoin, to_item)
        .join(JoinType::InnerJoin, to_step)
        .filter(wish_item::Column::Status.eq(WishStatus::Cancelled))
        .filter(wish_step::Column::Kind.is_in([WishStepKind::Paid, WishStepKind::PaidLate, WishStepKind::Missed]))
        .filter(wish_step::Column::DonationId.is_not_null())
        .filter(is_later)
        .filter(Expr::cust(
            "not exists (select 1 from wish_step r
                where r.wish_item_id = promise.wish_item_id and r.kind = 'reopened' and r.id > promise.after_step)
             and not exists (select 1 from promise_choice c join promise q on q.id = c.promise_id
                where c.donation_id = wish_step.donation_id and q.wish_item_id = promise.wish_item_id)",
        ));
    if let Some(item_id) = item_id {
        find = find.filter(P::WishItemId.eq(item_id));
    }
    find.into_tuple().all(db).await
}

/// An item that cannot be bought, and that was not asked for again since that was declared.
const IS_OUT_OF_REACH: &str = "exists (select 1 from promise p join wish_item i on i.id = p.wish_item_id
    where p.wish_item_id = wish_reservation.wish_item_id and i.status = 'cancelled' and not exists (
        select 1 from wish_step s where s.wish_item_id = p.wish_item_id and s.kind = 'reopened' and s.id > p.after_step))";

/// A gift whose giver was told last that her money goes back, and it did not. What failed before an upgrade is settled.
const IS_REFUNDED_IN_VAIN: &str = "wish_reservation.donation_id in (select donation_id from refund where state in ('failed', 'canceled'))
    and exists (select 1 from promise_choice c join promise q on q.id = c.promise_id
    join refund f on f.idempotency_key = c.refund_key and f.donation_id = c.donation_id
    where c.donation_id = wish_reservation.donation_id and q.wish_item_id = wish_reservation.wish_item_id
        and f.state in ('failed', 'canceled')
        and not exists (select 1 from promise_choice l join promise m on m.id = l.promise_id
            where l.donation_id = c.donation_id and m.wish_item_id = q.wish_item_id and l.id > c.id)
        and c.after_entry = 0)";

/// The gifts for an item, or for any, of which something came back after all: a refund failed, whether or not it was ever booked, or a lost
/// dispute was decided otherwise. What became of the money is not looked at here. Where they are to be `asked_anew`, only those whose givers
/// were asked before about an item that cannot be bought, and that was not asked for again since.
pub async fn came_back(
    db: &impl ConnectionTrait,
    item_id: Option<WishItemId>,
    asked_anew: bool,
) -> Result<Vec<(WishItemId, DonationId)>, DbErr> {
    use ledger_transaction::Column as T;
    use wish_reservation::Column as R;
    let to_held: RelationDef =
        ledger_transaction::Entity::belongs_to(wish_reservation::Entity).from(T::DonationId).to(R::DonationId).into();
    let mut find = ledger_transaction::Entity::find()
        .select_only()
        .columns([R::WishItemId, R::DonationId])
        .distinct()
        .join(JoinType::InnerJoin, to_held)
        .filter(T::Kind.is_in([MovementKind::RefundFailure, MovementKind::DisputeLoss]))
        .filter(Expr::cust(
            "exists (select 1 from ledger_entry e
                where e.transaction_id = ledger_transaction.id and e.account = 'donations' and e.amount_minor < 0)",
        ));
    let mut in_vain =
        wish_reservation::Entity::find().select_only().columns([R::WishItemId, R::DonationId]).filter(Expr::cust(IS_REFUNDED_IN_VAIN));
    if asked_anew {
        find = find.filter(Expr::cust(IS_OUT_OF_REACH)).filter(Expr::cust(
            "ledger_transaction.id > (select max(c.after_entry) from promise_choice c join promise q on q.id = c.promise_id
                where c.donation_id = wish_reservation.donation_id and q.wish_item_id = wish_reservation.wish_item_id)",
        ));
        in_vain = in_vain.filter(Expr::cust(IS_OUT_OF_REACH));
    }
    if let Some(item_id) = item_id {
        find = find.filter(R::WishItemId.eq(item_id));
        in_vain = in_vain.filter(R::WishItemId.eq(item_id));
    }
    let mut found: Vec<(WishItemId, DonationId)> = find.into_tuple().all(db).await?;
    found.extend(in_vain.into_tuple::<(WishItemId, DonationId)>().all(db).await?);
    Ok(found)
}

/// The last ledger transaction of a gift that was settled before an upgrade, as far as an item is concerned; 0 where there is none.
pub async fn settled_entry(db: &impl ConnectionTrait, donation_id: DonationId, item_id: WishItemId) -> Result<i64, DbErr> {
    let asked = about(donation_id, item_id).all(db).await?;
    Ok(asked.iter().map(|choice| choice.after_entry).max().unwrap_or(0))
}

/// What the giver of a gift was asked last about an item.
pub async fn last_choice(
    db: &impl ConnectionTrait,
    donation_id: DonationId,
    item_id: WishItemId,
) -> Result<Option<promise_choice::Model>, DbErr> {
    about(donation_id, item_id).order_by_desc(promise_choice::Column::Id).one(db).await
}

/// Whether the giver of a gift was asked about an item before, and it was the last word that her money goes back, or that none was there.
pub async fn came_in_again(db: &impl ConnectionTrait, choice: &promise_choice::Model, item_id: WishItemId) -> Result<bool, DbErr> {
    let before = about(choice.donation_id, item_id).filter(promise_choice::Column::Id.lt(choice.id));
    let before = before.order_by_desc(promise_choice::Column::Id).one(db).await?;
    Ok(before.is_some_and(|before| before.way == PromiseWay::Refund || before.moved_minor == 0))
}

fn about(donation_id: DonationId, item_id: WishItemId) -> Select<promise_choice::Entity> {
    use promise_choice::Column;
    let of_item = promise::Entity::find().select_only().column(promise::Column::Id).filter(promise::Column::WishItemId.eq(item_id));
    let find = promise_choice::Entity::find().filter(Column::DonationId.eq(donation_id));
    find.filter(Column::PromiseId.in_subquery(of_item.into_query()))
}

/// Why an item cannot be bought, as it was declared last.
pub async fn last_reason(db: &impl ConnectionTrait, item_id: WishItemId) -> Result<Option<CancelReason>, DbErr> {
    use promise::Column;
    let find = promise::Entity::find().select_only().column(Column::Reason).filter(Column::WishItemId.eq(item_id));
    find.order_by_desc(Column::Id).into_tuple().one(db).await
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

/// The choices whose money is to be given back by hand, each with its gift, the first one first.
pub async fn to_give_back(db: &impl ConnectionTrait) -> Result<Vec<(promise_choice::Model, donation::Model)>, DbErr> {
    use promise_choice::Column;
    let to_gift: RelationDef =
        promise_choice::Entity::belongs_to(donation::Entity).from(Column::DonationId).to(donation::Column::Id).into();
    let rows = promise_choice::Entity::find()
        .filter(Column::CarriedAt.is_null())
        .filter(Column::Way.eq(PromiseWay::Refund))
        .filter(donation::Column::PaymentIntentId.is_null())
        .order_by_asc(Column::Id)
        .join(JoinType::InnerJoin, to_gift)
        .select_also(donation::Entity)
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|(choice, gift)| gift.map(|gift| (choice, gift))).collect())
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
