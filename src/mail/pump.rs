//! Sending without pause: as many letters of a stream are under way as there are connections, and a letter whose mail server hangs holds
//! up no other. Each stream has a pump of its own, so that news never stand in the way of receipts.

use super::{
    handover::{Taken, Talk},
    outbox::Outbox,
    pace::{Pace, Turn},
    store,
};
use crate::{clock::Clock, db::Db, error::Error};
use chrono::{DateTime, TimeDelta, Utc};
use entity::words::LetterStream;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
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
    /// The letters that are being handed over, each with its domain.
    talks: JoinSet<(String, Talk)>,
    /// What is being written down of talks that are over: their connections carry the next letters meanwhile.
    notes: JoinSet<Result<(), Error>>,
    look_at: Instant,
    unreached: u32,
    rest_until: Option<Instant>,
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
            talks: JoinSet::new(),
            notes: JoinSet::new(),
            look_at: Instant::now(),
            unreached: 0,
            rest_until: None,
        };
        pump.run(&bell, &stop).await;
    }
}

impl Pump {
    async fn run(mut self, bell: &Notify, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let now = Instant::now();
            if self.wants_more() && now >= self.look_at && self.rest_until.is_none_or(|until| now >= until) {
                self.begin_fetch();
            }
            self.begin_talks();
            if self.talks.len() < self.connections && self.waiting.len() > self.room() / 2 {
                self.make_room().await;
            }
            let wake_at = self.wake_at();
            tokio::select! {
                Some(ended) = self.talks.join_next() => self.end_talk(ended),
                Some(ended) = self.notes.join_next() => self.end_note(ended),
                Some(ended) = self.fetches.join_next() => self.end_fetch(ended).await,
                () = stop.cancelled() => break,
                () = bell.notified() => self.look_at = self.look_at.min(Instant::now()),
                () = sleep_until(wake_at) => {}
            }
        }
        while let Some(ended) = self.fetches.join_next().await {
            self.end_fetch(ended).await;
        }
        self.put_all_back().await;
        while let Some(ended) = self.talks.join_next().await {
            self.end_talk(ended);
        }
        while let Some(ended) = self.notes.join_next().await {
            self.end_note(ended);
        }
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

    async fn end_fetch(&mut self, ended: Result<Result<Vec<Taken>, Error>, JoinError>) {
        let taken = match ended {
            Ok(Ok(taken)) => taken,
            Ok(Err(error)) => return self.rest_from_looking(&error),
            Err(error) => return self.rest_from_looking(&error),
        };
        let now = self.clock.now();
        self.look_at = Instant::now() + if taken.is_empty() { LOOK_EVERY } else { Duration::ZERO };
        let mut put_off = Vec::new();
        for one in taken {
            match self.pace.admit(&one.letter.domain, Instant::now()) {
                Turn::Soon(not_before) => self.waiting.push_back(Waiting { taken: one, not_before }),
                Turn::Later(delay) => put_off.push((one.letter, now + TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX))),
            }
        }
        self.put_back(put_off).await;
    }

    /// Hands over what may leave now.
    fn begin_talks(&mut self) {
        let now = Instant::now();
        if self.rest_until.is_some_and(|until| now < until) {
            return;
        }
        let mut at = 0;
        while self.talks.len() < self.connections && self.notes.len() < self.room() && at < self.waiting.len() {
            let one = &self.waiting[at];
            if one.not_before > now || !self.pace.begin(&one.taken.letter.domain, now) {
                at += 1;
                continue;
            }
            let Some(Waiting { taken, .. }) = self.waiting.remove(at) else { return };
            let (outbox, db, clock) = (Arc::clone(&self.outbox), self.db.clone(), self.clock.clone());
            self.talks.spawn(async move {
                let domain = taken.letter.domain.clone();
                (domain, outbox.talk(&db, &clock, taken).await)
            });
        }
    }

    /// Puts back what waits for domains that are stuck, so that letters to others can be fetched.
    async fn make_room(&mut self) {
        let (now, later) = (Instant::now(), self.clock.now() + SLOW_DOMAIN);
        let is_stuck = |one: &Waiting| self.pace.is_stuck(&one.taken.letter.domain, now);
        let (stuck, waiting): (VecDeque<_>, _) = self.waiting.drain(..).partition(is_stuck);
        self.waiting = waiting;
        self.put_back(stuck.into_iter().map(|one| (one.taken.letter, later)).collect()).await;
    }

    fn end_talk(&mut self, ended: Result<(String, Talk), JoinError>) {
        let (domain, talk) = match ended {
            Ok(ended) => ended,
            Err(error) => return tracing::error!(%error, "handing over a letter panicked: its lease ends and it is tried again"),
        };
        self.pace.end(&domain, Instant::now());
        if talk.reached() {
            (self.unreached, self.rest_until) = (0, None);
        } else {
            self.unreached += 1;
            if self.unreached >= UNREACHED_MAX {
                let rest = Duration::from_secs(1 << (self.unreached - UNREACHED_MAX).min(6)).min(REST_MAX);
                self.rest_until = Some(Instant::now() + rest);
            }
        }
        let (outbox, db, clock) = (Arc::clone(&self.outbox), self.db.clone(), self.clock.clone());
        self.notes.spawn(async move { outbox.note(&db, &clock, talk).await.map(|_| ()) });
    }

    fn end_note(&mut self, ended: Result<Result<(), Error>, JoinError>) {
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error, stream = self.stream.as_str(), "what became of a letter could not be written down");
        self.rest_until = Some(Instant::now() + AFTER_ERROR);
    }

    /// When there is something to do although nobody rings.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let busy = self.talks.len() >= self.connections;
        let next_turn = self.waiting.iter().map(|one| one.not_before).filter(|at| *at > now).min();
        let look = self.wants_more().then_some(self.look_at);
        let wake = [next_turn.filter(|_| !busy), look].into_iter().flatten().min().unwrap_or(now + LOOK_EVERY);
        wake.max(self.rest_until.unwrap_or(now))
    }

    /// What waits in memory goes back to the outbox, where any other process may take it at once.
    async fn put_all_back(&mut self) {
        let now = self.clock.now();
        let letters = self.waiting.drain(..).map(|one| (one.taken.letter, now)).collect();
        self.put_back(letters).await;
    }

    async fn put_back(&self, letters: Vec<(entity::letter::Model, DateTime<Utc>)>) {
        if letters.is_empty() {
            return;
        }
        if let Err(error) = self.db.write(async |tx| store::put_back(tx, &letters).await).await {
            tracing::warn!(%error, "letters could not be put back: their leases end by themselves");
        }
    }
}

/// Fails to compile when a pump could not be run on a task of its own.
const _: fn(Arc<Outbox>, Db, Clock, Arc<Notify>, CancellationToken) = |outbox, db, clock, bell, stop| {
    fn may_be_spawned(_: impl Send + 'static) {}
    may_be_spawned(outbox.send_stream(db, clock, LetterStream::Updates, bell, stop));
};
