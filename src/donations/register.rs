//! The register: one row for each movement of money in each currency, read from the ledger in the order in which it is booked.
//!
//! Of each row `net = gross − fee + exchanged + other`, and `net` is by how much what Stripe holds for us changed. So each column may be
//! summed over any rows of one currency: gross is what was given, fee what Stripe kept, exchanged what left one currency for another, and
//! other what went to or came from the bank, a dispute, a reserve or what is not ours.

use super::{
    bank_lines::{self, BankLine},
    list::Filter,
};
use crate::{
    db::packed::{
        self,
        Column::{Id, Plain, Typed},
        Fields,
    },
    error::Error,
    ledger,
};
use chrono::{DateTime, Utc};
use entity::{
    Currency, article, campaign, donation,
    ids::{DonationId, SupporterId},
    ledger_entry, ledger_transaction, receipt, supporter, wish_item,
    words::{Account, DonationStatus, MovementKind, ReceiptStatus, Restriction},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    RelationDef, Select,
    sea_query::{Expr, IntoCondition, Query},
};

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
    fn is_of_some_donations(&self) -> bool {
        self.filter != Filter::default() || self.item.is_some() || self.article.is_some()
    }

    /// Where only movements of some donations are wanted, the database may begin with those.
    fn join_of_donations(&self) -> JoinType {
        if self.is_of_some_donations() { JoinType::InnerJoin } else { JoinType::LeftJoin }
    }

    fn condition(&self, of: DbBackend) -> Condition {
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
            .add(self.filter.condition(of))
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

/// What an account's entries are in the register, and whether a credit counts as more there.
const fn place_of(account: Account) -> (&'static str, bool) {
    match account {
        Account::Donations => ("gross", true),
        Account::StripeFees => ("fee", false),
        Account::Exchange => ("exchanged", true),
        Account::StripeClearing => ("net", false),
        Account::Bank | Account::Undeposited | Account::Disputed | Account::StripeReserve | Account::OtherActivity | Account::Unmapped => {
            ("other", true)
        }
    }
}

/// The sum over entries for one column of the register.
fn sum_for(column: &str) -> String {
    let parts = Account::ALL.iter().filter(|account| place_of(**account).0 == column).map(|account| {
        let sign = if place_of(*account).1 { "-" } else { "" };
        format!("when '{account}' then {sign}amount_minor")
    });
    format!("cast(sum(case account {} else 0 end) as bigint)", parts.collect::<Vec<_>>().join(" "))
}

/// A transaction, and what it belongs to.
#[derive(Clone, Debug)]
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

/// What [`heads`] selects, in this order.
const HEAD: &[packed::Column] = &[
    Plain("entry_no"),
    Plain("kind"),
    Plain("occurred_at"),
    Plain("posted_at"),
    Plain("booked_at"),
    Plain("reverses"),
    Plain("balance_transaction"),
    Id("donation_id"),
    Id("supporter_id"),
    Plain("presented_minor"),
    Plain("presented_currency"),
    Typed("fund_code"),
    Plain("restriction"),
    Plain("session"),
    Plain("intent"),
    Plain("charge"),
    Plain("campaign"),
    Plain("item"),
    Plain("article"),
    Typed("gl_income"),
    Typed("gl_fee"),
    Plain("receipt_no"),
    Typed("donor_name"),
    Typed("donor_email"),
];

impl Head {
    fn read(mut row: Fields<'_>) -> Result<Self, Error> {
        let head = Self {
            entry_no: row.needed()?,
            kind: row.needed()?,
            occurred_at: row.instant()?,
            posted_at: row.instant()?,
            booked_at: row.instant()?,
            reverses: row.parsed()?,
            balance_transaction: row.text()?,
            donation_id: row.parsed()?,
            supporter_id: row.parsed()?,
            presented_minor: row.parsed()?,
            presented_currency: row.parsed()?,
            fund_code: row.text()?,
            restriction: row.parsed()?,
            session: row.text()?,
            intent: row.text()?,
            charge: row.text()?,
            campaign: row.text()?,
            item: row.text()?,
            article: row.text()?,
            gl_income: row.text()?,
            gl_fee: row.text()?,
            receipt_no: row.text()?,
            donor_name: row.text()?,
            donor_email: row.text()?,
        };
        row.end()?;
        Ok(head)
    }
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
    /// Where it reached the bank.
    pub bank: BankLine,
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
    let found = packed::fetch(db, &heads(db.get_database_backend(), scope, after, with_donors, limit + 1), HEAD).await?;
    let mut heads = found.rows().map(Head::read).collect::<Result<Vec<_>, Error>>()?;
    drop(found);
    // Both databases put the rows together in the order of the question, though neither promises it.
    heads.sort_by_key(|head| (head.booked_at, head.entry_no));
    let more = heads.len() as u64 > limit;
    heads.truncate(limit as usize);
    let Some(last) = heads.last().map(|head| (head.booked_at, head.entry_no)) else { return Ok(None) };
    let (sums, mut lines) = tokio::try_join!(sums_of(db, &heads), bank_lines::of_transactions(db, heads.iter().map(|head| head.entry_no)))?;
    let mut movements = Vec::with_capacity(heads.len() + heads.len() / 8);
    for head in heads {
        let number = head.entry_no;
        let first = sums.partition_point(|sum| sum.transaction_id < number);
        let own = sums[first..].iter().take_while(|sum| sum.transaction_id == number);
        push_movements(&mut movements, head, lines.remove(&number).unwrap_or_default(), own);
    }
    Ok(Some((movements, more.then_some(last))))
}

fn push_movements<'s>(movements: &mut Vec<Movement>, head: Head, bank: BankLine, by_currency: impl Iterator<Item = &'s SumRow>) {
    let mut rows: Vec<_> = by_currency.map(|sum| (kind_of(&head, sum), sum)).collect();
    // What left a currency stands before what arrived in another.
    rows.sort_by_key(|(kind, sum)| (*kind != "exchange", sum.currency));
    // A gift's own row does not know yet what Stripe settles it in.
    let settlement = match head.kind {
        MovementKind::Donation => None,
        MovementKind::Fee => rows.iter().find(|(kind, _)| *kind == "fee").map(|(_, sum)| sum.currency),
        _ => rows.iter().find(|(_, sum)| sum.net != 0).map(|(_, sum)| sum.currency),
    };
    let movement = |head, bank, (kind, sum): &(&'static str, &SumRow)| Movement {
        head,
        kind,
        currency: sum.currency,
        sums: sum.sums(),
        settlement,
        bank,
    };
    if let Some((last, others)) = rows.split_last() {
        movements.extend(others.iter().map(|row| movement(head.clone(), bank.clone(), row)));
        movements.push(movement(head, bank, last));
    }
}

fn kind_of(head: &Head, sum: &SumRow) -> &'static str {
    match head.kind {
        MovementKind::Fee if sum.exchanged < 0 => "exchange",
        kind => kind.as_str(),
    }
}

fn heads(of: DbBackend, scope: &Scope, after: Option<Place>, with_donors: bool, limit: u64) -> Select<ledger_transaction::Entity> {
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
        .column_as(D::GlIncome, "gl_income")
        .column_as(D::GlFee, "gl_fee")
        .column_as(receipt::Column::Code, "receipt_no")
        .join(scope.join_of_donations(), ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(D::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(campaign::Entity).from(D::CampaignId).to(campaign::Column::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(wish_item::Entity).from(D::WishItemId).to(wish_item::Column::Id).into())
        .join(JoinType::LeftJoin, donation::Entity::belongs_to(article::Entity).from(D::ArticleId).to(article::Column::Id).into())
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
    query.filter(scope.condition(of)).order_by_asc(T::BookedAt).order_by_asc(T::Id).limit(limit)
}

fn valid_receipt() -> RelationDef {
    donation::Entity::belongs_to(receipt::Entity)
        .from(donation::Column::Id)
        .to(receipt::Column::DonationId)
        .on_condition(|_, receipt| Expr::col((receipt, receipt::Column::Status)).eq(ReceiptStatus::Issued.as_str()).into_condition())
        .into()
}

struct SumRow {
    transaction_id: i64,
    currency: Currency,
    gross: i64,
    fee: i64,
    exchanged: i64,
    other: i64,
    net: i64,
}

/// What [`sums_of`] selects, in this order.
const SUMS: &[packed::Column] =
    &[Plain("transaction_id"), Plain("currency"), Plain("gross"), Plain("fee"), Plain("exchanged"), Plain("other"), Plain("net")];

impl SumRow {
    fn read(mut row: Fields<'_>) -> Result<Self, Error> {
        let sums = Self {
            transaction_id: row.needed()?,
            currency: row.needed()?,
            gross: row.needed()?,
            fee: row.needed()?,
            exchanged: row.needed()?,
            other: row.needed()?,
            net: row.needed()?,
        };
        row.end()?;
        Ok(sums)
    }

    const fn sums(&self) -> Sums {
        Sums { gross: self.gross, fee: self.fee, exchanged: self.exchanged, other: self.other, net: self.net }
    }
}

/// The sums of these transactions, by number and currency.
async fn sums_of(db: &impl ConnectionTrait, heads: &[Head]) -> Result<Vec<SumRow>, Error> {
    use ledger_entry::Column as C;
    let mut query = ledger_entry::Entity::find().select_only().columns([C::TransactionId, C::Currency]);
    for column in ["gross", "fee", "exchanged", "other", "net"] {
        query = query.column_as(Expr::cust(sum_for(column)), column);
    }
    query = query.filter(ledger::of_transactions(heads.iter().map(|head| head.entry_no)));
    // Not put in order by the database: an index hands them over nearly so.
    let found = packed::fetch(db, &query.group_by(C::TransactionId).group_by(C::Currency), SUMS).await?;
    let mut sums = found.rows().map(SumRow::read).collect::<Result<Vec<_>, Error>>()?;
    sums.sort_by_key(|sum| (sum.transaction_id, sum.currency));
    Ok(sums)
}

/// How many rows the register has in this scope; with `most`, of so many transactions only, because a page need not count a million.
pub async fn count(db: &impl ConnectionTrait, scope: &Scope, most: Option<u64>) -> Result<i64, Error> {
    use ledger_transaction::Column as T;
    // Money moves for what was paid alone, as `verify` proves: to find none, a database would go through all there is.
    if most.is_some() && scope.filter.status.is_some_and(|status| status != DonationStatus::Paid) {
        return Ok(0);
    }
    let mut heads = ledger_transaction::Entity::find().select_only().column(T::Id);
    if scope.is_of_some_donations() {
        let to_donation = ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(donation::Column::Id).into();
        heads = heads.join(JoinType::InnerJoin, to_donation);
    }
    heads = heads.filter(scope.condition(db.get_database_backend()));
    if let Some(most) = most {
        heads = heads.limit(most);
    }
    if let Some(most) = most {
        // Each transaction is a row at least: where there are too many to count, or none, they alone say so, without a look at their sides.
        let few = Query::select().expr_as(Expr::cust("count(*)"), "few").from_subquery(heads.clone().into_query(), "s").to_owned();
        let few: i64 = db.query_one(&few).await?.map(|row| row.try_get("", "few")).transpose()?.unwrap_or(0);
        if few == 0 || u64::try_from(few).is_ok_and(|few| few >= most) {
            return Ok(few);
        }
    }
    const ROWS: &str =
        "cast(coalesce(sum((select count(distinct e.currency) from ledger_entry e where e.transaction_id = s.id)), 0) as bigint)";
    let count = Query::select().expr_as(Expr::cust(ROWS), "rows").from_subquery(heads.into_query(), "s").to_owned();
    let row = db.query_one(&count).await?;
    Ok(row.map(|row| row.try_get("", "rows")).transpose()?.unwrap_or(0))
}
