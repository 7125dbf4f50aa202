//! The live counter: beacons go through one bounded queue to one writer, which commits them in groups and only then answers.
//!
//! A group is whatever has come in while the commit before it was on its way: one beacon when it is quiet, a thousand when it is not.
//! What a group adds to the day is one row of the journal, so an answer means that the view survives a kill. When the queue is full
//! the answer is "come back later", and nothing that was acknowledged is lost.

use super::day::{Beacon, Day, Key, Tally, Token};
use super::filter::Bucket;
use super::journal::Segment;
use super::key::KeyPlace;
use super::store;
use super::token::{DayKey, Network, Scope};
use crate::clock::{Clock, Random, hex};
use crate::db::Db;
use crate::error::Error;
use chrono::{DateTime, NaiveDate, Utc};
use entity::ids::{ArticleId, CampaignId};
use entity::words::ReaderSource;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot};

/// How many beacons may wait for the writer. Past it, they are refused.
const WAITING_MAX: usize = 8_192;

/// How many beacons one group commit takes.
const GROUP_MAX: usize = 1_024;

/// How much may be held back while the database does not answer, in tokens.
const UNWRITTEN_MAX: usize = 200_000;

/// A view that passed the filter by its headers.
pub struct View<'a> {
    /// The article.
    pub article: ArticleId,
    /// The campaigns that stood on it when the view came in.
    pub campaigns: &'a [CampaignId],
    /// How it reached us.
    pub source: ReaderSource,
    /// The page load's own number; the pixel has none.
    pub load: Option<u64>,
    /// Where from. Forgotten when the tokens are made.
    pub network: Network,
    /// With what. Forgotten when the tokens are made.
    pub user_agent: &'a [u8],
}

/// The counter of this process. Clones share one state.
#[derive(Clone)]
pub struct Counter(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) keys: KeyPlace,
    pub(super) node: Arc<str>,
    pub(super) state: Mutex<State>,
    /// How many pieces of the journal were written since it was last folded.
    pub(super) pieces: AtomicUsize,
    current_key: RwLock<Option<Arc<DayKey>>>,
    making_key: tokio::sync::Mutex<()>,
    queue: mpsc::Sender<Waiting>,
}

/// What is counted and not closed, and what the closed days come to.
#[derive(Default)]
pub(super) struct State {
    pub(super) days: BTreeMap<NaiveDate, Day>,
    /// Of each day and process, the newest piece of the journal that was taken in.
    pub(super) seen: HashMap<(NaiveDate, String), i64>,
    /// Days whose figures cannot be true: they stay open until someone has looked.
    pub(super) stuck: BTreeSet<NaiveDate>,
    /// The views of each article in its closed days, once they were read.
    pub(super) closed_views: Option<BTreeMap<uuid::Uuid, i64>>,
}

struct Waiting {
    day: NaiveDate,
    source: ReaderSource,
    beacon: Beacon,
    answer: oneshot::Sender<Result<Bucket, Error>>,
}

impl Counter {
    /// Opens the counter: takes in the journal of every open day, and starts its writer and its keeper, which end with the last clone.
    pub async fn open(db: Db, clock: Clock, random: Random, keys: KeyPlace) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let node: Arc<str> = hex(&random.bytes::<8>()).into();
        let inner = Arc::new(Inner {
            db,
            clock,
            random,
            keys,
            node,
            state: Mutex::default(),
            pieces: AtomicUsize::new(0),
            current_key: RwLock::default(),
            making_key: tokio::sync::Mutex::default(),
            queue,
        });
        inner.keep().await?;
        tokio::spawn(write_groups(Arc::downgrade(&inner), waiting));
        tokio::spawn(super::keeper::keep_always(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Counts a beacon that the filter has put into a bucket. `article` is the article it named, if it names one, with its campaigns.
    pub async fn put(&self, bucket: Bucket, source: ReaderSource, article: Option<(ArticleId, &[CampaignId])>) -> Result<Bucket, Error> {
        let scopes = article.map_or_else(|| vec![Scope::SITE], |(article, campaigns)| scopes_of(article, campaigns));
        self.enqueue(self.0.clock.now(), source, Beacon::Filtered { bucket, scopes }).await
    }

    /// Counts a view now. The answer is the bucket it ended in; when it comes, the view cannot be lost by a kill.
    pub async fn count(&self, view: &View<'_>) -> Result<Bucket, Error> {
        self.count_at(view, self.0.clock.now()).await
    }

    /// Counts a view that came in at a time.
    pub async fn count_at(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Bucket, Error> {
        let key = self.0.key_of(now.date_naive()).await?;
        self.enqueue(now, view.source, qualify(&key, view)).await
    }

    async fn enqueue(&self, now: DateTime<Utc>, source: ReaderSource, beacon: Beacon) -> Result<Bucket, Error> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { day: now.date_naive(), source, beacon, answer };
        self.0.queue.try_send(waiting).map_err(|_| Error::Unavailable("too many readers at once; try again in a moment".to_owned()))?;
        answered.await.unwrap_or_else(|_| Err(Error::Unavailable("the counter is stopping; try again in a moment".to_owned())))
    }

    /// Does what the keeper does on its beat: takes in what other processes counted, closes days that are over, folds the journal.
    pub async fn keep(&self) -> Result<(), Error> {
        self.0.keep().await
    }

    /// The views of an article: its closed days, and what is open.
    pub fn views(&self, article: ArticleId) -> i64 {
        self.views_of_many(&[article])[0]
    }

    /// The views of articles, in the order asked.
    pub fn views_of_many(&self, articles: &[ArticleId]) -> Vec<i64> {
        let state = self.0.state();
        let open = |article: &ArticleId| -> u64 {
            let of = |day: &Day, source| day.counts((Scope::article(*article), source)).of(Bucket::Counted);
            state.days.values().map(|day| of(day, ReaderSource::Script) + of(day, ReaderSource::Pixel)).sum()
        };
        articles
            .iter()
            .map(|article| {
                let closed = state.closed_views.as_ref().and_then(|views| views.get(&article.0)).copied().unwrap_or(0);
                closed.saturating_add_unsigned(open(article))
            })
            .collect()
    }

    /// What the open days come to so far.
    pub fn open_days(&self) -> Vec<(NaiveDate, BTreeMap<Key, Tally>)> {
        self.0.state().days.iter().map(|(date, day)| (*date, day.tally())).collect()
    }

    /// What one scope comes to so far in the open days, by source.
    pub fn open_days_of(&self, scope: Scope) -> Vec<(NaiveDate, ReaderSource, Tally)> {
        let state = self.0.state();
        let sources = [ReaderSource::Script, ReaderSource::Pixel];
        let of = |day: &Day| sources.map(|source| (day.date, source, day.tally_of((scope, source))));
        state.days.values().flat_map(of).filter(|(_, _, tally)| tally.counts.received > 0).collect()
    }

    /// The bytes of a day's sets: equal in two processes that know the same.
    pub fn bytes_of(&self, day: NaiveDate) -> Option<Vec<u8>> {
        self.0.state().days.get(&day).map(Day::to_bytes)
    }
}

/// The scopes that a view of an article counts in.
pub(super) fn scopes_of(article: ArticleId, campaigns: &[CampaignId]) -> Vec<Scope> {
    [Scope::SITE, Scope::article(article)].into_iter().chain(campaigns.iter().map(|id| Scope::campaign(*id))).collect()
}

/// Makes a view's tokens; where it came from and with what is not kept.
pub(super) fn qualify(key: &DayKey, view: &View<'_>) -> Beacon {
    let crowd = key.crowd(view.network);
    let tokens = scopes_of(view.article, view.campaigns)
        .into_iter()
        .map(|scope| Token { scope, token: key.token(scope, view.network, view.user_agent), crowd: crowd.within(scope) })
        .collect();
    Beacon::Qualified { epoch: key.epoch, load: view.load.map(|load| key.load(view.article, load)), tokens }
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Counting never stops halfway through a change that matters: totals and sets only grow.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a day, from memory when it is today's.
    async fn key_of(&self, day: NaiveDate) -> Result<Arc<DayKey>, Error> {
        let held = || self.current_key.read().unwrap_or_else(PoisonError::into_inner).clone().filter(|key| key.day == day);
        if let Some(key) = held() {
            return Ok(key);
        }
        let _one_at_a_time = self.making_key.lock().await;
        if let Some(key) = held() {
            return Ok(key);
        }
        let key = Arc::new(self.keys.obtain(&self.db, &self.random, day).await?);
        *self.current_key.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&key));
        Ok(key)
    }

    /// The epoch of the key in memory, when it is of `day`.
    pub(super) fn epoch_held(&self, day: NaiveDate) -> Option<u32> {
        let held = self.current_key.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|key| key.day == day).map(|key| key.epoch)
    }

    /// Forgets the key in memory when it is of `day` or older.
    pub(super) fn forget_key(&self, day: NaiveDate) {
        let mut held = self.current_key.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|key| key.day <= day) {
            *held = None;
        }
    }
}

/// What the journal still lacks, by day and epoch.
type Unwritten = BTreeMap<(NaiveDate, u32), Segment>;

/// The writer: takes what waits, counts it, commits it, answers.
async fn write_groups(counter: std::sync::Weak<Inner>, mut queue: mpsc::Receiver<Waiting>) {
    let mut unwritten = Unwritten::new();
    let mut group = Vec::with_capacity(GROUP_MAX);
    while queue.recv_many(&mut group, GROUP_MAX).await > 0 {
        let Some(inner) = counter.upgrade() else { return };
        if unwritten.values().map(Segment::len).sum::<usize>() > UNWRITTEN_MAX {
            // The database has been away for long: what was counted must be written before more is counted.
            let _ = commit(&inner, &mut unwritten).await;
            for waiting in group.drain(..) {
                let _ = waiting.answer.send(Err(busy()));
            }
            continue;
        }
        let answers: Vec<_> = {
            let mut state = inner.state();
            group.drain(..).map(|waiting| (waiting.day, count(&inner, &mut state, &waiting, &mut unwritten), waiting.answer)).collect()
        };
        let refused = commit(&inner, &mut unwritten).await;
        for (day, bucket, answer) in answers {
            let result = match &refused {
                Ok(closed) if closed.contains(&day) => Err(Error::Unavailable("the day is closed; try again".to_owned())),
                Ok(_) => Ok(bucket),
                Err(_) => Err(busy()),
            };
            // A client that has gone away needs no answer.
            let _ = answer.send(result);
        }
    }
}

fn busy() -> Error {
    Error::Unavailable("the counter cannot write at the moment; try again".to_owned())
}

fn count(inner: &Inner, state: &mut State, waiting: &Waiting, unwritten: &mut Unwritten) -> Bucket {
    let day = state.days.entry(waiting.day).or_insert_with(|| Day::new(waiting.day, Arc::clone(&inner.node)));
    let epoch = match &waiting.beacon {
        Beacon::Qualified { epoch, .. } => *epoch,
        Beacon::Filtered { .. } => 0,
    };
    day.count(waiting.source, &waiting.beacon, unwritten.entry((waiting.day, epoch)).or_default())
}

/// Writes what the journal lacks in one transaction. What cannot be written is kept for the next time: it is in the day's state
/// already, and the views were not acknowledged. Answers the days that were closed meanwhile, whose pieces are dropped.
async fn commit(inner: &Inner, unwritten: &mut Unwritten) -> Result<Vec<NaiveDate>, Error> {
    let today = inner.clock.now().date_naive();
    let pieces: Vec<(NaiveDate, u32, Vec<u8>)> = unwritten.iter().map(|((day, epoch), news)| (*day, *epoch, news.to_bytes())).collect();
    let written = inner
        .db
        .write(async |tx| {
            let mut closed = Vec::new();
            for (day, epoch, body) in &pieces {
                if *day < today {
                    store::order_with_closing(tx, false).await?;
                    if store::is_closed(tx, *day).await? {
                        closed.push(*day);
                        continue;
                    }
                }
                store::append(tx, *day, *epoch, &inner.node, body.clone()).await?;
            }
            Ok(closed)
        })
        .await;
    match written {
        Ok(closed) => {
            inner.pieces.fetch_add(unwritten.len(), Ordering::Relaxed);
            unwritten.clear();
            let mut state = inner.state();
            for day in &closed {
                state.days.remove(day);
            }
            Ok(closed)
        }
        Err(error) => {
            tracing::error!(%error, "the readers' journal cannot be written; views are refused until it can");
            Err(error)
        }
    }
}
