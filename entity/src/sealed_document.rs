//! What a document said that named an erased supporter, encrypted under her key.

use crate::{
    ids::{SealedDocumentId, SupporterId},
    words::SealedKind,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// What a document said that named an erased supporter, encrypted under her key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sealed_document")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SealedDocumentId,
    /// Whose it was.
    pub supporter_id: SupporterId,
    /// What it is; unique together with `object_id`.
    pub kind: SealedKind,
    /// The receipt, statement or declaration; of a line of a claim, the donation.
    pub object_id: Uuid,
    /// What people call it: a receipt's number. Empty where it has none.
    pub code: String,
    /// A nonce of 12 bytes and the text, AES-256-GCM; kind and object are authenticated with it.
    pub sealed: Vec<u8>,
    /// When it was sealed.
    pub sealed_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
