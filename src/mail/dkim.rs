//! DKIM signatures (RFC 6376, RFC 8463), for where no mail server on the way adds one. Signed are the bytes that leave, so nothing is
//! folded anew afterwards; both headers of one-click unsubscribing are covered, as RFC 8058 §4 demands, and headers that matter are
//! signed once more than they are there, so that none can be added.
//!
//! Why not a crate: those that sign bring a DNS resolver along, or an RSA with an open advisory (RUSTSEC-2023-0071). What is ours here is
//! the text's canonical form; the cryptography is ring's.

use crate::error::Error;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use std::{fmt, path::Path};

/// Headers that are signed, and once more as if they were not there.
const SEALED: [&str; 8] = ["From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"];

/// Headers that are signed as they are.
const SIGNED: [&str; 4] = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Language"];

/// Characters of the signature on one line.
const LINE_CHARS: usize = 72;

/// A key, and the name under which its public half stands in the DNS.
pub struct Signer {
    selector: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("selector", &self.selector).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a key from a PEM file: RSA of 2048 bits or more (`openssl genrsa`), or Ed25519 (`openssl genpkey -algorithm ed25519`).
    pub fn open(file: &Path, selector: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Invalid(format!("MAIL_DKIM_KEY ({}): {why}", file.display()));
        let pem = PrivateKeyDer::from_pem_file(file).map_err(|error| wrong(&format!("no private key in PEM form can be read: {error}")))?;
        let key = match &pem {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map(|key| Key::Rsa(Box::new(key))),
            PrivateKeyDer::Pkcs8(der) => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()) {
                Ok(key) => Ok(Key::Ed25519(Box::new(key))),
                Err(_) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map(|key| Key::Rsa(Box::new(key))),
            },
            _ => return Err(wrong("it is neither an RSA nor an Ed25519 key")),
        };
        let key = key.map_err(|error| wrong(&format!("neither an RSA key of 2048 bits or more nor an Ed25519 key: {error}")))?;
        let is_label = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !selector.split('.').all(is_label) {
            return Err(Error::Invalid("MAIL_DKIM_SELECTOR must be a name such as `wellwisher` or `s2026`".to_owned()));
        }
        Ok(Self { selector: selector.to_owned(), key })
    }

    /// The message with a signature of `domain` before it. Line ends become CRLF, which is what is signed and what leaves.
    pub fn sign(&self, raw: &[u8], domain: &str, now: DateTime<Utc>) -> Result<Vec<u8>, Error> {
        let raw = with_crlf(raw);
        let end = find(&raw, b"\r\n\r\n").ok_or_else(|| Error::Internal("a letter without a body cannot be signed".to_owned()))?;
        let headers = split_headers(&raw[..end + 2]);
        let body_hash = STANDARD.encode(digest::digest(&digest::SHA256, &relaxed_body(&raw[end + 4..])));
        let names = names_to_sign(&headers);
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let tags = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={};\r\n t={}; h={};\r\n bh={body_hash};\r\n b=",
            self.selector,
            now.timestamp(),
            names.join(":\r\n "),
        );
        let mut hashed = relaxed_headers(&headers, &names);
        let own = split_headers(tags.as_bytes());
        hashed.extend(own.first().map(|(name, value)| relaxed_header(name, value)).unwrap_or_default());
        let signature = STANDARD.encode(self.signature(&hashed)?);
        let mut signed = tags.into_bytes();
        for (at, line) in signature.as_bytes().chunks(LINE_CHARS).enumerate() {
            if at > 0 {
                signed.extend(b"\r\n ");
            }
            signed.extend(line);
        }
        signed.extend(b"\r\n");
        signed.extend(raw);
        Ok(signed)
    }

    fn signature(&self, hashed: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                #[expect(clippy::disallowed_methods, reason = "it blinds the signature's arithmetic and does not change the signature")]
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, hashed, &mut signature)
                    .map_err(|error| Error::internal("the DKIM signature", error))?;
                Ok(signature)
            }
            // RFC 8463 §3: what is signed is the SHA-256 of the canonical headers.
            Key::Ed25519(key) => Ok(key.sign(digest::digest(&digest::SHA256, hashed).as_ref()).as_ref().to_vec()),
        }
    }
}

/// The headers to sign: those that are there, and the sealed ones once more than they are there.
fn names_to_sign(headers: &[(String, Vec<u8>)]) -> Vec<&'static str> {
    let count = |name: &str| headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count();
    let sealed = SEALED.iter().flat_map(|name| std::iter::repeat_n(*name, count(name) + 1));
    sealed.chain(SIGNED.iter().filter(|name| count(name) > 0).copied()).collect()
}

/// Each name takes the lowest header of that name which is not taken; one that is not there adds nothing (RFC 6376 §5.4.2).
fn relaxed_headers(headers: &[(String, Vec<u8>)], names: &[&str]) -> Vec<u8> {
    let mut left: Vec<&(String, Vec<u8>)> = headers.iter().collect();
    let mut out = Vec::new();
    for name in names {
        if let Some(at) = left.iter().rposition(|(known, _)| known.eq_ignore_ascii_case(name)) {
            let (known, value) = left.remove(at);
            out.extend(relaxed_header(known, value));
            out.extend(b"\r\n");
        }
    }
    out
}

/// RFC 6376 §3.4.2: the name in lower case, the value unfolded, blanks as one space.
fn relaxed_header(name: &str, value: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = value.split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).filter(|word| !word.is_empty()).collect();
    [name.trim_end().to_ascii_lowercase().as_bytes(), b":", &words.join(&b' ')].concat()
}

/// RFC 6376 §3.4.4: blanks as one space, none at the ends of lines, no empty lines at the end.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut empty_lines = 0;
    let text = body.strip_suffix(b"\r\n").unwrap_or(body);
    for line in text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
        let mut relaxed = Vec::with_capacity(line.len());
        for byte in line {
            match byte {
                b' ' | b'\t' if relaxed.last() == Some(&b' ') => {}
                b' ' | b'\t' => relaxed.push(b' '),
                _ => relaxed.push(*byte),
            }
        }
        if relaxed.last() == Some(&b' ') {
            relaxed.pop();
        }
        if relaxed.is_empty() {
            empty_lines += 1;
            continue;
        }
        out.extend(b"\r\n".repeat(empty_lines));
        empty_lines = 0;
        out.extend(relaxed);
        out.extend(b"\r\n");
    }
    out
}

fn split_headers(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = headers.last_mut() {
                value.extend(b"\r\n");
                value.extend(line);
            }
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            headers.push((String::from_utf8_lossy(&line[..colon]).into_owned(), line[colon + 1..].to_vec()));
        }
    }
    headers
}

fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    let mut before = 0;
    for byte in raw {
        if *byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        before = *byte;
    }
    out
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
