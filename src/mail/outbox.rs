//! The outbox: a letter is written down in the transaction of what it tells, and goes out afterwards.
//!
//! What we promise: a letter whose transaction was committed is tried until it is taken, refused or given up after 72 hours; none is
//! sent twice, but for a receipt whose fate is unknown (RFC 1047), which goes out once more with the same Message-ID.

use super::{
    files::MailFolder,
    message::{self, Parts},
    retry,
    smtp::{SmtpLimits, SmtpServer},
    store,
    transport::{Delivery, Mailer, Outcome, Parcel, Reply},
};
use crate::{
    clock::Clock,
    config::{Config, MailWay},
    db::Db,
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{DonationId, LetterId, ReceiptId},
    letter,
    words::{LetterKind, LetterStage, LetterState},
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use lettre::{Address, message::Mailbox};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction,
};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// How long a worker may hold a letter before it is handed over. Longer than [`SmtpLimits::offer`].
const LEASE_SECONDS: i64 = 120;

/// What the lease has beyond the wait for the answer to the final dot.
const LEASE_MARGIN_SECONDS: i64 = 60;

/// Letters taken in one go: enough to keep the connections busy, few enough that the last still starts within its lease.
const BATCH: u64 = 16;

/// A letter to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// What it tells.
    pub kind: LetterKind,
    /// `receipt:R-2026-000123`: the same news is told once.
    pub dedupe_key: String,
    /// The donation it tells of.
    pub donation_id: Option<DonationId>,
    /// The receipt it carries.
    pub receipt_id: Option<ReceiptId>,
    /// To whom.
    pub to_address: String,
    /// Her name; may be empty.
    pub to_name: String,
    /// The subject.
    pub subject: String,
    /// The text part: complete by itself.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Its language: `en`, `fa-AF`, `ps`.
    pub language: String,
}

/// What one round of the worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Letters that were tried.
    pub tried: usize,
    /// Of these, letters that were taken.
    pub sent: usize,
    /// Letters of a worker that died while handing them over.
    pub recovered: usize,
}

/// The way out, and who writes.
#[derive(Clone, Debug)]
pub struct Outbox {
    mailer: Mailer,
    from: Mailbox,
    dot_lease: TimeDelta,
}

impl Outbox {
    /// The outbox of this configuration.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let from = sender(&config.org_name, &config.mail_from)?;
        let mailer = match &config.mail {
            MailWay::Files(dir) => Mailer::Files(Arc::new(MailFolder::new(dir))),
            MailWay::Smtp(url) => {
                let server = SmtpServer::new(url.expose_secret(), from.email.domain(), SmtpLimits::default());
                Mailer::Smtp(Arc::new(server.map_err(|error| Error::Invalid(format!("SMTP_URL: {error}")))?))
            }
        };
        Ok(Self::new(mailer, from))
    }

    /// An outbox that sends by `mailer` in the name of `from`.
    pub fn new(mailer: Mailer, from: Mailbox) -> Self {
        let after_dot = match &mailer {
            Mailer::Smtp(server) => server.limits().after_dot,
            Mailer::Files(_) | Mailer::Memory(_) => SmtpLimits::default().after_dot,
        };
        let dot_lease = TimeDelta::from_std(after_dot).unwrap_or(TimeDelta::MAX) + TimeDelta::seconds(LEASE_MARGIN_SECONDS);
        Self { mailer, from, dot_lease }
    }

    /// The way out.
    pub fn mailer(&self) -> &Mailer {
        &self.mailer
    }

    /// Writes a letter into the outbox, in the transaction of what it tells. A second letter with the same key is not written; the
    /// answer is the id of the one that is there. One to nobody (she gave by hand and has no address) is kept and never sent.
    pub async fn enqueue(&self, tx: &DatabaseTransaction, letter: NewLetter, id: LetterId, now: DateTime<Utc>) -> Result<LetterId, Error> {
        let state = if letter.to_address.is_empty() { LetterState::Suppressed } else { LetterState::Queued };
        let row = letter::ActiveModel {
            id: Set(id),
            kind: Set(letter.kind),
            dedupe_key: Set(letter.dedupe_key),
            donation_id: Set(letter.donation_id),
            receipt_id: Set(letter.receipt_id),
            to_address: Set(letter.to_address),
            to_name: Set(letter.to_name),
            subject: Set(letter.subject),
            text_body: Set(letter.text),
            html_body: Set(letter.html),
            language: Set(letter.language),
            message_id: Set(format!("{id}@{}", self.from.email.domain())),
            state: Set(state),
            attempts: Set(0),
            next_at: Set(now),
            lease_until: Set(None),
            last_stage: NotSet,
            smtp_code: NotSet,
            last_reply: Set(String::new()),
            created_at: Set(now),
            sent_at: NotSet,
        };
        store::insert(tx, row).await
    }

    /// Sends what is due, one batch. The worker calls it again at once while `tried` is not zero, else after a pause. Any number of
    /// workers may do so on one database.
    pub async fn deliver_due(&self, db: &Db, clock: &Clock) -> Result<Round, Error> {
        let now = clock.now();
        if !store::has_work(db.read(), now).await? {
            return Ok(Round::default());
        }
        let recovered = self.recover(db, now).await?;
        let lease_until = now + TimeDelta::seconds(LEASE_SECONDS);
        let letters = db.write(async |tx| store::lease(tx, now, lease_until, BATCH).await).await?;
        let tried = letters.len();
        let mut talks = FuturesUnordered::new();
        for letter in letters {
            talks.push(self.deliver(db, clock, letter));
        }
        let (mut sent, mut failure) = (0, None);
        // All are heard out, also after an error: dropping a talk in the middle would leave its letter's fate unknown.
        while let Some(result) = talks.next().await {
            match result {
                Ok(state) => sent += usize::from(state == Some(LetterState::Sent)),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        Ok(Round { tried, sent, recovered })
    }

    /// Sends one leased letter and writes down what became of it; none when the lease was lost meanwhile.
    async fn deliver(&self, db: &Db, clock: &Clock, mut letter: letter::Model) -> Result<Option<LetterState>, Error> {
        let delivery = match self.pack(&letter) {
            Ok(parcel) => {
                let mut held_until = letter.lease_until;
                let held = letter.clone();
                let note = async {
                    let until = clock.now() + self.dot_lease;
                    let noted = db.write(async |tx| store::note_dot(tx, &held, until).await).await?;
                    held_until = Some(until);
                    if noted { Ok(()) } else { Err(Error::Conflict("another worker has taken the letter over".to_owned())) }
                };
                let delivery = self.mailer.deliver(&parcel, note).await;
                letter.lease_until = held_until;
                delivery
            }
            // It would fail in the same way at every attempt.
            Err(why) => Delivery { stage: LetterStage::Rcpt, outcome: Outcome::Permanent(Reply::none(why)) },
        };
        let (id, attempts) = (letter.id, letter.attempts);
        let (now, outcome) = (clock.now(), delivery.clone());
        let state = db.write(async |tx| judge_and_record(tx, &letter, &outcome, now).await).await?;
        tell(id, attempts, &delivery, state);
        Ok(state)
    }

    fn pack(&self, letter: &letter::Model) -> Result<Parcel, String> {
        let to: Address = letter.to_address.parse().map_err(|error| format!("not an e-mail address: {error}"))?;
        let raw = message::write(&Parts {
            from: &self.from,
            to: &to,
            to_name: Some(&letter.to_name),
            message_id: &letter.message_id,
            date: letter.created_at,
            subject: &letter.subject,
            text: &letter.text_body,
            html: (!letter.html_body.is_empty()).then_some(&letter.html_body),
            language: &letter.language,
        });
        let raw = raw.map_err(|error| error.to_string())?;
        Ok(Parcel { from: self.from.email.clone(), to, message_id: letter.message_id.clone(), raw })
    }

    /// Letters whose worker died while handing them over: nobody can know whether they arrived.
    async fn recover(&self, db: &Db, now: DateTime<Utc>) -> Result<usize, Error> {
        let recovered = db
            .write(async |tx| {
                let lost = store::lost_at_the_dot(tx, now).await?;
                let reply = Reply::none("the worker stopped while it handed the letter over");
                let delivery = Delivery { stage: LetterStage::Dot, outcome: Outcome::Unknown(reply) };
                for letter in &lost {
                    judge_and_record(tx, letter, &delivery, now).await?;
                }
                Ok(lost.into_iter().map(|letter| letter.id).collect::<Vec<_>>())
            })
            .await?;
        for letter in &recovered {
            tracing::warn!(%letter, state = "unknown", "a worker stopped while it handed the letter over");
        }
        Ok(recovered.len())
    }
}

async fn judge_and_record(
    tx: &DatabaseTransaction,
    letter: &letter::Model,
    delivery: &Delivery,
    now: DateTime<Utc>,
) -> Result<Option<LetterState>, Error> {
    let unknown_before = match delivery.outcome {
        Outcome::Unknown(_) => store::unknown_attempts(tx, letter.id).await?,
        _ => 0,
    };
    let verdict = retry::judge(letter.kind, letter.attempts, unknown_before, delivery, now);
    Ok(store::record(tx, letter, delivery, verdict, now).await?.then_some(verdict.state))
}

/// To the log: ids and codes only, because an answer may repeat the address.
fn tell(letter: LetterId, attempts: i64, delivery: &Delivery, state: Option<LetterState>) {
    let (stage, code) = (delivery.stage.as_str(), delivery.outcome.reply().code);
    match state {
        Some(LetterState::Sent) => tracing::info!(%letter, attempts, "letter sent"),
        Some(LetterState::Deferred) => tracing::info!(%letter, attempts, stage, code, "letter deferred"),
        Some(state) => tracing::warn!(%letter, attempts, stage, code, state = state.as_str(), "letter not sent; see the desk's outbox"),
        None => tracing::warn!(%letter, "another worker has taken the letter over"),
    }
}

/// Has a letter tried again now, as staff ask. The same letter with the same Message-ID: whoever has it already gets no second one
/// from a server that looks.
pub async fn retry_letter(tx: &DatabaseTransaction, id: LetterId, now: DateTime<Utc>) -> Result<(), Error> {
    use LetterState::{Bounced, Dead, Deferred, Unknown};
    if store::make_due(tx, id, &[Deferred, Bounced, Unknown, Dead], now).await? {
        return Ok(());
    }
    let (letter, _) = store::find(tx, id).await?;
    Err(Error::Conflict(format!("the letter is {} and cannot be tried again; to send its content once more, resend it", letter.state)))
}

/// The same content as a new letter, to the same address or a corrected one. `dedupe_key` tells one wish to resend from another.
pub fn copy_of(letter: &letter::Model, dedupe_key: String, to_address: Option<&str>) -> NewLetter {
    NewLetter {
        kind: letter.kind,
        dedupe_key,
        donation_id: letter.donation_id,
        receipt_id: letter.receipt_id,
        to_address: to_address.unwrap_or(&letter.to_address).to_owned(),
        to_name: letter.to_name.clone(),
        subject: letter.subject.clone(),
        text: letter.text_body.clone(),
        html: letter.html_body.clone(),
        language: letter.language.clone(),
    }
}

/// `Name <address>` with the domain in ASCII, because it also greets mail servers and ends Message-IDs.
fn sender(name: &str, address: &str) -> Result<Mailbox, Error> {
    let wrong = || Error::Invalid("MAIL_FROM must be one bare address such as giving@example.org".to_owned());
    let (user, domain) = address.rsplit_once('@').ok_or_else(wrong)?;
    let domain = url::Host::parse(domain).map_err(|_| wrong())?.to_string();
    let address = Address::new(user, domain).map_err(|_| wrong())?;
    Ok(Mailbox::new(message::display_name(name), address))
}
/// Fails to compile when a round of the worker could not be run on its own task.
const _: fn(&'static Outbox, &'static Db, &'static Clock) = |outbox, db, clock| {
    fn may_be_spawned(_: impl Send + 'static) {}
    may_be_spawned(outbox.deliver_due(db, clock));
};
