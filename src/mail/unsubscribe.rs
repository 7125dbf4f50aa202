//! The link that ends news: it names the hash of an address and a topic, and is signed, so that it works without a cookie, without
//! signing in, for as long as the secret key lives, and also after everything else about its owner was erased.

use super::topic::Topic;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::ids::{CampaignId, WishItemId};
use ring::hmac;
use uuid::Uuid;

/// The bytes of a hash and of a signature.
const DIGEST: usize = 32;

/// The bytes that are signed: a version, the hash, the topic's kind, its id.
const SIGNED: usize = 1 + DIGEST + 1 + 16;

/// Signs the links.
#[derive(Clone, Debug)]
pub struct UnsubscribeKey(hmac::Key);

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The address, hashed.
    pub address_hash: String,
    /// What it is to get no more of.
    pub topic: Topic,
}

impl UnsubscribeKey {
    /// From the key that [`crate::config::Config::key`] derives for `"unsubscribe"`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The token of a link, 110 characters that may stand in a URL; the signature in it has 256 bits. None when the hash is not one.
    pub fn token(&self, wish: &Wish) -> Option<String> {
        let mut bytes = vec![1];
        bytes.extend(from_hex(&wish.address_hash)?);
        let (kind, id) = match wish.topic {
            Topic::Everything => return None,
            Topic::Updates => (b'u', Uuid::nil()),
            Topic::Campaign(id) => (b'c', id.0),
            Topic::Item(id) => (b'i', id.0),
        };
        bytes.push(kind);
        bytes.extend(id.as_bytes());
        let signature = hmac::sign(&self.0, &bytes);
        bytes.extend(signature.as_ref());
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token says; none when it is not one of ours.
    pub fn read(&self, token: &str) -> Option<Wish> {
        let bytes = URL_SAFE_NO_PAD.decode(token.trim()).ok().filter(|bytes| bytes.len() == SIGNED + DIGEST)?;
        let (signed, signature) = bytes.split_at(SIGNED);
        hmac::verify(&self.0, signed, signature).ok()?;
        let id = Uuid::from_slice(&signed[DIGEST + 2..]).ok()?;
        let topic = match (signed[0], signed[DIGEST + 1]) {
            (1, b'u') => Topic::Updates,
            (1, b'c') => Topic::Campaign(CampaignId(id)),
            (1, b'i') => Topic::Item(WishItemId(id)),
            _ => return None,
        };
        Some(Wish { address_hash: crate::clock::hex(&signed[1..=DIGEST]), topic })
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * DIGEST || !text.is_ascii() {
        return None;
    }
    (0..DIGEST).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}
