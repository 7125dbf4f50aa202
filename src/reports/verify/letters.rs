//! The rules about letters: each ends in time, none is tried after its end unless staff ask, and nobody gets news that she has ended.

use super::{Check, FINDINGS_MAX};
use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{audit_entry, ids::LetterId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, Value};

/// How long a letter is tried.
const ENDS_WITHIN: TimeDelta = TimeDelta::hours(72);

/// How much later than she ended it a letter of news may have been written: what was being written when she did.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(5);

/// How many candidates of one rule are looked at.
const ROWS_MAX: u64 = 10_000;

const WAITING: &str = "stream = 'transactional' and state in ('queued', 'deferred', 'leased')";

async fn count(db: &impl ConnectionTrait, question: &str) -> Result<u64, Error> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), format!("select count(*) as n from {question}"))).await?;
    let n: i64 = row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
    Ok(u64::try_from(n).unwrap_or(0))
}

/// A letter that waits is tried within 72 hours of being due. Where letters are held back, or nobody sends any, none is tried; but a letter that
/// was written long after another fell due must not have been tried before it.
pub(super) async fn each_ends_in_time(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Check, Error> {
    let backend = db.get_database_backend();
    let tried = "select max(created_at) as at from letter where stream = 'transactional' and attempts > 0";
    let tried = db.query_one_raw(Statement::from_string(backend, tried)).await?;
    let newest: Option<DateTime<Utc>> = tried.map(|row| row.try_get("", "at")).transpose()?.flatten();
    let overtaken = newest.map_or(DateTime::UNIX_EPOCH, |at| at - ENDS_WITHIN);
    let question = format!(
        "select id, next_at from letter where {WAITING} and (next_at > $1 or (next_at < $2 and not exists (
            select 1 from mail_stream m where m.stream = letter.stream and m.paused_at is not null)))
         order by next_at limit {}",
        FINDINGS_MAX + 1
    );
    let values: Vec<Value> = vec![(now + ENDS_WITHIN).into(), overtaken.into()];
    let mut findings = Vec::new();
    for row in db.query_all_raw(Statement::from_sql_and_values(backend, question, values)).await? {
        let (id, at): (uuid::Uuid, DateTime<Utc>) = (row.try_get("", "id")?, row.try_get("", "next_at")?);
        let why = if at > now { "it waits, and is not tried within 72 hours" } else { "later ones were tried, and it was not" };
        findings.push(format!("letter {id} (due {at}): {why}"));
    }
    let looked = count(db, &format!("letter where {WAITING}")).await?;
    Ok(Check::new("Every letter but news ends within 72 hours of being due, unless they are held back.", looked, findings))
}

/// Nothing is tried again after it was sent, refused for good or given up, unless staff asked for it.
pub(super) async fn none_is_tried_after_its_end(db: &impl ConnectionTrait) -> Result<Check, Error> {
    // What a mail server reports later of a letter that it took is no attempt.
    let question = format!(
        "select letter_id, was, was_at, at from (
            select id, letter_id, state, stage, smtp_code, at, lag(state) over w as was, lag(at) over w as was_at
            from letter_attempt window w as (partition by letter_id order by id)) tried
         where was in ('sent', 'bounced', 'suppressed', 'dead') and not (state = 'bounced' and stage = 'done' and smtp_code is null)
         order by id limit {ROWS_MAX}"
    );
    let mut findings = Vec::new();
    for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), question)).await? {
        let id: LetterId = row.try_get("", "letter_id")?;
        let (was, was_at, at): (String, DateTime<Utc>, DateTime<Utc>) =
            (row.try_get("", "was")?, row.try_get("", "was_at")?, row.try_get("", "at")?);
        let asked = audit_entry::Entity::find()
            .filter(audit_entry::Column::Action.eq("letter.retry"))
            .filter(audit_entry::Column::ObjectId.eq(id.to_string()))
            .all(db)
            .await?;
        if was == "sent" || !asked.iter().any(|entry| (was_at..=at).contains(&entry.at)) {
            findings.push(format!("letter {id}: tried at {at} after it was {was}"));
        }
        if findings.len() > FINDINGS_MAX {
            break;
        }
    }
    let looked = count(db, "letter_attempt").await?;
    Ok(Check::new("No letter is tried after its end, unless staff ask for it.", looked, findings))
}

/// Nobody gets news after she ended them.
pub(super) async fn none_is_written_after_she_ended_it(db: &impl ConnectionTrait) -> Result<Check, Error> {
    let question = format!(
        "select l.id, l.created_at, max(q.ended_at) as ended_at
         from letter l join supporter s on s.email = l.to_address
         join subscription q on q.supporter_id = s.id and q.topic = l.topic and q.ended_at < l.created_at
         where l.stream = 'updates' and l.topic <> '' and l.to_address <> '' and not exists (
            select 1 from subscription f where f.supporter_id = s.id and f.topic = l.topic and f.confirmed_at <= l.created_at
                and (f.ended_at is null or f.ended_at >= l.created_at))
         group by l.id, l.created_at order by l.id limit {ROWS_MAX}"
    );
    let mut findings = Vec::new();
    for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), question)).await? {
        let id: uuid::Uuid = row.try_get("", "id")?;
        let (written, ended): (DateTime<Utc>, DateTime<Utc>) = (row.try_get("", "created_at")?, row.try_get("", "ended_at")?);
        if written - ended > UNDER_WAY {
            findings.push(format!("letter {id}: written at {written}, after its reader ended such news at {ended}"));
        }
    }
    let looked = count(db, "letter where stream = 'updates'").await?;
    Ok(Check::new("Nobody is written news after she ended them.", looked, findings))
}
