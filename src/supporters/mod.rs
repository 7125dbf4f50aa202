//! The people who give.
