//! Erasing a supporter: what names her goes, what the law wants kept is sealed, and the books keep their amounts.
//!
//! All of it is one transaction: a crash leaves her as she was, or erased. Only Stripe is asked afterwards, by a job. Nothing brings her name
//! or address back: not a webhook, not `reconcile`, not a checkout that she pays later (there is none: see [`Obstacle`]). Who gives with the
//! same address later is a new supporter.

use super::{goodbye, keep, people_words, person::Person, seal, sealing};
use crate::{
    app::App,
    error::Error,
    jobs::{self, NewJob},
    staff::{Actor, audit},
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    dispute, donation, erasure, gift_aid_claim, gift_aid_line,
    ids::SupporterId,
    recurring_donation, supporter,
    words::{DisputeOutcome, DonationStatus, ErasureBy, GiftAidClaimState, RecurringStatus},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::LockType,
};
use serde_json::json;

/// The kind of the job that has Stripe forget an erased supporter's customers.
pub const JOB: &str = "forget_at_stripe";

/// What must come to its end before she can be erased. Each ends by itself, or by something that she can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Something is given every month or year: she ends it first.
    Recurring,
    /// A checkout is open, or a bank transfer was announced: until then.
    Checkout(DateTime<Utc>),
    /// A bank has not answered yet whether a payment comes; its receipt is still to be sent.
    Processing,
    /// A bank disputes a payment: until that is decided, we must be able to say whose it was.
    Dispute,
    /// Her gifts are in a Gift Aid claim that was made and not sent yet.
    Claim,
}

impl Obstacle {
    /// As a word, for texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recurring => "recurring",
            Self::Checkout(_) => "checkout",
            Self::Processing => "processing",
            Self::Dispute => "dispute",
            Self::Claim => "claim",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum By {
    /// She herself, on her own pages.
    Supporter,
    /// An administrator, on her request.
    Staff(Actor),
    /// Whoever runs the program, on her request.
    Operator,
    /// The program, because her last gift was before this moment, and names are not kept for so long.
    Retention(DateTime<Utc>),
}

impl By {
    const fn word(&self) -> ErasureBy {
        match self {
            Self::Supporter => ErasureBy::Supporter,
            Self::Staff(_) => ErasureBy::Staff,
            Self::Operator => ErasureBy::Operator,
            Self::Retention(_) => ErasureBy::Retention,
        }
    }

    /// For the audit trail.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Staff(actor) => actor.clone(),
            Self::Supporter => Actor { staff_id: None, name: "supporter".to_owned() },
            Self::Operator | Self::Retention(_) => Actor::system(),
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// She is erased; so many documents are kept, sealed, until then.
    Now {
        /// How many documents.
        documents: usize,
        /// The last day on which they are kept.
        kept_until: Option<NaiveDate>,
    },
    /// She was erased before.
    Before,
}

/// What must come to its end first, if anything.
pub async fn obstacles(db: &impl ConnectionTrait, id: SupporterId) -> Result<Vec<Obstacle>, Error> {
    let mut found = Vec::new();
    let recurring = recurring_donation::Entity::find()
        .filter(recurring_donation::Column::SupporterId.eq(id))
        .filter(recurring_donation::Column::Status.ne(RecurringStatus::Ended))
        .filter(recurring_donation::Column::SubscriptionId.is_not_null());
    if recurring.one(db).await?.is_some() {
        found.push(Obstacle::Recurring);
    }
    let hers = || donation::Entity::find().filter(donation::Column::SupporterId.eq(id));
    let open = hers().filter(donation::Column::Status.eq(DonationStatus::Pending)).order_by_desc(donation::Column::ExpiresAt);
    if let Some(open) = open.one(db).await? {
        found.push(Obstacle::Checkout(open.expires_at));
    }
    if hers().filter(donation::Column::Status.eq(DonationStatus::Processing)).one(db).await?.is_some() {
        found.push(Obstacle::Processing);
    }
    let all: Vec<entity::ids::DonationId> = hers().select_only().column(donation::Column::Id).into_tuple().all(db).await?;
    let disputed = dispute::Entity::find()
        .filter(dispute::Column::DonationId.is_in(all.iter().copied()))
        .filter(dispute::Column::Outcome.is_in([DisputeOutcome::Inquiry, DisputeOutcome::Open]))
        .filter(dispute::Column::ClosedAt.is_null());
    if disputed.one(db).await?.is_some() {
        found.push(Obstacle::Dispute);
    }
    let made: Vec<entity::ids::GiftAidClaimId> = gift_aid_claim::Entity::find()
        .select_only()
        .column(gift_aid_claim::Column::Id)
        .filter(gift_aid_claim::Column::State.eq(GiftAidClaimState::Made))
        .into_tuple()
        .all(db)
        .await?;
    let lines = gift_aid_line::Entity::find()
        .filter(gift_aid_line::Column::ClaimId.is_in(made))
        .filter(gift_aid_line::Column::DonationId.is_in(all));
    if lines.one(db).await?.is_some() {
        found.push(Obstacle::Claim);
    }
    Ok(found)
}

/// How long what names her would be kept, sealed, and how many documents that are, if she were erased today.
pub async fn preview(db: &impl ConnectionTrait, app: &App, id: SupporterId) -> Result<(usize, Option<NaiveDate>), Error> {
    let who = Person::find(db, app, id).await?.ok_or(Error::NotFound)?;
    let (kept, until) = seal::still_kept(sealing::documents(db, &who).await?, app.today());
    Ok((kept.len(), until))
}

/// Erases a supporter. Done twice it is done once.
///
/// # Errors
/// [`Error::Conflict`] when something must come to its end first, with the word of each [`Obstacle`], or when she is no longer silent for so long
/// as [`By::Retention`] says; nothing was changed then.
pub async fn erase(app: &App, by: &By, id: SupporterId) -> Result<Erased, Error> {
    let now = app.now();
    let erased = app.db.write(async |tx| erase_in(tx, app, by, id, now).await).await?;
    if erased != Erased::Before {
        // What was overwritten is still in the log of an SQLite database until that is brought into its file.
        app.db.clear_log().await?;
        app.bell.notify_waiters();
    }
    Ok(erased)
}

async fn erase_in(tx: &DatabaseTransaction, app: &App, by: &By, id: SupporterId, now: DateTime<Utc>) -> Result<Erased, Error> {
    // Donations first, as everywhere; then she herself, so that no gift is added to her meanwhile.
    donation::Entity::find()
        .filter(donation::Column::SupporterId.eq(id))
        .order_by_asc(donation::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    supporter::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Error::NotFound)?;
    if erasure::Entity::find_by_id(id).one(tx).await?.is_some() {
        return Ok(Erased::Before);
    }
    if let By::Retention(before) = by
        && keep::long_silent(*before).filter(supporter::Column::Id.eq(id)).one(tx).await?.is_none()
    {
        return Err(Error::Conflict("she gave or asked for news meanwhile".to_owned()));
    }
    let in_the_way = obstacles(tx, id).await?;
    if !in_the_way.is_empty() {
        let words: Vec<&str> = in_the_way.iter().map(|one| one.as_str()).collect();
        return Err(Error::Conflict(words.join(" ")));
    }
    let who = Person::find(tx, app, id).await?.ok_or(Error::NotFound)?;
    let all = sealing::documents(tx, &who).await?;
    let (kept, kept_until) = seal::still_kept(all.clone(), app.today());
    let key = if kept.is_empty() { None } else { Some(seal::new_key(app, id)?) };
    let row = erasure::Model {
        supporter_id: id,
        erased_at: now,
        asked_by: by.word(),
        documents: i64::try_from(kept.len()).unwrap_or(i64::MAX),
        kept_until,
        wrapped_key: key.as_ref().map(|(_, wrapped)| wrapped.clone()),
        key_destroyed_at: None,
        stripe_done_at: None,
    };
    erasure::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    if let Some((key, _)) = &key {
        for document in &kept {
            seal::seal(tx, &app.random, key, id, document, now).await?;
        }
    }
    sealing::take_out(tx, &all, now).await?;
    people_words::forget(tx, app, &who, now).await?;
    // Who gave years ago is not reminded of it by a letter.
    if !matches!(by, By::Retention(_)) {
        goodbye::write(tx, app, &who, kept_until, now).await?;
    }
    tell_stripe(tx, app, &who, now).await?;
    let detail = json!({ "by": by.word(), "sealed": kept.len(), "kept_until": kept_until });
    audit::record(tx, now, &by.actor(), "supporter.erase", "supporter", &id.to_string(), detail).await?;
    Ok(Erased::Now { documents: kept.len(), kept_until })
}

async fn tell_stripe(tx: &DatabaseTransaction, app: &App, who: &Person, now: DateTime<Utc>) -> Result<(), Error> {
    if !who.stripe_ids.iter().any(|id| id.starts_with("cus_")) {
        return Ok(());
    }
    let id = who.supporter.id;
    let job = NewJob { kind: JOB, payload: json!({ "supporter": id }), dedupe_key: Some(format!("{JOB}:{id}")), run_at: now };
    jobs::enqueue(tx, app.new_id(), job, now).await
}

/// Whether she was erased: nothing may be added that names her.
pub async fn is_erased(db: &impl ConnectionTrait, id: SupporterId) -> Result<bool, Error> {
    Ok(erasure::Entity::find_by_id(id).one(db).await?.is_some())
}
