//! What the database of Wellwisher holds: one file per table, typed ids, money. No behaviour beyond what keeps a value correct.
//!
//! Times are UTC with microseconds (the clock truncates them, because PostgreSQL keeps no more). Amounts are minor units.

pub mod ids;
pub mod money;
pub mod words;

pub use money::{Currency, Money, MoneyError};
