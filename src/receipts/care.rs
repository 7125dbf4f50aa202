//! What staff do with one receipt: mend the name or address on it.

use super::{Change, IssuerSettings, Snapshot, letter, recipient, replace, store};
use crate::{
    app::App,
    error::Error,
    staff::{Actor, audit},
};
use entity::{donation, ids::ReceiptId, receipt, words::ReceiptStatus};
use sea_orm::{EntityTrait, QuerySelect, sea_query::LockType};
use serde_json::json;

/// What staff write instead of what a receipt says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// The supporter's name.
    pub name: String,
    /// Her postal address; may be empty.
    pub address: String,
}

/// Mends the name and address of a receipt: the receipt is replaced by one with the next number, whose letter says so, in one transaction.
pub async fn correct(app: &App, actor: &Actor, id: ReceiptId, correction: &Correction) -> Result<receipt::Model, Error> {
    let now = app.now();
    let settings = IssuerSettings::from_config(&app.config);
    let new = app
        .db
        .write(async |tx| {
            let old = store::find(tx, id).await?;
            donation::Entity::find_by_id(old.donation_id).lock(LockType::NoKeyUpdate).one(tx).await?;
            // Read again under the lock.
            let old = store::find(tx, id).await?;
            let gift = store::require_not_sealed(tx, &old).await?;
            if old.status != ReceiptStatus::Issued {
                return Err(Error::Conflict(format!("Receipt {} is {} already.", old.code, old.status)));
            }
            let said: Snapshot = serde_json::from_str(&old.snapshot)?;
            if said.donor_name == correction.name && said.donor_address == correction.address {
                return Err(Error::Invalid("The receipt says this already: nothing was changed.".to_owned()));
            }
            if !correction.address.is_empty() {
                store::keep_address(tx, old.donation_id, &correction.address, now).await?;
            }
            let change =
                Change { amount: None, donor_name: Some(correction.name.clone()), donor_address: Some(correction.address.clone()) };
            let new = replace(tx, &settings, id, &change, "name or address mended", now, &app.random).await?;
            let giver = recipient(tx, &app.outbox, &gift).await?;
            let letter = letter(&new, Some(&giver), None)?;
            // Who gave in person may have no e-mail address: the page to print is hers, and whoever had a copy once gets no postal address.
            if !letter.to_address.is_empty() {
                app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
            }
            // What was written stays out of the trail, which is kept for ever.
            let detail = json!({ "receipt": old.code, "replaced_by": new.code });
            audit::record(tx, now, actor, "receipt.correct", "donation", &old.donation_id.to_string(), detail).await?;
            Ok(new)
        })
        .await?;
    app.bell.notify_waiters();
    Ok(new)
}
