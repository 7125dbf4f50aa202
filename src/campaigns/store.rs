//! Queries for campaigns and funds.

use crate::{error::Error, web::pager::PAGE_ROWS, wishes::store::holds_words};
use entity::{
    Currency, Money, campaign, fund,
    ids::{CampaignId, FundId},
    ledger_entry,
    words::{Account, CampaignStatus},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

/// How many campaigns a public list shows at most.
const LISTED_MAX: u64 = 200;

/// What one campaign raised in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// The sum of its gifts, before fees.
    pub money: Money,
    /// How many gifts.
    pub gifts: i64,
}

/// What each campaign raised in each currency: the income that the ledger holds for it.
pub async fn raised(db: &impl ConnectionTrait, ids: &[CampaignId]) -> Result<Vec<Raised>, Error> {
    use ledger_entry::Column;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // SUM of a bigint is numeric on PostgreSQL. Income is a credit, and credits are negative.
    let sum = Expr::col(Column::AmountMinor).sum().cast_as("bigint");
    let gifts = Expr::col(Column::TransactionId).count_distinct();
    let rows: Vec<(CampaignId, Currency, i64, i64)> = ledger_entry::Entity::find()
        .select_only()
        .column(Column::CampaignId)
        .column(Column::Currency)
        .column_as(sum, "total")
        .column_as(gifts, "gifts")
        .filter(Column::Account.eq(Account::Donations))
        .filter(Column::CampaignId.is_in(ids.iter().copied()))
        .group_by(Column::CampaignId)
        .group_by(Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    let row = |(campaign_id, currency, total, gifts): (_, _, i64, _)| {
        Ok(Raised { campaign_id, money: Money::new(total, currency).negated()?, gifts })
    };
    rows.into_iter().map(row).collect()
}

/// The campaigns that are not drafts, the newest first.
pub async fn published(db: &impl ConnectionTrait) -> Result<Vec<campaign::Model>, Error> {
    let find = campaign::Entity::find().filter(campaign::Column::Status.ne(CampaignStatus::Draft));
    Ok(find.order_by_desc(campaign::Column::Id).limit(LISTED_MAX).all(db).await?)
}

/// The campaign of an id.
pub async fn campaign(db: &impl ConnectionTrait, id: CampaignId) -> Result<Option<campaign::Model>, Error> {
    Ok(campaign::Entity::find_by_id(id).one(db).await?)
}

/// The campaign, locked until the transaction ends.
pub async fn lock_campaign(tx: &DatabaseTransaction, id: CampaignId) -> Result<Option<campaign::Model>, Error> {
    Ok(campaign::Entity::find_by_id(id).lock_exclusive().one(tx).await?)
}

/// A page of the desk's list: campaigns whose title or slug holds `words`, in a state, the newest first, beginning after an id.
pub async fn search(
    db: &impl ConnectionTrait,
    words: &str,
    status: Option<CampaignStatus>,
    after: Option<CampaignId>,
) -> Result<Vec<campaign::Model>, Error> {
    use campaign::Column;
    let mut find = campaign::Entity::find();
    if !words.trim().is_empty() {
        find = find.filter(holds_words((campaign::Entity, Column::Title), words).or(holds_words((campaign::Entity, Column::Slug), words)));
    }
    if let Some(status) = status {
        find = find.filter(Column::Status.eq(status));
    }
    if let Some(after) = after {
        find = find.filter(Column::Id.lt(after));
    }
    Ok(find.order_by_desc(Column::Id).limit(PAGE_ROWS + 1).all(db).await?)
}

/// Writes a new campaign.
pub async fn insert_campaign(tx: &DatabaseTransaction, campaign: campaign::Model) -> Result<(), DbErr> {
    campaign::Entity::insert(campaign.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a campaign that is there.
pub async fn update_campaign(tx: &DatabaseTransaction, campaign: campaign::Model) -> Result<(), DbErr> {
    campaign.into_active_model().reset_all().update(tx).await?;
    Ok(())
}

/// Every fund, by code.
pub async fn funds(db: &impl ConnectionTrait) -> Result<Vec<fund::Model>, Error> {
    Ok(fund::Entity::find().order_by_asc(fund::Column::Code).all(db).await?)
}

/// The fund of an id.
pub async fn fund(db: &impl ConnectionTrait, id: FundId) -> Result<Option<fund::Model>, Error> {
    Ok(fund::Entity::find_by_id(id).one(db).await?)
}

/// Writes a new fund.
pub async fn insert_fund(tx: &DatabaseTransaction, fund: fund::Model) -> Result<(), DbErr> {
    fund::Entity::insert(fund.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes every column of a fund that is there.
pub async fn update_fund(tx: &DatabaseTransaction, fund: fund::Model) -> Result<(), DbErr> {
    fund.into_active_model().reset_all().update(tx).await?;
    Ok(())
}
