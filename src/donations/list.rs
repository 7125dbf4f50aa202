//! Which donations a list shows: the filter as it stands in the address, a page of fifty, the totals of all that fit.

use crate::{
    clock::{self, start_of_day},
    db::has_text,
    error::Error,
    web::pager::{PAGE_ROWS, Pager},
};
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    Currency, Money, campaign, donation, fund,
    ids::DonationId,
    ledger_entry, ledger_transaction, receipt, stripe_event, supporter, wish_item,
    words::{Account, DonationStatus, MovementKind, ReceiptStatus},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef,
    sea_query::{Expr, Query, SelectStatement, UnionType},
};
use serde::Deserialize;
use std::collections::HashMap;

/// How many donations of a person are found at once.
const FOUND_MAX: u64 = 1_000;

/// The filter as it stands in the address; empty fields filter nothing. The export takes the same fields, so that it holds exactly
/// what the list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// A word of [`DonationStatus`].
    pub status: String,
    /// A campaign's slug.
    pub campaign: String,
    /// A fund's code.
    pub fund: String,
    /// The first day on which the form was sent, in the organisation's zone.
    pub from: String,
    /// The last day.
    pub to: String,
    /// A receipt's code, an e-mail address or name or part of one, Stripe's id, a donation's id.
    pub q: String,
    /// The last donation of the page before.
    pub after: String,
}

impl Asked {
    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_empty())
    }

    /// The fields that filter, by name.
    pub fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("status", self.status.trim()),
            ("campaign", self.campaign.trim()),
            ("fund", self.fund.trim()),
            ("from", self.from.trim()),
            ("to", self.to.trim()),
            ("q", self.q.trim()),
        ]
    }

    /// The address of the page after `after`, with the same filter.
    pub fn address_after(&self, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields().into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        format!("/desk/donations?{}", query.append_pair("after", after).finish())
    }

    /// The filter that was asked for. Who may not see people finds none by address or name, so that nobody can try addresses out.
    pub fn filter(&self, zone: Tz, sees_people: bool) -> Result<Filter, Error> {
        let text = |field: &str| Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        let status = text(&self.status).map(|word| {
            let all: Vec<&str> = DonationStatus::ALL.iter().map(DonationStatus::as_str).collect();
            word.parse().map_err(|_| Error::Invalid(format!("`{word}` is not a state: choose one of {}", all.join(", "))))
        });
        let last = parse_day(&self.to)?;
        Ok(Filter {
            status: status.transpose()?,
            campaign: text(&self.campaign),
            fund: text(&self.fund),
            from: parse_day(&self.from)?.map(|day| start_of_day(zone, day)),
            until: last.and_then(|day| day.checked_add_days(Days::new(1))).map(|day| start_of_day(zone, day)),
            search: text(&self.q).map(|words| Search::of(&words, sees_people)),
        })
    }
}

/// A day as a form sends it; nothing for an empty field.
pub fn parse_day(field: &str) -> Result<Option<NaiveDate>, Error> {
    match field.trim() {
        "" => Ok(None),
        day => {
            let parsed = clock::parse_day(day).ok_or_else(|| Error::Invalid(format!("`{day}` is not a day such as 2026-01-31.")))?;
            Ok(Some(parsed))
        }
    }
}

/// What a search looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// One donation.
    Donation(DonationId),
    /// The donation of a receipt.
    Receipt(String),
    /// The donation of one of Stripe's objects.
    Stripe(String),
    /// Donations of whoever has this in her address or name.
    Person(String),
    /// These, which a search has found.
    Found(Vec<DonationId>),
}

impl Search {
    fn of(words: &str, sees_people: bool) -> Self {
        const STRIPE: [&str; 6] = ["cs_", "pi_", "ch_", "py_", "evt_", "txn_"];
        if let Ok(id) = words.parse() {
            Self::Donation(id)
        } else if STRIPE.iter().any(|prefix| words.starts_with(prefix)) {
            Self::Stripe(words.to_owned())
        } else if is_receipt_code(words) || !sees_people {
            Self::Receipt(words.to_uppercase())
        } else {
            Self::Person(words.to_lowercase())
        }
    }

    fn condition(&self, of: DbBackend) -> Condition {
        use donation::Column as C;
        match self {
            Self::Donation(id) => Condition::all().add(C::Id.eq(*id)),
            Self::Receipt(code) => {
                let of = Query::select()
                    .column(receipt::Column::DonationId)
                    .from(receipt::Entity)
                    .and_where(receipt::Column::Code.eq(code.as_str()))
                    .to_owned();
                Condition::all().add(C::Id.in_subquery(of))
            }
            Self::Stripe(id) => Condition::all().add(C::Id.in_subquery(donations_of_stripe(id))),
            Self::Person(words) => Condition::all().add(C::Id.in_subquery(donations_of_person(of, words))),
            Self::Found(ids) => Condition::all().add(C::Id.is_in(ids.iter().copied())),
        }
    }
}

/// `R-2026-000123`, in capitals or not.
fn is_receipt_code(words: &str) -> bool {
    let mut parts = words.rsplitn(3, '-');
    let mut digits = || parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    digits() && digits()
}

/// Two questions, because the names are looked through in an index of their own.
fn donations_of_person(of: DbBackend, words: &str) -> SelectStatement {
    use donation::Column as C;
    let whose = Query::select()
        .column(supporter::Column::Id)
        .from(supporter::Entity)
        .and_where(has_text(of, supporter::Column::Email, words))
        .to_owned();
    let by_name = Query::select().column(C::Id).from(donation::Entity).and_where(has_text(of, C::DonorName, words)).to_owned();
    Query::select()
        .column(C::Id)
        .from(donation::Entity)
        .and_where(C::SupporterId.in_subquery(whose))
        .union(UnionType::Distinct, by_name)
        .to_owned()
}

/// A question for each kind of object, because each is answered by an index of its own.
fn donations_of_stripe(id: &str) -> SelectStatement {
    use donation::Column as C;
    let named = |column: C| Query::select().column(C::Id).from(donation::Entity).and_where(column.eq(id)).to_owned();
    named(C::CheckoutSessionId)
        .union(UnionType::Distinct, named(C::PaymentIntentId))
        .union(UnionType::Distinct, named(C::ChargeId))
        .union(UnionType::Distinct, donations_of_event(id))
        .union(UnionType::Distinct, donations_of_balance(id))
        .to_owned()
}

fn donations_of_event(id: &str) -> SelectStatement {
    Query::select()
        .column(stripe_event::Column::DonationId)
        .from(stripe_event::Entity)
        .and_where(stripe_event::Column::Id.eq(id))
        .and_where(stripe_event::Column::DonationId.is_not_null())
        .to_owned()
}

fn donations_of_balance(id: &str) -> SelectStatement {
    Query::select()
        .column(ledger_transaction::Column::DonationId)
        .from(ledger_transaction::Entity)
        .and_where(ledger_transaction::Column::StripeBalanceTransaction.eq(id))
        .and_where(ledger_transaction::Column::DonationId.is_not_null())
        .to_owned()
}

/// Which donations fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub status: Option<DonationStatus>,
    /// For the campaign with this slug.
    pub campaign: Option<String>,
    /// Given under this code of a fund.
    pub fund: Option<String>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Found by a search.
    pub search: Option<Search>,
}

impl Filter {
    /// The same, with a search for a person or one of Stripe's objects done: whoever asks several questions looks through the names only
    /// once. Where a person is found in very many donations, they are still searched for.
    pub async fn searched(mut self, db: &impl ConnectionTrait) -> Result<Self, Error> {
        if let Some(search @ (Search::Person(_) | Search::Stripe(_))) = &self.search {
            let fits = search.condition(db.get_database_backend());
            let found = donation::Entity::find().select_only().column(donation::Column::Id).filter(fits);
            let ids: Vec<DonationId> = found.limit(FOUND_MAX + 1).into_tuple().all(db).await?;
            if ids.len() as u64 <= FOUND_MAX {
                self.search = Some(Search::Found(ids));
            }
        }
        Ok(self)
    }

    /// The same, over the columns of `donation`.
    pub fn condition(&self, of: DbBackend) -> Condition {
        use donation::Column as C;
        let campaign = self.campaign.as_deref().map(|slug| {
            let named =
                Query::select().column(campaign::Column::Id).from(campaign::Entity).and_where(campaign::Column::Slug.eq(slug)).to_owned();
            C::CampaignId.in_subquery(named)
        });
        Condition::all()
            .add_option(self.status.map(|status| C::Status.eq(status)))
            .add_option(campaign)
            .add_option(self.fund.as_deref().map(|code| C::FundCode.eq(code)))
            .add_option(self.from.map(|from| C::CreatedAt.gte(from)))
            .add_option(self.until.map(|until| C::CreatedAt.lt(until)))
            .add_option(self.search.as_ref().map(|search| search.condition(of)))
    }
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Line {
    /// The donation.
    pub donation: donation::Model,
    /// What is charged.
    pub amount: Money,
    /// Whose address it is; only for who may see it.
    pub email: String,
    /// The campaign's title.
    pub campaign: Option<String>,
    /// The item's title.
    pub item: Option<String>,
    /// The valid receipt's code.
    pub receipt: Option<String>,
}

/// A page of donations, the newest first, after the donation `after` of the page before.
pub async fn page(db: &impl ConnectionTrait, filter: &Filter, after: Option<DonationId>) -> Result<Pager<Line>, Error> {
    use donation::Column as C;
    let mut query = donation::Entity::find().filter(filter.condition(db.get_database_backend()));
    if let Some(id) = after {
        let last = donation::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound)?;
        // The first condition is where the database begins to read: it would go through all newer ones for the second alone.
        let older = Condition::any().add(C::CreatedAt.lt(last.created_at)).add(C::Id.lt(last.id));
        query = query.filter(C::CreatedAt.lte(last.created_at)).filter(older);
    }
    let rows = query.order_by_desc(C::CreatedAt).order_by_desc(C::Id).limit(PAGE_ROWS + 1).all(db).await?;
    let page = Pager::from_rows(rows, |donation| donation.id.to_string());
    Ok(Pager { rows: describe(db, page.rows).await?, next: page.next })
}

async fn describe(db: &impl ConnectionTrait, donations: Vec<donation::Model>) -> Result<Vec<Line>, Error> {
    let supporters = donations.iter().map(|d| d.supporter_id).collect::<Vec<_>>();
    let people = supporter::Entity::find().filter(supporter::Column::Id.is_in(supporters)).all(db).await?;
    let emails: HashMap<_, _> = people.into_iter().map(|person| (person.id, person.email)).collect();
    let wanted = donations.iter().filter_map(|d| d.campaign_id).collect::<Vec<_>>();
    let campaigns = campaign::Entity::find().filter(campaign::Column::Id.is_in(wanted)).all(db).await?;
    let campaigns: HashMap<_, _> = campaigns.into_iter().map(|campaign| (campaign.id, campaign.title)).collect();
    let wanted = donations.iter().filter_map(|d| d.wish_item_id).collect::<Vec<_>>();
    let items = wish_item::Entity::find().filter(wish_item::Column::Id.is_in(wanted)).all(db).await?;
    let items: HashMap<_, _> = items.into_iter().map(|item| (item.id, item.title)).collect();
    let receipts = receipt::Entity::find()
        .filter(receipt::Column::DonationId.is_in(donations.iter().map(|d| d.id)))
        .filter(receipt::Column::Status.eq(ReceiptStatus::Issued))
        .all(db)
        .await?;
    let receipts: HashMap<_, _> = receipts.into_iter().map(|receipt| (receipt.donation_id, receipt.code)).collect();
    let lines = donations.into_iter().map(|donation| Line {
        amount: Money::new(donation.amount_minor, donation.currency),
        email: emails.get(&donation.supporter_id).cloned().unwrap_or_default(),
        campaign: donation.campaign_id.and_then(|id| campaigns.get(&id).cloned()),
        item: donation.wish_item_id.and_then(|id| items.get(&id).cloned()),
        receipt: receipts.get(&donation.id).cloned(),
        donation,
    });
    Ok(lines.collect())
}

/// What fits comes to, of one state in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// The state.
    pub status: DonationStatus,
    /// How many donations.
    pub count: i64,
    /// What they come to.
    pub sum: Money,
}

/// What all that fits comes to, by currency and state; of what was paid, what it is worth now.
pub async fn totals(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Total>, Error> {
    use donation::Column as C;
    let mut rows: Vec<(Currency, DonationStatus, i64, i64)> = donation::Entity::find()
        .select_only()
        .column(C::Currency)
        .column(C::Status)
        // Not the ids: an index without them answers this.
        .column_as(Expr::cust("count(*)"), "donations")
        .column_as(Expr::col(C::AmountMinor).sum().cast_as("bigint"), "total")
        .filter(filter.condition(db.get_database_backend()))
        .group_by(C::Currency)
        .group_by(C::Status)
        .into_tuple()
        .all(db)
        .await?;
    // What came back of what was paid is not ours any more. Money comes back of paid donations only, so the state is not asked for: a database
    // that began with it would go through all of them.
    let returned = match filter.status {
        None | Some(DonationStatus::Paid) => came_back(db, &Filter { status: None, ..filter.clone() }).await?,
        Some(_) => Vec::new(),
    };
    for (currency, minor) in returned {
        let paid = rows.iter_mut().find(|row| row.0 == currency && row.1 == DonationStatus::Paid);
        if let Some((.., total)) = paid {
            *total = total.checked_sub(minor).ok_or(entity::MoneyError::Overflow)?;
        }
    }
    let place = |status: DonationStatus| DonationStatus::ALL.iter().rev().position(|s| *s == status);
    rows.sort_by_key(|(currency, status, ..)| (*status != DonationStatus::Paid, *currency, place(*status)));
    Ok(rows.into_iter().map(|(currency, status, count, minor)| Total { status, count, sum: Money::new(minor, currency) }).collect())
}

/// The kinds of movement that may take income from a gift: all but the gift itself and its fee, which are nearly all there are.
fn takes_income() -> impl Iterator<Item = MovementKind> {
    MovementKind::ALL.iter().copied().filter(|kind| !matches!(kind, MovementKind::Donation | MovementKind::Fee))
}

/// The income that refunds, lost disputes and corrections took from the donations that fit, by currency.
async fn came_back(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<(Currency, i64)>, Error> {
    use ledger_transaction::Column as T;
    let to_head: RelationDef =
        ledger_entry::Entity::belongs_to(ledger_transaction::Entity).from(ledger_entry::Column::TransactionId).to(T::Id).into();
    let to_donation: RelationDef =
        ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(donation::Column::Id).into();
    Ok(ledger_entry::Entity::find()
        .select_only()
        .column(ledger_entry::Column::Currency)
        .column_as(Expr::col((ledger_entry::Entity, ledger_entry::Column::AmountMinor)).sum().cast_as("bigint"), "total")
        .join(JoinType::InnerJoin, to_head)
        .join(JoinType::InnerJoin, to_donation)
        .filter(ledger_entry::Column::Account.eq(Account::Donations))
        .filter(T::Kind.is_in(takes_income()))
        .filter(filter.condition(db.get_database_backend()))
        .group_by(ledger_entry::Column::Currency)
        .into_tuple()
        .all(db)
        .await?)
}

/// The campaigns that a list can be narrowed to: slug and title.
pub async fn campaigns(db: &impl ConnectionTrait) -> Result<Vec<(String, String)>, Error> {
    let all = campaign::Entity::find().order_by_asc(campaign::Column::Title).limit(500).all(db).await?;
    Ok(all.into_iter().map(|campaign| (campaign.slug, campaign.title)).collect())
}

/// The funds that a list can be narrowed to: code and name.
pub async fn funds(db: &impl ConnectionTrait) -> Result<Vec<(String, String)>, Error> {
    let all = fund::Entity::find().order_by_asc(fund::Column::Code).limit(500).all(db).await?;
    Ok(all.into_iter().map(|fund| (fund.code.clone(), format!("{} – {}", fund.code, fund.name))).collect())
}
