//! Giving money back: asked for by finance at the desk, done by Stripe.
//!
//! The refund is written down first, with the key under which Stripe is asked, and only then is Stripe asked: so a form that is sent twice,
//! an answer that is lost and a Stripe that is down all end in one refund or none, never in two and never in a half.

use super::{back, store};
use crate::{
    app::App,
    error::Error,
    ledger,
    payments::{NewRefund, StripeFailure},
    staff::{Actor, audit},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Money, MoneyError, dispute, donation,
    ids::DonationId,
    refund,
    words::{DisputeOutcome, DonationStatus, RefundState},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::json;
use std::fmt;

/// How long Stripe can be asked again under the same key. It keeps a key for 24 hours at least (docs.stripe.com/api/idempotent_requests).
const KEY_LASTS: TimeDelta = TimeDelta::hours(23);

/// The longest reason that is kept.
pub const REASON_CHARS_MAX: usize = 500;

/// What finance asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// From the form: the same rendering of it asks for the same refund.
    pub form: uuid::Uuid,
    /// How much, in the currency of the gift.
    pub amount: Money,
    /// Why, in her own words; stays here.
    pub reason: String,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stripe has it, and it is in the books as far as Stripe has booked it.
    Made,
    /// Stripe did not answer. It is asked again under the same key, by the schedule or when the form is sent again.
    Waiting,
}

/// Why nothing was given back.
#[derive(Debug)]
pub enum Problem {
    /// More than can be given back.
    TooMuch {
        /// What can be.
        left: Money,
    },
    /// The gift is not paid, or not by Stripe.
    NotRefundable,
    /// The same form asked for something else before.
    AnotherWish,
    /// Stripe refused, with this code.
    Refused(String),
    /// The database, or a donation that is not there.
    Other(Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMuch { left } if left.minor < 1 => f.write_str("nothing of this gift is left to give back"),
            Self::TooMuch { left } => write!(f, "at most {left} of this gift can be given back"),
            Self::NotRefundable => f.write_str("only a gift that was paid through Stripe can be given back here"),
            Self::AnotherWish => f.write_str("this form asked for another refund before; open it anew"),
            Self::Refused(code) => write!(f, "Stripe refused the refund ({code}); nothing was given back"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// How much of a donation can be given back: what it is worth, less what is asked for and not booked yet, less what a bank holds back.
pub async fn left_of(db: &impl ConnectionTrait, donation: &donation::Model) -> Result<Money, Error> {
    let worth = ledger::worth_of(db, donation.id, donation.currency).await?;
    let mut asked = 0i64;
    for refund in back::store::refunds_of(db, donation.id).await? {
        if matches!(refund.state, RefundState::Asked | RefundState::Pending | RefundState::Succeeded) {
            asked = asked.checked_add(refund.amount_minor).ok_or(MoneyError::Overflow)?;
        }
    }
    let booked = back::store::refunds_booked(db, donation.id).await?;
    let mut left = worth.minor - asked.saturating_sub(booked).max(0);
    for dispute in back::store::disputes_of(db, donation.id).await?.iter().filter(|dispute| dispute.outcome == DisputeOutcome::Open) {
        left -= held_by(dispute, donation);
    }
    Ok(Money::new(left.max(0), donation.currency))
}

/// The key under which Stripe is asked for what one rendering of the form wishes.
pub fn key_of(id: DonationId, form: uuid::Uuid) -> String {
    format!("refund:{id}:{form}")
}

/// What a dispute that is not decided holds back of a gift; in another currency, all of it.
fn held_by(dispute: &dispute::Model, donation: &donation::Model) -> i64 {
    if dispute.currency == donation.currency { dispute.amount_minor.min(donation.amount_minor) } else { donation.amount_minor }
}

/// Gives money back. The same form sent again asks for the same refund, whatever became of it.
pub async fn refund(app: &App, actor: &Actor, id: DonationId, wish: &Wish) -> Result<Outcome, Problem> {
    let now = app.now();
    let written = app.db.write(async |tx| match write_down(tx, app, actor, id, wish, now).await {
        Err(Problem::Other(error)) => Err(error),
        other => Ok(other),
    });
    let (row, intent) = written.await??;
    match row.state {
        RefundState::Asked if now - row.created_at >= KEY_LASTS => return outcome_of_old(app, id, &row).await,
        RefundState::Asked => {}
        RefundState::Failed if row.stripe_refund_id.is_none() => return Err(Problem::Refused(row.failure)),
        _ => return Ok(Outcome::Made),
    }
    ask_stripe(app, &row, &intent).await
}

/// Stripe may have forgotten the key of a refund asked for long ago and would make a second one: its list tells what there is.
async fn outcome_of_old(app: &App, id: DonationId, row: &refund::Model) -> Result<Outcome, Problem> {
    finish_asked(app, id).await?;
    let now = back::store::refund(app.db.read(), row.id).await?.ok_or(Error::NotFound)?;
    match now.state {
        RefundState::Asked => Ok(Outcome::Waiting),
        RefundState::Failed if now.stripe_refund_id.is_none() => Err(Problem::Refused(now.failure)),
        _ => Ok(Outcome::Made),
    }
}

/// Checks and writes in one transaction, under the lock of the donation, so that two wishes cannot both take the last cent.
async fn write_down(
    tx: &DatabaseTransaction,
    app: &App,
    actor: &Actor,
    id: DonationId,
    wish: &Wish,
    now: DateTime<Utc>,
) -> Result<(refund::Model, String), Problem> {
    let donation = store::lock(tx, id).await.map_err(Error::from)?.ok_or(Error::NotFound)?;
    let Some(intent) = donation.payment_intent_id.clone().filter(|_| donation.status == DonationStatus::Paid) else {
        return Err(Problem::NotRefundable);
    };
    let key = key_of(id, wish.form);
    if let Some(known) = back::store::refund_by_key(tx, &key).await? {
        let same = known.amount_minor == wish.amount.minor && known.currency == wish.amount.currency;
        return if same { Ok((known, intent)) } else { Err(Problem::AnotherWish) };
    }
    let left = left_of(tx, &donation).await?;
    if wish.amount.currency != donation.currency || wish.amount.minor < 1 || wish.amount.minor > left.minor {
        return Err(Problem::TooMuch { left });
    }
    let row = refund::Model {
        id: app.new_id(),
        donation_id: id,
        stripe_refund_id: None,
        idempotency_key: key,
        amount_minor: wish.amount.minor,
        currency: wish.amount.currency,
        state: RefundState::Asked,
        reason: wish.reason.clone(),
        failure: String::new(),
        asked_by: actor.staff_id,
        created_at: now,
        updated_at: now,
    };
    back::store::insert_refund(tx, row.clone()).await?;
    store::note(tx, id, now, "refund_asked", &wish.amount.to_string()).await.map_err(Error::from)?;
    let detail = json!({ "refund": row.id, "amount": wish.amount.to_string() });
    audit::record(tx, now, actor, "donation.refund", "donation", &id.to_string(), detail).await?;
    Ok((row, intent))
}

/// Asks Stripe for a refund that is written down.
async fn ask_stripe(app: &App, row: &refund::Model, intent: &str) -> Result<Outcome, Problem> {
    let new = NewRefund {
        idempotency_key: row.idempotency_key.clone(),
        refund_id: row.id.to_string(),
        payment_intent_id: intent.to_owned(),
        amount: Money::new(row.amount_minor, row.currency),
    };
    match app.stripe.create_refund(&new).await {
        Ok(said) => {
            back::apply_answer(app, row.donation_id, said).await?;
            Ok(Outcome::Made)
        }
        Err(failure) if failure.outcome_unknown() => {
            tracing::warn!(refund_id = %row.id, ?failure, "Stripe did not answer to a refund");
            Ok(Outcome::Waiting)
        }
        Err(failure) => {
            let code = match &failure {
                StripeFailure::Refused { code, .. } => code.clone(),
                other => other.to_string(),
            };
            end(app, row, &code).await?;
            Err(Problem::Refused(code))
        }
    }
}

/// A refund that Stripe refused or never had: nothing was given back.
async fn end(app: &App, row: &refund::Model, why: &str) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            store::lock(tx, row.donation_id).await?.ok_or(Error::NotFound)?;
            let Some(current) = back::store::refund(tx, row.id).await?.filter(|row| row.state == RefundState::Asked) else { return Ok(()) };
            let ended = refund::Model { state: RefundState::Failed, failure: why.to_owned(), updated_at: now, ..current };
            back::store::update_refund(tx, ended).await?;
            Ok(store::note(tx, row.donation_id, now, "refund_refused", why).await?)
        })
        .await
}

/// Finishes the refunds of a donation to which Stripe did not answer: asks again while the key is good, and else takes Stripe's word for
/// what there is.
pub(super) async fn finish_asked(app: &App, id: DonationId) -> Result<(), Error> {
    let asked = back::store::refunds_of(app.db.read(), id).await?.into_iter().filter(|row| row.state == RefundState::Asked);
    for row in asked {
        let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
        let Some(intent) = donation.payment_intent_id else { continue };
        if app.now() - row.created_at < KEY_LASTS {
            match ask_stripe(app, &row, &intent).await {
                Ok(Outcome::Made) | Err(Problem::Refused(_)) => continue,
                Ok(Outcome::Waiting) => return Err(Error::Unavailable("Stripe did not answer to a refund".to_owned())),
                Err(Problem::Other(error)) => return Err(error),
                Err(other) => return Err(Error::Internal(other.to_string())),
            }
        }
        let all = app.stripe.refunds_of(&intent).await;
        let all = all.map_err(|failure| Error::Unavailable(format!("Stripe did not list refunds: {failure:?}")))?;
        match all.iter().find(|said| said.our_id.as_deref() == Some(&row.id.to_string())) {
            Some(said) => back::apply_answer(app, id, said.clone()).await?,
            None => end(app, &row, "Stripe never had it").await?,
        }
    }
    Ok(())
}
