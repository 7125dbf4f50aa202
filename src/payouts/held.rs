//! What Stripe holds for us, held against the books.
//!
//! Stripe's balance is as it is at the moment of asking, and the books know what they have been told. So it is asked for before and after
//! everything was read; when it has moved meanwhile, nothing is said, and the next run compares. What cannot be known is said too: what the
//! account held before the books begin.

use super::{
    differences::{self, Found},
    lists::{self, Unlisted},
    movements::untold,
};
use crate::{
    app::App,
    error::Error,
    payments::{BalanceQuery, Held, balance::TOLD},
};
use chrono::{DateTime, Utc};
use entity::{Currency, Money, balance_movement, ledger_entry, words::Account};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use std::collections::{BTreeMap, BTreeSet};

/// What Stripe holds now; nothing where its key may not read the balance, which is noted.
pub(super) async fn ask(app: &App, unlisted: &mut Vec<Unlisted>) -> Result<Option<Held>, Error> {
    lists::or_note(lists::BALANCE, app.stripe.fetch_balance().await, unlisted)
}

/// Compares what Stripe holds with the books, currency by currency. `before` is what it held before everything was read.
pub(super) async fn compare(app: &App, before: Option<Held>) -> Result<(), Error> {
    let Some(before) = before else { return Ok(()) };
    let Some(held) = ask(app, &mut Vec::new()).await?.filter(|after| *after == before) else { return Ok(()) };
    let (booked, listed) = (booked(app.db.read()).await?, listed(app.db.read()).await?);
    let noted = differences::open_of(app.db.read(), differences::BALANCE).await?;
    let noted: BTreeSet<Currency> = noted.iter().filter_map(|found| found.object_id.parse().ok()).collect();
    let currencies: BTreeSet<Currency> =
        held.currencies().iter().chain(booked.keys()).chain(listed.keys().map(|(_, currency)| currency)).chain(&noted).copied().collect();
    for currency in currencies {
        let books = Money::new(booked.get(&currency).copied().unwrap_or(0), currency);
        let in_balance = |balance| Money::new(listed.get(&(balance, currency)).copied().unwrap_or(0), currency);
        let movements = TOLD.iter().try_fold(Money::new(0, currency), |sum, balance| sum.checked_add(in_balance(*balance)))?;
        let (stripe, now) = (held.of_currency(currency)?, app.now());
        // What they come to together may hide that they are not what each of them holds.
        let apart = if stripe == movements {
            TOLD.into_iter().filter(|balance| held.in_balance(balance, currency) != in_balance(*balance)).collect()
        } else {
            Vec::new()
        };
        if stripe == books && apart.is_empty() {
            if noted.contains(&currency) {
                let found = Found { kind: differences::BALANCE, object: currency.code(), detail: "They agree.", done: Some("They agree.") };
                app.db.write(async |tx| differences::note(tx, found, now).await).await?;
            }
            continue;
        }
        let mut detail = if stripe == books { String::new() } else { tell(app, stripe, books, movements).await? };
        for balance in apart {
            let less = held.in_balance(balance, currency).checked_add(in_balance(balance).negated()?)?;
            detail.push_str(&format!(" What Stripe’s balance “{balance}” holds less its movements: {less}."));
        }
        let detail = detail.trim_start().to_owned();
        let found = Found { kind: differences::BALANCE, object: currency.code(), detail: &detail, done: None };
        app.db.write(async |tx| differences::note(tx, found, now).await).await?;
    }
    Ok(())
}

/// By how much they differ, and which of it has which reason. It names no total, so that it stays the same while the difference does.
async fn tell(app: &App, stripe: Money, books: Money, movements: Money) -> Result<String, Error> {
    let mut words = format!("What Stripe holds less what the books say: {}.", stripe.checked_add(books.negated()?)?);
    let posted_otherwise = movements.checked_add(books.negated()?)?;
    if posted_otherwise.minor != 0 {
        words.push_str(&format!(" {posted_otherwise} of it is of payments that are under way, or whose fee Stripe has not told yet."));
    }
    let not_listed = stripe.checked_add(movements.negated()?)?;
    if not_listed.minor != 0 {
        match beginning(app).await? {
            Some(day) => words.push_str(&format!(
                " {not_listed} of it was there before the books begin on {}: what the account did earlier is not known here.",
                day.format("%Y-%m-%d")
            )),
            None => words.push_str(&format!(" {not_listed} of it is in no movement that Stripe has listed.")),
        }
    }
    Ok(words)
}

/// When the first movement in the books happened, if the account had movements before it.
async fn beginning(app: &App) -> Result<Option<DateTime<Utc>>, Error> {
    use balance_movement::Column;
    let first = balance_movement::Entity::find().order_by_asc(Column::OccurredAt).limit(1).one(app.db.read()).await?;
    let begins = first.map_or(app.now(), |movement| movement.occurred_at);
    let earlier = app.stripe.list_balance(BalanceQuery::Before(begins), None).await.map_err(untold)?;
    Ok(if earlier.items.is_empty() && earlier.unread.is_empty() { None } else { Some(begins) })
}

/// What the books say that Stripe holds in the balances of which it tells what they hold.
async fn booked(db: &impl ConnectionTrait) -> Result<BTreeMap<Currency, i64>, Error> {
    use ledger_entry::Column;
    let sums: Vec<(Currency, i64)> = ledger_entry::Entity::find()
        .select_only()
        .column(Column::Currency)
        .column_as(Expr::col(Column::AmountMinor).sum().cast_as("bigint"), "total")
        .filter(Column::Account.eq(Account::StripeClearing))
        .group_by(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    Ok(sums.into_iter().collect())
}

/// What all movements that Stripe has listed come to, by balance. Those of balances of which it does not tell what they hold are left out.
async fn listed(db: &impl ConnectionTrait) -> Result<BTreeMap<(&'static str, Currency), i64>, Error> {
    use balance_movement::Column;
    let sums: Vec<(String, Currency, i64)> = balance_movement::Entity::find()
        .select_only()
        .column(Column::Balance)
        .column(Column::Currency)
        .column_as(Expr::col(Column::NetMinor).sum().cast_as("bigint"), "total")
        .group_by(Column::Balance)
        .group_by(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    let told = |name: String| TOLD.into_iter().find(|told| *told == name);
    Ok(sums.into_iter().filter_map(|(balance, currency, sum)| Some(((told(balance)?, currency), sum))).collect())
}
