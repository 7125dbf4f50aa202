//! The outbox's queries. A worker holds a letter by its lease: whatever it writes, it writes only while the lease is still its own.

use super::{
    bulk::{self, Dot},
    retry::{NEVER, Verdict},
    transport::Delivery,
};
use crate::{db::has_text, error::Error};
use chrono::{DateTime, Utc};
use entity::{
    ids::{DonationId, LetterId, ReceiptId},
    letter, letter_attempt, mail_domain, mailing,
    words::{LetterKind, LetterStage, LetterState, LetterStream},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, FromQueryResult, Order,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query},
};

/// Puts a letter into the outbox; when one with its key is there already, that one stays as it is and its id is returned.
pub async fn insert(tx: &DatabaseTransaction, letter: letter::ActiveModel) -> Result<LetterId, Error> {
    let (id, key) = (letter.id.clone().unwrap(), letter.dedupe_key.clone().unwrap());
    let once = OnConflict::column(letter::Column::DedupeKey).do_nothing().to_owned();
    let inserted = letter::Entity::insert(letter).on_conflict(once).exec_without_returning(tx).await?;
    if inserted == 1 {
        return Ok(id);
    }
    let known = letter::Entity::find().filter(letter::Column::DedupeKey.eq(key)).one(tx).await?;
    known.map(|letter| letter.id).ok_or_else(|| Error::Internal("a letter with this key was there and is gone".to_owned()))
}

/// Letters of a stream that may be taken now: waiting and due, or held by a worker that is gone and had not handed them over; not those
/// of a domain that asked for a pause, or of a mailing that is held back. `next_at` alone finds them: it is when a letter is tried next,
/// when a worker's hold on it ends, or never.
fn due(stream: LetterStream, now: DateTime<Utc>) -> Condition {
    let waiting = [LetterState::Queued, LetterState::Deferred, LetterState::Unknown];
    let abandoned = Condition::all().add(letter::Column::State.eq(LetterState::Leased)).add(letter::Column::LastStage.ne(LetterStage::Dot));
    let resting = mail_domain::Entity::find()
        .select_only()
        .column(mail_domain::Column::Domain)
        .filter(mail_domain::Column::Stream.eq(stream))
        .filter(mail_domain::Column::WaitUntil.gt(now))
        .into_query();
    let held_back = mailing::Entity::find().select_only().column(mailing::Column::Id).filter(mailing::Column::PausedAt.is_not_null());
    Condition::all()
        .add(letter::Column::Stream.eq(stream))
        .add(letter::Column::NextAt.lte(now))
        .add(Condition::any().add(letter::Column::State.is_in(waiting)).add(abandoned))
        .add(letter::Column::Domain.not_in_subquery(resting))
        .add(
            Condition::any()
                .add(letter::Column::MailingId.is_null())
                .add(letter::Column::MailingId.not_in_subquery(held_back.into_query())),
        )
}

/// Letters that were being handed over by a worker that is gone.
fn abandoned_at_the_dot(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(letter::Column::State.eq(LetterState::Leased))
        .add(letter::Column::LeaseUntil.lte(now))
        .add(letter::Column::LastStage.eq(LetterStage::Dot))
}

/// Whether a letter of this stream is due: a read, so that an empty outbox costs no write.
pub async fn is_due(db: &impl ConnectionTrait, stream: LetterStream, now: DateTime<Utc>) -> Result<bool, Error> {
    first(db, due(stream, now)).await
}

/// Whether a worker is gone that was handing a letter over.
pub async fn is_lost_at_the_dot(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, Error> {
    first(db, abandoned_at_the_dot(now)).await
}

async fn first(db: &impl ConnectionTrait, work: Condition) -> Result<bool, Error> {
    let first: Option<LetterId> = letter::Entity::find().select_only().column(letter::Column::Id).filter(work).into_tuple().one(db).await?;
    Ok(first.is_some())
}

/// Takes up to `count` due letters of a stream, the longest waiting first, until `lease_until`. Two workers never get the same one:
/// PostgreSQL skips rows that another has locked, SQLite has one writer.
pub async fn lease(
    tx: &DatabaseTransaction,
    stream: LetterStream,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    count: u64,
) -> Result<Vec<letter::Model>, Error> {
    let chosen = letter::Entity::find()
        .select_only()
        .column(letter::Column::Id)
        .filter(due(stream, now))
        .order_by(letter::Column::NextAt, Order::Asc)
        .limit(count)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    let mut leased = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Leased))
        .col_expr(letter::Column::LeaseUntil, Expr::value(lease_until))
        .col_expr(letter::Column::NextAt, Expr::value(lease_until))
        .col_expr(letter::Column::LastStage, Expr::value(LetterStage::Connect))
        .col_expr(letter::Column::Attempts, Expr::col(letter::Column::Attempts).add(1))
        .filter(letter::Column::Id.in_subquery(chosen))
        .exec_with_returning(tx)
        .await?;
    leased.sort_by_key(|letter| (letter.created_at, letter.id));
    Ok(leased)
}

/// Notes, before the first byte of a letter's text is written, that from here on its fate may stay unknown, and extends the lease.
/// False when the lease is no longer ours: then the letter must not be sent.
pub async fn note_dot(tx: &DatabaseTransaction, letter: &letter::Model, lease_until: DateTime<Utc>) -> Result<bool, Error> {
    let Some(held_until) = letter.lease_until else { return Ok(false) };
    let noted = bulk::note_dots(tx, &[Dot { id: letter.id, held_until, lease_until }]).await?;
    Ok(noted.contains(&letter.id))
}

/// Puts letters back that were taken and not tried, for `next_at`. Those whose lease is no longer ours stay as they are.
pub async fn put_back(tx: &DatabaseTransaction, letters: &[(letter::Model, DateTime<Utc>)]) -> Result<(), Error> {
    for (letter, next_at) in letters {
        let state = if letter.attempts > 1 { LetterState::Deferred } else { LetterState::Queued };
        letter::Entity::update_many()
            .col_expr(letter::Column::State, Expr::value(state))
            .col_expr(letter::Column::NextAt, Expr::value(*next_at))
            .col_expr(letter::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(letter::Column::Attempts, Expr::value(letter.attempts - 1))
            .filter(held(letter))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Keeps letters that were taken from leaving, each for its reason.
pub async fn suppress(tx: &DatabaseTransaction, letters: &[(letter::Model, String)]) -> Result<(), Error> {
    for (letter, reason) in letters {
        letter::Entity::update_many()
            .col_expr(letter::Column::State, Expr::value(LetterState::Suppressed))
            .col_expr(letter::Column::NextAt, Expr::value(NEVER))
            .col_expr(letter::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(letter::Column::LastReply, Expr::value(reason.as_str()))
            .filter(held(letter))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Keeps a letter that waits from ever leaving.
pub(super) async fn hold_back(tx: &DatabaseTransaction, id: LetterId) -> Result<(), Error> {
    letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Suppressed))
        .col_expr(letter::Column::NextAt, Expr::value(NEVER))
        .filter(letter::Column::Id.eq(id))
        .filter(letter::Column::State.ne(LetterState::Leased))
        .exec(tx)
        .await?;
    Ok(())
}

fn held(letter: &letter::Model) -> Condition {
    Condition::all()
        .add(letter::Column::Id.eq(letter.id))
        .add(letter::Column::State.eq(LetterState::Leased))
        .add(letter::Column::LeaseUntil.eq(letter.lease_until))
}

/// Writes down what became of an attempt. False, and nothing written, when the lease is no longer ours.
pub async fn record(
    tx: &DatabaseTransaction,
    letter: &letter::Model,
    delivery: &Delivery,
    verdict: Verdict,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let reply = delivery.outcome.reply();
    let code = reply.code.map(i64::from);
    let sent_at = (verdict.state == LetterState::Sent).then_some(now);
    let changed = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(verdict.state))
        .col_expr(letter::Column::NextAt, Expr::value(verdict.next_at))
        .col_expr(letter::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(letter::Column::LastStage, Expr::value(delivery.stage))
        .col_expr(letter::Column::SmtpCode, Expr::value(code))
        .col_expr(letter::Column::LastReply, Expr::value(reply.text.clone()))
        .col_expr(letter::Column::SentAt, Expr::value(sent_at))
        .filter(held(letter))
        .exec(tx)
        .await?;
    if changed.rows_affected == 0 {
        return Ok(false);
    }
    let attempt = letter_attempt::ActiveModel {
        id: NotSet,
        letter_id: Set(letter.id),
        at: Set(now),
        stage: Set(delivery.stage),
        state: Set(verdict.state),
        smtp_code: Set(code),
        reply: Set(reply.text.clone()),
    };
    letter_attempt::Entity::insert(attempt).exec_without_returning(tx).await?;
    Ok(true)
}

/// Letters whose worker is gone and may have handed them over.
pub async fn lost_at_the_dot(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<Vec<letter::Model>, Error> {
    let lost = letter::Entity::find()
        .filter(abandoned_at_the_dot(now))
        .limit(100)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(tx)
        .await?;
    Ok(lost)
}

/// How many attempts of a letter had an unknown outcome.
pub async fn unknown_attempts(db: &impl ConnectionTrait, id: LetterId) -> Result<u64, Error> {
    let attempts = letter_attempt::Entity::find()
        .filter(letter_attempt::Column::LetterId.eq(id))
        .filter(letter_attempt::Column::State.eq(LetterState::Unknown));
    Ok(attempts.count(db).await?)
}

/// Makes a letter due now; false when it is not in one of `states`.
pub async fn make_due(tx: &DatabaseTransaction, id: LetterId, states: &[LetterState], now: DateTime<Utc>) -> Result<bool, Error> {
    let changed = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Queued))
        .col_expr(letter::Column::NextAt, Expr::value(now))
        .filter(letter::Column::Id.eq(id))
        .filter(letter::Column::State.is_in(states.iter().copied()))
        .exec(tx)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// One line of the outbox's list: everything but the bodies.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
#[expect(missing_docs, reason = "each field is the column of the same name, which says what it is")]
pub struct LetterLine {
    pub id: LetterId,
    pub kind: LetterKind,
    pub donation_id: Option<DonationId>,
    pub receipt_id: Option<ReceiptId>,
    pub to_address: String,
    pub subject: String,
    pub state: LetterState,
    pub attempts: i64,
    pub next_at: DateTime<Utc>,
    pub smtp_code: Option<i64>,
    pub last_reply: String,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}

impl LetterLine {
    /// When it is next tried; none when it is not tried by itself any more.
    pub fn next_try(&self) -> Option<DateTime<Utc>> {
        (self.next_at < NEVER).then_some(self.next_at)
    }
}

/// How many letters a search finds at once.
const FOUND_MAX: u64 = 1_000;

/// No more letters than this are counted for a page.
pub const COUNTED_MAX: u64 = 10_000;

/// Which letters a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Only those in this state.
    pub state: Option<LetterState>,
    /// Only those that staff should look at: bounced, unknown, dead.
    pub troubled: bool,
    /// Only those about this donation.
    pub donation_id: Option<DonationId>,
    /// Only those with this receipt.
    pub receipt_id: Option<ReceiptId>,
    /// Only those whose address or subject has this text in it.
    pub search: Option<String>,
}

impl LetterFilter {
    fn condition(&self, backend: DbBackend) -> Condition {
        let troubled = [LetterState::Bounced, LetterState::Unknown, LetterState::Dead];
        Condition::all()
            .add_option(self.state.map(|state| letter::Column::State.eq(state)))
            .add_option(self.troubled.then(|| letter::Column::State.is_in(troubled)))
            .add_option(self.donation_id.map(|id| letter::Column::DonationId.eq(id)))
            .add_option(self.receipt_id.map(|id| letter::Column::ReceiptId.eq(id)))
            .add_option(self.search.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| {
                let has = |column| has_text(backend, column, text);
                Condition::any().add(has(letter::Column::ToAddress)).add(has(letter::Column::Subject))
            }))
    }
}

/// Some letters of a list.
#[derive(Clone, Debug, Default)]
pub struct LetterPage {
    /// The letters, the newest first.
    pub lines: Vec<LetterLine>,
    /// After which letter the next page begins; none: there is no more.
    pub next: Option<LetterId>,
    /// How many letters fit, counted to [`COUNTED_MAX`] and one: a list of a million is as quick as one of a thousand.
    pub count: u64,
}

/// The letters that `filter` lets through, newest first: `rows` of them after the letter `after`.
pub async fn list(db: &impl ConnectionTrait, filter: &LetterFilter, after: Option<LetterId>, rows: u64) -> Result<LetterPage, Error> {
    use letter::Column as C;
    let mut letters = letter::Entity::find().filter(filter.condition(db.get_database_backend()));
    if filter.search.is_some() {
        // The words are looked through once, in an index of their own; only where very many letters have them, for each question anew.
        let found: Vec<LetterId> = letters.clone().select_only().column(C::Id).limit(FOUND_MAX + 1).into_tuple().all(db).await?;
        if found.len() as u64 <= FOUND_MAX {
            letters = letter::Entity::find().filter(C::Id.is_in(found));
        }
    }
    let count = count(db, &letters).await?;
    if let Some(id) = after {
        let last: Option<DateTime<Utc>> = letter::Entity::find_by_id(id).select_only().column(C::CreatedAt).into_tuple().one(db).await?;
        let last = last.ok_or(Error::NotFound)?;
        letters = letters.filter(C::CreatedAt.lte(last)).filter(Condition::any().add(C::CreatedAt.lt(last)).add(C::Id.lt(id)));
    }
    let columns = [
        C::Id,
        C::Kind,
        C::DonationId,
        C::ReceiptId,
        C::ToAddress,
        C::Subject,
        C::State,
        C::Attempts,
        C::NextAt,
        C::SmtpCode,
        C::LastReply,
        C::CreatedAt,
        C::SentAt,
    ];
    let mut lines = letters
        .select_only()
        .columns(columns)
        .order_by_desc(C::CreatedAt)
        .order_by_desc(C::Id)
        .limit(std::cmp::min(rows.saturating_add(1), i64::MAX.unsigned_abs()))
        .into_model::<LetterLine>()
        .all(db)
        .await?;
    let more = lines.len() as u64 > rows;
    lines.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    let next = lines.last().filter(|_| more).map(|last| last.id);
    Ok(LetterPage { lines, next, count })
}

async fn count(db: &impl ConnectionTrait, letters: &Select<letter::Entity>) -> Result<u64, Error> {
    let some = letters.clone().select_only().column(letter::Column::Id).limit(COUNTED_MAX + 1).into_query();
    let counted = Query::select().expr_as(Expr::cust("count(*)"), "letters").from_subquery(some, "s").to_owned();
    let found: i64 = db.query_one(&counted).await?.map(|row| row.try_get("", "letters")).transpose()?.unwrap_or(0);
    Ok(found.unsigned_abs())
}

/// One letter and its attempts, oldest first.
pub async fn find(db: &impl ConnectionTrait, id: LetterId) -> Result<(letter::Model, Vec<letter_attempt::Model>), Error> {
    let letter = letter::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)?;
    let attempts = letter_attempt::Entity::find()
        .filter(letter_attempt::Column::LetterId.eq(id))
        .order_by_asc(letter_attempt::Column::Id)
        .all(db)
        .await?;
    Ok((letter, attempts))
}

/// How many letters are in each state, for the desk and the metrics; states without letters are not listed.
pub async fn count_by_state(db: &impl ConnectionTrait) -> Result<Vec<(LetterState, i64)>, Error> {
    let counts = letter::Entity::find()
        .select_only()
        .column(letter::Column::State)
        .column_as(letter::Column::Id.count(), "count")
        .group_by(letter::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counts)
}
