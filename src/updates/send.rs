//! Sending: confirmed once, then letters written in batches by a job, until all have left or staff end it.
//!
//! A batch is one transaction: it locks the update, takes the next supporters after the last one, writes their letters and the new place.
//! So it does not matter how often a job is begun, by how many processes, or when one of them dies.

use super::{
    audience, letter,
    state::{require_open, without_letters},
    store, topic_of,
};
use crate::{
    app::App,
    consents::{self, Subscriber},
    error::Error,
    jobs::{self, NewJob, Outcome},
    mail::{
        mailing::{self, Recipient},
        topic::Topic,
    },
    news,
    staff::audit::{self, Actor},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{LetterContentId, MailingId, UpdateId},
    news_ask, news_update,
    words::{UpdateAudience, UpdateState},
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction};
use serde_json::json;
use std::collections::HashMap;

/// The kind of the job that writes letters.
pub const JOB: &str = "send_update";

/// How many batches one job writes before it leaves the rest to the next one: well within a job's lease.
const BATCHES_OF_A_JOB: usize = 40;

/// How many updates are looked after at once.
const TENDED_MAX: u64 = 50;

/// How long a job that was given up rests before it is begun anew.
const REVIVED_AFTER: TimeDelta = TimeDelta::minutes(15);

/// How far ahead letters may be scheduled.
const AHEAD_MAX: TimeDelta = TimeDelta::days(366);

/// How an update is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who gets it, of those who asked for such news.
    pub audience: UpdateAudience,
    /// Only who reads this language; empty: everybody.
    pub only_language: String,
    /// When its letters leave; none: now.
    pub send_at: Option<DateTime<Utc>>,
    /// How many were counted when it was confirmed.
    pub expected: u64,
}

/// Whether letters of an update may be asked for: it has had none.
pub const fn may_be_sent(update: &news_update::Model) -> bool {
    matches!(update.state, UpdateState::Draft | UpdateState::Published) && !update.hidden
}

/// Has an update sent, now or at a set time.
///
/// # Errors
/// `Conflict` when it is being sent or was, when what it is news of is a draft, or when the plan contradicts itself.
pub async fn send(app: &App, actor: &Actor, id: UpdateId, plan: &Plan) -> Result<news_update::Model, Error> {
    let now = app.now();
    if plan.send_at.is_some_and(|at| at <= now || at > now + AHEAD_MAX) {
        return Err(Error::Conflict("the time to send must be ahead, and within a year".to_owned()));
    }
    let after = app
        .db
        .write(async |tx| {
            let before = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            if !may_be_sent(&before) {
                return Err(Error::Conflict(format!("this update is {}: its letters were asked for already", before.state)));
            }
            if before.asks && plan.audience == UpdateAudience::Gave && topic_of(&before) != Topic::Updates {
                return Err(Error::Conflict("who gave for it is not asked for it again: choose everybody who asked for news".to_owned()));
            }
            require_open(tx, id).await?;
            let mut after = news_update::Model {
                audience: plan.audience,
                only_language: plan.only_language.clone(),
                expected: i64::try_from(plan.expected).unwrap_or(i64::MAX),
                send_at: plan.send_at,
                sent_by_name: actor.name.clone(),
                ..before.clone()
            };
            if plan.send_at.is_some() {
                after.state = UpdateState::Scheduled;
            } else {
                after = begin(tx, app, after, now).await?;
            }
            store::save(tx, after.clone()).await?;
            let detail = json!({ "to": after.state, "audience": after.audience, "language": after.only_language, "at": after.send_at, "expected": after.expected });
            audit::record(tx, now, actor, "update.send", "update", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await?;
    app.bell.notify_waiters();
    Ok(after)
}

/// Publishes the page, keeps the letters' texts, and begins to write letters.
async fn begin(tx: &DatabaseTransaction, app: &App, update: news_update::Model, now: DateTime<Utc>) -> Result<news_update::Model, Error> {
    let mailing: MailingId = app.new_id();
    let entry = news::store::with_texts(tx, vec![update]).await?.pop().ok_or(Error::NotFound)?;
    mailing::open(tx, mailing, &entry.update.slug, now).await?;
    for content in letter::contents(app, tx, &entry).await? {
        mailing::add_content(tx, app.new_id(), mailing, &content).await?;
    }
    let published_at = entry.update.published_at.or(Some(now));
    let update = news_update::Model { state: UpdateState::Sending, mailing_id: Some(mailing), published_at, ..entry.update };
    enqueue_job(tx, app, &update, now).await?;
    Ok(update)
}

/// Writes the job that goes on from where the letters are. Two of them do no harm. One that was given up there is begun anew, after a
/// while: as long as its row is there, its key would keep any other away.
pub(super) async fn enqueue_job(tx: &DatabaseTransaction, app: &App, update: &news_update::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let place = update.cursor_id.map(|id| id.to_string()).unwrap_or_default();
    let key = format!("update:{}:{place}", update.id);
    jobs::revive(tx, &key, now - REVIVED_AFTER, now).await?;
    let new = NewJob { kind: JOB, payload: json!({ "update": update.id }), dedupe_key: Some(key), run_at: now };
    jobs::enqueue(tx, app.new_id(), new, now).await
}

/// The job: writes letters until all are written, or for as long as a job may take.
pub async fn act(app: &App, payload: &serde_json::Value) -> Outcome {
    let Some(id) = payload["update"].as_str().and_then(|id| id.parse::<UpdateId>().ok()) else {
        return Outcome::GiveUp("the job names no update".to_owned());
    };
    for batch in 1..=BATCHES_OF_A_JOB {
        match take_in(app, id, batch == BATCHES_OF_A_JOB).await {
            Ok(Taken::More) => app.bell.notify_waiters(),
            Ok(Taken::Over) => break,
            Err(error) => return error.into(),
        }
    }
    Outcome::Done
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There may be more.
    More,
    /// All letters are written, or none is to be written now.
    Over,
}

/// Writes the letters of one batch, and where it ended. With `hand_on` what remains is left to another job.
pub async fn take_in(app: &App, id: UpdateId, hand_on: bool) -> Result<Taken, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let update = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            let Some(mailing) = update.mailing_id.filter(|_| update.state == UpdateState::Sending && update.taken_in_at.is_none()) else {
                return Ok(Taken::Over);
            };
            if !news::store::may_be_told(tx, id).await? {
                store::save(tx, stop_in(tx, update, "it may not be told any more", now).await?).await?;
                return Ok(Taken::Over);
            }
            if update.asks {
                store::serialise_asks(tx).await?;
            }
            let some = consents::audience(tx, topic_of(&update), update.cursor_id, audience::BATCH).await?;
            let mut after =
                news_update::Model { cursor_id: some.last().map(|one| one.supporter_id).or(update.cursor_id), ..update.clone() };
            let is_last = (some.len() as u64) < audience::BATCH;
            let some = store::still_there(tx, some).await?;
            let sorted = audience::sort(app, tx, &update, some).await?;
            write_letters(tx, app, &update, mailing, &sorted.gets, now).await?;
            after.left_budget += i64::try_from(sorted.budget).unwrap_or(0);
            after.left_given += i64::try_from(sorted.given).unwrap_or(0);
            after.left_other += i64::try_from(sorted.other).unwrap_or(0);
            if is_last {
                after.taken_in_at = Some(now);
            } else if hand_on {
                enqueue_job(tx, app, &after, now).await?;
            }
            store::save(tx, after).await?;
            Ok(if is_last { Taken::Over } else { Taken::More })
        })
        .await
}

async fn write_letters(
    tx: &DatabaseTransaction,
    app: &App,
    update: &news_update::Model,
    mailing: MailingId,
    to: &[Subscriber],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let contents = store::contents(tx, mailing).await?;
    let recipients = to.iter().map(|one| recipient(one, update, &contents)).collect::<Result<Vec<_>, _>>()?;
    app.outbox.enqueue_mailing(tx, mailing, &recipients, &app.random, now).await?;
    if update.asks {
        let ask = |one: &Subscriber| news_ask::ActiveModel {
            supporter_id: Set(one.supporter_id),
            update_id: Set(update.id),
            letter_key: Set(mailing::key_of(mailing, one.supporter_id)),
            asked_at: Set(now),
        };
        store::insert_asks(tx, to.iter().map(ask).collect()).await?;
    }
    Ok(())
}

/// Somebody who gets it, with the text in her language or the one for whoever reads none of the others.
fn recipient(one: &Subscriber, update: &news_update::Model, contents: &HashMap<String, LetterContentId>) -> Result<Recipient, Error> {
    let hers = audience::language_of(one).tag();
    let (language, content_id) = contents
        .get_key_value(hers)
        .or_else(|| contents.get_key_value(&update.language))
        .or_else(|| contents.iter().next())
        .ok_or_else(|| Error::Internal("the mailing of an update has no text".to_owned()))?;
    let topic: Topic = one.topic.parse().map_err(|_| Error::Internal("a subscription is to nothing that is known".to_owned()))?;
    Ok(Recipient {
        supporter_id: one.supporter_id,
        to_address: one.email.clone(),
        to_name: one.name.clone(),
        content_id: *content_id,
        language: language.clone(),
        topic,
    })
}

/// Ends the letters of an update: none that has not left leaves. The caller writes the answer.
pub(super) async fn stop_in(
    tx: &DatabaseTransaction,
    update: news_update::Model,
    why: &str,
    now: DateTime<Utc>,
) -> Result<news_update::Model, Error> {
    if let Some(mailing) = update.mailing_id {
        mailing::stop(tx, mailing, why, now).await?;
    }
    Ok(news_update::Model { state: UpdateState::Stopped, ..update })
}

/// Looks after all updates: begins those whose time has come, has those go on that nobody works on, ends those that may not be told any
/// more, and marks those whose last letter has left. Done twice it changes nothing.
pub async fn tend(app: &App) -> Result<(), Error> {
    for update in store::due(app.db.read(), app.now(), TENDED_MAX).await? {
        begin_scheduled(app, update.id).await?;
    }
    let waiting: Vec<String> =
        jobs::waiting(app.db.read(), JOB).await?.iter().filter_map(|payload| Some(payload["update"].as_str()?.to_owned())).collect();
    for state in [UpdateState::Sending, UpdateState::Paused] {
        for update in store::in_state(app.db.read(), state, TENDED_MAX).await? {
            look_after(app, &update, waiting.contains(&update.id.to_string())).await?;
        }
    }
    Ok(())
}

/// Begins an update whose time has come; one that may not be told has no letters and is as it was before, with a word in the audit trail.
async fn begin_scheduled(app: &App, id: UpdateId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let before = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            if before.state != UpdateState::Scheduled || before.send_at.is_none_or(|at| at > now) {
                return Ok(());
            }
            let after = match require_open(tx, id).await {
                Ok(()) => begin(tx, app, before, now).await?,
                Err(Error::Conflict(_)) => news_update::Model { state: without_letters(&before), send_at: None, ..before },
                Err(other) => return Err(other),
            };
            store::save(tx, after.clone()).await?;
            let detail = json!({ "to": after.state, "expected": after.expected });
            audit::record(tx, now, &Actor::system(), "update.begin", "update", &id.to_string(), detail).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(())
}

async fn look_after(app: &App, update: &news_update::Model, is_worked_on: bool) -> Result<(), Error> {
    let (now, id) = (app.now(), update.id);
    let Some(mailing) = update.mailing_id else { return Ok(()) };
    let told = news::store::may_be_told(app.db.read(), id).await?;
    let is_over = update.taken_in_at.is_some() && mailing::progress(app.db.read(), mailing).await?.is_over();
    let is_idle = update.taken_in_at.is_none() && !is_worked_on && update.state == UpdateState::Sending;
    if told && !is_over && !is_idle {
        return Ok(());
    }
    app.db
        .write(async |tx| {
            let before = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            if before.state != update.state {
                return Ok(());
            }
            if told && !is_over {
                return enqueue_job(tx, app, &before, now).await;
            }
            let (after, what) = match told {
                false => (stop_in(tx, before, "it may not be told any more", now).await?, "update.stop"),
                true => (news_update::Model { state: UpdateState::Sent, sent_at: Some(now), ..before }, "update.sent"),
            };
            store::save(tx, after.clone()).await?;
            let detail = json!({ "budget": after.left_budget, "given": after.left_given, "other": after.left_other });
            audit::record(tx, now, &Actor::system(), what, "update", &id.to_string(), detail).await
        })
        .await
}

/// How far the letters of an update are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Its letters, as far as they are written.
    pub letters: mailing::Progress,
    /// How many there are or will be, as far as is known.
    pub expected: u64,
}

impl Progress {
    /// How many will not change any more.
    pub const fn done(&self) -> u64 {
        self.letters.total() - self.letters.waiting - self.letters.in_hand
    }
}

/// How far the letters of an update are. Asks the database; at most once a second.
pub async fn progress(app: &App, update: &news_update::Model) -> Result<Progress, Error> {
    let Some(mailing) = update.mailing_id else { return Ok(Progress::default()) };
    let letters = mailing::progress(app.db.read(), mailing).await?;
    let counted = u64::try_from(update.expected).unwrap_or(0);
    // What was counted at the confirmation is a guess until all letters are written.
    let expected = if update.taken_in_at.is_some() { letters.total() } else { counted.max(letters.total()) };
    Ok(Progress { letters, expected })
}
