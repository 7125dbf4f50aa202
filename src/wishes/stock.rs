//! How much of an item is needed, and how far it has come. Computed each time from the rows themselves; nothing is kept twice.

use super::{is_shared, price_of, store};
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Money, MoneyError,
    ids::WishItemId,
    wish_item,
    words::{ReservationState, WishKind, WishStatus},
};
use sea_orm::ConnectionTrait;
use std::collections::HashMap;

/// How much of an item is needed, and how far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// How many are needed in all.
    pub needed: i64,
    /// How many are held by open checkouts, or by who says that she ordered them.
    pub reserved: i64,
    /// How many are paid; of an item that many pay for together, how many the money is there for.
    pub paid: i64,
    /// How many staff have bought, or were ordered at the shop and confirmed.
    pub bought: i64,
    /// How many are where they are needed.
    pub delivered: i64,
    /// How many can still be given; none of a cancelled item.
    pub left: i64,
    /// The money, for an item that many pay for together.
    pub funding: Option<Funding>,
}

/// The money for an item that many pay for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// What all that are needed cost.
    pub goal: Money,
    /// What is paid.
    pub paid: Money,
    /// What open checkouts hold.
    pub held: Money,
    /// Whether it is asked for.
    pub is_open: bool,
}

impl Funding {
    /// What can still be given; nothing for a cancelled item.
    pub fn left(&self) -> Money {
        let left = self.goal.minor.saturating_sub(self.paid.minor).saturating_sub(self.held.minor);
        Money::new(if self.is_open { left.max(0) } else { 0 }, self.goal.currency)
    }
}

/// What people are told about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Some are left to give.
    Needed,
    /// None is left, but not all are paid: some may come back.
    Reserved,
    /// All are paid.
    Paid,
    /// All are bought.
    Bought,
    /// All are where they are needed.
    Delivered,
    /// It is not asked for any more.
    Cancelled,
}

impl ItemState {
    /// The key of its word in the translations.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Needed => "wishes-state-needed",
            Self::Reserved => "wishes-state-reserved",
            Self::Paid => "wishes-state-paid",
            Self::Bought => "wishes-state-bought",
            Self::Delivered => "wishes-state-delivered",
            Self::Cancelled => "wishes-state-cancelled",
        }
    }
}

impl Stock {
    /// How far all that are needed have come.
    pub const fn state(&self) -> ItemState {
        if self.delivered >= self.needed {
            ItemState::Delivered
        } else if self.bought >= self.needed {
            ItemState::Bought
        } else if self.paid >= self.needed {
            ItemState::Paid
        } else if self.left == 0 {
            ItemState::Reserved
        } else {
            ItemState::Needed
        }
    }

    /// Whether more is paid and held than is needed: money came back to an item that was asked for no more, and was made smaller meanwhile.
    pub fn is_overfull(&self) -> bool {
        match self.funding {
            Some(funding) => funding.paid.minor.saturating_add(funding.held.minor) > funding.goal.minor,
            None => self.paid.saturating_add(self.reserved) > self.needed,
        }
    }

    /// Whether readers are still asked for some, or may be again when a hold ends.
    pub const fn is_wanted(&self) -> bool {
        matches!(self.state(), ItemState::Needed | ItemState::Reserved)
    }

    /// How many staff can mark as bought now: what is paid and not bought; of an item on a shop's list, what is not bought.
    pub fn can_be_bought(&self, item: &wish_item::Model) -> i64 {
        let most = if item.kind == WishKind::Link { self.needed - self.reserved } else { self.paid };
        (most - self.bought).max(0)
    }

    /// Whether money for it is paid that nothing is bought with yet, if only a part of a price.
    pub fn has_unspent(&self) -> bool {
        match self.funding {
            Some(funding) => {
                i128::from(funding.paid.minor) * i128::from(self.needed) > i128::from(funding.goal.minor) * i128::from(self.bought)
            }
            None => self.paid > self.bought,
        }
    }
}

/// The items that are asked for no more although money for them is paid and not spent, and of which it was not declared that they cannot be
/// bought: it is still to be bought, or else their givers are to be asked.
pub async fn with_money_left(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<wish_item::Model>, Error> {
    let items = store::cancelled_with_money(db).await?;
    let ids: Vec<WishItemId> = items.iter().map(|item| item.id).collect();
    let stocks = stock(db, &ids, now).await?;
    Ok(items.into_iter().filter(|item| stocks.get(&item.id).is_some_and(Stock::has_unspent)).collect())
}

/// What is needed, held, paid, bought, delivered and left of each item at `now`; unknown ids are absent.
pub async fn stock(db: &impl ConnectionTrait, ids: &[WishItemId], now: DateTime<Utc>) -> Result<HashMap<WishItemId, Stock>, Error> {
    let items = store::items_by_id(db, ids).await?;
    let taken = store::taken(db, ids, now).await?;
    let ordered = store::ordered(db, ids, now).await?;
    let done = store::done(db, ids).await?;
    items.into_iter().map(|item| Ok((item.id, stock_of(&item, &taken, &ordered, &done)?))).collect()
}

fn stock_of(
    item: &wish_item::Model,
    taken: &HashMap<(WishItemId, ReservationState), (i64, i64)>,
    ordered: &HashMap<WishItemId, i64>,
    done: &HashMap<WishItemId, (i64, i64)>,
) -> Result<Stock, Error> {
    let of = |state| taken.get(&(item.id, state)).copied().unwrap_or((0, 0));
    let (held, paid) = (of(ReservationState::Held), of(ReservationState::Paid));
    let (bought, delivered) = done.get(&item.id).copied().unwrap_or((0, 0));
    let is_open = item.status == WishStatus::Open;
    let mut stock = Stock { needed: item.quantity, bought, delivered, ..Stock::default() };
    match price_of(item).filter(|_| is_shared(item)) {
        Some(price) => {
            let money = |minor| Money::new(minor, price.currency);
            let funding = Funding { goal: price.checked_mul(item.quantity)?, paid: money(paid.1), held: money(held.1), is_open };
            let spoken_for = paid.1.checked_add(held.1).ok_or(MoneyError::Overflow)?;
            stock.paid = (paid.1 / price.minor).min(item.quantity);
            stock.reserved = (spoken_for / price.minor).min(item.quantity) - stock.paid;
            // A part of one that is missing is one that can be given to.
            stock.left = if funding.left().minor > 0 { (item.quantity - stock.paid - stock.reserved).max(1) } else { 0 };
            stock.funding = Some(funding);
        }
        None => {
            stock.paid = paid.0;
            stock.reserved = held.0 + ordered.get(&item.id).copied().unwrap_or(0);
            // What is bought is not needed again, even when its money went back.
            let left = item.quantity - stock.reserved - paid.0.max(bought);
            stock.left = if is_open { left.max(0) } else { 0 };
        }
    }
    Ok(stock)
}
