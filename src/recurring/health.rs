//! How recurring giving does: what began, changed, was lost and came back, month by month.

use crate::{app::App, error::Error};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{Currency, Money, recurring_donation, recurring_step, words::GiftInterval};
use futures_util::TryStreamExt;
use sea_orm::{ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeMap;

/// A first moment, and the first one after; none where there is no bound.
type Bounds = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// How many gifts, and what they are worth together each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: i64,
    /// In minor units of the line's currency: what is charged each month or year, not what was paid.
    pub minor: i64,
}

impl Sum {
    fn add(&mut self, minor: i64) -> Result<(), Error> {
        self.count += 1;
        self.minor = self.minor.checked_add(minor).ok_or_else(|| Error::Internal("a sum of gifts is too large".to_owned()))?;
        Ok(())
    }
}

/// One month of one kind of gift in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The first day of the month, in the organisation's zone.
    pub month: NaiveDate,
    /// Monthly or yearly gifts.
    pub every: GiftInterval,
    /// Their currency.
    pub currency: Currency,
    /// Begun: the first payment came.
    pub begun: Sum,
    /// Raised, by how much.
    pub raised: Sum,
    /// Lowered, by how much (positive).
    pub lowered: Sum,
    /// Paused.
    pub paused: Sum,
    /// Resumed.
    pub resumed: Sum,
    /// Ended by the supporter, staff or at Stripe.
    pub ended: Sum,
    /// Ended because the payments failed or a bank took them back.
    pub lost: Sum,
    /// Payments that failed.
    pub failing: Sum,
    /// Payments that failed first and then came.
    pub recovered: Sum,
}

impl Line {
    /// An amount of this line's currency.
    pub fn money(&self, sum: Sum) -> Money {
        Money::new(sum.minor, self.currency)
    }
}

/// Recurring giving between the bounds (the latter not included), by month of `zone`, kind and currency, in that order. Months in which
/// nothing happened have no line. Worked out from the gifts' stories, in constant memory.
pub async fn health(app: &App, zone: Tz, (from, to): Bounds) -> Result<Vec<Line>, Error> {
    let mut lines: BTreeMap<(NaiveDate, GiftInterval, String), Line> = BTreeMap::new();
    let gift = recurring_step::Entity::belongs_to(recurring_donation::Entity)
        .from(recurring_step::Column::RecurringDonationId)
        .to(recurring_donation::Column::Id);
    let mut steps = recurring_step::Entity::find()
        .filter(
            Condition::all()
                .add_option(from.map(|from| recurring_step::Column::At.gte(from)))
                .add_option(to.map(|to| recurring_step::Column::At.lt(to))),
        )
        .order_by_asc(recurring_step::Column::At)
        .join(JoinType::InnerJoin, gift.into())
        .select_also(recurring_donation::Entity)
        .stream(app.db.read())
        .await?;
    while let Some((step, gift)) = steps.try_next().await? {
        let Some(gift) = gift else { continue };
        let day = step.at.with_timezone(&zone).date_naive();
        let month = day.with_day(1).unwrap_or(day);
        let line = lines.entry((month, gift.every, gift.currency.code().to_owned())).or_insert_with(|| Line::empty(month, &gift));
        line.count(&step)?;
    }
    Ok(lines.into_values().filter(|line| !line.is_empty()).collect())
}

impl Line {
    fn empty(month: NaiveDate, gift: &recurring_donation::Model) -> Self {
        let none = Sum::default();
        Self {
            month,
            every: gift.every,
            currency: gift.currency,
            begun: none,
            raised: none,
            lowered: none,
            paused: none,
            resumed: none,
            ended: none,
            lost: none,
            failing: none,
            recovered: none,
        }
    }

    fn count(&mut self, step: &recurring_step::Model) -> Result<(), Error> {
        let (before, after) = (step.before_minor.unwrap_or(0), step.after_minor.unwrap_or(0));
        match step.kind.as_str() {
            "begun" => self.begun.add(after),
            "amount_changed" if after > before => self.raised.add(after - before),
            "amount_changed" => self.lowered.add(before - after),
            "paused" => self.paused.add(before),
            "resumed" => self.resumed.add(after),
            "ended" if matches!(step.detail.as_str(), "payment_failed" | "payment_disputed") => self.lost.add(before),
            "ended" if step.detail != "not_completed" => self.ended.add(before),
            "failing" => self.failing.add(after),
            "recovered" => self.recovered.add(after),
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        let all = [self.begun, self.raised, self.lowered, self.paused, self.resumed, self.ended, self.lost, self.failing, self.recovered];
        all.iter().all(|sum| sum.count == 0)
    }
}
