//! The summary: what the ledger holds of a month, summed by payout (or day), fund, account and currency.

use super::{Entry, Side};
use crate::{
    clock::{sha256_hex, start_of_day},
    error::Error,
    ledger::funds::{AS_IT_WAS, CODE, GL_FEE, GL_INCOME},
    reports::{
        groups::{Month, months},
        report::{Page, Period, no_such_page},
    },
};
use chrono::{Days, NaiveDate};
use entity::{Currency, Money, words::Account};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use std::collections::BTreeMap;

#[derive(FromQueryResult)]
struct Sum {
    number: i64,
    payout: Option<String>,
    for_fund: Option<String>,
    fund_code: String,
    gl_code: String,
    account: Account,
    currency: Currency,
    minor: i64,
}

/// What one entry is the summary of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    payout: Option<String>,
    /// The day, where there is no payout.
    day: Option<NaiveDate>,
    /// The code of the fund that the gifts were given for, as it was then.
    fund: Option<String>,
    currency: Currency,
}

struct Group {
    day: NaiveDate,
    /// By account, and the fund's code and general-ledger code as they were.
    sides: BTreeMap<(Account, String, String), i64>,
}

/// The entries of the next month.
pub(super) async fn page(db: &impl ConnectionTrait, period: &Period, after: &str) -> Result<Page<Entry>, Error> {
    let skip: usize = if after.is_empty() { 0 } else { after.parse().map_err(|_| no_such_page())? };
    let months = months(db, period).await?;
    let Some(month) = months.get(skip) else { return Ok(Page { rows: Vec::new(), next: None }) };
    let rows = of_month(db, period, month).await?;
    Ok(Page { rows, next: (skip + 1 < months.len()).then(|| (skip + 1).to_string()) })
}

/// A gift's own posting names no movement of Stripe's balance: its payout is that of the donation's movement.
const QUESTION: &str = "
    select number, payout, for_fund, fund_code, gl_code, account, currency, cast(sum(minor) as bigint) as minor from (
        select cast(y.number as bigint) as number, d.fund_code as for_fund, coalesce(@code, '') as fund_code,
            coalesce(case e.account when 'donations' then @gl_income when 'stripe_fees' then @gl_fee end, '') as gl_code,
            e.account as account, e.currency as currency, e.amount_minor as minor,
            coalesce(m.payout_id, p.stripe_payout_id, case when t.kind = 'donation' then
                (select min(b.payout_id) from balance_movement b where b.donation_id = t.donation_id and b.mapped_to = 'gift') end) as payout
        from days y join ledger_transaction t on t.booked_at >= y.starts and t.booked_at < y.ends
        join ledger_entry e on e.transaction_id = t.id
        left join donation d on d.id = t.donation_id
        @as_it_was
        left join balance_movement m on m.id = t.stripe_balance_transaction
        left join payout p on p.balance_transaction_id = t.stripe_balance_transaction
        where @within) sides
    group by number, payout, for_fund, fund_code, gl_code, account, currency";

async fn of_month(db: &impl ConnectionTrait, period: &Period, month: &Month) -> Result<Vec<Entry>, Error> {
    let days: Vec<NaiveDate> = month.from.iter_days().take_while(|day| *day <= month.last).collect();
    let (mut list, mut values) = (String::new(), Vec::<sea_orm::Value>::new());
    for (number, day) in days.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        list.push_str(&format!("{comma}({number}, ${}, ${})", 2 * number + 1, 2 * number + 2));
        values.push(start_of_day(period.zone, *day).into());
        values.push(start_of_day(period.zone, *day + Days::new(1)).into());
    }
    // PostgreSQL sees from the whole month, not from its days, that it need not read all of the ledger; SQLite goes day by day.
    let within = if db.get_database_backend() == DbBackend::Postgres {
        format!("t.booked_at >= $1 and t.booked_at < ${}", values.len())
    } else {
        "true".to_owned()
    };
    let words = [("@within", within.as_str()), ("@as_it_was", AS_IT_WAS), ("@code", CODE), ("@gl_income", GL_INCOME), ("@gl_fee", GL_FEE)];
    let question = words.iter().fold(QUESTION.to_owned(), |question, (word, own)| question.replace(word, own));
    let sql = format!("with days(number, starts, ends) as (values {list}) {question}");
    let sums = Sum::find_by_statement(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).all(db).await?;
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for sum in sums {
        let day = usize::try_from(sum.number).ok().and_then(|number| days.get(number)).copied().ok_or_else(no_such_page)?;
        let by_day = sum.payout.is_none().then_some(day);
        let key = Key { payout: sum.payout, day: by_day, fund: sum.for_fund, currency: sum.currency };
        let group = groups.entry(key).or_insert_with(|| Group { day, sides: BTreeMap::new() });
        group.day = group.day.max(day);
        let side = group.sides.entry((sum.account, sum.fund_code, sum.gl_code)).or_default();
        *side = side.checked_add(sum.minor).ok_or(entity::MoneyError::Overflow)?;
    }
    let mut entries: Vec<Entry> = groups.into_iter().map(|(key, group)| entry_of(&key, group, month)).collect();
    entries.retain(|entry| !entry.sides.is_empty());
    entries.sort_by(|a, b| (a.day, &a.narration).cmp(&(b.day, &b.narration)));
    Ok(entries)
}

fn entry_of(key: &Key, group: Group, month: &Month) -> Entry {
    let code = key.fund.as_ref().map_or_else(|| "no fund".to_owned(), |code| format!("fund {code}"));
    let what = match (&key.payout, key.day) {
        (Some(payout), _) => format!("Stripe payout {payout} in {}", month.days()),
        (None, day) => format!("Movements of {} without payout", day.unwrap_or(group.day)),
    };
    let narration = format!("{what}, {code}, {}", key.currency);
    let sides = group.sides.into_iter().filter(|(_, minor)| *minor != 0).map(|((account, fund_code, gl_code), minor)| Side {
        account,
        fund_code,
        gl_code,
        money: Money::new(minor, key.currency),
    });
    Entry { day: group.day, number: number_of(&narration), sides: sides.collect(), narration }
}

/// Forty bits of what the entry is: the same entry has the same number, and two have two.
fn number_of(narration: &str) -> String {
    format!("W{}", sha256_hex(narration)[..10].to_ascii_uppercase())
}
