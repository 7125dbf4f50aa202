//! Where Stripe and we did not agree, and what was done about it: written down once, settled when it is over.

use crate::{
    app::App,
    db::is_unique_violation,
    error::Error,
    staff::{Actor, audit},
    web::pager::PAGE_ROWS,
};
use chrono::{DateTime, Utc};
use entity::difference;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

/// A payment that we had missed; it was brought up to date.
pub const MISSED: &str = "missed";
/// What Stripe has of a donation does not fit it.
pub const REFUSED: &str = "refused";
/// A session at Stripe that names a donation which is not here.
pub const UNKNOWN_SESSION: &str = "unknown_session";
/// A session that could not be looked at or applied.
pub const UNREADABLE_SESSION: &str = "unreadable_session";
/// A movement of one of our donations that is not in the ledger, although Stripe was asked about the donation.
pub const NOT_POSTED: &str = "not_posted";
/// A movement that was taken for somebody else's and is ours.
pub const TAKEN_FOR_OTHER: &str = "taken_for_other";
/// A movement that names a donation which is not here.
pub const UNKNOWN_DONATION: &str = "unknown_donation";
/// An event of Stripe's that was refused, or that nobody has acted on for a day.
pub const EVENT: &str = "event";
/// A payout that its parts do not add up to.
pub const REMAINDER: &str = "remainder";

/// A movement of the balance that could not be read; the log says why.
pub const UNREAD_MOVEMENT: &str = "unread_movement";
/// A payout that could not be read; the log says why.
pub const UNREAD_PAYOUT: &str = "unread_payout";
/// A donation of which Stripe tells something that could not be applied; the log says why.
pub const FAILED: &str = "failed";
/// A second payment for a donation that is paid already, or a payment that did not come through.
pub const PUT_ASIDE: &str = "put_aside";
/// A donation's money that Stripe keeps in a balance that is not known.
pub const UNKNOWN_BALANCE: &str = "unknown_balance";
/// A list that Stripe does not give.
pub const UNLISTED: &str = "unlisted";
/// A recurring gift that we had not kept up with; it was brought up to date.
pub const MISSED_GIFT: &str = "missed_gift";
/// A subscription at Stripe that names a recurring gift which is not here.
pub const UNKNOWN_GIFT: &str = "unknown_gift";
/// A recurring gift that could not be brought up to date.
pub const FAILED_GIFT: &str = "failed_gift";
/// What Stripe holds in a currency is not what the books say.
pub const BALANCE: &str = "balance";

/// How many of one kind are looked at again in one run.
const OPEN_MAX: u64 = 1_000;

/// A difference as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What differs.
    pub kind: &'static str,
    /// The object at Stripe, or ours.
    pub object: &'a str,
    /// What was found, in a sentence without personal data.
    pub detail: &'a str,
    /// What was done about it; `None` while it waits for a person.
    pub done: Option<&'a str>,
}

/// Writes a difference down, unless it stands there like this already. One that was settled is open again when it is another.
pub async fn note(tx: &impl ConnectionTrait, found: Found<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    let known = find(tx, found.kind, found.object).await?;
    let settled_at = found.done.map(|_| now);
    let done = found.done.unwrap_or_default().to_owned();
    match known {
        None => {
            let row = difference::ActiveModel {
                id: NotSet,
                kind: Set(found.kind.to_owned()),
                object_id: Set(found.object.to_owned()),
                detail: Set(found.detail.to_owned()),
                found_at: Set(now),
                done: Set(done),
                settled_at: Set(settled_at),
            };
            match difference::Entity::insert(row).exec_without_returning(tx).await {
                Err(error) if !is_unique_violation(&error) => Err(error.into()),
                _ => Ok(()),
            }
        }
        Some(known) if known.detail == found.detail && (found.done.is_none() || known.settled_at.is_some()) => Ok(()),
        Some(known) => {
            let mut row = known.into_active_model();
            row.detail = Set(found.detail.to_owned());
            row.found_at = Set(now);
            row.done = Set(done);
            row.settled_at = Set(settled_at);
            row.update(tx).await?;
            Ok(())
        }
    }
}

/// Those of a kind that wait, the oldest first.
pub async fn open_of(db: &impl ConnectionTrait, kind: &str) -> Result<Vec<difference::Model>, Error> {
    use difference::Column;
    let open = difference::Entity::find().filter(Column::Kind.eq(kind)).filter(Column::SettledAt.is_null());
    Ok(open.order_by_asc(Column::Id).limit(OPEN_MAX).all(db).await?)
}

/// Writes down what a run found, in one transaction. Nothing found costs no write.
pub async fn note_all(app: &App, all: &[Found<'_>]) -> Result<(), Error> {
    if all.is_empty() {
        return Ok(());
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            for found in all {
                note(tx, *found, now).await?;
            }
            Ok(())
        })
        .await
}

/// Whether one is written down and open.
pub async fn is_open(db: &impl ConnectionTrait, kind: &str, object: &str) -> Result<bool, Error> {
    Ok(find(db, kind, object).await?.is_some_and(|known| known.settled_at.is_none()))
}

/// Writes down what Stripe lists and we could not read.
pub async fn note_unread(app: &App, kind: &'static str, unread: &[String]) -> Result<(), Error> {
    let now = app.now();
    for id in unread {
        let found = Found { kind, object: id, detail: "Look it up in Stripe’s dashboard; the log says why.", done: None };
        app.db.write(async |tx| note(tx, found, now).await).await?;
    }
    Ok(())
}

/// Says that a difference is over, if it was written down and is open.
pub async fn settle(tx: &impl ConnectionTrait, kind: &str, object: &str, done: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(known) = find(tx, kind, object).await?.filter(|known| known.settled_at.is_none()) else { return Ok(()) };
    let mut row = known.into_active_model();
    row.done = Set(done.to_owned());
    row.settled_at = Set(Some(now));
    row.update(tx).await?;
    Ok(())
}

/// Says that a difference has ended by itself. When the same is found again, it is open again: so what it says is no longer the same. What a
/// person has said of it stays.
pub(super) async fn end(tx: &impl ConnectionTrait, known: difference::Model, done: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let (detail, is_open) = (format!("{} {done}", known.detail), known.settled_at.is_none());
    let mut row = known.into_active_model();
    row.detail = Set(detail);
    if is_open {
        row.done = Set(done.to_owned());
        row.settled_at = Set(Some(now));
    }
    row.update(tx).await?;
    Ok(())
}

/// Says so of whatever was found of these objects, unless that was said already.
pub(super) async fn end_all(app: &App, kinds: [&'static str; 2], objects: &[String], done: &str) -> Result<(), Error> {
    use difference::Column;
    if objects.is_empty() {
        return Ok(());
    }
    let find = difference::Entity::find().filter(Column::Kind.is_in(kinds)).filter(Column::ObjectId.is_in(objects));
    let known = find.filter(Column::Detail.not_like(format!("% {done}"))).all(app.db.read()).await?;
    if known.is_empty() {
        return Ok(());
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            for one in &known {
                end(tx, one.clone(), done, now).await?;
            }
            Ok(())
        })
        .await
}

/// What was written down of an object.
pub(super) async fn find(tx: &impl ConnectionTrait, kind: &str, object: &str) -> Result<Option<difference::Model>, Error> {
    let one = difference::Entity::find().filter(difference::Column::Kind.eq(kind)).filter(difference::Column::ObjectId.eq(object));
    Ok(one.one(tx).await?)
}

/// A person has looked at it and says what it was.
pub async fn settle_by_hand(app: &App, actor: &Actor, id: i64, what: &str) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let known = difference::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound)?;
            if known.settled_at.is_some() {
                return Err(Error::Conflict("This difference is settled already.".to_owned()));
            }
            let detail = json!({ "kind": known.kind, "object": known.object_id, "done": what });
            let mut row = known.into_active_model();
            row.done = Set(what.to_owned());
            row.settled_at = Set(Some(now));
            row.update(tx).await?;
            audit::record(tx, now, actor, "difference.settle", "difference", &id.to_string(), detail).await
        })
        .await
}

/// A page of differences, the newest first, after the one numbered `after`; only those that wait when `open` says so.
pub async fn page(db: &impl ConnectionTrait, open: bool, after: Option<i64>) -> Result<Vec<difference::Model>, Error> {
    use difference::Column;
    let filter = Condition::all().add_option(open.then(|| Column::SettledAt.is_null())).add_option(after.map(|after| Column::Id.lt(after)));
    Ok(difference::Entity::find().filter(filter).order_by_desc(Column::Id).limit(PAGE_ROWS + 1).all(db).await?)
}
