//! The queries of donations.

use crate::{clock::sha256_hex, error::Error};
use chrono::{DateTime, Utc};
use entity::{
    donation, donation_step, fund,
    ids::{DonationId, FundId},
    stripe_event,
    words::{DonationSource, DonationStatus, Restriction},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
    sea_query::{LockType, OnConflict},
};

/// The code of the fund for gifts that name no purpose.
pub const GENERAL_FUND: &str = "GENERAL";

/// A donation by its id.
pub async fn find(db: &impl ConnectionTrait, id: DonationId) -> Result<Option<donation::Model>, DbErr> {
    donation::Entity::find_by_id(id).one(db).await
}

/// A donation, locked until the transaction ends. `FOR NO KEY UPDATE`, because nearly everything refers to it.
pub async fn lock(tx: &DatabaseTransaction, id: DonationId) -> Result<Option<donation::Model>, DbErr> {
    donation::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(tx).await
}

/// Waits until nobody else enters a gift by hand. On SQLite there is one writer anyway.
pub async fn wait_for_other_entries(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_raw(Statement::from_string(DbBackend::Postgres, "select pg_advisory_xact_lock(770042026)")).await?;
    }
    Ok(())
}

/// A donation by the secret of its thank-you page.
pub async fn find_by_token(db: &impl ConnectionTrait, token: &str) -> Result<Option<donation::Model>, DbErr> {
    donation::Entity::find().filter(donation::Column::TokenHash.eq(sha256_hex(token))).one(db).await
}

/// The donation that a rendering of the form made.
pub async fn find_by_form(db: &impl ConnectionTrait, form_token: &str) -> Result<Option<donation::Model>, DbErr> {
    donation::Entity::find().filter(donation::Column::FormToken.eq(form_token)).one(db).await
}

/// The donation that a Stripe object belongs to, by its checkout session, payment intent or charge.
pub async fn find_by_stripe_object(db: &impl ConnectionTrait, ids: &[&str]) -> Result<Option<donation::Model>, DbErr> {
    let any = Condition::any()
        .add(donation::Column::CheckoutSessionId.is_in(ids.iter().copied()))
        .add(donation::Column::PaymentIntentId.is_in(ids.iter().copied()))
        .add(donation::Column::ChargeId.is_in(ids.iter().copied()));
    donation::Entity::find().filter(any).one(db).await
}

/// The paid donations of an invoice.
pub async fn paid_of_invoice(db: &impl ConnectionTrait, invoice_id: &str) -> Result<Vec<donation::Model>, DbErr> {
    let paid = donation::Column::Status.eq(DonationStatus::Paid);
    donation::Entity::find().filter(donation::Column::InvoiceId.eq(invoice_id)).filter(paid).all(db).await
}

/// Donations that wait for something and whose checkout ran out before `now`, in the order of their ids, beginning after one.
pub async fn overdue(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
    after: Option<DonationId>,
    most: u64,
) -> Result<Vec<donation::Model>, DbErr> {
    let mut find =
        donation::Entity::find().filter(donation::Column::Status.eq(DonationStatus::Pending)).filter(donation::Column::ExpiresAt.lt(now));
    if let Some(after) = after {
        find = find.filter(donation::Column::Id.gt(after));
    }
    find.order_by_asc(donation::Column::Id).limit(most).all(db).await
}

/// Donations whose bank has not answered yet, begun before `before`, the longest waiting first.
pub async fn processing(db: &impl ConnectionTrait, before: DateTime<Utc>, most: u64) -> Result<Vec<donation::Model>, DbErr> {
    donation::Entity::find()
        .filter(donation::Column::Status.eq(DonationStatus::Processing))
        .filter(donation::Column::CreatedAt.lt(before))
        .order_by_asc(donation::Column::CreatedAt)
        .limit(most)
        .all(db)
        .await
}

/// Paid donations since `since` whose fee is not in the ledger yet.
pub async fn without_fee(db: &impl ConnectionTrait, since: DateTime<Utc>, most: u64) -> Result<Vec<donation::Model>, DbErr> {
    use entity::{ledger_transaction, words::MovementKind};
    use sea_orm::sea_query::Query;
    let with_fee = Query::select()
        .column(ledger_transaction::Column::DonationId)
        .from(ledger_transaction::Entity)
        .and_where(ledger_transaction::Column::Kind.eq(MovementKind::Fee))
        .and_where(ledger_transaction::Column::DonationId.is_not_null())
        .to_owned();
    donation::Entity::find()
        .filter(donation::Column::PaidAt.gte(since))
        // What came by hand or from another system costs nothing at Stripe, or was read with its fee.
        .filter(donation::Column::Source.is_not_in([DonationSource::Manual, DonationSource::Imported]))
        .filter(donation::Column::Id.not_in_subquery(with_fee))
        .order_by_asc(donation::Column::PaidAt)
        .limit(most)
        .all(db)
        .await
}

/// Writes one thing that happened into the donation's story.
pub async fn note(tx: &impl ConnectionTrait, id: DonationId, now: DateTime<Utc>, kind: &str, detail: &str) -> Result<(), DbErr> {
    let step = donation_step::ActiveModel {
        id: NotSet,
        donation_id: Set(id),
        at: Set(now),
        kind: Set(kind.to_owned()),
        detail: Set(detail.to_owned()),
    };
    donation_step::Entity::insert(step).exec_without_returning(tx).await.map(|_| ())
}

/// The story of a donation, oldest first.
pub async fn steps(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<donation_step::Model>, DbErr> {
    donation_step::Entity::find().filter(donation_step::Column::DonationId.eq(id)).order_by_asc(donation_step::Column::Id).all(db).await
}

/// The events that spoke of a donation, oldest first.
pub async fn events(db: &impl ConnectionTrait, id: DonationId) -> Result<Vec<stripe_event::Model>, DbErr> {
    stripe_event::Entity::find()
        .filter(stripe_event::Column::DonationId.eq(id))
        .order_by_asc(stripe_event::Column::ReceivedAt)
        .order_by_asc(stripe_event::Column::Id)
        .all(db)
        .await
}

/// The fund with this id, or the general one, which is made when it is first needed.
pub async fn fund(tx: &impl ConnectionTrait, id: Option<FundId>, new_id: FundId, now: DateTime<Utc>) -> Result<fund::Model, Error> {
    if let Some(id) = id {
        return fund::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound);
    }
    let general = fund::ActiveModel {
        id: Set(new_id),
        code: Set(GENERAL_FUND.to_owned()),
        name: Set("General".to_owned()),
        restriction: Set(Restriction::Without),
        gl_income: Set(String::new()),
        gl_fee: Set(String::new()),
        created_at: Set(now),
    };
    let quiet = OnConflict::column(fund::Column::Code).do_nothing().to_owned();
    fund::Entity::insert(general).on_conflict(quiet).exec_without_returning(tx).await?;
    let found = fund::Entity::find().filter(fund::Column::Code.eq(GENERAL_FUND)).one(tx).await?;
    found.ok_or_else(|| Error::Internal("the general fund was made and is not there".to_owned()))
}
