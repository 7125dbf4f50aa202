//! The people who give: known by e-mail, anonymous in public unless they say otherwise.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{ids::SupporterId, supporter};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::OnConflict};

/// What a form tells of a supporter.
#[derive(Clone, Debug)]
pub struct Introduction<'a> {
    /// The name; may be empty, and then the one known is kept.
    pub name: &'a str,
    /// The language of the page.
    pub language: &'a str,
    /// Whether news were asked for on this form. An unticked box takes nothing back: that is done from a letter or her own pages.
    pub wants_updates: bool,
}

/// Finds the supporter by e-mail or adds her, safe when two forms come at once. Anybody can type anybody's address into a form, so
/// what else the form told is only kept once its gift is paid: [`welcome`].
pub async fn find_or_add(
    tx: &impl ConnectionTrait,
    new_id: SupporterId,
    email: &str,
    language: &str,
    now: DateTime<Utc>,
) -> Result<supporter::Model, Error> {
    let email = email.trim().to_lowercase();
    let row = supporter::ActiveModel {
        id: Set(new_id),
        email: Set(email.clone()),
        name: Set(String::new()),
        language: Set(language.to_owned()),
        wants_updates: Set(false),
        wants_updates_since: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let quiet = OnConflict::column(supporter::Column::Email).do_nothing().to_owned();
    supporter::Entity::insert(row).on_conflict(quiet).exec_without_returning(tx).await?;
    let known = supporter::Entity::find().filter(supporter::Column::Email.eq(&email)).one(tx).await?;
    known.ok_or_else(|| Error::Internal("a supporter was added and is not there".to_owned()))
}

/// Keeps what the form of a paid gift told of its supporter.
pub async fn welcome(
    tx: &impl ConnectionTrait,
    id: SupporterId,
    who: &Introduction<'_>,
    now: DateTime<Utc>,
) -> Result<supporter::Model, Error> {
    let known = supporter::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound)?;
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
