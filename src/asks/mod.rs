//! What a page asks for: the giving form, its amounts and its checks.

pub mod amount;
