//! Postings of money that comes back: refunds and disputes.
//!
//! Each is keyed on one balance transaction of Stripe and computed from it alone, so the order in which they are learned does not
//! matter. In every one the legs of the clearing account sum to the balance transaction's net.

use super::{Leg, Posting, Purpose};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Money, MoneyError,
    ids::DonationId,
    words::{Account, MovementKind},
};

/// A balance transaction of Stripe, as the ledger needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked<'a> {
    /// `txn_…`
    pub id: &'a str,
    /// What moved in the settlement currency: negative for what left.
    pub gross: Money,
    /// What Stripe kept of it; negative for a fee given back.
    pub fee: Money,
    /// When Stripe booked it.
    pub at: DateTime<Utc>,
}

/// A gift that money comes back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfGift {
    /// The donation.
    pub donation_id: DonationId,
    /// What its income was booked for.
    pub purpose: Purpose,
}

impl Posting {
    /// Income given back: `amount` in the currency of the gift leaves the income, `booked` leaves what Stripe holds for us.
    pub fn refund(gift: OfGift, amount: Money, booked: Booked<'_>) -> Result<Self, Error> {
        let income = gift.income(amount);
        returned(MovementKind::Refund, gift, booked, across(income, clearing(booked.gross))?)
    }

    /// A refund that failed: what it took is ours again.
    pub fn refund_failure(gift: OfGift, amount: Money, booked: Booked<'_>) -> Result<Self, Error> {
        let income = gift.income(amount.negated()?);
        returned(MovementKind::RefundFailure, gift, booked, across(income, clearing(booked.gross))?)
    }

    /// A bank has taken money back until the dispute is decided. It stays an asset, in the settlement currency.
    pub fn dispute(gift: OfGift, booked: Booked<'_>) -> Result<Self, Error> {
        let held = bare(Account::Disputed, booked.gross.negated()?);
        returned(MovementKind::Dispute, gift, booked, vec![held, clearing(booked.gross)])
    }

    /// What a bank had taken came back.
    pub fn dispute_reversal(gift: OfGift, booked: Booked<'_>) -> Result<Self, Error> {
        let held = bare(Account::Disputed, booked.gross.negated()?);
        returned(MovementKind::DisputeReversal, gift, booked, vec![held, clearing(booked.gross)])
    }

    /// A dispute is decided, and `disputed` does not come back: `income` in the currency of the gift is lost, and the `cost` is what the bank
    /// took beyond it. No money moves. They are negative where an earlier loss is taken back.
    pub fn dispute_loss(
        gift: OfGift,
        source: String,
        (income, cost, disputed): (Money, Money, Money),
        at: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let held = bare(Account::Disputed, disputed.negated()?);
        let mut legs = vec![gift.income(income), Leg { account: Account::StripeFees, amount: cost, purpose: gift.purpose }, held];
        if income.currency != disputed.currency {
            let for_income = disputed.checked_add(cost.negated()?)?;
            legs.extend([bare(Account::Exchange, income.negated()?), bare(Account::Exchange, for_income)]);
        }
        Ok(Self {
            kind: MovementKind::DisputeLoss,
            source,
            donation_id: Some(gift.donation_id),
            occurred_at: at,
            balance_transaction: None,
            reverses_id: None,
            legs,
        })
    }

    /// How much income this posting takes back, in minor units; negative where it gives some.
    pub fn income_taken(&self) -> Result<i64, Error> {
        let income = self.legs.iter().filter(|leg| leg.account == Account::Donations);
        Ok(income.map(|leg| leg.amount.minor).try_fold(0i64, i64::checked_add).ok_or(MoneyError::Overflow)?)
    }
}

impl OfGift {
    fn income(self, amount: Money) -> Leg {
        Leg { account: Account::Donations, amount, purpose: self.purpose }
    }
}

fn returned(kind: MovementKind, gift: OfGift, booked: Booked<'_>, mut legs: Vec<Leg>) -> Result<Posting, Error> {
    legs.push(Leg { account: Account::StripeFees, amount: booked.fee, purpose: gift.purpose });
    legs.push(clearing(booked.fee.negated()?));
    Ok(Posting {
        kind,
        source: format!("{}:{kind}", booked.id),
        donation_id: Some(gift.donation_id),
        occurred_at: booked.at,
        balance_transaction: Some(booked.id.to_owned()),
        reverses_id: None,
        legs,
    })
}

fn bare(account: Account, amount: Money) -> Leg {
    Leg { account, amount, purpose: Purpose::default() }
}

fn clearing(amount: Money) -> Leg {
    bare(Account::StripeClearing, amount)
}

/// Two sides. Where they do not balance, because they are in two currencies, each goes through the exchange account.
fn across(one: Leg, other: Leg) -> Result<Vec<Leg>, Error> {
    let balanced = one.amount.checked_add(other.amount).is_ok_and(|sum| sum.minor == 0);
    if balanced {
        return Ok(vec![one, other]);
    }
    Ok(vec![one, bare(Account::Exchange, one.amount.negated()?), bare(Account::Exchange, other.amount.negated()?), other])
}
