//! Giving: from the form over Stripe's checkout into the ledger, whatever comes between.

pub mod helpers;

mod way;
