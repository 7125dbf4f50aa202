//! Logs that hold ids only.
