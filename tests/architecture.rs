//! The rules of the house that the compiler does not hold: who may import whom, and that what is written down is true.

mod files;
mod imports;
mod inventory;
mod pages;
pub mod routes;
mod sabotage;
mod settings;
mod sources;
