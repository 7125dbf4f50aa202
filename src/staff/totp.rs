//! The second factor: codes by time (RFC 6238: SHA-1, six digits, thirty seconds, one step of skew), kept sealed, each good
//! once; and recovery codes of 120 bits, each good once.

use crate::{clock::Random, error::Error, web::qr::Picture};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chrono::{DateTime, Utc};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// How many recovery codes one gets.
pub const RECOVERY_CODES: usize = 10;
/// The length of one step of time, in seconds.
const STEP_S: u64 = 30;
/// What the sealing key is for, as `App::key` wants it: another use of SECRET_KEY gives another key.
pub const KEY_LABEL: &str = "seal second factors, v1";
/// The shape of what is sealed, so that a later one can be told apart.
const SEAL_VERSION: &str = "1.";

/// The secret that a member of staff shares with her phone.
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// A new secret of 160 bits, as RFC 4226 recommends.
    pub fn new(random: &Random) -> Self {
        Self(random.bytes::<20>().to_vec())
    }

    /// The secret that these bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The secret in base32, in groups of four, for typing into a phone.
    pub fn as_text(&self) -> String {
        let text = base32(&self.0);
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The six digits that are right at `now`.
    pub fn code_at(&self, now: DateTime<Utc>) -> Result<String, Error> {
        Ok(self.totp("", "")?.generate(seconds(now)).to_string())
    }

    /// The six digits to sign in with at `now`: the present ones, or the next where those of `last_step` were used already.
    pub fn code_after(&self, last_step: i64, now: DateTime<Utc>) -> Result<String, Error> {
        let present = seconds(now) / STEP_S;
        let used = u64::try_from(last_step).is_ok_and(|last| last >= present);
        Ok(self.totp("", "")?.generate((present + u64::from(used)) * STEP_S).to_string())
    }

    /// The step of time whose code this is, if it is right at `now` (a step earlier or later is allowed) and later than
    /// `last_step`: each code works once.
    pub fn step_of(&self, code: &str, now: DateTime<Utc>, last_step: i64) -> Result<Option<i64>, Error> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).filter_map(ascii_digit).collect();
        if digits.len() != 6 {
            return Ok(None);
        }
        let step = self.totp("", "")?.check(&digits, seconds(now)).and_then(|step| i64::try_from(step).ok());
        Ok(step.filter(|step| *step > last_step))
    }

    /// The picture that a phone scans to take the secret over.
    pub fn picture(&self, organisation: &str, email: &str) -> Result<Picture, Error> {
        let url = self.totp(organisation, email)?.to_url().map_err(|e| Error::internal("the enrolment address", e))?;
        Picture::of(&url)
    }

    /// The secret sealed for `owner`: what is sealed for one member of staff opens for nobody else.
    pub fn seal(&self, key: &[u8; 32], owner: &str, random: &Random) -> Result<String, Error> {
        let nonce = random.bytes::<12>();
        let mut sealed = self.0.clone();
        sealing_key(key)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner.as_bytes()), &mut sealed)
            .map_err(|e| Error::internal("sealing a secret", e))?;
        Ok(format!("{SEAL_VERSION}{}", STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Opens what [`Self::seal`] made for the same `owner`.
    pub fn open(sealed: &str, key: &[u8; 32], owner: &str) -> Result<Self, Error> {
        let cannot = || Error::Internal("a second factor cannot be opened: was SECRET_KEY changed?".to_owned());
        let mut bytes = sealed.strip_prefix(SEAL_VERSION).and_then(|text| STANDARD_NO_PAD.decode(text).ok()).ok_or_else(cannot)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(12).ok_or_else(cannot)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| cannot())?;
        let secret = sealing_key(key)?.open_in_place(nonce, Aad::from(owner.as_bytes()), sealed).map_err(|_| cannot())?;
        Ok(Self(secret.to_vec()))
    }

    fn totp(&self, organisation: &str, email: &str) -> Result<totp_rs::Totp, Error> {
        // A colon parts the two in the address, so neither may hold one.
        let tidy = |text: &str| text.replace(':', " ").trim().to_owned();
        totp_rs::Builder::new()
            .with_secret(self.0.clone())
            .with_skew(1)
            .with_step_duration(STEP_S)
            .with_account_name(tidy(email))
            .with_issuer(Some(tidy(organisation)).filter(|name| !name.is_empty()))
            .build()
            .map_err(|e| Error::internal("the second factor", e))
    }
}

/// Ten new recovery codes, as they are shown once.
pub fn new_recovery_codes(random: &Random) -> Vec<String> {
    (0..RECOVERY_CODES)
        .map(|_| {
            let text = base32(&random.bytes::<15>()).to_lowercase();
            text.as_bytes().chunks(6).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
        })
        .collect()
}

/// What is stored of a recovery code, however it was typed; nothing when it cannot be one. 120 random bits need no slow hash.
pub fn recovery_code_hash(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    (code.len() == 24).then(|| crate::clock::sha256_hex(&code))
}

fn sealing_key(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|e| Error::internal("the sealing key", e))
}

fn seconds(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp()).unwrap_or(0)
}

/// Persian and Arabic digits are digits too: the phone may show them.
fn ascii_digit(character: char) -> Option<char> {
    match character {
        '0'..='9' => Some(character),
        '۰'..='۹' => char::from_digit(character as u32 - '۰' as u32, 10),
        '٠'..='٩' => char::from_digit(character as u32 - '٠' as u32, 10),
        _ => None,
    }
}

/// RFC 4648 base32 without padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}
