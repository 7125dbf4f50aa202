//! What happened to an item: one row each, with who and when, never edited.

use crate::{
    app::App,
    error::Error,
    i18n::Language,
    staff::Actor,
    web::pager::{PAGE_ROWS, Pager},
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use entity::{
    ids::{DonationId, WishItemId, WishOrderId},
    wish_item, wish_order, wish_reservation, wish_step,
    words::WishStepKind,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};
use std::collections::BTreeMap;

/// Who does what a gift or an order brings about. Never a name: the steps are read by all of the desk.
pub const SUPPORTER: &str = "supporter";

/// Who ends what ran out.
pub const SYSTEM: &str = "system";

/// A step to be written.
#[derive(Clone, Debug)]
pub struct NewStep<'a> {
    /// The item.
    pub item_id: WishItemId,
    /// What happens.
    pub kind: WishStepKind,
    /// To how many.
    pub quantity: i64,
    /// To how much money, of an item that many pay for together.
    pub amount_minor: Option<i64>,
    /// The donation that brings it about.
    pub donation_id: Option<DonationId>,
    /// The order that brings it about.
    pub order_id: Option<WishOrderId>,
    /// The step that it takes back.
    pub undoes_id: Option<i64>,
    /// The member of staff.
    pub staff_id: Option<entity::ids::StaffId>,
    /// Who does it.
    pub actor: &'a str,
    /// Why.
    pub note: &'a str,
}

impl<'a> NewStep<'a> {
    /// What a member of staff does to `quantity` of an item.
    pub fn by(actor: &'a Actor, item_id: WishItemId, kind: WishStepKind, quantity: i64, note: &'a str) -> Self {
        Self {
            item_id,
            kind,
            quantity,
            amount_minor: None,
            donation_id: None,
            order_id: None,
            undoes_id: None,
            staff_id: actor.staff_id,
            actor: &actor.name,
            note,
        }
    }

    /// What a donation brings about with what it holds.
    pub fn of(held: &wish_reservation::Model, kind: WishStepKind) -> Self {
        Self {
            item_id: held.wish_item_id,
            kind,
            quantity: held.quantity,
            amount_minor: held.amount_minor,
            donation_id: Some(held.donation_id),
            order_id: None,
            undoes_id: None,
            staff_id: None,
            actor: SUPPORTER,
            note: "",
        }
    }

    /// What an order brings about.
    pub fn of_order(order: &wish_order::Model, kind: WishStepKind) -> Self {
        Self {
            item_id: order.wish_item_id,
            kind,
            quantity: order.quantity,
            amount_minor: None,
            donation_id: None,
            order_id: Some(order.id),
            undoes_id: None,
            staff_id: None,
            actor: SUPPORTER,
            note: "",
        }
    }
}

/// Writes a step, in the transaction of what it tells.
pub async fn write(tx: &DatabaseTransaction, step: NewStep<'_>, now: DateTime<Utc>) -> Result<(), Error> {
    let row = wish_step::ActiveModel {
        id: NotSet,
        wish_item_id: Set(step.item_id),
        at: Set(now),
        kind: Set(step.kind),
        quantity: Set(step.quantity),
        amount_minor: Set(step.amount_minor),
        donation_id: Set(step.donation_id),
        order_id: Set(step.order_id),
        undoes_id: Set(step.undoes_id),
        staff_id: Set(step.staff_id),
        actor: Set(step.actor.to_owned()),
        note: Set(step.note.to_owned()),
    };
    wish_step::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The number of an item's last step; 0 where it has none.
pub async fn last(db: &impl ConnectionTrait, item_id: WishItemId) -> Result<i64, Error> {
    use wish_step::Column;
    let last = wish_step::Entity::find().filter(Column::WishItemId.eq(item_id)).order_by_desc(Column::Id).one(db).await?;
    Ok(last.map_or(0, |step| step.id))
}

/// Whether the last that is known of a gift for an item is that its money came when the item was gone.
pub async fn is_missed(db: &impl ConnectionTrait, of: &wish_reservation::Model) -> Result<bool, Error> {
    use wish_step::Column;
    let steps = wish_step::Entity::find().filter(Column::WishItemId.eq(of.wish_item_id)).filter(Column::DonationId.eq(of.donation_id));
    Ok(steps.order_by_desc(Column::Id).one(db).await?.is_some_and(|step| step.kind == WishStepKind::Missed))
}

/// The steps of money that came when its item was gone, and about which staff may want to write to the giver: where it was found later that the
/// item cannot be bought, and she was asked then what is to become of her money, that is settled.
pub fn missed() -> Select<wish_step::Entity> {
    let is_asked = "not exists (select 1 from promise_choice c join promise p on p.id = c.promise_id
        where c.donation_id = wish_step.donation_id and p.wish_item_id = wish_step.wish_item_id
            and (p.after_step >= wish_step.id or c.carried_at > wish_step.at))";
    wish_step::Entity::find().filter(wish_step::Column::Kind.eq(WishStepKind::Missed)).filter(Expr::cust(is_asked))
}

/// A page of the steps of an item, the newest first, beginning after one.
pub async fn page(db: &impl ConnectionTrait, item_id: WishItemId, after: Option<i64>) -> Result<Pager<wish_step::Model>, Error> {
    page_of(db, wish_step::Entity::find().filter(wish_step::Column::WishItemId.eq(item_id)), after).await
}

/// A page of some steps, the newest first, beginning after one.
pub async fn page_of(
    db: &impl ConnectionTrait,
    mut find: Select<wish_step::Entity>,
    after: Option<i64>,
) -> Result<Pager<wish_step::Model>, Error> {
    use wish_step::Column;
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    let rows = find.order_by_desc(Column::Id).limit(PAGE_ROWS + 1).all(db).await?;
    Ok(Pager::from_rows(rows, |step| step.id.to_string()))
}

/// A month of an item's history as readers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Month {
    /// The month in words.
    pub name: String,
    /// How many were paid in it, less what went back.
    pub paid: i64,
    /// How many were bought.
    pub bought: i64,
    /// How many were delivered.
    pub delivered: i64,
}

/// What readers see of an item's history: by month, because a day can tell who gave, who bought and who was on the road. A month in which
/// nothing remains to be told is left out.
pub async fn history(app: &App, item: &wish_item::Model, language: Language) -> Result<Vec<Month>, Error> {
    use wish_step::Column;
    let told = [WishStepKind::Paid, WishStepKind::PaidLate, WishStepKind::GivenBack, WishStepKind::Bought, WishStepKind::Delivered];
    let steps: Vec<(DateTime<Utc>, WishStepKind, i64, Option<i64>)> = wish_step::Entity::find()
        .select_only()
        .columns([Column::At, Column::Kind, Column::Quantity, Column::AmountMinor])
        .filter(Column::WishItemId.eq(item.id))
        .filter(Column::Kind.is_in(told))
        .order_by_desc(Column::Id)
        .limit(10_000)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let mut months: BTreeMap<(i32, u32), Month> = BTreeMap::new();
    for (at, kind, quantity, amount) in steps {
        let day = at.with_timezone(&app.config.org_timezone).date_naive();
        let (key, name) = month_of(day, language);
        let month = months.entry(key).or_insert_with(|| Month { name, ..Month::default() });
        match kind {
            WishStepKind::Bought => month.bought += quantity,
            WishStepKind::Delivered => month.delivered += quantity,
            // What is given towards a shared item is told as money, above.
            _ if amount.is_some() => {}
            WishStepKind::GivenBack => month.paid -= quantity,
            _ => month.paid += quantity,
        }
    }
    let is_told = |month: &Month| month.paid > 0 || month.bought > 0 || month.delivered > 0;
    Ok(months.into_values().rev().filter(is_told).collect())
}

/// The month of a day in a language's own calendar: a key that sorts, and its name with the year.
pub fn month_of(day: NaiveDate, language: Language) -> ((i32, u32), String) {
    let written = language.date(day);
    let name = written.split_once(' ').map_or(written.clone(), |(_, month)| month.to_owned());
    let key = match language {
        Language::English => (day.year(), day.month()),
        _ => {
            let (year, month, _) = crate::i18n::solar_hijri(day);
            (year, month)
        }
    };
    (key, name)
}
