//! Mailings: one text that goes to many, kept once for each language. Its letters are written in batches, each recipient once, and
//! paused, stopped and counted together.
//!
//! ```text
//! mailing::open(tx, id, "What your gifts bought", now)          once
//! mailing::add_content(tx, content_id, mailing, &content)       once for each language
//! outbox.enqueue_mailing(tx, &batch, &random, now)              as often as there are batches; a batch twice is a batch once
//! mailing::pause / resume / stop / progress                     whenever staff like
//! ```

use super::{
    outbox::Outbox,
    retry::NEVER,
    suppression::{self, domain_of},
    topic::Topic,
};
use crate::{clock::Random, error::Error};
use chrono::{DateTime, Utc};
use entity::{
    ids::{LetterContentId, LetterId, MailingId, SupporterId},
    letter, letter_content, mailing, subscription,
    words::{LetterKind, LetterState, LetterStream, SuppressionReason},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use std::collections::{HashMap, HashSet};

/// Stands in a text where the link belongs that ends these news; it must be in both parts.
pub const UNSUBSCRIBE: &str = "[[unsubscribe]]";

/// Stands in a text where the greeting belongs, by name or without one.
pub const GREETING: &str = "[[greeting]]";

/// The most recipients of one batch: PostgreSQL takes 65,535 values in one statement.
pub const BATCH_MAX: usize = 1_000;

/// Why a letter of a mailing that was stopped does not leave.
pub(super) const STOPPED: &str = "the mailing was stopped";

/// Recipients written with one statement.
const ROWS_AT_ONCE: usize = 500;

/// The text of a mailing in one language. [`GREETING`] and [`UNSUBSCRIBE`] in it are filled for each recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Its language: `en`, `fa-AF`, `ps`.
    pub language: String,
    /// The subject.
    pub subject: String,
    /// The text part: complete by itself.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The text part for who wants discreet letters: it names nothing. Empty: there is none, and she gets the other.
    pub discreet_text: String,
    /// Its HTML part.
    pub discreet_html: String,
}

/// Somebody who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Who: nobody gets a mailing twice.
    pub supporter_id: SupporterId,
    /// Her address; without one she gets nothing.
    pub to_address: String,
    /// Her name; may be empty.
    pub to_name: String,
    /// Which of the mailing's texts she gets.
    pub content_id: LetterContentId,
    /// The language of that text.
    pub language: String,
    /// What she asked news of: what the link in the letter ends.
    pub topic: Topic,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Letters that will leave.
    pub queued: u64,
    /// Recipients who shall get none: kept as letters that never leave, so that the count is whole.
    pub suppressed: u64,
    /// Recipients who had been written down before.
    pub known: u64,
}

/// The key of somebody's letter of a mailing: there is one letter with it.
pub fn key_of(mailing: MailingId, supporter: SupporterId) -> String {
    format!("mailing:{mailing}:{supporter}")
}

/// Begins a mailing.
pub async fn open(tx: &DatabaseTransaction, id: MailingId, name: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let row = mailing::ActiveModel {
        id: Set(id),
        name: Set(name.to_owned()),
        created_at: Set(now),
        paused_at: NotSet,
        stopped_at: NotSet,
        reason: Set(String::new()),
    };
    mailing::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The text that a letter of a mailing carries, with places for what each recipient has of her own.
pub async fn content(db: &impl ConnectionTrait, id: LetterContentId) -> Result<letter_content::Model, Error> {
    letter_content::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)
}

/// Adds the text in one language. It is not changed afterwards.
pub async fn add_content(tx: &DatabaseTransaction, id: LetterContentId, mailing: MailingId, content: &Content) -> Result<(), Error> {
    let lacks = |part: &str| !part.contains(UNSUBSCRIBE);
    let lacks_in_discreet = !content.discreet_text.is_empty() && (lacks(&content.discreet_text) || lacks(&content.discreet_html));
    if lacks(&content.text) || lacks(&content.html) || lacks_in_discreet {
        return Err(Error::Internal(format!("a mailing's text and HTML must hold {UNSUBSCRIBE}")));
    }
    let row = letter_content::ActiveModel {
        id: Set(id),
        mailing_id: Set(mailing),
        language: Set(content.language.clone()),
        subject: Set(content.subject.clone()),
        text_body: Set(content.text.clone()),
        html_body: Set(content.html.clone()),
        discreet_text: Set(content.discreet_text.clone()),
        discreet_html: Set(content.discreet_html.clone()),
    };
    letter_content::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

impl Outbox {
    /// Writes the letters of a batch of at most [`BATCH_MAX`] recipients, each once however often it is called. Who wants no such letters
    /// is left out here, and looked up once more when the letter leaves.
    pub async fn enqueue_mailing(
        &self,
        tx: &DatabaseTransaction,
        mailing: MailingId,
        recipients: &[Recipient],
        random: &Random,
        now: DateTime<Utc>,
    ) -> Result<Enqueued, Error> {
        if recipients.len() > BATCH_MAX {
            return Err(Error::Internal(format!("a batch has at most {BATCH_MAX} recipients")));
        }
        let stopped = mailing::Entity::find_by_id(mailing).lock_shared().one(tx).await?.ok_or(Error::NotFound)?.stopped_at.is_some();
        if stopped {
            return Err(Error::Conflict(STOPPED.to_owned()));
        }
        let contents = letter_content::Entity::find().filter(letter_content::Column::MailingId.eq(mailing)).all(tx).await?;
        let subjects: HashMap<LetterContentId, String> = contents.into_iter().map(|one| (one.id, one.subject)).collect();
        let mut done = Enqueued::default();
        for some in recipients.chunks(ROWS_AT_ONCE) {
            let hashes: Vec<String> = some.iter().map(|one| self.address_key().hash(&one.to_address)).collect();
            let in_force = suppression::in_force_for(tx, &hashes).await?;
            let (mut leaving, mut kept) = (Vec::new(), Vec::new());
            for (one, hash) in some.iter().zip(&hashes) {
                let against = if one.to_address.is_empty() {
                    Some("there is no address".to_owned())
                } else {
                    in_force.against(hash, LetterStream::Updates, Some(one.topic), now).map(why)
                };
                let id: LetterId = random.id(now);
                let rows = if against.is_some() { &mut kept } else { &mut leaving };
                let subject = subjects.get(&one.content_id).ok_or_else(|| Error::Internal("the text is of another mailing".to_owned()))?;
                rows.push(letter::ActiveModel { subject: Set(subject.clone()), ..self.row_of(mailing, one, id, against, now) });
            }
            let (of_leaving, of_kept) = (leaving.len() as u64, kept.len() as u64);
            let (queued, suppressed) = (insert_all(tx, leaving).await?, insert_all(tx, kept).await?);
            done.queued += queued;
            done.suppressed += suppressed;
            done.known += of_leaving + of_kept - queued - suppressed;
        }
        Ok(done)
    }

    fn row_of(
        &self,
        mailing: MailingId,
        one: &Recipient,
        id: LetterId,
        against: Option<String>,
        now: DateTime<Utc>,
    ) -> letter::ActiveModel {
        letter::ActiveModel {
            id: Set(id),
            kind: Set(LetterKind::Update),
            dedupe_key: Set(key_of(mailing, one.supporter_id)),
            donation_id: Set(None),
            receipt_id: Set(None),
            to_address: Set(one.to_address.clone()),
            to_name: Set(one.to_name.clone()),
            subject: NotSet,
            text_body: Set(String::new()),
            html_body: Set(String::new()),
            language: Set(one.language.clone()),
            message_id: Set(self.message_id(LetterStream::Updates, id)),
            state: Set(if against.is_some() { LetterState::Suppressed } else { LetterState::Queued }),
            attempts: Set(0),
            next_at: Set(if against.is_some() { NEVER } else { now }),
            lease_until: Set(None),
            last_stage: Set(None),
            smtp_code: Set(None),
            last_reply: Set(against.unwrap_or_default()),
            created_at: Set(now),
            sent_at: Set(None),
            stream: Set(LetterStream::Updates),
            domain: Set(domain_of(&one.to_address)),
            topic: Set(one.topic.to_string()),
            mailing_id: Set(Some(mailing)),
            content_id: Set(Some(one.content_id)),
            // Asked for when it leaves, of her whose it is.
            discreet: Set(false),
        }
    }
}

async fn insert_all(tx: &DatabaseTransaction, rows: Vec<letter::ActiveModel>) -> Result<u64, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let once = OnConflict::column(letter::Column::DedupeKey).do_nothing().to_owned();
    Ok(letter::Entity::insert_many(rows).on_conflict(once).exec_without_returning(tx).await?)
}

/// Why a letter does not leave, for staff.
pub(super) fn why(reason: SuppressionReason) -> String {
    match reason {
        SuppressionReason::Unsubscribed => "she wants no such letters".to_owned(),
        SuppressionReason::HardBounce => "letters to this address came back".to_owned(),
        SuppressionReason::Complaint => "she complained about such letters".to_owned(),
        SuppressionReason::Staff => "staff said so".to_owned(),
    }
}

/// Which of these mailings were stopped.
pub async fn stopped(db: &impl ConnectionTrait, ids: impl Iterator<Item = MailingId>) -> Result<HashSet<MailingId>, Error> {
    let ids: HashSet<MailingId> = ids.collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let stopped = mailing::Entity::find()
        .select_only()
        .column(mailing::Column::Id)
        .filter(mailing::Column::Id.is_in(ids))
        .filter(mailing::Column::StoppedAt.is_not_null());
    Ok(stopped.into_tuple::<MailingId>().all(db).await?.into_iter().collect())
}

/// Which of these letters are news that their recipient asked for and has ended since. A letter's key says whose it is, because her
/// address may have been corrected meanwhile. Of whom no wish for this topic was ever written down, nothing is said.
pub(super) async fn ended(db: &impl ConnectionTrait, letters: &[letter::Model]) -> Result<HashSet<LetterId>, Error> {
    let news = letters.iter().filter(|letter| letter.kind == LetterKind::Update);
    let whose: HashMap<LetterId, SupporterId> = news.filter_map(|letter| Some((letter.id, whose(letter)?))).collect();
    if whose.is_empty() {
        return Ok(HashSet::new());
    }
    let wishes = subscription::Entity::find().filter(subscription::Column::SupporterId.is_in(whose.values().copied())).all(db).await?;
    let mut in_force: HashMap<(SupporterId, String), bool> = HashMap::new();
    for wish in wishes {
        *in_force.entry((wish.supporter_id, wish.topic)).or_default() |= wish.confirmed_at.is_some() && wish.ended_at.is_none();
    }
    let is_ended = |letter: &&letter::Model| {
        whose.get(&letter.id).is_some_and(|who| in_force.get(&(*who, letter.topic.clone())).is_some_and(|in_force| !in_force))
    };
    Ok(letters.iter().filter(is_ended).map(|letter| letter.id).collect())
}

/// Whose letter of a mailing it is, as its key says.
pub(super) fn whose(letter: &letter::Model) -> Option<SupporterId> {
    letter.dedupe_key.strip_prefix("mailing:")?.split_once(':')?.1.parse().ok()
}

/// Holds back the letters that have not left yet. One whose text is being sent at this moment still goes.
pub async fn pause(tx: &DatabaseTransaction, id: MailingId, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
    change(tx, id, Some(now), reason).await
}

/// Lets them leave again.
pub async fn resume(tx: &DatabaseTransaction, id: MailingId) -> Result<(), Error> {
    change(tx, id, None, "").await
}

async fn change(tx: &DatabaseTransaction, id: MailingId, paused_at: Option<DateTime<Utc>>, reason: &str) -> Result<(), Error> {
    let changed = mailing::Entity::update_many()
        .col_expr(mailing::Column::PausedAt, Expr::value(paused_at))
        .col_expr(mailing::Column::Reason, Expr::value(reason))
        .filter(mailing::Column::Id.eq(id))
        .filter(mailing::Column::StoppedAt.is_null())
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(Error::Conflict("the mailing was stopped, or there is none".to_owned())) }
}

/// Ends a mailing for good: letters that wait never leave. Returns how many those are. One whose text is being sent at this moment still
/// goes; one that a worker has only taken does not.
pub async fn stop(tx: &DatabaseTransaction, id: MailingId, reason: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    let stopped = mailing::Entity::update_many()
        .col_expr(mailing::Column::StoppedAt, Expr::value(now))
        .col_expr(mailing::Column::Reason, Expr::value(reason))
        .filter(mailing::Column::Id.eq(id))
        .filter(mailing::Column::StoppedAt.is_null())
        .exec(tx)
        .await?;
    if stopped.rows_affected == 0 {
        return Err(Error::Conflict("the mailing was stopped before, or there is none".to_owned()));
    }
    let held = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Suppressed))
        .col_expr(letter::Column::NextAt, Expr::value(NEVER))
        .col_expr(letter::Column::LastReply, Expr::value(STOPPED))
        .filter(letter::Column::MailingId.eq(id))
        .filter(letter::Column::State.is_in([LetterState::Queued, LetterState::Deferred]))
        .exec(tx)
        .await?;
    Ok(held.rows_affected)
}

/// How far a mailing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Waiting, also for another try.
    pub waiting: u64,
    /// In a worker's hands.
    pub in_hand: u64,
    /// Taken by the mail server.
    pub sent: u64,
    /// Refused, or came back.
    pub bounced: u64,
    /// Not sent, because somebody did not want it or the mailing was stopped.
    pub suppressed: u64,
    /// Nobody can know whether it arrived.
    pub unknown: u64,
    /// Given up.
    pub dead: u64,
}

impl Progress {
    /// All letters of the mailing.
    pub const fn total(&self) -> u64 {
        self.waiting + self.in_hand + self.sent + self.bounced + self.suppressed + self.unknown + self.dead
    }

    /// Whether none of them will leave any more.
    pub const fn is_over(&self) -> bool {
        self.waiting == 0 && self.in_hand == 0
    }
}

/// How far a mailing is. Counts its letters by an index; ask at most once a second.
pub async fn progress(db: &impl ConnectionTrait, id: MailingId) -> Result<Progress, Error> {
    let counts: Vec<(LetterState, i64)> = letter::Entity::find()
        .select_only()
        .column(letter::Column::State)
        .column_as(letter::Column::Id.count(), "count")
        .filter(letter::Column::MailingId.eq(id))
        .group_by(letter::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    let mut all = Progress::default();
    for (state, count) in counts {
        let place = match state {
            LetterState::Queued | LetterState::Deferred => &mut all.waiting,
            LetterState::Leased => &mut all.in_hand,
            LetterState::Sent => &mut all.sent,
            LetterState::Bounced => &mut all.bounced,
            LetterState::Suppressed => &mut all.suppressed,
            LetterState::Unknown => &mut all.unknown,
            LetterState::Dead => &mut all.dead,
        };
        *place += count.unsigned_abs();
    }
    Ok(all)
}
