//! The newsroom: what readers see of it, and what an import brings.

mod import;
mod reading;
