//! Members of staff: sign-in, roles, sessions, the audit trail, the desk's frame.

pub mod audit;
pub mod password;
pub mod totp;
