//! What the tests share.

mod databases;
mod postgres;
mod smtp;

pub(crate) use databases::on_both_databases;
pub use databases::{FromDatabase, TestDatabase, migrate_template, unique_number};
pub use smtp::SmtpSink;
