//! The canary's tables, and who is told.

use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    canary_link::{self, Column},
    canary_run,
    ids::LetterId,
    letter, staff_member,
    words::{CanaryLink, Role},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

/// How long what a run found is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// The last run and what it found of each link so far.
pub(super) async fn last(db: &impl ConnectionTrait) -> Result<Option<(canary_run::Model, Vec<canary_link::Model>)>, Error> {
    let Some(run) = canary_run::Entity::find().order_by_desc(canary_run::Column::StartedAt).one(db).await? else { return Ok(None) };
    let links = canary_link::Entity::find().filter(Column::RunId.eq(&run.id)).all(db).await?;
    Ok(Some((run, links)))
}

/// Writes a run down, and forgets those of long ago.
pub(super) async fn add(tx: &impl ConnectionTrait, run: &canary_run::Model) -> Result<(), Error> {
    canary_run::Entity::delete_many().filter(canary_run::Column::StartedAt.lt(run.started_at - KEPT)).exec(tx).await?;
    canary_run::Entity::insert(run.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes which links were taken up again.
pub(super) async fn note_unfinished(tx: &impl ConnectionTrait, run: &str, words: &str) -> Result<(), Error> {
    canary_run::Entity::update_many()
        .col_expr(canary_run::Column::Unfinished, Expr::value(words))
        .filter(canary_run::Column::Id.eq(run))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether it was tried and nothing came of it yet.
pub(super) fn is_open(row: &canary_link::Model) -> bool {
    row.well_at.is_none() && row.failure.is_empty()
}

fn open(run: &str, link: CanaryLink) -> Condition {
    Condition::all().add(Column::RunId.eq(run)).add(Column::Link.eq(link)).add(Column::WellAt.is_null()).add(Column::Failure.eq(""))
}

/// Takes a link to try it, for the first time or (what was `seen` of it) anew. False when somebody else was first, or it came to an end.
/// From a payment on, its message is waited for.
pub(super) async fn claim(
    tx: &DatabaseTransaction,
    run: &str,
    link: CanaryLink,
    seen: Option<&canary_link::Model>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let claimed = match seen {
        None => insert(tx, run, link, now).await?,
        Some(row) => {
            let anew = canary_link::Entity::update_many().col_expr(Column::TriedAt, Expr::value(now)).filter(open(run, link));
            anew.filter(Column::TriedAt.eq(row.tried_at)).exec(tx).await?.rows_affected == 1
        }
    };
    if claimed && link == CanaryLink::Payment && !insert(tx, run, CanaryLink::Message, now).await? {
        let anew = canary_link::Entity::update_many().col_expr(Column::TriedAt, Expr::value(now));
        anew.filter(open(run, CanaryLink::Message)).exec(tx).await?;
    }
    Ok(claimed)
}

async fn insert(tx: &DatabaseTransaction, run: &str, link: CanaryLink, now: DateTime<Utc>) -> Result<bool, Error> {
    let before = canary_link::Entity::find().filter(Column::Link.eq(link)).order_by_desc(Column::TriedAt).one(tx).await?;
    let row = canary_link::ActiveModel {
        run_id: Set(run.to_owned()),
        link: Set(link),
        tried_at: Set(now),
        well_at: Set(None),
        failure: Set(String::new()),
        reference: Set(String::new()),
        silent_since: Set(before.filter(|row| row.well_at.is_none()).map(|row| row.silent_since.unwrap_or(row.tried_at))),
    };
    let once = OnConflict::columns([Column::RunId, Column::Link]).do_nothing().to_owned();
    Ok(canary_link::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? == 1)
}

/// Keeps the id of what was made to try a link.
pub(super) async fn refer(tx: &impl ConnectionTrait, run: &str, link: CanaryLink, reference: &str) -> Result<(), Error> {
    let change = canary_link::Entity::update_many().col_expr(Column::Reference, Expr::value(reference));
    change.filter(open(run, link)).exec(tx).await?;
    Ok(())
}

/// Notes that a link holds, or why it does not. Returns whether that was still open. Of a payment that was not made no message comes.
pub(super) async fn end(
    tx: &DatabaseTransaction,
    run: &str,
    link: CanaryLink,
    found: Result<(), &str>,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let change = canary_link::Entity::update_many();
    let change = match found {
        Ok(()) => change.col_expr(Column::WellAt, Expr::value(Some(at))),
        Err(why) => change.col_expr(Column::Failure, Expr::value(why)),
    };
    let ended = change.filter(open(run, link)).exec(tx).await?.rows_affected == 1;
    if ended && link == CanaryLink::Payment && found.is_err() {
        canary_link::Entity::delete_many().filter(open(run, CanaryLink::Message)).exec(tx).await?;
    }
    Ok(ended)
}

/// Notes why a link that was `seen` open is not tried any more, unless somebody else has taken it up meanwhile.
pub(super) async fn stop(tx: &DatabaseTransaction, seen: &canary_link::Model, why: &str) -> Result<(), Error> {
    let change = canary_link::Entity::update_many().col_expr(Column::Failure, Expr::value(why));
    change.filter(open(&seen.run_id, seen.link)).filter(Column::TriedAt.eq(seen.tried_at)).exec(tx).await?;
    Ok(())
}

/// A practice letter, if it is still there.
pub(super) async fn letter(db: &impl ConnectionTrait, id: &str) -> Result<Option<letter::Model>, Error> {
    let Ok(id) = id.parse::<LetterId>() else { return Ok(None) };
    Ok(letter::Entity::find_by_id(id).one(db).await?)
}

/// Finance and administrators who may sign in.
pub(super) async fn people(db: &impl ConnectionTrait) -> Result<Vec<staff_member::Model>, Error> {
    let find = staff_member::Entity::find()
        .filter(staff_member::Column::DisabledAt.is_null())
        .filter(staff_member::Column::Role.is_in([Role::Admin, Role::Finance]));
    Ok(find.order_by_asc(staff_member::Column::Id).all(db).await?)
}
