//! Open checkouts of an article that asks no more: each is ended at Stripe by a job of its own.
//!
//! Whoever takes an article's ask away says so here in her own transaction ([`ask`]). The job ends the checkout at Stripe, and what
//! Stripe then says goes through the one door ([`back::apply`]): the donation expires and frees what it held. When somebody paid in that
//! very moment, Stripe refuses to end it: the gift is booked as any other, and staff see it beside the article. Nothing is given back
//! by itself.

use super::{CLOCK_MARGIN, back, refresh::look_up, store, sweep};
use crate::{
    app::App,
    error::Error,
    jobs::{self, NewJob, Outcome},
    payments::StripeFailure,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    checkout_ending, donation,
    ids::{ArticleId, DonationId},
    words::{DonationSource, DonationStatus, EndingOutcome, EndingReason},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, JoinType,
    QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

/// The kind of the job that ends one checkout.
pub const JOB: &str = "end_checkout";

/// After which time what became of a checkout is written down without its job, which may have been given up.
const LEFT_AFTER: TimeDelta = TimeDelta::hours(2);

/// How many are written down so at once.
const LEFT_MAX: u64 = 100;

/// Writes down that every open checkout of an article is to be ended, and leaves a job for each. Returns how many. An announced bank
/// transfer is none: nobody can take it back from her bank. The caller keeps the article locked.
pub async fn ask(
    tx: &DatabaseTransaction,
    app: &App,
    article_id: ArticleId,
    reason: EndingReason,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let open: Vec<DonationId> = donation::Entity::find()
        .select_only()
        .column(donation::Column::Id)
        .filter(donation::Column::ArticleId.eq(article_id))
        .filter(donation::Column::Status.eq(DonationStatus::Pending))
        .filter(donation::Column::Source.is_in([DonationSource::Checkout, DonationSource::Recurring]))
        .order_by_asc(donation::Column::Id)
        .into_tuple()
        .all(tx)
        .await?;
    let mut asked = 0;
    for id in open {
        // Asked before, and the mark was taken back and set again meanwhile.
        if checkout_ending::Entity::find_by_id(id).one(tx).await?.is_some() {
            continue;
        }
        let row = checkout_ending::ActiveModel {
            donation_id: Set(id),
            article_id: Set(article_id),
            reason: Set(reason),
            asked_at: Set(now),
            outcome: Set(EndingOutcome::Open),
            done_at: Set(None),
        };
        checkout_ending::Entity::insert(row).exec_without_returning(tx).await?;
        store::note(tx, id, now, "ending_asked", reason.as_str()).await?;
        ask_one(tx, app, id, now).await?;
        asked += 1;
    }
    Ok(asked)
}

/// Leaves the job that ends one checkout.
pub(super) async fn ask_one(tx: &DatabaseTransaction, app: &App, id: DonationId, now: DateTime<Utc>) -> Result<(), Error> {
    let payload = serde_json::json!({ "donation": id });
    jobs::enqueue(tx, app.new_id(), NewJob { kind: JOB, payload, dedupe_key: None, run_at: now }, now).await
}

/// The job.
pub async fn act(app: &App, donation: &str) -> Outcome {
    let Ok(id) = donation.parse() else { return Outcome::GiveUp("the job names no donation".to_owned()) };
    match end(app, id).await {
        Ok(()) => Outcome::Done,
        Err(error) => error.into(),
    }
}

/// Ends the checkout of one donation, wherever it stands, and writes down what became of it.
async fn end(app: &App, id: DonationId) -> Result<(), Error> {
    let donation = store::find(app.db.read(), id).await?.ok_or(Error::NotFound)?;
    let mut ended = false;
    if !matches!(donation.status, DonationStatus::Paid | DonationStatus::Processing) {
        ended = end_at_stripe(app, &donation).await?;
    }
    app.db.write(async |tx| conclude(tx, id, ended, app.now()).await).await
}

/// Returns whether it was ended here, and not by a payment or by itself.
async fn end_at_stripe(app: &App, donation: &donation::Model) -> Result<bool, Error> {
    let session = match &donation.checkout_session_id {
        Some(session) => Some(session.clone()),
        // The answer that named the session may be on its way to us, or lost.
        None => {
            let since = donation.created_at - CLOCK_MARGIN;
            let found = app.stripe.find_checkout_by_donation(&donation.id.to_string(), since).await.map_err(|failure| tell(&failure))?;
            found.map(|state| state.session_id)
        }
    };
    let Some(session) = session else {
        return sweep::expire(app, donation, "its article asks no more, and Stripe had no checkout yet").await;
    };
    match app.stripe.expire_checkout(&session).await {
        Ok(state) => {
            let present = back::complete(app, state, false).await.map_err(|failure| tell(&failure))?;
            back::apply(app, donation.id, &present).await?;
            Ok(true)
        }
        Err(failure) if failure.outcome_unknown() => Err(tell(&failure)),
        // It cannot be ended: it is paid, or over already. Which, Stripe says.
        Err(_) => {
            match look_up(app, donation, false).await {
                Ok(Some(present)) => {
                    back::apply(app, donation.id, &present).await?;
                }
                Ok(None) => {}
                Err(failure) if failure.is_missing() => {}
                Err(failure) => return Err(tell(&failure)),
            }
            Ok(false)
        }
    }
}

fn tell(failure: &StripeFailure) -> Error {
    Error::Unavailable(format!("a checkout could not be ended: {failure}"))
}

/// Writes down what became of it, once. A second look at one that was ended here before finds it over and changes nothing.
async fn conclude(tx: &DatabaseTransaction, id: DonationId, ended: bool, now: DateTime<Utc>) -> Result<(), Error> {
    let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    let Some(row) = checkout_ending::Entity::find_by_id(id).one(tx).await?.filter(|row| row.outcome == EndingOutcome::Open) else {
        return Ok(());
    };
    let outcome = match donation.status {
        DonationStatus::Paid => EndingOutcome::Paid,
        DonationStatus::Processing => EndingOutcome::Processing,
        DonationStatus::Pending => return Err(Error::Unavailable("the checkout is still open".to_owned())),
        // Before its time only we end one, also when our own word for it was lost in a crash.
        DonationStatus::Expired if ended || donation.expires_at > now => EndingOutcome::Ended,
        DonationStatus::Expired | DonationStatus::Failed => EndingOutcome::Over,
    };
    let mut row = row.into_active_model();
    row.outcome = Set(outcome);
    row.done_at = Set(Some(now));
    row.update(tx).await?;
    Ok(store::note(tx, id, now, "ending_done", outcome.as_str()).await?)
}

/// Concludes those that are open though their donation is not pending any more: their job was given up.
pub(super) async fn conclude_left(app: &App) -> Result<(), Error> {
    let now = app.now();
    let to_gift: RelationDef =
        checkout_ending::Entity::belongs_to(donation::Entity).from(checkout_ending::Column::DonationId).to(donation::Column::Id).into();
    let left: Vec<DonationId> = checkout_ending::Entity::find()
        .select_only()
        .column(checkout_ending::Column::DonationId)
        .join(JoinType::InnerJoin, to_gift)
        .filter(checkout_ending::Column::Outcome.eq(EndingOutcome::Open))
        .filter(checkout_ending::Column::AskedAt.lte(now - LEFT_AFTER))
        .filter(donation::Column::Status.ne(DonationStatus::Pending))
        .limit(LEFT_MAX)
        .into_tuple()
        .all(app.db.read())
        .await?;
    for id in left {
        app.db.write(async |tx| conclude(tx, id, false, now).await).await?;
    }
    Ok(())
}

/// Whether a donation's checkout was ended because its article asks no more.
pub async fn was_ended(db: &impl ConnectionTrait, id: DonationId) -> Result<bool, Error> {
    let row = checkout_ending::Entity::find_by_id(id).one(db).await?;
    Ok(row.is_some_and(|row| matches!(row.outcome, EndingOutcome::Open | EndingOutcome::Ended)))
}

/// The checkouts of an article that were or are to be ended, the newest first, with their donations.
pub async fn of_article(
    db: &impl ConnectionTrait,
    article_id: ArticleId,
    most: u64,
) -> Result<Vec<(checkout_ending::Model, donation::Model)>, Error> {
    let find = checkout_ending::Entity::find().filter(checkout_ending::Column::ArticleId.eq(article_id));
    let rows = find.order_by_desc(checkout_ending::Column::DonationId).limit(most).all(db).await?;
    let ids: Vec<DonationId> = rows.iter().map(|row| row.donation_id).collect();
    let mut donations: std::collections::HashMap<_, _> =
        donation::Entity::find().filter(donation::Column::Id.is_in(ids)).all(db).await?.into_iter().map(|d| (d.id, d)).collect();
    Ok(rows.into_iter().filter_map(|row| Some((row.clone(), donations.remove(&row.donation_id)?))).collect())
}
