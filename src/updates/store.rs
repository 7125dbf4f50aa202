//! The queries of updates.

use crate::{consents::Subscriber, db::has_text, error::Error, news::About, web::pager::PAGE_ROWS};
use chrono::{DateTime, Utc};
use entity::{
    campaign, donation,
    ids::{CampaignId, LetterContentId, MailingId, SupporterId, UpdateId},
    ledger_entry, ledger_transaction, letter, letter_content, news_ask, news_text, news_update, supporter, wish_item, wish_order,
    words::{Account, CampaignStatus, DonationSource, DonationStatus, LetterState, OrderState, UpdateState, WishStatus},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, RelationDef, Select, Statement,
    sea_query::{Expr, OnConflict},
};
use std::collections::{HashMap, HashSet};

use news_update::Column;

/// The PostgreSQL advisory lock under which it is decided who may still be asked, one transaction after the other.
const ASK_LOCK: i64 = 770_042_022;

/// How many campaigns or items a form offers.
const OFFERED_MAX: u64 = 200;

/// The update of an id.
pub async fn update(db: &impl ConnectionTrait, id: UpdateId) -> Result<Option<news_update::Model>, Error> {
    Ok(news_update::Entity::find_by_id(id).one(db).await?)
}

/// The update of a slug, whatever its state.
pub async fn by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<news_update::Model>, Error> {
    Ok(news_update::Entity::find().filter(Column::Slug.eq(slug)).one(db).await?)
}

/// Those of some who still have the address that was read, locked until the transaction ends: nobody is erased or moved elsewhere before her
/// letter is written.
pub async fn still_there(tx: &DatabaseTransaction, some: Vec<Subscriber>) -> Result<Vec<Subscriber>, Error> {
    let locked: HashMap<SupporterId, String> = supporter::Entity::find()
        .select_only()
        .columns([supporter::Column::Id, supporter::Column::Email])
        .filter(supporter::Column::Id.is_in(some.iter().map(|one| one.supporter_id)))
        .order_by_asc(supporter::Column::Id)
        .lock_shared()
        .into_tuple::<(SupporterId, String)>()
        .all(tx)
        .await?
        .into_iter()
        .collect();
    Ok(some.into_iter().filter(|one| locked.get(&one.supporter_id) == Some(&one.email)).collect())
}

/// The update, locked until the transaction ends.
pub async fn lock(tx: &DatabaseTransaction, id: UpdateId) -> Result<Option<news_update::Model>, Error> {
    Ok(news_update::Entity::find_by_id(id).lock_exclusive().one(tx).await?)
}

/// Which updates a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only with these words in a title.
    pub words: String,
    /// Only in this state.
    pub state: Option<UpdateState>,
    /// Only of this campaign.
    pub campaign: Option<CampaignId>,
}

/// A page of the desk's list, the newest first, beginning after an id.
pub async fn search(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<UpdateId>,
    count: u64,
) -> Result<Vec<news_update::Model>, Error> {
    let mut find = news_update::Entity::find();
    if !filter.words.trim().is_empty() {
        let texts = news_text::Entity::find().select_only().column(news_text::Column::UpdateId);
        let texts = texts.filter(has_text(db.get_database_backend(), (news_text::Entity, news_text::Column::Title), &filter.words));
        find = find.filter(Column::Id.in_subquery(texts.into_query()));
    }
    let only = Condition::all()
        .add_option(filter.state.map(|state| Column::State.eq(state)))
        .add_option(filter.campaign.map(|id| Column::CampaignId.eq(id)))
        .add_option(after.map(|id| Column::Id.lt(id)));
    Ok(find.filter(only).order_by_desc(Column::Id).limit(count).all(db).await?)
}

/// A page of the desk's list and one more.
pub async fn page(db: &impl ConnectionTrait, filter: &Filter, after: Option<UpdateId>) -> Result<Vec<news_update::Model>, Error> {
    search(db, filter, after, PAGE_ROWS + 1).await
}

/// The updates in a state, the oldest first.
pub async fn in_state(db: &impl ConnectionTrait, state: UpdateState, count: u64) -> Result<Vec<news_update::Model>, Error> {
    Ok(news_update::Entity::find().filter(Column::State.eq(state)).order_by_asc(Column::Id).limit(count).all(db).await?)
}

/// The updates whose time to be sent has come.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, count: u64) -> Result<Vec<news_update::Model>, Error> {
    let find = news_update::Entity::find().filter(Column::State.eq(UpdateState::Scheduled)).filter(Column::SendAt.lte(now));
    Ok(find.order_by_asc(Column::SendAt).limit(count).all(db).await?)
}

/// Writes a new update and its texts.
pub async fn insert(tx: &DatabaseTransaction, update: news_update::Model, texts: Vec<news_text::Model>) -> Result<(), DbErr> {
    news_update::Entity::insert(update.into_active_model()).exec_without_returning(tx).await?;
    insert_texts(tx, texts).await
}

async fn insert_texts(tx: &DatabaseTransaction, texts: Vec<news_text::Model>) -> Result<(), DbErr> {
    let rows: Vec<news_text::ActiveModel> = texts.into_iter().map(IntoActiveModel::into_active_model).collect();
    news_text::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Puts these texts in the place of those that were there.
pub async fn replace_texts(tx: &DatabaseTransaction, id: UpdateId, texts: Vec<news_text::Model>) -> Result<(), DbErr> {
    news_text::Entity::delete_many().filter(news_text::Column::UpdateId.eq(id)).exec(tx).await?;
    insert_texts(tx, texts).await
}

/// Writes every column of an update that is there.
pub async fn save(tx: &DatabaseTransaction, update: news_update::Model) -> Result<(), DbErr> {
    update.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// The campaigns that news can be of, the newest first.
pub async fn campaigns(db: &impl ConnectionTrait) -> Result<Vec<campaign::Model>, Error> {
    let find = campaign::Entity::find().filter(campaign::Column::Status.ne(CampaignStatus::Draft));
    Ok(find.order_by_desc(campaign::Column::Id).limit(OFFERED_MAX).all(db).await?)
}

/// The items that news can be of, the newest first.
pub async fn items(db: &impl ConnectionTrait) -> Result<Vec<wish_item::Model>, Error> {
    let find = wish_item::Entity::find().order_by_desc(Expr::col(wish_item::Column::Status).eq(WishStatus::Open));
    Ok(find.order_by_desc(wish_item::Column::Id).limit(OFFERED_MAX).all(db).await?)
}

/// The texts that a mailing carries, by language.
pub async fn contents(db: &impl ConnectionTrait, id: MailingId) -> Result<HashMap<String, LetterContentId>, Error> {
    let rows: Vec<(String, LetterContentId)> = letter_content::Entity::find()
        .select_only()
        .column(letter_content::Column::Language)
        .column(letter_content::Column::Id)
        .filter(letter_content::Column::MailingId.eq(id))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Gifts for something whose money has not gone back: the income that the ledger holds for each is more than nothing.
fn gifts_for(about: About) -> Select<ledger_entry::Entity> {
    use ledger_entry::Column as E;
    let to_head: RelationDef =
        ledger_entry::Entity::belongs_to(ledger_transaction::Entity).from(E::TransactionId).to(ledger_transaction::Column::Id).into();
    let to_gift: RelationDef = ledger_transaction::Entity::belongs_to(donation::Entity)
        .from(ledger_transaction::Column::DonationId)
        .to(donation::Column::Id)
        .into();
    let find = ledger_entry::Entity::find()
        .select_only()
        .column(donation::Column::SupporterId)
        .join(JoinType::InnerJoin, to_head)
        .join(JoinType::InnerJoin, to_gift)
        .filter(E::Account.eq(Account::Donations));
    let find = match about {
        About::Site => find,
        About::Campaign(id) => find.filter(E::CampaignId.eq(id)),
        About::Item(id) => find.filter(E::WishItemId.eq(id)),
    };
    // Income is a credit, and credits are negative.
    find.group_by(donation::Column::SupporterId)
        .group_by(donation::Column::Id)
        .having(Expr::col((ledger_entry::Entity, E::AmountMinor)).sum().lt(0))
}

/// Orders of something at a shop that staff have confirmed, of whoever said that she wants to hear of it.
fn orders_of(about: About) -> Select<wish_order::Entity> {
    use wish_order::Column as O;
    let find = wish_order::Entity::find().select_only().column(O::SupporterId);
    let find = find.filter(O::State.eq(OrderState::Confirmed)).filter(O::SupporterId.is_not_null()).filter(O::AnswerDue.eq(false));
    let items = || wish_item::Entity::find().select_only().column(wish_item::Column::Id);
    match about {
        About::Site => find,
        About::Campaign(id) => find.filter(O::WishItemId.in_subquery(items().filter(wish_item::Column::CampaignId.eq(id)).into_query())),
        About::Item(id) => find.filter(O::WishItemId.eq(id)),
    }
}

/// Whose gift for something is under way, of these: a bank has not said yet that the money comes, or a transfer was announced.
pub async fn giving_now(db: &impl ConnectionTrait, about: About, supporters: &[SupporterId]) -> Result<HashSet<SupporterId>, Error> {
    use donation::Column as D;
    let announced = D::Status.eq(DonationStatus::Pending).and(D::Source.eq(DonationSource::Manual));
    let find = donation::Entity::find().select_only().column(D::SupporterId).filter(D::SupporterId.is_in(supporters.iter().copied()));
    let find = find.filter(D::Status.eq(DonationStatus::Processing).or(announced));
    let find = match about {
        About::Site => find,
        About::Campaign(id) => find.filter(D::CampaignId.eq(id)),
        About::Item(id) => find.filter(D::WishItemId.eq(id)),
    };
    Ok(find.into_tuple().all(db).await?.into_iter().collect())
}

/// Who of these gave for something, and the money has not gone back; or ordered it at a shop.
pub async fn givers_among(db: &impl ConnectionTrait, about: About, supporters: &[SupporterId]) -> Result<HashSet<SupporterId>, Error> {
    let hers = gifts_for(about).filter(donation::Column::SupporterId.is_in(supporters.iter().copied()));
    let found: Vec<SupporterId> = hers.into_tuple().all(db).await?;
    let ordered = orders_of(about).filter(wish_order::Column::SupporterId.is_in(supporters.iter().copied()));
    let ordered: Vec<SupporterId> = ordered.into_tuple().all(db).await?;
    Ok(found.into_iter().chain(ordered).collect())
}

/// How many with an address gave for something, and the money has not gone back; or ordered it at a shop.
pub async fn givers_count(db: &impl ConnectionTrait, about: About) -> Result<u64, Error> {
    let gave = Condition::any()
        .add(supporter::Column::Id.in_subquery(gifts_for(about).into_query()))
        .add(supporter::Column::Id.in_subquery(orders_of(about).into_query()));
    Ok(supporter::Entity::find().filter(supporter::Column::Email.ne("")).filter(gave).count(db).await?)
}

/// Makes the transactions that decide whom to ask wait for each other, until they end. SQLite has one writer anyway.
pub async fn serialise_asks(tx: &DatabaseTransaction) -> Result<(), Error> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_raw(Statement::from_string(DbBackend::Postgres, format!("select pg_advisory_xact_lock({ASK_LOCK})"))).await?;
    }
    Ok(())
}

/// How often each of these was asked since a moment, but not by the update `but`: by letters that were written or left since then, and by
/// those that wait to leave, however old. What was kept from leaving asked nobody.
pub async fn asks_since(
    db: &impl ConnectionTrait,
    supporters: &[SupporterId],
    since: DateTime<Utc>,
    but: UpdateId,
) -> Result<HashMap<SupporterId, i64>, Error> {
    use news_ask::Column as A;
    let to_letter: RelationDef = news_ask::Entity::belongs_to(letter::Entity).from(A::LetterKey).to(letter::Column::DedupeKey).into();
    let not_kept = Condition::any().add(letter::Column::Id.is_null()).add(letter::Column::State.ne(LetterState::Suppressed));
    let counts = Condition::any()
        .add(Condition::all().add(A::AskedAt.gt(since)).add(not_kept))
        .add(letter::Column::SentAt.gt(since))
        .add(letter::Column::State.is_in([LetterState::Queued, LetterState::Deferred, LetterState::Leased]));
    let rows: Vec<(SupporterId, i64)> = news_ask::Entity::find()
        .select_only()
        .column(A::SupporterId)
        .column_as(A::UpdateId.count(), "asked")
        .join(JoinType::LeftJoin, to_letter)
        .filter(A::SupporterId.is_in(supporters.iter().copied()))
        .filter(A::UpdateId.ne(but))
        .filter(counts)
        .group_by(A::SupporterId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Writes down who is asked by letters that were just written.
pub async fn insert_asks(tx: &DatabaseTransaction, rows: Vec<news_ask::ActiveModel>) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let once = OnConflict::columns([news_ask::Column::SupporterId, news_ask::Column::UpdateId]).do_nothing().to_owned();
    news_ask::Entity::insert_many(rows).on_conflict(once).exec_without_returning(tx).await?;
    Ok(())
}
