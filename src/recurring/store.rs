//! The queries of recurring donations.

use chrono::{DateTime, Utc};
use entity::{
    donation,
    ids::{ArticleId, RecurringId, SupporterId},
    recurring_donation, recurring_step,
    words::{GiftInterval, RecurringStatus},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use recurring_donation::Column as C;

/// A recurring donation by its id.
pub async fn find(db: &impl ConnectionTrait, id: RecurringId) -> Result<Option<recurring_donation::Model>, DbErr> {
    recurring_donation::Entity::find_by_id(id).one(db).await
}

/// A recurring donation, locked until the transaction ends.
pub async fn lock(tx: &DatabaseTransaction, id: RecurringId) -> Result<Option<recurring_donation::Model>, DbErr> {
    recurring_donation::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// The recurring donation of a subscription.
pub async fn find_by_subscription(db: &impl ConnectionTrait, id: &str) -> Result<Option<recurring_donation::Model>, DbErr> {
    recurring_donation::Entity::find().filter(C::SubscriptionId.eq(id)).one(db).await
}

/// The recurring donation of a customer: each checkout makes its own.
pub async fn find_by_customer(db: &impl ConnectionTrait, id: &str) -> Result<Option<recurring_donation::Model>, DbErr> {
    recurring_donation::Entity::find().filter(C::CustomerId.eq(id)).one(db).await
}

/// A supporter's recurring donations that were begun, newest first.
pub async fn of_supporter(db: &impl ConnectionTrait, id: SupporterId, most: u64) -> Result<Vec<recurring_donation::Model>, DbErr> {
    recurring_donation::Entity::find()
        .filter(C::SupporterId.eq(id))
        .filter(C::StartedAt.is_not_null())
        .order_by_desc(C::Id)
        .limit(most)
        .all(db)
        .await
}

/// The recurring donations that began on an article, newest first.
pub async fn of_article(db: &impl ConnectionTrait, id: ArticleId, most: u64) -> Result<Vec<recurring_donation::Model>, DbErr> {
    recurring_donation::Entity::find().filter(C::ArticleId.eq(id)).order_by_desc(C::Id).limit(most).all(db).await
}

/// The donation that its form was sent with. The first written is the first by id.
pub async fn first_donation(db: &impl ConnectionTrait, id: RecurringId) -> Result<Option<donation::Model>, DbErr> {
    donation::Entity::find()
        .filter(donation::Column::RecurringDonationId.eq(id))
        .order_by_asc(donation::Column::CreatedAt)
        .order_by_asc(donation::Column::Id)
        .limit(1)
        .one(db)
        .await
}

/// Its payments, newest first.
pub async fn donations(db: &impl ConnectionTrait, id: RecurringId, most: u64) -> Result<Vec<donation::Model>, DbErr> {
    donation::Entity::find()
        .filter(donation::Column::RecurringDonationId.eq(id))
        .order_by_desc(donation::Column::CreatedAt)
        .order_by_desc(donation::Column::Id)
        .limit(most)
        .all(db)
        .await
}

/// What `reconcile` looks at: those about which something is awaited. When it is thorough all that have not ended, and those that ended
/// after `ended`, because an invoice can still be paid after the end.
pub async fn to_look_at(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    abandoned: DateTime<Utc>,
    ended: Option<DateTime<Utc>>,
    after: Option<RecurringId>,
    most: u64,
) -> Result<Vec<recurring_donation::Model>, DbErr> {
    let running = C::Status.ne(RecurringStatus::Pending);
    let awaited = Condition::any()
        .add(C::Status.eq(RecurringStatus::PastDue))
        .add(C::NextAt.lte(now))
        .add(C::PausedUntil.lte(now))
        .add(C::AskedEnd.ne(""));
    let running = Condition::all().add(running).add(C::Status.ne(RecurringStatus::Ended));
    let of_these = match ended {
        Some(ended) => {
            let lately =
                Condition::all().add(C::Status.eq(RecurringStatus::Ended)).add(C::SubscriptionId.is_not_null()).add(C::EndedAt.gt(ended));
            Condition::any().add(running).add(lately)
        }
        None => running.add(awaited),
    };
    let forgotten = Condition::all().add(C::Status.eq(RecurringStatus::Pending)).add(C::CreatedAt.lt(abandoned));
    let mut find = recurring_donation::Entity::find().filter(Condition::any().add(of_these).add(forgotten));
    if let Some(after) = after {
        find = find.filter(C::Id.gt(after));
    }
    find.order_by_asc(C::Id).limit(most).all(db).await
}

/// Running gifts whose card expires in or before this year and month.
pub async fn cards_expiring(
    db: &impl ConnectionTrait,
    year: i64,
    month: i64,
    after: Option<RecurringId>,
    most: u64,
) -> Result<Vec<recurring_donation::Model>, DbErr> {
    let mut find = recurring_donation::Entity::find().filter(C::Status.is_in([RecurringStatus::Active, RecurringStatus::PastDue])).filter(
        Condition::any().add(C::CardExpYear.lt(year)).add(Condition::all().add(C::CardExpYear.eq(year)).add(C::CardExpMonth.lte(month))),
    );
    if let Some(after) = after {
        find = find.filter(C::Id.gt(after));
    }
    find.order_by_asc(C::Id).limit(most).all(db).await
}

/// The page of the desk's list after `after`, newest first, one row more than a page.
pub async fn page(
    db: &impl ConnectionTrait,
    status: Option<RecurringStatus>,
    every: Option<GiftInterval>,
    after: Option<RecurringId>,
    most: u64,
) -> Result<Vec<recurring_donation::Model>, DbErr> {
    let mut find = recurring_donation::Entity::find();
    if let Some(status) = status {
        find = find.filter(C::Status.eq(status));
    }
    if let Some(every) = every {
        find = find.filter(C::Every.eq(every));
    }
    if let Some(after) = after {
        find = find.filter(C::Id.lt(after));
    }
    find.order_by_desc(C::Id).limit(most).all(db).await
}

/// Its story, oldest first.
pub async fn steps(db: &impl ConnectionTrait, id: RecurringId) -> Result<Vec<recurring_step::Model>, DbErr> {
    recurring_step::Entity::find()
        .filter(recurring_step::Column::RecurringDonationId.eq(id))
        .order_by_asc(recurring_step::Column::Id)
        .all(db)
        .await
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: &'static str,
    /// Who.
    pub actor: &'a str,
    /// The amount before it.
    pub before: Option<i64>,
    /// The amount after it.
    pub after: Option<i64>,
    /// Ids and codes.
    pub detail: &'a str,
}

/// Writes one thing that happened into the gift's story; the answer is its number.
pub async fn note(tx: &impl ConnectionTrait, id: RecurringId, step: &Step<'_>) -> Result<i64, DbErr> {
    let row = recurring_step::ActiveModel {
        id: NotSet,
        recurring_donation_id: Set(id),
        at: Set(step.at),
        kind: Set(step.kind.to_owned()),
        actor: Set(step.actor.to_owned()),
        before_minor: Set(step.before),
        after_minor: Set(step.after),
        detail: Set(step.detail.to_owned()),
    };
    Ok(recurring_step::Entity::insert(row).exec(tx).await?.last_insert_id)
}
