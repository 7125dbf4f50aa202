//! One payout explained: from the line on the bank statement down to funds, campaigns, items and articles.
//!
//! What a payout is made of comes from Stripe's own list of its parts. What they do not explain is shown as a remainder. A payout that came
//! back goes out again as a part of a later one; for funds and campaigns its own parts then stand in its place, so the money is told
//! once, and to the end. Of a payout made by hand Stripe tells no parts: there the balance is rolled forward from the payout before.

use super::store;
use crate::{error::Error, payments::balance::PAYMENTS, web::pager::PAGE_ROWS};
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money, article, balance_movement, campaign, fund,
    ids::{ArticleId, CampaignId, FundId, WishItemId},
    payout, wish_item,
    words::{BalanceMapping, PayoutReconciliation},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select, Statement,
    Value, prelude::Uuid, sea_query::Expr,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many payouts that came back one after the other are followed.
const CHAIN_MAX: usize = 50;

/// What some movements come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// How many they are.
    pub count: i64,
    /// Before fees.
    pub gross: Money,
    /// What Stripe kept.
    pub fee: Money,
    /// What is left.
    pub net: Money,
}

impl Sums {
    fn none(currency: Currency) -> Self {
        let zero = Money::new(0, currency);
        Self { count: 0, gross: zero, fee: zero, net: zero }
    }

    fn plus(self, other: &Self) -> Result<Self, Error> {
        Ok(Self {
            count: self.count.saturating_add(other.count),
            gross: self.gross.checked_add(other.gross)?,
            fee: self.fee.checked_add(other.fee)?,
            net: self.net.checked_add(other.net)?,
        })
    }
}

/// The movements of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What they are.
    pub mapping: BalanceMapping,
    /// What they come to.
    pub sums: Sums,
}

/// What the gifts of one fund, campaign, item or article come to after what was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The id of the fund, campaign, item or article; none for what has none.
    pub id: Option<Uuid>,
    /// Its name; empty for what has none.
    pub name: String,
    /// What they come to.
    pub sums: Sums,
}

/// By what the parts are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The fund that the gift was for.
    Fund,
    /// The campaign.
    Campaign,
    /// The wish item.
    Item,
    /// The article that it came from.
    Article,
}

impl By {
    /// In the order of the page.
    pub const ALL: [Self; 4] = [Self::Fund, Self::Campaign, Self::Item, Self::Article];

    /// The word for it in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fund => "fund",
            Self::Campaign => "campaign",
            Self::Item => "item",
            Self::Article => "article",
        }
    }

    const fn column(self) -> &'static str {
        match self {
            Self::Fund => "fund_id",
            Self::Campaign => "campaign_id",
            Self::Item => "wish_item_id",
            Self::Article => "article_id",
        }
    }
}

/// The balance from one payout to the next: opening + movements + what leaves (below zero) − its fee = closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollForward {
    /// Since when; none for the beginning of the books.
    pub since: Option<DateTime<Utc>>,
    /// What Stripe held for us then, as far as the books go back.
    pub opening: Money,
    /// What happened until the payout, by kind.
    pub lines: Vec<Line>,
    /// What leaves with the payout, and what Stripe keeps for it besides.
    pub leaves: Money,
    /// What Stripe keeps for it: of a payout at once, for one.
    pub fee: Money,
    /// What Stripe held just after the payout.
    pub closing: Money,
}

/// One payout explained.
#[derive(Clone, Debug)]
pub struct Waterfall {
    /// The payout.
    pub payout: payout::Model,
    /// What reaches the bank.
    pub amount: Money,
    /// The parts by kind, in the order of the kinds.
    pub lines: Vec<Line>,
    /// What all parts in the payout's currency come to.
    pub total: Sums,
    /// What Stripe lists with the payout and moved in another balance than the one that is paid out: no part of it.
    pub apart: Vec<Line>,
    /// What the parts do not explain; empty when they explain all, or when they are not known yet.
    pub remainder: Vec<Money>,
    /// The same money by fund, campaign, item, article.
    pub shares: Vec<(By, Vec<Share>)>,
    /// Payouts that came back and are part of this one.
    pub came_back: Vec<payout::Model>,
    /// The payout that this one's money went out with after it came back.
    pub went_on_with: Option<payout::Model>,
    /// For a payout that Stripe does not itemise.
    pub roll: Option<RollForward>,
}

/// Explains a payout.
pub async fn explain(db: &impl ConnectionTrait, payout: payout::Model) -> Result<Waterfall, Error> {
    let amount = Money::new(payout.amount_minor, payout.currency);
    let lines = lines(parts_of(&payout.stripe_payout_id), db).await?;
    let mut total = Sums::none(payout.currency);
    for line in lines.iter().filter(|line| line.sums.net.currency == payout.currency) {
        total = total.plus(&line.sums)?;
    }
    let chain = chain(db, &payout.stripe_payout_id).await?;
    let mut shares = Vec::new();
    for by in By::ALL {
        shares.push((by, shares_by(db, by, &chain).await?));
    }
    let came_back: Vec<String> = chain.iter().filter(|id| **id != payout.stripe_payout_id).cloned().collect();
    Ok(Waterfall {
        amount,
        total,
        apart: self::lines(listed_with(&payout.stripe_payout_id).filter(balance_movement::Column::Balance.ne(PAYMENTS)), db).await?,
        remainder: if payout.itemised_at.is_some() { remainder(db, &payout).await? } else { Vec::new() },
        lines,
        shares,
        came_back: store::payouts_of_stripe(db, &came_back).await?,
        went_on_with: successor(db, &payout).await?,
        roll: if is_itemised_by_stripe(&payout) { None } else { roll_forward(db, &payout).await? },
        payout,
    })
}

/// Whether Stripe says what a payout is made of: of those that it makes by schedule, with few exceptions.
pub fn is_itemised_by_stripe(payout: &payout::Model) -> bool {
    payout.automatic && payout.reconciliation != PayoutReconciliation::NotApplicable
}

/// The parts of a payout: what Stripe lists for it of the balance that is paid out, without its own leaving.
fn parts_of(payout: &str) -> Select<balance_movement::Entity> {
    listed_with(payout).filter(balance_movement::Column::Balance.eq(PAYMENTS))
}

fn listed_with(payout: &str) -> Select<balance_movement::Entity> {
    use balance_movement::Column as C;
    balance_movement::Entity::find().filter(C::PayoutId.eq(payout)).filter(C::SourceId.ne(payout))
}

async fn lines(parts: Select<balance_movement::Entity>, db: &impl ConnectionTrait) -> Result<Vec<Line>, Error> {
    use balance_movement::Column as C;
    let sum = |column: C| Expr::col(column).sum().cast_as("bigint");
    let rows: Vec<(BalanceMapping, Currency, i64, i64, i64, i64)> = parts
        .select_only()
        .column(C::MappedTo)
        .column(C::Currency)
        .column_as(C::Id.count(), "parts")
        .column_as(sum(C::GrossMinor), "gross")
        .column_as(sum(C::FeeMinor), "fee")
        .column_as(sum(C::NetMinor), "net")
        .group_by(C::MappedTo)
        .group_by(C::Currency)
        .into_tuple()
        .all(db)
        .await?;
    let line = |(mapping, currency, count, gross, fee, net)| {
        let money = |minor| Money::new(minor, currency);
        Line { mapping, sums: Sums { count, gross: money(gross), fee: money(fee), net: money(net) } }
    };
    let mut lines: Vec<Line> = rows.into_iter().map(line).collect();
    lines.sort_by_key(|line| (line.mapping, line.sums.net.currency));
    Ok(lines)
}

/// What the parts of a payout do not explain, in each currency where it is not zero.
pub async fn remainder(db: &impl ConnectionTrait, payout: &payout::Model) -> Result<Vec<Money>, Error> {
    Ok(remainders(db, std::slice::from_ref(payout)).await?.remove(&payout.stripe_payout_id).unwrap_or_default())
}

/// The same of several payouts in one question, by Stripe's ids; those without a remainder are left out.
pub async fn remainders(db: &impl ConnectionTrait, payouts: &[payout::Model]) -> Result<BTreeMap<String, Vec<Money>>, Error> {
    use balance_movement::Column as C;
    let mut left: BTreeMap<(String, Currency), Money> =
        payouts.iter().map(|one| ((one.stripe_payout_id.clone(), one.currency), Money::new(one.amount_minor, one.currency))).collect();
    let sums: Vec<(Option<String>, Currency, i64)> = balance_movement::Entity::find()
        .select_only()
        .column(C::PayoutId)
        .column(C::Currency)
        .column_as(Expr::col(C::NetMinor).sum().cast_as("bigint"), "net")
        .filter(C::PayoutId.is_in(payouts.iter().map(|one| one.stripe_payout_id.as_str())))
        .filter(Expr::col(C::SourceId).ne(Expr::col(C::PayoutId)))
        .filter(C::Balance.eq(PAYMENTS))
        .group_by(C::PayoutId)
        .group_by(C::Currency)
        .into_tuple()
        .all(db)
        .await?;
    for (id, currency, net) in sums {
        let sum = left.entry((id.unwrap_or_default(), currency)).or_insert(Money::new(0, currency));
        *sum = sum.checked_add(Money::new(net, currency).negated()?)?;
    }
    let mut by_payout: BTreeMap<String, Vec<Money>> = BTreeMap::new();
    for ((id, _), money) in left.into_iter().filter(|(_, money)| money.minor != 0) {
        by_payout.entry(id).or_default().push(money);
    }
    Ok(by_payout)
}

/// The payout and those itemised ones whose money came back into it, however often it did.
async fn chain(db: &impl ConnectionTrait, payout: &str) -> Result<BTreeSet<String>, Error> {
    use balance_movement::Column as C;
    let mut chain = BTreeSet::from([payout.to_owned()]);
    let mut newest: Vec<String> = chain.iter().cloned().collect();
    while !newest.is_empty() && chain.len() < CHAIN_MAX {
        let came_back: Vec<String> = balance_movement::Entity::find()
            .select_only()
            .column(C::SourceId)
            .filter(C::PayoutId.is_in(newest.iter().map(String::as_str)))
            .filter(C::MappedTo.eq(BalanceMapping::PayoutFailure))
            .into_tuple()
            .all(db)
            .await?;
        let itemised = store::payouts_of_stripe(db, &came_back).await?;
        newest =
            itemised.into_iter().filter(|p| p.itemised_at.is_some()).map(|p| p.stripe_payout_id).filter(|id| !chain.contains(id)).collect();
        chain.extend(newest.iter().cloned());
    }
    Ok(chain)
}

/// The condition of the parts of a chain, in SQL: without the payouts' own leaving and coming back. Its values are the ids, twice.
fn of_chain(chain: &BTreeSet<String>) -> (String, Vec<Value>) {
    let list = (1..=chain.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let condition = format!(
        "m.payout_id in ({list}) and m.balance = 'payments' and not (m.mapped_to in ('payout', 'payout_failure') and m.source_id in ({list}))"
    );
    (condition, chain.iter().map(|id| id.as_str().into()).collect())
}

/// What each gift was booked for, beside its movements. A donation has one posting of its gift, and that has one side of income.
const PURPOSES: &str = "left join ledger_transaction t on t.donation_id = m.donation_id and t.kind = 'donation'
    left join ledger_entry e on e.transaction_id = t.id and e.account = 'donations'";

async fn shares_by(db: &impl ConnectionTrait, by: By, chain: &BTreeSet<String>) -> Result<Vec<Share>, Error> {
    let (condition, values) = of_chain(chain);
    let column = by.column();
    let question = format!(
        "select e.{column} as who, m.currency as currency, count(*) as parts, cast(sum(m.gross_minor) as bigint) as gross,
            cast(sum(m.fee_minor) as bigint) as fee, cast(sum(m.net_minor) as bigint) as net,
            min(d.fund_code) as first_code, max(d.fund_code) as last_code
         from balance_movement m {PURPOSES} left join donation d on d.id = t.donation_id
         where {condition} group by e.{column}, m.currency"
    );
    let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), question, values)).await?;
    let mut shares = rows.iter().map(share).collect::<Result<Vec<_>, Error>>()?;
    let ids: Vec<Uuid> = shares.iter().filter_map(|share| share.id).collect();
    let names = names_of(db, by, &ids).await?;
    for (share, row) in shares.iter_mut().zip(&rows) {
        let Some(name) = share.id.and_then(|id| names.get(&id)) else { continue };
        share.name = if by == By::Fund { format!("{} – {name}", codes(row)?) } else { name.clone() };
    }
    shares.sort_by(|a, b| (a.id.is_none(), &a.name, a.sums.net.currency).cmp(&(b.id.is_none(), &b.name, b.sums.net.currency)));
    Ok(shares)
}

/// The code that a fund had when these gifts were given for it; the first and the last in the alphabet, where it had several.
fn codes(row: &QueryResult) -> Result<String, Error> {
    let (first, last): (String, String) = (row.try_get("", "first_code")?, row.try_get("", "last_code")?);
    Ok(if first == last { first } else { format!("{first}, {last}") })
}

fn share(row: &QueryResult) -> Result<Share, Error> {
    let currency: Currency = row.try_get("", "currency")?;
    let money = |name| Ok::<_, Error>(Money::new(row.try_get("", name)?, currency));
    let sums = Sums { count: row.try_get("", "parts")?, gross: money("gross")?, fee: money("fee")?, net: money("net")? };
    Ok(Share { id: row.try_get("", "who")?, name: String::new(), sums })
}

async fn names_of(db: &impl ConnectionTrait, by: By, ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>, Error> {
    let ids = || ids.iter().copied();
    Ok(match by {
        By::Fund => {
            let all = fund::Entity::find().filter(fund::Column::Id.is_in(ids().map(FundId))).all(db).await?;
            all.into_iter().map(|row| (row.id.0, row.name)).collect()
        }
        By::Campaign => {
            let all = campaign::Entity::find().filter(campaign::Column::Id.is_in(ids().map(CampaignId))).all(db).await?;
            all.into_iter().map(|row| (row.id.0, row.title)).collect()
        }
        By::Item => {
            let all = wish_item::Entity::find().filter(wish_item::Column::Id.is_in(ids().map(WishItemId))).all(db).await?;
            all.into_iter().map(|row| (row.id.0, row.title)).collect()
        }
        By::Article => {
            let all = article::Entity::find().filter(article::Column::Id.is_in(ids().map(ArticleId))).all(db).await?;
            all.into_iter().map(|row| (row.id.0, row.title)).collect()
        }
    })
}

/// The payout that carried on what came back of this one.
async fn successor(db: &impl ConnectionTrait, payout: &payout::Model) -> Result<Option<payout::Model>, Error> {
    let Some(failure) = &payout.failure_balance_transaction_id else { return Ok(None) };
    let back = store::movement(db, failure).await?;
    match back.and_then(|movement| movement.payout_id) {
        Some(id) => store::payout_of_stripe(db, &id).await,
        None => Ok(None),
    }
}

/// The payout's own leaving, and when the payout before it left.
async fn stretch_of(
    db: &impl ConnectionTrait,
    payout: &payout::Model,
) -> Result<Option<(balance_movement::Model, Option<DateTime<Utc>>)>, Error> {
    use balance_movement::Column as C;
    let Some(own) = &payout.balance_transaction_id else { return Ok(None) };
    let Some(own) = store::movement(db, own).await? else { return Ok(None) };
    let before = in_balance_of(&own)
        .filter(C::MappedTo.eq(BalanceMapping::Payout))
        .filter(C::OccurredAt.lt(own.occurred_at))
        .order_by_desc(C::OccurredAt)
        .limit(1)
        .one(db)
        .await?;
    Ok(Some((own, before.map(|movement| movement.occurred_at))))
}

/// What moved in the balance that a payout leaves: usually that of payments, or what was put aside for refunds.
fn in_balance_of(own: &balance_movement::Model) -> Select<balance_movement::Entity> {
    use balance_movement::Column as C;
    balance_movement::Entity::find().filter(C::Balance.eq(own.balance.as_str())).filter(C::Currency.eq(own.currency))
}

/// What moved from the payout before until this one, without its own leaving.
fn moved_until(own: &balance_movement::Model, since: Option<DateTime<Utc>>) -> Select<balance_movement::Entity> {
    use balance_movement::Column as C;
    let until = Condition::all().add(C::OccurredAt.lte(own.occurred_at)).add_option(since.map(|since| C::OccurredAt.gt(since)));
    in_balance_of(own).filter(until).filter(C::Id.ne(own.id.as_str()))
}

async fn roll_forward(db: &impl ConnectionTrait, payout: &payout::Model) -> Result<Option<RollForward>, Error> {
    use balance_movement::Column as C;
    let Some((own, since)) = stretch_of(db, payout).await? else { return Ok(None) };
    let of_balance = || in_balance_of(&own);
    let sum = async |movements: Select<balance_movement::Entity>| -> Result<Money, Error> {
        let sums = lines(movements, db).await?;
        sums.iter().try_fold(Money::new(0, payout.currency), |sum, line| Ok(sum.checked_add(line.sums.net)?))
    };
    let opening = match since {
        Some(since) => sum(of_balance().filter(C::OccurredAt.lte(since))).await?,
        None => Money::new(0, payout.currency),
    };
    Ok(Some(RollForward {
        since,
        opening,
        lines: lines(moved_until(&own, since), db).await?,
        leaves: Money::new(own.gross_minor, own.currency),
        fee: Money::new(own.fee_minor, own.currency),
        closing: sum(of_balance().filter(C::OccurredAt.lte(own.occurred_at))).await?,
    }))
}

/// Which parts of a payout are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only of this kind.
    pub kind: Option<BalanceMapping>,
    /// Instead of the parts: what moved from the payout before until this one.
    pub rolled: bool,
    /// Only of this fund, campaign, item or article; `None` inside: of those that have none.
    pub of: Option<(By, Option<Uuid>)>,
}

/// A page of the parts of a payout, in the order of their ids, after the part `after` of the page before. Parts told apart by fund and the
/// like include those of payouts that came back into this one.
pub async fn parts(
    db: &impl ConnectionTrait,
    payout: &payout::Model,
    wanted: Wanted,
    after: Option<&str>,
) -> Result<Vec<balance_movement::Model>, Error> {
    use balance_movement::Column as C;
    let mut query = match wanted.of {
        None if wanted.rolled => match stretch_of(db, payout).await? {
            Some((own, since)) => moved_until(&own, since),
            None => return Ok(Vec::new()),
        },
        None => parts_of(&payout.stripe_payout_id),
        Some((by, id)) => {
            let chain = chain(db, &payout.stripe_payout_id).await?;
            let (condition, mut values) = of_chain(&chain);
            let column = by.column();
            let of = match id {
                Some(id) => {
                    values.push(id.into());
                    format!("e.{column} = ${}", values.len())
                }
                None => format!("e.{column} is null"),
            };
            let mut question = format!("select m.id as id from balance_movement m {PURPOSES} where {condition} and {of}");
            if let Some(kind) = wanted.kind {
                values.push(kind.as_str().into());
                question.push_str(&format!(" and m.mapped_to = ${}", values.len()));
            }
            if let Some(after) = after {
                values.push(after.into());
                question.push_str(&format!(" and m.id > ${}", values.len()));
            }
            question.push_str(&format!(" order by m.id limit {}", PAGE_ROWS + 1));
            let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), question, values)).await?;
            let ids = rows.iter().map(|row| row.try_get::<String>("", "id")).collect::<Result<Vec<_>, _>>()?;
            balance_movement::Entity::find().filter(C::Id.is_in(ids))
        }
    };
    if let Some(kind) = wanted.kind {
        query = query.filter(C::MappedTo.eq(kind));
    }
    if let Some(after) = after {
        query = query.filter(C::Id.gt(after));
    }
    Ok(query.order_by_asc(C::Id).limit(PAGE_ROWS + 1).all(db).await?)
}
