//! What staff see of each refund and dispute: one row, brought up to what Stripe says now, with its steps in the donation's story.

use super::{super::store as donations, store};
use crate::{
    app::App,
    error::Error,
    payments::{DisputeState, RefundState},
};
use chrono::{DateTime, Utc};
use entity::{
    dispute, donation,
    ids::RefundId,
    refund,
    words::{DisputeOutcome, RefundState as State},
};
use sea_orm::DatabaseTransaction;

/// Of two answers that overtook each other on their way to us the later one in a refund's life is kept.
const fn stage_of(state: State) -> u8 {
    match state {
        State::Asked => 0,
        State::Pending => 1,
        State::Succeeded => 2,
        State::Failed | State::Canceled => 3,
    }
}

const fn stage_of_outcome(outcome: DisputeOutcome) -> u8 {
    match outcome {
        DisputeOutcome::Inquiry => 0,
        DisputeOutcome::Open => 1,
        DisputeOutcome::Won | DisputeOutcome::Lost => 2,
    }
}

/// Brings the row of a refund up to date. Returns whether something was new.
pub(super) async fn keep_refund(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    said: &RefundState,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let known = match store::refund_by_stripe_id(tx, &said.refund_id).await? {
        Some(row) => Some(row),
        None => asked_here(tx, donation, said).await?,
    };
    let failure = said.failure.clone().unwrap_or_default();
    let Some(row) = known else {
        let row = refund::Model {
            id: app.new_id(),
            donation_id: donation.id,
            stripe_refund_id: Some(said.refund_id.clone()),
            idempotency_key: format!("stripe:{}", said.refund_id),
            amount_minor: said.amount.minor,
            currency: said.amount.currency,
            state: said.state,
            reason: String::new(),
            failure,
            asked_by: None,
            created_at: said.created,
            updated_at: now,
        };
        store::insert_refund(tx, row).await?;
        note_refund(tx, donation, said, now).await?;
        return Ok(true);
    };
    let linked = row.stripe_refund_id.is_some();
    if linked && (stage_of(said.state) < stage_of(row.state) || (said.state == row.state && failure == row.failure)) {
        return Ok(false);
    }
    let moved = row.state != said.state;
    let stripe_refund_id = Some(said.refund_id.clone());
    store::update_refund(tx, refund::Model { state: said.state, failure, stripe_refund_id, updated_at: now, ..row }).await?;
    if moved {
        note_refund(tx, donation, said, now).await?;
    }
    Ok(true)
}

/// The row that asked for this refund and has not heard of it yet.
async fn asked_here(tx: &DatabaseTransaction, donation: &donation::Model, said: &RefundState) -> Result<Option<refund::Model>, Error> {
    let Some(id) = said.our_id.as_deref().and_then(|id| id.parse::<RefundId>().ok()) else { return Ok(None) };
    let row = store::refund(tx, id).await?;
    Ok(row.filter(|row| row.donation_id == donation.id && row.stripe_refund_id.is_none()))
}

async fn note_refund(tx: &DatabaseTransaction, donation: &donation::Model, said: &RefundState, now: DateTime<Utc>) -> Result<(), Error> {
    let kind = match said.state {
        State::Asked | State::Pending => "refund_pending",
        State::Succeeded => "refunded",
        State::Failed => "refund_failed",
        State::Canceled => "refund_canceled",
    };
    let why = said.failure.as_deref().map(|word| format!(" {word}")).unwrap_or_default();
    Ok(donations::note(tx, donation.id, now, kind, &format!("{} {}{why}", said.amount, said.refund_id)).await?)
}

/// What is new of a dispute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DisputeNews {
    /// Nothing.
    None,
    /// It was opened, or a question of the bank became a dispute: staff must be told.
    Opened(dispute::Model),
    /// It moved on.
    Moved,
}

/// Brings the row of a dispute up to date. Returns what was new, and whether this answer is the latest there is.
pub(super) async fn keep_dispute(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    said: &DisputeState,
    now: DateTime<Utc>,
) -> Result<(DisputeNews, bool), Error> {
    let Some(row) = store::dispute_by_stripe_id(tx, &said.dispute_id).await? else {
        let row = dispute::Model {
            id: app.new_id(),
            donation_id: donation.id,
            stripe_dispute_id: said.dispute_id.clone(),
            amount_minor: said.amount.minor,
            currency: said.amount.currency,
            reason: said.reason.clone(),
            stripe_status: said.status.clone(),
            outcome: said.outcome,
            evidence_due_at: said.evidence_due_at,
            opened_at: said.created,
            // Stripe does not say when it was decided: what it moved last it moved then, or before.
            closed_at: said.closed.then(|| said.movements.iter().map(|movement| movement.created).max().unwrap_or(now)),
            updated_at: now,
        };
        store::insert_dispute(tx, row.clone()).await?;
        note_dispute(tx, donation, said, now).await?;
        // What is decided when we first hear of it asks for nothing any more, unless money is gone.
        let news = if said.closed && said.outcome != DisputeOutcome::Lost { DisputeNews::Moved } else { DisputeNews::Opened(row) };
        return Ok((news, true));
    };
    if stage_of_outcome(said.outcome) < stage_of_outcome(row.outcome) {
        return Ok((DisputeNews::None, false));
    }
    let same = row.stripe_status == said.status
        && row.amount_minor == said.amount.minor
        && row.evidence_due_at == said.evidence_due_at
        && row.closed_at.is_some() == said.closed;
    if same {
        return Ok((DisputeNews::None, true));
    }
    let (decided, escalated) = (row.outcome != said.outcome || row.closed_at.is_some() != said.closed, row.outcome);
    let row = dispute::Model {
        amount_minor: said.amount.minor,
        currency: said.amount.currency,
        reason: said.reason.clone(),
        stripe_status: said.status.clone(),
        outcome: said.outcome,
        evidence_due_at: said.evidence_due_at,
        // Decided otherwise than before, it was decided anew.
        closed_at: said.closed.then(|| row.closed_at.filter(|_| row.outcome == said.outcome).unwrap_or(now)),
        updated_at: now,
        ..row
    };
    store::update_dispute(tx, row.clone()).await?;
    if decided {
        note_dispute(tx, donation, said, now).await?;
    }
    // A question of the bank that turns out to be lost was a dispute meanwhile.
    let became_dispute = escalated == DisputeOutcome::Inquiry && matches!(said.outcome, DisputeOutcome::Open | DisputeOutcome::Lost);
    Ok((if became_dispute { DisputeNews::Opened(row) } else { DisputeNews::Moved }, true))
}

async fn note_dispute(tx: &DatabaseTransaction, donation: &donation::Model, said: &DisputeState, now: DateTime<Utc>) -> Result<(), Error> {
    let kind = match (said.outcome, said.closed) {
        (DisputeOutcome::Inquiry, false) => "inquiry_opened",
        (DisputeOutcome::Inquiry, true) => "inquiry_closed",
        (DisputeOutcome::Open, _) => "dispute_opened",
        (DisputeOutcome::Won, _) => "dispute_won",
        (DisputeOutcome::Lost, _) => "dispute_lost",
    };
    Ok(donations::note(tx, donation.id, now, kind, &format!("{} {} {}", said.amount, said.reason, said.dispute_id)).await?)
}
