//! The bytes of one piece of the journal: what a group commit adds to a day.
//!
//! Counts are written as the process's running totals, not as differences, and tokens as a set. So pieces can be read twice, in any
//! order, or folded into one, and say the same: larger totals win, sets unite.
//!
//! Format, numbers as LEB128: version 1 · count of loads, each 8 bytes · count of entries, each: kind (1 byte), id (16), source (1),
//! ten totals, count of tokens, each 8 bytes.

use super::day::{Counts, Key};
use super::token::Scope;
use entity::words::ReaderSource;
use std::collections::BTreeMap;

const VERSION: u8 = 1;

/// A piece of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Page loads that were counted, so that one sent again is known as such.
    pub loads: Vec<u64>,
    /// For each scope and source touched: the running totals, and the tokens that are new.
    pub entries: BTreeMap<Key, (Counts, Vec<u64>)>,
}

/// A piece of the journal that is not what we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl Segment {
    /// Whether it adds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.loads.is_empty()
    }

    /// About how large it is, in numbers of eight bytes.
    pub fn len(&self) -> usize {
        self.loads.len() + self.entries.values().map(|(_, tokens)| 5 + tokens.len()).sum::<usize>()
    }

    /// Adds a later piece by the same process and key, so that both can be replaced by the sum.
    pub fn absorb(&mut self, later: Self) {
        self.loads.extend(later.loads);
        for (key, (counts, tokens)) in later.entries {
            let (ours, held) = self.entries.entry(key).or_default();
            ours.raise_to(&counts);
            held.extend(tokens);
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tokens: usize = self.entries.values().map(|(_, tokens)| tokens.len()).sum();
        let mut bytes = Vec::with_capacity(16 + 8 * (self.loads.len() + tokens) + 40 * self.entries.len());
        bytes.push(VERSION);
        put_hashes(&mut bytes, &self.loads);
        put_number(&mut bytes, self.entries.len() as u64);
        for ((scope, source), (counts, tokens)) in &self.entries {
            bytes.push(scope.kind_byte());
            bytes.extend(scope.id.as_bytes());
            bytes.push(source_byte(*source));
            for total in counts.totals() {
                put_number(&mut bytes, total);
            }
            put_hashes(&mut bytes, tokens);
        }
        bytes
    }

    /// What the bytes say.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut rest = bytes;
        if take::<1>(&mut rest)? != [VERSION] {
            return Err(Damaged);
        }
        let loads = take_hashes(&mut rest)?;
        let mut entries = BTreeMap::new();
        for _ in 0..take_number(&mut rest)? {
            let [kind] = take::<1>(&mut rest)?;
            let scope = Scope::from_bytes(kind, take::<16>(&mut rest)?).ok_or(Damaged)?;
            let source = source_of(take::<1>(&mut rest)?[0]).ok_or(Damaged)?;
            let mut totals = [0; Counts::FIGURES];
            for total in &mut totals {
                *total = take_number(&mut rest)?;
            }
            entries.insert((scope, source), (Counts::from_totals(totals), take_hashes(&mut rest)?));
        }
        if rest.is_empty() { Ok(Self { loads, entries }) } else { Err(Damaged) }
    }
}

const fn source_byte(source: ReaderSource) -> u8 {
    match source {
        ReaderSource::Script => 0,
        ReaderSource::Pixel => 1,
    }
}

const fn source_of(byte: u8) -> Option<ReaderSource> {
    match byte {
        0 => Some(ReaderSource::Script),
        1 => Some(ReaderSource::Pixel),
        _ => None,
    }
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_hashes(bytes: &mut Vec<u8>, hashes: &[u64]) {
    put_number(bytes, hashes.len() as u64);
    for hash in hashes {
        bytes.extend(hash.to_be_bytes());
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Damaged)?;
    *rest = tail;
    Ok(*head)
}

fn take_number(rest: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let [byte] = take::<1>(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged)
}

fn take_hashes(rest: &mut &[u8]) -> Result<Vec<u64>, Damaged> {
    let count = take_number(rest)?;
    // The bytes are there or the piece is damaged: a wrong count must not make us reserve memory.
    if count > rest.len() as u64 / 8 {
        return Err(Damaged);
    }
    (0..count).map(|_| take::<8>(rest).map(u64::from_be_bytes)).collect()
}
