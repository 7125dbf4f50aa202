//! Matching pots: a sponsor adds to the gifts for a campaign, up to a sum.
//!
//! A *pot* belongs to one campaign and has its currency. Of each gift it adds a *ratio* (ten thousandths; 10,000 doubles it), perhaps only
//! to gifts of some size, at most so much to one, between two moments. Several pots of a campaign are used up in the order of their
//! positions: what the first one has no room for, the next one adds to.
//!
//! What a gift gets is *held* in the transaction that writes the donation down, before anything is paid, and told to the giver. The hold lives
//! as long as the checkout: it ends as *confirmed*, when the donation is settled, or *freed*, when the checkout fails or runs out. A hold
//! that ran out is freed by whoever needs its room, else by the sweeper. Money that comes after its hold was lost is matched with what is
//! still left, if anything is. What a giver was promised (ratio and sum) stands on the hold, so that later changes of the pot do not touch it.
//!
//! A confirmed match follows what its gift is worth to the campaign: it shrinks when money goes back, and comes again (up to what was
//! promised) when a refund fails. Only the giver's own money is income in the ledger; the match is what the sponsor owes. What the sponsor
//! has paid are donations that finance links to the pot; such a donation is never matched itself.
//!
//! Only payments of a checkout are matched: of a monthly gift the first one, and no gift by hand, no bank transfer, nothing imported.
//!
//! Everything that changes a pot holds the lock of its row (on SQLite, of the database), after the donation's and the wish item's; several
//! pots are locked in the order of their ids. The database refuses a pot of which more is held and confirmed than its total.

pub mod allocate;
mod desk;
pub mod figures;
mod hold;
pub mod pots;
mod repair;
mod store;

pub use desk::desk_routes;
pub use hold::{agree, confirm, keep, release, release_expired, reserve};
pub use repair::repair;
pub use store::{holds_of_donation, pot, pots_of_campaign, steps};

use crate::{asks::target::MatchOffer, error::Error};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation,
    ids::{CampaignId, DonationId},
    match_hold, match_pot,
    words::{DonationStatus, MatchPotStatus, MatchState},
};
use sea_orm::ConnectionTrait;

/// Whether a pot adds to gifts at `now`, as far as its state and its days are concerned.
pub fn is_open(pot: &match_pot::Model, now: DateTime<Utc>) -> bool {
    pot.status == MatchPotStatus::Open && pot.starts_at.is_none_or(|start| start <= now) && pot.ends_at.is_none_or(|end| now < end)
}

/// What no gift has of a pot yet.
pub fn left(pot: &match_pot::Model) -> Money {
    let taken = pot.held_minor.saturating_add(pot.confirmed_minor);
    Money::new(pot.total_minor.saturating_sub(taken).max(0), pot.currency)
}

/// What sponsors add to gifts for a campaign at `now`, in the order in which the pots are used up. A pot that is used up is there with
/// nothing left: checkouts may give something back to it.
pub async fn offers(db: &impl ConnectionTrait, campaign: CampaignId, now: DateTime<Utc>) -> Result<Vec<MatchOffer>, Error> {
    let mut pots = store::pots_of_campaign(db, campaign).await?;
    pots.retain(|pot| is_open(pot, now));
    if pots.is_empty() {
        return Ok(Vec::new());
    }
    let ran_out = store::ran_out(db, &pots.iter().map(|pot| pot.id).collect::<Vec<_>>(), now).await?;
    let free = |pot: &match_pot::Model| left(pot).minor.saturating_add(ran_out.get(&pot.id).copied().unwrap_or(0));
    Ok(pots.iter().map(|pot| offer_of(pot, free(pot))).collect())
}

/// What readers are told of a pot that has so much left.
fn offer_of(pot: &match_pot::Model, left_minor: i64) -> MatchOffer {
    let own = |minor: Option<i64>| minor.map(|minor| Money::new(minor, pot.currency));
    MatchOffer {
        ratio_bp: pot.ratio_bp,
        left: Money::new(left_minor, pot.currency),
        total: Money::new(pot.total_minor, pot.currency),
        gift_min: own(pot.gift_min_minor),
        match_max: own(pot.match_max_minor),
        ends_at: pot.ends_at,
        sponsor: pot.public_name.clone(),
    }
}

/// What a giver was told of matching on her form: the first pot that her gift has something of, with the ratio of that time.
pub async fn offered_with(db: &impl ConnectionTrait, id: DonationId) -> Result<Option<MatchOffer>, Error> {
    let Some(first) = store::holds_of_donation(db, id).await?.into_iter().next() else { return Ok(None) };
    let Some(pot) = store::pot(db, first.match_pot_id).await? else { return Ok(None) };
    Ok(Some(MatchOffer { ratio_bp: first.ratio_bp, ..offer_of(&pot, left(&pot).minor) }))
}

/// What a form says of matching: the first pot that has something left.
pub async fn offer(db: &impl ConnectionTrait, campaign: Option<CampaignId>, now: DateTime<Utc>) -> Result<Option<MatchOffer>, Error> {
    let Some(campaign) = campaign else { return Ok(None) };
    Ok(offers(db, campaign, now).await?.into_iter().find(|offer| offer.left.minor > 0))
}

/// What a giver is told of the match of her gift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// So much is held for her until then.
    Held {
        /// How much.
        money: Money,
        /// What it would be if there were enough.
        full: Money,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// So much is added to her gift.
    Confirmed(Money),
    /// Nothing is added to it, because the money came after its hold was lost.
    TooLate,
}

/// What is told of the match of a donation; nothing when none was promised, or its checkout came to nothing.
pub async fn told(db: &impl ConnectionTrait, donation: &donation::Model, now: DateTime<Utc>) -> Result<Option<Told>, Error> {
    let holds = store::holds_of_donation(db, donation.id).await?;
    let Some(first) = holds.first() else { return Ok(None) };
    let sum = |of: &dyn Fn(&match_hold::Model) -> i64| Money::new(holds.iter().map(of).fold(0, i64::saturating_add), donation.currency);
    let confirmed = sum(&|hold| if hold.state == MatchState::Confirmed { hold.minor } else { 0 });
    let is_held = |hold: &match_hold::Model| hold.state == MatchState::Held && hold.expires_at > now;
    let held = sum(&|hold| if is_held(hold) { hold.minor } else { 0 });
    Ok(match donation.status {
        DonationStatus::Paid if confirmed.minor > 0 => Some(Told::Confirmed(confirmed)),
        DonationStatus::Paid if holds.iter().all(|hold| hold.state == MatchState::Freed) => Some(Told::TooLate),
        DonationStatus::Pending | DonationStatus::Processing if held.minor > 0 => {
            let until = holds.iter().filter(|hold| is_held(hold)).map(|hold| hold.expires_at).min().unwrap_or(now);
            let pot = store::pot(db, first.match_pot_id).await?;
            let most = pot.and_then(|pot| pot.match_max_minor).unwrap_or(i64::MAX);
            let full = allocate::matched(hold::base_as_given(donation), first.ratio_bp).min(most).max(held.minor);
            Some(Told::Held { money: held, full: Money::new(full, donation.currency), until })
        }
        _ => None,
    })
}
