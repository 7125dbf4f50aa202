//! Tax that a charity of the United Kingdom gets back: declarations, claims, what is given back.
//!
//! A declaration is kept as it was made. It covers its own gift once that is paid, and where she said so her gifts of the four years before
//! and those to come.

/// Claims.
pub mod claims;
mod desk;
/// HMRC's schedule.
pub mod schedule;
/// Queries.
pub mod store;

pub use desk::routes as desk_routes;

use crate::{
    app::App,
    asks::{Declared, particulars::WORDING_VERSION},
    error::Error,
    staff::{Actor, audit},
};
use chrono::{DateTime, Months, Utc};
use entity::{
    donation, gift_aid_declaration,
    ids::{DonationId, GiftAidDeclarationId, SupporterId},
    words::GiftAidScope,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, EntityTrait, IntoActiveModel};
use serde_json::json;

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

/// Whether a declaration covers a paid gift of the same supporter.
pub fn covers(declared: &gift_aid_declaration::Model, gift: &donation::Model) -> bool {
    let Some(paid_at) = gift.paid_at else { return false };
    let is_its_own = declared.donation_id == gift.id;
    let years_back = declared.declared_at.checked_sub_months(Months::new(48));
    let is_among_all = declared.scope == GiftAidScope::All && years_back.is_some_and(|first| first <= paid_at);
    (is_its_own || is_among_all) && declared.void_from.is_none_or(|end| paid_at < end)
}

/// From when on a cancelled declaration covers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Gifts from now on: what was claimed stays claimed.
    Now,
    /// It was never right: what was claimed on it is given back in the next claim.
    TheStart,
}

/// Notes that a declaration is cancelled. It stays as it was made.
pub async fn cancel(app: &App, actor: &Actor, id: GiftAidDeclarationId, from: From, reason: &str) -> Result<(), Error> {
    let (now, reason) = (app.now(), reason.trim());
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Error::Invalid("Say in up to 200 characters why it is cancelled: HMRC may ask.".to_owned()));
    }
    app.db
        .write(async |tx| {
            let declared = store::lock_declaration(tx, id).await?;
            if declared.cancelled_at.is_some() {
                return Err(Error::Conflict("The declaration is cancelled already.".to_owned()));
            }
            let years_back = declared.declared_at.checked_sub_months(Months::new(48)).unwrap_or(declared.declared_at);
            let mut row = declared.into_active_model();
            row.cancelled_at = Set(Some(now));
            row.void_from = Set(Some(if from == From::Now { now } else { years_back }));
            row.cancel_reason = Set(reason.to_owned());
            row.update(tx).await?;
            let detail = json!({ "from_the_start": from == From::TheStart });
            audit::record(tx, now, actor, "gift_aid.cancel", "gift_aid_declaration", &id.to_string(), detail).await
        })
        .await
}
