//! From what Stripe says came back to what the books say: a function of the present facts and nothing else.
//!
//! Every posting is computed from one balance transaction, so a fact that is learned later adds postings and never changes one. Only the
//! loss of a dispute depends on several facts (what was taken, what came back, how it was decided): it is therefore given as the figure
//! that the books should show, and [`super::apply`] posts what is missing to it.

use crate::{
    error::Error,
    ledger::{Booked, OfGift, Posting},
    payments::{DisputeState, Movement, RefundState},
};
use entity::{Money, MoneyError, words::DisputeOutcome};

/// A paid gift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidGift {
    /// Its donation, and what its income was booked for.
    pub of: OfGift,
    /// What was paid.
    pub captured: Money,
}

/// Everything that Stripe says came back of one payment, asked for together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// Its refunds.
    pub refunds: Vec<RefundState>,
    /// Its disputes.
    pub disputes: Vec<DisputeState>,
}

impl Returned {
    /// Every balance transaction in it.
    pub fn movements(&self) -> impl Iterator<Item = &Movement> {
        let refunds = self.refunds.iter().flat_map(|refund| refund.movement.iter().chain(&refund.failure_movement));
        refunds.chain(self.disputes.iter().flat_map(|dispute| &dispute.movements))
    }
}

/// What a dispute costs, as the books should show it in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// `dp_…`
    pub dispute_id: String,
    /// Income lost, in the currency of the gift; zero while nothing is lost.
    pub income: Money,
    /// What the bank keeps beyond that income, in the settlement currency: a cost.
    pub cost: Money,
    /// What of the disputed money does not come back, in the settlement currency.
    pub disputed: Money,
}

/// What the books should hold of the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// One posting for each balance transaction.
    pub postings: Vec<Posting>,
    /// For each dispute that took money.
    pub losses: Vec<Loss>,
    /// What the gift is worth then.
    pub worth: Money,
}

/// Why facts do not fit the gift.
#[derive(Debug)]
pub enum Misfit {
    /// In words for staff.
    Facts(&'static str),
    /// The sums do not fit into 64 bits.
    Sums(Error),
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        Self::Sums(error)
    }
}

impl From<MoneyError> for Misfit {
    fn from(error: MoneyError) -> Self {
        Self::Sums(error.into())
    }
}

/// What the books should hold of a gift of which this came back.
pub fn fold(gift: &PaidGift, returned: &Returned) -> Result<Folded, Misfit> {
    let (mut postings, mut losses) = (Vec::new(), Vec::new());
    for refund in &returned.refunds {
        fold_refund(gift, refund, &mut postings)?;
    }
    for dispute in &returned.disputes {
        losses.extend(fold_dispute(gift, dispute, &mut postings)?.map(|loss| (loss, dispute.amount.currency == gift.captured.currency)));
    }
    let mut worth = gift.captured.minor;
    for posting in &postings {
        worth = worth.checked_sub(posting.income_taken()?).ok_or(MoneyError::Overflow)?;
    }
    // Nobody can lose more of a gift than is left of it: what a bank takes beyond that is a cost.
    losses.sort_by(|(one, _), (other, _)| one.dispute_id.cmp(&other.dispute_id));
    for (loss, is_told) in &mut losses {
        let claimed = loss.income.minor;
        loss.income.minor = claimed.clamp(0, worth.max(0));
        // A dispute in a third currency does not say how much of the gift it is about.
        loss.cost.minor = beyond(loss, if *is_told { claimed } else { loss.income.minor })?;
        worth = worth.checked_sub(loss.income.minor).ok_or(MoneyError::Overflow)?;
    }
    let losses = losses.into_iter().map(|(loss, _)| loss).collect();
    Ok(Folded { postings, losses, worth: Money::new(worth, gift.captured.currency) })
}

fn fold_refund(gift: &PaidGift, refund: &RefundState, postings: &mut Vec<Posting>) -> Result<(), Misfit> {
    if refund.amount.currency != gift.captured.currency {
        return Err(Misfit::Facts("a refund is in another currency than the gift"));
    }
    if refund.amount.minor < 1 || refund.amount.minor > gift.captured.minor {
        return Err(Misfit::Facts("a refund is larger than the gift"));
    }
    if let Some(movement) = &refund.movement {
        postings.push(Posting::refund(gift.of, refund.amount, booked(movement))?);
    }
    // A failure is of what was taken: without that there is nothing to restore.
    if let Some(movement) = refund.failure_movement.as_ref().filter(|_| refund.movement.is_some()) {
        postings.push(Posting::refund_failure(gift.of, refund.amount, booked(movement))?);
    }
    Ok(())
}

fn fold_dispute(gift: &PaidGift, dispute: &DisputeState, postings: &mut Vec<Posting>) -> Result<Option<Loss>, Misfit> {
    let Some(settlement) = dispute.movements.first().map(|movement| movement.gross.currency) else { return Ok(None) };
    let (mut taken, mut given) = (0i64, 0i64);
    for movement in &dispute.movements {
        if movement.gross.currency != settlement {
            return Err(Misfit::Facts("a dispute was settled in two currencies"));
        }
        if movement.gross.minor < 0 {
            postings.push(Posting::dispute(gift.of, booked(movement))?);
            taken = taken.checked_sub(movement.gross.minor).ok_or(MoneyError::Overflow)?;
        } else {
            postings.push(Posting::dispute_reversal(gift.of, booked(movement))?);
            given = given.checked_add(movement.gross.minor).ok_or(MoneyError::Overflow)?;
        }
    }
    let kept = taken.checked_sub(given).ok_or(MoneyError::Overflow)?;
    let same_currency = settlement == gift.captured.currency;
    let (income, disputed) = match dispute.outcome {
        DisputeOutcome::Lost => (income_lost(gift, dispute, kept, taken, same_currency), kept),
        // Won, and less came back than was taken: lost all the same. In another currency it is the rate that changed meanwhile.
        DisputeOutcome::Won if given > 0 && same_currency => (income_lost(gift, dispute, kept, taken, true), kept),
        DisputeOutcome::Won if given > 0 => (0, kept),
        _ => (0, 0),
    };
    Ok(Some(Loss {
        dispute_id: dispute.dispute_id.clone(),
        income: Money::new(income, gift.captured.currency),
        cost: Money::new(0, settlement),
        disputed: Money::new(disputed, settlement),
    }))
}

/// What of a loss is beyond the income that was left, of which `claimed` would have been lost. In two currencies it is the same share of
/// what the bank keeps, because no rate is known but that of the dispute itself.
fn beyond(loss: &Loss, claimed: i64) -> Result<i64, MoneyError> {
    let (kept, income) = (loss.disputed.minor, loss.income.minor);
    if loss.disputed.currency == loss.income.currency {
        return kept.checked_sub(income).ok_or(MoneyError::Overflow);
    }
    if claimed <= income {
        return Ok(0);
    }
    let (kept, claimed, income) = (i128::from(kept), i128::from(claimed), i128::from(income));
    i64::try_from(kept - (kept * income + claimed / 2) / claimed).map_err(|_| MoneyError::Overflow)
}

/// How much of the gift is lost when `kept` of what was `taken` does not come back, whatever is left of it.
fn income_lost(gift: &PaidGift, dispute: &DisputeState, kept: i64, taken: i64, same_currency: bool) -> i64 {
    let captured = gift.captured.minor;
    if same_currency {
        return kept.clamp(0, captured);
    }
    if taken <= 0 || kept <= 0 {
        return 0;
    }
    // A dispute in a third currency says nothing of how much of the gift it is about: all of it, then.
    let about = if dispute.amount.currency == gift.captured.currency { dispute.amount.minor } else { captured };
    let (about, kept, taken) = (i128::from(about), i128::from(kept), i128::from(taken));
    i64::try_from((about * kept + taken / 2) / taken).unwrap_or(i64::MAX)
}

fn booked(movement: &Movement) -> Booked<'_> {
    Booked { id: &movement.id, gross: movement.gross, fee: movement.fee, at: movement.created }
}
