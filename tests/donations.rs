//! Giving: from the form over Stripe's checkout into the ledger, whatever comes between.

pub mod helpers;

mod back;
mod currencies;
mod events;
mod form;
mod items;
pub mod reconcile;
mod refusals;
mod settle;
mod stripe_down;
mod twice;
mod two_processes;
mod way;
mod webhook;
