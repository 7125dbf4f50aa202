//! What one donation has of matching pots: held while its checkout is open, then confirmed or freed. Every change is decided under the locks
//! of the pots and leaves a step. Each verb is safe to repeat.

use super::{
    allocate::{self, Part, Room},
    is_open, left,
    store::{self, NewStep},
};
use crate::{app::App, error::Error};
use chrono::{DateTime, Utc};
use entity::{
    Money, MoneyError, donation,
    ids::MatchPotId,
    match_hold, match_pot,
    words::{MatchState, MatchStepKind},
};
use sea_orm::DatabaseTransaction;

/// Who brings about what a gift does. Never a name.
const SUPPORTER: &str = "supporter";

/// Who ends what ran out, and who puts right what drifted.
pub(super) const SYSTEM: &str = "system";

/// What a sponsor adds to: the gift without what covers the fee.
pub(super) fn base_as_given(donation: &donation::Model) -> i64 {
    donation.amount_minor.saturating_sub(donation.fee_cover_minor)
}

/// Holds for a donation that was just written down what sponsors add to it, until `until`. Returns how much that is; nothing when its
/// campaign has no pot that fits.
pub async fn reserve(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Money, Error> {
    let none = Money::new(0, donation.currency);
    let Some(campaign) = donation.campaign_id else { return Ok(none) };
    let base = base_as_given(donation);
    let mut pots = store::lock_open(tx, campaign).await?;
    pots.retain(|pot| is_open(pot, now) && pot.currency == donation.currency && pot.gift_min_minor.is_none_or(|min| min <= base));
    for pot in &mut pots {
        free_ran_out(tx, pot, now).await?;
    }
    pots.sort_by_key(|pot| (pot.position, pot.id));
    let room = |pot: &match_pot::Model| Room { pot: pot.id, ratio_bp: pot.ratio_bp, left: left(pot).minor, match_max: pot.match_max_minor };
    let parts = allocate::allocate(base, &pots.iter().map(room).collect::<Vec<_>>());
    let mut sum = none;
    for (position, part) in (0i64..).zip(&parts) {
        let Some(pot) = pots.iter_mut().find(|pot| pot.id == part.pot) else { continue };
        let hold = match_hold::Model {
            id: app.new_id(),
            match_pot_id: pot.id,
            donation_id: donation.id,
            position,
            ratio_bp: part.ratio_bp,
            base_minor: part.base,
            promised_minor: part.minor,
            minor: part.minor,
            state: MatchState::Held,
            expires_at: until,
            created_at: now,
            updated_at: now,
        };
        pot.held_minor = pot.held_minor.checked_add(part.minor).ok_or(MoneyError::Overflow)?;
        pot.updated_at = now;
        store::update_pot(tx, pot).await?;
        step(tx, &hold, MatchStepKind::Held, part.minor, SUPPORTER, now).await?;
        store::insert_hold(tx, hold).await?;
        sum = sum.checked_add(Money::new(part.minor, donation.currency))?;
    }
    if sum.minor > 0 {
        store::tell(tx, donation.id, "match_held", &sum.to_string(), now).await?;
    }
    Ok(sum)
}

/// The donation's bank has not answered yet: what is held stays held until `until`. What was lost is taken again as far as it is left.
pub async fn keep(tx: &DatabaseTransaction, donation: &donation::Model, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
    let (mut pots, holds) = lock_kept(tx, donation).await?;
    for mut hold in holds {
        let pot = pot_of(&mut pots, &hold)?;
        if hold.state == MatchState::Held && hold.expires_at > now {
            hold.expires_at = hold.expires_at.max(until);
            hold.updated_at = now;
            store::update_hold(tx, &hold).await?;
            continue;
        }
        if hold.state == MatchState::Confirmed {
            continue;
        }
        let minor = room_again(tx, pot, &mut hold, now).await?;
        if minor > 0 {
            hold.expires_at = until;
            put(tx, pot, &mut hold, MatchState::Held, minor, MatchStepKind::Held, SUPPORTER, now).await?;
        }
    }
    Ok(())
}

/// The donation is paid: what is held for it is confirmed. What was lost is taken again as far as it is left.
pub async fn confirm(tx: &DatabaseTransaction, donation: &donation::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let (mut pots, holds) = lock_kept(tx, donation).await?;
    let (mut sum, mut is_new) = (Money::new(0, donation.currency), false);
    for mut hold in holds {
        let pot = pot_of(&mut pots, &hold)?;
        if hold.state == MatchState::Confirmed {
            continue;
        }
        is_new = true;
        if hold.state == MatchState::Held && hold.expires_at > now {
            let minor = hold.minor;
            put(tx, pot, &mut hold, MatchState::Confirmed, minor, MatchStepKind::Confirmed, SUPPORTER, now).await?;
        } else {
            let minor = room_again(tx, pot, &mut hold, now).await?;
            if minor > 0 {
                put(tx, pot, &mut hold, MatchState::Confirmed, minor, MatchStepKind::Late, SUPPORTER, now).await?;
            } else {
                step(tx, &hold, MatchStepKind::Missed, 0, SUPPORTER, now).await?;
            }
        }
        sum = sum.checked_add(Money::new(hold.minor, donation.currency))?;
    }
    if is_new {
        let kind = if sum.minor > 0 { "match_confirmed" } else { "match_missed" };
        store::tell(tx, donation.id, kind, &sum.to_string(), now).await?;
    }
    Ok(())
}

/// Frees what is held for a donation, because its checkout failed or ran out. Returns whether something was.
pub async fn release(tx: &DatabaseTransaction, donation: &donation::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    let (mut pots, holds) = lock_kept(tx, donation).await?;
    let mut freed = false;
    for mut hold in holds.into_iter().filter(|hold| hold.state == MatchState::Held) {
        let pot = pot_of(&mut pots, &hold)?;
        put(tx, pot, &mut hold, MatchState::Freed, 0, MatchStepKind::Freed, SUPPORTER, now).await?;
        freed = true;
    }
    if freed {
        store::tell(tx, donation.id, "match_freed", "", now).await?;
    }
    Ok(freed)
}

/// What is confirmed for a paid donation follows what it is worth to the campaign: less when money went back or went to another purpose,
/// up to what was promised when it came again, as far as that is left. Nothing for a sponsor's own payment. Returns whether something changed.
pub async fn agree(tx: &DatabaseTransaction, donation: &donation::Model, now: DateTime<Utc>) -> Result<bool, Error> {
    let (mut pots, holds) = lock_kept(tx, donation).await?;
    let Some(campaign) = pots.first().map(|pot| pot.campaign_id) else { return Ok(false) };
    let mut rest = match store::payment_by(tx, donation.id).await? {
        Some(_) => 0,
        None => store::income_for(tx, donation.id, campaign, donation.currency).await?.saturating_sub(donation.fee_cover_minor),
    };
    let (mut sum, mut changed) = (Money::new(0, donation.currency), false);
    for mut hold in holds.into_iter().filter(|hold| hold.state == MatchState::Confirmed) {
        let pot = pot_of(&mut pots, &hold)?;
        let part = Part { pot: pot.id, ratio_bp: hold.ratio_bp, base: hold.base_minor, minor: hold.promised_minor };
        let (target, remains) = allocate::shrink(rest, &part);
        rest = remains;
        let before = hold.minor;
        if target < before {
            put(tx, pot, &mut hold, MatchState::Confirmed, target, MatchStepKind::Shrunk, SUPPORTER, now).await?;
        } else if target > before {
            free_ran_out(tx, pot, now).await?;
            let minor = target.min(before.saturating_add(left(pot).minor));
            if minor > before {
                put(tx, pot, &mut hold, MatchState::Confirmed, minor, MatchStepKind::Restored, SUPPORTER, now).await?;
            }
        }
        changed |= hold.minor != before;
        sum = sum.checked_add(Money::new(hold.minor, donation.currency))?;
    }
    if changed {
        store::tell(tx, donation.id, "match_now", &sum.to_string(), now).await?;
    }
    Ok(changed)
}

/// Frees all holds that ran out; they had stopped counting for whoever needed their room. Returns how many.
pub async fn release_expired(app: &App) -> Result<u64, Error> {
    let (now, mut freed) = (app.now(), 0);
    for id in store::with_ran_out(app.db.read(), now).await? {
        let free = async |tx: &DatabaseTransaction| {
            let mut pot = store::lock_pot(tx, id).await?;
            free_ran_out(tx, &mut pot, now).await
        };
        freed += app.db.write(free).await?;
    }
    Ok(freed)
}

/// Frees the holds of a locked pot that ran out.
pub(super) async fn free_ran_out(tx: &DatabaseTransaction, pot: &mut match_pot::Model, now: DateTime<Utc>) -> Result<u64, Error> {
    let mut freed = 0;
    for mut hold in store::ran_out_of(tx, pot.id, now).await? {
        put(tx, pot, &mut hold, MatchState::Freed, 0, MatchStepKind::Freed, SYSTEM, now).await?;
        freed += 1;
    }
    Ok(freed)
}

/// A donation's pots, locked, and then its holds, which nobody else changes now.
async fn lock_kept(tx: &DatabaseTransaction, donation: &donation::Model) -> Result<(Vec<match_pot::Model>, Vec<match_hold::Model>), Error> {
    let seen = store::holds_of_donation(tx, donation.id).await?;
    if seen.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let ids: Vec<MatchPotId> = seen.iter().map(|hold| hold.match_pot_id).collect();
    let pots = store::lock_pots(tx, &ids).await?;
    Ok((pots, store::holds_of_donation(tx, donation.id).await?))
}

fn pot_of<'a>(pots: &'a mut [match_pot::Model], hold: &match_hold::Model) -> Result<&'a mut match_pot::Model, Error> {
    let found = pots.iter_mut().find(|pot| pot.id == hold.match_pot_id);
    found.ok_or_else(|| Error::Internal(format!("the pot of hold {} is not there", hold.id)))
}

/// How much a hold that was lost can have again: what is left of what was promised, while the pot is open. What there is not enough for is
/// not promised any more.
async fn room_again(
    tx: &DatabaseTransaction,
    pot: &mut match_pot::Model,
    hold: &mut match_hold::Model,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    if hold.state == MatchState::Held {
        put(tx, pot, hold, MatchState::Freed, 0, MatchStepKind::Freed, SYSTEM, now).await?;
    }
    free_ran_out(tx, pot, now).await?;
    let minor = if is_open(pot, now) { hold.promised_minor.min(left(pot).minor) } else { 0 };
    if minor > 0 {
        hold.promised_minor = minor;
    }
    Ok(minor)
}

/// Moves a hold: the pot gets back what it had, gives what it has now, and a step tells of the change.
#[expect(clippy::too_many_arguments, reason = "one move, under one lock")]
pub(super) async fn put(
    tx: &DatabaseTransaction,
    pot: &mut match_pot::Model,
    hold: &mut match_hold::Model,
    state: MatchState,
    minor: i64,
    kind: MatchStepKind,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let change = minor.checked_sub(hold.minor).ok_or(MoneyError::Overflow)?;
    if let Some(counted) = counter(pot, hold.state) {
        *counted = counted.checked_sub(hold.minor).ok_or(MoneyError::Overflow)?;
    }
    if let Some(counted) = counter(pot, state) {
        *counted = counted.checked_add(minor).ok_or(MoneyError::Overflow)?;
    }
    (hold.state, hold.minor, hold.updated_at, pot.updated_at) = (state, minor, now, now);
    store::update_hold(tx, hold).await?;
    if pot.held_minor < 0 || pot.confirmed_minor < 0 {
        // The pot's own figures had drifted: a payment is not refused for that. The rows say what is true.
        (pot.held_minor, pot.confirmed_minor) = store::sums_of(tx, pot.id).await?;
    }
    store::update_pot(tx, pot).await?;
    step(tx, hold, kind, change, actor, now).await
}

/// The figure of a pot in which holds of a state are counted.
fn counter(pot: &mut match_pot::Model, state: MatchState) -> Option<&mut i64> {
    match state {
        MatchState::Held => Some(&mut pot.held_minor),
        MatchState::Confirmed => Some(&mut pot.confirmed_minor),
        MatchState::Freed => None,
    }
}

async fn step(
    tx: &DatabaseTransaction,
    hold: &match_hold::Model,
    kind: MatchStepKind,
    change: i64,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let new = NewStep { pot: hold.match_pot_id, kind, change, donation_id: Some(hold.donation_id), staff_id: None, actor, note: "" };
    Ok(store::note(tx, new, now).await?)
}
