//! One day's state: what is kept of the beacons of a day until it is closed. No clock, no database, no network in here.
//!
//! The readers are sets of tokens, the counts are running totals of each process. Both only grow, and merging takes the larger, so
//! the state is the same whatever the order in which pieces of journals arrive, and however often.

use super::filter::Bucket;
use super::journal::Segment;
use super::set::ReaderSet;
use super::token::{HashedSet, Scope};
use chrono::NaiveDate;
use entity::words::ReaderSource;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// What a count stands for: a scope, and how the views reached us.
pub type Key = (Scope, ReaderSource);

/// At most this many distinct readers by one network (IPv4 address, IPv6 /64) in a scope on a day.
pub const READERS_PER_NETWORK_MAX: u8 = 32;

/// How many page loads are remembered, the oldest forgotten first: a beacon sent again comes seconds later, not hours.
const LOADS_MAX: usize = 1 << 18;

/// Everything received, and where it ended: `received` is the sum of the buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Every beacon that came in, counted apart from the buckets so that the two can be held against each other.
    pub received: u64,
    buckets: [u64; Bucket::ALL.len()],
}

impl Counts {
    /// How many figures there are.
    pub const FIGURES: usize = 1 + Bucket::ALL.len();

    /// How many beacons ended in a bucket.
    pub const fn of(&self, bucket: Bucket) -> u64 {
        self.buckets[bucket as usize]
    }

    /// One more in a bucket. The caller has counted it as received.
    pub const fn put(&mut self, bucket: Bucket) {
        self.buckets[bucket as usize] += 1;
    }

    /// Whether every beacon received ended in exactly one bucket.
    pub fn add_up(&self) -> bool {
        self.received == self.buckets.iter().sum::<u64>()
    }

    /// Adds another process's totals.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        for (ours, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *ours += theirs;
        }
    }

    /// Takes each later total of the same process.
    pub fn raise_to(&mut self, later: &Self) {
        self.received = self.received.max(later.received);
        for (ours, theirs) in self.buckets.iter_mut().zip(later.buckets) {
            *ours = (*ours).max(theirs);
        }
    }

    pub(super) fn totals(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.received).chain(self.buckets)
    }

    pub(super) fn from_totals(totals: [u64; Self::FIGURES]) -> Self {
        let mut buckets = [0; Bucket::ALL.len()];
        buckets.copy_from_slice(&totals[1..]);
        Self { received: totals[0], buckets }
    }
}

/// A reader in a scope.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// The scope.
    pub scope: Scope,
    /// Her token in it.
    pub token: u64,
    /// What her network is known by in it, in memory only.
    pub crowd: u64,
}

/// What a beacon turned out to be.
#[derive(Clone, Debug)]
pub enum Beacon {
    /// It ended in a bucket before any token was made.
    Filtered {
        /// The bucket.
        bucket: Bucket,
        /// The scopes it is shown in.
        scopes: Vec<Scope>,
    },
    /// A qualified view, unless it was seen before.
    Qualified {
        /// The day key's epoch that its tokens were made with.
        epoch: u32,
        /// The page load; the pixel has none.
        load: Option<u64>,
        /// The reader in each scope.
        tokens: Vec<Token>,
    },
}

/// The state of one day, as one process knows it.
pub struct Day {
    /// The day, in UTC.
    pub date: NaiveDate,
    node: Arc<str>,
    own: HashMap<Key, Counts>,
    others: BTreeMap<(Arc<str>, Key), Counts>,
    sets: HashMap<(Key, u32), ReaderSet>,
    loads: Loads,
    crowds: Crowds,
}

impl Day {
    /// An empty day, counted by the process called `node`.
    pub fn new(date: NaiveDate, node: Arc<str>) -> Self {
        Self {
            date,
            node,
            own: HashMap::new(),
            others: BTreeMap::new(),
            sets: HashMap::new(),
            loads: Loads::default(),
            crowds: Crowds::default(),
        }
    }

    /// Counts one beacon, and notes in `news` what the journal must hold before the beacon may be acknowledged. The answer is the
    /// bucket in which the site counts it.
    pub fn count(&mut self, source: ReaderSource, beacon: &Beacon, news: &mut Segment) -> Bucket {
        let (epoch, load, tokens) = match beacon {
            Beacon::Filtered { bucket, scopes } => {
                for scope in scopes {
                    self.put((*scope, source), *bucket, news);
                }
                return *bucket;
            }
            Beacon::Qualified { epoch, load, tokens } => (*epoch, *load, tokens),
        };
        if load.is_some_and(|load| !self.loads.remember(load)) {
            for token in tokens {
                self.put((token.scope, source), Bucket::DuplicateView, news);
            }
            return Bucket::DuplicateView;
        }
        news.loads.extend(load);
        let mut ended = Bucket::Counted;
        for token in tokens {
            let bucket = self.admit(source, epoch, token, news);
            if token.scope == Scope::SITE {
                ended = bucket;
            }
        }
        ended
    }

    /// Counts a qualified view in one scope, unless its reader would be one too many of her network.
    fn admit(&mut self, source: ReaderSource, epoch: u32, reader: &Token, news: &mut Segment) -> Bucket {
        let key = (reader.scope, source);
        let set = self.sets.entry((key, epoch)).or_default();
        let bucket = if !set.lacks(reader.token) {
            Bucket::Counted
        } else if self.crowds.has_room(reader.crowd) {
            self.crowds.add(reader.crowd);
            set.insert(reader.token);
            news.entries.entry(key).or_default().1.push(reader.token);
            Bucket::Counted
        } else {
            Bucket::Capped
        };
        self.put(key, bucket, news);
        bucket
    }

    fn put(&mut self, key: Key, bucket: Bucket, news: &mut Segment) {
        let counts = self.own.entry(key).or_default();
        counts.received += 1;
        counts.put(bucket);
        news.entries.entry(key).or_default().0.raise_to(counts);
    }

    /// Takes in a piece of a journal, of this process or another.
    pub fn absorb(&mut self, node: &str, epoch: u32, segment: &Segment) {
        for load in &segment.loads {
            self.loads.remember(*load);
        }
        let node = self.intern(node);
        for (key, (counts, tokens)) in &segment.entries {
            if node == self.node {
                self.own.entry(*key).or_default().raise_to(counts);
            } else {
                self.others.entry((Arc::clone(&node), *key)).or_default().raise_to(counts);
            }
            if !tokens.is_empty() {
                let set = self.sets.entry((*key, epoch)).or_default();
                for token in tokens {
                    set.insert(*token);
                }
            }
        }
    }

    fn intern(&self, node: &str) -> Arc<str> {
        if *node == *self.node {
            return Arc::clone(&self.node);
        }
        let known = self.others.range((Arc::from(node), (Scope::SITE, ReaderSource::Script))..).next();
        known.filter(|((name, _), _)| **name == *node).map_or_else(|| Arc::from(node), |((name, _), _)| Arc::clone(name))
    }

    /// The totals of a scope and source over all processes.
    pub fn counts(&self, key: Key) -> Counts {
        let mut sum = self.own.get(&key).copied().unwrap_or_default();
        for ((_, other), counts) in &self.others {
            if *other == key {
                sum.add(counts);
            }
        }
        sum
    }

    /// What the day comes to, in a fixed order of scopes and sources.
    pub fn tally(&self) -> BTreeMap<Key, Tally> {
        let mut tallies: BTreeMap<Key, Tally> = BTreeMap::new();
        let everyone = self.own.iter().map(|(key, counts)| (*key, counts));
        for (key, counts) in everyone.chain(self.others.iter().map(|((_, key), counts)| (*key, counts))) {
            tallies.entry(key).or_default().counts.add(counts);
        }
        for ((key, _), set) in &self.sets {
            tallies.entry(*key).or_default().add_epoch(set);
        }
        tallies
    }

    /// What one scope and source come to.
    pub fn tally_of(&self, key: Key) -> Tally {
        let mut tally = Tally { counts: self.counts(key), ..Tally::default() };
        for (_, set) in self.sets.iter().filter(|((of, _), _)| *of == key) {
            tally.add_epoch(set);
        }
        tally
    }

    /// The sets' bytes, in a fixed order: equal for two processes that have seen the same journals.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut sets: Vec<_> = self.sets.iter().collect();
        sets.sort_unstable_by_key(|(key, _)| **key);
        sets.into_iter().flat_map(|(_, set)| set.to_bytes()).collect()
    }
}

/// What a scope and source come to on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What was received, and where it ended.
    pub counts: Counts,
    /// Distinct readers: the sum over the day's keys, which is exact when there was one key.
    pub readers: u64,
    /// The most readers under one key. When a key was lost in the day, the true count lies from here to `readers`.
    pub readers_min: u64,
    /// How many keys the readers came under.
    pub epochs: u32,
    /// Whether any set has become a sketch.
    pub is_estimate: bool,
}

impl Tally {
    fn add_epoch(&mut self, set: &ReaderSet) {
        let readers = set.readers();
        self.readers += readers;
        self.readers_min = self.readers_min.max(readers);
        self.epochs += 1;
        self.is_estimate |= !set.is_exact();
    }

    /// Whether the figures can be true: every beacon in one bucket, and no more readers than views. An estimate may err by 1.22 %.
    pub fn holds(&self) -> bool {
        let views = self.counts.of(Bucket::Counted);
        let bound = if self.is_estimate { views + views / 50 } else { views };
        self.counts.add_up() && self.readers <= bound && self.readers_min <= self.readers
    }
}

/// The page loads counted lately.
#[derive(Default)]
struct Loads {
    known: HashedSet,
    order: VecDeque<u64>,
}

impl Loads {
    /// Remembers a load; false when it is known already.
    fn remember(&mut self, load: u64) -> bool {
        if !self.known.insert(load) {
            return false;
        }
        self.order.push_back(load);
        if self.order.len() > LOADS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// How many readers each network has added to each scope: a count-min sketch with conservative update (Estan and Varghese 2002) in
/// two mebibytes, whatever the traffic. It never says fewer than there were, so the bound holds; it says more (and so turns a reader
/// away) only when two cells both fill up by chance, which at a million networks happens less than once in 10¹⁸.
#[derive(Default)]
struct Crowds {
    cells: Vec<u8>,
}

impl Crowds {
    const ROW: usize = 1 << 20;

    fn places(crowd: u64) -> [usize; 2] {
        [crowd as usize % Self::ROW, Self::ROW + (crowd >> 32) as usize % Self::ROW]
    }

    fn has_room(&self, crowd: u64) -> bool {
        self.cells.is_empty() || Self::places(crowd).iter().any(|place| self.cells[*place] < READERS_PER_NETWORK_MAX)
    }

    fn add(&mut self, crowd: u64) {
        if self.cells.is_empty() {
            self.cells = vec![0; 2 * Self::ROW];
        }
        let [first, second] = Self::places(crowd);
        let least = self.cells[first].min(self.cells[second]);
        for place in [first, second] {
            if self.cells[place] == least {
                self.cells[place] += 1;
            }
        }
    }
}
