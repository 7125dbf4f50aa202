//! One movement of Stripe's balance: the truth about what a refund or a dispute took, and gave back.

use super::{
    StripeFailure,
    checkout::{money, time},
};
use chrono::{DateTime, Utc};
use entity::Money;
use stripe_shared::BalanceTransaction;
use stripe_types::Expandable;

/// One movement of Stripe's balance, in the currency that it is settled in: negative for what left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// `txn_…`
    pub id: String,
    /// What moved, before the fee.
    pub gross: Money,
    /// What Stripe kept; negative for a fee that it gave back.
    pub fee: Money,
    /// Gross less fee.
    pub net: Money,
    /// When Stripe booked it.
    pub created: DateTime<Utc>,
}

impl Movement {
    pub(super) fn new(id: String, amount: i64, fee: i64, net: i64, currency: &str, created: i64) -> Result<Self, StripeFailure> {
        if amount.checked_sub(fee) != Some(net) {
            return Err(StripeFailure::BadAnswer { detail: "a balance transaction's net is not its amount less its fee" });
        }
        Ok(Self { id, gross: money(amount, currency)?, fee: money(fee, currency)?, net: money(net, currency)?, created: time(created)? })
    }

    fn of(entry: BalanceTransaction) -> Result<Self, StripeFailure> {
        Self::new(entry.id.to_string(), entry.amount, entry.fee, entry.net, &entry.currency.to_string(), entry.created)
    }

    /// The movement of a field that was asked to be expanded. One that is only named would be lost, so that is refused.
    pub(super) fn of_expanded(field: Option<Expandable<BalanceTransaction>>) -> Result<Option<Self>, StripeFailure> {
        let Some(field) = field else { return Ok(None) };
        let entry = field.into_object().ok_or(StripeFailure::BadAnswer { detail: "a balance transaction was not expanded" })?;
        Self::of(entry).map(Some)
    }
}
