//! The program as it is run: its commands, what it says, its exit codes, its life and its sudden death.

mod commands;
mod exports;
mod killed;
mod receipts;
mod reconciling;
mod refusals;
mod serving;
mod several;
