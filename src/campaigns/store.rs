//! Queries for campaigns and funds.

use crate::{db::has_text, error::Error, web::pager::PAGE_ROWS};
use entity::{
    campaign, fund,
    ids::{CampaignId, FundId},
    words::CampaignStatus,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Statement,
};

/// How many campaigns a public list shows at most.
const LISTED_MAX: u64 = 200;

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
        let has = |column| has_text(db.get_database_backend(), (campaign::Entity, column), words);
        find = find.filter(has(Column::Title).or(has(Column::Slug)));
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

/// Gives a code that the fund had none of to the gifts that were given for it meanwhile. One that something is booked of in a closed period
/// stays as the period was exported.
pub async fn fill_codes(tx: &DatabaseTransaction, id: FundId, column: &str, code: &str) -> Result<(), DbErr> {
    for (table, gift) in [("donation", "id"), ("donation_fund", "donation_id")] {
        let sql = format!(
            "update {table} set {column} = $1 where fund_id = $2 and {column} = '' and not exists (
                select 1 from ledger_transaction t join accounting_period p on t.booked_at >= p.starts_at and t.booked_at < p.ends_at
                where p.state = 'closed' and t.donation_id = {table}.{gift})"
        );
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [code.into(), id.into()])).await?;
    }
    Ok(())
}
