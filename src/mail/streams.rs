//! Holding back a whole stream of letters, or those to one domain.

use super::transport::Reply;
use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{mail_domain, mail_stream, words::LetterStream};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

/// A domain gets a pause when it asked for one so often …
const STRIKES: i64 = 3;

/// … with no more than this between one time and the next.
const STRIKES_WITHIN: TimeDelta = TimeDelta::seconds(60);

/// How long the pause is.
const DOMAIN_PAUSE: TimeDelta = TimeDelta::minutes(15);

/// Holds a stream back, on every process, until it is resumed.
pub async fn pause(tx: &DatabaseTransaction, stream: LetterStream, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let row = mail_stream::ActiveModel { stream: Set(stream), paused_at: Set(Some(now)), reason: Set(reason.to_owned()) };
    let again = OnConflict::column(mail_stream::Column::Stream)
        .update_columns([mail_stream::Column::PausedAt, mail_stream::Column::Reason])
        .to_owned();
    mail_stream::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Lets a stream's letters leave again. False when it was not held back.
pub async fn resume(tx: &DatabaseTransaction, stream: LetterStream) -> Result<bool, Error> {
    let resumed = mail_stream::Entity::update_many()
        .col_expr(mail_stream::Column::PausedAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(mail_stream::Column::Reason, Expr::value(""))
        .filter(mail_stream::Column::Stream.eq(stream))
        .filter(mail_stream::Column::PausedAt.is_not_null())
        .exec(tx)
        .await?;
    Ok(resumed.rows_affected == 1)
}

/// The streams that are held back.
pub async fn paused(db: &impl ConnectionTrait) -> Result<Vec<mail_stream::Model>, Error> {
    Ok(mail_stream::Entity::find().filter(mail_stream::Column::PausedAt.is_not_null()).all(db).await?)
}

/// The domains that rest now.
pub async fn resting_domains(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<mail_domain::Model>, Error> {
    Ok(mail_domain::Entity::find().filter(mail_domain::Column::WaitUntil.gt(now)).all(db).await?)
}

/// Whether an answer says that we are too many or too fast. Greylisting does not: it wants each letter to come again, and a pause of all
/// would only make each wait longer.
pub(super) fn asks_for_a_pause(reply: &Reply) -> bool {
    let text = reply.text.to_lowercase();
    let greylisted = ["greylist", "graylist", "grey-list", "gray-list"].iter().any(|word| text.contains(word));
    !greylisted && (reply.code == Some(421) || reply.enhanced.as_deref().is_some_and(|code| code.starts_with("4.7.")))
}

/// Notes that a domain asked for a pause; the third time in a row it gets one. Other domains go on.
pub(super) async fn strike(tx: &DatabaseTransaction, stream: LetterStream, domain: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let known = mail_domain::Entity::find_by_id((stream, domain.to_owned())).one(tx).await?;
    let strikes = match known {
        Some(known) if now - known.struck_at <= STRIKES_WITHIN => known.strikes + 1,
        _ => 1,
    };
    let rests = strikes >= STRIKES;
    let row = mail_domain::ActiveModel {
        stream: Set(stream),
        domain: Set(domain.to_owned()),
        strikes: Set(if rests { 0 } else { strikes }),
        struck_at: Set(now),
        wait_until: Set(rests.then_some(now + DOMAIN_PAUSE)),
    };
    let again = OnConflict::columns([mail_domain::Column::Stream, mail_domain::Column::Domain])
        .update_columns([mail_domain::Column::Strikes, mail_domain::Column::StruckAt, mail_domain::Column::WaitUntil])
        .to_owned();
    mail_domain::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}
