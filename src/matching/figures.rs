//! What became of a pot: promised, held, confirmed, paid by the sponsor, left.

use super::{left, store};
use crate::{error::Error, ledger};
use entity::{
    Money, MoneyError,
    ids::{CampaignId, DonationId, MatchPotId},
    match_pot,
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
    /// What the sponsor has paid: what the ledger holds of her donations.
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

/// What the sponsors of these pots have paid: what the ledger holds of the donations that are linked to them.
async fn paid(db: &impl ConnectionTrait, pots: &[match_pot::Model]) -> Result<HashMap<MatchPotId, i64>, Error> {
    let payments = store::payments(db, &pots.iter().map(|pot| pot.id).collect::<Vec<_>>()).await?;
    let ids: Vec<DonationId> = payments.iter().map(|payment| payment.donation_id).collect();
    let worths = ledger::worths_of(db, &ids).await?;
    let mut paid: HashMap<MatchPotId, i64> = HashMap::new();
    for payment in payments {
        let worth = worths.get(&payment.donation_id).map_or(0, |worth| worth.left.minor);
        let sum = paid.entry(payment.match_pot_id).or_default();
        *sum = sum.checked_add(worth).ok_or(MoneyError::Overflow)?;
    }
    Ok(paid)
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
