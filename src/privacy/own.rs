//! What a supporter corrects herself. Receipts stay as they were issued; what she gives again and again bears the new name from now on.

use crate::{app::App, consents, error::Error, i18n::Language, receipts, staff::audit};
use entity::{donation, donation_address, ids::SupporterId, recurring_donation, supporter, words::RecurringStatus};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;

/// Who she is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Her name; may be empty.
    pub name: String,
    /// Her postal address in one line; may be empty.
    pub address: String,
    /// Whether her name may be shown.
    pub public_name: bool,
    /// The language of letters.
    pub language: Language,
    /// Whether letters have a neutral sender and subject.
    pub discreet: bool,
}

/// Her details as they stand.
pub async fn details(db: &impl ConnectionTrait, who: &supporter::Model) -> Result<Details, Error> {
    let last = last_gift(db, who.id).await?;
    Ok(Details {
        name: who.name.clone(),
        address: receipts::store::last_address_of(db, who.id).await?.unwrap_or_default(),
        public_name: last.is_some_and(|gift| gift.public_name),
        language: Language::nearest(&who.language).unwrap_or_default(),
        discreet: who.discreet,
    })
}

async fn last_gift(db: &impl ConnectionTrait, id: SupporterId) -> Result<Option<donation::Model>, Error> {
    let paid = donation::Entity::find().filter(donation::Column::SupporterId.eq(id)).filter(donation::Column::PaidAt.is_not_null());
    Ok(paid.order_by_desc(donation::Column::PaidAt).order_by_desc(donation::Column::Id).one(db).await?)
}

/// Keeps what she corrected, in one transaction.
pub async fn keep(app: &App, id: SupporterId, new: &Details) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let known = supporter::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Error::NotFound)?;
            if super::erase::is_erased(tx, id).await? {
                return Err(Error::NotFound);
            }
            consents::set_discreet(tx, id, new.discreet, now).await?;
            let mut row = known.into_active_model();
            row.name = Set(new.name.clone());
            row.language = Set(new.language.tag().to_owned());
            row.updated_at = Set(now);
            row.update(tx).await?;
            keep_with_gifts(tx, id, new, now).await?;
            let actor = super::By::Supporter.actor();
            audit::record(tx, now, &actor, "supporter.correct", "supporter", &id.to_string(), json!({})).await
        })
        .await
}

async fn keep_with_gifts(
    tx: &DatabaseTransaction,
    id: SupporterId,
    new: &Details,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    donation::Entity::update_many()
        .col_expr(donation::Column::PublicName, Expr::value(new.public_name))
        .filter(donation::Column::SupporterId.eq(id))
        .exec(tx)
        .await?;
    recurring_donation::Entity::update_many()
        .col_expr(recurring_donation::Column::DonorName, Expr::value(new.name.as_str()))
        .col_expr(recurring_donation::Column::PublicName, Expr::value(new.public_name))
        .col_expr(recurring_donation::Column::Language, Expr::value(new.language.tag()))
        .filter(recurring_donation::Column::SupporterId.eq(id))
        .filter(recurring_donation::Column::Status.ne(RecurringStatus::Ended))
        .exec(tx)
        .await?;
    let before = receipts::store::last_address_of(tx, id).await?.unwrap_or_default();
    if before == new.address {
        return Ok(());
    }
    // The next receipts take it from her last gift.
    let Some(last) = last_gift(tx, id).await? else { return Ok(()) };
    if new.address.is_empty() {
        let hers = donation::Entity::find().select_only().column(donation::Column::Id).filter(donation::Column::SupporterId.eq(id));
        let ids: Vec<entity::ids::DonationId> = hers.into_tuple().all(tx).await?;
        donation_address::Entity::delete_many().filter(donation_address::Column::DonationId.is_in(ids)).exec(tx).await?;
        return Ok(());
    }
    receipts::store::keep_address(tx, last.id, &new.address, now).await
}
