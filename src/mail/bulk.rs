//! Writing down many letters at once. One statement for a hundred letters costs hardly more than one for a letter, and one commit waits
//! for the disk once: that is what makes a durable outbox fast.

use super::{retry::NEVER, transport::Reply};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    ids::LetterId,
    letter_attempt,
    words::{LetterKind, LetterStage, LetterState, ReceiptStatus},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, Statement, Value,
};
use std::collections::HashSet;

/// Builds a statement whose parameters are numbered as the database wants them.
struct Text {
    backend: DbBackend,
    sql: String,
    values: Vec<Value>,
}

impl Text {
    fn new(tx: &DatabaseTransaction) -> Self {
        Self { backend: tx.get_database_backend(), sql: String::new(), values: Vec::new() }
    }

    fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        match self.backend {
            DbBackend::Postgres => self.sql.push_str(&format!("${}", self.values.len())),
            _ => self.sql.push('?'),
        }
        self
    }

    async fn ids(self, tx: &DatabaseTransaction) -> Result<HashSet<LetterId>, Error> {
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend, self.sql, self.values)).await?;
        rows.iter().map(|row| Ok(row.try_get::<LetterId>("", "id")?)).collect()
    }
}

/// A letter whose text is about to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dot {
    pub id: LetterId,
    /// When the worker's hold on it ends until now.
    pub held_until: DateTime<Utc>,
    /// When it ends from now on.
    pub lease_until: DateTime<Utc>,
}

/// Notes for each letter that its text is about to be sent. Returns those whose lease is ours; not those of a stream or a mailing that was
/// held back or stopped since they were taken: whoever stops it is told how many will not leave, and that is so from then on. Nor those of a
/// receipt or statement that has ended since.
pub(super) async fn note_dots(tx: &DatabaseTransaction, letters: &[Dot]) -> Result<HashSet<LetterId>, Error> {
    if letters.is_empty() {
        return Ok(HashSet::new());
    }
    let mut text = Text::new(tx);
    text.push("update letter set last_stage = ").bind(LetterStage::Dot);
    text.push(", lease_until = held.column3, next_at = held.column3 from (values ");
    for (at, one) in letters.iter().enumerate() {
        text.push(if at == 0 { "(" } else { ", (" }).bind(one.id).push(", ").bind(one.held_until);
        text.push(", ").bind(one.lease_until).push(")");
    }
    text.push(") as held where letter.id = held.column1 and letter.lease_until = held.column2 and letter.state = ");
    text.bind(LetterState::Leased);
    text.push(" and not exists (select 1 from mail_stream where mail_stream.stream = letter.stream and mail_stream.paused_at is not null)");
    text.push(" and not exists (select 1 from mailing where mailing.id = letter.mailing_id");
    text.push(" and (mailing.paused_at is not null or mailing.stopped_at is not null))");
    text.push(" and not exists (select 1 from receipt where receipt.id = letter.receipt_id and receipt.status <> ")
        .bind(ReceiptStatus::Issued);
    text.push(") and not exists (select 1 from statement where statement.code = substr(letter.dedupe_key, 11) and letter.kind = ");
    text.bind(LetterKind::Statement).push(" and statement.status <> ").bind(ReceiptStatus::Issued).push(") returning letter.id");
    text.ids(tx).await
}

/// A letter that the mail server took.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub id: LetterId,
    pub held_until: DateTime<Utc>,
    pub reply: Reply,
    pub at: DateTime<Utc>,
}

/// Writes down that letters were taken. Returns those whose lease was ours; nothing is written of the others.
pub(super) async fn record_taken(tx: &DatabaseTransaction, letters: &[Taken]) -> Result<HashSet<LetterId>, Error> {
    if letters.is_empty() {
        return Ok(HashSet::new());
    }
    let mut text = Text::new(tx);
    text.push("update letter set state = ").bind(LetterState::Sent).push(", next_at = ").bind(NEVER);
    text.push(", lease_until = null, last_stage = ").bind(LetterStage::Done);
    text.push(", smtp_code = taken.column3, last_reply = taken.column4, sent_at = taken.column5 from (values ");
    for (at, one) in letters.iter().enumerate() {
        text.push(if at == 0 { "(" } else { ", (" }).bind(one.id).push(", ").bind(one.held_until).push(", ");
        text.bind(one.reply.code.map(i64::from)).push(", ").bind(one.reply.text.as_str()).push(", ").bind(one.at).push(")");
    }
    text.push(") as taken where letter.id = taken.column1 and letter.lease_until = taken.column2 and letter.state = ");
    text.bind(LetterState::Leased).push(" returning letter.id");
    let written = text.ids(tx).await?;
    let attempts = letters.iter().filter(|one| written.contains(&one.id)).map(|one| letter_attempt::ActiveModel {
        id: NotSet,
        letter_id: Set(one.id),
        at: Set(one.at),
        stage: Set(LetterStage::Done),
        state: Set(LetterState::Sent),
        smtp_code: Set(one.reply.code.map(i64::from)),
        reply: Set(one.reply.text.clone()),
    });
    let attempts: Vec<_> = attempts.collect();
    if !attempts.is_empty() {
        letter_attempt::Entity::insert_many(attempts).exec_without_returning(tx).await?;
    }
    Ok(written)
}
