//! How fast letters of one stream leave to one domain. Kept in the memory of one process: with several, each keeps to it by itself.

use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// A letter whose turn comes within this time waits in memory, where it costs no write.
const SOON: Duration = Duration::from_secs(2);

/// A domain that has as many letters in hand as it may and took none for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// How many domains are remembered before those at rest are forgotten.
const DOMAINS_MAX: usize = 10_000;

/// The bounds for each domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainLimits {
    /// Letters handed over at the same time.
    pub at_once: usize,
    /// Letters a second; none: no limit.
    pub per_second: Option<u32>,
}

/// What to do with a letter that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Keep it until then.
    Soon(Instant),
    /// Put it back, for so long.
    Later(Duration),
}

/// The domains of one stream.
#[derive(Debug)]
pub struct Pace {
    limits: DomainLimits,
    domains: HashMap<String, Domain>,
}

#[derive(Debug)]
struct Domain {
    in_hand: usize,
    /// When a letter was last begun or ended.
    moved_at: Instant,
    /// When the next letter may leave.
    free_at: Instant,
    /// Up to when letters were put off.
    put_off_to: Instant,
}

impl Pace {
    /// Nothing has left yet.
    pub fn new(limits: DomainLimits) -> Self {
        Self { limits, domains: HashMap::new() }
    }

    /// Decides about a letter that a worker has taken. One that is kept has its place in the row already.
    pub fn admit(&mut self, domain: &str, now: Instant) -> Turn {
        if self.domains.len() > DOMAINS_MAX {
            self.domains.retain(|_, one| one.in_hand > 0 || one.free_at > now || one.put_off_to > now);
        }
        let Some(step) = self.step() else { return Turn::Soon(now) };
        let one = self.domain(domain, now);
        let turn = one.free_at.max(now);
        if turn - now <= SOON {
            one.free_at = turn + step;
            return Turn::Soon(turn);
        }
        // Each is put off to a moment of its own, so that all of them are not looked at again and again.
        let then = one.put_off_to.max(turn);
        one.put_off_to = then + step;
        Turn::Later(then - now)
    }

    /// Whether one more letter may be handed over now; then it counts as handed over.
    pub fn begin(&mut self, domain: &str, now: Instant) -> bool {
        let at_once = self.limits.at_once.max(1);
        let one = self.domain(domain, now);
        if one.in_hand >= at_once {
            return false;
        }
        one.in_hand += 1;
        one.moved_at = now;
        true
    }

    /// A letter is no longer in hand.
    pub fn end(&mut self, domain: &str, now: Instant) {
        if let Some(one) = self.domains.get_mut(domain) {
            one.in_hand = one.in_hand.saturating_sub(1);
            one.moved_at = now;
        }
    }

    /// Whether a domain has its hands full and takes nothing: what waits for it only stands in the way of others.
    pub fn is_stuck(&self, domain: &str, now: Instant) -> bool {
        let at_once = self.limits.at_once.max(1);
        self.domains.get(domain).is_some_and(|one| one.in_hand >= at_once && now.saturating_duration_since(one.moved_at) >= STUCK_AFTER)
    }

    fn step(&self) -> Option<Duration> {
        self.limits.per_second.filter(|rate| *rate > 0).map(|rate| Duration::from_secs(1) / rate)
    }

    fn domain(&mut self, name: &str, now: Instant) -> &mut Domain {
        if !self.domains.contains_key(name) {
            self.domains.insert(name.to_owned(), Domain { in_hand: 0, moved_at: now, free_at: now, put_off_to: now });
        }
        self.domains.get_mut(name).expect("it was just put there")
    }
}
