//! What a movement is to us, and how it stands in the ledger.

use super::{differences, store};
use crate::{
    app::App,
    error::Error,
    ledger::{self, Leg, Posting, Purpose},
    payments::balance::{TOLD, is_known_balance},
    staff::{Actor, audit},
};
use chrono::{DateTime, Utc};
use entity::{
    Money, audit_entry, balance_movement,
    words::{Account, BalanceMapping, MovementKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

/// The trail's word for a movement that a person has mapped.
const MAPPED_BY_HAND: &str = "movement.map";

/// The kinds of posting that are made here, of money that belongs to no gift.
const OWN_KINDS: [MovementKind; 7] = [
    MovementKind::Payout,
    MovementKind::PayoutFailure,
    MovementKind::StripeFee,
    MovementKind::Reserve,
    MovementKind::TopUp,
    MovementKind::Other,
    MovementKind::Unmapped,
];

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

/// Stripe's type of the tax on its own fees (docs.stripe.com/reports/balance-transaction-types), whose reporting category need not be known.
const TAX_ON_FEES: &str = "tax_fee";

/// Stripe's types of movements into and out of a reserve, for when their reporting category is one that is not known. The last two are what an
/// account keeps of each payout as its least balance, and what comes back to the balance at once
/// (docs.stripe.com/changelog/acacia/2024-12-18/payout-minimum-balance).
const RESERVES: [&str; 8] = [
    "reserve_transaction",
    "reserved_funds",
    "reserve_hold",
    "reserve_release",
    "payment_network_reserve_hold",
    "payment_network_reserve_release",
    "payout_minimum_balance_hold",
    "payout_minimum_balance_release",
];

/// What a movement is by its category, its type and the balance that it changed. What happens in a balance that is not known is for a person
/// to judge, except where `donations` posts it: see [`is_nowhere_known`].
pub fn mapping_in(balance: &str, kind: &str, category: &str, ours: bool) -> BalanceMapping {
    let mapping = match mapping_of(category, ours) {
        BalanceMapping::Unmapped if RESERVES.contains(&kind) => BalanceMapping::Reserve,
        BalanceMapping::Unmapped if kind == TAX_ON_FEES => BalanceMapping::StripeFee,
        mapping => mapping,
    };
    if is_known_balance(balance) || !is_posted_here(mapping) { mapping } else { BalanceMapping::Unmapped }
}

/// Whether Stripe tells what the balance holds that a movement changed. What it does not tell of is held back: a reserve, or a balance that
/// this version does not know.
fn is_told(movement: &balance_movement::Model) -> bool {
    TOLD.contains(&movement.balance.as_str())
}

/// Whether a donation's money moved in a balance that this version does not know, which a person has to look at.
pub(super) fn is_nowhere_known(movement: &balance_movement::Model) -> bool {
    !is_known_balance(&movement.balance) && !is_posted_here(movement.mapped_to)
}

/// Whether what is this to us is posted here, not by `donations`.
pub fn is_posted_here(mapping: BalanceMapping) -> bool {
    side_of(mapping).is_some()
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

/// The posting that is made here of a movement as this mapping has it. What Stripe kept of it is a fee, except of what is not ours: there the
/// whole is somebody else's. There is none of what `donations` posts in a balance of which Stripe tells, and none of a reserve's own side of
/// money that goes into it or comes back: the side of the balance that it left or reached says it already.
pub fn posting_of(movement: &balance_movement::Model, mapping: BalanceMapping) -> Result<Option<Posting>, Error> {
    let money = |minor| Money::new(minor, movement.currency);
    let leg = |account, amount| Leg { account, amount, purpose: Purpose::default() };
    let holder = if is_told(movement) { Account::StripeClearing } else { Account::StripeReserve };
    let held = leg(holder, money(movement.net_minor));
    let (kind, end, legs) = match side_of(mapping) {
        None if is_told(movement) => return Ok(None),
        // `donations` posts it as what Stripe holds for us; Stripe holds it back.
        None => {
            let moved = leg(Account::StripeClearing, money(movement.net_minor).negated()?);
            (MovementKind::Reserve, HELD_BACK, vec![held, moved])
        }
        Some((account, _)) if account == holder => return Ok(None),
        Some((account, kind)) if is_of_others(movement, mapping) => {
            (kind, kind.as_str(), vec![held, leg(account, money(movement.net_minor).negated()?)])
        }
        Some((account, kind)) => {
            let fee = leg(Account::StripeFees, money(movement.fee_minor));
            (kind, kind.as_str(), vec![held, leg(account, money(movement.gross_minor).negated()?), fee])
        }
    };
    Ok(Some(Posting {
        kind,
        source: format!("{}:{end}", movement.id),
        donation_id: None,
        occurred_at: movement.occurred_at,
        balance_transaction: Some(movement.id.clone()),
        reverses_id: None,
        legs,
    }))
}

/// The end of the key of a posting that puts a donation's money into what is held back.
pub(super) const HELD_BACK: &str = "held_back";

fn is_of_others(movement: &balance_movement::Model, mapping: BalanceMapping) -> bool {
    matches!(mapping, BalanceMapping::Other | BalanceMapping::Unmapped) && movement.donation_id.is_none()
}

/// Takes the posting of a movement back that stands. It counts where the posting counts, or in the first open period after.
pub async fn take_back(tx: &impl ConnectionTrait, movement: &balance_movement::Model, now: DateTime<Utc>) -> Result<(), Error> {
    let standing = ledger::standing_of_movement(tx, &movement.id, &OWN_KINDS).await?;
    if standing.is_empty() {
        return Err(Error::Internal(format!("{} is not in the ledger as {}", movement.id, movement.mapped_to)));
    }
    for (head, sides) in standing {
        let mut posting = Posting::reversal(&head, &sides, head.occurred_at)?;
        posting.balance_transaction = Some(movement.id.clone());
        ledger::post(tx, &posting, now).await?;
    }
    Ok(())
}

/// Makes a movement be this to us: its posting is taken back, if it has one of ours, and the right one made.
pub(super) async fn map_to(
    tx: &impl ConnectionTrait,
    movement: &balance_movement::Model,
    mapping: BalanceMapping,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if posting_of(movement, movement.mapped_to)?.is_some() {
        take_back(tx, movement, now).await?;
    }
    post_anew(tx, movement, mapping, now).await?;
    store::set_mapping(tx, &movement.id, mapping, movement.donation_id).await
}

/// Posts a movement of which nothing stands that is posted here.
pub(super) async fn post_anew(
    tx: &impl ConnectionTrait,
    movement: &balance_movement::Model,
    mapping: BalanceMapping,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if let Some(mut posting) = posting_of(movement, mapping)? {
        // It may have been this before, and something else meanwhile.
        let times = ledger::times_posted(tx, &movement.id, posting.kind).await?;
        if times > 0 {
            posting.source = format!("{}:{}", posting.source, times + 1);
        }
        if !ledger::post(tx, &posting, now).await? {
            return Err(Error::Internal(format!("{} was posted before", posting.source)));
        }
    }
    Ok(())
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

/// Finance says what a movement is that the program does not know, or for which a donation has no posting. What she said before can be
/// corrected: the posting is taken back and the right one made, so that a closed period stays as it was.
pub async fn map_movement(app: &App, actor: &Actor, id: &str, mapping: BalanceMapping, note: &str) -> Result<(), Error> {
    if !BY_HAND.contains(&mapping) {
        return Err(Error::Invalid("Choose what the movement is.".to_owned()));
    }
    let now = app.now();
    app.db
        .write(async |tx| {
            let movement = store::lock_movement(tx, id).await?.ok_or(Error::NotFound)?;
            let before = movement.mapped_to;
            let is_left_over = !is_posted_here(before) && store::posted(tx, &[id]).await?.is_empty();
            let is_correction = BY_HAND.contains(&before) && is_said_by_person(tx, id).await?;
            if before != BalanceMapping::Unmapped && !is_left_over && !is_correction {
                return Err(Error::Conflict("The program knows what this movement is.".to_owned()));
            }
            if before == mapping {
                return Err(Error::Conflict("This movement is that already.".to_owned()));
            }
            map_to(tx, &movement, mapping, now).await?;
            differences::settle(tx, differences::NOT_POSTED, id, note, now).await?;
            let detail = json!({ "category": movement.category, "before": before, "mapped_to": mapping, "note": note });
            audit::record(tx, now, actor, MAPPED_BY_HAND, "balance_movement", id, detail).await
        })
        .await
}

/// The movements that a person has said something about, the latest word first.
pub async fn said_by_persons(db: &impl ConnectionTrait, most: u64) -> Result<Vec<balance_movement::Model>, Error> {
    use audit_entry::Column;
    let said: Vec<String> = audit_entry::Entity::find()
        .select_only()
        .column(Column::ObjectId)
        .filter(Column::ObjectKind.eq("balance_movement"))
        .filter(Column::Action.eq(MAPPED_BY_HAND))
        .group_by(Column::ObjectId)
        .order_by_desc(Column::Id.max())
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    let ids: Vec<&str> = said.iter().map(String::as_str).collect();
    let mut rows = store::movements(db, &ids).await?;
    rows.retain(|movement| BY_HAND.contains(&movement.mapped_to));
    rows.sort_by_key(|movement| said.iter().position(|id| *id == movement.id));
    Ok(rows)
}
