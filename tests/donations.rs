//! Giving: from the form over Stripe's checkout into the ledger, whatever comes between.

pub mod helpers;

mod back;
mod back_orders;
mod currencies;
mod deposits;
mod events;
pub mod every_order;
mod fold;
mod fold_model;
mod by_hand;
mod explain;
mod form;
mod history;
mod import;
mod items;
mod overtaken;
pub mod reconcile;
mod refunds_desk;
mod refusals;
mod settle;
mod stripe_down;
mod transfers;
mod twice;
mod two_processes;
mod undone;
mod way;
mod webhook;
