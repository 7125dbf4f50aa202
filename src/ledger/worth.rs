//! What donations are worth: what the ledger holds of their income, after everything that was taken back.

use crate::error::Error;
use entity::{
    Currency, Money,
    ids::DonationId,
    ledger_entry, ledger_transaction,
    words::{Account, MovementKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, JoinType, QueryFilter, QuerySelect, RelationDef, sea_query::Expr};
use std::collections::HashMap;

/// How many donations are asked for in one question.
const AT_ONCE: usize = 500;

/// What a donation was and is worth, in the currency it was given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// What was given, without entries by hand that were taken back as mistakes.
    pub given: Money,
    /// What of it was neither refunded nor lost in a dispute.
    pub left: Money,
}

/// What each of these donations is worth. One that is not in the ledger has no row.
pub async fn worths_of(db: &impl ConnectionTrait, donations: &[DonationId]) -> Result<HashMap<DonationId, Worth>, Error> {
    use ledger_entry::Column as E;
    use ledger_transaction::Column as T;
    let of: RelationDef = ledger_entry::Entity::belongs_to(ledger_transaction::Entity).from(E::TransactionId).to(T::Id).into();
    let mut worths: HashMap<DonationId, Worth> = HashMap::new();
    for some in donations.chunks(AT_ONCE) {
        let rows: Vec<(DonationId, MovementKind, Currency, i64)> = ledger_entry::Entity::find()
            .select_only()
            .column(T::DonationId)
            .column(T::Kind)
            .column(E::Currency)
            .column_as(Expr::col((ledger_entry::Entity, E::AmountMinor)).sum().cast_as("bigint"), "total")
            .join(JoinType::InnerJoin, of.clone())
            .filter(E::Account.eq(Account::Donations))
            .filter(T::DonationId.is_in(some.iter().copied()))
            .group_by(T::DonationId)
            .group_by(T::Kind)
            .group_by(E::Currency)
            .into_tuple()
            .all(db)
            .await?;
        for (id, kind, currency, total) in rows {
            let income = Money::new(total, currency).negated()?;
            let none = Money::new(0, currency);
            let worth = worths.entry(id).or_insert(Worth { given: none, left: none });
            worth.left = worth.left.checked_add(income)?;
            if matches!(kind, MovementKind::Donation | MovementKind::Reversal) {
                worth.given = worth.given.checked_add(income)?;
            }
        }
    }
    Ok(worths)
}
