//! The clock and the random source: nothing else may ask the machine for time or chance, so that tests hold both in their hands.

use chrono::{DateTime, Datelike, DurationRound, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// Tells the time in UTC, cut to microseconds because PostgreSQL keeps no more.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock moved by hand: for tests, and for the demo's past.
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
            Self::System => Utc::now(),
            Self::Manual(held) => *held.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        };
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves a manual clock to `time`; the machine's clock is not moved.
    pub fn set(&self, time: DateTime<Utc>) {
        if let Self::Manual(held) = self {
            *held.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = time;
        }
    }

    /// Moves a manual clock on by `step`; the machine's clock is not moved.
    pub fn advance(&self, step: TimeDelta) {
        self.set(self.now() + step);
    }
}

/// The random source: the machine's, fit for secrets.
#[derive(Clone)]
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
        Self(SystemRandom::new())
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// `N` random bytes.
    ///
    /// # Panics
    /// When the machine's random source fails: nothing that needs a secret may go on without one.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).expect("the machine's random source works");
        bytes
    }

    /// A new id that sorts by time (UUID version 7).
    pub fn id<T: From<Uuid>>(&self, now: DateTime<Utc>) -> T {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid())
    }

    /// A new secret of 256 bits, as 43 characters that may stand in a URL.
    pub fn token(&self) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A fraction from zero up to one, for spreading retries out.
    pub fn fraction(&self) -> f64 {
        f64::from(u32::from_be_bytes(self.bytes())) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The first moment of a day in a time zone; where the clocks skip midnight, or the whole day, the first moment after. Days tile the
/// time: each ends where the next begins, also those of 23 and 25 hours.
pub fn start_of_day(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let candidates =
        (0..96).filter_map(|half_hours| zone.from_local_datetime(&(midnight + TimeDelta::minutes(30 * half_hours))).earliest());
    candidates.map(|start| start.with_timezone(&Utc)).next().unwrap_or_else(|| midnight.and_utc())
}

/// The moment at which the clocks of a zone show `time` on `day`. Where they show it twice, the later one when `late`; where they skip it,
/// the first moment after the gap.
pub fn moment_at(zone: Tz, day: NaiveDate, time: NaiveTime, late: bool) -> DateTime<Utc> {
    let shown = day.and_time(time);
    let found = zone.from_local_datetime(&shown);
    let after_gap = || (1..2 * 24 * 60).find_map(|minutes| zone.from_local_datetime(&(shown + TimeDelta::minutes(minutes))).earliest());
    let moment = if late { found.latest() } else { found.earliest() };
    moment.or_else(after_gap).map_or_else(|| shown.and_utc(), |moment| moment.with_timezone(&Utc))
}

/// The first moment after a day in a time zone, or after a time of it: when something ends that is over on that day, or at that time.
pub fn end_of(zone: Tz, day: NaiveDate, time: Option<NaiveTime>) -> DateTime<Utc> {
    match (time, day.succ_opt()) {
        (Some(time), _) => moment_at(zone, day, time, true),
        (None, Some(next)) => start_of_day(zone, next),
        (None, None) => start_of_day(zone, day),
    }
}

/// A time of day as a form sends it, such as `18:30`.
pub fn parse_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text.trim(), "%H:%M").ok()
}

/// A day as a form sends it, such as `2026-01-31`, of the years 1 to 9999. Days beyond overflow where a zone or a week is added, and
/// cannot be read back from the databases.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    text.trim().parse::<NaiveDate>().ok().filter(|day| (1..=9999).contains(&day.year()))
}

/// SHA-256 of `text` in hex: how every secret that came from a URL or a cookie is stored.
pub fn sha256_hex(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

/// `bytes` in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_that_every_zone_and_database_can_hold() {
        assert_eq!(parse_day(" 2026-01-31 "), NaiveDate::from_ymd_opt(2026, 1, 31));
        for odd in ["", "2026-02-30", "0000-12-31", "-0001-01-01", "-262143-01-01", "+10000-01-01", "+262142-12-31"] {
            assert_eq!(parse_day(odd), None, "{odd}");
        }
    }
}
