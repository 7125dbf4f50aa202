//! The queries of Gift Aid.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    donation, gift_aid_claim, gift_aid_declaration, gift_aid_line,
    ids::{DonationId, GiftAidClaimId, GiftAidDeclarationId, SupporterId},
    words::GiftAidClaimState,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use std::collections::{HashMap, HashSet};

/// Supporters with a declaration, in the order of their ids, after one.
pub async fn declarers(db: &impl ConnectionTrait, after: Option<SupporterId>, most: u64) -> Result<Vec<SupporterId>, Error> {
    let mut find = gift_aid_declaration::Entity::find().select_only().column(gift_aid_declaration::Column::SupporterId).distinct();
    if let Some(after) = after {
        find = find.filter(gift_aid_declaration::Column::SupporterId.gt(after));
    }
    Ok(find.order_by_asc(gift_aid_declaration::Column::SupporterId).limit(most).into_tuple().all(db).await?)
}

/// The declarations of these supporters, oldest first.
pub async fn declarations(db: &impl ConnectionTrait, who: &[SupporterId]) -> Result<Vec<gift_aid_declaration::Model>, Error> {
    let of = gift_aid_declaration::Column::SupporterId.is_in(who.iter().copied());
    let all = gift_aid_declaration::Entity::find().filter(of).order_by_asc(gift_aid_declaration::Column::DeclaredAt);
    Ok(all.order_by_asc(gift_aid_declaration::Column::Id).all(db).await?)
}

/// The paid gifts of these supporters before a moment, oldest first.
pub async fn gifts(db: &impl ConnectionTrait, who: &[SupporterId], until: DateTime<Utc>) -> Result<Vec<donation::Model>, Error> {
    let find = donation::Entity::find()
        .filter(donation::Column::SupporterId.is_in(who.iter().copied()))
        .filter(donation::Column::PaidAt.lt(until));
    Ok(find.order_by_asc(donation::Column::PaidAt).order_by_asc(donation::Column::Id).all(db).await?)
}

/// The donations with which these declarations were made and that were paid, whenever that was.
pub async fn paid_of(db: &impl ConnectionTrait, declarations: &[gift_aid_declaration::Model]) -> Result<HashSet<DonationId>, Error> {
    let mut paid = HashSet::new();
    for some in declarations.chunks(500) {
        let found: Vec<DonationId> = donation::Entity::find()
            .select_only()
            .column(donation::Column::Id)
            .filter(donation::Column::Id.is_in(some.iter().map(|declared| declared.donation_id)))
            .filter(donation::Column::PaidAt.is_not_null())
            .into_tuple()
            .all(db)
            .await?;
        paid.extend(found);
    }
    Ok(paid)
}

/// How many pence of each of these gifts are claimed on in claims that were not withdrawn.
pub async fn claimed(db: &impl ConnectionTrait, gifts: &[DonationId]) -> Result<HashMap<DonationId, i64>, Error> {
    let mut all = HashMap::new();
    for some in gifts.chunks(500) {
        let rows: Vec<(DonationId, i64)> = gift_aid_line::Entity::find()
            .select_only()
            .column(gift_aid_line::Column::DonationId)
            .column_as(Expr::col(gift_aid_line::Column::AmountMinor).sum().cast_as("bigint"), "total")
            .filter(gift_aid_line::Column::DonationId.is_in(some.iter().copied()))
            .group_by(gift_aid_line::Column::DonationId)
            .into_tuple()
            .all(db)
            .await?;
        all.extend(rows);
    }
    Ok(all)
}

/// A declaration, locked until the transaction ends.
pub async fn lock_declaration(tx: &DatabaseTransaction, id: GiftAidDeclarationId) -> Result<gift_aid_declaration::Model, Error> {
    gift_aid_declaration::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Error::NotFound)
}

/// The declarations, the newest first, with the gift they were made with, after the one with id `after`.
pub async fn page(
    db: &impl ConnectionTrait,
    after: Option<GiftAidDeclarationId>,
    most: u64,
) -> Result<Vec<(gift_aid_declaration::Model, Option<donation::Model>)>, Error> {
    let mut find = gift_aid_declaration::Entity::find();
    if let Some(after) = after {
        find = find.filter(gift_aid_declaration::Column::Id.lt(after));
    }
    let rows = find.order_by_desc(gift_aid_declaration::Column::Id).limit(most).all(db).await?;
    let gifts = donation::Entity::find().filter(donation::Column::Id.is_in(rows.iter().map(|row| row.donation_id))).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.clone(), gifts.iter().find(|gift| gift.id == row.donation_id).cloned())).collect())
}

/// A claim.
pub async fn find_claim(db: &impl ConnectionTrait, id: GiftAidClaimId) -> Result<gift_aid_claim::Model, Error> {
    gift_aid_claim::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)
}

/// The last claims, the newest first.
pub async fn claims(db: &impl ConnectionTrait, most: u64) -> Result<Vec<gift_aid_claim::Model>, Error> {
    Ok(gift_aid_claim::Entity::find().order_by_desc(gift_aid_claim::Column::Id).limit(most).all(db).await?)
}

/// The claim that was made and not yet sent.
pub async fn made_claim(db: &impl ConnectionTrait) -> Result<Option<gift_aid_claim::Model>, Error> {
    Ok(gift_aid_claim::Entity::find().filter(gift_aid_claim::Column::State.eq(GiftAidClaimState::Made)).one(db).await?)
}

/// The newest claim that was not withdrawn.
pub async fn newest_claim(db: &impl ConnectionTrait) -> Result<Option<gift_aid_claim::Model>, Error> {
    let stands = gift_aid_claim::Column::State.ne(GiftAidClaimState::Withdrawn);
    let newest = gift_aid_claim::Entity::find().filter(stands).order_by_desc(gift_aid_claim::Column::MadeAt);
    Ok(newest.order_by_desc(gift_aid_claim::Column::Id).limit(1).one(db).await?)
}

/// The lines of a claim, in the order of their gifts.
pub async fn lines(db: &impl ConnectionTrait, id: GiftAidClaimId) -> Result<Vec<gift_aid_line::Model>, Error> {
    let of = gift_aid_line::Entity::find().filter(gift_aid_line::Column::ClaimId.eq(id));
    Ok(of.order_by_asc(gift_aid_line::Column::DonationId).all(db).await?)
}

/// How many gifts are claimed on in a claim.
pub async fn count_gifts(db: &impl ConnectionTrait, id: GiftAidClaimId) -> Result<u64, Error> {
    let of = gift_aid_line::Entity::find().filter(gift_aid_line::Column::ClaimId.eq(id));
    Ok(of.filter(gift_aid_line::Column::AmountMinor.gt(0)).count(db).await?)
}

/// Moves a claim that was not sent on to another state; false when it was settled already.
pub async fn settle(
    tx: &DatabaseTransaction,
    id: GiftAidClaimId,
    state: GiftAidClaimState,
    reference: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let settled = gift_aid_claim::Entity::update_many()
        .col_expr(gift_aid_claim::Column::State, Expr::value(state))
        .col_expr(gift_aid_claim::Column::Reference, Expr::value(reference))
        .col_expr(gift_aid_claim::Column::SettledAt, Expr::value(Some(now)))
        .filter(gift_aid_claim::Column::Id.eq(id))
        .filter(gift_aid_claim::Column::State.eq(GiftAidClaimState::Made))
        .exec(tx)
        .await?;
    Ok(settled.rows_affected == 1)
}

/// Locks the lines of a claim that was sent: the database then refuses every change.
pub async fn lock_lines(tx: &DatabaseTransaction, id: GiftAidClaimId) -> Result<(), Error> {
    let of = gift_aid_line::Entity::update_many().col_expr(gift_aid_line::Column::Locked, Expr::value(true));
    of.filter(gift_aid_line::Column::ClaimId.eq(id)).exec(tx).await?;
    Ok(())
}

/// Takes the lines of a withdrawn claim away: their gifts are free again.
pub async fn free_lines(tx: &DatabaseTransaction, id: GiftAidClaimId) -> Result<(), Error> {
    gift_aid_line::Entity::delete_many().filter(gift_aid_line::Column::ClaimId.eq(id)).exec(tx).await?;
    Ok(())
}
