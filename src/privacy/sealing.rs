//! Which documents name somebody, and taking her out of their rows. Numbers, amounts and days stay: a receipt is still the receipt it was.

use super::{person::Person, retention, seal::Document};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    gift_aid_claim, gift_aid_declaration, gift_aid_line,
    ids::{DonationId, GiftAidDeclarationId, ReceiptId, StatementId},
    receipt, statement,
    words::SealedKind,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::Value;

/// Where a receipt and a statement name whom they were given to.
const NAMING: [&str; 6] = ["donor_name", "donor_email", "donor_address", "name", "email", "address"];

/// Every document that names her.
pub(super) async fn documents(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Document>, Error> {
    let mut all = Vec::new();
    let receipts =
        receipt::Entity::find().filter(receipt::Column::Id.is_in(who.receipts.iter().copied())).order_by_asc(receipt::Column::Id);
    for one in receipts.all(db).await? {
        let kept_until = retention::until(one.issued_at.date_naive(), retention::years(&one.profile));
        all.push(Document { kind: SealedKind::Receipt, object_id: one.id.0, code: one.code, text: one.snapshot, kept_until });
    }
    let statements =
        statement::Entity::find().filter(statement::Column::SupporterId.eq(who.supporter.id)).order_by_asc(statement::Column::Id);
    for one in statements.all(db).await? {
        let kept_until = retention::until(one.issued_at.date_naive(), retention::years(&one.profile));
        all.push(Document { kind: SealedKind::Statement, object_id: one.id.0, code: one.code, text: one.snapshot, kept_until });
    }
    all.extend(gift_aid(db, who).await?);
    Ok(all)
}

/// Her Gift Aid declarations, and her rows of the claims made on them: kept together, for [`retention::GIFT_AID_YEARS`] after the last claim.
async fn gift_aid(db: &impl ConnectionTrait, who: &Person) -> Result<Vec<Document>, Error> {
    let declared = gift_aid_declaration::Entity::find()
        .filter(gift_aid_declaration::Column::SupporterId.eq(who.supporter.id))
        .order_by_asc(gift_aid_declaration::Column::Id)
        .all(db)
        .await?;
    let lines = gift_aid_line::Entity::find()
        .filter(gift_aid_line::Column::DonationId.is_in(who.donations.iter().copied()))
        .filter(gift_aid_line::Column::Schedule.ne(""))
        .order_by_asc(gift_aid_line::Column::DonationId)
        .all(db)
        .await?;
    let claims = gift_aid_claim::Entity::find().filter(gift_aid_claim::Column::Id.is_in(lines.iter().map(|line| line.claim_id)));
    let claimed = claims.all(db).await?.into_iter().map(|claim| claim.settled_at.unwrap_or(claim.made_at)).max();
    let last = claimed.into_iter().chain(declared.iter().map(|one| one.declared_at)).max();
    let Some(kept_until) = last.map(|at| retention::until(at.date_naive(), retention::GIFT_AID_YEARS)) else { return Ok(Vec::new()) };
    let of_declaration = |one: gift_aid_declaration::Model| Document {
        kind: SealedKind::GiftAidDeclaration,
        object_id: one.id.0,
        code: String::new(),
        text: serde_json::json!({
            "title": one.title, "first_name": one.first_name, "last_name": one.last_name, "house": one.house, "postcode": one.postcode,
        })
        .to_string(),
        kept_until,
    };
    let of_line = |one: gift_aid_line::Model| Document {
        kind: SealedKind::GiftAidLine,
        object_id: one.donation_id.0,
        code: String::new(),
        text: one.schedule,
        kept_until,
    };
    Ok(declared.into_iter().map(of_declaration).chain(lines.into_iter().map(of_line)).collect())
}

/// Takes her out of the rows of these documents.
pub(super) async fn take_out(tx: &DatabaseTransaction, documents: &[Document], now: DateTime<Utc>) -> Result<(), Error> {
    let sealed = || Expr::value(Some(now));
    for document in documents {
        match document.kind {
            SealedKind::Receipt => {
                receipt::Entity::update_many()
                    .col_expr(receipt::Column::Snapshot, Expr::value(nameless(&document.text)?))
                    .col_expr(receipt::Column::SealedAt, sealed())
                    .filter(receipt::Column::Id.eq(ReceiptId(document.object_id)))
                    .exec(tx)
                    .await?;
            }
            SealedKind::Statement => {
                statement::Entity::update_many()
                    .col_expr(statement::Column::Snapshot, Expr::value(nameless(&document.text)?))
                    .col_expr(statement::Column::SealedAt, sealed())
                    .filter(statement::Column::Id.eq(StatementId(document.object_id)))
                    .exec(tx)
                    .await?;
            }
            SealedKind::GiftAidDeclaration => {
                use gift_aid_declaration::Column;
                let columns = [Column::Title, Column::FirstName, Column::LastName, Column::House, Column::Postcode];
                let emptied = gift_aid_declaration::Entity::update_many().col_expr(Column::SealedAt, sealed());
                let emptied = columns.into_iter().fold(emptied, |update, column| update.col_expr(column, Expr::value("")));
                emptied.filter(Column::Id.eq(GiftAidDeclarationId(document.object_id))).exec(tx).await?;
            }
            SealedKind::GiftAidLine => {
                gift_aid_line::Entity::update_many()
                    .col_expr(gift_aid_line::Column::Schedule, Expr::value(nameless_row(&document.text)?))
                    .col_expr(gift_aid_line::Column::SealedAt, sealed())
                    .filter(gift_aid_line::Column::DonationId.eq(DonationId(document.object_id)))
                    .filter(gift_aid_line::Column::AmountMinor.gt(0))
                    .exec(tx)
                    .await?;
            }
        }
    }
    Ok(())
}

/// What a receipt or statement says, but for whom it names.
fn nameless(snapshot: &str) -> Result<String, Error> {
    let mut said: Value = serde_json::from_str(snapshot)?;
    empty(&mut said, &NAMING[..3]);
    if let Some(donor) = said.get_mut("donor") {
        empty(donor, &NAMING[3..]);
    }
    Ok(said.to_string())
}

/// A row of HMRC's schedule, but for whom it names.
fn nameless_row(schedule: &str) -> Result<String, Error> {
    let mut row: Value = serde_json::from_str(schedule)?;
    empty(&mut row, &["title", "first_name", "last_name", "house", "postcode"]);
    Ok(row.to_string())
}

fn empty(value: &mut Value, fields: &[&str]) {
    for field in fields {
        if let Some(text) = value.get_mut(*field) {
            *text = Value::String(String::new());
        }
    }
}
