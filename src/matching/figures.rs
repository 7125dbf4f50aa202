//! What became of a pot: promised, held, confirmed, paid by the sponsor, left.

use super::{left, store};
use crate::error::Error;
use entity::{
    Money, MoneyError,
    ids::{CampaignId, MatchPotId},
    match_payment, match_pot,
};
use sea_orm::ConnectionTrait;
use std::collections::HashMap;

/// A pot with its figures, all in its currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The pot.
    pub pot: match_pot::Model,
    /// What is promised in all.
    pub total: Money,
    /// What open checkouts hold.
    pub held: Money,
    /// What paid gifts have of it: what the sponsor owes, or has paid.
    pub confirmed: Money,
    /// What the sponsor has paid: what the ledger holds of her donations for the campaign.
    pub paid: Money,
    /// What is confirmed and not paid.
    pub owed: Money,
    /// What no gift has yet.
    pub left: Money,
}

/// The figures of these pots, in their order.
pub async fn figures(db: &impl ConnectionTrait, pots: Vec<match_pot::Model>) -> Result<Vec<Figures>, Error> {
    let paid = paid(db, &pots).await?;
    let of = |pot: match_pot::Model| {
        let money = |minor| Money::new(minor, pot.currency);
        let paid = paid.get(&pot.id).copied().unwrap_or(0);
        Figures {
            total: money(pot.total_minor),
            held: money(pot.held_minor),
            confirmed: money(pot.confirmed_minor),
            paid: money(paid),
            owed: money(pot.confirmed_minor.saturating_sub(paid).max(0)),
            left: left(&pot),
            pot,
        }
    };
    Ok(pots.into_iter().map(of).collect())
}

/// What the sponsors of these pots have paid.
async fn paid(db: &impl ConnectionTrait, pots: &[match_pot::Model]) -> Result<HashMap<MatchPotId, i64>, Error> {
    let mut paid: HashMap<MatchPotId, i64> = HashMap::new();
    for (payment, money) in payments(db, pots).await? {
        let sum = paid.entry(payment.match_pot_id).or_default();
        *sum = sum.checked_add(money.minor).ok_or(MoneyError::Overflow)?;
    }
    Ok(paid)
}

/// The payments of these pots by their sponsors, with what the ledger holds of each for the pot's campaign.
pub(super) async fn payments(db: &impl ConnectionTrait, pots: &[match_pot::Model]) -> Result<Vec<(match_payment::Model, Money)>, Error> {
    let linked = store::payments(db, &pots.iter().map(|pot| pot.id).collect::<Vec<_>>()).await?;
    let incomes = store::incomes_for(db, &linked.iter().map(|payment| payment.donation_id).collect::<Vec<_>>()).await?;
    let pots: HashMap<MatchPotId, &match_pot::Model> = pots.iter().map(|pot| (pot.id, pot)).collect();
    let with_money = |payment: match_payment::Model| {
        let pot = pots.get(&payment.match_pot_id)?;
        let minor = incomes.get(&(payment.donation_id, pot.campaign_id, pot.currency)).copied().unwrap_or(0);
        Some((payment, Money::new(minor, pot.currency)))
    };
    Ok(linked.into_iter().filter_map(with_money).collect())
}

/// What sponsors owe each of these campaigns: confirmed, and not paid yet. It is not raised before it is paid. One without has no row.
pub async fn owed(db: &impl ConnectionTrait, campaigns: &[CampaignId]) -> Result<HashMap<CampaignId, Money>, Error> {
    let pots = store::pots_of_campaigns(db, campaigns).await?;
    let mut owed: HashMap<CampaignId, Money> = HashMap::new();
    for of in figures(db, pots).await?.into_iter().filter(|of| of.owed.minor > 0) {
        let sum = owed.entry(of.pot.campaign_id).or_insert(Money::new(0, of.owed.currency));
        *sum = sum.checked_add(of.owed)?;
    }
    Ok(owed)
}
