//! What a movement is to us, and how it stands in the ledger.

use super::{differences, store};
use crate::{
    app::App,
    error::Error,
    ledger::{self, Leg, Posting, Purpose},
    staff::{Actor, audit},
};
use chrono::{DateTime, Utc};
use entity::{
    Money, audit_entry, balance_movement,
    words::{Account, BalanceMapping, MovementKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

/// The trail's word for a movement that a person has mapped.
const MAPPED_BY_HAND: &str = "movement.map";

/// What finance can map a movement to that the program does not know: what needs no donation.
pub const BY_HAND: [BalanceMapping; 4] = [BalanceMapping::StripeFee, BalanceMapping::Reserve, BalanceMapping::TopUp, BalanceMapping::Other];

/// What a movement is by its reporting category (docs.stripe.com/reports/reporting-categories), `ours` saying whether its source belongs to a
/// donation. A category that is not listed there, or that does not go with a gift, is for a person to judge.
pub fn mapping_of(category: &str, ours: bool) -> BalanceMapping {
    use BalanceMapping as To;
    match (category, ours) {
        ("charge", true) => To::Gift,
        // A payment that its bank took back after it had counted (a direct debit, for one) is income given back.
        ("refund" | "charge_failure", true) => To::Refund,
        ("refund_failure", true) => To::RefundFailure,
        ("dispute", true) => To::Dispute,
        ("dispute_reversal", true) => To::DisputeReversal,
        (
            "charge" | "charge_failure" | "refund" | "refund_failure" | "dispute" | "dispute_reversal" | "partial_capture_reversal",
            false,
        ) => To::Other,
        ("fee" | "network_cost", _) => To::StripeFee,
        ("payout", _) => To::Payout,
        ("payout_reversal", _) => To::PayoutFailure,
        ("risk_reserved_funds" | "connect_reserved_funds", _) => To::Reserve,
        ("topup" | "topup_reversal", _) => To::TopUp,
        (
            "transfer"
            | "transfer_reversal"
            | "connect_collection_transfer"
            | "platform_earning"
            | "platform_earning_refund"
            | "contribution"
            | "climate_order_purchase"
            | "climate_order_refund"
            | "advance"
            | "advance_funding"
            | "anticipation_repayment"
            | "financing_paydown"
            | "financing_paydown_reversal"
            | "financing_payout"
            | "financing_payout_reversal"
            | "issuing_authorization_hold"
            | "issuing_authorization_release"
            | "issuing_dispute"
            | "issuing_transaction",
            _,
        ) => To::Other,
        _ => To::Unmapped,
    }
}

/// The account on the other side of what Stripe holds, the kind of posting, and the end of its key; nothing for what `donations` posts.
fn side_of(mapping: BalanceMapping) -> Option<(Account, MovementKind)> {
    Some(match mapping {
        BalanceMapping::Payout => (Account::Bank, MovementKind::Payout),
        BalanceMapping::PayoutFailure => (Account::Bank, MovementKind::PayoutFailure),
        BalanceMapping::StripeFee => (Account::StripeFees, MovementKind::StripeFee),
        BalanceMapping::Reserve => (Account::StripeReserve, MovementKind::Reserve),
        BalanceMapping::TopUp => (Account::Bank, MovementKind::TopUp),
        BalanceMapping::Other => (Account::OtherActivity, MovementKind::Other),
        BalanceMapping::Unmapped => (Account::Unmapped, MovementKind::Unmapped),
        _ => return None,
    })
}

/// The posting of a movement as this mapping has it; nothing for what `donations` posts. What Stripe kept of it is a fee, except of what
/// is not ours: there the whole is somebody else's.
pub fn posting_of(movement: &balance_movement::Model, mapping: BalanceMapping) -> Result<Option<Posting>, Error> {
    let Some((account, kind)) = side_of(mapping) else { return Ok(None) };
    let money = |minor| Money::new(minor, movement.currency);
    let leg = |account, amount| Leg { account, amount, purpose: Purpose::default() };
    let clearing = leg(Account::StripeClearing, money(movement.net_minor));
    let legs = match mapping {
        BalanceMapping::Other | BalanceMapping::Unmapped if movement.donation_id.is_none() => {
            vec![clearing, leg(account, money(movement.net_minor).negated()?)]
        }
        _ => vec![clearing, leg(account, money(movement.gross_minor).negated()?), leg(Account::StripeFees, money(movement.fee_minor))],
    };
    Ok(Some(Posting {
        kind,
        source: format!("{}:{kind}", movement.id),
        donation_id: None,
        occurred_at: movement.occurred_at,
        balance_transaction: Some(movement.id.clone()),
        reverses_id: None,
        legs,
    }))
}

/// Takes a posting of a movement back. It counts where the posting counts, or in the first open period after.
pub async fn take_back(tx: &impl ConnectionTrait, movement: &balance_movement::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let source = format!("{}:{}", movement.id, movement.mapped_to);
    let (head, sides) = store::posting(tx, &source).await?.ok_or_else(|| Error::Internal(format!("{source} is not in the ledger")))?;
    let turned = |side: &entity::ledger_entry::Model| {
        Ok(Leg { account: side.account, amount: Money::new(side.amount_minor, side.currency).negated()?, purpose: Purpose::default() })
    };
    let posting = Posting {
        kind: MovementKind::Reversal,
        source: format!("{source}:reversal"),
        donation_id: None,
        occurred_at: head.occurred_at,
        balance_transaction: Some(movement.id.clone()),
        reverses_id: Some(head.id),
        legs: sides.iter().map(turned).collect::<Result<_, Error>>()?,
    };
    ledger::post(tx, &posting, now).await.map(|_| ())
}

/// Makes a movement be this to us: its posting is taken back, if it has one of ours, and the right one made.
pub(super) async fn map_to(
    tx: &impl ConnectionTrait,
    movement: &balance_movement::Model,
    mapping: BalanceMapping,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if side_of(movement.mapped_to).is_some() {
        take_back(tx, movement, now).await?;
    }
    if let Some(posting) = posting_of(movement, mapping)?
        && !ledger::post(tx, &posting, now).await?
    {
        return Err(Error::Internal(format!("{} was posted and taken back before", posting.source)));
    }
    store::set_mapping(tx, &movement.id, mapping, movement.donation_id).await
}

/// Whether a person has said what a movement is: then the program does not say otherwise.
pub(super) async fn is_said_by_person(db: &impl ConnectionTrait, id: &str) -> Result<bool, Error> {
    use audit_entry::Column;
    let said = audit_entry::Entity::find()
        .filter(Column::ObjectKind.eq("balance_movement"))
        .filter(Column::ObjectId.eq(id))
        .filter(Column::Action.eq(MAPPED_BY_HAND));
    Ok(said.limit(1).one(db).await?.is_some())
}

/// Finance says what a movement is that the program does not know, or for which a donation has no posting.
pub async fn map_movement(app: &App, actor: &Actor, id: &str, mapping: BalanceMapping, note: &str) -> Result<(), Error> {
    if !BY_HAND.contains(&mapping) {
        return Err(Error::Invalid("Choose what the movement is.".to_owned()));
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            let movement = store::lock_movement(tx, id).await?.ok_or(Error::NotFound)?;
            let is_left_over = side_of(movement.mapped_to).is_none() && store::posted(tx, &[id]).await?.is_empty();
            if movement.mapped_to != BalanceMapping::Unmapped && !is_left_over {
                return Err(Error::Conflict("This movement is mapped already.".to_owned()));
            }
            map_to(tx, &movement, mapping, now).await?;
            differences::settle(tx, differences::NOT_POSTED, id, note, now).await?;
            let detail = json!({ "category": movement.category, "mapped_to": mapping, "note": note });
            audit::record(tx, now, actor, MAPPED_BY_HAND, "balance_movement", id, detail).await
        })
        .await
}
