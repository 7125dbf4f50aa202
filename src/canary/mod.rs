//! The canary: once a day a practice gift through the whole chain, and an alarm that names the first link which gave no sign. So what has gone
//! silent (a key, a proxy, a webhook that somebody deleted, the books, the mail server) is noticed on a day without gifts too.
//!
//! The links, in the order of a gift: a *checkout* is made at Stripe by the request of a real one, and ended; Stripe takes a practice
//! *payment*; Stripe's signed *message* about it reaches us; a gift is settled in the *books* by the real code, in a transaction that is
//! always taken back; a practice *letter* leaves by the outbox. What was found of each is kept, so that a run that was broken off is taken
//! up again, by whichever process looks next, and says what was not finished.
//!
//! It is kept apart from everything that counts: a key of its own that must be a test key, a webhook address and secret of its own, tables
//! of its own. It makes no donation, posts nothing to the ledger, and a message that says it is live is refused.

mod alarm;
mod chain;
mod state;
mod store;
mod webhook;

pub use alarm::look;
pub use chain::{Rehearsal, begin};
pub use state::{Link, Report, Standing, state};
pub use webhook::routes;

use chrono::TimeDelta;

/// How long a link may take to give a sign before it counts as silent.
pub const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// How often a practice gift is made.
pub const EVERY: TimeDelta = TimeDelta::hours(24);

/// How long after the last sign of work a run counts as broken off: longer than any link is worked on.
const BROKEN_OFF_AFTER: TimeDelta = TimeDelta::minutes(5);
