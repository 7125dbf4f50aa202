//! Where the rows of one supporter are: the ids and addresses by which they are found, for taking them along and for taking them away.

use super::address_letters;
use crate::{app::App, error::Error};
use entity::{
    address_change, donation,
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
        let changes = address_change::Entity::find().filter(address_change::Column::SupporterId.eq(id)).all(db).await?;
        let addresses = addresses_of(db, &supporter, &changes).await?;
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
            .filter(to_her(&addresses, &changes, &donations, &receipts))
            .into_tuple()
            .all(db)
            .await?;
        let address_hashes = addresses.iter().map(|address| app.outbox.address_key().hash(address)).collect();
        Ok(Some(Self { supporter, addresses, address_hashes, donations, receipts, recurring, stripe_ids, letters }))
    }
}

/// Her address, and those that she had before and nobody else has now.
async fn addresses_of(db: &impl ConnectionTrait, who: &supporter::Model, changes: &[address_change::Model]) -> Result<Vec<String>, Error> {
    // Both of a change that was made, even if it was undone: letters went to either.
    let before =
        changes.iter().filter(|change| change.done_at.is_some()).flat_map(|change| [&change.old_address, &change.new_address]).cloned();
    let mut all: Vec<String> = std::iter::once(who.email.clone()).chain(before).filter(|address| !address.is_empty()).collect();
    let others = supporter::Entity::find()
        .filter(supporter::Column::Email.is_in(all.iter().map(String::as_str)))
        .filter(supporter::Column::Id.ne(who.id))
        .all(db)
        .await?;
    all.retain(|address| others.iter().all(|other| other.email != *address));
    Ok(all)
}

/// Letters to one of her addresses, or about one of her gifts; those to staff about her gifts are theirs, and do not name her.
fn to_her(addresses: &[String], changes: &[address_change::Model], donations: &[DonationId], receipts: &[ReceiptId]) -> Condition {
    use letter::Column as C;
    // Each is looked for in an index of its own. What there is none of is left out: `1 = 2` has no index, so all letters would be read. With
    // nothing at all there is no letter, which the first line says.
    let hers = Condition::any()
        .add(C::Id.is_null())
        .add_option((!addresses.is_empty()).then(|| C::ToAddress.is_in(addresses.iter().map(String::as_str))))
        .add_option((!changes.is_empty()).then(|| C::DedupeKey.is_in(changes.iter().flat_map(|change| address_letters::keys(change.id)))))
        .add_option((!donations.is_empty()).then(|| C::DonationId.is_in(donations.iter().copied())))
        .add_option((!receipts.is_empty()).then(|| C::ReceiptId.is_in(receipts.iter().copied())));
    Condition::all().add(C::Kind.ne(LetterKind::StaffNotice)).add(hers)
}

/// Orders at shops of which she wants to hear; or with one of her addresses, however she wrote it.
pub(super) fn ordered_by(who: &Person) -> Condition {
    let addresses = who.addresses.iter().map(String::as_str);
    Condition::any()
        .add(wish_order::Column::SupporterId.eq(who.supporter.id))
        .add(Expr::expr(Func::lower(Expr::col(wish_order::Column::Email))).is_in(addresses))
}
