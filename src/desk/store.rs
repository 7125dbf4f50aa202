//! The counts of the desk's home.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    balance_movement, difference, dispute, job, letter, recurring_donation, refund,
    words::{BalanceMapping, DisputeOutcome, LetterState, RecurringStatus, RefundState},
};
use sea_orm::entity::prelude::*;

/// Disputes whose bank still takes evidence.
pub async fn disputes_to_answer(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, Error> {
    use dispute::Column;
    let find = dispute::Entity::find()
        .filter(Column::Outcome.is_in([DisputeOutcome::Inquiry, DisputeOutcome::Open]))
        .filter(Column::EvidenceDueAt.gt(now));
    Ok(find.count(db).await?)
}

/// Differences between our books and Stripe that a person has to look at.
pub async fn open_differences(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(difference::Entity::find().filter(difference::Column::SettledAt.is_null()).count(db).await?)
}

/// Movements of Stripe's balance that nobody has named yet: they keep their period from closing.
pub async fn unmapped_movements(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(balance_movement::Entity::find().filter(balance_movement::Column::MappedTo.eq(BalanceMapping::Unmapped)).count(db).await?)
}

/// Refunds that failed at or after a moment: the supporter waits for another way.
pub async fn refunds_failed_since(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<u64, Error> {
    use refund::Column;
    Ok(refund::Entity::find().filter(Column::State.eq(RefundState::Failed)).filter(Column::UpdatedAt.gte(since)).count(db).await?)
}

/// Recurring gifts of which a payment failed.
pub async fn gifts_past_due(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(recurring_donation::Entity::find().filter(recurring_donation::Column::Status.eq(RecurringStatus::PastDue)).count(db).await?)
}

/// Letters that will not be tried again, or may not have arrived.
pub async fn letters_in_trouble(db: &impl ConnectionTrait) -> Result<u64, Error> {
    let trouble = [LetterState::Bounced, LetterState::Dead, LetterState::Unknown];
    Ok(letter::Entity::find().filter(letter::Column::State.is_in(trouble)).count(db).await?)
}

/// Work that was given up after many tries.
pub async fn jobs_given_up(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(job::Entity::find().filter(job::Column::GivenUpAt.is_not_null()).count(db).await?)
}
