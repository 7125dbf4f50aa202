//! The canary's table, and who is told.

use super::PATIENCE;
use crate::{app::App, error::Error};
use chrono::{DateTime, Utc};
use entity::{canary_run, staff_member, words::Role};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};

/// How the link stands, by the last run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No test key is set, or nothing was run yet.
    Off,
    /// A run is under way.
    Waiting,
    /// The last run was heard, at this time.
    Well(DateTime<Utc>),
    /// The last run was not heard in time.
    Silent {
        /// The run.
        id: String,
        /// When it was begun.
        since: DateTime<Utc>,
    },
    /// The last run could not be made.
    Failed {
        /// The run.
        id: String,
        /// Why.
        why: String,
    },
}

/// How the link stands.
pub async fn state(app: &App) -> Result<State, Error> {
    if app.config.canary.is_none() {
        return Ok(State::Off);
    }
    let last = canary_run::Entity::find().order_by_desc(canary_run::Column::StartedAt).one(app.db.read()).await?;
    let Some(last) = last else { return Ok(State::Off) };
    Ok(match last.heard_at {
        Some(at) => State::Well(at),
        None if !last.failure.is_empty() => State::Failed { id: last.id, why: last.failure },
        None if last.started_at + PATIENCE < app.now() => State::Silent { id: last.id, since: last.started_at },
        None => State::Waiting,
    })
}

/// Writes a run down.
pub(super) async fn add(tx: &impl ConnectionTrait, id: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let row = canary_run::ActiveModel { id: Set(id.to_owned()), started_at: Set(now), heard_at: Set(None), failure: Set(String::new()) };
    canary_run::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes why a run could not be made.
pub(super) async fn fail(tx: &impl ConnectionTrait, id: &str, why: &str) -> Result<(), Error> {
    canary_run::Entity::update_many()
        .col_expr(canary_run::Column::Failure, Expr::value(why))
        .filter(canary_run::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes that Stripe's message about a run came. Returns whether it was waited for.
pub(super) async fn hear(tx: &impl ConnectionTrait, id: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let heard = canary_run::Entity::update_many()
        .col_expr(canary_run::Column::HeardAt, Expr::value(Some(now)))
        .filter(canary_run::Column::Id.eq(id))
        .filter(canary_run::Column::HeardAt.is_null())
        .exec(tx)
        .await?;
    Ok(heard.rows_affected == 1)
}

/// Finance and administrators who may sign in.
pub(super) async fn people(db: &impl ConnectionTrait) -> Result<Vec<staff_member::Model>, Error> {
    let find = staff_member::Entity::find()
        .filter(staff_member::Column::DisabledAt.is_null())
        .filter(staff_member::Column::Role.is_in([Role::Admin, Role::Finance]));
    Ok(find.order_by_asc(staff_member::Column::Id).all(db).await?)
}
