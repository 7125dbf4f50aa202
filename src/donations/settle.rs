//! The one door: what Stripe says of a checkout becomes what a donation is worth.
//!
//! [`apply`] takes the session's present state, never an event's payload, and does everything in one transaction: the donation's
//! state, the ledger, the wish item, the receipt, the letter, the story. Done twice it changes nothing the second time, and a paid
//! donation is never unpaid by what is said later.

use super::{DEBIT_HOLD, store};
use crate::{
    app::App,
    consents,
    error::Error,
    i18n::Language,
    ledger::{self, Posting, Purpose},
    mail::topic::Topic,
    matching,
    payments::{CheckoutState, CheckoutStatus, IntentStatus},
    supporters, wishes,
};
use chrono::{DateTime, Utc};
use entity::{Money, donation, ids::DonationId, supporter, words::DonationStatus};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, IntoActiveModel};

/// What came of applying a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Nothing was new.
    Unchanged,
    /// The donation changed, or its fee was learned.
    Changed,
    /// What came back was not applied, because the answer is older than one that was applied meanwhile: whoever has it asks again.
    Overtaken,
    /// It does not fit what we asked for: nothing was changed, staff are shown why.
    Refused(&'static str),
}

/// What a donation was asked for.
pub fn purpose_of(donation: &donation::Model) -> Purpose {
    Purpose {
        fund_id: Some(donation.fund_id),
        campaign_id: donation.campaign_id,
        wish_item_id: donation.wish_item_id,
        article_id: donation.article_id,
    }
}

/// Applies the present state of a donation's checkout. All of it, or none.
pub async fn apply(app: &App, id: DonationId, state: &CheckoutState) -> Result<Applied, Error> {
    let applied = app.db.write(async |tx| apply_in(tx, app, id, state).await).await?;
    if applied == Applied::Changed {
        app.bell.notify_waiters();
    }
    Ok(applied)
}

/// The same within the caller's transaction, for a donation that is written in it.
pub async fn apply_in(tx: &DatabaseTransaction, app: &App, id: DonationId, state: &CheckoutState) -> Result<Applied, Error> {
    let now = app.now();
    let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if let Some(why) = find_mismatch(&donation, state) {
        note_once(tx, id, now, "refused", why).await?;
        tracing::error!(donation_id = %id, why, "Stripe's session does not fit the donation");
        return Ok(Applied::Refused(why));
    }
    let donation = agree_on_amount(tx, donation, state, now).await?;
    let linked = link(tx, &donation, state, now).await?;
    let moved = match (donation.status, next_status(&donation, state)) {
        (old, new) if old == new => false,
        // Money is final here: what takes it back (refunds, disputes) comes by doors of their own.
        (DonationStatus::Paid, _) => false,
        (_, DonationStatus::Paid) => {
            settle(tx, app, &linked, state, now).await?;
            true
        }
        (_, new) => {
            change_status(tx, &linked, new, state, now).await?;
            true
        }
    };
    let fee = learn_fee(tx, &linked, state, now).await?;
    Ok(if moved || fee { Applied::Changed } else { Applied::Unchanged })
}

/// Why a session is not the one that this donation asked for, if it is not.
fn find_mismatch(donation: &donation::Model, state: &CheckoutState) -> Option<&'static str> {
    if state.donation_id.as_deref() != Some(&donation.id.to_string()) {
        return Some("the session names another donation");
    }
    // A payment of a recurring donation may be told by its invoice, which has no session.
    if !state.session_id.is_empty() && donation.checkout_session_id.as_ref().is_some_and(|known| *known != state.session_id) {
        return Some("the donation has another session");
    }
    if donation.invoice_id.is_some() && state.invoice_id.is_some() && donation.invoice_id != state.invoice_id {
        return Some("the donation has another invoice");
    }
    if donation.payment_intent_id.is_some() && state.payment_intent_id.is_some() && donation.payment_intent_id != state.payment_intent_id {
        return Some("the donation has another payment");
    }
    if state.livemode != donation.livemode {
        return Some("live and test mode do not agree");
    }
    if state.amount != Some(Money::new(donation.amount_minor, donation.currency)) && other_amount(donation, state).is_none() {
        return Some("the session's amount is not the donation's");
    }
    None
}

/// What came in for an unpaid donation of a recurring one, when that is not what was asked for: the rest of its invoice was paid another way.
fn other_amount(donation: &donation::Model, state: &CheckoutState) -> Option<Money> {
    let may_differ = donation.recurring_donation_id.is_some() && donation.wish_item_id.is_none() && donation.status != DonationStatus::Paid;
    let has_come = state.is_paid() && state.intent_status == Some(IntentStatus::Succeeded);
    let came = state.amount.filter(|came| may_differ && has_come && came.minor > 0)?;
    (came.currency == donation.currency && came.minor != donation.amount_minor).then_some(came)
}

/// The donation is what comes in.
async fn agree_on_amount(
    tx: &DatabaseTransaction,
    donation: donation::Model,
    state: &CheckoutState,
    now: DateTime<Utc>,
) -> Result<donation::Model, Error> {
    let Some(came) = other_amount(&donation, state) else { return Ok(donation) };
    let asked = Money::new(donation.amount_minor, donation.currency);
    let mut row = donation.into_active_model();
    row.amount_minor = Set(came.minor);
    row.fee_cover_minor = Set(0);
    row.updated_at = Set(now);
    let donation = row.update(tx).await?;
    store::note(tx, donation.id, now, "paid_in_parts", &format!("{asked} → {came}")).await?;
    Ok(donation)
}

fn next_status(donation: &donation::Model, state: &CheckoutState) -> DonationStatus {
    match (state.is_paid(), state.status, state.intent_status) {
        (true, _, _) => DonationStatus::Paid,
        (_, CheckoutStatus::Complete, Some(IntentStatus::Processing)) => DonationStatus::Processing,
        // A completed checkout whose payment is neither under way nor paid: the bank refused it.
        (_, CheckoutStatus::Complete, Some(IntentStatus::Open | IntentStatus::Canceled)) => DonationStatus::Failed,
        (_, CheckoutStatus::Expired, _) => DonationStatus::Expired,
        _ => donation.status,
    }
}

/// Keeps Stripe's ids; an id that is known never changes, except the charge, of which a retried payment has several.
async fn link(
    tx: &DatabaseTransaction,
    donation: &donation::Model,
    state: &CheckoutState,
    now: DateTime<Utc>,
) -> Result<donation::Model, Error> {
    let mut row = donation.clone().into_active_model();
    if donation.checkout_session_id.is_none() && !state.session_id.is_empty() {
        row.checkout_session_id = Set(Some(state.session_id.clone()));
        row.checkout_url = Set(state.url.clone());
    }
    if donation.invoice_id.is_none() && state.invoice_id.is_some() {
        row.invoice_id = Set(state.invoice_id.clone());
    }
    if donation.payment_intent_id.is_none() && state.payment_intent_id.is_some() {
        row.payment_intent_id = Set(state.payment_intent_id.clone());
    }
    if donation.status != DonationStatus::Paid && state.charge_id.is_some() && donation.charge_id != state.charge_id {
        row.charge_id = Set(state.charge_id.clone());
    }
    if !row.is_changed() {
        return Ok(donation.clone());
    }
    row.updated_at = Set(now);
    Ok(row.update(tx).await?)
}

/// The donation is paid: ledger, wish item, receipt, letter, story.
async fn settle(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    state: &CheckoutState,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    // Stripe's own booking is the day of the gift even when we hear of it days later.
    let paid_at = state.fee.as_ref().map(|fee| fee.created).or(state.paid_at).unwrap_or(now);
    let mut row = donation.clone().into_active_model();
    row.status = Set(DonationStatus::Paid);
    row.paid_at = Set(Some(paid_at));
    row.checkout_url = Set(None);
    row.updated_at = Set(now);
    let donation = row.update(tx).await?;
    let amount = Money::new(donation.amount_minor, donation.currency);
    // The item before the ledger, because what the money is booked for depends on whether the item was still to be had.
    let item = wishes::pay(tx, donation.id, now).await?;
    let purpose = booked_purpose(tx, &donation).await?;
    let source = format!("{}:capture", donation.payment_intent_id.as_deref().unwrap_or(&state.session_id));
    if !ledger::post(tx, &Posting::gift(source, donation.id, paid_at, amount, purpose)?, now).await? {
        return Err(Error::Internal(format!("donation {} is in the ledger but was not paid", donation.id)));
    }
    matching::confirm(tx, &donation, now).await?;
    // More may have been promised for it than for what came in.
    matching::agree(tx, &donation, now).await?;
    if let wishes::Outcome::PaidLate { counted } = item {
        store::note(
            tx,
            donation.id,
            now,
            "item_paid_late",
            if counted { "the item was still free" } else { "the item was gone: the gift stays with its fund" },
        )
        .await?;
    }
    store::note(tx, donation.id, now, "paid", &amount.to_string()).await?;
    let supporter = supporters::welcome(tx, donation.supporter_id, &told_by(&donation), now).await?;
    if donation.wants_updates {
        ask_about_news(tx, app, &donation, &supporter).await?;
    }
    // Who told of it by its invoice looks after the recurring donation already.
    if let Some(id) = donation.recurring_donation_id.filter(|_| !state.session_id.is_empty()) {
        super::look_after_recurring(tx, app, id, now).await?;
    }
    let item = purpose.wish_item_id;
    super::receipt::give(tx, app, &donation, item, paid_at, now).await
}

/// What the form of a gift told of its supporter.
pub(super) fn told_by(donation: &donation::Model) -> supporters::Introduction<'_> {
    supporters::Introduction {
        name: &donation.donor_name,
        language: &donation.language,
        wants_updates: donation.wants_updates,
        discreet: donation.discreet,
    }
}

/// Asks by letter whether the wish for news, ticked beside the gift, is hers: news of the item or campaign that she gave to.
async fn ask_about_news(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    supporter: &supporter::Model,
) -> Result<(), Error> {
    let language = Language::nearest(&donation.language).unwrap_or_default();
    let topic = match (donation.wish_item_id, donation.campaign_id) {
        (Some(item), _) => Topic::Item(item),
        (None, Some(campaign)) => Topic::Campaign(campaign),
        (None, None) => Topic::Updates,
    };
    let wording = language.text("asks-updates");
    consents::ask(tx, app, &consents::Request { supporter, topic, language, wording: &wording }).await
}

/// What the money is booked for: an item that was gone when the money came is not bought with it; the gift stays with its fund.
pub(super) async fn booked_purpose(tx: &DatabaseTransaction, donation: &donation::Model) -> Result<Purpose, Error> {
    let mut purpose = purpose_of(donation);
    if purpose.wish_item_id.is_some() && !wishes::is_paid(tx, donation.id).await? {
        purpose.wish_item_id = None;
    }
    Ok(purpose)
}

async fn change_status(
    tx: &DatabaseTransaction,
    donation: &donation::Model,
    new: DonationStatus,
    state: &CheckoutState,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut row = donation.clone().into_active_model();
    row.status = Set(new);
    row.checkout_url = Set(None);
    row.updated_at = Set(now);
    row.update(tx).await?;
    match new {
        DonationStatus::Processing => {
            wishes::keep(tx, donation.id, now + DEBIT_HOLD, now).await?;
            matching::keep(tx, donation, now + DEBIT_HOLD, now).await?;
        }
        _ => {
            wishes::release(tx, donation.id, now).await?;
            matching::release(tx, donation, now).await?;
        }
    }
    Ok(store::note(tx, donation.id, now, new.as_str(), state.last_payment_error.as_deref().unwrap_or_default()).await?)
}

/// Posts what Stripe kept, once its balance transaction is there. Only for what is paid.
async fn learn_fee(tx: &DatabaseTransaction, donation: &donation::Model, state: &CheckoutState, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(fee) = state.fee.as_ref().filter(|_| state.is_paid()) else { return Ok(false) };
    let gift = Money::new(donation.amount_minor, donation.currency);
    // As the income was booked: the item may have been given back since.
    let purpose = match ledger::purpose_of_gift(tx, donation.id).await? {
        Some(purpose) => purpose,
        None => booked_purpose(tx, donation).await?,
    };
    let posting = Posting::fee(donation.id, gift, fee.gross, fee.fee, &fee.balance_transaction_id, fee.created, purpose)?;
    let new = ledger::post(tx, &posting, now).await?;
    if new {
        store::note(tx, donation.id, now, "fee_learned", &format!("{} {}", fee.fee, fee.balance_transaction_id)).await?;
    }
    Ok(new)
}

/// Notes something unless it is the last thing noted already, so that repeats do not fill the story.
pub(super) async fn note_once(tx: &DatabaseTransaction, id: DonationId, now: DateTime<Utc>, kind: &str, detail: &str) -> Result<(), Error> {
    let known = store::steps(tx, id).await?.iter().any(|step| step.kind == kind && step.detail == detail);
    if known { Ok(()) } else { Ok(store::note(tx, id, now, kind, detail).await?) }
}
