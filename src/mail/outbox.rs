//! The outbox: a letter is written down in the transaction of what it tells, and goes out afterwards.
//!
//! What we promise: a letter whose transaction was committed is tried until it is taken, refused, given up after 72 hours, or kept from
//! leaving because its recipient wants none; none is sent twice, but for a receipt whose fate is unknown (RFC 1047), which goes out once
//! more with the same Message-ID.

use super::{
    clerk::Clerk,
    dkim::Signer,
    files::MailFolder,
    forgetting,
    handover::Contents,
    message, over,
    pace::DomainLimits,
    retry::{self, NEVER},
    return_path::ReturnPath,
    smtp::{SmtpLimits, SmtpServer},
    store,
    suppression::{AddressKey, domain_of},
    topic::Topic,
    transport::Mailer,
    unsubscribe::UnsubscribeKey,
};
use crate::{
    config::{Config, MailWay},
    error::Error,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{DonationId, LetterId, ReceiptId},
    letter, supporter,
    words::{LetterKind, LetterState, LetterStream},
};
use lettre::{Address, message::Mailbox};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction,
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

pub use super::handover::Round;

/// What the lease has beyond the wait for the answer to the final dot.
const LEASE_MARGIN_SECONDS: i64 = 60;

/// A letter to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// What it tells.
    pub kind: LetterKind,
    /// `receipt:R-2026-000123`: the same news is told once.
    pub dedupe_key: String,
    /// The donation it tells of.
    pub donation_id: Option<DonationId>,
    /// The receipt it carries.
    pub receipt_id: Option<ReceiptId>,
    /// To whom.
    pub to_address: String,
    /// Her name; may be empty.
    pub to_name: String,
    /// The subject.
    pub subject: String,
    /// The text part: complete by itself.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Its language: `en`, `fa-AF`, `ps`.
    pub language: String,
    /// Whether its supporter wants discreet letters. It stays so whatever address it goes to, and when she has none any more.
    pub discreet: bool,
}

/// The way out of one stream, and who writes in it.
#[derive(Clone, Debug)]
pub struct Way {
    /// Where its letters go.
    pub mailer: Mailer,
    /// Who writes.
    pub from: Mailbox,
    /// How many letters are handed over at once.
    pub connections: usize,
}

/// The ways out, and what is put into letters on the way.
#[derive(Debug)]
pub struct Outbox {
    pub(super) transactional: Way,
    pub(super) updates: Way,
    pub(super) domain_limits: DomainLimits,
    pub(super) dot_lease: TimeDelta,
    pub(super) clerk: Clerk,
    pub(super) contents: Contents,
    /// The site's address, without a slash at the end: links in letters begin with it.
    pub(super) site: String,
    addresses: AddressKey,
    pub(super) unsubscribe: UnsubscribeKey,
    /// Whether every letter has a neutral sender and subject.
    pub(super) discreet: bool,
    /// Where bounces go; none: to the sender.
    pub(super) return_path: Option<ReturnPath>,
    /// Signs letters; none: a mail server on the way does, or nobody.
    pub(super) signer: Option<Signer>,
}

impl Outbox {
    /// The outbox of this configuration.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let limits = SmtpLimits {
            connections_max: config.mail_connections.into(),
            letters_per_connection: config.mail_letters_per_connection,
            ..SmtpLimits::default()
        };
        let way = |from: Mailbox, url: Option<&SecretString>, setting: &str| -> Result<Way, Error> {
            let mailer = match (url, &config.mail) {
                (Some(url), _) => smtp(url, &from, limits, setting)?,
                (None, MailWay::Smtp(url)) => smtp(url, &from, limits, "SMTP_URL")?,
                (None, MailWay::Files(dir)) => Mailer::Files(Arc::new(MailFolder::new(dir))),
            };
            Ok(Way { mailer, from, connections: limits.connections_max })
        };
        let transactional = way(sender("MAIL_FROM", &config.org_name, &config.mail_from)?, None, "SMTP_URL")?;
        let from_updates = sender("MAIL_FROM_UPDATES", &config.org_name, &config.mail_from_updates)?;
        let updates = way(from_updates, config.smtp_url_updates.as_ref(), "SMTP_URL_UPDATES")?;
        let mut outbox = Self::with_ways(transactional, updates);
        outbox.domain_limits = DomainLimits {
            at_once: config.mail_domain_connections.into(),
            per_second: Some(config.mail_domain_rate).filter(|rate| *rate > 0),
        };
        outbox.site = config.link("");
        outbox.addresses = AddressKey::new(&config.key("mail addresses"));
        outbox.unsubscribe = UnsubscribeKey::new(&config.key("unsubscribe"));
        outbox.discreet = config.mail_discreet;
        if let Some(address) = &config.mail_bounces {
            let address = sender("MAIL_BOUNCES", "", address)?.email;
            outbox.return_path = Some(ReturnPath::new(&address, &config.key("return path"))?);
        }
        if let Some(file) = &config.mail_dkim_key {
            outbox.signer = Some(Signer::open(file, &config.mail_dkim_selector)?);
        }
        Ok(outbox)
    }

    /// An outbox that sends both streams by `mailer` in the name of `from`, with keys that anybody knows: for trying things out.
    pub fn new(mailer: Mailer, from: Mailbox) -> Self {
        let way = Way { mailer, from, connections: SmtpLimits::default().connections_max };
        Self::with_ways(way.clone(), way)
    }

    /// An outbox of these two ways; see [`Outbox::new`].
    pub fn with_ways(transactional: Way, updates: Way) -> Self {
        let after_dot = [&transactional, &updates].into_iter().map(|way| match &way.mailer {
            Mailer::Smtp(server) => server.limits().after_dot,
            Mailer::Files(_) | Mailer::Memory(_) => SmtpLimits::default().after_dot,
        });
        let after_dot = after_dot.max().unwrap_or_default();
        let dot_lease = TimeDelta::from_std(after_dot).unwrap_or(TimeDelta::MAX) + TimeDelta::seconds(LEASE_MARGIN_SECONDS);
        Self {
            transactional,
            updates,
            domain_limits: DomainLimits { at_once: usize::from(u16::MAX), per_second: None },
            dot_lease,
            clerk: Clerk::default(),
            contents: Contents::default(),
            site: "http://localhost".to_owned(),
            addresses: AddressKey::new(&[0; 32]),
            unsubscribe: UnsubscribeKey::new(&[0; 32]),
            discreet: false,
            return_path: None,
            signer: None,
        }
    }

    /// The same outbox with other bounds for each domain.
    pub fn with_domain_limits(mut self, limits: DomainLimits) -> Self {
        self.domain_limits = limits;
        self
    }

    /// The same outbox with an address for bounces.
    pub fn with_return_path(mut self, path: ReturnPath) -> Self {
        self.return_path = Some(path);
        self
    }

    /// The same outbox with signed letters.
    pub fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The way out of receipts and notices.
    pub fn mailer(&self) -> &Mailer {
        &self.transactional.mailer
    }

    /// The way of a stream.
    pub fn way(&self, stream: LetterStream) -> &Way {
        match stream {
            LetterStream::Transactional => &self.transactional,
            LetterStream::Updates => &self.updates,
        }
    }

    /// Makes the keyed hashes by which suppressions are found.
    pub fn address_key(&self) -> &AddressKey {
        &self.addresses
    }

    /// Signs and reads the links that end news.
    pub fn unsubscribe_key(&self) -> &UnsubscribeKey {
        &self.unsubscribe
    }

    /// Whether what is written to a supporter is to tell nothing: because she wants it so, or because every letter is.
    pub fn is_discreet(&self, who: &supporter::Model) -> bool {
        self.discreet || who.discreet
    }

    pub(super) fn message_id(&self, stream: LetterStream, id: LetterId) -> String {
        format!("{id}@{}", self.way(stream).from.email.domain())
    }

    /// Writes a letter into the outbox, in the transaction of what it tells. A second letter with the same key is not written; the
    /// answer is the id of the one that is there. One to nobody (she gave by hand and has no address) is kept and never sent.
    pub async fn enqueue(&self, tx: &DatabaseTransaction, letter: NewLetter, id: LetterId, now: DateTime<Utc>) -> Result<LetterId, Error> {
        let (state, next_at) = if letter.to_address.is_empty() { (LetterState::Suppressed, NEVER) } else { (LetterState::Queued, now) };
        let stream = stream_of(letter.kind);
        let row = letter::ActiveModel {
            id: Set(id),
            kind: Set(letter.kind),
            dedupe_key: Set(letter.dedupe_key),
            donation_id: Set(letter.donation_id),
            receipt_id: Set(letter.receipt_id),
            domain: Set(domain_of(&letter.to_address)),
            to_address: Set(letter.to_address),
            to_name: Set(letter.to_name),
            subject: Set(letter.subject),
            text_body: Set(letter.text),
            html_body: Set(letter.html),
            language: Set(letter.language),
            message_id: Set(self.message_id(stream, id)),
            state: Set(state),
            attempts: Set(0),
            next_at: Set(next_at),
            lease_until: Set(None),
            last_stage: NotSet,
            smtp_code: NotSet,
            last_reply: Set(String::new()),
            created_at: Set(now),
            sent_at: NotSet,
            stream: Set(stream),
            topic: Set(if stream == LetterStream::Updates { Topic::Updates.to_string() } else { String::new() }),
            mailing_id: NotSet,
            content_id: NotSet,
            discreet: Set(letter.discreet),
        };
        store::insert(tx, row).await
    }
}

fn smtp(url: &SecretString, from: &Mailbox, limits: SmtpLimits, setting: &str) -> Result<Mailer, Error> {
    let server = SmtpServer::new(url.expose_secret(), from.email.domain(), limits);
    Ok(Mailer::Smtp(Arc::new(server.map_err(|error| Error::Invalid(format!("{setting}: {error}")))?)))
}

/// The stream that a kind of letter leaves by.
pub const fn stream_of(kind: LetterKind) -> LetterStream {
    match kind {
        LetterKind::Update => LetterStream::Updates,
        _ => LetterStream::Transactional,
    }
}

/// Whether the text of a kind of letter is for nobody but whom it is to: neither staff nor an export show it. Its link opens or decides
/// something, or it is the last letter to somebody who asked to be forgotten.
pub const fn is_secret(kind: LetterKind) -> bool {
    matches!(kind, LetterKind::PortalLink | LetterKind::Confirmation | LetterKind::AddressChange | LetterKind::Goodbye)
}

/// Has a letter tried again now, as staff ask. The same letter with the same Message-ID: whoever has it already gets no second one
/// from a server that looks.
pub async fn retry_letter(tx: &DatabaseTransaction, id: LetterId, now: DateTime<Utc>) -> Result<(), Error> {
    use LetterState::{Bounced, Dead, Deferred, Unknown};
    let (letter, _) = store::find(tx, id).await?;
    if let Some(why) = over::among(tx, std::slice::from_ref(&letter), now).await?.get(&id) {
        return Err(Error::Conflict((*why).to_owned()));
    }
    if forgetting::is_forgotten(&letter) {
        return Err(Error::Conflict("the text of this letter was deleted since; send a receipt again from its donation".to_owned()));
    }
    if store::make_due(tx, id, &[Deferred, Bounced, Unknown, Dead], now).await? {
        return Ok(());
    }
    let (letter, _) = store::find(tx, id).await?;
    // What stood against its address may have been lifted meanwhile; if not, it is kept back once more.
    if retry::may_be_sent_again(&letter) && store::make_due(tx, id, &[LetterState::Suppressed], now).await? {
        return Ok(());
    }
    Err(Error::Conflict(format!("the letter is {} and cannot be tried again; to send its content once more, resend it", letter.state)))
}

/// The same content as a new letter to this address. `dedupe_key` tells one wish to resend from another.
pub fn copy_of(letter: &letter::Model, dedupe_key: String, to_address: &str) -> NewLetter {
    NewLetter {
        kind: letter.kind,
        dedupe_key,
        donation_id: letter.donation_id,
        receipt_id: letter.receipt_id,
        to_address: to_address.to_owned(),
        to_name: letter.to_name.clone(),
        subject: letter.subject.clone(),
        text: letter.text_body.clone(),
        html: letter.html_body.clone(),
        language: letter.language.clone(),
        discreet: letter.discreet,
    }
}

/// `Name <address>` with the domain in ASCII, because it also greets mail servers and ends Message-IDs.
fn sender(setting: &str, name: &str, address: &str) -> Result<Mailbox, Error> {
    let wrong = || Error::Invalid(format!("{setting} must be one bare address such as giving@example.org"));
    let (user, domain) = address.rsplit_once('@').ok_or_else(wrong)?;
    let domain = url::Host::parse(domain).map_err(|_| wrong())?.to_string();
    let address = Address::new(user, domain).map_err(|_| wrong())?;
    Ok(Mailbox::new(message::display_name(name), address))
}
