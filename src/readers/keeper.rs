//! What is done on a beat: taking in what other processes counted, closing the days that are over, folding the journal.

use super::counter::Inner;
use super::day::Day;
use super::journal::Segment;
use super::store::{self, StoredSegment};
use crate::db::Db;
use crate::error::Error;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often: the figures that processes on one database show differ by no more than this.
const BEAT: Duration = Duration::from_secs(2);

/// How long after midnight a day is closed: slower than the slowest clock and the longest commit.
const GRACE: TimeDelta = TimeDelta::minutes(10);

/// Own pieces of the journal are folded into one when so many were written.
const PIECES_MAX: usize = 256;

/// A piece this large is folded no more.
const PIECE_BYTES_MAX: usize = 64 * 1_024;

/// Keeps house until the counter is gone.
pub(super) async fn keep_always(counter: Weak<Inner>) {
    loop {
        tokio::time::sleep(BEAT).await;
        let Some(inner) = counter.upgrade() else { return };
        if let Err(error) = inner.keep().await {
            tracing::error!(%error, "keeping the readers' journal failed; it is tried again");
        }
    }
}

impl Inner {
    /// One beat.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut days = store::open_days_before(self.db.read(), now.date_naive()).await?;
        days.push(now.date_naive());
        for day in &days {
            self.take_in(*day).await?;
        }
        if self.close_over(now, &days).await? || self.state().closed_views.is_none() {
            self.reread_closed().await?;
        }
        self.agree_on_key(now.date_naive()).await?;
        self.fold(now.date_naive()).await
    }

    /// Reads anew what the closed days come to.
    pub(super) async fn reread_closed(&self) -> Result<(), Error> {
        let views = store::closed_views(self.db.read()).await?;
        self.state().closed_views = Some(views);
        Ok(())
    }

    /// Where the key is shared, a key that the table no longer has, or has a later one of, is let go: a crash of the server emptied
    /// the table, and all processes should count under the same new key.
    async fn agree_on_key(&self, today: NaiveDate) -> Result<(), Error> {
        let Some(ours) = self.epoch_held(today).filter(|_| self.keys.is_shared()) else { return Ok(()) };
        let newest = store::newest_key(self.db.read(), today).await?;
        if newest.is_none_or(|(epoch, _)| epoch != ours) {
            self.forget_key(today);
        }
        Ok(())
    }

    /// Takes in the pieces of a day's journal that other processes wrote, and on start those of this installation's earlier lives.
    async fn take_in(&self, day: NaiveDate) -> Result<(), Error> {
        for (node, newest) in store::nodes_of(self.db.read(), day).await? {
            if *node == *self.node {
                continue;
            }
            let mut after = self.state().seen.get(&(day, node.clone())).copied().unwrap_or(0);
            while after < newest {
                let pieces = store::segments_after(self.db.read(), day, Some(&node), after).await?;
                let Some(last) = pieces.last() else { break };
                after = last.id;
                let mut state = self.state();
                let held = state.days.entry(day).or_insert_with(|| Day::new(day, Arc::clone(&self.node)));
                for piece in &pieces {
                    held.absorb(&piece.node, piece.epoch, &piece.segment);
                }
                state.seen.insert((day, node.clone()), after);
            }
        }
        Ok(())
    }

    /// Closes the days that are over, and forgets those that are closed. True when there was one.
    async fn close_over(&self, now: DateTime<Utc>, with_journal: &[NaiveDate]) -> Result<bool, Error> {
        let over = (now - GRACE).date_naive().checked_sub_days(Days::new(1)).unwrap_or(NaiveDate::MIN);
        // The key goes whatever the figures say: no error may keep readers in danger.
        self.forget_key(over);
        self.keys.destroy_until(&self.db, over).await?;
        for day in with_journal.iter().filter(|day| **day <= over) {
            if !self.state().stuck.contains(day) && !close_day(&self.db, *day).await? {
                self.state().stuck.insert(*day);
            }
        }
        let mut state = self.state();
        let open = state.days.len();
        let stuck = std::mem::take(&mut state.stuck);
        state.days.retain(|day, _| *day > over || stuck.contains(day));
        state.seen.retain(|(day, _), _| *day > over || stuck.contains(day));
        state.stuck = stuck;
        Ok(state.days.len() < open)
    }

    /// Folds this process's small pieces of today's journal into one per epoch, so that a quiet day does not leave a row for each view.
    async fn fold(&self, today: NaiveDate) -> Result<(), Error> {
        while self.pieces.load(Ordering::Relaxed) >= PIECES_MAX {
            let pieces = store::small_segments(self.db.read(), today, &self.node, PIECE_BYTES_MAX).await?;
            self.pieces.store(if pieces.len() as u64 == store::FOLD_MAX { PIECES_MAX } else { 0 }, Ordering::Relaxed);
            if pieces.len() < 2 {
                return Ok(());
            }
            for (epoch, (ids, whole)) in by_epoch(pieces) {
                let body = whole.to_bytes();
                self.db.write(async |tx| store::replace(tx, today, epoch, &self.node, &ids, body.clone()).await).await?;
            }
        }
        Ok(())
    }
}

fn by_epoch(pieces: Vec<StoredSegment>) -> BTreeMap<u32, (Vec<i64>, Segment)> {
    let mut epochs: BTreeMap<u32, (Vec<i64>, Segment)> = BTreeMap::new();
    for piece in pieces {
        let (ids, whole) = epochs.entry(piece.epoch).or_default();
        ids.push(piece.id);
        whole.absorb(piece.segment);
    }
    epochs
}

/// Closes a day from its journal alone, whatever this process has counted: checks that the figures can be true, writes them, removes
/// the journal. Closing a closed day changes nothing. False when the figures cannot be true: the day keeps its journal, the log says so.
pub(super) async fn close_day(db: &Db, day: NaiveDate) -> Result<bool, Error> {
    db.write(async |tx| {
        store::order_with_closing(tx, true).await?;
        if store::is_closed(tx, day).await? {
            return Ok(true);
        }
        let mut whole = Day::new(day, Arc::from(""));
        let mut after = 0;
        loop {
            let pieces = store::segments_after(tx, day, None, after).await?;
            let Some(last) = pieces.last() else { break };
            after = last.id;
            for piece in &pieces {
                whole.absorb(&piece.node, piece.epoch, &piece.segment);
            }
        }
        let tallies = whole.tally();
        if let Some(((scope, source), tally)) = tallies.iter().find(|(_, tally)| !tally.holds()) {
            tracing::error!(%day, ?scope, %source, ?tally, "the day's readers do not add up; it stays open");
            return Ok(false);
        }
        store::close(tx, day, &tallies).await?;
        Ok(true)
    })
    .await
}
