//! Money that comes back: refunds and disputes, beside [`settle`] the other door through which a donation's worth changes.
//!
//! Whoever gives the hint (an event, staff, `reconcile`), Stripe is asked for the payment's checkout, refunds and disputes together
//! ([`ask`]), and [`apply`] brings everything here in line with the answer in one transaction: rows, ledger, receipt, wish item, letters,
//! story. Done twice it changes nothing the second time. [`fold`] is the arithmetic of it, free of any database.

pub mod fold;
pub mod list;
mod notice;
mod rows;
pub mod store;
mod worth;

pub use fold::Returned;
pub use worth::{agree, is_of_earlier_year};

use super::{settle, settle::Applied, store as donations};
use crate::{
    app::App,
    error::Error,
    ledger::{self, OfGift, Posting},
    payments::{CheckoutState, RefundState, StripeFailure},
};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation,
    ids::DonationId,
    words::{DonationSource, DonationStatus},
};
use fold::{Loss, Misfit, PaidGift};
use sea_orm::DatabaseTransaction;
use std::collections::HashSet;

/// What Stripe says of one payment at the moment of asking.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// Its checkout, when it has one.
    pub checkout: Option<CheckoutState>,
    /// What came back, when that was asked for.
    pub returned: Option<Returned>,
}

/// Asks Stripe how a payment stands. Refunds and disputes are asked for when `is_called_for`, or when the checkout's charge says that there
/// are some. `session` is the checkout; without one only what came back is asked for.
pub async fn ask(app: &App, donation: &donation::Model, session: Option<&str>, is_called_for: bool) -> Result<Present, StripeFailure> {
    let checkout = fetch_known(app, donation, session).await?;
    let intent = donation.payment_intent_id.clone().or_else(|| checkout.as_ref().and_then(|state| state.payment_intent_id.clone()));
    ask_returned(app, checkout, intent, is_called_for).await
}

/// The same for a checkout that was asked for already.
pub async fn complete(app: &App, checkout: CheckoutState, is_called_for: bool) -> Result<Present, StripeFailure> {
    let intent = checkout.payment_intent_id.clone();
    ask_returned(app, Some(checkout), intent, is_called_for).await
}

async fn ask_returned(
    app: &App,
    checkout: Option<CheckoutState>,
    intent: Option<String>,
    is_called_for: bool,
) -> Result<Present, StripeFailure> {
    let came_back = checkout.as_ref().is_some_and(|state| state.came_back);
    let returned = match intent.filter(|_| is_called_for || came_back) {
        Some(intent) => Some(Returned { refunds: app.stripe.refunds_of(&intent).await?, disputes: app.stripe.disputes_of(&intent).await? }),
        None => None,
    };
    Ok(Present { checkout, returned })
}

/// The checkout of a payment as Stripe has it now, by what names it: its session, or the payment and the invoice that a later payment of a
/// recurring donation has in place of one. None when neither is known.
pub(super) async fn fetch_known(
    app: &App,
    donation: &donation::Model,
    session: Option<&str>,
) -> Result<Option<CheckoutState>, StripeFailure> {
    match (session, &donation.invoice_id, &donation.payment_intent_id) {
        (Some(session), _, None) | (Some(session), None, _) => app.stripe.fetch_checkout(session).await.map(Some),
        (Some(session), ..) if donation.status != DonationStatus::Paid => app.stripe.fetch_checkout(session).await.map(Some),
        // What has come in for an invoice is told by its payment, also where a checkout asked for another amount.
        (_, Some(invoice), Some(intent)) => app.stripe.payment_of_invoice(invoice, intent, &donation.id.to_string()).await.map(Some),
        _ => Ok(None),
    }
}

/// Applies what Stripe says of a payment. All of it, or none.
pub async fn apply(app: &App, id: DonationId, present: &Present) -> Result<Applied, Error> {
    let applied = app.db.write(async |tx| apply_in(tx, app, id, present).await).await?;
    // Of an answer that was overtaken, the checkout may have been new.
    if matches!(applied, Applied::Changed | Applied::Overtaken) {
        app.bell.notify_waiters();
    }
    Ok(applied)
}

/// The same within the caller's transaction.
pub async fn apply_in(tx: &DatabaseTransaction, app: &App, id: DonationId, present: &Present) -> Result<Applied, Error> {
    let settled = match &present.checkout {
        Some(state) => settle::apply_in(tx, app, id, state).await?,
        None => Applied::Unchanged,
    };
    let Some(returned) = present.returned.as_ref().filter(|_| !matches!(settled, Applied::Refused(_))) else {
        return Ok(settled);
    };
    let donation = donations::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if is_overtaken(tx, id, returned).await? {
        return Ok(Applied::Overtaken);
    }
    Ok(match bring_in_line(tx, app, &donation, returned, app.now()).await? {
        Applied::Unchanged => settled,
        other => other,
    })
}

/// Brings a locked donation in line with what came back of it. Of one that is not paid, nothing can come back.
async fn bring_in_line(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    returned: &Returned,
    now: DateTime<Utc>,
) -> Result<Applied, Error> {
    if donation.status != DonationStatus::Paid {
        return Ok(Applied::Unchanged);
    }
    let gift = gift_of(tx, donation).await?;
    let folded = match fold::fold(&gift, returned) {
        Ok(folded) => folded,
        Err(Misfit::Sums(error)) => return Err(error),
        Err(Misfit::Facts(why)) => {
            settle::note_once(tx, donation.id, now, "refused", why).await?;
            tracing::error!(donation_id = %donation.id, why, "what came back does not fit the donation");
            return Ok(Applied::Refused(why));
        }
    };
    let mut is_new = false;
    let mut refunds: Vec<_> = returned.refunds.iter().collect();
    refunds.sort_by_key(|refund| (refund.created, &refund.refund_id));
    for refund in refunds {
        is_new |= rows::keep_refund(tx, app, donation, refund, now).await?;
    }
    let mut overtaken = HashSet::new();
    for dispute in &returned.disputes {
        let (news, is_latest) = rows::keep_dispute(tx, app, donation, dispute, now).await?;
        is_new |= news != rows::DisputeNews::None;
        if !is_latest {
            overtaken.insert(&dispute.dispute_id);
        }
        // What was decided before this program knew of the payment is news to nobody.
        let is_past = donation.source == DonationSource::Imported && dispute.closed;
        if let rows::DisputeNews::Opened(row) = news
            && !is_past
        {
            notice::tell_finance(tx, app, &row, now).await?;
        }
    }
    let first = store::item_asked_back(tx, donation.id).await?;
    for posting in folded.postings {
        is_new |= ledger::post_of_gift(tx, posting, first, now).await?;
    }
    for loss in folded.losses.iter().filter(|loss| !overtaken.contains(&loss.dispute_id)) {
        is_new |= post_loss(tx, &gift, loss, now).await?;
    }
    is_new |= worth::agree(tx, app, donation, now).await?;
    Ok(if is_new { Applied::Changed } else { Applied::Unchanged })
}

async fn gift_of(tx: &DatabaseTransaction, donation: &donation::Model) -> Result<PaidGift, Error> {
    let booked = ledger::purpose_of_gift(tx, donation.id).await?;
    let purpose = booked.unwrap_or_else(|| settle::purpose_of(donation));
    Ok(PaidGift { of: OfGift { donation_id: donation.id, purpose }, captured: Money::new(donation.amount_minor, donation.currency) })
}

/// Whether an answer is older than one that was applied already: the ledger knows a movement of which it knows nothing.
async fn is_overtaken(tx: &DatabaseTransaction, id: DonationId, returned: &Returned) -> Result<bool, Error> {
    let said: HashSet<&str> = returned.movements().map(|movement| movement.id.as_str()).collect();
    Ok(store::posted_movements(tx, id).await?.iter().any(|posted| !said.contains(posted.as_str())))
}

/// Posts what is missing to a dispute's loss: usually all of it once, on the day on which it was lost as far as we know, later perhaps a
/// correction, when money came back after all.
async fn post_loss(tx: &DatabaseTransaction, gift: &PaidGift, loss: &Loss, now: DateTime<Utc>) -> Result<bool, Error> {
    let source = format!("{}:loss", loss.dispute_id);
    let (times, [income, cost, disputed]) = store::posted_loss(tx, &source).await?;
    if (income, cost, disputed) == (loss.income.minor, loss.cost.minor, loss.disputed.minor) {
        return Ok(false);
    }
    let missing = |money: Money, posted: i64| {
        money.minor.checked_sub(posted).map(|minor| Money::new(minor, money.currency)).ok_or(entity::MoneyError::Overflow)
    };
    let sums = (missing(loss.income, income)?, missing(loss.cost, cost)?, missing(loss.disputed, disputed)?);
    let (source, at) = if times == 0 {
        let row = store::dispute_by_stripe_id(tx, &loss.dispute_id).await?;
        (source, row.and_then(|row| row.closed_at).unwrap_or(now))
    } else {
        (format!("{source}:{}", times + 1), now)
    };
    let posting = Posting::dispute_loss(gift.of, source, sums, at)?;
    ledger::post_of_gift(tx, posting, None, now).await
}

/// Applies what Stripe answered to one refund that was asked for here; what else came back of the gift is not spoken of.
pub(super) async fn apply_answer(app: &App, id: DonationId, said: RefundState) -> Result<(), Error> {
    let returned = Returned { refunds: vec![said], disputes: Vec::new() };
    let write = async |tx: &DatabaseTransaction| {
        let donation = donations::lock(tx, id).await?.ok_or(Error::NotFound)?;
        bring_in_line(tx, app, &donation, &returned, app.now()).await
    };
    if app.db.write(write).await? == Applied::Changed {
        app.bell.notify_waiters();
    }
    Ok(())
}
