//! A recurring donation's story, and who is to hear of it.

use super::{
    By,
    letters::{self, News},
    store::{self, Step},
};
use crate::{
    app::App,
    error::Error,
    payments::{InvoiceState, InvoiceStatus},
};
use chrono::{DateTime, Utc};
use entity::{Money, ids::RecurringId, recurring_donation, words::RecurringStatus};
use sea_orm::DatabaseTransaction;

/// The story, and who is to hear of it. Told from how things stood and stand, so that it is told once.
pub(super) async fn tell(
    tx: &DatabaseTransaction,
    app: &App,
    old: &recurring_donation::Model,
    new: &recurring_donation::Model,
    invoices: &[InvoiceState],
    by: &By,
) -> Result<bool, Error> {
    use RecurringStatus::{Active, Ended, PastDue, Paused, Pending};
    let now = app.now();
    // Who asked for the end did it, whoever heard of it first.
    let actor = if new.status == Ended && !new.asked_end.is_empty() { new.asked_end.as_str() } else { by.as_str() };
    let note = async |kind: &'static str, at: DateTime<Utc>, before: Option<i64>, after: Option<i64>, detail: &str| {
        store::note(tx, new.id, &Step { at, kind, actor, before, after, detail }).await
    };
    // It has begun when something was paid, also when the first try failed.
    let has_paid = invoices.iter().any(InvoiceState::has_brought_something);
    let may_begin = has_paid && matches!(old.status, Pending | PastDue) && new.status != Pending;
    let begins = may_begin && !store::steps(tx, new.id).await?.iter().any(|step| step.kind == "begun");
    if begins {
        note("begun", new.started_at.unwrap_or(now), None, Some(new.amount_minor), "").await?;
        letters::write(tx, app, new, &News::Begun).await?;
    }
    if !begins && old.amount_minor != new.amount_minor {
        let step = note("amount_changed", now, Some(old.amount_minor), Some(new.amount_minor), "").await?;
        let before = Money::new(old.amount_minor, old.currency);
        letters::write(tx, app, new, &News::Changed { before, step }).await?;
    }
    let failed = tell_failures(tx, app, new, invoices).await?;
    match (old.status, new.status) {
        (before, Paused) if before != Paused => {
            let step = note("paused", now, Some(new.amount_minor), None, "").await?;
            letters::write(tx, app, new, &News::Paused { step }).await?;
        }
        (Paused, Active | PastDue) => {
            note("resumed", now, None, Some(new.amount_minor), "").await?;
        }
        // Nothing was ever paid: there is nothing that could end.
        (Pending, Ended) if !has_paid => {
            note("abandoned", new.ended_at.unwrap_or(now), None, None, &new.end_reason).await?;
            if !new.asked_end.is_empty() {
                letters::write(tx, app, new, &News::Ended).await?;
            }
        }
        (before, Ended) if before != Ended => {
            note("ended", new.ended_at.unwrap_or(now), Some(new.amount_minor), None, &new.end_reason).await?;
            if new.end_reason != "not_completed" {
                letters::write(tx, app, new, &News::Ended).await?;
            }
        }
        _ => {}
    }
    Ok(failed)
}

/// Failed payments and what became of them, one by one: from the invoices themselves, so that what was never heard of is told too.
async fn tell_failures(
    tx: &DatabaseTransaction,
    app: &App,
    gift: &recurring_donation::Model,
    invoices: &[InvoiceState],
) -> Result<bool, Error> {
    if invoices.iter().all(|invoice| invoice.attempts == 0) {
        return Ok(false);
    }
    let told = store::steps(tx, gift.id).await?;
    let knows = |kind: &str, invoice: &InvoiceState| told.iter().any(|step| step.kind == kind && step.detail == invoice.id);
    let mut new = false;
    for invoice in invoices {
        let step = |kind, at| Step { at, kind, actor: "stripe", before: None, after: Some(gift.amount_minor), detail: &invoice.id };
        let knew = knows("failing", invoice);
        if !knew && !has_failed(gift, invoice) {
            continue;
        }
        if !knew {
            store::note(tx, gift.id, &step("failing", invoice.created)).await?;
            new = true;
            if gift.status == RecurringStatus::PastDue && invoice.status == InvoiceStatus::Open {
                letters::write(tx, app, gift, &News::Failed { invoice: invoice.id.clone(), next_try: invoice.next_try }).await?;
                letters::notify_staff(tx, app, gift, &invoice.id).await?;
            }
        }
        if invoice.status == InvoiceStatus::Paid && !knows("recovered", invoice) {
            store::note(tx, gift.id, &step("recovered", invoice.paid_at.unwrap_or(app.now()))).await?;
            new = true;
        }
    }
    Ok(new)
}

/// Whether a payment of an invoice failed. An open one whose first try is under way (a bank debit takes days) has not: only a gift that is
/// past due, or has ended, says so. What is paid failed before when it took more than one try.
fn has_failed(gift: &recurring_donation::Model, invoice: &InvoiceState) -> bool {
    match invoice.status {
        // Of the first invoice only what a checkout cannot tell: a bank debit that came back.
        _ if invoice.is_first && (gift.status != RecurringStatus::PastDue || invoice.status != InvoiceStatus::Open) => false,
        InvoiceStatus::Draft => false,
        InvoiceStatus::Open => invoice.attempts > 0 && matches!(gift.status, RecurringStatus::PastDue | RecurringStatus::Ended),
        InvoiceStatus::Paid => invoice.attempts > 1,
        InvoiceStatus::Uncollectible | InvoiceStatus::Void => invoice.attempts > 0,
    }
}

/// Notes something of Stripe's unless it stands in the story already.
pub(super) async fn note_once(app: &App, id: RecurringId, kind: &'static str, detail: &str) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            // One at a time, so that two who hear of it at once note it once.
            store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            let known = store::steps(tx, id).await?.iter().any(|step| step.kind == kind && step.detail == detail);
            if !known {
                store::note(tx, id, &Step { at: now, kind, actor: "stripe", before: None, after: None, detail }).await?;
            }
            Ok(())
        })
        .await
}
