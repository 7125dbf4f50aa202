//! The counts of the desk's home.

use crate::{error::Error, wishes::steps};
use chrono::{DateTime, Utc};
use entity::{
    difference, dispute, job, letter, promise_choice, recurring_donation, refund, wish_order, wish_step,
    words::{DisputeOutcome, LetterState, OrderState, RecurringStatus, RefundState},
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

/// Choices of givers that could not be carried out.
pub async fn choices_in_trouble(db: &impl ConnectionTrait) -> Result<u64, Error> {
    use promise_choice::Column;
    Ok(promise_choice::Entity::find().filter(Column::CarriedAt.is_null()).filter(Column::Trouble.ne("")).count(db).await?)
}

/// Gifts for what cannot be bought whose givers have not been answered yet: they choose, or their choice waits to be carried out.
pub async fn choices_waiting(db: &impl ConnectionTrait) -> Result<u64, Error> {
    use promise_choice::Column;
    Ok(promise_choice::Entity::find().filter(Column::CarriedAt.is_null()).filter(Column::Trouble.eq("")).count(db).await?)
}

/// Orders at shops that supporters have told of, and that still hold their item.
pub async fn orders_to_confirm(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, Error> {
    use wish_order::Column;
    Ok(wish_order::Entity::find().filter(Column::State.eq(OrderState::Held)).filter(Column::ExpiresAt.gt(now)).count(db).await?)
}

/// Gifts whose money came at or after a moment, when their item was gone: their givers may want to hear of it.
pub async fn late_money_since(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<u64, Error> {
    use wish_step::Column;
    Ok(steps::missed().filter(Column::At.gte(since)).count(db).await?)
}

/// Work that was given up after many tries.
pub async fn jobs_given_up(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(job::Entity::find().filter(job::Column::GivenUpAt.is_not_null()).count(db).await?)
}
