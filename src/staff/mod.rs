//! Members of staff: sign-in, roles, sessions, the audit trail, the desk's frame.
//!
//! A page of the desk asks for one of [`AnyStaff`], [`Editor`], [`Finance`] or [`Admin`]: who lacks the role never
//! reaches the handler. Every change calls [`audit::record`] in its own transaction.

mod account;
mod attempts;
pub mod audit;
mod demo;
mod desk;
mod door;
mod guard;
pub mod outcomes;
mod page;
pub mod password;
mod people;
pub mod session;
mod sign_in;
mod store;
pub mod totp;
mod trail;

pub use audit::Actor;
pub use demo::{DemoAccount, add_demo_account, demo_accounts, refuse_demo_accounts};
pub use guard::{Admin, AnyStaff, Editor, Finance, own_next, protect};
pub use page::{DeskPage, NavGroup, NavLink};
pub use people::{NewMember, change_role, create_member, disable, enable, first_account_link, invite, join, reset_link};
pub use store::active_members;

use crate::app::App;

/// The pages before the desk (sign-in, joining, the second factor) and the desk's own: home, account, staff, audit.
pub fn desk_routes() -> axum::Router<App> {
    axum::Router::new().merge(door::routes()).merge(account::routes()).merge(desk::routes()).merge(trail::routes())
}
