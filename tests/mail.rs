//! Letters: what they are made of, the ways out, and the outbox that loses none and doubles none.

mod message;
mod outbox;
mod postfix;
mod transport;
