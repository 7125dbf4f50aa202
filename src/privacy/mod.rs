//! What is known of a supporter, for herself: taking all of it along, and having it erased as far as the law lets us.
//!
//! Read in this order: [`inventory`] says of every column of the database whether it is about a supporter, and what becomes of it; [`export`]
//! gives her what is hers; [`erase()`] empties what names her and seals what the law wants kept ([`sealed`] is how finance reads it again, once
//! and written down); [`keep`] is what is forgotten by itself. How long, and why: `docs/privacy.md`.

/// Another e-mail address.
pub mod address;
mod address_letters;
mod desk;
/// Erasing.
pub mod erase;
/// Taking everything along.
pub mod export;
mod goodbye;
/// What the database holds of supporters.
pub mod inventory;
/// What is forgotten by itself.
pub mod keep;
/// What she corrects herself.
pub mod own;
mod people_words;
/// Where the rows of one supporter are.
pub mod person;
/// How long documents are kept.
pub mod retention;
mod seal;
/// Reading what was sealed.
pub mod sealed;
mod sealing;

pub use desk::routes as desk_routes;
pub use erase::{By, Erased, Obstacle, erase, obstacles};

use crate::error::Error;
use entity::{ids::SupporterId, supporter};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// The supporter with this e-mail address, however it is written.
pub async fn find_by_address(db: &impl ConnectionTrait, address: &str) -> Result<Option<supporter::Model>, Error> {
    let address = address.trim().to_lowercase();
    if address.is_empty() {
        return Ok(None);
    }
    Ok(supporter::Entity::find().filter(supporter::Column::Email.eq(address)).one(db).await?)
}

/// A supporter by her id.
pub async fn find(db: &impl ConnectionTrait, id: SupporterId) -> Result<supporter::Model, Error> {
    supporter::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)
}
