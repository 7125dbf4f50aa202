//! The key that signs the list: Ed25519, derived, and shown in words that can be read out on a telephone.

use super::KeyNamed;
use crate::{app::App, clock::hex, error::Error};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};

/// What stands before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410, section 4).
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How many bytes of the fingerprint are told in words: 128 bits.
const WORDS_OF_BYTES: usize = 16;

/// A key by its number.
pub struct Key {
    number: i64,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Key {
    /// The key of this number: the same in every process that has the same `SECRET_KEY`.
    pub fn derive(app: &App, number: i64) -> Result<Self, Error> {
        let seed = app.key(&format!("genuine links v1 key {number}"));
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|e| Error::internal("the key of the genuine links", e))?;
        Ok(Self { number, pair })
    }

    /// The 32 bytes of the public key.
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The same in base64.
    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.public())
    }

    /// The key as the list names it.
    pub fn named(&self) -> KeyNamed {
        KeyNamed { number: self.number, ed25519: self.public_base64(), sha256: hex(&fingerprint(self.public())) }
    }

    /// Signs: 64 bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

fn spki(public: &[u8]) -> Vec<u8> {
    [&SPKI_HEAD[..], public].concat()
}

/// SHA-256 over the public key as it stands in the file.
pub fn fingerprint(public: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest::digest(&digest::SHA256, &spki(public)).as_ref());
    sum
}

/// The public key as a file that openssl reads.
pub fn public_pem(public: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki(public)))
}

/// The first half of a fingerprint in eight words that can be spoken: proquints (arxiv.org/abs/0901.4016), five letters for sixteen bits.
pub fn words_of(fingerprint: &[u8; 32]) -> String {
    fingerprint[..WORDS_OF_BYTES].chunks_exact(2).map(|pair| word(u16::from_be_bytes([pair[0], pair[1]]))).collect::<Vec<_>>().join(" ")
}

fn word(bits: u16) -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aiou";
    let consonant = |shift: u32| char::from(CONSONANTS[usize::from((bits >> shift) & 15)]);
    let vowel = |shift: u32| char::from(VOWELS[usize::from((bits >> shift) & 3)]);
    [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_proquints_of_the_paper() {
        // 127.0.0.1 is lusab-babad there, 63.84.220.193 gutih-tugad.
        assert_eq!((word(0x7f00), word(0x0001)), ("lusab".to_owned(), "babad".to_owned()));
        assert_eq!((word(0x3f54), word(0xdcc1)), ("gutih".to_owned(), "tugad".to_owned()));
        assert_eq!(words_of(&[0; 32]).split(' ').count(), 8);
    }

    #[test]
    fn the_file_of_a_key_is_that_of_rfc_8410() {
        // The public key of the example in section 10.1 of RFC 8410.
        let public: [u8; 32] = [
            0x19, 0xbf, 0x44, 0x09, 0x69, 0x84, 0xcd, 0xfe, 0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96, 0xc8, 0x50, 0x86, 0xaa, 0x30,
            0xb6, 0xb6, 0xcb, 0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1,
        ];
        assert!(public_pem(&public).contains("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="));
    }
}
