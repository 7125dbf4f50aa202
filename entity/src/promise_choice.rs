//! What becomes of one gift for an item that cannot be bought: chosen by its giver, or by default, and carried out once.

use crate::{
    ids::{DonationId, PromiseChoiceId, PromiseId, WishItemId},
    money::Currency,
    words::PromiseWay,
};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// What becomes of one gift for an item that cannot be bought.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "promise_choice")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PromiseChoiceId,
    /// The promise.
    pub promise_id: PromiseId,
    /// The gift; once for each promise.
    pub donation_id: DonationId,
    /// SHA-256 of the secret in the giver's link; unique.
    pub token_hash: String,
    /// How many of the item it paid for that cannot be bought.
    pub quantity: i64,
    /// The part that it paid of an item that many pay for together, in minor units.
    pub share_minor: Option<i64>,
    /// How much money that is, in minor units.
    pub amount_minor: i64,
    /// What of the gift stood for the item when it was declared, in minor units; nothing where an older program declared it.
    pub held_minor: i64,
    /// The currency of the gift.
    pub currency: Currency,
    /// Whether it is the whole gift: of others some was bought already.
    pub is_whole: bool,
    /// Where the money goes.
    pub way: PromiseWay,
    /// The other item.
    pub to_item_id: Option<WishItemId>,
    /// `supporter` or `default`; empty while nothing is chosen.
    pub chosen_by: String,
    /// When it was chosen last.
    pub chosen_at: Option<DateTime<Utc>>,
    /// When it was carried out.
    pub carried_at: Option<DateTime<Utc>>,
    /// How much was moved or asked back, in minor units: less than the amount where some had gone back before.
    pub moved_minor: i64,
    /// What the ledger knows the move by; empty where nothing was moved.
    pub source: String,
    /// The key of the refund; empty where none was asked for.
    pub refund_key: String,
    /// Why it could not be carried out, for finance; empty otherwise.
    pub trouble: String,
    /// When the promise was declared.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when finance is giving the money back by hand; nothing else can be chosen from then on.
    pub returning_at: Option<DateTime<Utc>>,
    /// The last entry of the gift in the ledger, where an older program had asked: what came back by then is settled. Nothing otherwise.
    pub after_entry: i64,
}

impl ActiveModelBehavior for ActiveModel {}
