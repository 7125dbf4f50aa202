//! Letters: the outbox, and the ways out of it (SMTP, files).
//!
//! Read in this order: a slice writes a letter into the [`outbox`] in the transaction that causes it, or many with a [`mailing`]; a
//! worker takes what is due, makes a [`message`] of it and hands that to the [`transport`]; [`retry`] says what follows from the answer.
//!
//! There are two streams, receipts and news, each with its own sender and connections; news wait while anything else is due.

/// Letters written down, and sent when their time has come.
pub mod outbox;
/// One text that goes to many.
pub mod mailing;
/// What news are about.
pub mod topic;
/// Who gets no letters.
pub mod suppression;
/// The link that ends news.
pub mod unsubscribe;
/// The address that bounces go to.
pub mod return_path;
/// Reading what comes back.
pub mod report;
/// Taking in what comes back.
pub mod returns;
/// Signatures.
pub mod dkim;
/// Holding back a stream, or the letters to one domain.
pub mod streams;
/// From the outbox to the mail server.
mod handover;
/// Sending without pause.
mod pump;
/// How fast letters leave to one domain.
pub mod pace;
/// Writing down what happens, for many letters at once.
mod clerk;
/// One statement for many letters.
mod bulk;
/// Letters that are of no use any more.
pub mod over;
/// What is forgotten of letters.
pub mod forgetting;
/// A letter's text for other eyes than its recipient's.
pub mod keyless;
/// What a refusal says of an address.
pub mod severity;
/// What follows from a refusal.
mod consequences;
/// What follows from an attempt.
pub mod retry;
/// The outbox's queries.
pub mod store;
/// From a letter's parts to the bytes that are sent.
pub mod message;
/// Short letters that are no receipts.
pub mod note;
/// The ways out: a mail server, a folder, memory.
pub mod transport;
/// A folder of `.eml` files.
pub mod files;
/// A mail server.
pub mod smtp;
/// A mail server's address.
pub mod smtp_url;
/// TLS from the first byte.
pub mod tls;
