//! What is forgotten of letters: their text when they have long gone out, and everything but the fact when their recipient is erased.

use super::{outbox::is_secret, store};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    bounce,
    ids::LetterId,
    letter, letter_attempt, letter_to_forget,
    words::{LetterState, LetterStream},
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

/// How many letters are forgotten in one transaction.
pub const FORGOTTEN_AT_ONCE: u64 = 500;

/// Letters that are still under way: they have their text until they are not.
const UNDER_WAY: [LetterState; 4] = [LetterState::Queued, LetterState::Deferred, LetterState::Leased, LetterState::Unknown];

/// Forgets letters to somebody who is erased. Receipts and notices that are still to go out go first, and are forgotten then; news and
/// links do not go out any more.
pub async fn forget_all(tx: &DatabaseTransaction, ids: &[LetterId], now: DateTime<Utc>) -> Result<(), Error> {
    let all = letter::Entity::find().filter(letter::Column::Id.is_in(ids.iter().copied())).lock_exclusive().all(tx).await?;
    let (mut at_once, mut later) = (Vec::new(), Vec::new());
    for one in all {
        let is_under_way = UNDER_WAY.contains(&one.state) && one.next_at < super::retry::NEVER;
        let is_of_use = one.stream == LetterStream::Transactional && !is_secret(one.kind);
        match is_under_way {
            true if is_of_use || one.state == LetterState::Leased => later.push(one.id),
            true => {
                store::hold_back(tx, one.id).await?;
                at_once.push(one.id);
            }
            false => at_once.push(one.id),
        }
    }
    for id in later {
        when_gone(tx, id, now).await?;
    }
    forget(tx, &at_once).await
}

/// Has a letter forgotten as soon as it has gone.
pub async fn when_gone(tx: &DatabaseTransaction, id: LetterId, now: DateTime<Utc>) -> Result<(), Error> {
    let row = letter_to_forget::Model { letter_id: id, since: now };
    let once = OnConflict::column(letter_to_forget::Column::LetterId).do_nothing().to_owned();
    letter_to_forget::Entity::insert(row.into_active_model()).on_conflict(once).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets the letters to erased supporters that have gone out meanwhile, or will never go. Returns how many.
pub async fn forget_gone(tx: &DatabaseTransaction) -> Result<usize, Error> {
    let waiting: Vec<LetterId> = letter_to_forget::Entity::find()
        .select_only()
        .column(letter_to_forget::Column::LetterId)
        .order_by_asc(letter_to_forget::Column::Since)
        .limit(FORGOTTEN_AT_ONCE)
        .into_tuple()
        .all(tx)
        .await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let gone: Vec<LetterId> = letter::Entity::find()
        .select_only()
        .column(letter::Column::Id)
        .filter(letter::Column::Id.is_in(waiting))
        .filter(Condition::any().add(letter::Column::State.is_not_in(UNDER_WAY)).add(letter::Column::NextAt.gte(super::retry::NEVER)))
        .into_tuple()
        .all(tx)
        .await?;
    forget(tx, &gone).await?;
    letter_to_forget::Entity::delete_many().filter(letter_to_forget::Column::LetterId.is_in(gone.iter().copied())).exec(tx).await?;
    Ok(gone.len())
}

/// Empties letters: only that one was written, of which kind, when, and what became of it is left.
async fn forget(tx: &DatabaseTransaction, ids: &[LetterId]) -> Result<(), Error> {
    use letter::Column;
    let texts = [Column::ToAddress, Column::ToName, Column::Subject, Column::TextBody, Column::HtmlBody, Column::Domain, Column::LastReply];
    let emptied = texts.into_iter().fold(letter::Entity::update_many(), |update, column| update.col_expr(column, Expr::value("")));
    emptied.filter(Column::Id.is_in(ids.iter().copied())).exec(tx).await?;
    letter_attempt::Entity::update_many()
        .col_expr(letter_attempt::Column::Reply, Expr::value(""))
        .filter(letter_attempt::Column::LetterId.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    bounce::Entity::update_many()
        .col_expr(bounce::Column::Diagnostic, Expr::value(""))
        .filter(bounce::Column::LetterId.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets the text of some letters that were written before a moment and are no longer under way; to whom they went, when, and with which
/// subject is kept. Returns how many: call again while it is [`FORGOTTEN_AT_ONCE`].
pub async fn forget_texts(tx: &DatabaseTransaction, before: DateTime<Utc>) -> Result<u64, Error> {
    let old: Vec<LetterId> = letter::Entity::find()
        .select_only()
        .column(letter::Column::Id)
        .filter(letter::Column::CreatedAt.lt(before))
        // In these words it is the condition of an index of its own, in which only letters with a text are.
        .filter(Expr::cust("text_body <> ''"))
        .filter(Condition::any().add(letter::Column::State.is_not_in(UNDER_WAY)).add(letter::Column::NextAt.gte(super::retry::NEVER)))
        .order_by_asc(letter::Column::CreatedAt)
        .limit(FORGOTTEN_AT_ONCE)
        .into_tuple()
        .all(tx)
        .await?;
    letter::Entity::update_many()
        .col_expr(letter::Column::TextBody, Expr::value(""))
        .col_expr(letter::Column::HtmlBody, Expr::value(""))
        .filter(letter::Column::Id.is_in(old.iter().copied()))
        .exec(tx)
        .await?;
    Ok(old.len() as u64)
}

/// Whether the text of a letter was forgotten, so that it cannot be sent again.
pub fn is_forgotten(letter: &letter::Model) -> bool {
    letter.text_body.is_empty() && letter.content_id.is_none()
}
