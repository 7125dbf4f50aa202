//! What staff do with an update beside writing and sending it.

use super::{send, store};
use crate::{
    app::App,
    error::Error,
    mail::mailing,
    news,
    staff::audit::{self, Actor},
};
use chrono::{DateTime, Utc};
use entity::{ids::UpdateId, news_update, words::UpdateState};
use sea_orm::DatabaseTransaction;
use serde_json::json;
use std::{fmt, str::FromStr};

/// Why the letters of an update that was taken back do not leave.
const TAKEN_BACK: &str = "taken back";

/// What staff do with an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Onto its page and into the feeds, without letters.
    Publish,
    /// No letters at the set time after all.
    Unschedule,
    /// No letter leaves for a while.
    Pause,
    /// They leave again.
    Resume,
    /// No further letter leaves, ever.
    Stop,
    /// No page, no feed, no further letter: it puts somebody in danger, or is wrong.
    Hide,
    /// On its page again; letters that were stopped stay so.
    Unhide,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 7] = [Self::Publish, Self::Unschedule, Self::Pause, Self::Resume, Self::Stop, Self::Hide, Self::Unhide];

    /// Its word, in addresses and in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Unschedule => "unschedule",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Hide => "hide",
            Self::Unhide => "unhide",
        }
    }

    /// Whether it is allowed for an update as it is.
    pub const fn is_allowed(self, update: &news_update::Model) -> bool {
        use UpdateState::{Draft, Paused, Scheduled, Sending};
        match self {
            Self::Publish => matches!(update.state, Draft) && !update.hidden,
            Self::Unschedule => matches!(update.state, Scheduled),
            Self::Pause => matches!(update.state, Sending),
            Self::Resume => matches!(update.state, Paused) && !update.hidden,
            Self::Stop => matches!(update.state, Sending | Paused),
            Self::Hide => !update.hidden,
            Self::Unhide => update.hidden,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = Error;
    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == word).ok_or(Error::NotFound)
    }
}

/// Does it.
///
/// # Errors
/// `Conflict` where the verb is not allowed now, or what it is news of is a draft.
pub async fn apply(app: &App, actor: &Actor, id: UpdateId, verb: Verb) -> Result<news_update::Model, Error> {
    let now = app.now();
    let after = app
        .db
        .write(async |tx| {
            let before = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            if !verb.is_allowed(&before) {
                return Err(Error::Conflict(format!("this update is {}: it cannot be told to {verb}", before.state)));
            }
            let mut after = before.clone();
            match verb {
                Verb::Publish => {
                    require_open(tx, id).await?;
                    (after.state, after.published_at) = (UpdateState::Published, Some(now));
                }
                Verb::Unschedule => {
                    (after.state, after.send_at) = (without_letters(&before), None);
                }
                Verb::Pause => {
                    mailing::pause(tx, mailing_of(&before)?, "paused at the desk", now).await?;
                    after.state = UpdateState::Paused;
                }
                Verb::Resume => {
                    require_open(tx, id).await?;
                    mailing::resume(tx, mailing_of(&before)?).await?;
                    after.state = UpdateState::Sending;
                    send::enqueue_job(tx, app, &after, now).await?;
                }
                Verb::Stop => after = send::stop_in(tx, before.clone(), "stopped at the desk", now).await?,
                Verb::Hide => after = hide(tx, before.clone(), now).await?,
                Verb::Unhide => after.hidden = false,
            }
            // Feeds tell by this time that something changed.
            if matches!(verb, Verb::Hide | Verb::Unhide) {
                after.updated_at = now;
            }
            store::save(tx, after.clone()).await?;
            let detail = json!({ "from": before.state, "to": after.state });
            audit::record(tx, now, actor, &format!("update.{verb}"), "update", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await?;
    app.bell.notify_waiters();
    Ok(after)
}

/// The state of an update whose letters are not asked for any more: its page is as it was before.
pub(super) const fn without_letters(update: &news_update::Model) -> UpdateState {
    if update.published_at.is_some() { UpdateState::Published } else { UpdateState::Draft }
}

/// Takes an update back. A mailing that has ended is stopped too: a letter of it that failed could be tried again.
async fn hide(tx: &DatabaseTransaction, before: news_update::Model, now: DateTime<Utc>) -> Result<news_update::Model, Error> {
    let mut after = before.clone();
    match before.state {
        UpdateState::Sending | UpdateState::Paused => after = send::stop_in(tx, before, TAKEN_BACK, now).await?,
        UpdateState::Scheduled => (after.state, after.send_at) = (without_letters(&before), None),
        UpdateState::Sent => {
            let mailing = mailing_of(&before)?;
            if !mailing::stopped(tx, std::iter::once(mailing)).await?.contains(&mailing) {
                mailing::stop(tx, mailing, TAKEN_BACK, now).await?;
            }
        }
        UpdateState::Draft | UpdateState::Published | UpdateState::Stopped => {}
    }
    after.hidden = true;
    Ok(after)
}

/// Refuses what is news of a draft campaign.
pub(super) async fn require_open(tx: &DatabaseTransaction, id: UpdateId) -> Result<(), Error> {
    if news::store::may_be_told(tx, id).await? {
        return Ok(());
    }
    Err(Error::Conflict("it is news of a campaign that readers do not know yet, or it was taken back".to_owned()))
}

fn mailing_of(update: &news_update::Model) -> Result<entity::ids::MailingId, Error> {
    update.mailing_id.ok_or_else(|| Error::Internal("an update that is being sent has no mailing".to_owned()))
}
