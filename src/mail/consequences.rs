//! What follows from a refusal beyond its own letter: an address that takes none, a domain that asks for a pause, a stream that is refused
//! everywhere.

use super::{
    severity, streams,
    suppression::{self, NewSuppression},
    topic::Topic,
    transport::{Delivery, Outcome},
};
use crate::{clock::Random, error::Error};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    bounce,
    ids::LetterId,
    letter, subscription,
    words::{BounceSeverity, BounceVia, LetterStage, LetterStream, SuppressionReason},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

/// An address is given up when letters to it were refused so often …
const HARD_BOUNCES: usize = 3;

/// … over at least so long. A server that is broken for a day refuses everybody.
const HARD_BOUNCES_OVER: TimeDelta = TimeDelta::days(14);

/// Refusals longer ago say nothing of today.
const HARD_BOUNCES_WITHIN: TimeDelta = TimeDelta::days(180);

/// The stream of news is held back when so many letters were refused because of us …
const REFUSALS_OF_US: usize = 5;

/// … within this time.
const REFUSALS_OF_US_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What follows from a mail server's answer. `hash` is the address's.
pub(super) async fn of_answer(
    tx: &DatabaseTransaction,
    letter: &letter::Model,
    hash: &str,
    delivery: &Delivery,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let reply = delivery.outcome.reply();
    match &delivery.outcome {
        Outcome::Permanent(_) if reply.code.is_some() && !matches!(delivery.stage, LetterStage::Connect | LetterStage::Mail) => {
            let bounced = Bounced {
                via: BounceVia::Answer,
                severity: severity::of_refusal(reply.code, reply.enhanced.as_deref(), delivery.stage == LetterStage::Dot),
                status: reply.enhanced.clone().unwrap_or_default(),
                diagnostic: reply.text.clone(),
            };
            of_bounce(tx, letter, hash, &bounced, random, now).await.map(|_| ())
        }
        // Receipts are few, and keep to their own times.
        Outcome::Transient(_) if letter.stream == LetterStream::Updates && streams::asks_for_a_pause(reply) => {
            streams::strike(tx, letter.stream, &letter.domain, now).await
        }
        _ => Ok(()),
    }
}

/// A letter that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounced {
    /// How we heard of it.
    pub via: BounceVia,
    /// What it says of the address.
    pub severity: BounceSeverity,
    /// The enhanced code; may be empty.
    pub status: String,
    /// The words; may be empty.
    pub diagnostic: String,
}

/// Writes down that a letter came back, once for each way we heard of it, and what follows. False when it was known.
pub(super) async fn of_bounce(
    tx: &DatabaseTransaction,
    letter: &letter::Model,
    hash: &str,
    bounced: &Bounced,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let row = bounce::ActiveModel {
        id: NotSet,
        letter_id: Set(letter.id),
        via: Set(bounced.via),
        severity: Set(bounced.severity),
        status: Set(bounced.status.clone()),
        diagnostic: Set(bounced.diagnostic.chars().take(200).collect()),
        address_hash: Set(hash.to_owned()),
        at: Set(now),
    };
    let once = OnConflict::columns([bounce::Column::LetterId, bounce::Column::Via]).do_nothing().to_owned();
    if bounce::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await? == 0 {
        return Ok(false);
    }
    if letter.to_address.is_empty() {
        // Its recipient was erased: nobody knows any more which address this says something of.
        return Ok(true);
    }
    match bounced.severity {
        BounceSeverity::Gone => {}
        BounceSeverity::Hard if is_hopeless(tx, hash, now).await? => {}
        BounceSeverity::Complaint => {
            of_complaint(tx, hash, Some(letter.id), random, now).await?;
            return Ok(true);
        }
        BounceSeverity::Sender if letter.stream == LetterStream::Updates => {
            hold_back_when_refused_everywhere(tx, now).await?;
            return Ok(true);
        }
        BounceSeverity::Hard | BounceSeverity::Soft | BounceSeverity::Sender => return Ok(true),
    }
    let new = NewSuppression {
        address_hash: hash.to_owned(),
        topic: Topic::Everything,
        reason: SuppressionReason::HardBounce,
        note: bounced.status.clone(),
        letter_id: Some(letter.id),
        made_by: "mail server".to_owned(),
    };
    suppression::suppress(tx, &new, random.id(now), now).await?;
    Ok(true)
}

/// Whether an address refused letters often enough, over long enough a time.
async fn is_hopeless(tx: &DatabaseTransaction, hash: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let refused: Vec<DateTime<Utc>> = bounce::Entity::find()
        .select_only()
        .column(bounce::Column::At)
        .filter(bounce::Column::AddressHash.eq(hash))
        .filter(bounce::Column::Severity.is_in([BounceSeverity::Gone, BounceSeverity::Hard]))
        .filter(bounce::Column::At.gte(now - HARD_BOUNCES_WITHIN))
        .order_by_asc(bounce::Column::At)
        .limit(100)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(refused.len() >= HARD_BOUNCES && refused.first().is_some_and(|first| now - *first >= HARD_BOUNCES_OVER))
}

/// Servers of several domains that refuse us, one after the other, are right more often than not: going on would only make it worse.
async fn hold_back_when_refused_everywhere(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Error> {
    let mut domains: Vec<String> = bounce::Entity::find()
        .select_only()
        .column(letter::Column::Domain)
        .join(JoinType::InnerJoin, bounce_letter())
        .filter(bounce::Column::Severity.eq(BounceSeverity::Sender))
        .filter(bounce::Column::At.gte(now - REFUSALS_OF_US_WITHIN))
        .filter(letter::Column::Stream.eq(LetterStream::Updates))
        .order_by_desc(bounce::Column::Id)
        .limit(REFUSALS_OF_US as u64)
        .into_tuple()
        .all(tx)
        .await?;
    let enough = domains.len() >= REFUSALS_OF_US;
    domains.sort();
    domains.dedup();
    if enough && domains.len() > 1 {
        let why = "Mail servers of several domains refuse us as a sender (5.7.x). Check SPF, DKIM and DMARC of the sender's domain.";
        streams::pause(tx, LetterStream::Updates, why, now).await?;
        tracing::warn!("the stream of updates is held back: mail servers refuse us as a sender");
    }
    Ok(())
}

fn bounce_letter() -> sea_orm::RelationDef {
    bounce::Entity::belongs_to(letter::Entity).from(bounce::Column::LetterId).to(letter::Column::Id).into()
}

/// Ends what an address asked for: after a complaint she gets news only when she asks for them anew, whatever becomes of the complaint.
async fn end_subscriptions(tx: &DatabaseTransaction, hash: &str, now: DateTime<Utc>) -> Result<(), Error> {
    subscription::Entity::update_many()
        .col_expr(subscription::Column::EndedAt, Expr::value(now))
        .col_expr(subscription::Column::EndedBy, Expr::value("complaint"))
        .filter(subscription::Column::AddressHash.eq(hash))
        .filter(subscription::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Somebody complained of our news: she gets no more of them. `letter` is the one that she complained of, when it is known.
pub(super) async fn of_complaint(
    tx: &DatabaseTransaction,
    hash: &str,
    letter: Option<LetterId>,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let new = NewSuppression {
        address_hash: hash.to_owned(),
        topic: Topic::Updates,
        reason: SuppressionReason::Complaint,
        note: String::new(),
        letter_id: letter,
        made_by: "mail server".to_owned(),
    };
    suppression::suppress(tx, &new, random.id(now), now).await?;
    end_subscriptions(tx, hash, now).await
}
