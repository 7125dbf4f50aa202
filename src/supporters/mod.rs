//! The people who give: known by e-mail, anonymous in public unless they say otherwise.

use crate::{error::Error, mail::outbox::Outbox};
use chrono::{DateTime, Utc};
use entity::{erasure, ids::SupporterId, supporter};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};

/// What a form tells of a supporter.
#[derive(Clone, Debug, Default)]
pub struct Introduction<'a> {
    /// The name; may be empty, and then the one known is kept.
    pub name: &'a str,
    /// The language of the page.
    pub language: &'a str,
    /// Whether news were asked for on this form. An unticked box takes nothing back: that is done from a letter or her own pages.
    pub wants_updates: bool,
    /// Whether discreet letters were asked for there. An unticked box takes nothing back either.
    pub discreet: bool,
}

/// Whom a letter about something of hers goes to: to her present address, if she has one, and discreetly also where every letter is.
pub async fn recipient(db: &impl ConnectionTrait, outbox: &Outbox, id: SupporterId) -> Result<supporter::Model, Error> {
    let mut who = supporter::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)?;
    who.discreet = outbox.is_discreet(&who);
    Ok(who)
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
    if email.is_empty() {
        return Err(Error::Internal("somebody without an address cannot be found by it".to_owned()));
    }
    // Twice at most: whoever is erased between the two questions is added anew.
    for _ in 0..2 {
        let row = supporter::ActiveModel {
            id: Set(new_id),
            email: Set(email.clone()),
            name: Set(String::new()),
            language: Set(language.to_owned()),
            wants_updates: Set(false),
            wants_updates_since: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
            discreet: Set(false),
        };
        // Any conflict: the index of addresses leaves the empty one out, so it cannot be named by its column alone.
        let quiet = OnConflict::new().do_nothing().to_owned();
        supporter::Entity::insert(row).on_conflict(quiet).exec_without_returning(tx).await?;
        // Locked, so that she is not erased until what is written with her is there to be erased too.
        let known = supporter::Entity::find().filter(supporter::Column::Email.eq(&email)).lock_shared().one(tx).await?;
        if let Some(known) = known {
            return Ok(known);
        }
    }
    Err(Error::Internal("a supporter was added and is not there".to_owned()))
}

/// Adds somebody who gave by hand and whose address is not known. Nothing is ever written to her, and two such gifts are never taken for
/// the same person's.
pub async fn add_without_address(
    tx: &impl ConnectionTrait,
    new_id: SupporterId,
    name: &str,
    language: &str,
    now: DateTime<Utc>,
) -> Result<supporter::Model, Error> {
    let row = supporter::ActiveModel {
        id: Set(new_id),
        email: Set(String::new()),
        name: Set(name.to_owned()),
        language: Set(language.to_owned()),
        wants_updates: Set(false),
        wants_updates_since: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        discreet: Set(false),
    };
    Ok(row.insert(tx).await?)
}

/// Keeps what the form of a paid gift told of its supporter.
pub async fn welcome(
    tx: &impl ConnectionTrait,
    id: SupporterId,
    who: &Introduction<'_>,
    now: DateTime<Utc>,
) -> Result<supporter::Model, Error> {
    let known = supporter::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound)?;
    // Who was erased stays nameless, whatever is heard of her gift later.
    if erasure::Entity::find_by_id(id).one(tx).await?.is_some() {
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
    if who.discreet && !known.discreet {
        change.discreet = Set(true);
    }
    if !change.is_changed() {
        return Ok(known);
    }
    change.updated_at = Set(now);
    Ok(change.update(tx).await?)
}
