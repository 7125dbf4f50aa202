//! What names an erased supporter outside of the documents that are sealed, and what she or others wrote about her: it is emptied.

use super::{
    export,
    person::{Person, ordered_by},
};
use crate::{
    app::App,
    error::Error,
    mail::{
        forgetting,
        suppression::{self, NewSuppression},
        topic::Topic,
    },
    payments::nameless,
};
use chrono::{DateTime, Utc};
use entity::{
    address_change, donation, donation_address, donation_step, portal_link, portal_session, recurring_donation, stripe_event, subscription,
    supporter, suppression as suppressions, wish_order,
    words::{DonationSource, SuppressionReason},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};

/// Steps of a gift's story in which staff or a bank used words of their own.
const IN_WORDS: [&str; 6] =
    ["transfer_matched", "entered_by_hand", "reversed", "deposit_reversed", "another_amount_came", "refund_refused"];

/// Who ended the news of somebody who was erased.
const BY_ERASURE: &str = "erased";

/// Empties all of it.
pub(super) async fn forget(tx: &DatabaseTransaction, app: &App, who: &Person, now: DateTime<Utc>) -> Result<(), Error> {
    forget_letters(tx, app, who, now).await?;
    forget_gifts(tx, who).await?;
    let orders = wish_order::Entity::update_many().col_expr(wish_order::Column::Email, Expr::value(""));
    orders.filter(ordered_by(who)).exec(tx).await?;
    for event in
        stripe_event::Entity::find().filter(export::events_about(who)).filter(stripe_event::Column::StrippedAt.is_null()).all(tx).await?
    {
        strip(tx, &event, now).await?;
    }
    let id = who.supporter.id;
    address_change::Entity::delete_many().filter(address_change::Column::SupporterId.eq(id)).exec(tx).await?;
    portal_session::Entity::delete_many().filter(portal_session::Column::SupporterId.eq(id)).exec(tx).await?;
    portal_link::Entity::delete_many().filter(portal_link::Column::SupporterId.eq(id)).exec(tx).await?;
    supporter::Entity::update_many()
        .col_expr(supporter::Column::Email, Expr::value(""))
        .col_expr(supporter::Column::Name, Expr::value(""))
        .col_expr(supporter::Column::WantsUpdates, Expr::value(false))
        .col_expr(supporter::Column::UpdatedAt, Expr::value(now))
        .filter(supporter::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes out of a stored event what it tells of a person.
pub(super) async fn strip(tx: &DatabaseTransaction, event: &stripe_event::Model, now: DateTime<Utc>) -> Result<(), Error> {
    stripe_event::Entity::update_many()
        .col_expr(stripe_event::Column::Payload, Expr::value(nameless::without_persons(&event.payload).as_ref()))
        .col_expr(stripe_event::Column::StrippedAt, Expr::value(Some(now)))
        .filter(stripe_event::Column::Id.eq(event.id.as_str()))
        .filter(stripe_event::Column::StrippedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

async fn forget_gifts(tx: &DatabaseTransaction, who: &Person) -> Result<(), Error> {
    let hers = || who.donations.iter().copied();
    donation::Entity::update_many()
        .col_expr(donation::Column::DonorName, Expr::value(""))
        .col_expr(donation::Column::PublicName, Expr::value(false))
        .col_expr(donation::Column::Note, Expr::value(""))
        // A hash over her name and address, among others: whoever guesses both could tell that they are right.
        .col_expr(donation::Column::RequestHash, Expr::value(""))
        .filter(donation::Column::SupporterId.eq(who.supporter.id))
        .exec(tx)
        .await?;
    forget_references(tx, who).await?;
    donation_address::Entity::delete_many().filter(donation_address::Column::DonationId.is_in(hers())).exec(tx).await?;
    donation_step::Entity::update_many()
        .col_expr(donation_step::Column::Detail, Expr::value(""))
        .filter(donation_step::Column::DonationId.is_in(hers()))
        .filter(donation_step::Column::Kind.is_in(IN_WORDS))
        .exec(tx)
        .await?;
    recurring_donation::Entity::update_many()
        .col_expr(recurring_donation::Column::DonorName, Expr::value(""))
        .col_expr(recurring_donation::Column::PublicName, Expr::value(false))
        .col_expr(recurring_donation::Column::EndNote, Expr::value(""))
        .filter(recurring_donation::Column::SupporterId.eq(who.supporter.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// What staff or another system called her gifts. The code of an announced transfer is ours, and names nobody.
async fn forget_references(tx: &DatabaseTransaction, who: &Person) -> Result<(), Error> {
    let announced = donation_step::Entity::find()
        .select_only()
        .column(donation_step::Column::DonationId)
        .filter(donation_step::Column::Kind.eq("transfer_announced"));
    donation::Entity::update_many()
        .col_expr(donation::Column::Reference, Expr::value(""))
        .filter(donation::Column::SupporterId.eq(who.supporter.id))
        .filter(donation::Column::Source.is_in([DonationSource::Manual, DonationSource::Imported]))
        .filter(donation::Column::Id.not_in_subquery(announced.into_query()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Her letters, and her wishes about letters: none of news from now on, known by the keyed hash of her address only.
async fn forget_letters(tx: &DatabaseTransaction, app: &App, who: &Person, now: DateTime<Utc>) -> Result<(), Error> {
    forgetting::forget_all(tx, &who.letters, now).await?;
    subscription::Entity::update_many()
        .col_expr(subscription::Column::EndedAt, Expr::value(Some(now)))
        .col_expr(subscription::Column::EndedBy, Expr::value(BY_ERASURE))
        .filter(subscription::Column::SupporterId.eq(who.supporter.id))
        .filter(subscription::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    for hash in &who.address_hashes {
        let new = NewSuppression {
            address_hash: hash.clone(),
            topic: Topic::Updates,
            reason: SuppressionReason::Unsubscribed,
            note: String::new(),
            letter_id: None,
            made_by: "supporter".to_owned(),
        };
        suppression::suppress(tx, &new, app.new_id(), now).await?;
    }
    suppressions::Entity::update_many()
        .col_expr(suppressions::Column::Note, Expr::value(""))
        .col_expr(suppressions::Column::LiftNote, Expr::value(""))
        .filter(suppressions::Column::AddressHash.is_in(who.address_hashes.iter().map(String::as_str)))
        .exec(tx)
        .await?;
    Ok(())
}
