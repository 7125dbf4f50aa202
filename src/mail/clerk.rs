//! Writes down what happens to letters, for many talks at once: while one commit waits for the disk, what the other talks have to say
//! gathers, and goes into the next. Nothing is answered before it is on the disk.

use super::{
    bulk::{self, Dot, Taken},
    consequences, retry, store,
    transport::{Delivery, Outcome},
};
use crate::{clock::Random, db::Db, error::Error};
use chrono::{DateTime, Utc};
use entity::{ids::LetterId, letter, words::LetterState};
use sea_orm::DatabaseTransaction;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

/// How much goes into one transaction.
const ENTRIES_MAX: usize = 500;

/// Gathers what is to be written down.
#[derive(Debug, Default)]
pub(super) struct Clerk {
    pending: Mutex<Vec<Entry>>,
    turn: AsyncMutex<()>,
    random: Random,
}

#[derive(Debug)]
struct Entry {
    news: News,
    answer: oneshot::Sender<Result<Option<LetterState>, String>>,
}

#[derive(Debug)]
enum News {
    /// The text is about to be sent.
    Dot(Dot),
    /// An attempt is over.
    Over { letter: Box<letter::Model>, hash: String, delivery: Delivery, at: DateTime<Utc> },
}

impl News {
    fn letter(&self) -> LetterId {
        match self {
            Self::Dot(dot) => dot.id,
            Self::Over { letter, .. } => letter.id,
        }
    }
}

impl Clerk {
    /// Notes that a letter's text is about to be sent; false when the lease is no longer ours.
    pub async fn note_dot(&self, db: &Db, letter: &letter::Model, lease_until: DateTime<Utc>) -> Result<bool, Error> {
        let Some(held_until) = letter.lease_until else { return Ok(false) };
        Ok(self.write(db, News::Dot(Dot { id: letter.id, held_until, lease_until })).await?.is_some())
    }

    /// Judges an attempt and writes it down; none when the lease is no longer ours. `hash` is the address's.
    pub async fn record(
        &self,
        db: &Db,
        letter: letter::Model,
        hash: String,
        delivery: Delivery,
        at: DateTime<Utc>,
    ) -> Result<Option<LetterState>, Error> {
        self.write(db, News::Over { letter: Box::new(letter), hash, delivery, at }).await
    }

    async fn write(&self, db: &Db, news: News) -> Result<Option<LetterState>, Error> {
        let (answer, mut heard) = oneshot::channel();
        self.lock().push(Entry { news, answer });
        loop {
            let _turn = self.turn.lock().await;
            // Somebody else may have written ours down meanwhile.
            match heard.try_recv() {
                Ok(result) => return result.map_err(Error::Unavailable),
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(Error::Internal("what became of a letter was not written down".to_owned()));
                }
            }
            let entries = next_entries(&mut self.lock());
            self.write_all(db, entries).await;
        }
    }

    async fn write_all(&self, db: &Db, entries: Vec<Entry>) {
        let (news, answers): (Vec<News>, Vec<_>) = entries.into_iter().map(|entry| (entry.news, entry.answer)).unzip();
        let written = db.write(async |tx| write_down(tx, &news, &self.random).await).await;
        match written {
            Ok(written) => {
                for (one, answer) in news.iter().zip(answers) {
                    let _ = answer.send(Ok(written.get(&one.letter()).copied()));
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(error.to_string()));
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What goes into the next transaction. Of each letter one entry at most: a worker whose lease has ended and one that holds the new lease
/// may both have something to say, and each must get its own answer.
fn next_entries(pending: &mut Vec<Entry>) -> Vec<Entry> {
    let mut letters = HashSet::new();
    pending.extract_if(.., |entry| letters.len() < ENTRIES_MAX && letters.insert(entry.news.letter())).collect()
}

/// All of it in one transaction. Returns the letters whose lease was ours, with their new state.
async fn write_down(tx: &DatabaseTransaction, news: &[News], random: &Random) -> Result<HashMap<LetterId, LetterState>, Error> {
    let mut written = HashMap::new();
    let (mut dots, mut taken) = (Vec::new(), Vec::new());
    for one in news {
        match one {
            News::Dot(dot) => dots.push(*dot),
            News::Over { letter, delivery: Delivery { outcome: Outcome::Sent(reply), .. }, at, .. } => {
                if let Some(held_until) = letter.lease_until {
                    taken.push(Taken { id: letter.id, held_until, reply: reply.clone(), at: *at });
                }
            }
            News::Over { .. } => {}
        }
    }
    written.extend(bulk::note_dots(tx, &dots).await?.into_iter().map(|id| (id, LetterState::Leased)));
    written.extend(bulk::record_taken(tx, &taken).await?.into_iter().map(|id| (id, LetterState::Sent)));
    for one in news {
        if let News::Over { letter, hash, delivery, at } = one
            && !matches!(delivery.outcome, Outcome::Sent(_))
            && let Some(state) = judge_and_record(tx, letter, delivery, *at).await?
        {
            written.insert(letter.id, state);
            consequences::of_answer(tx, letter, hash, delivery, random, *at).await?;
        }
    }
    Ok(written)
}

/// Judges an attempt that did not simply succeed, and writes it down; none when the lease is no longer ours.
pub(super) async fn judge_and_record(
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

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(id: LetterId, held_until: DateTime<Utc>) -> Entry {
        Entry { news: News::Dot(Dot { id, held_until, lease_until: held_until }), answer: oneshot::channel().0 }
    }

    #[test]
    fn two_workers_with_one_letter_are_answered_one_after_the_other() {
        let (random, now) = (Random::default(), DateTime::UNIX_EPOCH);
        let (first, second): (LetterId, LetterId) = (random.id(now), random.id(now));
        let later = now + chrono::TimeDelta::seconds(120);
        let mut pending = vec![dot(first, now), dot(first, later), dot(second, later)];
        let ids = |entries: Vec<Entry>| entries.iter().map(|entry| entry.news.letter()).collect::<Vec<_>>();
        assert_eq!(ids(next_entries(&mut pending)), [first, second]);
        assert_eq!(ids(next_entries(&mut pending)), [first]);
        assert!(pending.is_empty());
    }
}
