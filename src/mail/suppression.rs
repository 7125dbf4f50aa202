//! Who gets no letters, or not all. An address is kept as a keyed hash only, so that this outlives the erasure of its owner and tells
//! nothing to whoever reads the table.

use super::{streams, topic::Topic};
use crate::{db::Db, error::Error};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{LetterId, SuppressionId},
    mail_key, suppression,
    words::{LetterStream, SuppressionReason},
};
use ring::hmac;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashMap;

/// How long an address that took no letter gets no receipts either. Mailboxes come back: after that one receipt is tried again, as
/// Postal does; news wait until somebody lifts it.
const HARD_BOUNCE_HOLDS_RECEIPTS: TimeDelta = TimeDelta::days(30);

/// Makes the keyed hashes of addresses.
#[derive(Clone, Debug)]
pub struct AddressKey(hmac::Key);

impl AddressKey {
    /// From the key that [`crate::config::Config::key`] derives for `"mail addresses"`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The hash of an address: HMAC-SHA-256 of it in lower case, the domain in ASCII, as 64 hex digits.
    pub fn hash(&self, address: &str) -> String {
        crate::clock::hex(hmac::sign(&self.0, normalised(address).as_bytes()).as_ref())
    }
}

/// The one way that an address is written: without spaces around it, in lower case, its domain in ASCII.
pub fn normalised(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    match lower.rsplit_once('@') {
        Some((user, domain)) => format!("{user}@{}", url::Host::parse(domain).map_or_else(|_| domain.to_owned(), |host| host.to_string())),
        None => lower,
    }
}

/// The domain of an address, in lower case and ASCII; empty when it has none.
pub fn domain_of(address: &str) -> String {
    normalised(address).rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default()
}

/// What a key is recognised by: its hash of this.
const MARKED: &str = "the key of addresses";

/// Why news are held back after SECRET_KEY changed.
const OTHER_KEY: &str = "SECRET_KEY is another one, so addresses that shall get no news are not recognised. Put the former key back, or \
                         let the news leave again once those who are to get none are entered anew.";

/// Notices when the stored hashes were made with another key, as after a restore without the secret key that belongs to it. Then news
/// are held back until staff let them go on: who had said that she wants none would get them. False: so it is.
pub async fn notice_key(db: &Db, key: &AddressKey, now: DateTime<Utc>) -> Result<bool, Error> {
    let mark = key.hash(MARKED);
    if mail_key::Entity::find_by_id(1).one(db.read()).await?.is_some_and(|known| known.mark == mark) {
        return Ok(true);
    }
    db.write(async |tx| {
        let known = mail_key::Entity::find_by_id(1).one(tx).await?;
        if known.as_ref().is_some_and(|known| known.mark == mark) {
            return Ok(true);
        }
        let row = mail_key::ActiveModel { id: Set(1), mark: Set(mark.clone()), noted_at: Set(now) };
        let again = OnConflict::column(mail_key::Column::Id).update_columns([mail_key::Column::Mark, mail_key::Column::NotedAt]).to_owned();
        mail_key::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
        let in_force = suppression::Entity::find().filter(suppression::Column::LiftedAt.is_null());
        if known.is_none() || in_force.one(tx).await?.is_none() {
            return Ok(true);
        }
        streams::pause(tx, LetterStream::Updates, OTHER_KEY, now).await?;
        tracing::error!("news are held back: {OTHER_KEY}");
        Ok(false)
    })
    .await
}

/// A reason to send no letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSuppression {
    /// The address, hashed.
    pub address_hash: String,
    /// What it shall not get.
    pub topic: Topic,
    /// Why.
    pub reason: SuppressionReason,
    /// What was said besides.
    pub note: String,
    /// The letter that led to it.
    pub letter_id: Option<LetterId>,
    /// Who says so.
    pub made_by: String,
}

/// Sends no more letters about a topic to an address. The same reason again only renews what is in force.
pub async fn suppress(tx: &DatabaseTransaction, new: &NewSuppression, id: SuppressionId, now: DateTime<Utc>) -> Result<(), Error> {
    let renewed = suppression::Entity::update_many()
        .col_expr(suppression::Column::RenewedAt, Expr::value(now))
        .filter(in_force(&new.address_hash))
        .filter(suppression::Column::Topic.eq(new.topic.to_string()))
        .filter(suppression::Column::Reason.eq(new.reason))
        .exec(tx)
        .await?;
    if renewed.rows_affected > 0 {
        return Ok(());
    }
    let row = suppression::ActiveModel {
        id: Set(id),
        address_hash: Set(new.address_hash.clone()),
        topic: Set(new.topic.to_string()),
        reason: Set(new.reason),
        note: Set(new.note.chars().take(500).collect()),
        letter_id: Set(new.letter_id),
        made_by: Set(new.made_by.clone()),
        made_at: Set(now),
        renewed_at: Set(now),
        lifted_by: Set(String::new()),
        lifted_at: NotSet,
        lift_note: Set(String::new()),
    };
    suppression::Entity::insert(row).on_conflict(OnConflict::new().do_nothing().to_owned()).exec_without_returning(tx).await?;
    Ok(())
}

/// Lifts what is in force for an address, a topic and a reason. Returns whether anything was.
pub async fn lift(
    tx: &impl ConnectionTrait,
    address_hash: &str,
    topic: Topic,
    reason: SuppressionReason,
    by: &str,
    note: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let lifted = suppression::Entity::update_many()
        .col_expr(suppression::Column::LiftedAt, Expr::value(now))
        .col_expr(suppression::Column::LiftedBy, Expr::value(by))
        .col_expr(suppression::Column::LiftNote, Expr::value(note))
        .filter(in_force(address_hash))
        .filter(suppression::Column::Topic.eq(topic.to_string()))
        .filter(suppression::Column::Reason.eq(reason))
        .exec(tx)
        .await?;
    Ok(lifted.rows_affected > 0)
}

fn in_force(address_hash: &str) -> Condition {
    Condition::all().add(suppression::Column::AddressHash.eq(address_hash)).add(suppression::Column::LiftedAt.is_null())
}

/// All that was ever said about an address, the newest first.
pub async fn story(db: &impl ConnectionTrait, address_hash: &str) -> Result<Vec<suppression::Model>, Error> {
    Ok(suppression::Entity::find()
        .filter(suppression::Column::AddressHash.eq(address_hash))
        .order_by_desc(suppression::Column::MadeAt)
        .order_by_desc(suppression::Column::Id)
        .all(db)
        .await?)
}

/// What is in force for each of these addresses.
pub async fn in_force_for(db: &impl ConnectionTrait, hashes: &[String]) -> Result<InForce, Error> {
    let rows = suppression::Entity::find()
        .filter(suppression::Column::AddressHash.is_in(hashes))
        .filter(suppression::Column::LiftedAt.is_null())
        .all(db)
        .await?;
    let mut found: HashMap<String, Vec<suppression::Model>> = HashMap::new();
    for row in rows {
        found.entry(row.address_hash.clone()).or_default().push(row);
    }
    Ok(InForce(found))
}

/// What is in force for some addresses.
#[derive(Clone, Debug, Default)]
pub struct InForce(HashMap<String, Vec<suppression::Model>>);

impl InForce {
    /// Why a letter of this stream and topic does not go to an address; none: it goes. A transactional letter has no topic. What somebody said
    /// comes before what a mail server said, which some letters may try anew.
    pub fn against(&self, hash: &str, stream: LetterStream, topic: Option<Topic>, now: DateTime<Utc>) -> Option<SuppressionReason> {
        let of_address = self.0.get(hash)?;
        let against = of_address.iter().filter(|one| stands_against(one, stream, topic, now));
        against.map(|one| one.reason).min_by_key(|reason| *reason == SuppressionReason::HardBounce)
    }
}

fn stands_against(one: &suppression::Model, stream: LetterStream, topic: Option<Topic>, now: DateTime<Utc>) -> bool {
    let Ok(refused) = one.topic.parse::<Topic>() else { return false };
    match (one.reason, stream) {
        (SuppressionReason::HardBounce, LetterStream::Transactional) => one.renewed_at + HARD_BOUNCE_HOLDS_RECEIPTS > now,
        (SuppressionReason::HardBounce, LetterStream::Updates) => true,
        (_, LetterStream::Transactional) => refused == Topic::Everything,
        (_, LetterStream::Updates) => refused.covers(topic.unwrap_or(Topic::Updates)),
    }
}
