//! Letters: the outbox, and the ways out of it (SMTP, files).
//!
//! Read in this order: a slice writes a letter into the [`outbox`] in the transaction that causes it; the worker leases what is due,
//! makes a [`message`] of it and hands that to the [`transport`]; [`retry`] says what follows from the answer.

/// Letters written down, and sent when their time has come.
pub mod outbox;
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
