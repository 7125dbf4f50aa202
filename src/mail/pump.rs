//! Sending without pause: as many letters of a stream are under way as there are connections, and a letter whose mail server hangs holds
//! up no other. Each stream has a pump of its own, so that news never stand in the way of receipts.

use super::{
    handover::Taken,
    outbox::Outbox,
    pace::{Pace, Turn},
    store,
};
use crate::{clock::Clock, db::Db, error::Error};
use chrono::{DateTime, TimeDelta, Utc};
use entity::words::LetterStream;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How long a pump sleeps when nobody rings: other processes' letters are found within it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long it sleeps after the database did not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// How long letters are put off whose domain is slow to take what it has.
const SLOW_DOMAIN: TimeDelta = TimeDelta::seconds(10);

/// How much of its lease a letter must have left when it is handed over: as long as a mail server may take until the text is sent
/// ([`super::smtp::SmtpLimits::offer`]).
const LEASE_LEFT_MIN: TimeDelta = TimeDelta::seconds(100);

/// A mail server that could not be reached so often in a row is left alone for a while: every letter tried meanwhile would only use up
/// one of its attempts.
const UNREACHED_MAX: u32 = 3;

/// The longest such while.
const REST_MAX: Duration = Duration::from_secs(60);

struct Waiting {
    taken: Taken,
    not_before: Instant,
}

struct Pump {
    outbox: Arc<Outbox>,
    db: Db,
    clock: Clock,
    stream: LetterStream,
    pace: Pace,
    connections: usize,
    waiting: VecDeque<Waiting>,
    /// The fetching of the next letters: one at a time, beside the talks.
    fetches: JoinSet<Result<Vec<Taken>, Error>>,
    /// The letters that are in hand: being handed over, or written down.
    in_hand: JoinSet<Result<(), Error>>,
    /// How many of them are being handed over.
    talking: usize,
    /// Tells when a talk is over: its connection carries the next letter while it is written down.
    over: (UnboundedSender<Over>, UnboundedReceiver<Over>),
    look_at: Instant,
    /// Whether a letter was written while others were fetched, so that it may not be among them.
    rang: bool,
    unreached: u32,
    /// The mail server is left alone until then.
    rest_until: Option<Instant>,
    /// The database is left alone until then.
    database_rest_until: Option<Instant>,
}

/// The end of a talk with the mail server.
struct Over {
    domain: String,
    reached: bool,
    database_answered: bool,
}

/// A letter's place among those that are being handed over. It is given up in every case, also when handing over panics.
struct Place {
    over: Option<Over>,
    told: UnboundedSender<Over>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            let _ = self.told.send(over);
        }
    }
}

impl Outbox {
    /// Sends the letters of one stream until `stop`, and then hears out those that are under way. `bell` tells that a letter was written.
    pub async fn send_stream(self: Arc<Self>, db: Db, clock: Clock, stream: LetterStream, bell: Arc<Notify>, stop: CancellationToken) {
        let mut limits = self.domain_limits;
        if stream == LetterStream::Transactional {
            // Receipts come at the pace of gifts.
            limits.per_second = None;
        }
        let pump = Pump {
            connections: self.way(stream).connections.max(1),
            outbox: self,
            db,
            clock,
            stream,
            pace: Pace::new(limits),
            waiting: VecDeque::new(),
            fetches: JoinSet::new(),
            in_hand: JoinSet::new(),
            talking: 0,
            over: unbounded_channel(),
            look_at: Instant::now(),
            rang: false,
            unreached: 0,
            rest_until: None,
            database_rest_until: None,
        };
        pump.run(&bell, &stop).await;
    }
}

impl Pump {
    async fn run(mut self, bell: &Notify, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.put_stale_back();
            if self.wants_more() && Instant::now() >= self.look_at && !self.rests() {
                self.begin_fetch();
            }
            self.begin_talks();
            if self.talking < self.connections && self.waiting.len() > self.room() / 2 {
                self.make_room();
            }
            let wake_at = self.wake_at();
            tokio::select! {
                Some(over) = self.over.1.recv() => self.end_talk(over),
                Some(ended) = self.in_hand.join_next() => self.end_note(ended),
                Some(ended) = self.fetches.join_next() => self.end_fetch(ended),
                () = stop.cancelled() => break,
                () = bell.notified() => (self.rang, self.look_at) = (true, self.look_at.min(Instant::now())),
                () = sleep_until(wake_at) => {}
            }
        }
        self.put_all_back();
        loop {
            tokio::select! {
                Some(ended) = self.in_hand.join_next() => self.end_note(ended),
                Some(ended) = self.fetches.join_next() => {
                    self.end_fetch(ended);
                    self.put_all_back();
                }
                else => break,
            }
        }
    }

    /// Whether the mail server or the database is left alone for a while.
    fn rests(&self) -> bool {
        let now = Instant::now();
        [self.rest_until, self.database_rest_until].into_iter().flatten().any(|until| now < until)
    }

    /// How many letters wait in memory at most: enough that no connection is idle while the next are fetched.
    fn room(&self) -> usize {
        (self.connections * 4).clamp(32, 512)
    }

    fn wants_more(&self) -> bool {
        self.fetches.is_empty() && self.waiting.len() <= self.room() / 2
    }

    fn begin_fetch(&mut self) {
        let count = (self.room() - self.waiting.len().min(self.room())) as u64;
        let (outbox, db, now, stream) = (Arc::clone(&self.outbox), self.db.clone(), self.clock.now(), self.stream);
        self.rang = false;
        self.fetches.spawn(async move {
            if stream == LetterStream::Transactional {
                outbox.recover(&db, now).await?;
            }
            outbox.take(&db, now, stream, count).await
        });
    }

    fn rest_from_looking(&mut self, error: &dyn std::error::Error) {
        tracing::error!(%error, stream = self.stream.as_str(), "the outbox cannot be read");
        self.look_at = Instant::now() + AFTER_ERROR;
    }

    fn end_fetch(&mut self, ended: Result<Result<Vec<Taken>, Error>, JoinError>) {
        let taken = match ended {
            Ok(Ok(taken)) => taken,
            Ok(Err(error)) => return self.rest_from_looking(&error),
            Err(error) => return self.rest_from_looking(&error),
        };
        let now = self.clock.now();
        self.look_at = Instant::now() + if taken.is_empty() && !self.rang { LOOK_EVERY } else { Duration::ZERO };
        let mut put_off = Vec::new();
        for one in taken {
            match self.pace.admit(&one.letter.domain, Instant::now()) {
                Turn::Soon(not_before) => self.waiting.push_back(Waiting { taken: one, not_before }),
                Turn::Later(delay) => put_off.push((one.letter, now + TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX))),
            }
        }
        self.put_back(put_off);
    }

    /// Hands over what may leave now.
    fn begin_talks(&mut self) {
        if self.rests() {
            return;
        }
        let (now, mut at) = (Instant::now(), 0);
        while self.talking < self.connections && self.in_hand.len() < self.connections * 2 && at < self.waiting.len() {
            let one = &self.waiting[at];
            if one.not_before > now || !self.pace.begin(&one.taken.letter.domain, now) {
                at += 1;
                continue;
            }
            let Some(Waiting { taken, .. }) = self.waiting.remove(at) else { return };
            let (outbox, db, clock) = (Arc::clone(&self.outbox), self.db.clone(), self.clock.clone());
            let over = Over { domain: taken.letter.domain.clone(), reached: true, database_answered: true };
            let mut place = Place { over: Some(over), told: self.over.0.clone() };
            self.talking += 1;
            self.in_hand.spawn(async move {
                let talk = outbox.talk(&db, &clock, taken).await;
                if let Some(over) = &mut place.over {
                    (over.reached, over.database_answered) = (talk.reached(), talk.database_answered());
                }
                drop(place);
                outbox.note(&db, &clock, talk).await.map(|_| ())
            });
        }
    }

    /// Puts back what waits for domains that are stuck, so that letters to others can be fetched.
    fn make_room(&mut self) {
        let (now, later) = (Instant::now(), self.clock.now() + SLOW_DOMAIN);
        let is_stuck = |one: &Waiting| self.pace.is_stuck(&one.taken.letter.domain, now);
        let (stuck, waiting): (VecDeque<_>, _) = self.waiting.drain(..).partition(is_stuck);
        self.waiting = waiting;
        self.put_back(stuck.into_iter().map(|one| (one.taken.letter, later)).collect());
    }

    /// Puts back what has waited so long that another worker could take it before it is handed over, and everything while the mail server
    /// or the database rests. What is fetched again is also looked up again: she may have ended her news meanwhile.
    fn put_stale_back(&mut self) {
        if self.rests() {
            return self.put_all_back();
        }
        let now = self.clock.now();
        let is_fresh = |one: &Waiting| one.taken.letter.lease_until.is_some_and(|until| until - now >= LEASE_LEFT_MIN);
        if self.waiting.iter().all(is_fresh) {
            return;
        }
        let (fresh, stale): (VecDeque<_>, _) = self.waiting.drain(..).partition(is_fresh);
        self.waiting = fresh;
        self.put_back(stale.into_iter().map(|one| (one.taken.letter, now)).collect());
    }

    fn end_talk(&mut self, over: Over) {
        self.talking -= 1;
        self.pace.end(&over.domain, Instant::now());
        if !over.database_answered {
            return self.database_rest_until = Some(Instant::now() + AFTER_ERROR);
        }
        if over.reached {
            return (self.unreached, self.rest_until) = (0, None);
        }
        self.unreached += 1;
        if self.unreached >= UNREACHED_MAX {
            let rest = Duration::from_secs(1 << (self.unreached - UNREACHED_MAX).min(6)).min(REST_MAX);
            self.rest_until = Some(Instant::now() + rest);
        }
    }

    fn end_note(&mut self, ended: Result<Result<(), Error>, JoinError>) {
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            // Its lease ends, and it is tried again.
            Err(error) => return tracing::error!(%error, "handing over a letter panicked"),
        };
        tracing::error!(error, stream = self.stream.as_str(), "what became of a letter could not be written down");
        self.database_rest_until = Some(Instant::now() + AFTER_ERROR);
    }

    /// When there is something to do although nobody rings.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let busy = self.talking >= self.connections;
        let next_turn = self.waiting.iter().map(|one| one.not_before).filter(|at| *at > now).min();
        let look = self.wants_more().then_some(self.look_at);
        let wake = [next_turn.filter(|_| !busy), look].into_iter().flatten().min().unwrap_or(now + LOOK_EVERY);
        [self.rest_until, self.database_rest_until].into_iter().flatten().fold(wake, Instant::max)
    }

    /// What waits in memory goes back to the outbox, where any other process may take it at once.
    fn put_all_back(&mut self) {
        let now = self.clock.now();
        let letters = self.waiting.drain(..).map(|one| (one.taken.letter, now)).collect();
        self.put_back(letters);
    }

    fn put_back(&mut self, letters: Vec<(entity::letter::Model, DateTime<Utc>)>) {
        if letters.is_empty() {
            return;
        }
        let db = self.db.clone();
        self.in_hand.spawn(async move {
            if let Err(error) = db.write(async |tx| store::put_back(tx, &letters).await).await {
                tracing::warn!(%error, "letters could not be put back: their leases end by themselves");
            }
            Ok(())
        });
    }
}

/// Fails to compile when a pump could not be run on a task of its own.
const _: fn(Arc<Outbox>, Db, Clock, Arc<Notify>, CancellationToken) = |outbox, db, clock, bell, stop| {
    fn may_be_spawned(_: impl Send + 'static) {}
    may_be_spawned(outbox.send_stream(db, clock, LetterStream::Updates, bell, stop));
};
