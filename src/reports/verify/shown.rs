//! What pages and receipts show, held against where it comes from; a few hundred rows at a time.

use super::{Check, FINDINGS_MAX};
use crate::{campaigns, error::Error, receipts::Snapshot};
use entity::{
    Currency, Money, campaign, donation,
    ids::{CampaignId, ReceiptId},
    ledger_entry, ledger_transaction, receipt,
    words::{Account, DonationStatus, MovementKind},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, sea_query::Expr,
};
use std::collections::{BTreeMap, HashMap};

/// How many rows are read at a time.
const PAGE: u64 = 500;

/// What a campaign's page shows as raised is the sum of its paid donations less what came back of them, in every currency.
pub(super) async fn campaigns_show_the_ledger(db: &impl ConnectionTrait) -> Result<Check, Error> {
    let (mut findings, mut rows, mut after) = (Vec::new(), 0, None);
    loop {
        let mut query = campaign::Entity::find().order_by_asc(campaign::Column::Id).limit(PAGE);
        if let Some(after) = after {
            query = query.filter(campaign::Column::Id.gt::<CampaignId>(after));
        }
        let page = query.all(db).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        rows += page.len() as u64;
        let shown = campaigns::progress(db, &page).await?;
        let paid = paid_by_campaign(db, &page).await?;
        for campaign in &page {
            let given = paid.get(&campaign.id).cloned().unwrap_or_default();
            let on_page: BTreeMap<Currency, i64> = shown
                .get(&campaign.id)
                .map(|progress| {
                    progress.others.iter().chain([&progress.raised]).filter(|m| m.minor != 0).map(|m| (m.currency, m.minor)).collect()
                })
                .unwrap_or_default();
            if on_page != given && findings.len() <= FINDINGS_MAX {
                findings.push(format!(
                    "campaign {}: shows {}, its paid donations less what came back are {}",
                    campaign.slug,
                    list(&on_page),
                    list(&given)
                ));
            }
        }
    }
    Ok(Check::new("What a campaign shows as raised is the sum of its paid donations less what came back of them.", rows, findings))
}

fn list(sums: &BTreeMap<Currency, i64>) -> String {
    let all: Vec<String> = sums.iter().map(|(currency, minor)| Money::new(*minor, *currency).to_string()).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(" and ") }
}

async fn paid_by_campaign(
    db: &impl ConnectionTrait,
    page: &[campaign::Model],
) -> Result<HashMap<CampaignId, BTreeMap<Currency, i64>>, Error> {
    let rows: Vec<(CampaignId, Currency, i64)> = donation::Entity::find()
        .select_only()
        .column(donation::Column::CampaignId)
        .column(donation::Column::Currency)
        .column_as(Expr::col(donation::Column::AmountMinor).sum().cast_as("bigint"), "total")
        .filter(donation::Column::Status.eq(DonationStatus::Paid))
        .filter(donation::Column::CampaignId.is_in(page.iter().map(|campaign| campaign.id)))
        .group_by(donation::Column::CampaignId)
        .group_by(donation::Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    let mut paid: HashMap<CampaignId, BTreeMap<Currency, i64>> = HashMap::new();
    for (campaign, currency, total) in rows {
        paid.entry(campaign).or_default().insert(currency, total);
    }
    for (campaign, currency, total) in came_back_by_campaign(db, page).await? {
        *paid.entry(campaign).or_default().entry(currency).or_default() -= total;
    }
    paid.values_mut().for_each(|sums| sums.retain(|_, minor| *minor != 0));
    Ok(paid)
}

/// The income that refunds, lost disputes, corrections and the choices of givers took from each campaign, or brought to it.
async fn came_back_by_campaign(db: &impl ConnectionTrait, page: &[campaign::Model]) -> Result<Vec<(CampaignId, Currency, i64)>, Error> {
    use ledger_transaction::Column as T;
    let to_head: RelationDef =
        ledger_entry::Entity::belongs_to(ledger_transaction::Entity).from(ledger_entry::Column::TransactionId).to(T::Id).into();
    let to_donation: RelationDef =
        ledger_transaction::Entity::belongs_to(donation::Entity).from(T::DonationId).to(donation::Column::Id).into();
    Ok(ledger_entry::Entity::find()
        .select_only()
        .column(ledger_entry::Column::CampaignId)
        .column(ledger_entry::Column::Currency)
        .column_as(Expr::col((ledger_entry::Entity, ledger_entry::Column::AmountMinor)).sum().cast_as("bigint"), "total")
        .join(JoinType::InnerJoin, to_head)
        .join(JoinType::InnerJoin, to_donation)
        .filter(ledger_entry::Column::Account.eq(Account::Donations))
        .filter(T::Kind.ne(MovementKind::Donation))
        .filter(ledger_entry::Column::CampaignId.is_in(page.iter().map(|campaign| campaign.id)))
        .group_by(ledger_entry::Column::CampaignId)
        .group_by(ledger_entry::Column::Currency)
        .into_tuple()
        .all(db)
        .await?)
}

/// What a receipt says, word for word, is what its columns stand for.
pub(super) async fn receipts_say_what_they_stand_for(db: &impl ConnectionTrait) -> Result<Check, Error> {
    let (mut findings, mut rows, mut after) = (Vec::new(), 0, None);
    loop {
        let mut query = receipt::Entity::find().order_by_asc(receipt::Column::Id).limit(PAGE);
        if let Some(after) = after {
            query = query.filter(receipt::Column::Id.gt::<ReceiptId>(after));
        }
        let page = query.all(db).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        rows += page.len() as u64;
        for receipt in &page {
            let says: Option<Snapshot> = serde_json::from_str(&receipt.snapshot).ok();
            let amount = Money::new(receipt.amount_minor, receipt.currency);
            let agrees = says.is_some_and(|says| says.code == receipt.code && says.amount == amount && says.gift_on == receipt.gift_on);
            if !agrees && findings.len() <= FINDINGS_MAX {
                findings.push(format!("receipt {}: what it says is not its number, amount or day", receipt.code));
            }
        }
    }
    Ok(Check::new("What each receipt says is its number, amount and day.", rows, findings))
}
