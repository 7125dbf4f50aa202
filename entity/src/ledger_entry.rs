//! One side of a ledger transaction. Debits are positive, credits negative. Append-only.

use crate::{
    ids::{ArticleId, CampaignId, FundId, WishItemId},
    money::Currency,
    words::Account,
};
use sea_orm::entity::prelude::*;

/// One side of a ledger transaction. Debits are positive, credits negative. Append-only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_entry")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The transaction it belongs to.
    pub transaction_id: i64,
    /// The account.
    pub account: Account,
    /// The amount in minor units, signed; never zero.
    pub amount_minor: i64,
    /// Its currency.
    pub currency: Currency,
    /// The fund, for income and fees.
    pub fund_id: Option<FundId>,
    /// The campaign, for income.
    pub campaign_id: Option<CampaignId>,
    /// The wish item, for income.
    pub wish_item_id: Option<WishItemId>,
    /// The article that brought it.
    pub article_id: Option<ArticleId>,
}

impl ActiveModelBehavior for ActiveModel {}
