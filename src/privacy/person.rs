//! Where the rows of one supporter are: the ids and addresses by which they are found, for taking them along and for taking them away.

use crate::{app::App, error::Error};
use entity::{
    donation,
    ids::{DonationId, LetterId, ReceiptId, RecurringId, SupporterId},
    letter, receipt, recurring_donation, supporter, wish_order,
    words::LetterKind,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func},
};

/// One supporter, and where her rows are.
#[derive(Clone, Debug)]
pub struct Person {
    /// She herself.
    pub supporter: supporter::Model,
    /// Her address, and those that she had before; none for who gave by hand and told none.
    pub addresses: Vec<String>,
    /// The same as the keyed hashes under which suppressions are kept.
    pub address_hashes: Vec<String>,
    /// Her donations, paid or not.
    pub donations: Vec<DonationId>,
    /// Their receipts, valid or not.
    pub receipts: Vec<ReceiptId>,
    /// What she gives every month or year.
    pub recurring: Vec<RecurringId>,
    /// The ids under which Stripe knows her and what she gives every month or year.
    pub stripe_ids: Vec<String>,
    /// The letters to her.
    pub letters: Vec<LetterId>,
}

impl Person {
    /// Finds everything of a supporter; nobody with an unknown id.
    pub async fn find(db: &impl ConnectionTrait, app: &App, id: SupporterId) -> Result<Option<Self>, Error> {
        let Some(supporter) = supporter::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
        let addresses: Vec<String> = Some(supporter.email.clone()).filter(|address| !address.is_empty()).into_iter().collect();
        let donations: Vec<DonationId> = donation::Entity::find()
            .select_only()
            .column(donation::Column::Id)
            .filter(donation::Column::SupporterId.eq(id))
            .order_by_asc(donation::Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        let receipts: Vec<ReceiptId> = receipt::Entity::find()
            .select_only()
            .column(receipt::Column::Id)
            .filter(receipt::Column::DonationId.is_in(donations.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        let gives = recurring_donation::Entity::find().filter(recurring_donation::Column::SupporterId.eq(id)).all(db).await?;
        let recurring: Vec<RecurringId> = gives.iter().map(|gift| gift.id).collect();
        let stripe_ids: Vec<String> = gives.into_iter().flat_map(|gift| [gift.customer_id, gift.subscription_id]).flatten().collect();
        let letters: Vec<LetterId> = letter::Entity::find()
            .select_only()
            .column(letter::Column::Id)
            .filter(to_her(&addresses, &donations, &receipts))
            .into_tuple()
            .all(db)
            .await?;
        let address_hashes = addresses.iter().map(|address| app.outbox.address_key().hash(address)).collect();
        Ok(Some(Self { supporter, addresses, address_hashes, donations, receipts, recurring, stripe_ids, letters }))
    }
}

/// Letters to one of her addresses, or about one of her gifts; those to staff about her gifts are theirs, and do not name her.
fn to_her(addresses: &[String], donations: &[DonationId], receipts: &[ReceiptId]) -> Condition {
    Condition::all().add(letter::Column::Kind.ne(LetterKind::StaffNotice)).add(
        Condition::any()
            .add(letter::Column::ToAddress.is_in(addresses.iter().map(String::as_str)))
            .add(letter::Column::DonationId.is_in(donations.iter().copied()))
            .add(letter::Column::ReceiptId.is_in(receipts.iter().copied())),
    )
}

/// Orders at shops with one of her addresses, however she wrote it.
pub(super) fn ordered_by(addresses: &[String]) -> Condition {
    Condition::all().add(Expr::expr(Func::lower(Expr::col(wish_order::Column::Email))).is_in(addresses.iter().map(String::as_str)))
}
