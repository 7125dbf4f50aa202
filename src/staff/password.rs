//! Passwords: argon2id, two hashes at a time, long rather than odd.

use crate::{clock::Random, error::Error};
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use std::sync::{LazyLock, OnceLock};
use tokio::sync::Semaphore;

/// The shortest password, in characters (ASVS 6.2.1 asks for 8 and recommends 15).
pub const CHARACTERS_MIN: usize = 15;
/// The longest password, in characters: what is hashed has a bound.
pub const CHARACTERS_MAX: usize = 128;

/// Each hash takes 19 MiB and a core for some tens of milliseconds: more at once would starve everything else.
static HASHING: Semaphore = Semaphore::const_new(2);

/// The common passwords of at least fifteen characters, in lower case, without spaces, hyphens and underscores.
static COMMON: &str = include_str!("common_passwords.txt");

/// Why a password is refused; the key of the sentence is `door-password-<word>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than fifteen characters.
    Short,
    /// More than 128 characters.
    Long,
    /// On the list that attackers try first, or one piece repeated, or a run along the keyboard.
    Common,
    /// The organisation's name or the person's own name or address with a little around it.
    Personal,
}

impl Weakness {
    /// The key of the sentence that says what to do.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Short => "door-password-short",
            Self::Long => "door-password-long",
            Self::Common => "door-password-common",
            Self::Personal => "door-password-personal",
        }
    }
}

/// Whether `password` may be chosen. `personal`: the organisation's name, the person's name and address.
pub fn check(password: &str, personal: &[&str]) -> Result<(), Weakness> {
    let characters = password.chars().count();
    if characters < CHARACTERS_MIN {
        return Err(Weakness::Short);
    }
    if characters > CHARACTERS_MAX {
        return Err(Weakness::Long);
    }
    let plain = plain(password);
    if COMMON.lines().any(|common| common == plain) || is_repeated(&plain) || is_run(&plain) {
        return Err(Weakness::Common);
    }
    let mut parts: Vec<String> =
        personal.iter().flat_map(|text| [Some(*text), text.split('@').next()]).flatten().map(self::plain).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.chars().count()));
    let mut rest = plain;
    for part in parts.iter().filter(|part| part.chars().count() >= 4) {
        rest = rest.replace(part.as_str(), "");
    }
    // What is left beside names must itself be worth something.
    if rest.chars().count() < 8 { Err(Weakness::Personal) } else { Ok(()) }
}

/// Hashes a password for storing: a PHC string.
pub async fn hash(password: String, random: &Random) -> Result<String, Error> {
    let salt = random.bytes::<16>();
    in_turn(move || {
        let hash = hasher().hash_password_with_salt(password.as_bytes(), &salt).map_err(|e| Error::internal("hashing a password", e))?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether `password` is the one behind `stored`. Where nothing is stored it costs the same and is never right, so that
/// the time taken does not tell who works here.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool, Error> {
    in_turn(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| nobodys_hash().to_owned());
        let hash = PasswordHash::new(&stored).map_err(|e| Error::internal("reading a password's hash", e))?;
        let right = hasher().verify_password(password.as_bytes(), &hash).is_ok();
        Ok(right && known)
    })
    .await
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let _turn = HASHING.acquire().await.map_err(|e| Error::internal("waiting to hash", e))?;
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("hashing", e))?
}

/// OWASP's parameters: 19 MiB, two passes, one lane.
fn hasher() -> &'static Argon2<'static> {
    static HASHER: LazyLock<Argon2<'static>> = LazyLock::new(|| {
        let params = Params::new(19_456, 2, 1, Some(32)).expect("the parameters are within argon2's bounds");
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    });
    &HASHER
}

/// A hash with the same cost as everybody's, of no one's password.
fn nobodys_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let salt = [7; 16];
        hasher().hash_password_with_salt(b"nobody has this password", &salt).map(|hash| hash.to_string()).expect("a constant can be hashed")
    })
}

fn plain(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| !c.is_whitespace() && !"-_.".contains(*c)).collect()
}

/// One piece of up to a third of the length, again and again: `abcabcabcabcabc`.
fn is_repeated(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (1..=characters.len() / 3).any(|size| characters.chunks(size).all(|piece| characters.starts_with(piece)))
}

/// Along a row of the keyboard, the alphabet or the digits, forwards or backwards.
fn is_run(text: &str) -> bool {
    const ROWS: [&str; 3] = [
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "12345678901234567890123456789012345678901234567890",
        "1234567890qwertyuiopasdfghjklzxcvbnm1234567890qwertyuiopasdfghjklzxcvbnm",
    ];
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}
