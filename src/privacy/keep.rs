//! What is forgotten by itself: letters' texts, the keys of sealed documents whose time is over, names of those who gave long ago, and what
//! older versions of this program kept of Stripe's events.

use super::{
    erase::{self, By, Erased},
    people_words, seal,
};
use crate::{app::App, consents, error::Error, jobs::Outcome, mail::forgetting, staff, staff::audit};
use chrono::{DateTime, Months, TimeDelta, Utc};
use entity::{
    address_change, donation, erasure, gift_aid_declaration,
    ids::{LetterId, SupporterId},
    letter, news_ask, portal_link, portal_session, recurring_donation, statement, stripe_event, subscription, supporter, wish_order,
    words::LetterKind,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, SimpleExpr},
};
use serde_json::json;

/// How many supporters are looked at, and how many events are stripped, in one round.
const AT_ONCE: u64 = 100;

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Letters whose text went.
    pub letters: u64,
    /// Supporters whose sealed documents nobody can read any more.
    pub keys: u64,
    /// Supporters whose last gift was too long ago.
    pub supporters: u64,
    /// Stripe's events that named a person.
    pub events: u64,
    /// Addresses that somebody typed, and of which nothing came.
    pub strangers: u64,
}

/// Forgets the letters to erased supporters that have gone out since.
pub async fn forget_gone_letters(app: &App) -> Result<usize, Error> {
    app.db.write(async |tx| forgetting::forget_gone(tx).await).await
}

/// Forgets whatever it is time for. Doing it again forgets nothing more.
pub async fn forget_what_is_over(app: &App) -> Result<Forgotten, Error> {
    let (now, today) = (app.now(), app.today());
    let mut forgotten = Forgotten::default();
    if let Some(days) = app.config.letter_text_days {
        let before = now - TimeDelta::days(days.into());
        loop {
            let some = app.db.write(async |tx| forgetting::forget_texts(tx, before).await).await?;
            forgotten.letters += some;
            if some < forgetting::FORGOTTEN_AT_ONCE {
                break;
            }
        }
    }
    forgotten.keys = app
        .db
        .write(async |tx| {
            let keys = seal::destroy_overdue(tx, today, now).await?;
            if keys > 0 {
                let detail = json!({ "supporters": keys });
                audit::record(tx, now, &staff::Actor::system(), "sealed.destroy", "erasure", &today.to_string(), detail).await?;
            }
            Ok(keys)
        })
        .await?;
    forgotten.supporters = forget_who_gave_long_ago(app).await?;
    forgotten.strangers = forget_strangers(app).await?;
    forgotten.events = strip_old_events(app).await?;
    if forgotten != Forgotten::default() {
        app.db.clear_log().await?;
    }
    Ok(forgotten)
}

/// Erases supporters whose last gift, or whose adding, is longer ago than names are kept, unless they get news that they asked for.
/// Whom something stands in the way of is left for another day.
async fn forget_who_gave_long_ago(app: &App) -> Result<u64, Error> {
    let Some(months) = app.config.forget_after_months else { return Ok(0) };
    let Some(before) = app.now().checked_sub_months(Months::new(months.into())) else { return Ok(0) };
    let (mut erased, mut after) = (0, None);
    loop {
        let some = who_gave_before(app, before, after).await?;
        for id in &some {
            match erase::erase(app, &By::Retention(before), *id).await {
                Ok(Erased::Now { .. }) => erased += 1,
                Ok(Erased::Before) | Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        after = some.last().copied();
        if (some.len() as u64) < AT_ONCE {
            return Ok(erased);
        }
    }
}

async fn who_gave_before(app: &App, before: DateTime<Utc>, after: Option<SupporterId>) -> Result<Vec<SupporterId>, Error> {
    let erased = erasure::Entity::find().select_only().column(erasure::Column::SupporterId);
    let mut find =
        long_silent(before).select_only().column(supporter::Column::Id).filter(supporter::Column::Id.not_in_subquery(erased.into_query()));
    if let Some(after) = after {
        find = find.filter(supporter::Column::Id.gt(after));
    }
    Ok(find.order_by_asc(supporter::Column::Id).limit(AT_ONCE).into_tuple().all(app.db.read()).await?)
}

/// Supporters who were added before a moment, gave nothing since, and get no news that they asked for.
pub(super) fn long_silent(before: DateTime<Utc>) -> Select<supporter::Entity> {
    let later =
        donation::Entity::find().select_only().column(donation::Column::SupporterId).filter(donation::Column::CreatedAt.gte(before));
    let giving = recurring_donation::Entity::find()
        .select_only()
        .column(recurring_donation::Column::SupporterId)
        .filter(recurring_donation::Column::EndedAt.is_null().or(recurring_donation::Column::EndedAt.gte(before)));
    let reading = subscription::Entity::find()
        .select_only()
        .column(subscription::Column::SupporterId)
        .filter(subscription::Column::ConfirmedAt.is_not_null())
        .filter(subscription::Column::EndedAt.is_null());
    supporter::Entity::find()
        .filter(supporter::Column::CreatedAt.lt(before))
        .filter(supporter::Column::Id.not_in_subquery(later.into_query()))
        .filter(supporter::Column::Id.not_in_subquery(giving.into_query()))
        .filter(supporter::Column::Id.not_in_subquery(reading.into_query()))
}

/// Deletes supporters of whom there is nothing but an address that somebody typed to hear of news: nobody confirmed it in time, nothing was
/// given with it, and nothing else refers to it. The letters that asked them are forgotten with them.
async fn forget_strangers(app: &App) -> Result<u64, Error> {
    let (before, mut forgotten) = (app.now() - consents::LINK_HOLDS, 0);
    loop {
        let some = app
            .db
            .write(async |tx| {
                let strangers = || supporter::Entity::find().filter(nothing_refers_to_her()).order_by_asc(supporter::Column::Id);
                let some = strangers().filter(supporter::Column::CreatedAt.lt(before)).limit(AT_ONCE).lock_exclusive().all(tx).await?;
                // Asked again under the lock: whoever gave meanwhile is none.
                let some = strangers().filter(supporter::Column::Id.is_in(some.iter().map(|who| who.id))).all(tx).await?;
                let asking = letter::Entity::find().select_only().column(letter::Column::Id);
                let asking = asking.filter(letter::Column::ToAddress.is_in(some.iter().map(|who| who.email.as_str())));
                let asking = asking.filter(letter::Column::Kind.eq(LetterKind::Confirmation)).into_tuple::<LetterId>().all(tx).await?;
                forgetting::forget_all(tx, &asking, app.now()).await?;
                let gone = supporter::Entity::delete_many().filter(supporter::Column::Id.is_in(some.iter().map(|who| who.id)));
                Ok(gone.exec(tx).await?.rows_affected)
            })
            .await?;
        forgotten += some;
        if some < AT_ONCE {
            return Ok(forgotten);
        }
    }
}

/// That no row of another table names the supporter of the row that is looked at.
fn nothing_refers_to_her() -> Condition {
    fn refers<E: EntityTrait>(column: E::Column) -> SimpleExpr {
        let hers = Expr::col(column.as_column_ref()).equals((supporter::Entity, supporter::Column::Id));
        Expr::exists(E::find().select_only().column(column).filter(hers).into_query())
    }
    Condition::any()
        .add(refers::<donation::Entity>(donation::Column::SupporterId))
        .add(refers::<recurring_donation::Entity>(recurring_donation::Column::SupporterId))
        .add(refers::<subscription::Entity>(subscription::Column::SupporterId))
        .add(refers::<wish_order::Entity>(wish_order::Column::SupporterId))
        .add(refers::<statement::Entity>(statement::Column::SupporterId))
        .add(refers::<gift_aid_declaration::Entity>(gift_aid_declaration::Column::SupporterId))
        .add(refers::<news_ask::Entity>(news_ask::Column::SupporterId))
        .add(refers::<address_change::Entity>(address_change::Column::SupporterId))
        .add(refers::<portal_link::Entity>(portal_link::Column::SupporterId))
        .add(refers::<portal_session::Entity>(portal_session::Column::SupporterId))
        .add(refers::<erasure::Entity>(erasure::Column::SupporterId))
        .not()
}

/// Takes persons out of events that were stored before events were stored without them.
async fn strip_old_events(app: &App) -> Result<u64, Error> {
    let (now, mut stripped) = (app.now(), 0);
    loop {
        let some = app
            .db
            .write(async |tx| {
                let old = stripe_event::Entity::find()
                    .filter(stripe_event::Column::StrippedAt.is_null())
                    .order_by_asc(stripe_event::Column::ReceivedAt)
                    .limit(AT_ONCE)
                    .all(tx)
                    .await?;
                for event in &old {
                    people_words::strip(tx, event, now).await?;
                }
                Ok(old.len() as u64)
            })
            .await?;
        stripped += some;
        if some < AT_ONCE {
            return Ok(stripped);
        }
    }
}

/// The job: has Stripe forget the customers of an erased supporter.
pub async fn forget_at_stripe(app: &App, payload: &serde_json::Value) -> Outcome {
    let Some(id) = payload["supporter"].as_str().and_then(|id| id.parse::<SupporterId>().ok()) else {
        return Outcome::GiveUp("no supporter is named".to_owned());
    };
    match forget_customers(app, id).await {
        Ok(outcome) => outcome,
        Err(error) => error.into(),
    }
}

async fn forget_customers(app: &App, id: SupporterId) -> Result<Outcome, Error> {
    let gifts = recurring_donation::Entity::find().filter(recurring_donation::Column::SupporterId.eq(id)).all(app.db.read()).await?;
    for customer in gifts.into_iter().filter_map(|gift| gift.customer_id) {
        if let Err(failure) = app.stripe.delete_customer(&customer).await {
            let why = format!("Stripe did not delete a customer: {failure}");
            return Ok(if failure.outcome_unknown() { Outcome::Retry(why) } else { Outcome::GiveUp(why) });
        }
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            erasure::Entity::update_many()
                .col_expr(erasure::Column::StripeDoneAt, Expr::value(Some(now)))
                .filter(erasure::Column::SupporterId.eq(id))
                .exec(tx)
                .await?;
            Ok(())
        })
        .await?;
    Ok(Outcome::Done)
}
