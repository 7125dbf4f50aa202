//! A picture as it is served: made anew from what was uploaded, so that nothing is in it but what is seen.

use crate::ids::PictureId;
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A picture as it is served.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "picture")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PictureId,
    /// SHA-256 of its bytes in hex: its address; unique.
    pub hash: String,
    /// What its bytes are: `image/jpeg`.
    pub content_type: String,
    /// The picture.
    pub bytes: Vec<u8>,
    /// In pixels.
    pub width: i64,
    /// In pixels.
    pub height: i64,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
}

impl ActiveModelBehavior for ActiveModel {}
