//! Follows payouts from Stripe to the bank, and reads what they are made of once Stripe has finished saying so.

use super::{
    differences::{self, Found},
    lists::{self, PAYOUTS},
    movements::{self, TakenIn, untold},
    store, waterfall,
};
use crate::{
    app::App,
    error::Error,
    payments::{BalanceQuery, Pages, PayoutFact, StripeFailure},
};
use chrono::{DateTime, Utc};
use entity::{
    payout,
    words::{PayoutReconciliation, PayoutState},
};
use std::collections::BTreeSet;

/// How many payouts that are not over are asked about in one run.
const ROUND: u64 = 1_000;

/// What following payouts came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// How many were looked at.
    pub seen: u64,
    /// How many were new or changed.
    pub changed: u64,
    /// How many were itemised now.
    pub itemised: u64,
}

/// Follows every payout made since `since`, and earlier ones that are not over.
pub async fn follow_all(app: &App, since: DateTime<Utc>, taken: &mut TakenIn) -> Result<Followed, Error> {
    let mut followed = Followed::default();
    let mut pages = Pages::new();
    while let Some(place) = pages.ahead().map_err(untold)? {
        let listed = app.stripe.list_payouts(since, place.as_deref()).await;
        let Some(listed) = lists::or_note(PAYOUTS, listed, &mut taken.unlisted)? else { return Ok(followed) };
        let page = pages.turn(listed);
        for fact in &page.items {
            follow(app, fact, taken, &mut followed).await?;
        }
        differences::note_unread(app, differences::UNREAD_PAYOUT, &page.unread).await?;
    }
    let under_way = store::unfinished(app.db.read(), since, ROUND).await?.into_iter().map(|payout| payout.stripe_payout_id);
    let unexplained = differences::open_of(app.db.read(), differences::REMAINDER).await?.into_iter().map(|found| found.object_id);
    for id in under_way.chain(unexplained).collect::<BTreeSet<_>>() {
        match app.stripe.fetch_payout(&id).await {
            Ok(fact) => follow(app, &fact, taken, &mut followed).await?,
            Err(failure @ (StripeFailure::Unreachable | StripeFailure::Busy { .. })) => return Err(untold(failure)),
            // One that cannot be looked at must not keep the others from being followed.
            Err(failure) => {
                tracing::error!(payout = id, %failure, "a payout could not be looked at");
                differences::note_unread(app, differences::UNREAD_PAYOUT, &[id]).await?;
            }
        }
    }
    Ok(followed)
}

/// Brings one payout up to date: its row, its own movements, its parts.
pub async fn follow(app: &App, fact: &PayoutFact, taken: &mut TakenIn, followed: &mut Followed) -> Result<(), Error> {
    followed.seen += 1;
    if fact.livemode != app.stripe.livemode() {
        return Ok(());
    }
    followed.changed += u64::from(write(app, fact).await?);
    let own: Vec<&str> =
        [&fact.balance_transaction_id, &fact.failure_balance_transaction_id].into_iter().flatten().map(String::as_str).collect();
    if store::movements(app.db.read(), &own).await?.len() < own.len() {
        movements::take_in_all(app, BalanceQuery::OfSource(&fact.id), None, taken).await?;
    }
    let payout = store::payout_of_stripe(app.db.read(), &fact.id).await?.ok_or(Error::NotFound)?;
    if !fact.automatic || fact.reconciliation != PayoutReconciliation::Completed {
        return Ok(());
    }
    if payout.itemised_at.is_none() {
        followed.itemised += u64::from(itemise(app, payout, taken).await?);
    } else if differences::is_open(app.db.read(), differences::REMAINDER, &fact.id).await? {
        // What Stripe's list lacked then may be in it now.
        itemise(app, payout, taken).await?;
    }
    Ok(())
}

/// Writes the row as Stripe has it now. Returns whether anything was new.
async fn write(app: &App, fact: &PayoutFact) -> Result<bool, Error> {
    let (now, id) = (app.now(), app.new_id());
    app.db
        .write(async |tx| {
            let known = store::lock_payout(tx, &fact.id).await?;
            let mut row = known.clone().unwrap_or_else(|| blank(fact, id, now));
            row.amount_minor = fact.amount.minor;
            row.currency = fact.amount.currency;
            let is_older = age(fact.state) < age(row.state);
            row.state = if is_older { row.state } else { fact.state };
            row.automatic = fact.automatic;
            row.arrives_on = fact.arrives_on;
            row.statement_descriptor.clone_from(&fact.statement_descriptor);
            row.trace_id.clone_from(&fact.trace_id);
            row.balance_transaction_id = fact.balance_transaction_id.clone().or(row.balance_transaction_id);
            row.failure_balance_transaction_id = fact.failure_balance_transaction_id.clone().or(row.failure_balance_transaction_id);
            if !is_older {
                row.failure_code.clone_from(&fact.failure_code);
            }
            row.original_payout_id = fact.original_payout_id.clone().or(row.original_payout_id);
            row.reversed_by_id = fact.reversed_by_id.clone().or(row.reversed_by_id);
            if row.reconciliation != PayoutReconciliation::Completed {
                row.reconciliation = fact.reconciliation;
            }
            match known {
                None => store::insert_payout(tx, row).await,
                Some(known) if known == row => Ok(false),
                Some(_) => {
                    row.updated_at = now;
                    store::update_payout(tx, row).await?;
                    Ok(true)
                }
            }
        })
        .await
}

/// Where a state stands in a payout's life: an answer that was asked for earlier may arrive later, and what has failed stays failed.
fn age(state: PayoutState) -> u8 {
    match state {
        PayoutState::Pending => 0,
        PayoutState::InTransit => 1,
        PayoutState::Paid => 2,
        PayoutState::Canceled | PayoutState::Failed => 3,
    }
}

fn blank(fact: &PayoutFact, id: entity::ids::PayoutId, now: DateTime<Utc>) -> payout::Model {
    payout::Model {
        id,
        stripe_payout_id: fact.id.clone(),
        amount_minor: fact.amount.minor,
        currency: fact.amount.currency,
        state: fact.state,
        automatic: fact.automatic,
        arrives_on: fact.arrives_on,
        statement_descriptor: String::new(),
        trace_id: String::new(),
        balance_transaction_id: None,
        failure_balance_transaction_id: None,
        failure_code: String::new(),
        original_payout_id: None,
        reversed_by_id: None,
        reconciliation: fact.reconciliation,
        livemode: fact.livemode,
        itemised_at: None,
        created_at: fact.created,
        updated_at: now,
    }
}

/// Reads all parts of an automatic payout, and writes down what they do not explain. Returns whether Stripe told of them.
async fn itemise(app: &App, payout: payout::Model, taken: &mut TakenIn) -> Result<bool, Error> {
    let id = payout.stripe_payout_id.clone();
    if !movements::take_in_all(app, BalanceQuery::OfPayout(&id), Some(&id), taken).await? {
        return Ok(false);
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            let mut row = store::lock_payout(tx, &id).await?.ok_or(Error::NotFound)?;
            if row.itemised_at.is_none() {
                row.itemised_at = Some(now);
                store::update_payout(tx, row).await?;
            }
            let left: Vec<String> = waterfall::remainder(tx, &payout).await?.iter().map(ToString::to_string).collect();
            if left.is_empty() {
                return differences::settle(tx, differences::REMAINDER, &id, "Its parts add up to it.", now).await;
            }
            let detail = format!("Its parts leave {} unexplained.", left.join(" and "));
            differences::note(tx, Found { kind: differences::REMAINDER, object: &id, detail: &detail, done: None }, now).await
        })
        .await?;
    Ok(true)
}
