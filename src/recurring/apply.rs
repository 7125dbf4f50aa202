//! From what Stripe says now to what we have: paid invoices become donations, the gift's state follows its subscription's.

use super::{
    By, duty,
    store::{self, Step},
    story, tell,
};
use crate::{
    app::App,
    donations::{self, back, settle},
    error::Error,
    payments::{InvoicePart, InvoiceState, InvoiceStatus, SubscriptionState, SubscriptionStatus},
};
use chrono::{DateTime, Utc};
use entity::{
    Money, donation, donation_address,
    ids::{DonationId, RecurringId},
    recurring_donation,
    words::{DonationSource, DonationStatus, RecurringStatus},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    DatabaseTransaction, EntityTrait, IntoActiveModel,
};

/// What came of asking Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The first payment has not come: Stripe has no subscription yet.
    NotBegun,
    /// Nothing was new.
    Unchanged,
    /// A payment was settled, or the gift changed.
    Changed,
    /// What Stripe has does not fit the gift: nothing was changed, the story says why.
    Refused(&'static str),
}

/// How often Stripe is asked anew when somebody who asked later was quicker.
const TRIES: usize = 4;

/// Asks Stripe how a recurring donation stands and brings it up to date. What was asked for and is not done yet is done first (see
/// [`duty`]). Done twice it changes nothing the second time.
///
/// # Errors
/// When Stripe does not answer ([`Error::Unavailable`]: try again), or there is no such gift.
pub async fn refresh(app: &App, id: RecurringId, by: &By) -> Result<Refreshed, Error> {
    for _ in 0..TRIES {
        if let Some(refreshed) = ask_and_apply(app, id, by).await? {
            return Ok(refreshed);
        }
    }
    Err(Error::Unavailable("the recurring donation is being changed; ask again".to_owned()))
}

/// Once; nothing when the answer was overtaken by a later one.
async fn ask_and_apply(app: &App, id: RecurringId, by: &By) -> Result<Option<Refreshed>, Error> {
    let gift = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let known = match &gift.subscription_id {
        Some(subscription) => Some(subscription.clone()),
        None => find_subscription(app, &gift).await?,
    };
    let Some(subscription) = known else { return end_abandoned(app, id).await.map(Some) };
    let mut asked_at = app.now();
    let mut state = app.stripe.fetch_subscription(&subscription).await.map_err(|failure| tell(&failure))?;
    if let Some(why) = find_mismatch(&gift, &state) {
        tracing::error!(recurring_id = %id, why, "Stripe's subscription does not fit the recurring donation");
        story::note_once(app, id, "refused", why).await?;
        return Ok(Some(Refreshed::Refused(why)));
    }
    let mut invoices = app.stripe.invoices_of(&subscription).await.map_err(|failure| tell(&failure))?;
    if duty::carry_out(app, &gift, &state, &invoices).await? {
        asked_at = app.now();
        state = app.stripe.fetch_subscription(&subscription).await.map_err(|failure| tell(&failure))?;
        invoices = app.stripe.invoices_of(&subscription).await.map_err(|failure| tell(&failure))?;
    }
    let mut changed = false;
    for invoice in &invoices {
        changed |= settle_invoice(app, &gift, invoice).await?;
    }
    let heard = Heard { state: &state, invoices: &invoices, asked_at, by };
    let followed = app.db.write(async |tx| follow(tx, app, id, &heard).await).await?;
    changed |= followed == Some(true);
    if changed {
        app.bell.notify_waiters();
    }
    Ok(followed.map(|_| if changed { Refreshed::Changed } else { Refreshed::Unchanged }))
}

/// The subscription that the first checkout began; its payment is settled on the way.
async fn find_subscription(app: &App, gift: &recurring_donation::Model) -> Result<Option<String>, Error> {
    let Some(first) = store::first_donation(app.db.read(), gift.id).await? else { return Ok(None) };
    // The session alone names the subscription, whatever is known of its payment.
    let state = match &first.checkout_session_id {
        Some(session) => app.stripe.fetch_checkout(session).await.map(Some),
        None => donations::fetch_state(app, &first).await,
    };
    match state {
        Ok(Some(state)) => {
            let subscription = state.subscription_id.clone();
            let present = back::complete(app, state, false).await.map_err(|failure| tell(&failure))?;
            back::apply(app, first.id, &present).await?;
            Ok(subscription)
        }
        Ok(None) => Ok(None),
        Err(failure) if failure.is_missing() => Ok(None),
        Err(failure) => Err(tell(&failure)),
    }
}

/// A gift whose first payment will not come any more has ended before it began.
async fn end_abandoned(app: &App, id: RecurringId) -> Result<Refreshed, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let gift = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            let first = store::first_donation(tx, id).await?;
            let over = first.is_none_or(|first| matches!(first.status, DonationStatus::Expired | DonationStatus::Failed));
            if gift.status != RecurringStatus::Pending || !over {
                return Ok(Refreshed::NotBegun);
            }
            let mut row = gift.into_active_model();
            row.status = Set(RecurringStatus::Ended);
            row.ended_at = Set(Some(now));
            row.end_reason = Set("not_completed".to_owned());
            row.updated_at = Set(now);
            row.update(tx).await?;
            let step = Step { at: now, kind: "abandoned", actor: "supporter", before: None, after: None, detail: "" };
            store::note(tx, id, &step).await?;
            Ok(Refreshed::Changed)
        })
        .await
}

fn find_mismatch(gift: &recurring_donation::Model, state: &SubscriptionState) -> Option<&'static str> {
    // One that we know already may have lost its mark at Stripe's dashboard; one that we do not know must bear it.
    let known = gift.subscription_id.is_some() && state.recurring_id.is_none();
    if !known && state.recurring_id.as_deref() != Some(&gift.id.to_string()) {
        return Some("the subscription names another recurring donation");
    }
    if state.livemode != gift.livemode {
        return Some("live and test mode do not agree");
    }
    if state.amount.is_some_and(|amount| amount.currency != gift.currency) {
        return Some("the subscription's currency is not the gift's");
    }
    None
}

/// Each payment that came in for an invoice becomes a donation, once, also while others are still to come. Returns whether something was new.
async fn settle_invoice(app: &App, gift: &recurring_donation::Model, invoice: &InvoiceState) -> Result<bool, Error> {
    if is_counted_whole(app, invoice).await? {
        story::note_once(app, gift.id, "counted_whole", &invoice.id).await?;
        return Ok(false);
    }
    let mut changed = false;
    for part in &invoice.parts {
        match (&part.payment_intent_id, &part.charge_id) {
            (Some(intent), _) => changed |= settle_payment(app, gift, invoice, part, intent).await?,
            // Money that was only recorded at Stripe is not there: staff enter it where it came.
            (None, None) => story::note_once(app, gift.id, "part_paid_elsewhere", &format!("{} {}", invoice.id, part.amount)).await?,
            (None, Some(charge)) => story::note_once(app, gift.id, "part_by_charge", &format!("{} {charge}", invoice.id)).await?,
        }
    }
    if invoice.status != InvoiceStatus::Paid {
        return Ok(changed);
    }
    let came = invoice.parts.iter().try_fold(Money::new(0, invoice.due.currency), |sum, part| sum.checked_add(part.amount))?;
    let rest = invoice.due.checked_add(came.negated()?)?;
    if rest.minor > 0 {
        // Marked as paid by hand at Stripe: no money came with it.
        let detail = if came.minor == 0 { invoice.id.clone() } else { format!("{} {rest}", invoice.id) };
        story::note_once(app, gift.id, "paid_elsewhere", &detail).await?;
    } else if invoice.due.minor == 0 && invoice.total.minor > 0 {
        story::note_once(app, gift.id, "paid_from_credit", &invoice.id).await?;
    }
    Ok(changed)
}

/// Whether an invoice that was paid in parts is one donation, worth more than its own payment brought: versions that knew of one payment for
/// each invoice wrote it down so.
async fn is_counted_whole(app: &App, invoice: &InvoiceState) -> Result<bool, Error> {
    if invoice.parts.len() < 2 {
        return Ok(false);
    }
    for donation in donations::store::paid_of_invoice(app.db.read(), &invoice.id).await? {
        let Some(intent) = &donation.payment_intent_id else { continue };
        let part = invoice.parts.iter().find(|part| part.payment_intent_id.as_ref() == Some(intent));
        if part.is_some_and(|part| part.amount.minor >= donation.amount_minor) {
            continue;
        }
        // More than was left to be paid may have come with a part.
        let state = app.stripe.payment_of_invoice(&invoice.id, intent, &donation.id.to_string()).await.map_err(|failure| tell(&failure))?;
        if state.amount.is_some_and(|received| received.minor < donation.amount_minor) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One payment of an invoice.
async fn settle_payment(
    app: &App,
    gift: &recurring_donation::Model,
    invoice: &InvoiceState,
    part: &InvoicePart,
    intent: &str,
) -> Result<bool, Error> {
    let known = donations::store::find_by_stripe_object(app.db.read(), &[intent]).await?;
    if let Some(other) = known.as_ref().filter(|donation| donation.recurring_donation_id != Some(gift.id)) {
        // A payment that pays two things is one donation: that of what it was made for.
        story::note_once(app, gift.id, "counted_elsewhere", &format!("{} {}", invoice.id, other.id)).await?;
        return Ok(false);
    }
    if known.as_ref().is_some_and(|donation| donation.status == DonationStatus::Paid) {
        return Ok(false);
    }
    let first = if invoice.is_first && part.is_default { store::first_donation(app.db.read(), gift.id).await? } else { None };
    let unpaid = first.filter(|first| first.status != DonationStatus::Paid && first.payment_intent_id.is_none());
    let id = known.or(unpaid).map_or_else(|| app.new_id(), |donation| donation.id);
    let mut state = app.stripe.payment_of_invoice(&invoice.id, intent, &id.to_string()).await.map_err(|failure| tell(&failure))?;
    state.paid_at = part.paid_at.or(invoice.paid_at);
    let Some(received) = state.amount.filter(|_| state.is_paid()) else { return Ok(false) };
    let present = back::complete(app, state, false).await.map_err(|failure| tell(&failure))?;
    let now = app.now();
    app.db
        .write(async |tx| {
            // One process at a time, so that a payment never becomes two donations.
            let gift = store::lock(tx, gift.id).await?.ok_or(Error::NotFound)?;
            let known = match donations::store::find_by_stripe_object(tx, &[intent]).await? {
                Some(other) if other.id != id => return Ok(false),
                Some(known) => Some(known),
                None => donations::store::find(tx, id).await?,
            };
            if known.is_none() {
                write_down(tx, app, &gift, invoice, (id, intent, received), now).await?;
            }
            Ok(back::apply_in(tx, app, id, &present).await? == settle::Applied::Changed)
        })
        .await
}

/// A later payment as a donation of its own, not yet settled.
async fn write_down(
    tx: &DatabaseTransaction,
    app: &App,
    gift: &recurring_donation::Model,
    invoice: &InvoiceState,
    (id, intent, received): (DonationId, &str, Money),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mark = format!("invoice:{}:{intent}", invoice.id);
    let covered = gift.amount_minor == received.minor;
    // What was promised binds the money of every payment; the general-ledger codes are how it is booked now.
    let fund = donations::store::fund(tx, Some(gift.fund_id), gift.fund_id, now).await?;
    let row = donation::ActiveModel {
        id: Set(id),
        token_hash: Set(crate::clock::sha256_hex(&donations::token_of(app, id))),
        form_token: Set(mark.clone()),
        request_hash: Set(crate::clock::sha256_hex(&mark)),
        status: Set(DonationStatus::Pending),
        supporter_id: Set(gift.supporter_id),
        donor_name: Set(gift.donor_name.clone()),
        public_name: Set(gift.public_name),
        note: Set(String::new()),
        wants_updates: Set(false),
        discreet: Set(false),
        language: Set(gift.language.clone()),
        amount_minor: Set(received.minor),
        fee_cover_minor: Set(if covered { gift.fee_cover_minor } else { 0 }),
        currency: Set(received.currency),
        campaign_id: Set(gift.campaign_id),
        wish_item_id: Set(None),
        wish_quantity: Set(None),
        article_id: Set(gift.article_id),
        fund_id: Set(gift.fund_id),
        fund_code: Set(gift.fund_code.clone()),
        restriction: Set(gift.restriction),
        gl_income: Set(fund.gl_income),
        gl_fee: Set(fund.gl_fee),
        idempotency_key: Set(mark),
        checkout_session_id: NotSet,
        checkout_url: NotSet,
        payment_intent_id: NotSet,
        charge_id: NotSet,
        livemode: Set(invoice.livemode),
        expires_at: Set(invoice.created),
        created_at: Set(invoice.created.max(gift.created_at)),
        paid_at: NotSet,
        updated_at: Set(now),
        source: Set(DonationSource::Recurring),
        method: Set(String::new()),
        reference: Set(String::new()),
        invoice_id: Set(Some(invoice.id.clone())),
        recurring_donation_id: Set(Some(gift.id)),
    };
    row.insert(tx).await?;
    // The address that a receipt needs was given once, with the first payment.
    let first = store::first_donation(tx, gift.id).await?.map(|first| first.id).filter(|first| *first != id);
    if let Some(first) = first
        && let Some(address) = donation_address::Entity::find_by_id(first).one(tx).await?
    {
        let copy = donation_address::ActiveModel { donation_id: Set(id), address: Set(address.address), updated_at: Set(now) };
        donation_address::Entity::insert(copy).exec_without_returning(tx).await?;
    }
    donations::store::note(tx, id, now, "created", &received.to_string()).await?;
    Ok(donations::store::note(tx, id, now, "renewed", &gift.id.to_string()).await?)
}

/// What Stripe said, when it was asked, and for whom.
struct Heard<'a> {
    state: &'a SubscriptionState,
    invoices: &'a [InvoiceState],
    asked_at: DateTime<Utc>,
    by: &'a By,
}

/// The gift's state after its subscription's. Returns whether it changed; nothing, and nothing is written, when somebody who asked Stripe
/// later has written already: what is known must not go back to what was.
async fn follow(tx: &DatabaseTransaction, app: &App, id: RecurringId, heard: &Heard<'_>) -> Result<Option<bool>, Error> {
    let (state, invoices, now) = (heard.state, heard.invoices, app.now());
    let old = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    let was_over = old.status == RecurringStatus::Ended && old.subscription_id.is_some();
    if old.heard_at.is_some_and(|at| at > heard.asked_at) || was_over && status_of(state) != RecurringStatus::Ended {
        return Ok(None);
    }
    let mut row = old.clone().into_active_model();
    let status = status_after(&old, state, invoices);
    row.status.set_if_not_equals(status);
    row.subscription_id.set_if_not_equals(Some(state.id.clone()));
    row.customer_id.set_if_not_equals(Some(state.customer_id.clone()));
    row.item_id.set_if_not_equals(state.item_id.clone());
    row.product_id.set_if_not_equals(state.product_id.clone());
    row.started_at.set_if_not_equals(Some(state.started_at));
    row.ended_at.set_if_not_equals(if status_of(state) == RecurringStatus::Ended {
        state.ended_at.or(old.ended_at).or(Some(now))
    } else {
        None
    });
    row.end_reason.set_if_not_equals(end_reason_of(&old, state).to_owned());
    row.failing_since.set_if_not_equals(failing_since(state, invoices));
    row.paused_until.set_if_not_equals(state.paused_until.filter(|_| status_of(state) == RecurringStatus::Paused));
    row.next_at.set_if_not_equals(state.next_at.filter(|_| status_of(state) != RecurringStatus::Ended));
    row.card_exp_year.set_if_not_equals(state.card_expires.map(|(year, _)| year));
    row.card_exp_month.set_if_not_equals(state.card_expires.map(|(_, month)| month));
    if let Some(amount) = state.amount.filter(|amount| amount.minor != old.amount_minor) {
        row.amount_minor = Set(amount.minor);
        // What covered the fee of another amount covers nothing that we know.
        row.fee_cover_minor = Set(0);
    }
    if let Some(every) = state.every {
        row.every.set_if_not_equals(every);
    }
    let moved = row.is_changed();
    let new = if moved {
        row.updated_at = Set(now);
        row.heard_at = Set(Some(heard.asked_at));
        row.update(tx).await?
    } else {
        old.clone()
    };
    let told = story::tell(tx, app, &old, &new, invoices, heard.by).await?;
    Ok(Some(moved || told))
}

/// The gift's status. Stripe calls a subscription active while its first payment, a bank debit, is under way for days; to us a gift has
/// begun when something was paid.
fn status_after(old: &recurring_donation::Model, state: &SubscriptionState, invoices: &[InvoiceState]) -> RecurringStatus {
    let has_paid = invoices.iter().any(InvoiceState::has_brought_something);
    match status_of(state) {
        RecurringStatus::Active | RecurringStatus::Paused if old.status == RecurringStatus::Pending && !has_paid => {
            RecurringStatus::Pending
        }
        status => status,
    }
}

/// What a subscription's state is in our words. Stripe's `unpaid` is past due too: it goes on, and paying makes it well again.
fn status_of(state: &SubscriptionState) -> RecurringStatus {
    match state.status {
        SubscriptionStatus::Incomplete => RecurringStatus::Pending,
        SubscriptionStatus::IncompleteExpired | SubscriptionStatus::Canceled => RecurringStatus::Ended,
        SubscriptionStatus::Paused => RecurringStatus::Paused,
        _ if state.collection_paused => RecurringStatus::Paused,
        SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid => RecurringStatus::PastDue,
        SubscriptionStatus::Active => RecurringStatus::Active,
    }
}

fn end_reason_of<'a>(old: &'a recurring_donation::Model, state: &SubscriptionState) -> &'a str {
    match (state.status, state.end_reason.as_deref()) {
        (SubscriptionStatus::IncompleteExpired, _) => "not_completed",
        (SubscriptionStatus::Canceled, Some("payment_failed")) => "payment_failed",
        (SubscriptionStatus::Canceled, Some("payment_disputed")) => "payment_disputed",
        (SubscriptionStatus::Canceled, _) if !old.asked_end.is_empty() => &old.asked_end,
        (SubscriptionStatus::Canceled, _) => "at_stripe",
        _ => "",
    }
}

/// Since when an invoice waits whose payment failed.
fn failing_since(state: &SubscriptionState, invoices: &[InvoiceState]) -> Option<DateTime<Utc>> {
    if status_of(state) != RecurringStatus::PastDue {
        return None;
    }
    let first_of = |status| invoices.iter().filter(|invoice| invoice.status == status).map(|invoice| invoice.created).min();
    // What was given up long ago says nothing of now while something is open.
    first_of(InvoiceStatus::Open).or_else(|| first_of(InvoiceStatus::Uncollectible)).or(state.next_at)
}
