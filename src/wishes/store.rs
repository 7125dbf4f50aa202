//! Queries for wish items and their reservations.

use crate::{db::has_text, error::Error, web::pager::PAGE_ROWS};
use chrono::{DateTime, Utc};
use entity::{
    campaign, fund,
    ids::{CampaignId, DonationId, SupporterId, WishItemId, WishOrderId},
    promise, promise_choice, wish_item, wish_order, wish_reservation, wish_step,
    words::{OrderState, ReservationState, WishFunding, WishKind, WishStatus, WishStepKind},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationDef, Set,
    sea_query::{Expr, JoinType, LockType},
};
use std::collections::HashMap;

/// How many items a public list shows at most.
const LISTED_MAX: u64 = 200;

/// The items of these ids, in no order.
pub async fn items_by_id(db: &impl ConnectionTrait, ids: &[WishItemId]) -> Result<Vec<wish_item::Model>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    wish_item::Entity::find().filter(wish_item::Column::Id.is_in(ids.iter().copied())).all(db).await
}

/// Whether givers are choosing what becomes of money for this item: what they paid for cannot be bought meanwhile.
pub async fn is_being_chosen(db: &impl ConnectionTrait, id: WishItemId) -> Result<bool, DbErr> {
    let promises = promise::Entity::find().select_only().column(promise::Column::Id).filter(promise::Column::WishItemId.eq(id));
    let open = promise_choice::Entity::find()
        .filter(promise_choice::Column::PromiseId.in_subquery(promises.into_query()))
        .filter(promise_choice::Column::CarriedAt.is_null());
    Ok(open.one(db).await?.is_some())
}

/// How many holds or orders that ran out are ended at once.
const ENDED_MAX: u64 = 500;

/// How many of each item are held (by holds that have not run out) and paid, and how much money for items that many pay for together.
pub async fn taken(
    db: &impl ConnectionTrait,
    ids: &[WishItemId],
    now: DateTime<Utc>,
) -> Result<HashMap<(WishItemId, ReservationState), (i64, i64)>, DbErr> {
    use wish_reservation::Column;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let counts = Column::State.eq(ReservationState::Paid).or(Column::State.eq(ReservationState::Held).and(Column::ExpiresAt.gt(now)));
    // SUM of a bigint is numeric on PostgreSQL.
    let sum = Expr::col(Column::Quantity).sum().cast_as("bigint");
    let money = Expr::col(Column::AmountMinor).sum().cast_as("bigint");
    let rows: Vec<(WishItemId, ReservationState, i64, Option<i64>)> = wish_reservation::Entity::find()
        .select_only()
        .column(Column::WishItemId)
        .column(Column::State)
        .column_as(sum, "total")
        .column_as(money, "money")
        .filter(Column::WishItemId.is_in(ids.iter().copied()))
        .filter(counts)
        .group_by(Column::WishItemId)
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(item, state, total, money)| ((item, state), (total, money.unwrap_or(0)))).collect())
}

/// How many of each item are held by orders that have not run out.
pub async fn ordered(db: &impl ConnectionTrait, ids: &[WishItemId], now: DateTime<Utc>) -> Result<HashMap<WishItemId, i64>, DbErr> {
    use wish_order::Column;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(WishItemId, i64)> = wish_order::Entity::find()
        .select_only()
        .column(Column::WishItemId)
        .column_as(Expr::col(Column::Quantity).sum().cast_as("bigint"), "total")
        .filter(Column::WishItemId.is_in(ids.iter().copied()))
        .filter(Column::State.eq(OrderState::Held))
        .filter(Column::ExpiresAt.gt(now))
        .group_by(Column::WishItemId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// How many of each item are bought and delivered, without what was taken back.
pub async fn done(db: &impl ConnectionTrait, ids: &[WishItemId]) -> Result<HashMap<WishItemId, (i64, i64)>, DbErr> {
    use wish_step::Column;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(WishItemId, WishStepKind, i64)> = wish_step::Entity::find()
        .select_only()
        .column(Column::WishItemId)
        .column(Column::Kind)
        .column_as(Expr::col(Column::Quantity).sum().cast_as("bigint"), "total")
        .filter(Column::WishItemId.is_in(ids.iter().copied()))
        .filter(Column::Kind.is_in([WishStepKind::Bought, WishStepKind::Delivered]))
        .group_by(Column::WishItemId)
        .group_by(Column::Kind)
        .into_tuple()
        .all(db)
        .await?;
    let mut done: HashMap<WishItemId, (i64, i64)> = HashMap::new();
    for (item, kind, total) in rows {
        let of = done.entry(item).or_default();
        if kind == WishStepKind::Bought { of.0 = total } else { of.1 = total }
    }
    Ok(done)
}

/// The numbers of an item's steps that were taken back.
pub async fn undone(db: &impl ConnectionTrait, id: WishItemId) -> Result<Vec<i64>, DbErr> {
    use wish_step::Column;
    let find = wish_step::Entity::find().select_only().column(Column::UndoesId).filter(Column::WishItemId.eq(id));
    Ok(find.filter(Column::UndoesId.is_not_null()).into_tuple::<Option<i64>>().all(db).await?.into_iter().flatten().collect())
}

/// Whether any gift was ever begun for an item, or anything ordered.
pub async fn was_ever_taken(db: &impl ConnectionTrait, id: WishItemId) -> Result<bool, DbErr> {
    let gift = wish_reservation::Entity::find().filter(wish_reservation::Column::WishItemId.eq(id)).one(db).await?;
    let order = wish_order::Entity::find().filter(wish_order::Column::WishItemId.eq(id)).one(db).await?;
    Ok(gift.is_some() || order.is_some())
}

/// The donations whose holds ran out, with the item, in the order in which items are locked.
pub async fn expired_holds(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<(DonationId, WishItemId)>, DbErr> {
    use wish_reservation::Column;
    wish_reservation::Entity::find()
        .select_only()
        .columns([Column::DonationId, Column::WishItemId])
        .filter(Column::State.eq(ReservationState::Held))
        .filter(Column::ExpiresAt.lte(now))
        .order_by_asc(Column::WishItemId)
        .limit(ENDED_MAX)
        .into_tuple()
        .all(db)
        .await
}

/// The orders that ran out, by item.
pub async fn expired_orders(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<WishOrderId>, DbErr> {
    use wish_order::Column;
    let find = wish_order::Entity::find().select_only().column(Column::Id).filter(Column::State.eq(OrderState::Held));
    find.filter(Column::ExpiresAt.lte(now)).order_by_asc(Column::WishItemId).limit(ENDED_MAX).into_tuple().all(db).await
}

/// An order.
pub async fn order(db: &impl ConnectionTrait, id: WishOrderId) -> Result<Option<wish_order::Model>, DbErr> {
    wish_order::Entity::find_by_id(id).one(db).await
}

/// The order that a rendering of the form made.
pub async fn order_by_form(db: &impl ConnectionTrait, form_token: &str) -> Result<Option<wish_order::Model>, DbErr> {
    wish_order::Entity::find().filter(wish_order::Column::FormToken.eq(form_token)).one(db).await
}

/// Writes an order.
pub async fn insert_order(tx: &DatabaseTransaction, order: wish_order::Model) -> Result<(), DbErr> {
    wish_order::Entity::insert(order.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes what became of an order.
pub async fn update_order(tx: &DatabaseTransaction, order: wish_order::Model) -> Result<(), DbErr> {
    order.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// The orders that are over before she whose they are has said whether she wants to hear of it, beginning after one, each with her and its
/// item.
pub async fn unanswered_orders(
    db: &impl ConnectionTrait,
    after: Option<WishOrderId>,
) -> Result<Vec<(WishOrderId, SupporterId, WishItemId)>, DbErr> {
    use wish_order::Column;
    let columns = [Column::Id, Column::SupporterId, Column::WishItemId];
    let mut find = wish_order::Entity::find().select_only().columns(columns).filter(Expr::col(Column::AnswerDue));
    if let Some(after) = after {
        find = find.filter(Column::Id.gt(after));
    }
    find.order_by_asc(Column::Id).limit(ENDED_MAX).into_tuple().all(db).await
}

/// A page of orders, those that wait for staff first in time, or all of one item, the newest first.
pub async fn orders(
    db: &impl ConnectionTrait,
    item_id: Option<WishItemId>,
    state: Option<OrderState>,
    after: Option<WishOrderId>,
) -> Result<Vec<wish_order::Model>, DbErr> {
    use wish_order::Column;
    let mut find = wish_order::Entity::find();
    if let Some(item_id) = item_id {
        find = find.filter(Column::WishItemId.eq(item_id));
    }
    if let Some(state) = state {
        find = find.filter(Column::State.eq(state));
    }
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    find.order_by_desc(Column::Id).limit(PAGE_ROWS + 1).all(db).await
}

/// The item, locked until the transaction ends. SQLite has one writer, so there its lock is the transaction itself. On PostgreSQL the lock
/// is `FOR NO KEY UPDATE`: rows that refer to the item take a share of its key, and that must not stand in the way of the lock, or
/// two gifts for one item would wait for each other.
pub async fn lock_item(tx: &DatabaseTransaction, id: WishItemId) -> Result<Option<wish_item::Model>, Error> {
    Ok(wish_item::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(tx).await?)
}

/// The reservation of a donation.
pub async fn reservation(db: &impl ConnectionTrait, donation_id: DonationId) -> Result<Option<wish_reservation::Model>, Error> {
    Ok(wish_reservation::Entity::find().filter(wish_reservation::Column::DonationId.eq(donation_id)).one(db).await?)
}

/// The reservation of a donation, with its item locked first, as every other writer does.
pub async fn lock_reservation(tx: &DatabaseTransaction, donation_id: DonationId) -> Result<Option<wish_reservation::Model>, Error> {
    let find = wish_reservation::Entity::find().filter(wish_reservation::Column::DonationId.eq(donation_id));
    let Some(seen) = find.clone().one(tx).await? else { return Ok(None) };
    lock_item(tx, seen.wish_item_id).await?;
    Ok(find.one(tx).await?)
}

/// Writes a reservation.
pub async fn insert_reservation(tx: &DatabaseTransaction, reservation: wish_reservation::Model) -> Result<(), Error> {
    wish_reservation::Entity::insert(reservation.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a reservation.
pub async fn update_reservation(tx: &DatabaseTransaction, reservation: wish_reservation::Model) -> Result<(), Error> {
    reservation.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Moves a reservation to another state and writes when it runs out and what it pays.
pub async fn set_reservation(
    tx: &DatabaseTransaction,
    reservation: wish_reservation::Model,
    state: ReservationState,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (expires_at, amount_minor) = (reservation.expires_at, reservation.amount_minor);
    let mut row = reservation.into_active_model();
    row.state = Set(state);
    row.expires_at = Set(expires_at);
    row.amount_minor = Set(amount_minor);
    row.updated_at = Set(now);
    row.update(tx).await?;
    Ok(())
}

/// The item of a slug, whatever its state.
pub async fn item_by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<wish_item::Model>, Error> {
    Ok(wish_item::Entity::find().filter(wish_item::Column::Slug.eq(slug)).one(db).await?)
}

/// The item of an id.
pub async fn item(db: &impl ConnectionTrait, id: WishItemId) -> Result<Option<wish_item::Model>, Error> {
    Ok(wish_item::Entity::find_by_id(id).one(db).await?)
}

/// The items that are asked for, the newest first; of one campaign, or all.
pub async fn open_items(db: &impl ConnectionTrait, campaign_id: Option<CampaignId>) -> Result<Vec<wish_item::Model>, Error> {
    let mut find = wish_item::Entity::find().filter(wish_item::Column::Status.eq(WishStatus::Open));
    if let Some(campaign_id) = campaign_id {
        find = find.filter(wish_item::Column::CampaignId.eq(campaign_id));
    }
    Ok(find.order_by_desc(wish_item::Column::Id).limit(LISTED_MAX).all(db).await?)
}

/// The campaigns of these ids.
pub async fn campaigns_by_id(db: &impl ConnectionTrait, ids: Vec<CampaignId>) -> Result<HashMap<CampaignId, campaign::Model>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = campaign::Entity::find().filter(campaign::Column::Id.is_in(ids)).all(db).await?;
    Ok(found.into_iter().map(|campaign| (campaign.id, campaign)).collect())
}

/// A page of the desk's list: items whose title or slug holds `words`, in a state, the newest first, beginning after an id.
pub async fn search(
    db: &impl ConnectionTrait,
    words: &str,
    status: Option<WishStatus>,
    after: Option<WishItemId>,
) -> Result<Vec<wish_item::Model>, Error> {
    use wish_item::Column;
    let mut find = wish_item::Entity::find();
    if !words.trim().is_empty() {
        let has = |column| has_text(db.get_database_backend(), (wish_item::Entity, column), words);
        find = find.filter(has(Column::Title).or(has(Column::Slug)));
    }
    if let Some(status) = status {
        find = find.filter(Column::Status.eq(status));
    }
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    Ok(find.order_by_desc(Column::Id).limit(PAGE_ROWS + 1).all(db).await?)
}

/// A page of the items that many pay for together and that wait for the rest of their price: asked for, with money, and without a gift
/// since a moment.
pub async fn stalled(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<Vec<WishItemId>, DbErr> {
    use wish_reservation::Column as Held;
    let to_item: RelationDef =
        wish_reservation::Entity::belongs_to(wish_item::Entity).from(Held::WishItemId).to(wish_item::Column::Id).into();
    let own = |column: wish_item::Column| Expr::col((wish_item::Entity, column));
    let goal = own(wish_item::Column::PriceMinor).mul(own(wish_item::Column::Quantity));
    wish_reservation::Entity::find()
        .select_only()
        .column(Held::WishItemId)
        .join(JoinType::InnerJoin, to_item)
        .filter(Held::State.eq(ReservationState::Paid))
        .filter(wish_item::Column::Status.eq(WishStatus::Open))
        .filter(wish_item::Column::Funding.eq(WishFunding::Shared))
        .group_by(Held::WishItemId)
        .group_by(wish_item::Column::PriceMinor)
        .group_by(wish_item::Column::Quantity)
        .having(Expr::col((wish_reservation::Entity, Held::CreatedAt)).max().lt(since))
        .having(Expr::col((wish_reservation::Entity, Held::AmountMinor)).sum().lt(goal))
        .order_by_desc(Held::WishItemId)
        .limit(PAGE_ROWS)
        .into_tuple()
        .all(db)
        .await
}

/// The items that are asked for no more, with gifts that are paid, and of which nobody was asked what becomes of the money since they were asked
/// for last; the newest first.
pub async fn cancelled_with_money(db: &impl ConnectionTrait) -> Result<Vec<wish_item::Model>, DbErr> {
    use wish_item::Column;
    let is_paid_and_not_asked_about = "exists (select 1 from wish_reservation r where r.wish_item_id = wish_item.id and r.state = 'paid')
        and not exists (select 1 from promise q where q.wish_item_id = wish_item.id and not exists (
            select 1 from wish_step s where s.wish_item_id = q.wish_item_id and s.kind = 'reopened' and s.id > q.after_step))
        and not exists (select 1 from promise q join promise_choice c on c.promise_id = q.id
            where q.wish_item_id = wish_item.id and c.carried_at is null)";
    let find = wish_item::Entity::find().filter(Column::Status.eq(WishStatus::Cancelled)).filter(Column::Kind.eq(WishKind::Priced));
    find.filter(Expr::cust(is_paid_and_not_asked_about)).order_by_desc(Column::Id).all(db).await
}

/// Writes a new item.
pub async fn insert_item(tx: &DatabaseTransaction, item: wish_item::Model) -> Result<(), DbErr> {
    wish_item::Entity::insert(item.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of an item that is there.
pub async fn update_item(tx: &DatabaseTransaction, item: wish_item::Model) -> Result<(), DbErr> {
    item.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Whether another item has this slug.
pub async fn is_slug_taken(db: &impl ConnectionTrait, slug: &str, own: Option<WishItemId>) -> Result<bool, Error> {
    Ok(item_by_slug(db, slug).await?.is_some_and(|item| Some(item.id) != own))
}

/// Every campaign that an item may belong to, the newest first.
pub async fn campaigns(db: &impl ConnectionTrait) -> Result<Vec<campaign::Model>, Error> {
    Ok(campaign::Entity::find().order_by_desc(campaign::Column::Id).all(db).await?)
}

/// Every fund, by code.
pub async fn funds(db: &impl ConnectionTrait) -> Result<Vec<fund::Model>, Error> {
    Ok(fund::Entity::find().order_by_asc(fund::Column::Code).all(db).await?)
}
