//! Letters to a mail server, over lettre's low-level connection.
//!
//! The high-level transport of lettre 0.11 leaves Nagle's algorithm on (40 ms lost per letter, measured), opens connections without a
//! limit, closes one at every refusal, waits 60 s after the final dot where RFC 5321 §4.5.3.2.6 asks for ten minutes, and cannot tell
//! a letter that was never handed over from one whose answer was lost. This one does not.

use super::{
    smtp_url::{Encryption, SmtpAddress},
    tls::TlsOverTcp,
    transport::{Delivery, Outcome, Parcel, Reply},
};
use entity::words::LetterStage;
use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::Mechanism,
    client::AsyncSmtpConnection,
    commands::{Data, Mail, Rcpt, Rset},
    extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    response::Response,
};
use std::{
    collections::VecDeque,
    error::Error as _,
    fmt,
    future::Future,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use tokio::{net::TcpStream, sync::Semaphore, time::Instant};

/// Bounds on the talk with the server. The defaults are those of RFC 5321 §4.5.3.2 where it names one, and Yahoo's 20 letters per
/// connection.
#[derive(Clone, Copy, Debug)]
pub struct SmtpLimits {
    /// For finding the server and opening the connection.
    pub connect: Duration,
    /// For the answer to any one command.
    pub command: Duration,
    /// For everything before the letter's text, together: a worker's hold on the letter must not run out meanwhile.
    pub offer: Duration,
    /// For the letter's text and the answer to its final dot. A shorter wait makes duplicates: the server has the letter already.
    pub after_dot: Duration,
    /// Connections open at a time.
    pub connections_max: usize,
    /// Letters sent through one connection before it is closed.
    pub letters_per_connection: u32,
    /// How long a connection is kept for the next letter.
    pub idle: Duration,
}

impl Default for SmtpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            command: Duration::from_secs(60),
            offer: Duration::from_secs(100),
            after_dot: Duration::from_secs(600),
            connections_max: 4,
            letters_per_connection: 20,
            idle: Duration::from_secs(30),
        }
    }
}

/// A mail server, and the connections to it.
pub struct SmtpServer {
    address: SmtpAddress,
    hello: ClientId,
    limits: SmtpLimits,
    slots: Semaphore,
    parked: Mutex<VecDeque<Line>>,
}

/// One connection, and what it has done.
struct Line {
    connection: AsyncSmtpConnection,
    letters: u32,
    parked_at: Instant,
}

/// Why a letter did not go further, and whether the connection is still good for another.
struct Halt {
    delivery: Delivery,
    line_is_good: bool,
}

impl SmtpServer {
    /// A server by its URL: `smtp://host:587`, `smtps://user:password@host`, with `?tls=required|opportunistic|none` and
    /// `?ca=/path/to/own-authority.pem`. `hello` is the name we give ourselves: the host of our own address, never the machine's.
    pub fn new(url: &str, hello: &str, limits: SmtpLimits) -> Result<Self, String> {
        let address = SmtpAddress::parse(url)?;
        let hello = match url::Host::parse(hello).map_err(|_| format!("{hello:?} is not a host name to greet a mail server with"))? {
            url::Host::Domain(name) => ClientId::Domain(name),
            url::Host::Ipv4(ip) => ClientId::Ipv4(ip),
            url::Host::Ipv6(ip) => ClientId::Ipv6(ip),
        };
        let slots = Semaphore::new(limits.connections_max.max(1));
        Ok(Self { address, hello, limits, slots, parked: Mutex::default() })
    }

    /// The bounds on the talk.
    pub fn limits(&self) -> &SmtpLimits {
        &self.limits
    }

    /// Hands one letter over; see [`super::transport::Mailer::deliver`].
    pub async fn deliver<E: fmt::Display>(&self, parcel: &Parcel, before_dot: impl Future<Output = Result<(), E>>) -> Delivery {
        let Ok(_slot) = self.slots.acquire().await else { return at(LetterStage::Connect, transient("the mailer is closed")) };
        let mut line = match tokio::time::timeout(self.limits.offer, self.open_and_offer(parcel)).await {
            Ok(Ok(line)) => line,
            Ok(Err(delivery)) => return delivery,
            Err(_) => return at(LetterStage::Connect, transient("the mail server is too slow")),
        };
        if let Err(error) = before_dot.await {
            // The server waits for text that will not come; closing the connection makes it forget the letter (RFC 5321 §4.1.1.4).
            return at(LetterStage::Data, transient(format!("not sent, because our own database did not answer: {error}")));
        }
        let (delivery, line_is_good) = hand_over(&mut line, &parcel.raw, self.limits.after_dot).await;
        line.letters += 1;
        self.put_back(line, line_is_good, delivery.stage == LetterStage::Done).await;
        delivery
    }

    /// Whether the server greets us, encrypts and knows our password as asked.
    pub async fn check(&self) -> Result<(), String> {
        let mut line = self.open().await.map_err(|outcome| {
            format!("{} does not take letters from us: {}. Check SMTP_URL", self.address.authority(), outcome.reply().text)
        })?;
        let _ = tokio::time::timeout(self.limits.command, line.connection.quit()).await;
        Ok(())
    }

    /// A connection on which the server has agreed to take this letter. A parked connection may have been closed by the server in the
    /// meantime; that says nothing about the letter, so one fresh connection is tried at once.
    async fn open_and_offer(&self, parcel: &Parcel) -> Result<Line, Delivery> {
        if let Some(mut line) = self.take_parked() {
            match offer(&mut line, parcel, self.limits.command).await {
                Ok(()) => return Ok(line),
                Err(halt) if halt.is_a_lost_line() => {}
                Err(halt) => return Err(self.give_up(line, halt).await),
            }
        }
        let mut line = self.open().await.map_err(|outcome| at(LetterStage::Connect, outcome))?;
        match offer(&mut line, parcel, self.limits.command).await {
            Ok(()) => Ok(line),
            Err(halt) => Err(self.give_up(line, halt).await),
        }
    }

    async fn give_up(&self, line: Line, halt: Halt) -> Delivery {
        self.put_back(line, halt.line_is_good, false).await;
        halt.delivery
    }

    /// Opens a connection, greets, encrypts and signs in. Whatever fails here is no fault of the letter, so it is always transient,
    /// also a 5xx: a wrong password today may be right tomorrow.
    async fn open(&self) -> Result<Line, Outcome> {
        let limit = self.limits.command;
        let tcp = TcpStream::connect((self.address.host.as_str(), self.address.port));
        let tcp = match tokio::time::timeout(self.limits.connect, tcp).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => return Err(transient(format!("cannot connect: {error}"))),
            Err(_) => return Err(transient("no connection in time")),
        };
        tcp.set_nodelay(true).map_err(|error| transient(format!("cannot set TCP_NODELAY: {error}")))?;
        let greet = async {
            match &self.address.encryption {
                Encryption::FromTheStart(tls) => {
                    let stream = TlsOverTcp::connect(tcp, tls.clone()).await?;
                    AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await
                }
                _ => AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &self.hello).await,
            }
        };
        let mut connection = within(limit, greet).await.map_err(not_now)?;
        match &self.address.encryption {
            Encryption::Required(tls) => within(limit, connection.starttls(tls.clone(), &self.hello)).await.map_err(not_now)?,
            Encryption::WhenOffered(tls) if connection.can_starttls() => {
                within(limit, connection.starttls(tls.clone(), &self.hello)).await.map_err(not_now)?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.address.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            within(limit, connection.auth(&mechanisms, credentials)).await.map_err(not_now)?;
        }
        Ok(Line { connection, letters: 0, parked_at: Instant::now() })
    }

    fn take_parked(&self) -> Option<Line> {
        let mut parked = self.lock();
        parked.retain(|line| line.parked_at.elapsed() < self.limits.idle);
        parked.pop_back()
    }

    /// Parks a connection for the next letter, or closes it when it is spent. After a refusal the server may still hold the sender or
    /// the recipient, so it is told to forget them.
    async fn put_back(&self, mut line: Line, line_is_good: bool, delivered: bool) {
        if !line_is_good {
            return;
        }
        if line.letters >= self.limits.letters_per_connection {
            let _ = tokio::time::timeout(Duration::from_secs(5), line.connection.quit()).await;
            return;
        }
        if !delivered && within(self.limits.command, line.connection.command(Rset)).await.is_err() {
            return;
        }
        line.parked_at = Instant::now();
        self.lock().push_back(line);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Line>> {
        self.parked.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the credentials.
        f.debug_struct("SmtpServer").field("server", &self.address.authority()).field("hello", &self.hello).finish_non_exhaustive()
    }
}

impl Halt {
    /// The server had closed the connection, or says that it is about to (421), before it heard of this letter.
    fn is_a_lost_line(&self) -> bool {
        let code = self.delivery.outcome.reply().code;
        self.delivery.stage == LetterStage::Mail && (code.is_none() || code == Some(421)) && !self.line_is_good
    }
}

/// MAIL, RCPT and DATA. Nothing is handed over yet: whatever fails here, the letter is certainly not delivered.
async fn offer(line: &mut Line, parcel: &Parcel, limit: Duration) -> Result<(), Halt> {
    let connection = &mut line.connection;
    let mut parameters = Vec::new();
    if !(parcel.from.as_ref() as &str).is_ascii() || !(parcel.to.as_ref() as &str).is_ascii() {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let reply = Reply::none("the mail server does not take addresses outside ASCII (no SMTPUTF8)");
            return Err(Halt { delivery: at(LetterStage::Rcpt, Outcome::Permanent(reply)), line_is_good: true });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !parcel.raw.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    within(limit, connection.command(Mail::new(Some(parcel.from.clone()), parameters))).await.map_err(|e| halt(LetterStage::Mail, e))?;
    within(limit, connection.command(Rcpt::new(parcel.to.clone(), vec![]))).await.map_err(|e| halt(LetterStage::Rcpt, e))?;
    let answer = within(limit, connection.command(Data)).await.map_err(|e| halt(LetterStage::Data, e))?;
    if !answer.has_code(354) {
        let reply = Reply::answered(answer.code().into(), &words(&answer));
        return Err(Halt { delivery: at(LetterStage::Data, Outcome::Transient(reply)), line_is_good: false });
    }
    Ok(())
}

/// The text and the final dot. Only an answer with a code tells what became of the letter.
async fn hand_over(line: &mut Line, raw: &[u8], limit: Duration) -> (Delivery, bool) {
    let lost = |reply| (at(LetterStage::Dot, Outcome::Unknown(reply)), false);
    match within(limit, line.connection.message(raw)).await {
        Ok(answer) if u16::from(answer.code()) / 100 == 2 => {
            (at(LetterStage::Done, Outcome::Sent(Reply::answered(answer.code().into(), &words(&answer)))), true)
        }
        Ok(answer) => lost(Reply::answered(answer.code().into(), &words(&answer))),
        Err(failure) => match failure.answer() {
            Some((code, reply)) => (at(LetterStage::Dot, by_class(code, reply)), code != 421),
            None => lost(Reply::none(failure)),
        },
    }
}

/// What went wrong in one step.
enum Failure {
    Smtp(SmtpError),
    TooLate,
}

impl Failure {
    fn answer(&self) -> Option<(u16, Reply)> {
        let Self::Smtp(error) = self else { return None };
        let code = u16::from(error.status()?);
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        Some((code, Reply::answered(code, &text)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp(error) => error.fmt(f),
            Self::TooLate => f.write_str("no answer in time"),
        }
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, SmtpError>>) -> Result<T, Failure> {
    match tokio::time::timeout(limit, step).await {
        Ok(result) => result.map_err(Failure::Smtp),
        Err(_) => Err(Failure::TooLate),
    }
}

fn halt(stage: LetterStage, failure: Failure) -> Halt {
    match failure.answer() {
        Some((code, reply)) => Halt { delivery: at(stage, by_class(code, reply)), line_is_good: code != 421 },
        None => Halt { delivery: at(stage, transient(failure)), line_is_good: false },
    }
}

fn by_class(code: u16, reply: Reply) -> Outcome {
    if code >= 500 { Outcome::Permanent(reply) } else { Outcome::Transient(reply) }
}

/// A failure before the server has heard of the letter.
fn not_now(failure: Failure) -> Outcome {
    Outcome::Transient(failure.answer().map_or_else(|| Reply::none(&failure), |(_, reply)| reply))
}

fn transient(text: impl fmt::Display) -> Outcome {
    Outcome::Transient(Reply::none(text))
}

fn at(stage: LetterStage, outcome: Outcome) -> Delivery {
    Delivery { stage, outcome }
}

fn words(answer: &Response) -> String {
    answer.message().collect::<Vec<_>>().join(" ")
}
