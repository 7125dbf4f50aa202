//! What comes back to the address of bounces: from a pipe, or from a Maildir. (There is no IMAP: fetch with a program such as mbsync or
//! getmail into a Maildir.) A message counts only when it names a letter with a right signature, so nobody can forge one.

use super::{
    consequences::{self, Bounced},
    outbox::Outbox,
    report::{self, Report},
    retry::NEVER,
};
use crate::{
    clock::{Clock, Random},
    db::Db,
    error::Error,
};
use entity::{
    ids::LetterId,
    letter, letter_attempt,
    words::{BounceSeverity, BounceVia, LetterStage, LetterState},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The most that is read of one message.
const MESSAGE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Messages taken from a Maildir in one go.
const MESSAGES_MAX: usize = 500;

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A letter came back, and what that says of its address.
    Bounced(LetterId, BounceSeverity),
    /// Somebody complained: she gets no more news.
    Complained,
    /// It was known already, or it only says that something is late.
    Nothing,
    /// It names no letter of ours with a right signature: nothing was done.
    NotOurs,
}

impl Outbox {
    /// Takes in one message that came back. `delivered_to` is the address that it was delivered to, where the mail server tells it.
    pub async fn hear(&self, db: &Db, clock: &Clock, raw: &[u8], delivered_to: Option<&str>) -> Result<Heard, Error> {
        let signed = self.return_path.as_ref().and_then(|path| {
            let by_address = delivered_to.and_then(|address| path.find(address.as_bytes()));
            by_address.or_else(|| path.find(raw))
        });
        let report = report::read(raw);
        let letter = match signed {
            Some(id) => letter::Entity::find_by_id(id).one(db.read()).await?,
            None => None,
        };
        if letter.as_ref().is_some_and(|letter| letter.state == LetterState::Leased && letter.lease_until > Some(clock.now())) {
            // A server nearby is quicker with its report than we with writing down that it took the letter.
            return Err(Error::Unavailable("the letter is in the midst of being handed over".to_owned()));
        }
        let (now, random) = (clock.now(), Random::default());
        let bounced = match (&report, &letter) {
            (Report::Complaint, None) => return self.hear_complaint(db, clock, raw).await,
            (_, None) => return Ok(Heard::NotOurs),
            (Report::Notice | Report::Other, Some(_)) => return Ok(Heard::Nothing),
            (Report::Complaint, Some(_)) => {
                Bounced { via: BounceVia::Complaint, severity: BounceSeverity::Complaint, status: String::new(), diagnostic: String::new() }
            }
            (Report::Failed { severity, status, diagnostic }, Some(_)) => {
                Bounced { via: BounceVia::Report, severity: *severity, status: status.clone(), diagnostic: diagnostic.clone() }
            }
        };
        let Some(letter) = letter else { return Ok(Heard::NotOurs) };
        let heard = db
            .write(async |tx| {
                // Read again under a lock: its recipient may be erased at this moment.
                let letter = letter::Entity::find_by_id(letter.id).lock_exclusive().one(tx).await?.ok_or(Error::NotFound)?;
                let mut bounced = bounced.clone();
                if letter.to_address.is_empty() {
                    bounced.diagnostic.clear();
                }
                let hash = self.address_key().hash(&letter.to_address);
                if !consequences::of_bounce(tx, &letter, &hash, &bounced, &random, now).await? {
                    return Ok(Heard::Nothing);
                }
                if bounced.severity == BounceSeverity::Complaint {
                    return Ok(Heard::Complained);
                }
                note_return(tx, &letter, &bounced, now).await?;
                Ok(Heard::Bounced(letter.id, bounced.severity))
            })
            .await?;
        tracing::info!(letter = %letter.id, severity = bounced.severity.as_str(), known = heard == Heard::Nothing, "a letter came back");
        Ok(heard)
    }

    /// A complaint often lacks the address that the letter came from, but it has the letter's link to unsubscribe, which is signed too.
    async fn hear_complaint(&self, db: &Db, clock: &Clock, raw: &[u8]) -> Result<Heard, Error> {
        let text = String::from_utf8_lossy(raw).replace("\r\n", "\n").replace("=\n", "").replace("\n ", "").replace("\n\t", "");
        let wish = text.split("/unsubscribe/").skip(1).find_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(rest.len());
            self.unsubscribe.read(&rest[..end])
        });
        let Some(wish) = wish else { return Ok(Heard::NotOurs) };
        let (now, random) = (clock.now(), Random::default());
        db.write(async |tx| consequences::of_complaint(tx, &wish.address_hash, None, &random, now).await).await?;
        Ok(Heard::Complained)
    }

    /// Takes in what is new in a Maildir; each message goes to `cur` afterwards. Returns what came of them.
    pub async fn hear_maildir(&self, db: &Db, clock: &Clock, folder: &Path) -> Result<Vec<Heard>, Error> {
        let new = folder.join("new");
        let listed = tokio::task::spawn_blocking(move || list(&new)).await.map_err(|error| Error::internal("the Maildir", error))?;
        let files = listed.map_err(|error| Error::Unavailable(format!("{}: {error}. Check MAIL_BOUNCE_DIR", folder.display())))?;
        let mut heard = Vec::new();
        for file in files {
            let path = file.clone();
            let raw = tokio::task::spawn_blocking(move || read(&path)).await.map_err(|error| Error::internal("the Maildir", error))?;
            let Ok(raw) = raw else { continue };
            // One message that cannot be taken in now holds up no other; it stays where it is.
            match self.hear(db, clock, &raw, None).await {
                Ok(one) => heard.push(one),
                Err(error) => {
                    tracing::warn!(%error, "a message in the Maildir of bounces cannot be taken in now");
                    continue;
                }
            }
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let seen = folder.join("cur").join(format!("{name}:2,S"));
            // Taken in twice it counts once, so a message that cannot be moved does no harm but work.
            if let Err(error) = tokio::fs::rename(&file, &seen).await {
                tracing::warn!(%error, "a message in the Maildir of bounces cannot be moved to `cur`");
            }
        }
        Ok(heard)
    }
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    files.truncate(MESSAGES_MAX);
    Ok(files)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut raw = Vec::new();
    fs::File::open(path)?.take(MESSAGE_BYTES_MAX).read_to_end(&mut raw)?;
    Ok(raw)
}

/// The letter's own story tells that it came back.
async fn note_return(
    tx: &DatabaseTransaction,
    letter: &letter::Model,
    bounced: &Bounced,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    let reply: String = format!("{} {}", bounced.status, bounced.diagnostic).trim().chars().take(200).collect();
    let changed = letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Bounced))
        .col_expr(letter::Column::NextAt, Expr::value(NEVER))
        .col_expr(letter::Column::LastReply, Expr::value(reply.as_str()))
        .filter(letter::Column::Id.eq(letter.id))
        .filter(letter::Column::State.is_in([LetterState::Sent, LetterState::Unknown, LetterState::Deferred]))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 {
        let attempt = letter_attempt::ActiveModel {
            id: NotSet,
            letter_id: Set(letter.id),
            at: Set(now),
            stage: Set(LetterStage::Done),
            state: Set(LetterState::Bounced),
            smtp_code: Set(None),
            reply: Set(reply),
        };
        letter_attempt::Entity::insert(attempt).exec_without_returning(tx).await?;
    }
    Ok(())
}
