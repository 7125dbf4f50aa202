//! What the tests share.

mod app;
mod databases;
pub mod newsroom;
mod gifts;
mod people;
mod postgres;
mod program;
mod proof;
mod smtp;

pub use app::{Answer, TestApp, WEBHOOK_SECRET, default_settings, start};
pub(crate) use databases::on_both_databases;
pub use databases::{FromDatabase, TestDatabase, migrate_template, unique_number};
pub use gifts::{gift, hand_gift, take_back};
pub use people::{PASSWORD, Person};
pub use program::{Ended, Folder, Program, beside};
pub use smtp::SmtpSink;

/// Where tests leave files that live no longer than they do: `WELLWISHER_TEST_DIR`, or cargo's folder. Databases wait for their disk at every commit;
/// a folder kept in memory is several times faster.
pub fn scratch() -> std::path::PathBuf {
    std::env::var_os("WELLWISHER_TEST_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), Into::into)
}

/// Where every talk with the stand-in for Stripe is recorded, to be held against Stripe's own types.
pub fn stripe_traffic_file() -> std::path::PathBuf {
    std::env::var_os("WELLWISHER_STRIPE_TRAFFIC")
        .map_or_else(|| std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("stripe-traffic.jsonl"), Into::into)
}
