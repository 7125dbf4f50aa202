//! The people who give: known by e-mail, anonymous in public unless they say otherwise.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{ids::SupporterId, supporter};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::OnConflict};

/// What a form tells of a supporter.
#[derive(Clone, Debug)]
pub struct Introduction<'a> {
    /// The address; stored in lower case.
    pub email: &'a str,
    /// The name; may be empty, and then the one known is kept.
    pub name: &'a str,
    /// The language of the page.
    pub language: &'a str,
    /// Whether news were asked for on this form. An unticked box takes nothing back: that is done from a letter or her own pages.
    pub wants_updates: bool,
}

/// Finds the supporter by e-mail or adds her, and keeps what the form told; safe when two forms come at once.
pub async fn welcome(
    tx: &impl ConnectionTrait,
    new_id: SupporterId,
    who: &Introduction<'_>,
    now: DateTime<Utc>,
) -> Result<supporter::Model, Error> {
    let email = who.email.trim().to_lowercase();
    let row = supporter::ActiveModel {
        id: Set(new_id),
        email: Set(email.clone()),
        name: Set(who.name.to_owned()),
        language: Set(who.language.to_owned()),
        wants_updates: Set(who.wants_updates),
        wants_updates_since: Set(who.wants_updates.then_some(now)),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let quiet = OnConflict::column(supporter::Column::Email).do_nothing().to_owned();
    let added = supporter::Entity::insert(row).on_conflict(quiet).exec_without_returning(tx).await?;
    let known = supporter::Entity::find().filter(supporter::Column::Email.eq(&email)).one(tx).await?;
    let known = known.ok_or_else(|| Error::Internal("a supporter was added and is not there".to_owned()))?;
    if added == 1 {
        return Ok(known);
    }
    let mut change: supporter::ActiveModel = known.clone().into();
    if !who.name.is_empty() && who.name != known.name {
        change.name = Set(who.name.to_owned());
    }
    if who.language != known.language {
        change.language = Set(who.language.to_owned());
    }
    if who.wants_updates && !known.wants_updates {
        change.wants_updates = Set(true);
        change.wants_updates_since = Set(Some(now));
    }
    if !change.is_changed() {
        return Ok(known);
    }
    change.updated_at = Set(now);
    Ok(change.update(tx).await?)
}
