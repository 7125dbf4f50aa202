//! Whether a past gift is in the books already because it came another way: by hand, through a checkout, from a file, from Stripe's history.
//! Counting a gift twice falsifies the books quietly, and asking costs a minute.

use crate::{app::App, clock::start_of_day, donations::by_hand::reversed_donations, error::Error};
use chrono::{DateTime, Days, Utc};
use entity::{
    Money, donation,
    ids::{DonationId, SupporterId},
    supporter,
    words::DonationStatus,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

/// What is looked for.
pub(super) struct Gift<'a> {
    /// The giver's address; may be empty.
    pub email: &'a str,
    /// What it is called elsewhere: the other system's id, a reference, Stripe's ids.
    pub names: &'a [&'a str],
    pub money: Money,
    pub at: DateTime<Utc>,
    /// Whether it is one of Stripe's charges: another of those is another gift.
    pub is_of_stripe: bool,
}

/// A paid gift that came another way and has one of its names, or its giver, day and amount.
pub(super) async fn find(db: &impl ConnectionTrait, app: &App, gift: &Gift<'_>) -> Result<Option<DonationId>, Error> {
    use donation::Column as C;
    if gift.names.is_empty() && gift.email.is_empty() {
        return Ok(None);
    }
    // A file's rows are told apart by their own keys, and Stripe's charges by theirs.
    let other_way = if gift.is_of_stripe {
        Condition::all().add(C::ChargeId.is_null()).add(C::PaymentIntentId.is_null())
    } else {
        Condition::all().add(C::FormToken.not_like("imported:csv:%"))
    };
    let paid = donation::Entity::find()
        .filter(C::Status.eq(DonationStatus::Paid))
        .filter(other_way)
        .filter(C::Id.not_in_subquery(reversed_donations()))
        .order_by_asc(C::Id);
    for name in gift.names {
        let named = Condition::any();
        let named = if gift.is_of_stripe {
            named.add(C::Reference.eq(*name))
        } else {
            named.add(C::ChargeId.eq(*name)).add(C::PaymentIntentId.eq(*name))
        };
        if let Some(found) = paid.clone().filter(named).one(db).await? {
            return Ok(Some(found.id));
        }
    }
    let zone = app.config.org_timezone;
    let day = gift.at.with_timezone(&zone).date_naive();
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    let of_that_day = paid
        .filter(C::AmountMinor.eq(gift.money.minor))
        .filter(C::Currency.eq(gift.money.currency))
        .filter(C::PaidAt.gte(start_of_day(zone, day)))
        .filter(C::PaidAt.lt(start_of_day(zone, next)));
    let found = of_that_day.all(db).await?;
    let giver: Option<SupporterId> = if gift.email.is_empty() || found.is_empty() {
        None
    } else {
        supporter::Entity::find().filter(supporter::Column::Email.eq(gift.email.to_lowercase())).one(db).await?.map(|who| who.id)
    };
    let is_hers = |other: &donation::Model| giver == Some(other.supporter_id);
    let is_named = |other: &donation::Model| gift.names.contains(&other.reference.as_str());
    Ok(found.iter().find(|other| is_hers(other) || is_named(other)).map(|other| other.id))
}
