//! Which refunds and disputes a list shows, the newest first, fifty at a time.

use crate::{
    error::Error,
    web::pager::{PAGE_ROWS, Pager},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Money, dispute,
    ids::{DisputeId, RefundId},
    refund, staff_member,
    words::{DisputeOutcome, RefundState},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

/// Evidence that is due sooner than this is marked as urgent.
const URGENT: TimeDelta = TimeDelta::days(3);

/// One refund.
#[derive(Clone, Debug)]
pub struct RefundLine {
    /// The refund.
    pub refund: refund::Model,
    /// How much.
    pub amount: Money,
    /// Who asked for it here; empty when it was made in Stripe's dashboard.
    pub asked_by: String,
}

/// One dispute.
#[derive(Clone, Debug)]
pub struct DisputeLine {
    /// The dispute.
    pub dispute: dispute::Model,
    /// How much.
    pub amount: Money,
    /// Whether evidence is due within days.
    pub is_urgent: bool,
}

/// A page of refunds in a state, beginning after one.
pub async fn refunds(db: &impl ConnectionTrait, state: Option<RefundState>, after: Option<RefundId>) -> Result<Pager<RefundLine>, Error> {
    use refund::Column as C;
    let mut find = refund::Entity::find();
    if let Some(state) = state {
        find = find.filter(C::State.eq(state));
    }
    if let Some(id) = after {
        let last = refund::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)?;
        let same = Condition::all().add(C::CreatedAt.eq(last.created_at)).add(C::Id.lt(last.id));
        find = find.filter(Condition::any().add(C::CreatedAt.lt(last.created_at)).add(same));
    }
    let rows = find.order_by_desc(C::CreatedAt).order_by_desc(C::Id).limit(PAGE_ROWS + 1).all(db).await?;
    let page = Pager::from_rows(rows, |row| row.id.to_string());
    let asked_by: Vec<_> = page.rows.iter().filter_map(|row| row.asked_by).collect();
    let members = staff_member::Entity::find().filter(staff_member::Column::Id.is_in(asked_by)).all(db).await?;
    let names: HashMap<_, _> = members.into_iter().map(|member| (member.id, member.name)).collect();
    let line = |refund: refund::Model| RefundLine {
        amount: Money::new(refund.amount_minor, refund.currency),
        asked_by: refund.asked_by.and_then(|id| names.get(&id).cloned()).unwrap_or_default(),
        refund,
    };
    Ok(Pager { rows: page.rows.into_iter().map(line).collect(), next: page.next })
}

/// A page of disputes with an outcome, beginning after one.
pub async fn disputes(
    db: &impl ConnectionTrait,
    outcome: Option<DisputeOutcome>,
    after: Option<DisputeId>,
    now: DateTime<Utc>,
) -> Result<Pager<DisputeLine>, Error> {
    use dispute::Column as C;
    let mut find = dispute::Entity::find();
    if let Some(outcome) = outcome {
        find = find.filter(C::Outcome.eq(outcome));
    }
    if let Some(id) = after {
        let last = dispute::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)?;
        let same = Condition::all().add(C::OpenedAt.eq(last.opened_at)).add(C::Id.lt(last.id));
        find = find.filter(Condition::any().add(C::OpenedAt.lt(last.opened_at)).add(same));
    }
    let rows = find.order_by_desc(C::OpenedAt).order_by_desc(C::Id).limit(PAGE_ROWS + 1).all(db).await?;
    let page = Pager::from_rows(rows, |row| row.id.to_string());
    let line = |dispute: dispute::Model| DisputeLine {
        amount: Money::new(dispute.amount_minor, dispute.currency),
        is_urgent: dispute.closed_at.is_none() && dispute.evidence_due_at.is_some_and(|due| due - now < URGENT),
        dispute,
    };
    Ok(Pager { rows: page.rows.into_iter().map(line).collect(), next: page.next })
}
