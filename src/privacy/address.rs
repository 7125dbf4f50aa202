//! Another e-mail address. The address is the key to everything of hers, so both mailboxes have their say.
//!
//! When she asks, on her own pages, which the old mailbox has opened, the new one agrees by a link; the old one is told at once, can stop it,
//! and can undo it for two weeks. When staff ask (a typing mistake, a letter of hers), the old mailbox must agree too, in so many words: silence
//! is no consent. Only where the mail server itself says of this letter that nobody has the old address is the new one's word enough. So nobody at the
//! desk can take over somebody's gift by writing down an address of her own.
//!
//! While a change can be undone no other one can be asked for: two quick ones would leave nothing to undo.
//! When it is done, every session and link that the old address opened ends. Receipts stay as they were issued.

use super::address_letters::{self, Told};
use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    jobs::{self, NewJob, Outcome},
    mail::suppression::{self, NewSuppression},
    staff::{Actor, audit},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    address_change, bounce,
    ids::{AddressChangeId, LetterId, SupporterId},
    portal_link, portal_session, recurring_donation, subscription, supporter, suppression as suppressions,
    words::{AddressChangeEnd, BounceSeverity, ErasureBy, SuppressionReason},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use serde_json::json;

/// How long both mailboxes can agree. Printed in the letters.
pub const LINK_HOLDS: TimeDelta = TimeDelta::days(3);

/// How long the old mailbox can undo a change. Printed in its letter.
pub const UNDO_HOLDS: TimeDelta = TimeDelta::days(14);

/// How often a change can be asked for in a day.
const ASKED_PER_DAY: u64 = 3;

/// The kind of the job that tells Stripe of a new address.
pub const JOB: &str = "change_address_at_stripe";

/// Which mailbox a link was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The address until now.
    Old,
    /// The address from then on.
    New,
}

/// What can be done behind a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Say yes or no.
    Decide,
    /// Only stop it.
    Stop,
    /// Undo it.
    Undo,
    /// She said yes, and the other mailbox has not.
    Waits,
    /// It is done.
    Done,
}

/// A wish behind a link.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The row.
    pub change: address_change::Model,
    /// Whose link it is.
    pub side: Side,
}

impl Wish {
    /// What can be done about it now; nothing when the link has run out.
    pub fn choice(&self, now: DateTime<Utc>) -> Option<Choice> {
        let change = &self.change;
        if change.ended_at.is_some() {
            return None;
        }
        match (self.side, change.done_at, change.undo_until) {
            (Side::Old, Some(_), Some(until)) if now < until => Some(Choice::Undo),
            (Side::New, Some(_), _) => Some(Choice::Done),
            (_, Some(_), _) => None,
            _ if now >= change.expires_at => None,
            (Side::New, ..) if change.new_agreed_at.is_some() => Some(Choice::Waits),
            (Side::New, ..) => Some(Choice::Decide),
            (Side::Old, ..) if change.asked_by == ErasureBy::Supporter => Some(Choice::Stop),
            (Side::Old, ..) if change.old_agreed_at.is_some() => Some(Choice::Stop),
            (Side::Old, ..) => Some(Choice::Decide),
        }
    }
}

/// Asks both mailboxes for another address. A wish before that is still open ends.
///
/// # Errors
/// [`Error::Conflict`] while the change before can still be undone.
pub async fn ask(app: &App, by: ErasureBy, actor: &Actor, id: SupporterId, address: &str) -> Result<(), Error> {
    let (now, new_address) = (app.now(), address.trim().to_lowercase());
    if new_address.len() > 254 || new_address.parse::<lettre::Address>().is_err() {
        return Err(Error::Invalid("the address is not like name@example.org".to_owned()));
    }
    let (old_token, new_token) = (app.random.token(), app.random.token());
    app.db
        .write(async |tx| {
            let who = supporter::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Error::NotFound)?;
            if who.email.is_empty() || who.email == new_address {
                return Err(Error::Invalid("this is the address that is known already".to_owned()));
            }
            let today = hers(id).filter(address_change::Column::AskedAt.gt(now - TimeDelta::days(1))).count(tx).await?;
            if today >= ASKED_PER_DAY {
                return Err(Error::TooMany("Another address was asked for several times today. Please wait until tomorrow.".to_owned()));
            }
            let before = hers(id).filter(address_change::Column::UndoUntil.gt(now)).filter(address_change::Column::EndedAt.is_null());
            if before.one(tx).await?.is_some() {
                return Err(Error::Conflict(
                    "The address was changed lately, and the old one can still undo that. Please wait until two weeks have passed."
                        .to_owned(),
                ));
            }
            end_open(tx, id, now).await?;
            let change_id: AddressChangeId = app.new_id();
            let to_new = Told { who: &who, change_id, side: Side::New, by, to: &new_address, new: &new_address, token: &new_token };
            let to_old = Told { side: Side::Old, to: &who.email, token: &old_token, ..to_new };
            app.outbox.enqueue(tx, address_letters::asked(app, &to_new)?, app.new_id(), now).await?;
            let old_letter_id: LetterId = app.outbox.enqueue(tx, address_letters::asked(app, &to_old)?, app.new_id(), now).await?;
            let row = address_change::Model {
                id: change_id,
                supporter_id: id,
                asked_by: by,
                old_address: who.email.clone(),
                new_address: new_address.clone(),
                old_token_hash: sha256_hex(&old_token),
                new_token_hash: sha256_hex(&new_token),
                old_letter_id,
                asked_at: now,
                expires_at: now + LINK_HOLDS,
                old_agreed_at: None,
                new_agreed_at: None,
                done_at: None,
                undo_until: None,
                ended_at: None,
                ended_why: AddressChangeEnd::None,
            };
            address_change::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            audit::record(tx, now, actor, "supporter.ask_address", "supporter", &id.to_string(), json!({ "by": by })).await
        })
        .await?;
    app.bell.notify_waiters();
    Ok(())
}

fn hers(id: SupporterId) -> sea_orm::Select<address_change::Entity> {
    address_change::Entity::find().filter(address_change::Column::SupporterId.eq(id))
}

/// The wish behind a link; nothing when no letter has such a one.
pub async fn behind(db: &impl ConnectionTrait, token: &str) -> Result<Option<Wish>, Error> {
    let hash = sha256_hex(token);
    let of = Condition::any()
        .add(address_change::Column::OldTokenHash.eq(hash.as_str()))
        .add(address_change::Column::NewTokenHash.eq(hash.as_str()));
    let Some(change) = address_change::Entity::find().filter(of).one(db).await? else { return Ok(None) };
    let side = if change.new_token_hash == hash { Side::New } else { Side::Old };
    Ok(Some(Wish { change, side }))
}

/// What the mailbox that a link was sent to says: yes or no. Said twice it is said once.
///
/// # Errors
/// [`Error::NotFound`] when the link has run out; [`Error::Conflict`] when gifts are known under the new address already.
pub async fn decide(app: &App, token: &str, agrees: bool) -> Result<(), Error> {
    let (now, undo_token) = (app.now(), app.random.token());
    let done = app
        .db
        .write(async |tx| {
            let wish = behind(tx, token).await?.ok_or(Error::NotFound)?;
            supporter::Entity::find_by_id(wish.change.supporter_id).lock_exclusive().one(tx).await?;
            // Read again under the lock.
            let wish = behind(tx, token).await?.ok_or(Error::NotFound)?;
            let choice = wish.choice(now).ok_or(Error::NotFound)?;
            let side = wish.side;
            match (choice, agrees) {
                (Choice::Undo, false) => undo(tx, app, wish.change, now).await,
                (Choice::Decide | Choice::Stop | Choice::Waits, false) => {
                    end(tx, wish.change, AddressChangeEnd::Refused, now).await.map(|()| Ok(()))
                }
                (Choice::Decide, true) => {
                    let mut row = wish.change.into_active_model();
                    match side {
                        Side::New => row.new_agreed_at = Set(Some(now)),
                        Side::Old => row.old_agreed_at = Set(Some(now)),
                    }
                    let change = row.update(tx).await?;
                    finish(tx, app, change, &undo_token, now).await
                }
                (Choice::Waits | Choice::Done, true) => Ok(Ok(())),
                (Choice::Undo | Choice::Stop, true) | (Choice::Done, false) => Err(Error::NotFound),
            }
        })
        .await?;
    app.bell.notify_waiters();
    done
}

/// Changes the address when everybody who must has agreed. The inner error is one that is written down first.
async fn finish(
    tx: &DatabaseTransaction,
    app: &App,
    change: address_change::Model,
    undo_token: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), Error>, Error> {
    let old_agrees = change.asked_by == ErasureBy::Supporter || change.old_agreed_at.is_some() || takes_no_letters(tx, &change).await?;
    if change.new_agreed_at.is_none() || !old_agrees {
        return Ok(Ok(()));
    }
    let taken = supporter::Entity::find().filter(supporter::Column::Email.eq(change.new_address.as_str())).one(tx).await?;
    if taken.is_some() {
        end(tx, change, AddressChangeEnd::Taken, now).await?;
        return Ok(Err(Error::Conflict("gifts are known under this address already".to_owned())));
    }
    let (id, by) = (change.supporter_id, change.asked_by);
    let who = supporter::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound)?;
    if who.email != change.old_address {
        // Who agreed to it was the mailbox of another address.
        end(tx, change, AddressChangeEnd::Replaced, now).await?;
        return Ok(Err(Error::Conflict("the address was changed meanwhile".to_owned())));
    }
    let told =
        Told { who: &who, change_id: change.id, side: Side::Old, by, to: &change.old_address, new: &change.new_address, token: undo_token };
    app.outbox.enqueue(tx, address_letters::done(app, &told)?, app.new_id(), now).await?;
    move_to(tx, app, id, &change.old_address, &change.new_address, now).await?;
    let mut row = change.into_active_model();
    row.done_at = Set(Some(now));
    row.undo_until = Set(Some(now + UNDO_HOLDS));
    row.old_token_hash = Set(sha256_hex(undo_token));
    row.update(tx).await?;
    let actor = Actor { staff_id: None, name: "supporter".to_owned() };
    audit::record(tx, now, &actor, "supporter.change_address", "supporter", &id.to_string(), json!({ "asked_by": by })).await?;
    Ok(Ok(()))
}

/// Whether the mail server has said for good that the old address takes no letters: of the letter about this change, and of no other.
/// That letter goes whatever came back before, and one that staff hold back says nothing of who reads there.
async fn takes_no_letters(tx: &DatabaseTransaction, change: &address_change::Model) -> Result<bool, Error> {
    let gone = bounce::Entity::find()
        .filter(bounce::Column::LetterId.eq(change.old_letter_id))
        .filter(bounce::Column::Severity.eq(BounceSeverity::Gone));
    Ok(gone.one(tx).await?.is_some())
}

async fn undo(tx: &DatabaseTransaction, app: &App, change: address_change::Model, now: DateTime<Utc>) -> Result<Result<(), Error>, Error> {
    let taken = supporter::Entity::find().filter(supporter::Column::Email.eq(change.old_address.as_str())).one(tx).await?;
    let who = supporter::Entity::find_by_id(change.supporter_id).one(tx).await?.ok_or(Error::NotFound)?;
    if taken.is_some() || who.email != change.new_address {
        return Err(Error::Conflict("gifts are known under this address again".to_owned()));
    }
    move_to(tx, app, who.id, &change.new_address, &change.old_address, now).await?;
    end(tx, change, AddressChangeEnd::Undone, now).await?;
    // Whoever had the address meanwhile may have asked for the next one.
    end_open(tx, who.id, now).await?;
    let actor = Actor { staff_id: None, name: "supporter".to_owned() };
    audit::record(tx, now, &actor, "supporter.undo_address", "supporter", &who.id.to_string(), json!({})).await?;
    Ok(Ok(()))
}

/// Ends her wishes that are neither done nor ended.
async fn end_open(tx: &DatabaseTransaction, id: SupporterId, now: DateTime<Utc>) -> Result<(), Error> {
    let open = hers(id).filter(address_change::Column::DoneAt.is_null()).filter(address_change::Column::EndedAt.is_null());
    for one in open.all(tx).await? {
        end(tx, one, AddressChangeEnd::Replaced, now).await?;
    }
    Ok(())
}

async fn end(tx: &DatabaseTransaction, change: address_change::Model, why: AddressChangeEnd, now: DateTime<Utc>) -> Result<(), Error> {
    let mut row = change.into_active_model();
    row.ended_at = Set(Some(now));
    row.ended_why = Set(why);
    row.update(tx).await?;
    Ok(())
}

/// Gives her the address. What the other one opened is shut; what it did not want, this one does not get either.
async fn move_to(tx: &DatabaseTransaction, app: &App, id: SupporterId, from: &str, to: &str, now: DateTime<Utc>) -> Result<(), Error> {
    supporter::Entity::update_many()
        .col_expr(supporter::Column::Email, Expr::value(to))
        .col_expr(supporter::Column::UpdatedAt, Expr::value(now))
        .filter(supporter::Column::Id.eq(id))
        .exec(tx)
        .await?;
    portal_session::Entity::delete_many().filter(portal_session::Column::SupporterId.eq(id)).exec(tx).await?;
    portal_link::Entity::delete_many().filter(portal_link::Column::SupporterId.eq(id)).exec(tx).await?;
    let (old, new) = (app.outbox.address_key().hash(from), app.outbox.address_key().hash(to));
    subscription::Entity::update_many()
        .col_expr(subscription::Column::AddressHash, Expr::value(new.as_str()))
        .filter(subscription::Column::SupporterId.eq(id))
        .exec(tx)
        .await?;
    let unwanted = suppressions::Entity::find()
        .filter(suppressions::Column::AddressHash.eq(old))
        .filter(suppressions::Column::LiftedAt.is_null())
        // That no letters arrive there says nothing of the new one.
        .filter(suppressions::Column::Reason.ne(SuppressionReason::HardBounce));
    for one in unwanted.all(tx).await? {
        let topic = one.topic.parse().map_err(|_| Error::Internal("an unknown topic is stored".to_owned()))?;
        let copy = NewSuppression {
            address_hash: new.clone(),
            topic,
            reason: one.reason,
            note: one.note,
            letter_id: one.letter_id,
            made_by: one.made_by,
        };
        suppression::suppress(tx, &copy, app.new_id(), now).await?;
    }
    // Each change has a job of its own: one that is under way may have read the address before.
    let job = NewJob { kind: JOB, payload: json!({ "supporter": id }), dedupe_key: None, run_at: now };
    jobs::enqueue(tx, app.new_id(), job, now).await
}

/// Finishes what staff asked for and the new mailbox agreed to, where the old one has turned out to take no letters.
pub async fn finish_waiting(app: &App) -> Result<(), Error> {
    let (now, undo_token) = (app.now(), app.random.token());
    let waiting = address_change::Entity::find()
        .filter(address_change::Column::NewAgreedAt.is_not_null())
        .filter(address_change::Column::DoneAt.is_null())
        .filter(address_change::Column::EndedAt.is_null())
        .filter(address_change::Column::ExpiresAt.gt(now))
        .limit(20)
        .all(app.db.read())
        .await?;
    for change in waiting {
        let finished = app
            .db
            .write(async |tx| {
                supporter::Entity::find_by_id(change.supporter_id).lock_exclusive().one(tx).await?;
                let Some(change) = address_change::Entity::find_by_id(change.id).one(tx).await? else { return Ok(Ok(())) };
                if change.done_at.is_some() || change.ended_at.is_some() {
                    return Ok(Ok(()));
                }
                finish(tx, app, change, &undo_token, now).await
            })
            .await?;
        if let Err(error) = finished {
            tracing::info!(%error, "another address could not be given");
        }
    }
    Ok(())
}

/// The job: tells Stripe of her present address, for each gift that it charges.
pub async fn tell_stripe(app: &App, payload: &serde_json::Value) -> Outcome {
    let Some(id) = payload["supporter"].as_str().and_then(|id| id.parse::<SupporterId>().ok()) else {
        return Outcome::GiveUp("no supporter is named".to_owned());
    };
    match tell_customers(app, id).await {
        Ok(outcome) => outcome,
        Err(error) => error.into(),
    }
}

async fn tell_customers(app: &App, id: SupporterId) -> Result<Outcome, Error> {
    let Some(who) = supporter::Entity::find_by_id(id).one(app.db.read()).await? else { return Ok(Outcome::Done) };
    if who.email.is_empty() {
        return Ok(Outcome::Done);
    }
    let gifts = recurring_donation::Entity::find().filter(recurring_donation::Column::SupporterId.eq(id)).all(app.db.read()).await?;
    for customer in gifts.into_iter().filter_map(|gift| gift.customer_id) {
        match app.stripe.change_customer_email(&customer, &who.email).await {
            Ok(()) => {}
            Err(failure) if failure.is_missing() => {}
            Err(failure) if failure.outcome_unknown() => return Ok(Outcome::Retry(format!("Stripe was not told: {failure}"))),
            Err(failure) => return Ok(Outcome::GiveUp(format!("Stripe was not told: {failure}"))),
        }
    }
    let now_known = supporter::Entity::find_by_id(id).one(app.db.read()).await?.map(|now| now.email);
    if now_known.is_some_and(|email| email != who.email) {
        return Ok(Outcome::Retry("the address was changed while Stripe was told".to_owned()));
    }
    Ok(Outcome::Done)
}
