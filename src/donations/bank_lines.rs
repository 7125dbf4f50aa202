//! With which line of the bank statement money came: the payout of Stripe that carried it, or the deposit of cash and cheques.
//!
//! A payout that came back from the bank brought nothing: what it carried goes out again with a later one, which stands in its place. Its own
//! two rows, out and back, keep its name and have no day. So the rows of every payout come to nothing.

use crate::{
    db::packed::{
        self,
        Column::{Id, Plain},
        Fields,
    },
    error::Error,
    ledger,
};
use chrono::NaiveDate;
use entity::{balance_movement, ids::DepositId, payout, words::PayoutState};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, Statement};
use std::collections::{BTreeSet, HashMap};

/// How many payouts that came back one after the other are followed.
pub(super) const CHAIN_MAX: usize = 50;

/// Where some money reached the bank; all empty while it has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BankLine {
    /// Stripe's payout, `po_…`; if there are several, with a space between.
    pub payout: Option<String>,
    /// Our deposit of cash and cheques.
    pub deposit: Option<DepositId>,
    /// The day on which the bank has it, as Stripe or the paying-in slip says.
    pub on: Option<NaiveDate>,
    /// Whether it came to the bank by itself, on the day on which it was given: a transfer that was entered by hand.
    pub by_itself: bool,
}

/// A movement of Stripe's balance belongs to the payout that lists it, and a payout's own leaving and coming back to itself. A gift's own
/// posting names no movement of Stripe's balance: its payout is that of the donation's movements, of which there are hardly ever two. Each is
/// looked up by itself, row by row: were the tables joined, PostgreSQL would read all movements for each thousand.
const QUESTION: &str = "select x.entry_no as entry_no,
    case when x.is_own or p.state not in ('failed', 'canceled') then p.stripe_payout_id end as payout,
    case when p.state not in ('failed', 'canceled') and not x.is_return then p.arrives_on end as arrives_on,
    case when p.state in ('failed', 'canceled') and not x.is_own then p.failure_balance_transaction_id end as came_back,
    d.id as deposit, d.deposited_on as deposited_on, x.by_itself as by_itself
    from (select t.id as entry_no, t.kind in ('payout', 'payout_failure') as is_own, t.kind = 'payout_failure' as is_return,
        case when t.kind = 'donation' then (select min(g.payout_id) from balance_movement g
                where g.donation_id = t.donation_id and g.mapped_to = 'gift' and g.balance = 'payments')
            when t.stripe_balance_transaction is not null then
                (select case when m.mapped_to in ('payout', 'payout_failure') then m.source_id
                    when m.balance = 'payments' then m.payout_id end
                from balance_movement m where m.id = t.stripe_balance_transaction) end as payout,
        case when t.kind = 'donation' then (select max(g.payout_id) from balance_movement g
                where g.donation_id = t.donation_id and g.mapped_to = 'gift' and g.balance = 'payments') end as other_payout,
        case when t.kind = 'donation' and t.source like 'manual:%' then
                (select c.deposit_id from deposit_gift c where c.donation_id = t.donation_id and c.counts)
            when t.kind = 'deposit' then (select o.id from deposit o where o.source = t.source and o.reversed_at is null) end as deposit,
        case when t.kind = 'donation' and t.source like 'manual:%'
            and exists (select 1 from ledger_entry e where e.transaction_id = t.id and e.account = 'bank') then 1 else 0 end as by_itself
        from ledger_transaction t where @these) x
    left join payout p on p.stripe_payout_id in (x.payout, x.other_payout)
    left join deposit d on d.id = x.deposit";

/// What [`QUESTION`] selects, in this order.
const COLUMNS: &[packed::Column] = &[
    Plain("entry_no"),
    Plain("payout"),
    Plain("arrives_on"),
    Plain("came_back"),
    Id("deposit"),
    Plain("deposited_on"),
    Plain("by_itself"),
];

/// A row of the answer: the transaction, its line, and by which movement its payout came back.
struct Found {
    number: i64,
    line: BankLine,
    came_back: Option<String>,
}

impl Found {
    fn read(mut row: Fields<'_>) -> Result<Self, Error> {
        let number = row.needed()?;
        let (payout, arrives_on, came_back) = (row.text()?, row.parsed()?, row.text()?);
        let (deposit, deposited_on): (_, Option<NaiveDate>) = (row.parsed()?, row.parsed()?);
        let by_itself = row.needed::<i64>()? != 0;
        row.end()?;
        Ok(Self { number, line: BankLine { payout, deposit, on: arrives_on.or(deposited_on), by_itself }, came_back })
    }
}

/// The lines of these transactions of the ledger, by their numbers; there may be others among them that stand between.
pub async fn of_transactions(
    db: &impl ConnectionTrait,
    numbers: impl Iterator<Item = i64> + Clone,
) -> Result<HashMap<i64, BankLine>, Error> {
    let (condition, values) = ledger::numbered("t.id", numbers);
    let question = Statement::from_sql_and_values(db.get_database_backend(), QUESTION.replace("@these", &condition), values);
    let answer = packed::fetch_raw(db, question, COLUMNS).await?;
    let mut found = answer.rows().map(Found::read).collect::<Result<Vec<_>, Error>>()?;
    drop(answer);
    let carried = carried_on(db, found.iter().filter_map(|row| row.came_back.clone()).collect()).await?;
    for row in &mut found {
        if let Some((payout, on)) = row.came_back.as_ref().and_then(|back| carried.get(back)) {
            (row.line.payout, row.line.on) = (Some(payout.clone()), Some(*on));
        }
    }
    // Of several payouts the last day counts, from which on all of it is at the bank; none while a part has none, which is sorted first.
    found.sort_by(|a, b| (a.line.on, &a.line.payout).cmp(&(b.line.on, &b.line.payout)));
    let mut lines: HashMap<i64, BankLine> = HashMap::with_capacity(found.len());
    for Found { number, line, .. } in found {
        let Some(known) = lines.get_mut(&number) else {
            lines.insert(number, line);
            continue;
        };
        known.on = known.on.and(line.on);
        known.payout = match (known.payout.take(), line.payout) {
            (Some(first), Some(second)) if first.split(' ').all(|one| one != second) => Some(format!("{first} {second}")),
            (first, second) => first.or(second),
        };
    }
    Ok(lines)
}

/// With which payout the money went out again that came back by these movements; those whose money is still at Stripe are left out.
async fn carried_on(db: &impl ConnectionTrait, came_back: BTreeSet<String>) -> Result<HashMap<String, (String, NaiveDate)>, Error> {
    use payout::Column as P;
    let mut ends = HashMap::new();
    let mut under_way: Vec<(String, String)> = came_back.into_iter().map(|movement| (movement.clone(), movement)).collect();
    for _ in 0..CHAIN_MAX {
        if under_way.is_empty() {
            break;
        }
        let part_of = balance_movement::Entity::belongs_to(payout::Entity).from(balance_movement::Column::PayoutId).to(P::StripePayoutId);
        let next: Vec<(String, String, NaiveDate, PayoutState, Option<String>)> = balance_movement::Entity::find()
            .select_only()
            .column(balance_movement::Column::Id)
            .columns([P::StripePayoutId, P::ArrivesOn, P::State, P::FailureBalanceTransactionId])
            .join(JoinType::InnerJoin, part_of.into())
            .filter(balance_movement::Column::Id.is_in(under_way.iter().map(|(_, now)| now.as_str())))
            .into_tuple()
            .all(db)
            .await?;
        let next: HashMap<String, _> =
            next.into_iter().map(|(movement, payout, on, state, again)| (movement, (payout, on, state, again))).collect();
        let mut further = Vec::new();
        for (asked, now) in under_way {
            match next.get(&now) {
                Some((.., PayoutState::Failed | PayoutState::Canceled, Some(again))) if *again != now => {
                    further.push((asked, again.clone()))
                }
                Some((payout, on, PayoutState::Pending | PayoutState::InTransit | PayoutState::Paid, _)) => {
                    ends.insert(asked, (payout.clone(), *on));
                }
                _ => {}
            }
        }
        under_way = further;
    }
    Ok(ends)
}
