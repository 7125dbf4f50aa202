//! Queries of genuine links.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{genuine_key, genuine_link, genuine_shown, ids::GenuineLinkId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::OnConflict,
};

/// How many changes of the key are read; nobody changes it so often.
const KEYS_MAX: u64 = 1000;

/// The links that stand, the oldest first.
pub async fn standing(db: &impl ConnectionTrait) -> Result<Vec<genuine_link::Model>, Error> {
    let find = genuine_link::Entity::find().filter(genuine_link::Column::RemovedAt.is_null());
    Ok(find.order_by_asc(genuine_link::Column::Id).limit(super::LINKS_MAX as u64).all(db).await?)
}

/// A link by its id.
pub async fn find(db: &impl ConnectionTrait, id: GenuineLinkId) -> Result<Option<genuine_link::Model>, Error> {
    Ok(genuine_link::Entity::find_by_id(id).one(db).await?)
}

/// Writes a new link.
pub async fn insert(tx: &DatabaseTransaction, row: genuine_link::Model) -> Result<(), Error> {
    genuine_link::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes a link off the list.
pub async fn remove(tx: &DatabaseTransaction, row: genuine_link::Model, by: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let mut row = row.into_active_model();
    row.removed_by = Set(by.to_owned());
    row.removed_at = Set(Some(now));
    row.update(tx).await?;
    Ok(())
}

/// Every change of the key, the first first.
pub async fn keys(db: &impl ConnectionTrait) -> Result<Vec<genuine_key::Model>, Error> {
    Ok(genuine_key::Entity::find().order_by_asc(genuine_key::Column::Number).limit(KEYS_MAX).all(db).await?)
}

/// Writes a change of the key.
pub async fn insert_key(tx: &DatabaseTransaction, row: genuine_key::Model) -> Result<(), Error> {
    genuine_key::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// The public half of the key of this number, as readers first saw it, in base64.
pub async fn shown(db: &impl ConnectionTrait, number: i64) -> Result<Option<String>, Error> {
    Ok(genuine_shown::Entity::find_by_id(number).one(db).await?.map(|row| row.public_key))
}

/// Writes down how readers see the key of this number; what they saw first stays.
pub async fn insert_shown(tx: &DatabaseTransaction, number: i64, public_key: String, now: DateTime<Utc>) -> Result<(), Error> {
    let row = genuine_shown::ActiveModel { number: Set(number), public_key: Set(public_key), shown_at: Set(now) };
    let once = OnConflict::column(genuine_shown::Column::Number).do_nothing().to_owned();
    genuine_shown::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await?;
    Ok(())
}
