//! Sealing what the law wants kept of somebody who was erased.
//!
//! Each supporter's documents are encrypted under a key of her own (AES-256-GCM). That key lies in the database encrypted under a key which is
//! derived from `SECRET_KEY` and is not there. So a copy of the database alone opens nothing, and destroying the key ends all of it at once,
//! whatever became of the documents.

use super::retention;
use crate::{app::App, clock::Random, error::Error};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    erasure,
    ids::{SealedDocumentId, SupporterId},
    sealed_document,
    words::SealedKind,
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, prelude::Uuid,
    sea_query::Expr,
};

/// What the key that wraps all others is derived for.
const WRAPPING: &str = "sealed documents v1";

const KEY_BYTES: usize = 32;

/// The key of one supporter's documents.
#[derive(Debug)]
pub(super) struct DocumentKey(LessSafeKey);

/// A document to be sealed.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// What it is.
    pub kind: SealedKind,
    /// Its row.
    pub object_id: Uuid,
    /// What people call it; may be empty.
    pub code: String,
    /// What it says.
    pub text: String,
    /// The last day on which it is kept.
    pub kept_until: NaiveDate,
}

/// Makes a key for a supporter's documents; returns it together with how it lies in the database.
pub(super) fn new_key(app: &App, who: SupporterId) -> Result<(DocumentKey, Vec<u8>), Error> {
    let bytes: [u8; KEY_BYTES] = app.random.bytes();
    let wrapped = lock(&wrapping(app)?, &app.random, &bytes, &about_key(who))?;
    Ok((DocumentKey(key_of(&bytes)?), wrapped))
}

/// The key of a supporter's documents; nothing when it was destroyed.
fn key_for(app: &App, erased: &erasure::Model) -> Result<Option<DocumentKey>, Error> {
    let Some(wrapped) = &erased.wrapped_key else { return Ok(None) };
    let bytes = unlock(&wrapping(app)?, wrapped, &about_key(erased.supporter_id))?;
    Ok(Some(DocumentKey(key_of(&bytes)?)))
}

/// Seals a document, in the transaction that takes its text out of its row.
pub(super) async fn seal(
    tx: &DatabaseTransaction,
    random: &Random,
    key: &DocumentKey,
    who: SupporterId,
    document: &Document,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = sealed_document::Model {
        id: random.id::<SealedDocumentId>(now),
        supporter_id: who,
        kind: document.kind,
        object_id: document.object_id,
        code: document.code.clone(),
        sealed: lock(&key.0, random, document.text.as_bytes(), &about(document.kind, document.object_id))?,
        sealed_at: now,
    };
    sealed_document::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// What an erased supporter's documents are, without opening any: the order is that in which they were made.
pub async fn documents_of(db: &impl ConnectionTrait, who: SupporterId) -> Result<Vec<sealed_document::Model>, Error> {
    let hers = sealed_document::Entity::find().filter(sealed_document::Column::SupporterId.eq(who));
    Ok(hers.order_by_asc(sealed_document::Column::Kind).order_by_asc(sealed_document::Column::ObjectId).all(db).await?)
}

/// What a sealed document said. Whoever calls this has written down who reads it.
pub(super) async fn open(db: &impl ConnectionTrait, app: &App, document: &sealed_document::Model) -> Result<String, Error> {
    let erased = erasure::Entity::find_by_id(document.supporter_id).one(db).await?.ok_or(Error::NotFound)?;
    let key = key_for(app, &erased)?;
    let key = key.ok_or_else(|| Error::Conflict("The key of this document was destroyed: nobody can read it any more.".to_owned()))?;
    let bytes = unlock(&key.0, &document.sealed, &about(document.kind, document.object_id))?;
    String::from_utf8(bytes).map_err(|error| Error::internal("a sealed document", error))
}

/// Destroys the keys whose time is over, and the documents with them. Returns how many supporters' that were.
pub(super) async fn destroy_overdue(tx: &DatabaseTransaction, today: NaiveDate, now: DateTime<Utc>) -> Result<u64, Error> {
    let over = erasure::Entity::find()
        .filter(erasure::Column::KeptUntil.lt(today))
        .filter(erasure::Column::WrappedKey.is_not_null())
        .order_by_asc(erasure::Column::SupporterId)
        // Of two who do it at once, the second finds nothing left: a key is destroyed once, and its day stays.
        .lock_exclusive()
        .all(tx)
        .await?;
    for one in &over {
        erasure::Entity::update_many()
            .col_expr(erasure::Column::WrappedKey, Expr::value(None::<Vec<u8>>))
            .col_expr(erasure::Column::KeyDestroyedAt, Expr::value(Some(now)))
            .filter(erasure::Column::SupporterId.eq(one.supporter_id))
            .exec(tx)
            .await?;
        let hers = sealed_document::Entity::delete_many().filter(sealed_document::Column::SupporterId.eq(one.supporter_id));
        hers.exec(tx).await?;
    }
    Ok(over.len() as u64)
}

/// The day until which all of these documents are kept, and which of them still are: what is older than the law asks for is not sealed.
pub(super) fn still_kept(documents: Vec<Document>, today: NaiveDate) -> (Vec<Document>, Option<NaiveDate>) {
    let kept: Vec<Document> = documents.into_iter().filter(|document| retention::is_kept(document.kept_until, today)).collect();
    let until = kept.iter().map(|document| document.kept_until).max();
    (kept, until)
}

fn wrapping(app: &App) -> Result<LessSafeKey, Error> {
    key_of(&app.key(WRAPPING))
}

fn key_of(bytes: &[u8]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| Error::Internal("a key has not 32 bytes".to_owned()))
}

fn about_key(who: SupporterId) -> Vec<u8> {
    format!("key of {who}").into_bytes()
}

fn about(kind: SealedKind, object_id: Uuid) -> Vec<u8> {
    format!("{kind} {object_id}").into_bytes()
}

/// Nonce, text and tag. A key of 256 random bits and a nonce of 96: a supporter has a few hundred documents at most.
fn lock(key: &LessSafeKey, random: &Random, text: &[u8], about: &[u8]) -> Result<Vec<u8>, Error> {
    let nonce: [u8; NONCE_LEN] = random.bytes();
    let mut sealed = text.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut sealed)
        .map_err(|_| Error::Internal("a document could not be sealed".to_owned()))?;
    Ok(nonce.into_iter().chain(sealed).collect())
}

fn unlock(key: &LessSafeKey, sealed: &[u8], about: &[u8]) -> Result<Vec<u8>, Error> {
    let wrong = || Error::Conflict("What was sealed cannot be opened: was SECRET_KEY changed since?".to_owned());
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
    let mut text = text.to_vec();
    let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(about), &mut text).map_err(|_| wrong())?;
    Ok(opened.to_vec())
}
