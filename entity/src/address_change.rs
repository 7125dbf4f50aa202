//! A wish for another e-mail address, and what both mailboxes said to it.

use crate::{
    ids::{AddressChangeId, LetterId, SupporterId},
    words::{AddressChangeEnd, ErasureBy},
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A wish for another e-mail address.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "address_change")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AddressChangeId,
    /// Whose.
    pub supporter_id: SupporterId,
    /// Who asked: she herself, or staff.
    pub asked_by: ErasureBy,
    /// The address until now.
    pub old_address: String,
    /// The address from then on.
    pub new_address: String,
    /// SHA-256 (hex) of the secret in the newest letter to the old address.
    pub old_token_hash: String,
    /// SHA-256 (hex) of the secret in the letter to the new address.
    pub new_token_hash: String,
    /// The letter to the old address: when it bounces, nobody reads there.
    pub old_letter_id: LetterId,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// Until when both can agree.
    pub expires_at: DateTime<Utc>,
    /// When the old mailbox agreed; only asked for where staff want the change.
    pub old_agreed_at: Option<DateTime<Utc>>,
    /// When the new mailbox agreed.
    pub new_agreed_at: Option<DateTime<Utc>>,
    /// When the address was changed.
    pub done_at: Option<DateTime<Utc>>,
    /// Until when the old mailbox can undo it.
    pub undo_until: Option<DateTime<Utc>>,
    /// When it came to nothing, or was undone.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why; empty while it has not.
    pub ended_why: AddressChangeEnd,
}

impl ActiveModelBehavior for ActiveModel {}
