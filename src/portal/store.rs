//! The queries of supporters' own pages.

use crate::{consents, error::Error, mail::topic::Topic, receipts::Snapshot};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    campaign, donation,
    ids::{DonationId, ReceiptId, StatementId, SupporterId},
    portal_link, portal_session, receipt, statement, supporter, wish_item,
    words::{DonationStatus, ReceiptStatus},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use std::collections::HashMap;

/// How many of her last gifts are looked at for what she gave to.
const TOPICS_MAX: u64 = 200;

/// How many receipts are offered to be corrected.
const DIFFERING_MAX: usize = 24;

/// Who has pages of her own with this address (lower case): somebody who gave with it, or gets news at it that she said yes to.
pub(super) async fn supporter_at(db: &impl ConnectionTrait, email: &str) -> Result<Option<supporter::Model>, Error> {
    let Some(found) = supporter::Entity::find().filter(supporter::Column::Email.eq(email)).one(db).await? else { return Ok(None) };
    let gave = !gifts(db, found.id, 1).await?.is_empty();
    Ok(if gave || !consents::in_force_for_supporter(db, found.id).await?.is_empty() { Some(found) } else { None })
}

/// What a supporter gave, newest first.
pub(super) async fn gifts(db: &impl ConnectionTrait, id: SupporterId, most: u64) -> Result<Vec<donation::Model>, DbErr> {
    donation::Entity::find()
        .filter(donation::Column::SupporterId.eq(id))
        .filter(donation::Column::Status.is_in([DonationStatus::Paid, DonationStatus::Processing]))
        .order_by_desc(donation::Column::CreatedAt)
        .order_by_desc(donation::Column::Id)
        .limit(most)
        .all(db)
        .await
}

/// The valid receipts of these donations.
pub(super) async fn receipts(db: &impl ConnectionTrait, ids: Vec<DonationId>) -> Result<HashMap<DonationId, receipt::Model>, DbErr> {
    let found = receipt::Entity::find()
        .filter(receipt::Column::DonationId.is_in(ids))
        .filter(receipt::Column::Status.eq(ReceiptStatus::Issued))
        .all(db)
        .await?;
    Ok(found.into_iter().map(|one| (one.donation_id, one)).collect())
}

/// A receipt, valid or not, of one of her gifts.
pub(super) async fn receipt_of(db: &impl ConnectionTrait, who: SupporterId, id: ReceiptId) -> Result<Option<receipt::Model>, DbErr> {
    let Some(found) = receipt::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let hers = donation::Entity::find_by_id(found.donation_id).filter(donation::Column::SupporterId.eq(who)).one(db).await?;
    Ok(hers.map(|_| found))
}

/// Her valid statements, the newest first. German ones count on signed paper only, so they are not among them.
pub(super) async fn statements(db: &impl ConnectionTrait, who: SupporterId) -> Result<Vec<statement::Model>, DbErr> {
    hers(who).filter(statement::Column::Status.eq(ReceiptStatus::Issued)).order_by_desc(statement::Column::StartsOn).all(db).await
}

/// Whether there is a valid German confirmation of hers, which is sent to her on paper.
pub(super) async fn has_statement_on_paper(db: &impl ConnectionTrait, who: SupporterId) -> Result<bool, DbErr> {
    let german = statement::Entity::find().filter(statement::Column::SupporterId.eq(who)).filter(statement::Column::Profile.eq("de"));
    Ok(german.filter(statement::Column::Status.eq(ReceiptStatus::Issued)).one(db).await?.is_some())
}

/// A statement of hers, valid or not.
pub(super) async fn statement_of(db: &impl ConnectionTrait, who: SupporterId, id: StatementId) -> Result<Option<statement::Model>, DbErr> {
    hers(who).filter(statement::Column::Id.eq(id)).one(db).await
}

fn hers(who: SupporterId) -> Select<statement::Entity> {
    statement::Entity::find().filter(statement::Column::SupporterId.eq(who)).filter(statement::Column::Profile.ne("de"))
}

/// How many links a supporter was sent since then.
pub(super) async fn links_since(db: &impl ConnectionTrait, id: SupporterId, since: DateTime<Utc>) -> Result<u64, DbErr> {
    let theirs = portal_link::Entity::find().filter(portal_link::Column::SupporterId.eq(id));
    theirs.filter(portal_link::Column::CreatedAt.gt(since)).count(db).await
}

/// A link that still holds.
pub(super) async fn link(db: &impl ConnectionTrait, hash: &str, now: DateTime<Utc>) -> Result<Option<portal_link::Model>, DbErr> {
    portal_link::Entity::find_by_id(hash).filter(portal_link::Column::ExpiresAt.gt(now)).one(db).await
}

/// Whose pages a session shows.
pub(super) async fn session(db: &impl ConnectionTrait, hash: &str, now: DateTime<Utc>) -> Result<Option<supporter::Model>, DbErr> {
    let found = portal_session::Entity::find_by_id(hash).filter(portal_session::Column::ExpiresAt.gt(now)).one(db).await?;
    match found {
        Some(session) => supporter::Entity::find_by_id(session.supporter_id).one(db).await,
        None => Ok(None),
    }
}

/// Uses up a link, and with it every other of the same supporter. The answer is whose it was; nobody when it was used or has run out.
/// They stay as rows, because they count against asking too often.
pub(super) async fn use_up(tx: &impl ConnectionTrait, hash: &str, now: DateTime<Utc>) -> Result<Option<SupporterId>, DbErr> {
    let Some(found) = link(tx, hash, now).await? else { return Ok(None) };
    let end = portal_link::Entity::update_many()
        .col_expr(portal_link::Column::ExpiresAt, Expr::value(now))
        .filter(portal_link::Column::ExpiresAt.gt(now));
    // Two who press at once: one of them changes the row.
    if end.clone().filter(portal_link::Column::TokenHash.eq(hash)).exec(tx).await?.rows_affected == 0 {
        return Ok(None);
    }
    end.filter(portal_link::Column::SupporterId.eq(found.supporter_id)).exec(tx).await?;
    Ok(Some(found.supporter_id))
}

/// Ends every session of the supporter whose this is.
pub(super) async fn end_all_of(tx: &impl ConnectionTrait, hash: &str) -> Result<(), DbErr> {
    let Some(one) = portal_session::Entity::find_by_id(hash).one(tx).await? else { return Ok(()) };
    let hers = portal_session::Entity::delete_many().filter(portal_session::Column::SupporterId.eq(one.supporter_id));
    hers.exec(tx).await.map(|_| ())
}

/// Locks a supporter until the transaction ends, so that what is counted of her does not change meanwhile; her address then.
pub(super) async fn lock_supporter(tx: &impl ConnectionTrait, id: SupporterId) -> Result<Option<String>, DbErr> {
    Ok(supporter::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(|who| who.email))
}

/// Ends a session.
pub(super) async fn end_session(tx: &impl ConnectionTrait, hash: &str) -> Result<(), DbErr> {
    portal_session::Entity::delete_by_id(hash).exec(tx).await.map(|_| ())
}

/// Takes away what has ended; links stay an hour longer, because they count against asking too often.
pub(super) async fn delete_ended(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    portal_session::Entity::delete_many().filter(portal_session::Column::ExpiresAt.lte(now)).exec(tx).await?;
    let past = now - TimeDelta::hours(2);
    portal_link::Entity::delete_many().filter(portal_link::Column::CreatedAt.lte(past)).exec(tx).await.map(|_| ())
}

/// What there can be news of for her besides everything: the campaigns and wish items that she gave to, and those that she gets news of.
pub(super) async fn topics_of(db: &impl ConnectionTrait, who: SupporterId, gets: &[String]) -> Result<Vec<(Topic, String)>, DbErr> {
    let gave = gifts(db, who, TOPICS_MAX).await?;
    let asked: Vec<Topic> = gets.iter().filter_map(|topic| topic.parse().ok()).collect();
    let campaigns = gave.iter().filter_map(|gift| gift.campaign_id).chain(asked.iter().filter_map(|topic| match topic {
        Topic::Campaign(id) => Some(*id),
        _ => None,
    }));
    let items = gave.iter().filter_map(|gift| gift.wish_item_id).chain(asked.iter().filter_map(|topic| match topic {
        Topic::Item(id) => Some(*id),
        _ => None,
    }));
    let campaigns = campaign::Entity::find().filter(campaign::Column::Id.is_in(campaigns)).order_by_asc(campaign::Column::Title);
    let items = wish_item::Entity::find().filter(wish_item::Column::Id.is_in(items)).order_by_asc(wish_item::Column::Title);
    let campaigns = campaigns.all(db).await?.into_iter().map(|one| (Topic::Campaign(one.id), one.title));
    let items = items.all(db).await?.into_iter().map(|one| (Topic::Item(one.id), one.title));
    Ok(campaigns.chain(items).collect())
}

/// Valid receipts of hers that say another name or postal address, the newest first.
pub(super) async fn differing_receipts(
    db: &impl ConnectionTrait,
    who: SupporterId,
    name: &str,
    address: &str,
) -> Result<Vec<receipt::Model>, DbErr> {
    let gave = gifts(db, who, TOPICS_MAX).await?;
    let mut issued: Vec<receipt::Model> = receipts(db, gave.iter().map(|gift| gift.id).collect()).await?.into_values().collect();
    issued.sort_by_key(|receipt| std::cmp::Reverse(receipt.issued_at));
    issued.retain(|receipt| {
        let said = serde_json::from_str::<Snapshot>(&receipt.snapshot);
        said.is_ok_and(|said| said.donor_name != name || said.donor_address != address)
    });
    issued.truncate(DIFFERING_MAX);
    Ok(issued)
}
