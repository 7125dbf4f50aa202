//! The audit trail: one row for each change by staff, chained by hashes, so that an entry that was changed or taken out
//! behind the program's back is found. The database refuses UPDATE and DELETE; `verify_chain` finds what was done without it.

use crate::{
    clock::hex,
    db::Db,
    error::Error,
    web::pager::{PAGE_ROWS, Pager},
};
use chrono::{DateTime, SecondsFormat, Utc};
use entity::{audit_entry, ids::StaffId};
use futures_util::TryStreamExt;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbBackend, QueryOrder, QuerySelect, Statement, entity::prelude::*};
use serde::Serialize;

/// The PostgreSQL advisory lock under which entries are chained, one writer after the other.
const CHAIN_LOCK: i64 = 770_042_002;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The member of staff; none for the program itself.
    pub staff_id: Option<StaffId>,
    /// Her name at the time, or `system`.
    pub name: String,
}

impl Actor {
    /// The program itself: the command line, jobs, the demo.
    pub fn system() -> Self {
        Self { staff_id: None, name: "system".to_owned() }
    }
}

/// An entry as it is hashed: every column but the number, in this order.
#[derive(Serialize)]
struct Hashed<'a> {
    at: String,
    staff_id: Option<String>,
    actor: &'a str,
    action: &'a str,
    object_kind: &'a str,
    object_id: &'a str,
    detail: &'a str,
}

/// The first place where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number of the entry.
    pub entry: i64,
    /// What is wrong with it, in a sentence.
    pub why: &'static str,
}

/// What a walk along the whole chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many entries were read, up to the broken one.
    pub entries: u64,
    /// The hash of the last entry: whoever writes it down elsewhere can prove later that the end was not cut off.
    pub head: String,
    /// The first broken entry; nothing when the chain holds.
    pub broken: Option<Broken>,
}

/// Makes the transactions that call this wait for each other, until they end. SQLite has one writer anyway.
pub async fn serialise(tx: &impl ConnectionTrait) -> Result<(), Error> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_raw(Statement::from_string(DbBackend::Postgres, format!("select pg_advisory_xact_lock({CHAIN_LOCK})"))).await?;
    }
    Ok(())
}

/// Writes one entry, in the transaction of the change that it tells: both, or neither. Call it last in the
/// transaction, because on PostgreSQL other changes by staff wait from here to the commit.
///
/// `action` is a verb such as `campaign.pause`; `detail` says what changed and holds no donor's personal data.
pub async fn record(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    object_kind: &str,
    object_id: &str,
    detail: serde_json::Value,
) -> Result<(), Error> {
    serialise(tx).await?;
    let last: Option<String> = audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::Hash)
        .order_by_desc(audit_entry::Column::Id)
        .into_tuple()
        .one(tx)
        .await?;
    let previous = last.unwrap_or_default();
    let detail = detail.to_string();
    let hash = hash_of(
        &previous,
        &Hashed {
            at: time_of(now),
            staff_id: actor.staff_id.map(|id| id.to_string()),
            actor: &actor.name,
            action,
            object_kind,
            object_id,
            detail: &detail,
        },
    )?;
    let entry = audit_entry::ActiveModel {
        at: Set(now),
        staff_id: Set(actor.staff_id),
        actor: Set(actor.name.clone()),
        action: Set(action.to_owned()),
        object_kind: Set(object_kind.to_owned()),
        object_id: Set(object_id.to_owned()),
        detail: Set(detail),
        previous_hash: Set(previous),
        hash: Set(hash),
        ..Default::default()
    };
    audit_entry::Entity::insert(entry).exec_without_returning(tx).await?;
    Ok(())
}

/// Which entries to show.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this person's.
    pub staff_id: Option<StaffId>,
    /// Only actions that begin so: `campaign`, `campaign.pause`.
    pub action: Option<String>,
    /// Only about this kind of thing.
    pub object_kind: Option<String>,
    /// Only about the thing with this id.
    pub object_id: Option<String>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

/// A page of entries, the newest first, after the entry `after` of the page before.
pub async fn list(db: &Db, filter: &Filter, after: Option<i64>) -> Result<Pager<audit_entry::Model>, Error> {
    use audit_entry::Column;
    let mut entries = audit_entry::Entity::find().order_by_desc(Column::Id).limit(PAGE_ROWS + 1);
    if let Some(id) = filter.staff_id {
        entries = entries.filter(Column::StaffId.eq(id));
    }
    if let Some(action) = &filter.action {
        entries = entries.filter(Column::Action.starts_with(action));
    }
    if let Some(kind) = &filter.object_kind {
        entries = entries.filter(Column::ObjectKind.eq(kind));
    }
    if let Some(id) = &filter.object_id {
        entries = entries.filter(Column::ObjectId.eq(id));
    }
    if let Some(from) = filter.from {
        entries = entries.filter(Column::At.gte(from));
    }
    if let Some(until) = filter.until {
        entries = entries.filter(Column::At.lt(until));
    }
    if let Some(after) = after {
        entries = entries.filter(Column::Id.lt(after));
    }
    Ok(Pager::from_rows(entries.all(db.read()).await?, |entry| entry.id.to_string()))
}

/// Walks the whole chain, in constant memory, and stops at the first entry that does not hold.
pub async fn verify_chain(db: &Db) -> Result<Chain, Error> {
    let mut chain = Chain { entries: 0, head: String::new(), broken: None };
    let mut entries = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).stream(db.read()).await?;
    while let Some(entry) = entries.try_next().await? {
        chain.entries += 1;
        let why = if entry.previous_hash != chain.head {
            Some("the entry before it is missing or was changed")
        } else if entry.hash != hash_of_entry(&entry)? {
            Some("it was changed after it was written")
        } else {
            None
        };
        if let Some(why) = why {
            chain.broken = Some(Broken { entry: entry.id, why });
            break;
        }
        chain.head = entry.hash;
    }
    Ok(chain)
}

fn hash_of_entry(entry: &audit_entry::Model) -> Result<String, Error> {
    let hashed = Hashed {
        at: time_of(entry.at),
        staff_id: entry.staff_id.map(|id| id.to_string()),
        actor: &entry.actor,
        action: &entry.action,
        object_kind: &entry.object_kind,
        object_id: &entry.object_id,
        detail: &entry.detail,
    };
    hash_of(&entry.previous_hash, &hashed)
}

fn hash_of(previous: &str, hashed: &Hashed<'_>) -> Result<String, Error> {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(previous.as_bytes());
    context.update(&serde_json::to_vec(hashed)?);
    Ok(hex(context.finish().as_ref()))
}

/// Microseconds always, because both databases keep exactly these.
fn time_of(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
