//! Queries of receipts and their series.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    address_change, confirmation, donation, donation_address, erasure,
    ids::{DonationId, ReceiptId, ReceiptSeriesId, SupporterId},
    letter, receipt, receipt_series,
    words::{LetterState, ReceiptStatus},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

/// Takes the next number of a series, making the series where there is none. The row stays locked until the transaction ends, so a
/// number is given back by a rollback and no other transaction can take the one after it before. (A database sequence would leave gaps.)
pub async fn take_number(
    tx: &DatabaseTransaction,
    prefix: &str,
    year: i64,
    new_id: ReceiptSeriesId,
) -> Result<(ReceiptSeriesId, i64), Error> {
    if let Some(taken) = take(tx, prefix, year).await? {
        return Ok(taken);
    }
    let series = receipt_series::ActiveModel { id: Set(new_id), prefix: Set(prefix.to_owned()), year: Set(year), next_number: Set(1) };
    let once = OnConflict::columns([receipt_series::Column::Prefix, receipt_series::Column::Year]).do_nothing().to_owned();
    receipt_series::Entity::insert(series).on_conflict(once).exec_without_returning(tx).await?;
    take(tx, prefix, year).await?.ok_or_else(|| Error::Internal(format!("the receipt series {prefix}-{year} cannot be made")))
}

async fn take(tx: &DatabaseTransaction, prefix: &str, year: i64) -> Result<Option<(ReceiptSeriesId, i64)>, Error> {
    let taken = receipt_series::Entity::update_many()
        .col_expr(receipt_series::Column::NextNumber, Expr::col(receipt_series::Column::NextNumber).add(1))
        .filter(receipt_series::Column::Prefix.eq(prefix))
        .filter(receipt_series::Column::Year.eq(year))
        .exec_with_returning(tx)
        .await?;
    Ok(taken.first().map(|series| (series.id, series.next_number - 1)))
}

/// Writes a receipt.
pub async fn insert(tx: &DatabaseTransaction, receipt: receipt::ActiveModel) -> Result<receipt::Model, Error> {
    Ok(receipt::Entity::insert(receipt).exec_with_returning(tx).await?)
}

/// A receipt by its id.
pub async fn find(db: &impl ConnectionTrait, id: ReceiptId) -> Result<receipt::Model, Error> {
    receipt::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)
}

/// The gift of a receipt. Refused is one of somebody who was erased: nothing may be written on it or sent any more. The caller keeps the
/// donation locked.
pub async fn require_not_sealed(tx: &DatabaseTransaction, receipt: &receipt::Model) -> Result<donation::Model, Error> {
    let gift = donation::Entity::find_by_id(receipt.donation_id).one(tx).await?.ok_or(Error::NotFound)?;
    if receipt.sealed_at.is_some() || erasure::Entity::find_by_id(gift.supporter_id).one(tx).await?.is_some() {
        return Err(Error::Conflict(format!("Receipt {} is sealed because its supporter was erased: it stays as it is.", receipt.code)));
    }
    Ok(gift)
}

/// A receipt by what people read, `R-2026-000123`.
pub async fn find_by_code(db: &impl ConnectionTrait, code: &str) -> Result<Option<receipt::Model>, Error> {
    Ok(receipt::Entity::find().filter(receipt::Column::Code.eq(code.trim().to_ascii_uppercase())).one(db).await?)
}

/// The valid receipt of a donation.
pub async fn issued_for_donation(db: &impl ConnectionTrait, id: DonationId) -> Result<Option<receipt::Model>, Error> {
    let issued = receipt::Column::Status.eq(ReceiptStatus::Issued);
    Ok(receipt::Entity::find().filter(receipt::Column::DonationId.eq(id)).filter(issued).one(db).await?)
}

/// Every receipt of a donation, the void ones too, in the order of their numbers.
pub async fn find_by_donation(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<receipt::Model>, Error> {
    let all = receipt::Entity::find().filter(receipt::Column::DonationId.eq(id));
    Ok(all.order_by_asc(receipt::Column::IssuedAt).order_by_asc(receipt::Column::Number).all(db).await?)
}

/// The letters that carry a receipt, the first one first.
pub async fn letters(db: &impl ConnectionTrait, id: ReceiptId) -> Result<Vec<letter::Model>, Error> {
    let letters = letter::Entity::find().filter(letter::Column::ReceiptId.eq(id));
    Ok(letters.order_by_asc(letter::Column::CreatedAt).order_by_asc(letter::Column::Id).all(db).await?)
}

/// What stands in the key of a letter since which all later ones about its receipt go where it went.
pub(super) const FROM_NOW_ON: &str = ":from-now-on:";

/// Where letters about a gift's receipt go since staff said so, because the address that came with it was wrong; none when they did not, or
/// when its giver has another address since.
pub async fn named_by_staff(db: &impl ConnectionTrait, gift: DonationId, giver: SupporterId) -> Result<Option<String>, Error> {
    let named = letter::Entity::find()
        .filter(letter::Column::DonationId.eq(gift))
        .filter(letter::Column::DedupeKey.contains(FROM_NOW_ON))
        .filter(letter::Column::ToAddress.ne(""))
        .order_by_desc(letter::Column::CreatedAt)
        .order_by_desc(letter::Column::Id);
    let Some(named) = named.one(db).await? else { return Ok(None) };
    let moved = address_change::Entity::find()
        .filter(address_change::Column::SupporterId.eq(giver))
        .filter(address_change::Column::DoneAt.gt(named.created_at))
        .filter(address_change::Column::EndedAt.is_null());
    Ok(if moved.one(db).await?.is_some() { None } else { Some(named.to_address) })
}

/// Ends the validity of a receipt; false when it was not valid.
pub async fn end(tx: &DatabaseTransaction, id: ReceiptId, status: ReceiptStatus, reason: &str) -> Result<bool, Error> {
    let ended = receipt::Entity::update_many()
        .col_expr(receipt::Column::Status, Expr::value(status))
        .col_expr(receipt::Column::StatusReason, Expr::value(reason))
        .filter(receipt::Column::Id.eq(id))
        .filter(receipt::Column::Status.eq(ReceiptStatus::Issued))
        .exec(tx)
        .await?;
    keep_letters_in(tx, letter::Column::ReceiptId.eq(id)).await?;
    // A gift whose slip is void may be confirmed anew.
    confirmation::Entity::delete_many().filter(confirmation::Column::ReceiptId.eq(id)).exec(tx).await?;
    Ok(ended.rows_affected == 1)
}

/// Letters that have not gone out must not tell of a receipt or statement that is no longer valid, perhaps after the letter that says so.
pub(super) async fn keep_letters_in(tx: &DatabaseTransaction, of: Expr) -> Result<(), Error> {
    letter::Entity::update_many()
        .col_expr(letter::Column::State, Expr::value(LetterState::Suppressed))
        .col_expr(letter::Column::LastReply, Expr::value("the receipt is no longer valid"))
        .filter(of)
        .filter(letter::Column::State.is_in([LetterState::Queued, LetterState::Deferred, LetterState::Bounced, LetterState::Dead]))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes that a receipt is a gift's German confirmation. A second one of the same gift is refused by the database.
pub async fn confirm_by_receipt(tx: &DatabaseTransaction, donation_id: DonationId, receipt_id: ReceiptId) -> Result<(), Error> {
    let row = confirmation::ActiveModel { donation_id: Set(donation_id), receipt_id: Set(Some(receipt_id)), statement_id: Set(None) };
    confirmation::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether a gift stands on an annual German confirmation.
pub async fn is_on_statement(db: &impl ConnectionTrait, id: DonationId) -> Result<bool, Error> {
    Ok(confirmation::Entity::find_by_id(id).one(db).await?.is_some_and(|row| row.statement_id.is_some()))
}

/// The postal address given with a donation.
pub async fn address_of(db: &impl ConnectionTrait, id: DonationId) -> Result<Option<String>, Error> {
    Ok(donation_address::Entity::find_by_id(id).one(db).await?.map(|row| row.address))
}

/// The postal address that a supporter gave last with a paid donation.
pub async fn last_address_of(db: &impl ConnectionTrait, id: SupporterId) -> Result<Option<String>, Error> {
    use sea_orm::{JoinType, QuerySelect, RelationDef};
    let of: RelationDef =
        donation_address::Entity::belongs_to(donation::Entity).from(donation_address::Column::DonationId).to(donation::Column::Id).into();
    let last = donation_address::Entity::find()
        .join(JoinType::InnerJoin, of)
        .filter(donation::Column::SupporterId.eq(id))
        .filter(donation::Column::PaidAt.is_not_null())
        .order_by_desc(donation::Column::PaidAt)
        .order_by_desc(donation::Column::Id)
        .limit(1);
    Ok(last.one(db).await?.map(|row| row.address))
}

/// Keeps the postal address given with a donation, or mends it.
pub async fn keep_address(tx: &DatabaseTransaction, id: DonationId, address: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let row = donation_address::ActiveModel { donation_id: Set(id), address: Set(address.to_owned()), updated_at: Set(now) };
    let mended = OnConflict::column(donation_address::Column::DonationId)
        .update_columns([donation_address::Column::Address, donation_address::Column::UpdatedAt])
        .to_owned();
    donation_address::Entity::insert(row).on_conflict(mended).exec_without_returning(tx).await?;
    Ok(())
}
