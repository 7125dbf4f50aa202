//! The ledger's queries.

use super::Posting;
use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money,
    ids::{CampaignId, DonationId},
    ledger_entry, ledger_transaction,
    words::Account,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use std::collections::HashMap;

/// Writes the transaction and its sides, unless its source is there already.
pub(super) async fn insert(tx: &impl ConnectionTrait, posting: &Posting, now: DateTime<Utc>) -> Result<bool, Error> {
    let head = ledger_transaction::ActiveModel {
        id: NotSet,
        kind: Set(posting.kind),
        source: Set(posting.source.clone()),
        donation_id: Set(Some(posting.donation_id)),
        occurred_at: Set(posting.occurred_at),
        posted_at: Set(now),
        stripe_balance_transaction: Set(posting.balance_transaction.clone()),
        reverses_id: Set(None),
    };
    let quiet = OnConflict::column(ledger_transaction::Column::Source).do_nothing().to_owned();
    if ledger_transaction::Entity::insert(head).on_conflict(quiet).exec_without_returning(tx).await? == 0 {
        return Ok(false);
    }
    let head = ledger_transaction::Entity::find().filter(ledger_transaction::Column::Source.eq(&posting.source)).one(tx).await?;
    let transaction_id = head.ok_or_else(|| Error::Internal(format!("the ledger lost {}", posting.source)))?.id;
    let rows = posting.legs.iter().filter(|leg| leg.amount.minor != 0).map(|leg| ledger_entry::ActiveModel {
        id: NotSet,
        transaction_id: Set(transaction_id),
        account: Set(leg.account),
        amount_minor: Set(leg.amount.minor),
        currency: Set(leg.amount.currency),
        fund_id: Set(leg.purpose.fund_id),
        campaign_id: Set(leg.purpose.campaign_id),
        wish_item_id: Set(leg.purpose.wish_item_id),
        article_id: Set(leg.purpose.article_id),
    });
    ledger_entry::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(true)
}

#[derive(FromQueryResult)]
struct Sum {
    campaign_id: CampaignId,
    currency: Currency,
    minor: i64,
}

/// What has come for each campaign, by currency. Campaigns without gifts are not in the map.
pub async fn raised_by_campaign(db: &impl ConnectionTrait, campaigns: &[CampaignId]) -> Result<HashMap<CampaignId, Vec<Money>>, Error> {
    let sums = ledger_entry::Entity::find()
        .select_only()
        .column(ledger_entry::Column::CampaignId)
        .column(ledger_entry::Column::Currency)
        .column_as(Expr::cust("cast(-sum(amount_minor) as bigint)"), "minor")
        .filter(ledger_entry::Column::Account.eq(Account::Donations))
        .filter(ledger_entry::Column::CampaignId.is_in(campaigns.iter().copied()))
        .group_by(ledger_entry::Column::CampaignId)
        .group_by(ledger_entry::Column::Currency)
        .order_by_asc(ledger_entry::Column::Currency)
        .into_model::<Sum>()
        .all(db)
        .await?;
    let mut raised: HashMap<CampaignId, Vec<Money>> = HashMap::new();
    for sum in sums {
        raised.entry(sum.campaign_id).or_default().push(Money::new(sum.minor, sum.currency));
    }
    Ok(raised)
}

/// What has come for one campaign in one currency.
pub async fn raised(db: &impl ConnectionTrait, campaign: CampaignId, currency: Currency) -> Result<Money, Error> {
    let sums = raised_by_campaign(db, &[campaign]).await?;
    let found = sums.get(&campaign).and_then(|all| all.iter().find(|m| m.currency == currency));
    Ok(found.copied().unwrap_or(Money::new(0, currency)))
}

/// How many gifts a campaign has had.
pub async fn count_gifts(db: &impl ConnectionTrait, campaign: CampaignId) -> Result<i64, Error> {
    let count: Option<i64> = ledger_entry::Entity::find()
        .select_only()
        .column_as(Expr::cust("count(*)"), "count")
        .filter(ledger_entry::Column::Account.eq(Account::Donations))
        .filter(ledger_entry::Column::CampaignId.eq(campaign))
        .filter(ledger_entry::Column::AmountMinor.lt(0))
        .into_tuple()
        .one(db)
        .await?;
    Ok(count.unwrap_or(0))
}

/// The transactions of one donation with their sides, oldest first.
pub async fn entries_of_donation(
    db: &impl ConnectionTrait,
    donation: DonationId,
) -> Result<Vec<(ledger_transaction::Model, Vec<ledger_entry::Model>)>, Error> {
    let heads = ledger_transaction::Entity::find()
        .filter(ledger_transaction::Column::DonationId.eq(donation))
        .order_by_asc(ledger_transaction::Column::Id)
        .all(db)
        .await?;
    let ids: Vec<i64> = heads.iter().map(|h| h.id).collect();
    let mut sides: HashMap<i64, Vec<ledger_entry::Model>> = HashMap::new();
    for side in ledger_entry::Entity::find()
        .filter(ledger_entry::Column::TransactionId.is_in(ids))
        .order_by_asc(ledger_entry::Column::Id)
        .all(db)
        .await?
    {
        sides.entry(side.transaction_id).or_default().push(side);
    }
    Ok(heads.into_iter().map(|head| (head.clone(), sides.remove(&head.id).unwrap_or_default())).collect())
}
