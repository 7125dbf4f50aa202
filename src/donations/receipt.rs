//! The receipt of a paid donation and its letter, in the transaction that settles it.

use super::path_of;
use crate::{app::App, error::Error, i18n::Language, receipts, supporters};
use chrono::{DateTime, Utc};
use entity::{Money, campaign, donation, ids::WishItemId, supporter, wish_item, words::DonationSource};
use sea_orm::{DatabaseTransaction, EntityTrait};

/// Issues the receipt and puts its letter into the outbox. `item` is the wish item that the gift really pays for.
pub(super) async fn give(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    item: Option<WishItemId>,
    paid_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let gift = paid_gift(tx, donation, Money::new(donation.amount_minor, donation.currency), item, paid_at).await?;
    let settings = receipts::IssuerSettings::from_config(&app.config);
    let receipt = receipts::issue(tx, &settings, &gift, now, &app.random).await?;
    let giver = supporters::recipient(tx, &app.outbox, donation.supporter_id).await?;
    let letter = receipts::letter(&receipt, Some(&giver), Some(&app.config.link(&path_of(app, donation.id))))?;
    app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
    Ok(())
}

/// Issues the receipt without a letter.
pub(super) async fn issue(
    tx: &DatabaseTransaction,
    app: &App,
    donation: &donation::Model,
    amount: Money,
    item: Option<WishItemId>,
    paid_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let gift = paid_gift(tx, donation, amount, item, paid_at).await?;
    let settings = receipts::IssuerSettings::from_config(&app.config);
    receipts::issue(tx, &settings, &gift, now, &app.random).await.map(|_| ())
}

/// A donation as its receipt tells of it: `amount` is what is left of it.
pub(super) async fn paid_gift(
    tx: &DatabaseTransaction,
    donation: &donation::Model,
    amount: Money,
    item: Option<WishItemId>,
    paid_at: DateTime<Utc>,
) -> Result<receipts::PaidGift, Error> {
    let supporter = supporter::Entity::find_by_id(donation.supporter_id).one(tx).await?;
    let supporter = supporter.ok_or_else(|| Error::Internal(format!("donation {} has no supporter", donation.id)))?;
    let campaign = match donation.campaign_id {
        Some(id) => campaign::Entity::find_by_id(id).one(tx).await?.map(|c| c.title),
        None => None,
    };
    let item = match item {
        Some(id) => wish_item::Entity::find_by_id(id).one(tx).await?.map(|i| i.title),
        None => None,
    };
    let address = match (receipts::store::address_of(tx, donation.id).await?, donation.source) {
        // She gave it once, with the first gift of a recurring one.
        (None, DonationSource::Recurring) => receipts::store::last_address_of(tx, donation.supporter_id).await?,
        (given, _) => given,
    };
    Ok(receipts::PaidGift {
        donation_id: donation.id,
        amount,
        paid_at,
        donor_name: donation.donor_name.clone(),
        donor_email: supporter.email,
        donor_address: address.unwrap_or_default(),
        language: Language::nearest(&donation.language).unwrap_or_default(),
        campaign,
        item,
        item_quantity: donation.wish_quantity.unwrap_or(1),
    })
}
