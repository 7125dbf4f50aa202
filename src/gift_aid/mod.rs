//! Tax that a charity of the United Kingdom gets back: declarations, claims, what is given back.
//!
//! A declaration is kept as it was made. It covers its own gift once that is paid, and where she said so her gifts of the four years before
//! and those to come.

use crate::{
    asks::{Declared, particulars::WORDING_VERSION},
    error::Error,
};
use chrono::{DateTime, Utc};
use entity::{
    gift_aid_declaration,
    ids::{DonationId, GiftAidDeclarationId, SupporterId},
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction, EntityTrait};

/// Keeps a declaration, with every word that she agreed to.
pub async fn declare(
    tx: &DatabaseTransaction,
    new_id: GiftAidDeclarationId,
    donation_id: DonationId,
    supporter_id: SupporterId,
    declared: &Declared,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = gift_aid_declaration::ActiveModel {
        id: Set(new_id),
        donation_id: Set(donation_id),
        supporter_id: Set(supporter_id),
        title: Set(declared.title.clone()),
        first_name: Set(declared.first_name.clone()),
        last_name: Set(declared.last_name.clone()),
        house: Set(declared.house.clone()),
        postcode: Set(declared.postcode.clone()),
        scope: Set(declared.scope),
        wording_version: Set(WORDING_VERSION.to_owned()),
        wording: Set(declared.wording.clone()),
        declared_at: Set(now),
        void_from: Set(None),
        cancelled_at: Set(None),
        cancel_reason: Set(String::new()),
    };
    gift_aid_declaration::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
