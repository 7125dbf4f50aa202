//! A supporter who was erased: that it happened, and how long what the law wants kept is kept, sealed.

use crate::{ids::SupporterId, words::ErasureBy};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;

/// A supporter who was erased.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "erasure")]
pub struct Model {
    /// The supporter, who has no name and no address any more.
    #[sea_orm(primary_key, auto_increment = false)]
    pub supporter_id: SupporterId,
    /// When.
    pub erased_at: DateTime<Utc>,
    /// Who asked for it.
    pub asked_by: ErasureBy,
    /// How many documents were sealed.
    pub documents: i64,
    /// The last day on which the sealed documents are kept; none: nothing was sealed.
    pub kept_until: Option<NaiveDate>,
    /// The key of her documents, itself encrypted under a key that is not in the database. None: destroyed, or nothing was sealed.
    pub wrapped_key: Option<Vec<u8>>,
    /// When the key was destroyed: since then nobody can read the documents, in no backup either that was made later.
    pub key_destroyed_at: Option<DateTime<Utc>>,
    /// When Stripe had forgotten her customers; none: it is still to be done, or she had none.
    pub stripe_done_at: Option<DateTime<Utc>>,
}

impl ActiveModelBehavior for ActiveModel {}
