//! How work that looks at everything last ended: kept in the database, because any process may have done it and every page of the desk tells.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::last_outcome::{self, Column};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

/// The name under which the verification of the books keeps its outcome.
pub const VERIFY: &str = "verify";

/// An outcome to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The work.
    pub name: &'a str,
    /// Whether all was well.
    pub ok: bool,
    /// In a sentence, for staff.
    pub summary: &'a str,
    /// All that was found, as JSON; without personal data.
    pub report: &'a str,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
}

/// How this work last ended, if it ever did.
pub async fn last(db: &impl ConnectionTrait, name: &str) -> Result<Option<last_outcome::Model>, Error> {
    Ok(last_outcome::Entity::find_by_id(name).one(db).await?)
}

/// Keeps an outcome in place of the one before.
pub async fn keep(tx: &impl ConnectionTrait, kept: Kept<'_>) -> Result<(), Error> {
    let row = last_outcome::ActiveModel {
        name: Set(kept.name.to_owned()),
        ok: Set(kept.ok),
        summary: Set(kept.summary.to_owned()),
        report: Set(kept.report.to_owned()),
        began_at: Set(kept.began),
        ended_at: Set(kept.ended),
    };
    let newest = OnConflict::column(Column::Name)
        .update_columns([Column::Ok, Column::Summary, Column::Report, Column::BeganAt, Column::EndedAt])
        .to_owned();
    last_outcome::Entity::insert(row).on_conflict(newest).exec_without_returning(tx).await?;
    Ok(())
}
