//! Limits by network, kept in memory only: what is counted is a keyed hash of the address, and the key dies with the process.

use chrono::{DateTime, Utc};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// How many networks are remembered at once; beyond that those that are at rest are forgotten.
const NETWORKS_MAX: usize = 100_000;

const HOUR_MICROS: i64 = 3_600_000_000;

/// So many in an hour from one network, all at once if need be, then one at a time as the hour goes by (the generic cell rate algorithm).
pub struct HourlyLimit {
    step_micros: i64,
    key: ring::hmac::Key,
    busy_until: Mutex<HashMap<u64, i64>>,
}

impl std::fmt::Debug for HourlyLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HourlyLimit(…)")
    }
}

impl HourlyLimit {
    /// `per_hour` (at least one) from each network; `key` is 32 random bytes.
    pub fn new(per_hour: u32, key: &[u8; 32]) -> Self {
        Self {
            step_micros: HOUR_MICROS / i64::from(per_hour.max(1)),
            key: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key),
            busy_until: Mutex::default(),
        }
    }

    /// Counts one from `network` when it may, and says whether it may.
    pub fn allows(&self, network: IpAddr, now: DateTime<Utc>) -> bool {
        let now = now.timestamp_micros();
        let slot = self.hash(network);
        let mut slots = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= NETWORKS_MAX {
            slots.retain(|_, until| *until > now);
        }
        let until = slots.get(&slot).copied().unwrap_or(now).max(now) + self.step_micros;
        // A full table means an attack from very many networks: then the limit holds for all newcomers.
        let room = slots.len() < NETWORKS_MAX || slots.contains_key(&slot);
        if !room || until - now > HOUR_MICROS {
            return false;
        }
        slots.insert(slot, until);
        true
    }

    fn hash(&self, network: IpAddr) -> u64 {
        let tag = ring::hmac::sign(&self.key, network.to_string().as_bytes());
        tag.as_ref().first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_network_gets_so_many_an_hour_and_another_is_not_touched() {
        let limit = HourlyLimit::new(3, &[7; 32]);
        let now: DateTime<Utc> = "2026-05-01T00:00:00Z".parse().unwrap();
        let (one, two) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!((0..4).map(|_| limit.allows(one, now)).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(limit.allows(two, now));
        assert!(!limit.allows(one, now + TimeDelta::minutes(19)));
        assert!(limit.allows(one, now + TimeDelta::minutes(20)));
        assert!(!limit.allows(one, now + TimeDelta::minutes(20)));
    }
}
