//! A reader's token: what makes two views of one day the same reader, and says nothing once the day's key is gone.
//!
//! `t = first 8 bytes of HMAC-SHA-256(K_D, "r1" ‖ scope_kind ‖ scope_id ‖ ip ‖ 0x00 ‖ UA[..512])`. The scope is inside the MAC, so
//! one reader of two campaigns has two tokens that nobody can link. The address is the four bytes of IPv4, or the /64 of IPv6, within
//! which a device changes its address at will.

use chrono::NaiveDate;
use entity::words::ReaderScope;
use ring::hmac;
use std::{
    hash::{BuildHasherDefault, Hasher},
    net::IpAddr,
};
use uuid::Uuid;

/// How much of a user agent distinguishes readers, in bytes: longer ones are cut, so that nobody makes us hash megabytes.
const USER_AGENT_BYTES_MAX: usize = 512;

/// What readers are counted for: the site, one campaign, one article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// Which kind of thing.
    pub kind: ReaderScope,
    /// Its id; all zeros for the site.
    pub id: Uuid,
}

impl Scope {
    /// The whole site.
    pub const SITE: Self = Self { kind: ReaderScope::Site, id: Uuid::nil() };

    /// One article.
    pub const fn article(id: entity::ids::ArticleId) -> Self {
        Self { kind: ReaderScope::Article, id: id.0 }
    }

    /// One campaign.
    pub const fn campaign(id: entity::ids::CampaignId) -> Self {
        Self { kind: ReaderScope::Campaign, id: id.0 }
    }

    /// The byte that stands for the kind in tokens and in the journal. Never change one: a day's tokens would change with it.
    pub(super) const fn kind_byte(self) -> u8 {
        match self.kind {
            ReaderScope::Site => 0,
            ReaderScope::Campaign => 1,
            ReaderScope::Article => 2,
        }
    }

    /// The scope that a byte and an id stand for.
    pub(super) const fn from_bytes(kind: u8, id: [u8; 16]) -> Option<Self> {
        let kind = match kind {
            0 => ReaderScope::Site,
            1 => ReaderScope::Campaign,
            2 => ReaderScope::Article,
            _ => return None,
        };
        Some(Self { kind, id: Uuid::from_bytes(id) })
    }
}

/// The part of an address that tokens are made of: IPv4 whole, IPv6 to its /64. It has no `Debug`, so that no log can hold it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    bytes: [u8; 8],
    length: usize,
}

impl Network {
    /// The network of an address; an IPv4 address written as IPv6 is the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        let mut bytes = [0; 8];
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                bytes[..4].copy_from_slice(&v4.octets());
                Self { bytes, length: 4 }
            }
            IpAddr::V6(v6) => {
                bytes.copy_from_slice(&v6.octets()[..8]);
                Self { bytes, length: 8 }
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The key of one day (and, after a loss, of one epoch of it). It has no `Debug` and is never written to the database's files.
pub struct DayKey {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Which key of the day: 0, and one more for each key that was lost.
    pub epoch: u32,
    key: hmac::Key,
}

impl DayKey {
    /// The key made of 32 random bytes.
    pub fn new(day: NaiveDate, epoch: u32, secret: &[u8; 32]) -> Self {
        Self { day, epoch, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// The reader's token in a scope.
    pub fn token(&self, scope: Scope, network: Network, user_agent: &[u8]) -> u64 {
        let user_agent = &user_agent[..user_agent.len().min(USER_AGENT_BYTES_MAX)];
        self.mac(&[b"r1", &[scope.kind_byte()], scope.id.as_bytes(), network.as_bytes(), &[0], user_agent])
    }

    /// What a network is known by, in memory only, while we count how many readers it has added to each scope today.
    pub fn crowd(&self, network: Network) -> Crowd {
        Crowd(self.mac(&[b"c1", network.as_bytes()]))
    }

    /// What one load of one article's page is known by, so that a beacon sent twice is one view.
    pub fn load(&self, article: entity::ids::ArticleId, load: u64) -> u64 {
        self.mac(&[b"l1", article.0.as_bytes(), &load.to_be_bytes()])
    }

    fn mac(&self, parts: &[&[u8]]) -> u64 {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        let mut first = [0; 8];
        first.copy_from_slice(&tag.as_ref()[..8]);
        u64::from_be_bytes(first)
    }
}

/// A network, by a keyed hash that is never written anywhere.
#[derive(Clone, Copy)]
pub struct Crowd(u64);

impl Crowd {
    /// The network in one scope. Ids end in random bits, so mixing them in spreads the scopes (the constants are SplitMix64's).
    pub fn within(self, scope: Scope) -> u64 {
        let (high, low) = scope.id.as_u64_pair();
        let mut mixed = self.0 ^ high.rotate_left(32) ^ low ^ u64::from(scope.kind_byte());
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A hasher for what already is a keyed hash: hashing it again would only cost time.
#[derive(Default)]
pub struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A set of keyed hashes.
pub type HashedSet = std::collections::HashSet<u64, BuildHasherDefault<AlreadyHashed>>;
