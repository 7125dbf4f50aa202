//! Letters: what they are made of, the ways out, and the outbox that loses none and doubles none.

mod dkim;
mod languages;
mod message;
mod mta;
mod outbox;
mod postfix;
mod returns;
mod storm;
mod streams;
mod transport;
