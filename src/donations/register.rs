//! The register: one row for each movement of money in each currency, read from the ledger in the order in which it is booked.
//!
//! Of each row `net = gross − fee + exchanged + other`, and `net` is by how much what Stripe holds for us changed. So each column may be
//! summed over any rows of one currency: gross is what was given, fee what Stripe kept, exchanged what left one currency for another, and
//! other what went to or came from the bank, a dispute, a reserve or what is not ours.

use super::list::Filter;
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Currency, article, campaign, donation, fund,
    ids::{DonationId, SupporterId},
    ledger_entry, ledger_transaction, receipt, supporter, wish_item,
    words::{Account, MovementKind, ReceiptStatus, Restriction},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationDef, Select,
    sea_query::{Expr, IntoCondition, Query},
};
use std::collections::BTreeMap;

/// No more rows than this are counted for a page: a list of a million is as quick as one of a thousand.
pub const COUNTED_MAX: i64 = 10_000;

/// Which movements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Booked not before.
    pub from: Option<DateTime<Utc>>,
    /// Booked before.
    pub until: Option<DateTime<Utc>>,
    /// Of donations that fit.
    pub filter: Filter,
    /// For the item with this slug.
    pub item: Option<String>,
    /// From the article with this slug.
    pub article: Option<String>,
}

/// A place in the register: when a transaction is booked, and its number.
pub type Place = (DateTime<Utc>, i64);

impl Scope {
    /// Where only movements of some donations are wanted, the database may begin with those.
    fn join_of_donations(&self) -> JoinType {
        let is_of_all = self.filter == Filter::default() && self.item.is_none() && self.article.is_none();
        if is_of_all { JoinType::LeftJoin } else { JoinType::InnerJoin }
    }

    fn condition(&self) -> Condition {
        use ledger_transaction::Column as C;
        let item = self.item.as_deref().map(|slug| {
            let named = Query::select()
                .column(wish_item::Column::Id)
                .from(wish_item::Entity)
                .and_where(wish_item::Column::Slug.eq(slug))
                .to_owned();
            donation::Column::WishItemId.in_subquery(named)
        });
        let article = self.article.as_deref().map(|slug| {
            let named =
                Query::select().column(article::Column::Id).from(article::Entity).and_where(article::Column::Slug.eq(slug)).to_owned();
            donation::Column::ArticleId.in_subquery(named)
        });
        Condition::all()
            .add_option(self.from.map(|from| C::BookedAt.gte(from)))
            .add_option(self.until.map(|until| C::BookedAt.lt(until)))
            .add_option(item)
            .add_option(article)
            .add(self.filter.condition())
    }
}

/// What one transaction did in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// What was given.
    pub gross: i64,
    /// What Stripe kept.
    pub fee: i64,
    /// What came from another currency; negative for what left for one.
    pub exchanged: i64,
    /// What came from the bank, a dispute, a reserve or anything else that is no gift; negative for what went there.
    pub other: i64,
    /// By how much what Stripe holds for us changed.
    pub net: i64,
}

impl Sums {
    /// The sum of both, field by field.
    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        let add = |a: i64, b: i64| a.checked_add(b).ok_or(entity::MoneyError::Overflow);
        Ok(Self {
            gross: add(self.gross, other.gross)?,
            fee: add(self.fee, other.fee)?,
            exchanged: add(self.exchanged, other.exchanged)?,
            other: add(self.other, other.other)?,
            net: add(self.net, other.net)?,
        })
    }

    fn of_entry(account: Account, minor: i64) -> Result<Self, Error> {
        let turned = minor.checked_neg().ok_or(entity::MoneyError::Overflow)?;
        let none = Self::default();
        Ok(match account {
            Account::Donations => Self { gross: turned, ..none },
            Account::StripeFees => Self { fee: minor, ..none },
            Account::Exchange => Self { exchanged: turned, ..none },
            Account::StripeClearing => Self { net: minor, ..none },
            Account::Bank
            | Account::Undeposited
            | Account::Disputed
            | Account::StripeReserve
            | Account::OtherActivity
            | Account::Unmapped => Self { other: turned, ..none },
        })
    }
}

/// A transaction, and what it belongs to.
#[derive(Clone, Debug, FromQueryResult)]
#[expect(missing_docs, reason = "each field is the column of that name")]
pub struct Head {
    pub entry_no: i64,
    pub kind: MovementKind,
    pub occurred_at: DateTime<Utc>,
    pub posted_at: DateTime<Utc>,
    pub booked_at: DateTime<Utc>,
    pub reverses: Option<i64>,
    pub balance_transaction: Option<String>,
    pub donation_id: Option<DonationId>,
    pub supporter_id: Option<SupporterId>,
    pub donor_name: Option<String>,
    pub donor_email: Option<String>,
    pub presented_minor: Option<i64>,
    pub presented_currency: Option<Currency>,
    pub fund_code: Option<String>,
    pub restriction: Option<Restriction>,
    pub session: Option<String>,
    pub intent: Option<String>,
    pub charge: Option<String>,
    pub campaign: Option<String>,
    pub item: Option<String>,
    pub article: Option<String>,
    pub gl_income: Option<String>,
    pub gl_fee: Option<String>,
    pub receipt_no: Option<String>,
}

/// A row of the register.
#[derive(Clone, Debug)]
pub struct Movement {
    /// The transaction.
    pub head: Head,
    /// What moved it: the word of its [`MovementKind`], or `exchange` for what left the currency it was given in.
    pub kind: &'static str,
    /// The currency of the sums.
    pub currency: Currency,
    /// What it did in that currency.
    pub sums: Sums,
    /// The currency that Stripe settled in; known from the fee on, so empty in a gift's own row.
    pub settlement: Option<Currency>,
}

/// The next movements after the transaction at `after`, of at most `limit` transactions, and the place of the last one when there may be
/// more. Nothing at all: `None`.
pub async fn page(
    db: &impl ConnectionTrait,
    scope: &Scope,
    after: Option<Place>,
    with_donors: bool,
    limit: u64,
) -> Result<Option<(Vec<Movement>, Option<Place>)>, Error> {
    let mut heads = heads(scope, after, with_donors, limit + 1).into_model::<Head>().all(db).await?;
    let more = heads.len() as u64 > limit;
    heads.truncate(limit as usize);
    let Some(last) = heads.last().map(|head| (head.booked_at, head.entry_no)) else { return Ok(None) };
    let mut sums = sums_of(db, &heads).await?;
    let mut movements = Vec::with_capacity(heads.len() + heads.len() / 8);
    for head in heads {
        let Some(by_currency) = sums.remove(&head.entry_no) else { continue };
        push_movements(&mut movements, head, by_currency);
    }
    Ok(Some((movements, more.then_some(last))))
}

fn push_movements(movements: &mut Vec<Movement>, head: Head, by_currency: BTreeMap<Currency, Sums>) {
    let kind_of = |sums: &Sums| match head.kind {
        MovementKind::Fee if sums.exchanged < 0 => "exchange",
        kind => kind.as_str(),
    };
    let mut rows: Vec<_> = by_currency.into_iter().map(|(currency, sums)| (kind_of(&sums), currency, sums)).collect();
    // What left a currency stands before what arrived in another.
    rows.sort_by_key(|(kind, currency, _)| (*kind != "exchange", *currency));
    // A gift's own row does not know yet what Stripe settles it in.
    let settlement = match head.kind {
        MovementKind::Donation => None,
        MovementKind::Fee => rows.iter().find(|(kind, ..)| *kind == "fee").map(|(_, currency, _)| *currency),
        _ => rows.iter().find(|(_, _, sums)| sums.net != 0).map(|(_, currency, _)| *currency),
    };
    movements.extend(rows.into_iter().map(|(kind, currency, sums)| Movement { head: head.clone(), kind, currency, sums, settlement }));
}

fn heads(scope: &Scope, after: Option<Place>, with_donors: bool, limit: u64) -> Select<ledger_transaction::Entity> {
    use donation::Column as D;
    use ledger_transaction::Column as T;
    let mut query = ledger_transaction::Entity::find()
        .select_only()
        .column_as(T::Id, "entry_no")
        .column_as(T::Kind, "kind")
        .column_as(T::OccurredAt, "occurred_at")
        .column_as(T::PostedAt, "posted_at")
        .column_as(T::BookedAt, "booked_at")
        .column_as(T::ReversesId, "reverses")
        .column_as(T::StripeBalanceTransaction, "balance_transaction")
        .column_as(T::DonationId, "donation_id")
        .column_as(D::SupporterId, "supporter_id")
        .column_as(D::AmountMinor, "presented_minor")
        .column_as(D::Currency, "presented_currency")
        .column_as(D::FundCode, "fund_code")
        .column_as(D::Restriction, "restriction")
        .column_as(D::CheckoutSessionId, "session")
        .column_as(D::PaymentIntentId, "intent")
        .column_as(D::ChargeId, "charge")
        .column_as(campaign::Column::Slug, "campaign")
        .column_as(wish_item::Column::Slug, "item")
        .column_as(article::Column::Slug, "article")
        .column_as(fund::Column::GlIncome, "gl_income")
        .column_as(fund::Column::GlFee, "gl_fee")
        .column_as(receipt::Column::Code, "receipt_no")
        .join(scope.join_of_donations(), ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(D::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(campaign::Entity).from(D::CampaignId).to(campaign::Column::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(wish_item::Entity).from(D::WishItemId).to(wish_item::Column::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(article::Entity).from(D::ArticleId).to(article::Column::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(fund::Entity).from(D::FundId).to(fund::Column::Id).into())
        .join(JoinType::LeftJoin, valid_receipt());
    if with_donors {
        let person: RelationDef = donation::Entity::belongs_to(supporter::Entity).from(D::SupporterId).to(supporter::Column::Id).into();
        query =
            query.column_as(D::DonorName, "donor_name").column_as(supporter::Column::Email, "donor_email").join(JoinType::LeftJoin, person);
    } else {
        let none = || Expr::cust("null");
        query = query.column_as(none(), "donor_name").column_as(none(), "donor_email");
    }
    if let Some((at, id)) = after {
        query = query.filter(T::BookedAt.gte(at)).filter(Condition::any().add(T::BookedAt.gt(at)).add(T::Id.gt(id)));
    }
    query.filter(scope.condition()).order_by_asc(T::BookedAt).order_by_asc(T::Id).limit(limit)
}

fn valid_receipt() -> RelationDef {
    donation::Entity::belongs_to(receipt::Entity)
        .from(donation::Column::Id)
        .to(receipt::Column::DonationId)
        .on_condition(|_, receipt| Expr::col((receipt, receipt::Column::Status)).eq(ReceiptStatus::Issued.as_str()).into_condition())
        .into()
}

#[derive(FromQueryResult)]
struct Side {
    transaction_id: i64,
    account: Account,
    amount_minor: i64,
    currency: Currency,
}

/// The sums of these transactions. They mostly stand close together and are read as a range; where a filter has scattered them, by name.
async fn sums_of(db: &impl ConnectionTrait, heads: &[Head]) -> Result<BTreeMap<i64, BTreeMap<Currency, Sums>>, Error> {
    use ledger_entry::Column as C;
    let numbers = || heads.iter().map(|head| head.entry_no);
    let (first, last) = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
    let are_close = last - first < 4 * heads.len() as i64;
    let which = if are_close { C::TransactionId.between(first, last) } else { C::TransactionId.is_in(numbers()) };
    let sides = ledger_entry::Entity::find()
        .select_only()
        .columns([C::TransactionId, C::Account, C::AmountMinor, C::Currency])
        .filter(which)
        .into_model::<Side>()
        .all(db)
        .await?;
    let mut sums: BTreeMap<i64, BTreeMap<Currency, Sums>> = BTreeMap::new();
    for side in sides {
        let sum = sums.entry(side.transaction_id).or_default().entry(side.currency).or_default();
        *sum = sum.checked_add(Sums::of_entry(side.account, side.amount_minor)?)?;
    }
    Ok(sums)
}

/// How many rows the register has in this scope; with `most`, of so many transactions only, because a page need not count a million.
pub async fn count(db: &impl ConnectionTrait, scope: &Scope, most: Option<u64>) -> Result<i64, Error> {
    use ledger_transaction::Column as T;
    let mut heads = ledger_transaction::Entity::find()
        .select_only()
        .column(T::Id)
        .join(
            scope.join_of_donations(),
            ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(donation::Column::Id).into(),
        )
        .filter(scope.condition());
    if let Some(most) = most {
        heads = heads.limit(most);
    }
    const ROWS: &str =
        "cast(coalesce(sum((select count(distinct e.currency) from ledger_entry e where e.transaction_id = s.id)), 0) as bigint)";
    let count = Query::select().expr_as(Expr::cust(ROWS), "rows").from_subquery(heads.into_query(), "s").to_owned();
    let row = db.query_one(&count).await?;
    Ok(row.map(|row| row.try_get("", "rows")).transpose()?.unwrap_or(0))
}
