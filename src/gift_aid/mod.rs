//! Tax that a charity of the United Kingdom gets back: declarations, claims, what is given back.
//!
//! A declaration is kept as it was made. It covers its own gift once that is paid, and where she said so her gifts of the four years before
//! and those to come.

/// Claims.
pub mod claims;
mod desk;
mod record_desk;
/// HMRC's schedule.
pub mod schedule;
/// Queries.
pub mod store;

/// The desk's routes of Gift Aid.
pub fn desk_routes() -> axum::Router<App> {
    desk::routes().merge(record_desk::routes())
}

use crate::{
    app::App,
    asks::{Declared, particulars::WORDING_VERSION},
    clock::start_of_day,
    db::is_unique_violation,
    error::Error,
    staff::{Actor, audit},
};
use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use entity::{
    donation, gift_aid_declaration,
    ids::{DonationId, GiftAidDeclarationId, SupporterId},
    words::{GiftAidMade, GiftAidScope},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, EntityTrait, IntoActiveModel};
use serde_json::json;

/// How many days after its written record was sent an oral declaration can still be cancelled as if it had never been made.
pub const ORAL_DAYS: u64 = 30;

/// Keeps a declaration, with every word that she agreed to.
pub async fn declare(
    tx: &DatabaseTransaction,
    new_id: GiftAidDeclarationId,
    donation_id: DonationId,
    supporter_id: SupporterId,
    declared: &Declared,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = row_of(new_id, donation_id, supporter_id, declared, now);
    gift_aid_declaration::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

fn row_of(
    id: GiftAidDeclarationId,
    donation_id: DonationId,
    supporter_id: SupporterId,
    declared: &Declared,
    declared_at: DateTime<Utc>,
) -> gift_aid_declaration::ActiveModel {
    gift_aid_declaration::ActiveModel {
        id: Set(id),
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
        declared_at: Set(declared_at),
        void_from: Set(None),
        cancelled_at: Set(None),
        cancel_reason: Set(String::new()),
        made: Set(GiftAidMade::Online),
        recorded_by: Set(None),
        record_sent_on: Set(None),
        sealed_at: Set(None),
    }
}

/// A declaration that staff write down for who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// On paper or by word of mouth.
    pub made: GiftAidMade,
    /// What she declared, with the words of the paper, or of the record that was sent to her.
    pub declared: Declared,
    /// The day on which she did.
    pub on: NaiveDate,
    /// The day on which the written record of an oral one was sent.
    pub record_sent_on: Option<NaiveDate>,
}

/// Writes down a declaration that was made on paper or by word of mouth, beside one of her paid gifts.
///
/// # Errors
/// Says in a sentence what does not fit; nothing was written then.
pub async fn record(app: &App, actor: &Actor, gift: DonationId, recorded: &Recorded) -> Result<GiftAidDeclarationId, Error> {
    let (id, now, today): (GiftAidDeclarationId, _, _) = (app.new_id(), app.now(), app.today());
    if recorded.on > today || recorded.record_sent_on.is_some_and(|sent| sent > today || sent < recorded.on) {
        return Err(Error::Invalid("A day of the declaration has not come yet, or its record was sent before it was made.".to_owned()));
    }
    if recorded.made == GiftAidMade::Online || (recorded.made == GiftAidMade::Oral) != recorded.record_sent_on.is_some() {
        return Err(Error::Invalid("An oral declaration counts once its written record was sent: say on which day.".to_owned()));
    }
    let declared_at = (start_of_day(app.config.org_timezone, recorded.on) + TimeDelta::hours(12)).min(now);
    let write = async |tx: &DatabaseTransaction| {
        let donation = donation::Entity::find_by_id(gift).one(tx).await?.ok_or(Error::NotFound)?;
        let paid_at = donation.paid_at.ok_or_else(|| Error::Conflict("Only a gift that was paid can have a declaration.".to_owned()))?;
        if declared_at.checked_sub_months(Months::new(48)).is_none_or(|first| paid_at < first) {
            return Err(Error::Invalid(
                "The gift is more than four years older than the declaration, which does not reach so far.".to_owned(),
            ));
        }
        let mut row = row_of(id, gift, donation.supporter_id, &recorded.declared, declared_at);
        row.made = Set(recorded.made);
        row.wording_version = Set(recorded.made.to_string());
        row.recorded_by = Set(actor.staff_id);
        row.record_sent_on = Set(recorded.record_sent_on);
        gift_aid_declaration::Entity::insert(row).exec_without_returning(tx).await.map_err(|error| match is_unique_violation(&error) {
            true => Error::Conflict("This gift has a declaration already.".to_owned()),
            false => error.into(),
        })?;
        let detail = json!({ "made": recorded.made, "on": recorded.on, "gift": gift });
        audit::record(tx, now, actor, "gift_aid.record", "gift_aid_declaration", &id.to_string(), detail).await
    };
    app.db.write(write).await?;
    Ok(id)
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
