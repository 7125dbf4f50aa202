//! Letters that are of no use any more when they are to leave: what they carry is no longer valid, or their link has ended.

use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{LetterId, ReceiptId},
    letter, receipt, statement,
    words::{LetterKind, ReceiptStatus},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::collections::{HashMap, HashSet};

/// How long a link to a supporter's own pages holds: short, because others may read the mailbox later.
pub const SIGN_IN_HOLDS: TimeDelta = TimeDelta::minutes(10);

const NOT_VALID: &str = "The receipt or statement in this letter is no longer valid, so the letter is not sent any more.";
const LINK_ENDED: &str = "The link in this letter has ended, so the letter is not sent any more: who asked for it asks for a new one.";

/// Which of these letters must not leave any more, each with the reason in a sentence for staff.
pub async fn among(
    db: &impl ConnectionTrait,
    letters: &[letter::Model],
    now: DateTime<Utc>,
) -> Result<HashMap<LetterId, &'static str>, Error> {
    let receipts: Vec<ReceiptId> = letters.iter().filter_map(|letter| letter.receipt_id).collect();
    let statements: Vec<&str> = letters.iter().filter_map(statement_of).collect();
    let mut ended_receipts: HashSet<ReceiptId> = HashSet::new();
    if !receipts.is_empty() {
        let ended = receipt::Entity::find().select_only().column(receipt::Column::Id).filter(receipt::Column::Id.is_in(receipts));
        ended_receipts.extend(ended.filter(receipt::Column::Status.ne(ReceiptStatus::Issued)).into_tuple::<ReceiptId>().all(db).await?);
    }
    let mut ended_statements: HashSet<String> = HashSet::new();
    if !statements.is_empty() {
        let of = statement::Column::Code.is_in(statements);
        let ended = statement::Entity::find().select_only().column(statement::Column::Code).filter(of);
        ended_statements.extend(ended.filter(statement::Column::Status.ne(ReceiptStatus::Issued)).into_tuple::<String>().all(db).await?);
    }
    let why = |letter: &letter::Model| {
        let is_ended = letter.receipt_id.is_some_and(|id| ended_receipts.contains(&id))
            || statement_of(letter).is_some_and(|code| ended_statements.contains(code));
        let link_ended = letter.kind == LetterKind::PortalLink && now >= letter.created_at + SIGN_IN_HOLDS;
        is_ended.then_some(NOT_VALID).or(link_ended.then_some(LINK_ENDED))
    };
    Ok(letters.iter().filter_map(|letter| Some((letter.id, why(letter)?))).collect())
}

/// The number of the statement that a letter carries.
fn statement_of(letter: &letter::Model) -> Option<&str> {
    letter.dedupe_key.strip_prefix("statement:").filter(|_| letter.kind == LetterKind::Statement)
}
