//! How often one may try to sign in: counted in this process's memory, under keys that tell nobody's address.
//!
//! Five wrong passwords in a quarter of an hour for one account from one network; twenty from one network whatever the
//! account; fifty for one account whatever the network. Waiting always helps: nobody is locked out for good, and who
//! guesses from one place does not keep the owner out from another.

use crate::{app::App, config::Config};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{LazyLock, Mutex, PoisonError},
};

/// For how long an attempt counts.
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// How many keys are kept at most: some megabytes.
const KEYS_MAX: usize = 20_000;

/// The attempts of the last quarter of an hour, by key.
static TRIED: LazyLock<Mutex<HashMap<Key, Vec<DateTime<Utc>>>>> = LazyLock::new(Mutex::default);

type Key = [u8; 32];

/// A limit reached: try again after so many minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At least one.
    pub minutes: i64,
}

/// One attempt, counted before it is judged, so that many at once are not all let through.
pub struct Attempt {
    keys: Vec<Key>,
    at: DateTime<Utc>,
}

impl Attempt {
    /// Counts an attempt with a password.
    pub fn with_password(app: &App, email: &str, network: IpAddr) -> Result<Self, Wait> {
        let network = network.to_string();
        let keys = [(key(app, &["pair", email, &network]), 5), (key(app, &["network", &network]), 20), (key(app, &["account", email]), 50)];
        Self::count(app.now(), &keys)
    }

    /// Counts an attempt with a second factor, or with the password of somebody who is signed in.
    pub fn of_member(app: &App, kind: &str, member: &str) -> Result<Self, Wait> {
        Self::count(app.now(), &[(key(app, &[kind, member]), 5)])
    }

    fn count(now: DateTime<Utc>, limits: &[(Key, usize)]) -> Result<Self, Wait> {
        let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
        if tried.len() + limits.len() > KEYS_MAX {
            make_room(&mut tried, now);
        }
        for (key, most) in limits {
            let times = tried.entry(*key).or_default();
            times.retain(|at| *at + WINDOW > now);
            if times.len() >= *most {
                let free_at = times.iter().min().copied().unwrap_or(now) + WINDOW;
                return Err(Wait { minutes: ((free_at - now).num_seconds() + 59) / 60 });
            }
        }
        for (key, _) in limits {
            tried.entry(*key).or_default().push(now);
        }
        Ok(Self { keys: limits.iter().map(|(key, _)| *key).collect(), at: now })
    }

    /// It was right: it does not count.
    pub fn forgive(self) {
        let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
        for key in self.keys {
            if let Some(times) = tried.get_mut(&key)
                && let Some(place) = times.iter().position(|at| *at == self.at)
            {
                times.swap_remove(place);
            }
        }
    }
}

/// Forgets what counts no more; if all of it counts, whatever comes first.
fn make_room(tried: &mut HashMap<Key, Vec<DateTime<Utc>>>, now: DateTime<Utc>) {
    tried.retain(|_, times| times.iter().any(|at| *at + WINDOW > now));
    let surplus: Vec<Key> = tried.keys().take((tried.len() + 1_000).saturating_sub(KEYS_MAX)).copied().collect();
    for key in surplus {
        tried.remove(&key);
    }
}

/// Several programs may share a process (in tests they do): the database is part of the key.
fn key(app: &App, parts: &[&str]) -> Key {
    let config: &Config = &app.config;
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &app.key("attempts to sign in"));
    let mut context = ring::hmac::Context::with_key(&secret);
    for part in [config.database_url.as_str()].iter().chain(parts) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.sign().as_ref());
    key
}
