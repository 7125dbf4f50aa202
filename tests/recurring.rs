//! Gifts that come every month or year: from the form over Stripe's subscription, whatever comes between.

pub mod helpers;

mod desk;
mod faults;
mod form;
mod found;
mod health;
mod life;
mod orders;
mod parts;
