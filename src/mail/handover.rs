//! From a letter in the outbox to the mail server: taking what is due, looking up what belongs to it, making the message, handing it over
//! and writing down what became of it.

use super::{
    clerk::judge_and_record,
    mailing::{self, GREETING, UNSUBSCRIBE},
    message::{self, Parts},
    note::greeting,
    outbox::Outbox,
    over, store, streams,
    suppression::{self, domain_of},
    topic::Topic,
    transport::{Delivery, Outcome, Parcel, Reply},
    unsubscribe::Wish,
};
use crate::{
    clock::Clock,
    db::Db,
    error::Error,
    i18n::{Language, plain},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{LetterContentId, LetterId, SupporterId},
    letter, letter_content, supporter,
    words::{LetterKind, LetterStage, LetterState, LetterStream, SuppressionReason},
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use lettre::Address;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a worker may hold a letter before it is handed over. Longer than [`super::smtp::SmtpLimits::offer`].
const LEASE_SECONDS: i64 = 120;

/// Letters taken in one round of [`Outbox::deliver_due`].
const ROUND: u64 = 16;

/// When what became of a letter is first written down again, after the database did not answer; each time it takes twice as long, eight
/// times in all: a minute.
const WRITTEN_DOWN_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Texts of mailings kept in memory: a mailing has one for each language.
const CONTENTS_MAX: usize = 32;

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

/// A letter that this worker holds, and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub letter: letter::Model,
    content: Option<Arc<letter_content::Model>>,
    hash: String,
    discreet: bool,
}

/// A talk with the mail server that is over, and of which nothing is written down yet.
#[derive(Debug)]
pub(super) struct Talk {
    letter: letter::Model,
    hash: String,
    end: End,
}

#[derive(Debug)]
enum End {
    /// It was an attempt.
    Tried(Delivery),
    /// Its text was not sent: it was held back, or its lease was lost.
    HeldBack,
    /// Its text was not sent, because the database did not say whether the lease was prolonged until then.
    NotNoted(DateTime<Utc>),
}

impl Talk {
    /// Whether the mail server could be reached.
    pub fn reached(&self) -> bool {
        !matches!(&self.end, End::Tried(Delivery { stage: LetterStage::Connect, outcome: Outcome::Transient(_) }))
    }

    /// Whether our own database answered.
    pub fn database_answered(&self) -> bool {
        !matches!(self.end, End::NotNoted(_))
    }
}

/// The texts of mailings that were asked for lately.
#[derive(Debug, Default)]
pub(super) struct Contents(Mutex<HashMap<LetterContentId, Arc<letter_content::Model>>>);

impl Contents {
    async fn get(&self, db: &Db, id: LetterContentId) -> Result<Arc<letter_content::Model>, Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = letter_content::Entity::find_by_id(id).one(db.read()).await?;
        let found = Arc::new(found.ok_or_else(|| Error::Internal(format!("the text {id} of a mailing is gone")))?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= CONTENTS_MAX {
            kept.clear();
        }
        kept.insert(id, Arc::clone(&found));
        Ok(found)
    }
}

impl Outbox {
    /// Sends what is due, one batch: receipts and notices first, news when none of these are due. Returns when all of the batch were
    /// heard out. Any number of workers may do so on one database. [`Outbox::send_stream`] does the same without pause.
    pub async fn deliver_due(&self, db: &Db, clock: &Clock) -> Result<Round, Error> {
        let recovered = self.recover(db, clock.now()).await?;
        let mut taken = self.take(db, clock.now(), LetterStream::Transactional, ROUND).await?;
        if taken.is_empty() {
            taken = self.take(db, clock.now(), LetterStream::Updates, ROUND).await?;
        }
        let tried = taken.len();
        let mut talks: FuturesUnordered<_> = taken.into_iter().map(|one| self.deliver(db, clock, one)).collect();
        let (mut sent, mut failure) = (0, None);
        // All are heard out, also after an error: dropping a talk in the middle would leave its letter's fate unknown.
        while let Some(result) = talks.next().await {
            match result {
                Ok(state) => sent += usize::from(state == Some(LetterState::Sent)),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(Round { tried, sent, recovered }),
        }
    }

    /// Takes up to `count` letters of a stream that are due. None while the stream is held back; no news while anything else is due: who
    /// waits for a receipt goes first. Letters to those who shall get none are kept from leaving on the way.
    pub(super) async fn take(&self, db: &Db, now: DateTime<Utc>, stream: LetterStream, count: u64) -> Result<Vec<Taken>, Error> {
        let paused = streams::paused(db.read()).await?;
        let is_paused = |stream| paused.iter().any(|one| one.stream == stream);
        if is_paused(stream) || !store::is_due(db.read(), stream, now).await? {
            return Ok(Vec::new());
        }
        let first = LetterStream::Transactional;
        if stream != first && !is_paused(first) && store::is_due(db.read(), first, now).await? {
            return Ok(Vec::new());
        }
        let lease_until = now + TimeDelta::seconds(LEASE_SECONDS);
        let letters = db.write(async |tx| store::lease(tx, stream, now, lease_until, count).await).await?;
        self.look_up(db, letters, now).await
    }

    /// What belongs to letters that were taken, in a few queries for all of them.
    async fn look_up(&self, db: &Db, letters: Vec<letter::Model>, now: DateTime<Utc>) -> Result<Vec<Taken>, Error> {
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        let hashes: Vec<String> = letters.iter().map(|letter| self.address_key().hash(&letter.to_address)).collect();
        let in_force = suppression::in_force_for(db.read(), &hashes).await?;
        let discreet = discreet_among(db, &letters).await?;
        let stopped = mailing::stopped(db.read(), letters.iter().filter_map(|letter| letter.mailing_id)).await?;
        let ended = mailing::ended(db.read(), &letters).await?;
        let over = over::among(db.read(), &letters, now).await?;
        let (mut taken, mut unwanted) = (Vec::with_capacity(letters.len()), Vec::new());
        for (letter, hash) in letters.into_iter().zip(hashes) {
            // It was in somebody's hands when its mailing was stopped, and had to wait.
            if letter.mailing_id.is_some_and(|id| stopped.contains(&id)) {
                unwanted.push((letter, mailing::STOPPED.to_owned()));
                continue;
            }
            // She ended these news while it was in somebody's hands, or while the batch that it is of was written.
            if ended.contains(&letter.id) {
                unwanted.push((letter, mailing::why(SuppressionReason::Unsubscribed)));
                continue;
            }
            // What it carries ended while it waited.
            if let Some(why) = over.get(&letter.id) {
                unwanted.push((letter, (*why).to_owned()));
                continue;
            }
            // A notice that was tried before, also because staff want it to be, is not held up by what came of that.
            let tried = letter.attempts > 1 && letter.stream == LetterStream::Transactional;
            // Whether the old mailbox of a change of address is there is what this very letter is to find out.
            let tried = tried || letter.kind == LetterKind::AddressChange;
            let against = in_force.against(&hash, letter.stream, letter.topic.parse().ok(), now);
            if let Some(reason) = against.filter(|reason| !(tried && *reason == SuppressionReason::HardBounce)) {
                unwanted.push((letter, mailing::why(reason)));
                continue;
            }
            let content = match letter.content_id {
                Some(id) => Some(self.contents.get(db, id).await?),
                None => None,
            };
            let discreet = self.discreet || discreet.contains(&letter.id);
            taken.push(Taken { letter, content, hash, discreet });
        }
        if !unwanted.is_empty() {
            db.write(async |tx| store::suppress(tx, &unwanted).await).await?;
            for (letter, _) in &unwanted {
                tracing::info!(letter = %letter.id, "letter not sent: its address shall get none, she wants none, its mailing was stopped, or it is of no use any more");
            }
        }
        Ok(taken)
    }

    /// Sends one letter that was taken, and writes down what became of it: its new state, or none when the lease was lost meanwhile.
    async fn deliver(&self, db: &Db, clock: &Clock, taken: Taken) -> Result<Option<LetterState>, Error> {
        let talk = self.talk(db, clock, taken).await;
        self.note(db, clock, talk).await
    }

    /// Hands one letter that was taken to the mail server.
    pub(super) async fn talk(&self, db: &Db, clock: &Clock, taken: Taken) -> Talk {
        let mut letter = taken.letter.clone();
        let way = self.way(letter.stream);
        let mut not_sent = None;
        let delivery = match self.pack(&taken, clock.now()) {
            Ok(parcel) => {
                let mut held_until = letter.lease_until;
                let note = async {
                    let until = clock.now() + self.dot_lease;
                    let noted = self.clerk.note_dot(db, &taken.letter, until).await;
                    not_sent = match &noted {
                        Ok(true) => None,
                        Ok(false) => Some(End::HeldBack),
                        Err(_) => Some(End::NotNoted(until)),
                    };
                    if !noted? {
                        return Err(Error::Conflict("it is held back, or another worker has taken it over".to_owned()));
                    }
                    held_until = Some(until);
                    Ok(())
                };
                let delivery = way.mailer.deliver(&parcel, note).await;
                letter.lease_until = held_until;
                delivery
            }
            // It would fail in the same way at every attempt.
            Err(why) => Delivery { stage: LetterStage::Rcpt, outcome: Outcome::Permanent(Reply::none(why)) },
        };
        Talk { letter, hash: taken.hash, end: not_sent.unwrap_or(End::Tried(delivery)) }
    }

    /// Writes down what became of a letter: its new state, or none when the lease was lost meanwhile.
    pub(super) async fn note(&self, db: &Db, clock: &Clock, talk: Talk) -> Result<Option<LetterState>, Error> {
        let Talk { letter, hash, end } = talk;
        let leases = match end {
            End::Tried(delivery) => {
                let (id, attempts) = (letter.id, letter.attempts);
                let state = self.write_down(db, clock, letter, &hash, &delivery).await?;
                tell(id, attempts, &delivery, state);
                return Ok(state);
            }
            End::HeldBack => vec![letter.lease_until],
            End::NotNoted(until) => vec![letter.lease_until, Some(until)],
        };
        // Not an attempt: it waits as it did before. When another worker has it, this changes nothing.
        let waits: Vec<_> = leases.into_iter().map(|lease_until| (letter::Model { lease_until, ..letter.clone() }, clock.now())).collect();
        db.write(async |tx| store::put_back(tx, &waits).await).await?;
        Ok(None)
    }

    /// Writes down what became of a letter. While the database does not answer, this is known here only, and forgetting it would leave the
    /// letter's fate unknown: so it is tried again for as long as a database takes to start anew.
    async fn write_down(
        &self,
        db: &Db,
        clock: &Clock,
        letter: letter::Model,
        hash: &str,
        delivery: &Delivery,
    ) -> Result<Option<LetterState>, Error> {
        let at = clock.now();
        let mut pause = WRITTEN_DOWN_AGAIN_AFTER;
        loop {
            match self.clerk.record(db, letter.clone(), hash.to_owned(), delivery.clone(), at).await {
                Err(error) if pause <= WRITTEN_DOWN_AGAIN_AFTER * 128 => {
                    tracing::warn!(letter = %letter.id, %error, "what became of a letter could not be written down, and is tried again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
    }

    /// The message, and who gets it.
    fn pack(&self, taken: &Taken, now: DateTime<Utc>) -> Result<Parcel, String> {
        let letter = &taken.letter;
        let to = deliverable(&letter.to_address)?;
        let mut from = self.way(letter.stream).from.clone();
        let language = Language::nearest(&letter.language).unwrap_or_default();
        let unsubscribe = self.unsubscribe_link(taken);
        let (mut subject, mut text, mut html) = match &taken.content {
            Some(content) => {
                let link = unsubscribe.as_deref().unwrap_or_default();
                let greeting = plain(greeting(language, &letter.to_name), language.dir());
                let (text, html) = match taken.discreet && !content.discreet_text.is_empty() {
                    true => (&content.discreet_text, &content.discreet_html),
                    false => (&content.text_body, &content.html_body),
                };
                let text = text.replace(UNSUBSCRIBE, link).replace(GREETING, &greeting);
                let html = html.replace(UNSUBSCRIBE, link).replace(GREETING, &escaped(&greeting));
                (content.subject.clone(), text, html)
            }
            None => (letter.subject.clone(), letter.text_body.clone(), letter.html_body.clone()),
        };
        if taken.discreet {
            from.name = None;
            subject = language.text("letter-discreet-subject");
            // Screens show the first words of a letter beside its subject, also while they are locked.
            let first = language.text("letter-discreet-first");
            text = format!("{first}\n\n{text}");
            html = with_first_words(&with_title(&html, &subject), &first);
        }
        let raw = message::write(&Parts {
            from: &from,
            to: &to,
            to_name: Some(&letter.to_name).filter(|_| !taken.discreet).map(String::as_str),
            message_id: &letter.message_id,
            date: letter.created_at,
            subject: &subject,
            text: &text,
            html: (!html.is_empty()).then_some(&html),
            language: &letter.language,
        });
        let mut raw = raw.map_err(|error| error.to_string())?;
        if letter.stream == LetterStream::Updates {
            raw = message::with_headers_of_news(unsubscribe.as_deref(), &raw);
        }
        if let Some(signer) = &self.signer {
            raw = signer.sign(&raw, from.email.domain(), now).map_err(|error| error.to_string())?;
        }
        let from = match &self.return_path {
            Some(path) => path.of(letter.id).map_err(|error| error.to_string())?,
            None => from.email,
        };
        Ok(Parcel { from, to, message_id: letter.message_id.clone(), raw })
    }

    /// The link that ends the news that a letter is one of; none in a letter that is no news.
    fn unsubscribe_link(&self, taken: &Taken) -> Option<String> {
        let topic: Topic = taken.letter.topic.parse().ok()?;
        let token = self.unsubscribe.token(&Wish { address_hash: taken.hash.clone(), topic })?;
        Some(format!("{}/unsubscribe/{token}", self.site))
    }

    /// Letters whose worker died while handing them over: nobody can know whether they arrived.
    pub(super) async fn recover(&self, db: &Db, now: DateTime<Utc>) -> Result<usize, Error> {
        if !store::is_lost_at_the_dot(db.read(), now).await? {
            return Ok(0);
        }
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

/// Which of these letters are discreet: written so, to the address of somebody who wants it so, or news for her whatever
/// her address is by now.
async fn discreet_among(db: &Db, letters: &[letter::Model]) -> Result<HashSet<LetterId>, Error> {
    let news_for: Vec<SupporterId> = letters.iter().filter_map(mailing::whose).collect();
    // Each is looked for in an index of its own: what there is none of is left out.
    let hers = Condition::any()
        .add(supporter::Column::Email.is_in(letters.iter().map(|letter| letter.to_address.to_lowercase())))
        .add_option((!news_for.is_empty()).then(|| supporter::Column::Id.is_in(news_for)));
    let found: Vec<(SupporterId, String)> = supporter::Entity::find()
        .select_only()
        .columns([supporter::Column::Id, supporter::Column::Email])
        .filter(supporter::Column::Discreet.eq(true))
        .filter(hers)
        .into_tuple()
        .all(db.read())
        .await?;
    let (ids, emails): (HashSet<SupporterId>, HashSet<String>) = found.into_iter().unzip();
    let is_discreet = |letter: &&letter::Model| {
        letter.discreet || emails.contains(&letter.to_address.to_lowercase()) || mailing::whose(letter).is_some_and(|id| ids.contains(&id))
    };
    Ok(letters.iter().filter(is_discreet).map(|letter| letter.id).collect())
}

/// The address as mail servers take it: a domain in a script of its own is written in ASCII, which every server understands.
fn deliverable(address: &str) -> Result<Address, String> {
    let wrong = |error: lettre::address::AddressError| format!("not an e-mail address: {error}");
    let to: Address = address.parse().map_err(wrong)?;
    if to.domain().is_ascii() {
        return Ok(to);
    }
    Address::new(to.user(), domain_of(address)).map_err(wrong)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The same HTML with another title.
fn with_title(html: &str, title: &str) -> String {
    match (html.find("<title>"), html.find("</title>")) {
        (Some(begin), Some(end)) if begin < end => format!("{}<title>{}{}", &html[..begin], escaped(title), &html[end..]),
        _ => html.to_owned(),
    }
}

/// The same HTML with a paragraph before all others.
fn with_first_words(html: &str, words: &str) -> String {
    let body = html.find("<body").and_then(|begin| Some(begin + html[begin..].find('>')? + 1));
    let at = body.unwrap_or(0);
    if html.is_empty() { String::new() } else { format!("{}<p>{}</p>{}", &html[..at], escaped(words), &html[at..]) }
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
