//! The address that bounces go to, one for each letter: `bounces+<letter>.<signature>@domain` (VERP). The signature keeps a forged bounce
//! from having any effect: only who got the letter, and its mail servers, can know it.

use crate::error::Error;
use entity::ids::LetterId;
use lettre::Address;
use ring::hmac;
use uuid::Uuid;

/// Hex digits of a letter's id.
const ID_DIGITS: usize = 32;

/// Hex digits of the signature, of 80 bits: a local part has at most 64 characters, and mail servers may change capitals.
const SIGNATURE_DIGITS: usize = 20;

/// The longest name before the `+`, so that the local part has at most 64 characters (RFC 5321 §4.5.3.1.1).
const USER_CHARS_MAX: usize = 64 - 2 - ID_DIGITS - SIGNATURE_DIGITS;

/// Makes and reads these addresses.
#[derive(Clone, Debug)]
pub struct ReturnPath {
    user: String,
    domain: String,
    key: hmac::Key,
}

impl ReturnPath {
    /// For the mailbox at `address`, with the key that [`crate::config::Config::key`] derives for `"return path"`.
    pub fn new(address: &Address, key: &[u8; 32]) -> Result<Self, Error> {
        if address.user().len() > USER_CHARS_MAX || !address.user().is_ascii() {
            return Err(Error::Invalid(format!("MAIL_BOUNCES: the part before the @ may have at most {USER_CHARS_MAX} characters")));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Ok(Self { user: address.user().to_owned(), domain: address.domain().to_owned(), key })
    }

    /// Where a bounce of this letter goes.
    pub fn of(&self, letter: LetterId) -> Result<Address, Error> {
        let user = format!("{}+{}.{}", self.user, letter.0.simple(), self.signature(letter));
        Address::new(user, self.domain.clone()).map_err(|error| Error::internal("the return path", error))
    }

    /// The letter whose address stands somewhere in a message; none when there is none with a right signature. The signature is what
    /// counts, so it does not matter where it stands: servers name the address that they delivered to in many headers, or in none.
    pub fn find(&self, message: &[u8]) -> Option<LetterId> {
        let unfolded: Vec<u8> = without_soft_breaks(message);
        let length = ID_DIGITS + 1 + SIGNATURE_DIGITS;
        unfolded.iter().enumerate().filter(|(_, byte)| **byte == b'+').find_map(|(at, _)| {
            let token = std::str::from_utf8(unfolded.get(at + 1..at + 1 + length)?).ok()?.to_ascii_lowercase();
            let (id, signature) = token.split_once('.')?;
            let id = LetterId(Uuid::try_parse(id).ok()?);
            (signature.len() == SIGNATURE_DIGITS && ring_equal(&self.signature(id), signature)).then_some(id)
        })
    }

    fn signature(&self, letter: LetterId) -> String {
        let mut hex = crate::clock::hex(hmac::sign(&self.key, letter.0.as_bytes()).as_ref());
        hex.truncate(SIGNATURE_DIGITS);
        hex
    }
}

/// Whether two signatures are the same, in a time that does not tell how much of them is.
fn ring_equal(ours: &str, theirs: &str) -> bool {
    ours.bytes().zip(theirs.bytes()).fold(ours.len() ^ theirs.len(), |differs, (a, b)| differs | usize::from(a ^ b)) == 0
}

/// Quoted-printable breaks long lines with `=` at their end.
fn without_soft_breaks(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((first, tail)) = rest.split_first() {
        rest = match rest {
            [b'=', b'\r', b'\n', tail @ ..] | [b'=', b'\n', tail @ ..] => tail,
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}
