//! Queries for wish items and their reservations.

use crate::{error::Error, web::pager::PAGE_ROWS};
use chrono::{DateTime, Utc};
use entity::{
    campaign, fund,
    ids::{CampaignId, DonationId, WishItemId},
    wish_item, wish_reservation,
    words::{ReservationState, WishStatus},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Set,
    sea_query::{Expr, Func, IntoColumnRef, LikeExpr, LockType, SimpleExpr},
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

/// How many of each item are held (by holds that have not run out) and paid.
pub async fn taken(
    db: &impl ConnectionTrait,
    ids: &[WishItemId],
    now: DateTime<Utc>,
) -> Result<HashMap<(WishItemId, ReservationState), i64>, DbErr> {
    use wish_reservation::Column;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let counts = Column::State.eq(ReservationState::Paid).or(Column::State.eq(ReservationState::Held).and(Column::ExpiresAt.gt(now)));
    // SUM of a bigint is numeric on PostgreSQL.
    let sum = Expr::col(Column::Quantity).sum().cast_as("bigint");
    let rows: Vec<(WishItemId, ReservationState, i64)> = wish_reservation::Entity::find()
        .select_only()
        .column(Column::WishItemId)
        .column(Column::State)
        .column_as(sum, "total")
        .filter(Column::WishItemId.is_in(ids.iter().copied()))
        .filter(counts)
        .group_by(Column::WishItemId)
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(item, state, total)| ((item, state), total)).collect())
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

/// Moves a reservation to another state and writes when it runs out.
pub async fn set_reservation(
    tx: &DatabaseTransaction,
    reservation: wish_reservation::Model,
    state: ReservationState,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let expires_at = reservation.expires_at;
    let mut row = reservation.into_active_model();
    row.state = Set(state);
    row.expires_at = Set(expires_at);
    row.updated_at = Set(now);
    row.update(tx).await?;
    Ok(())
}

/// Releases the holds that ran out.
pub async fn release_expired(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<u64, DbErr> {
    use wish_reservation::Column;
    let done = wish_reservation::Entity::update_many()
        .col_expr(Column::State, Expr::value(ReservationState::Released))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::State.eq(ReservationState::Held))
        .filter(Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
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
        find =
            find.filter(holds_words((wish_item::Entity, Column::Title), words).or(holds_words((wish_item::Entity, Column::Slug), words)));
    }
    if let Some(status) = status {
        find = find.filter(Column::Status.eq(status));
    }
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    Ok(find.order_by_desc(Column::Id).limit(PAGE_ROWS + 1).all(db).await?)
}

/// Whether a column holds `words`, in any case; `%` and `_` in them mean themselves.
pub fn holds_words(column: impl IntoColumnRef, words: &str) -> SimpleExpr {
    let escaped = words.trim().to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Func::lower(Expr::col(column)).like(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
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
