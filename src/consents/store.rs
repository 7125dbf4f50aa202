//! The queries of consents.

use crate::{
    error::Error,
    mail::{retry::NEVER, topic::Topic},
};
use chrono::{DateTime, Utc};
use entity::{
    ids::{SubscriptionId, SupporterId},
    letter, subscription, supporter, suppression,
    words::LetterState,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, JoinType, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationDef, Select,
    sea_query::{Expr, ExprTrait},
};

pub(super) async fn add(tx: &impl ConnectionTrait, row: subscription::Model) -> Result<(), Error> {
    subscription::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn by_token(db: &impl ConnectionTrait, hash: &str) -> Result<Option<subscription::Model>, Error> {
    Ok(subscription::Entity::find().filter(subscription::Column::TokenHash.eq(hash)).one(db).await?)
}

/// What a supporter asked for and has not ended, confirmed or not.
pub async fn in_force(db: &impl ConnectionTrait, id: SupporterId, topic: Topic) -> Result<Option<subscription::Model>, Error> {
    let hers =
        subscription::Entity::find().filter(subscription::Column::SupporterId.eq(id)).filter(subscription::Column::EndedAt.is_null());
    Ok(hers.filter(subscription::Column::Topic.eq(topic.to_string())).one(db).await?)
}

/// What a supporter gets news of, confirmed and not ended, for her own pages.
pub async fn in_force_for_supporter(db: &impl ConnectionTrait, id: SupporterId) -> Result<Vec<subscription::Model>, Error> {
    Ok(subscription::Entity::find()
        .filter(subscription::Column::SupporterId.eq(id))
        .filter(subscription::Column::EndedAt.is_null())
        .filter(subscription::Column::ConfirmedAt.is_not_null())
        .order_by_asc(subscription::Column::RequestedAt)
        .all(db)
        .await?)
}

/// Everything an address ever asked for, the newest first.
pub(super) async fn of_address(db: &impl ConnectionTrait, hash: &str) -> Result<Vec<subscription::Model>, Error> {
    Ok(subscription::Entity::find()
        .filter(subscription::Column::AddressHash.eq(hash))
        .order_by_desc(subscription::Column::RequestedAt)
        .order_by_desc(subscription::Column::Id)
        .all(db)
        .await?)
}

/// Whether an address was asked for confirmation, of whatever, and can still give it.
pub(super) async fn has_open_question(db: &impl ConnectionTrait, hash: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let open = subscription::Entity::find()
        .filter(subscription::Column::AddressHash.eq(hash))
        .filter(subscription::Column::ExpiresAt.gt(now))
        .filter(subscription::Column::EndedAt.is_null())
        .filter(subscription::Column::ConfirmedAt.is_null());
    Ok(open.count(db).await? > 0)
}

/// How often an address was asked for confirmation since then, and has not given it.
pub(super) async fn asked_since(db: &impl ConnectionTrait, hash: &str, since: DateTime<Utc>) -> Result<u64, Error> {
    Ok(subscription::Entity::find()
        .filter(subscription::Column::AddressHash.eq(hash))
        .filter(subscription::Column::RequestedAt.gt(since))
        .filter(subscription::Column::ConfirmedAt.is_null())
        .count(db)
        .await?)
}

pub(super) async fn confirm(tx: &impl ConnectionTrait, id: SubscriptionId, now: DateTime<Utc>) -> Result<(), Error> {
    set(tx, id, &[(subscription::Column::ConfirmedAt, Expr::value(now))]).await
}

pub(super) async fn end(tx: &impl ConnectionTrait, id: SubscriptionId, by: &str, now: DateTime<Utc>) -> Result<(), Error> {
    set(tx, id, &[(subscription::Column::EndedAt, Expr::value(now)), (subscription::Column::EndedBy, Expr::value(by))]).await
}

/// Keeps the letters that a supporter's wish for news of a topic brought about, and that wait, from leaving.
pub(super) async fn hold_letters(tx: &impl ConnectionTrait, id: SupporterId, topic: Topic) -> Result<(), Error> {
    let Some(who) = supporter::Entity::find_by_id(id).one(tx).await? else { return Ok(()) };
    letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Suppressed))
        .col_expr(letter::Column::NextAt, Expr::value(NEVER))
        .col_expr(letter::Column::LastReply, Expr::value("she wants no such letters"))
        .filter(letter::Column::ToAddress.eq(who.email))
        .filter(letter::Column::Topic.eq(topic.to_string()))
        .filter(letter::Column::State.is_in([LetterState::Queued, LetterState::Deferred]))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn go_on(tx: &impl ConnectionTrait, id: SubscriptionId) -> Result<(), Error> {
    let never = Expr::value(None::<DateTime<Utc>>);
    set(tx, id, &[(subscription::Column::EndedAt, never), (subscription::Column::EndedBy, Expr::value(""))]).await
}

async fn set(tx: &impl ConnectionTrait, id: SubscriptionId, to: &[(subscription::Column, Expr)]) -> Result<(), Error> {
    let update = to.iter().fold(subscription::Entity::update_many(), |update, (column, value)| update.col_expr(*column, value.clone()));
    update.filter(subscription::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub(super) async fn set_discreet(tx: &impl ConnectionTrait, id: SupporterId, discreet: bool, now: DateTime<Utc>) -> Result<(), Error> {
    supporter::Entity::update_many()
        .col_expr(supporter::Column::Discreet, Expr::value(discreet))
        .col_expr(supporter::Column::UpdatedAt, Expr::value(now))
        .filter(supporter::Column::Id.eq(id))
        .exec(tx)
        .await?;
    if !discreet {
        return Ok(());
    }
    // What waits for her too, should her address be another one when it leaves.
    let hers = supporter::Entity::find().select_only().column(supporter::Column::Email).filter(supporter::Column::Id.eq(id));
    letter::Entity::update_many()
        .col_expr(letter::Column::Discreet, Expr::value(true))
        .filter(letter::Column::ToAddress.ne(""))
        .filter(letter::Column::ToAddress.in_subquery(hers.into_query()))
        .filter(letter::Column::State.ne(LetterState::Sent))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn delete_unconfirmed(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, Error> {
    let over = Condition::any().add(subscription::Column::ExpiresAt.lte(now)).add(subscription::Column::EndedAt.is_not_null());
    let gone = subscription::Entity::delete_many().filter(subscription::Column::ConfirmedAt.is_null()).filter(over).exec(tx).await?;
    Ok(gone.rows_affected)
}

/// Somebody who gets news of a topic.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Subscriber {
    /// Who.
    pub supporter_id: SupporterId,
    /// Her address.
    pub email: String,
    /// Her name; may be empty.
    pub name: String,
    /// The language that she last used.
    pub language: String,
    /// What she asked for: the topic itself, or all news. It belongs into [`crate::mail::mailing::Recipient::topic`].
    pub topic: String,
}

fn to_supporter() -> RelationDef {
    subscription::Entity::belongs_to(supporter::Entity).from(subscription::Column::SupporterId).to(supporter::Column::Id).into()
}

/// Wishes that news about `about` answer: confirmed, not ended, with an address that nothing stands against. A supporter may have two of
/// them (the topic, and all news).
fn wishes(about: Topic) -> Select<subscription::Entity> {
    let against = suppression::Entity::find()
        .select_only()
        .column(suppression::Column::AddressHash)
        .filter(suppression::Column::LiftedAt.is_null())
        .filter(suppression::Column::Topic.is_in([Topic::Everything, Topic::Updates, about].map(|topic| topic.to_string())));
    subscription::Entity::find()
        .join(JoinType::InnerJoin, to_supporter())
        .filter(subscription::Column::Topic.is_in([Topic::Updates, about].map(|topic| topic.to_string())))
        .filter(subscription::Column::ConfirmedAt.is_not_null())
        .filter(subscription::Column::EndedAt.is_null())
        .filter(supporter::Column::Email.ne(""))
        .filter(subscription::Column::AddressHash.not_in_subquery(against.into_query()))
}

/// The next `count` supporters, after the one with the id `after`, who are to get news about `about`: subscribed to it or to all news,
/// confirmed, and not suppressed. Each once, in the order of their ids. Any number of pages costs the memory of one.
pub async fn audience(db: &impl ConnectionTrait, about: Topic, after: Option<SupporterId>, count: u64) -> Result<Vec<Subscriber>, Error> {
    let found = wishes(about)
        .select_only()
        .column(subscription::Column::SupporterId)
        .column(supporter::Column::Email)
        .column(supporter::Column::Name)
        .column(supporter::Column::Language)
        // `campaign:` and `item:` sort before `updates`: the narrower wish is the one that the letter's link ends.
        .column_as(Expr::col((subscription::Entity, subscription::Column::Topic)).min(), "topic")
        .filter(Condition::all().add_option(after.map(|id| subscription::Column::SupporterId.gt(id))))
        .group_by(subscription::Column::SupporterId)
        .group_by(supporter::Column::Email)
        .group_by(supporter::Column::Name)
        .group_by(supporter::Column::Language)
        .order_by_asc(subscription::Column::SupporterId)
        .limit(count)
        .into_model::<Subscriber>()
        .all(db)
        .await?;
    Ok(found)
}

/// How many supporters [`audience`] has.
pub async fn audience_size(db: &impl ConnectionTrait, about: Topic) -> Result<u64, Error> {
    Ok(wishes(about).select_only().column(subscription::Column::SupporterId).distinct().count(db).await?)
}

/// Whether a supporter gets news about `about`, as [`audience`] decides it.
pub async fn gets_news(db: &impl ConnectionTrait, id: SupporterId, about: Topic) -> Result<bool, Error> {
    Ok(wishes(about).filter(subscription::Column::SupporterId.eq(id)).count(db).await? > 0)
}

/// Who asked for news of a topic, confirmed it, and gets none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Something stands against the address.
    pub suppressed: u64,
    /// She has ended it since.
    pub ended: u64,
}

/// How many asked for news about `about` and confirmed it, and get none.
pub async fn left_out(db: &impl ConnectionTrait, about: Topic) -> Result<LeftOut, Error> {
    let topics = [Topic::Updates, about].map(|topic| topic.to_string());
    let confirmed = subscription::Entity::find()
        .select_only()
        .column(subscription::Column::SupporterId)
        .filter(subscription::Column::Topic.is_in(topics))
        .filter(subscription::Column::ConfirmedAt.is_not_null());
    let in_force = confirmed.clone().filter(subscription::Column::EndedAt.is_null());
    let count = async |select: Select<subscription::Entity>| select.distinct().count(db).await;
    let all_in_force = count(in_force.clone()).await?;
    let ended = count(confirmed.filter(subscription::Column::SupporterId.not_in_subquery(in_force.into_query()))).await?;
    Ok(LeftOut { suppressed: all_in_force.saturating_sub(audience_size(db, about).await?), ended })
}
