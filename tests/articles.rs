//! The newsroom: what readers see of it, and what an import brings.

mod desk;
mod import;
mod reading;
mod state;
