//! Stripe's balance and payouts: every movement of the balance is in the ledger, every payout is explained to the cent.
//!
//! A *movement* is one balance transaction of Stripe's. Stripe is asked for them ([`reconcile`]), each is kept once, and mapped by its
//! reporting category to what it is to us ([`mapping_of`]). Gifts, refunds and disputes are posted by `donations`, which knows what they were for;
//! here they are only linked to their donation, and a donation whose posting is missing is asked for again. Everything else (payouts,
//! Stripe's own fees, reserves, top-ups, what other programs do on the same account, what nobody knows yet) is posted here.

mod desk;
mod desk_differences;
pub mod differences;
pub mod events;
pub mod follow;
mod held;
pub mod history;
pub mod keeping;
pub mod lists;
pub mod mapping;
pub mod movements;
pub mod reconcile;
pub mod returned;
pub mod store;
pub mod unpaid;
pub mod waterfall;

pub use mapping::{map_movement, mapping_of};
pub use reconcile::{Report, reconcile};

use crate::app::App;

/// The desk's routes of payouts, of movements that nobody has mapped yet, and of differences.
pub fn desk_routes() -> axum::Router<App> {
    desk::routes().merge(desk_differences::routes())
}
