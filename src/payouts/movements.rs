//! Takes movements of Stripe's balance in: each once, linked to its donation, posted here or asked for where it belongs.

use super::{
    differences::{self, Found},
    lists::{self, MOVEMENTS, Unlisted},
    mapping::{self, mapping_in, mapping_of},
    store, unpaid,
};
use crate::{
    app::App,
    donations,
    error::Error,
    ledger,
    payments::{BalanceEntry, BalanceQuery, Pages, StripeFailure},
};
use chrono::{DateTime, Utc};
use entity::{
    balance_movement, donation,
    ids::DonationId,
    words::{BalanceMapping, DonationStatus},
};
use sea_orm::ConnectionTrait;
use std::collections::{BTreeSet, HashMap};

/// What taking movements in came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// How many Stripe told.
    pub seen: u64,
    /// How many were new.
    pub new: u64,
    /// Movements of our donations that are not in the ledger after all.
    pub not_posted: Vec<String>,
    /// How many could not be read.
    pub unread: u64,
    /// Which lists Stripe did not give.
    pub unlisted: Vec<Unlisted>,
}

/// Takes in every movement that fits, page by page. `payout` is the payout that all of them are part of. Returns whether Stripe gave them all.
pub async fn take_in_all(app: &App, query: BalanceQuery<'_>, payout: Option<&str>, taken: &mut TakenIn) -> Result<bool, Error> {
    let mut pages = Pages::new();
    while let Some(place) = pages.ahead().map_err(untold)? {
        let listed = app.stripe.list_balance(query, place.as_deref()).await;
        let Some(listed) = lists::or_note(MOVEMENTS, listed, &mut taken.unlisted)? else { return Ok(false) };
        let page = pages.turn(listed);
        take_in(app, &page.items, payout, taken).await?;
        differences::note_unread(app, differences::UNREAD_MOVEMENT, &page.unread).await?;
        taken.unread += page.unread.len() as u64;
    }
    Ok(true)
}

/// Stripe did not tell something that reconciling needs.
pub(super) fn untold(failure: StripeFailure) -> Error {
    Error::Unavailable(format!("Stripe did not tell of its balance: {failure:?}"))
}

/// Takes one page in.
pub async fn take_in(app: &App, entries: &[BalanceEntry], payout: Option<&str>, taken: &mut TakenIn) -> Result<(), Error> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let known = store::movements(app.db.read(), &ids).await?;
    let mut known: HashMap<String, balance_movement::Model> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut ours = Vec::new();
    for entry in entries {
        taken.seen += 1;
        let (movement, new) = match known.remove(&entry.id) {
            Some(movement) => (bring_up_to_date(app, entry, movement, payout).await?, false),
            None => write(app, entry, payout).await?,
        };
        taken.new += u64::from(new);
        if let Some(donation) = movement.donation_id.filter(|_| !mapping::is_posted_here(movement.mapped_to)) {
            ours.push((movement.id, donation));
        }
    }
    ask_for_missing(app, &ours, taken).await
}

/// Writes a movement that is new, and posts it unless `donations` does.
async fn write(app: &App, entry: &BalanceEntry, payout: Option<&str>) -> Result<(balance_movement::Model, bool), Error> {
    let owner = owner_of(app, entry).await?;
    let mapped_to = mapping_in(&entry.balance, &entry.kind, &entry.category, owner.is_some());
    let now = app.now();
    let movement = balance_movement::Model {
        id: entry.id.clone(),
        category: entry.category.clone(),
        kind: entry.kind.clone(),
        source_id: entry.source.id.clone(),
        gross_minor: entry.gross.minor,
        fee_minor: entry.fee.minor,
        net_minor: entry.net.minor,
        currency: entry.net.currency,
        occurred_at: entry.created,
        available_at: entry.available_on,
        payout_id: payout.map(str::to_owned),
        donation_id: owner.as_ref().map(|donation| donation.id),
        mapped_to,
        heard_at: now,
        balance: entry.balance.clone(),
    };
    let posting = mapping::posting_of(&movement, mapped_to)?;
    let lost = entry.source.donation_id.as_deref().filter(|_| owner.is_none());
    let new = app
        .db
        .write(async |tx| {
            if !store::insert_movement(tx, movement.clone()).await? {
                return Ok(false);
            }
            if let Some(posting) = &posting {
                ledger::post(tx, posting, now).await?;
            }
            note_where_it_is(tx, &movement, now).await?;
            if lost.is_some() {
                let detail = "It names a donation that is not here. Was a backup restored, or does another installation use the account?";
                differences::note(tx, Found { kind: differences::UNKNOWN_DONATION, object: &movement.id, detail, done: None }, now).await?;
            }
            Ok(true)
        })
        .await?;
    // Another process may have been first, and may have mapped it otherwise.
    let stored = if new { None } else { store::movement(app.db.read(), &movement.id).await? };
    Ok((stored.unwrap_or(movement), new))
}

/// Adds to a movement what was learned since: the payout that it is part of, the donation that was not here at first.
async fn bring_up_to_date(
    app: &App,
    entry: &BalanceEntry,
    movement: balance_movement::Model,
    payout: Option<&str>,
) -> Result<balance_movement::Model, Error> {
    let owner = if is_of_nobody(movement.mapped_to) { true_owner_of(app, entry).await? } else { None };
    let part_of = payout.filter(|payout| movement.payout_id.as_deref() != Some(*payout));
    if owner.is_none() && part_of.is_none() && movement.balance == entry.balance {
        return Ok(movement);
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            let mut current = store::lock_movement(tx, &movement.id).await?.ok_or(Error::NotFound)?;
            if let Some(payout) = part_of {
                store::set_payout(tx, &current.id, payout).await?;
                current.payout_id = Some(payout.to_owned());
            }
            if current.balance != entry.balance {
                current = change_balance(tx, entry, current, now).await?;
            }
            if let Some(owner) = owner.as_ref().filter(|_| is_of_nobody(current.mapped_to)) {
                let to = mapping_in(&entry.balance, &entry.kind, &entry.category, true);
                current.donation_id = Some(owner.id);
                mapping::map_to(tx, &current, to, now).await?;
                current.mapped_to = to;
                let (detail, done) = ("It belongs to a donation that was not known when it was read.", "Posted to the donation instead.");
                let found = Found { kind: differences::TAKEN_FOR_OTHER, object: &current.id, detail, done: Some(done) };
                differences::note(tx, found, now).await?;
                differences::settle(tx, differences::UNKNOWN_DONATION, &current.id, done, now).await?;
                note_where_it_is(tx, &current, now).await?;
            }
            Ok(current)
        })
        .await
}

/// Whether a movement was taken for somebody else's: of those in a balance that is not known, a person is to judge.
fn is_of_nobody(mapping: BalanceMapping) -> bool {
    matches!(mapping, BalanceMapping::Other | BalanceMapping::Unmapped)
}

/// Puts right in which balance a movement was, which was not looked at when it was read. What a person has said that it is stays.
async fn change_balance(
    tx: &impl ConnectionTrait,
    entry: &BalanceEntry,
    mut movement: balance_movement::Model,
    now: DateTime<Utc>,
) -> Result<balance_movement::Model, Error> {
    if mapping::posting_of(&movement, movement.mapped_to)?.is_some() {
        mapping::take_back(tx, &movement, now).await?;
    }
    store::set_balance(tx, &movement.id, &entry.balance).await?;
    movement.balance.clone_from(&entry.balance);
    let to = mapping_in(&entry.balance, &entry.kind, &entry.category, movement.donation_id.is_some());
    // What is somebody else's, or was put aside, stays so.
    if movement.mapped_to != BalanceMapping::Other && !mapping::is_said_by_person(tx, &movement.id).await? {
        movement.mapped_to = to;
    }
    mapping::post_anew(tx, &movement, movement.mapped_to, now).await?;
    store::set_mapping(tx, &movement.id, movement.mapped_to, movement.donation_id).await?;
    note_where_it_is(tx, &movement, now).await?;
    if !mapping::is_nowhere_known(&movement) {
        let done = "It is in a balance that is known.";
        differences::settle(tx, differences::UNKNOWN_BALANCE, &movement.id, done, now).await?;
    }
    Ok(movement)
}

/// Writes down that a donation's money is in a balance that this version does not know.
pub(super) async fn note_where_it_is(
    tx: &impl ConnectionTrait,
    movement: &balance_movement::Model,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !mapping::is_nowhere_known(movement) {
        return Ok(());
    }
    let detail = format!("Stripe keeps it in a balance that this version does not know: {}. It is booked as held back.", movement.balance);
    differences::note(tx, Found { kind: differences::UNKNOWN_BALANCE, object: &movement.id, detail: &detail, done: None }, now).await
}

/// The donation that moved the money: by our own metadata, else by the charge or payment that the source names.
async fn owner_of(app: &App, entry: &BalanceEntry) -> Result<Option<donation::Model>, Error> {
    let db = app.db.read();
    if let Some(id) = entry.source.donation_id.as_deref().and_then(|id| id.parse::<DonationId>().ok())
        && let Some(found) = donations::store::find(db, id).await?
    {
        return Ok(Some(found));
    }
    let ids: Vec<&str> = [&entry.source.charge_id, &entry.source.payment_intent_id].into_iter().flatten().map(String::as_str).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    Ok(donations::store::find_by_stripe_object(db, &ids).await?)
}

/// The donation whose money this is after all, of a movement that was taken for somebody else's: paid by this very charge, of a kind that
/// `donations` posts, and not said to be something else by a person.
async fn true_owner_of(app: &App, entry: &BalanceEntry) -> Result<Option<donation::Model>, Error> {
    let is_posted_there = mapping_of(&entry.category, true) != mapping_of(&entry.category, false)
        && mapping_of(&entry.category, true) != BalanceMapping::Unmapped;
    if !is_posted_there {
        return Ok(None);
    }
    let Some(owner) = owner_of(app, entry).await? else { return Ok(None) };
    let is_its_charge = entry.source.charge_id.is_none() || owner.charge_id == entry.source.charge_id;
    if owner.status != DonationStatus::Paid || !is_its_charge || mapping::is_said_by_person(app.db.read(), &entry.id).await? {
        return Ok(None);
    }
    Ok(Some(owner))
}

/// Has `donations` ask Stripe about those whose movement is not in the ledger yet, and writes down what is still missing then.
pub(super) async fn ask_for_missing(app: &App, ours: &[(String, DonationId)], taken: &mut TakenIn) -> Result<(), Error> {
    let ids: Vec<&str> = ours.iter().map(|(id, _)| id.as_str()).collect();
    let posted = store::posted(app.db.read(), &ids).await?;
    let missing: Vec<_> = ours.iter().filter(|(id, _)| !posted.contains(id)).collect();
    // A donation is judged by all of these: where one of them is not told, asking about each donation would be refused again and again.
    let can_be_asked = taken.unlisted.iter().all(|one| ![lists::CHECKOUTS, lists::REFUNDS, lists::DISPUTES].contains(&one.list));
    for donation in missing.iter().map(|(_, donation)| *donation).filter(|_| can_be_asked).collect::<BTreeSet<_>>() {
        match donations::refresh(app, donation).await {
            Ok(_) => {}
            Err(Error::Unavailable(why)) => return Err(Error::Unavailable(why)),
            // One donation that cannot be brought up to date must not keep the rest of the balance from being read.
            Err(error) => tracing::error!(donation_id = %donation, %error, "a donation could not be brought up to date"),
        }
    }
    for (id, donation) in missing {
        if unpaid::find_place(app, id, *donation).await? == unpaid::Place::Nowhere {
            taken.not_posted.push(id.clone());
        }
    }
    Ok(())
}
