//! The queries of the readers: the journal of open days, the figures of closed ones, the key on PostgreSQL.

use super::day::{Counts, Key, Tally};
use super::filter::{Bucket, RULES_VERSION};
use super::journal::Segment;
use super::token::Scope;
use crate::db::Db;
use crate::error::Error;
use chrono::{DateTime, NaiveDate, Utc};
use entity::ids::ArticleId;
use entity::words::{ArticleStatus, ReaderScope, ReaderSource};
use entity::{article, campaign, reader_day, reader_key, reader_segment};
use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use std::collections::BTreeMap;

/// The advisory lock that orders the closing of a day before or after a late piece of its journal (PostgreSQL).
const CLOSING_LOCK: i64 = 770_042_002;

/// How many pieces of a journal are read at a time.
const PAGE: u64 = 500;

/// How many pieces of a journal are folded into one at a time.
pub const FOLD_MAX: u64 = 4_000;

/// A piece of the journal as stored.
pub struct StoredSegment {
    /// Its number.
    pub id: i64,
    /// The process that wrote it.
    pub node: String,
    /// The day key's epoch.
    pub epoch: u32,
    /// What it adds.
    pub segment: Segment,
}

/// Writes a piece of the journal.
pub async fn append(tx: &DatabaseTransaction, day: NaiveDate, epoch: u32, node: &str, body: Vec<u8>) -> Result<(), Error> {
    let row = reader_segment::ActiveModel {
        id: NotSet,
        day: Set(day),
        epoch: Set(i64::from(epoch)),
        node: Set(node.to_owned()),
        body: Set(body),
    };
    reader_segment::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The next pieces of a day after number `after`, in order: of one process, or of all.
pub async fn segments_after(
    db: &impl ConnectionTrait,
    day: NaiveDate,
    node: Option<&str>,
    after: i64,
) -> Result<Vec<StoredSegment>, Error> {
    let mut query = reader_segment::Entity::find().filter(reader_segment::Column::Day.eq(day)).filter(reader_segment::Column::Id.gt(after));
    if let Some(node) = node {
        query = query.filter(reader_segment::Column::Node.eq(node));
    }
    let rows = query.order_by_asc(reader_segment::Column::Id).limit(PAGE).all(db).await?;
    rows.into_iter().map(read_segment).collect()
}

fn read_segment(row: reader_segment::Model) -> Result<StoredSegment, Error> {
    let damaged = || Error::Internal(format!("piece {} of the readers' journal is damaged", row.id));
    let segment = Segment::from_bytes(&row.body).map_err(|_| damaged())?;
    let epoch = u32::try_from(row.epoch).map_err(|_| damaged())?;
    Ok(StoredSegment { id: row.id, epoch, segment, node: row.node })
}

/// Pieces of a day's journal by one process that are smaller than `bytes_max`, at most [`FOLD_MAX`] of them.
pub async fn small_segments(db: &impl ConnectionTrait, day: NaiveDate, node: &str, bytes_max: usize) -> Result<Vec<StoredSegment>, Error> {
    let rows = reader_segment::Entity::find()
        .filter(reader_segment::Column::Day.eq(day))
        .filter(reader_segment::Column::Node.eq(node))
        .filter(Expr::expr(Func::cust("length").arg(Expr::col(reader_segment::Column::Body))).lt(bytes_max as i64))
        .order_by_asc(reader_segment::Column::Id)
        .limit(FOLD_MAX)
        .all(db)
        .await?;
    rows.into_iter().map(read_segment).collect()
}

/// The processes that wrote to a day's journal, with the number of the newest piece of each.
pub async fn nodes_of(db: &impl ConnectionTrait, day: NaiveDate) -> Result<Vec<(String, i64)>, Error> {
    let rows = reader_segment::Entity::find()
        .select_only()
        .column(reader_segment::Column::Node)
        .column_as(reader_segment::Column::Id.max(), "newest")
        .filter(reader_segment::Column::Day.eq(day))
        .group_by(reader_segment::Column::Node)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows)
}

/// Replaces pieces of a journal by one that says the same.
pub async fn replace(tx: &DatabaseTransaction, day: NaiveDate, epoch: u32, node: &str, old: &[i64], body: Vec<u8>) -> Result<(), Error> {
    let gone = reader_segment::Entity::delete_many().filter(reader_segment::Column::Id.is_in(old.to_vec())).exec(tx).await?;
    if gone.rows_affected != old.len() as u64 {
        return Err(Error::Conflict("the day was closed meanwhile".to_owned()));
    }
    append(tx, day, epoch, node, body).await
}

/// The days before `today` that have a journal still.
pub async fn open_days_before(db: &impl ConnectionTrait, today: NaiveDate) -> Result<Vec<NaiveDate>, Error> {
    let days = reader_segment::Entity::find()
        .select_only()
        .column(reader_segment::Column::Day)
        .distinct()
        .filter(reader_segment::Column::Day.lt(today))
        .order_by_asc(reader_segment::Column::Day)
        .into_tuple()
        .all(db)
        .await?;
    Ok(days)
}

/// The epoch for a new key of a day: after every epoch that its journal knows.
pub async fn next_epoch(db: &impl ConnectionTrait, day: NaiveDate) -> Result<u32, Error> {
    let newest: Option<Option<i64>> = reader_segment::Entity::find()
        .select_only()
        .column_as(reader_segment::Column::Epoch.max(), "epoch")
        .filter(reader_segment::Column::Day.eq(day))
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.flatten().and_then(|epoch| u32::try_from(epoch + 1).ok()).unwrap_or(0))
}

/// Lets late pieces of a journal wait for a closing under way, and a closing for them. SQLite has one writer, which is enough.
pub async fn order_with_closing(tx: &DatabaseTransaction, is_closing: bool) -> Result<(), Error> {
    if tx.get_database_backend() == sea_orm::DbBackend::Postgres {
        let lock = if is_closing { "pg_advisory_xact_lock" } else { "pg_advisory_xact_lock_shared" };
        let sql = format!("select {lock}({CLOSING_LOCK})");
        tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    }
    Ok(())
}

/// Whether a day's figures are final.
pub async fn is_closed(db: &impl ConnectionTrait, day: NaiveDate) -> Result<bool, Error> {
    let row =
        reader_day::Entity::find().filter(reader_day::Column::Day.eq(day)).filter(reader_day::Column::Closed.eq(true)).one(db).await?;
    Ok(row.is_some())
}

/// Writes the final figures of a day and removes its journal.
pub async fn close(tx: &DatabaseTransaction, day: NaiveDate, tallies: &BTreeMap<Key, Tally>) -> Result<(), Error> {
    let rows: Vec<_> = tallies.iter().map(|((scope, source), tally)| row_of(day, *scope, *source, tally)).collect();
    for chunk in rows.chunks(200) {
        reader_day::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    reader_segment::Entity::delete_many().filter(reader_segment::Column::Day.eq(day)).exec(tx).await?;
    Ok(())
}

fn row_of(day: NaiveDate, scope: Scope, source: ReaderSource, tally: &Tally) -> reader_day::ActiveModel {
    // More than 2⁶³ of anything in a day cannot be.
    let figure = |number: u64| Set(i64::try_from(number).unwrap_or(i64::MAX));
    let of = |bucket| figure(tally.counts.of(bucket));
    reader_day::ActiveModel {
        scope: Set(scope.kind),
        scope_id: Set(scope_id(scope)),
        day: Set(day),
        source: Set(source),
        readers: figure(tally.readers),
        views: of(Bucket::Counted),
        duplicates: of(Bucket::DuplicateView),
        bots: of(Bucket::Bot),
        prefetch: of(Bucket::Prefetch),
        opt_out: of(Bucket::OptOut),
        malformed: of(Bucket::Malformed),
        unknown_article: of(Bucket::UnknownArticle),
        capped: of(Bucket::Capped),
        staff: of(Bucket::Staff),
        received: figure(tally.counts.received),
        epochs: Set(i64::from(tally.epochs)),
        readers_min: figure(tally.readers_min),
        form: Set(if tally.is_estimate { "hll16" } else { "exact" }.to_owned()),
        rules_version: Set(i64::from(RULES_VERSION)),
        closed: Set(true),
    }
}

/// What a closed day's row says.
pub fn tally_of(row: &reader_day::Model) -> Tally {
    let figure = |number: i64| u64::try_from(number).unwrap_or(0);
    // In the order of `Bucket::ALL`, after what was received.
    let totals = [
        row.received,
        row.views,
        row.duplicates,
        row.bots,
        row.prefetch,
        row.opt_out,
        row.malformed,
        row.unknown_article,
        row.capped,
        row.staff,
    ];
    Tally {
        counts: Counts::from_totals(totals.map(figure)),
        readers: figure(row.readers),
        readers_min: figure(row.readers_min),
        epochs: u32::try_from(row.epochs).unwrap_or(0),
        is_estimate: row.form != "exact",
    }
}

/// How a scope's id is stored: empty for the site.
pub fn scope_id(scope: Scope) -> String {
    if scope.kind == ReaderScope::Site { String::new() } else { scope.id.to_string() }
}

#[derive(FromQueryResult)]
struct ViewsRow {
    scope_id: String,
    views: i64,
}

/// The views of every article in its closed days, by article.
pub async fn closed_views(db: &impl ConnectionTrait) -> Result<BTreeMap<uuid::Uuid, i64>, Error> {
    let rows = reader_day::Entity::find()
        .select_only()
        .column(reader_day::Column::ScopeId)
        // PostgreSQL sums bigint to numeric.
        .column_as(Expr::col(reader_day::Column::Views).sum().cast_as("bigint"), "views")
        .filter(reader_day::Column::Scope.eq(ReaderScope::Article))
        .group_by(reader_day::Column::ScopeId)
        .into_model::<ViewsRow>()
        .all(db)
        .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.scope_id.parse().ok()?, row.views))).collect())
}

/// The closed days of a scope from one day to another, both included, oldest first.
pub async fn closed_days(db: &impl ConnectionTrait, scope: Scope, from: NaiveDate, to: NaiveDate) -> Result<Vec<reader_day::Model>, Error> {
    let rows = reader_day::Entity::find()
        .filter(reader_day::Column::Scope.eq(scope.kind))
        .filter(reader_day::Column::ScopeId.eq(scope_id(scope)))
        .filter(reader_day::Column::Day.between(from, to))
        .order_by_asc(reader_day::Column::Day)
        .order_by_asc(reader_day::Column::Source)
        .all(db)
        .await?;
    Ok(rows)
}

/// The newest key of a day and its epoch (PostgreSQL).
pub async fn newest_key(db: &impl ConnectionTrait, day: NaiveDate) -> Result<Option<(u32, [u8; 32])>, Error> {
    let row = reader_key::Entity::find().filter(reader_key::Column::Day.eq(day)).order_by_desc(reader_key::Column::Epoch).one(db).await?;
    Ok(row.and_then(|row| Some((u32::try_from(row.epoch).ok()?, row.key.try_into().ok()?))))
}

/// Writes a key unless another process has written that epoch's already (PostgreSQL).
pub async fn offer_key(tx: &DatabaseTransaction, day: NaiveDate, epoch: u32, secret: &[u8; 32]) -> Result<(), Error> {
    let row = reader_key::ActiveModel { day: Set(day), epoch: Set(i64::from(epoch)), key: Set(secret.to_vec()) };
    let first_wins = OnConflict::columns([reader_key::Column::Day, reader_key::Column::Epoch]).do_nothing().to_owned();
    reader_key::Entity::insert(row).on_conflict(first_wins).exec_without_returning(tx).await?;
    Ok(())
}

/// Destroys the keys up to a day (PostgreSQL). Deleted rows stay in the table's file, so the file is written anew.
pub async fn destroy_keys(db: &Db, day: NaiveDate) -> Result<(), Error> {
    let gone = db.write(async |tx| Ok(reader_key::Entity::delete_many().filter(reader_key::Column::Day.lte(day)).exec(tx).await?)).await?;
    if gone.rows_affected > 0 {
        db.read().execute_unprepared("vacuum full reader_key").await?;
    }
    Ok(())
}

/// The article of that slug or id, when readers may see it.
pub async fn published_article(db: &impl ConnectionTrait, name: &str, now: DateTime<Utc>) -> Result<Option<ArticleId>, Error> {
    let mut is_it = Condition::any().add(article::Column::Slug.eq(name));
    if let Ok(id) = name.parse::<ArticleId>() {
        is_it = is_it.add(article::Column::Id.eq(id));
    }
    let public = article::Column::Status.eq(ArticleStatus::Published).and(article::Column::PublishedAt.lte(now));
    let found = article::Entity::find().select_only().column(article::Column::Id).filter(is_it).filter(public).into_tuple().one(db).await?;
    Ok(found)
}

#[derive(FromQueryResult)]
struct TotalRow {
    scope_id: String,
    readers: i64,
    views: i64,
}

/// The daily readers and the views of every campaign or article in its closed days from one to another, both included.
pub async fn closed_totals(
    db: &impl ConnectionTrait,
    kind: ReaderScope,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(uuid::Uuid, u64, u64)>, Error> {
    let sum = |column: reader_day::Column| Expr::col(column).sum().cast_as("bigint");
    let rows = reader_day::Entity::find()
        .select_only()
        .column(reader_day::Column::ScopeId)
        .column_as(sum(reader_day::Column::Readers), "readers")
        .column_as(sum(reader_day::Column::Views), "views")
        .filter(reader_day::Column::Scope.eq(kind))
        .filter(reader_day::Column::Day.between(from, to))
        .group_by(reader_day::Column::ScopeId)
        .into_model::<TotalRow>()
        .all(db)
        .await?;
    let figure = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(rows.into_iter().filter_map(|row| Some((row.scope_id.parse().ok()?, figure(row.readers), figure(row.views)))).collect())
}

/// The titles of campaigns or articles.
pub async fn titles(db: &impl ConnectionTrait, kind: ReaderScope, ids: Vec<uuid::Uuid>) -> Result<BTreeMap<uuid::Uuid, String>, Error> {
    let mut titles = BTreeMap::new();
    // Databases bound the number of values in one statement.
    for some in ids.chunks(1_000) {
        let found: Vec<(uuid::Uuid, String)> = match kind {
            ReaderScope::Site => Vec::new(),
            ReaderScope::Campaign => {
                let query = campaign::Entity::find().select_only().columns([campaign::Column::Id, campaign::Column::Title]);
                query.filter(campaign::Column::Id.is_in(some.to_vec())).into_tuple().all(db).await?
            }
            ReaderScope::Article => {
                let query = article::Entity::find().select_only().columns([article::Column::Id, article::Column::Title]);
                query.filter(article::Column::Id.is_in(some.to_vec())).into_tuple().all(db).await?
            }
        };
        titles.extend(found);
    }
    Ok(titles)
}

/// The title of a campaign or article; none for the site. One that is not there is [`Error::NotFound`].
pub async fn title_of(db: &impl ConnectionTrait, scope: Scope) -> Result<Option<String>, Error> {
    match scope.kind {
        ReaderScope::Site => Ok(None),
        kind => titles(db, kind, vec![scope.id]).await?.remove(&scope.id).map(Some).ok_or(Error::NotFound),
    }
}
