//! Readers: each rule of the definition, by its name.

mod counting;
mod days;
mod http;
mod kill;
mod rules;
