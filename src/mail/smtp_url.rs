//! A mail server's address as one URL, as it stands in `SMTP_URL`.

use lettre::transport::smtp::{
    authentication::Credentials,
    client::{Certificate, TlsParameters},
};
use std::fmt;
use url::Url;

/// Where the server is, and how we speak to it.
pub struct SmtpAddress {
    /// Its name, or its IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether and when the connection is encrypted.
    pub encryption: Encryption,
    /// What we sign in with.
    pub credentials: Option<Credentials>,
}

/// Whether and when a connection is encrypted.
pub enum Encryption {
    /// Never: a server on the same machine.
    Never,
    /// By STARTTLS when the server offers it, whatever its certificate: whoever could forge the certificate could also hide the offer,
    /// so checking it would only turn letters away from honest servers.
    WhenOffered(TlsParameters),
    /// By STARTTLS, or no letter goes out.
    Required(TlsParameters),
    /// From the first byte (`smtps://`).
    FromTheStart(TlsParameters),
}

impl SmtpAddress {
    /// Reads a URL. Where nothing is said, `smtps` is port 465; `smtp` is port 587 with STARTTLS required when there is a password or
    /// `?tls=required`, else port 25 with STARTTLS when offered. Errors say what to write instead and never repeat a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let example = "write it like smtps://user:password@mail.example.org or smtp://127.0.0.1:25";
        let url = Url::parse(text).map_err(|error| format!("the mail server's address is not a URL ({error}): {example}"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(format!("the mail server's address has no host: {example}"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let credentials = credentials(&url)?;
        let (mut tls_word, mut authority) = (None, None);
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "tls" => tls_word = Some(value.into_owned()),
                "ca" => authority = Some(value.into_owned()),
                other => return Err(format!("the mail server's address knows ?tls= and ?ca=, not {other:?}")),
            }
        }
        let authority = authority.map(|path| read_authority(&path)).transpose()?;
        let near = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let secret = credentials.is_some() && !near;
        let encryption = match (url.scheme(), tls_word.as_deref()) {
            ("smtps", None | Some("required")) => Encryption::FromTheStart(checked(&host, authority)?),
            ("smtps", Some(word)) => return Err(format!("smtps:// always encrypts; ?tls={word} belongs to smtp://")),
            ("smtp", Some("required")) => Encryption::Required(checked(&host, authority)?),
            ("smtp", None) if secret => Encryption::Required(checked(&host, authority)?),
            ("smtp", Some("opportunistic" | "none")) if secret => {
                return Err("a password must not cross the net unencrypted: use ?tls=required or smtps://".into());
            }
            ("smtp", None | Some("opportunistic")) => Encryption::WhenOffered(unchecked(&host)?),
            ("smtp", Some("none")) => Encryption::Never,
            ("smtp", Some(word)) => return Err(format!("?tls= is required, opportunistic or none, not {word:?}")),
            (scheme, _) => return Err(format!("a mail server's address begins with smtp:// or smtps://, not {scheme}://")),
        };
        let port = url.port().unwrap_or(match encryption {
            Encryption::FromTheStart(_) => 465,
            Encryption::Required(_) => 587,
            _ => 25,
        });
        Ok(Self { host, port, encryption, credentials })
    }

    /// Host and port, for messages to staff.
    pub fn authority(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Debug for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let unreadable = || "the mail server's user or password has a broken %-escape: write % itself as %25".to_owned();
    let user = percent_decoded(url.username()).ok_or_else(unreadable)?;
    let password = percent_decoded(url.password().unwrap_or_default()).ok_or_else(unreadable)?;
    Ok(Some(Credentials::new(user, password)))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn read_authority(path: &str) -> Result<Certificate, String> {
    let pem = std::fs::read(path).map_err(|error| format!("the certificate authority in ?ca= cannot be read ({path}): {error}"))?;
    Certificate::from_pem(&pem).map_err(|error| format!("the certificate authority in ?ca= is not PEM ({path}): {error}"))
}

fn checked(host: &str, authority: Option<Certificate>) -> Result<TlsParameters, String> {
    let builder = TlsParameters::builder(host.to_owned());
    let builder = if let Some(certificate) = authority { builder.add_root_certificate(certificate) } else { builder };
    builder.build().map_err(|error| format!("TLS cannot be set up for {host}: {error}"))
}

fn unchecked(host: &str) -> Result<TlsParameters, String> {
    let builder = TlsParameters::builder(host.to_owned()).dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
    builder.build().map_err(|error| format!("TLS cannot be set up for {host}: {error}"))
}
