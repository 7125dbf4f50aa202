//! What the tests share.

mod databases;
mod postgres;

pub(crate) use databases::on_both_databases;
pub use databases::{FromDatabase, TestDatabase, migrate_template, unique_number};
