//! Gifts that come every month or year: a Stripe subscription each, whose payments are donations.
//!
//! The form writes the gift and its first donation down ([`crate::donations::open`]) and then asks Stripe. From then on Stripe charges
//! by itself. Whatever gives a hint (an event, the settled first payment, `reconcile`, staff, the supporter), [`refresh`] asks Stripe how
//! the subscription and its invoices stand now and applies that: each paid invoice becomes a donation through the one door
//! (`donations::settle`), and the gift's state follows the subscription's. So order, repeats and losses of events come to the same end.
//!
//! A failed payment never ends a gift: it is past due while Stripe tries again, and has ended only when Stripe says so.

mod apply;
pub mod care;
mod desk;
mod duty;
pub mod events;
pub mod health;
mod letters;
mod pages;
pub mod reconcile;
pub mod remind;
pub mod store;
mod story;

pub use apply::{Refreshed, refresh};
pub use desk::routes as desk_routes;
pub use pages::{card_path, routes};

use crate::{error::Error, payments::StripeFailure};

/// Who brings something about: stands in the gift's story.
#[derive(Clone, Debug)]
pub enum By {
    /// Stripe: a payment, a failure, its settings, somebody at its dashboard.
    Stripe,
    /// The supporter, on her own pages.
    Supporter,
    /// A member of staff, at the desk: in the audit trail too.
    Staff(crate::staff::Actor),
}

impl By {
    /// The word for it in the story.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Supporter => "supporter",
            Self::Staff(_) => "staff",
        }
    }
}

/// What a failed question to Stripe means for who asked: later, or never.
fn tell(failure: &StripeFailure) -> Error {
    if failure.outcome_unknown() {
        Error::Unavailable(format!("the payment service does not answer just now: {failure:?}"))
    } else {
        Error::Conflict(format!("the payment service refused: {failure}"))
    }
}
