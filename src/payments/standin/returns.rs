//! What can be done with a payment afterwards, as in Stripe's dashboard or at a bank: refunds and disputes, by the session that was paid or by
//! the payment (`pi_…`).

use super::{BalanceRow, Decision, Standin, state::Vault};
use serde::Serialize;

/// What can be seen of a refund or dispute from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnView {
    /// `re_…` or `dp_…`
    pub id: String,
    /// `ch_…` or `py_…`
    pub charge: String,
    /// The amount in minor units.
    pub amount: i64,
    /// Where it stands, in Stripe's word.
    pub status: String,
}

/// By the session, or by the payment itself where there was none.
fn charge_of(vault: &Vault, name: &str) -> Option<String> {
    let intent = match vault.sessions.get(name) {
        Some(session) => session.intent_id.as_deref()?,
        None => name,
    };
    vault.intents.get(intent)?.latest_charge.clone()
}

impl Standin {
    /// Gives a paid session's money back, all that is left or `amount`, as by hand in Stripe's dashboard. The refund's id.
    pub fn refund(&self, session_id: &str, amount: Option<i64>) -> Option<String> {
        self.change(|vault| {
            let charge = charge_of(vault, session_id)?;
            vault.refund(&charge, amount, None, Default::default()).ok().map(|refund| refund.id)
        })
    }

    /// Books a bank debit before its bank has answered, as Stripe does with some: in at once, and out again if it fails. False when there is
    /// no payment.
    pub fn book_early(&self, session_id: &str) -> bool {
        self.change(|vault| {
            let Some(charge) = charge_of(vault, session_id) else { return false };
            vault.book_charge(&charge);
            true
        })
    }

    /// Books a movement that a paid session's charge causes. Returns its `txn_…`.
    pub fn book_for(&self, session_id: &str, row: &BalanceRow) -> Option<String> {
        self.change(|vault| charge_of(vault, session_id).map(|charge| vault.book(row.kind, row.category, &charge, row.gross, row.fee)))
    }

    /// The bank takes back a payment that had succeeded. False when none was booked.
    pub fn take_payment_back(&self, session_id: &str) -> bool {
        self.change(|vault| charge_of(vault, session_id).is_some_and(|charge| vault.book_failure(&charge)))
    }

    /// Ends a refund that is under way, or lets one fail that had succeeded. False when nothing is left to decide.
    pub fn settle_refund(&self, refund_id: &str, succeeds: bool) -> bool {
        self.change(|vault| vault.settle_refund(refund_id, succeeds))
    }

    /// The payer disputes a paid session, all of it or `amount`; `inquiry`: her bank only asks. The dispute's id.
    pub fn dispute(&self, session_id: &str, amount: Option<i64>, inquiry: bool) -> Option<String> {
        self.change(|vault| {
            let charge = charge_of(vault, session_id)?;
            vault.open_dispute(&charge, amount, "fraudulent", inquiry).ok()
        })
    }

    /// Decides a dispute, or moves it on. False when there is nothing to decide.
    pub fn decide_dispute(&self, dispute_id: &str, decision: Decision) -> bool {
        self.change(|vault| vault.decide_dispute(dispute_id, decision))
    }

    /// What a lost dispute took comes back after all; `won`: the dispute counts as won then.
    pub fn reinstate(&self, dispute_id: &str, won: bool) -> bool {
        self.change(|vault| vault.reinstate(dispute_id, won))
    }

    /// All refunds, newest first.
    pub fn refunds(&self) -> Vec<ReturnView> {
        let vault = self.lock();
        let view = |refund: &super::refunds::Refund| ReturnView {
            id: refund.id.clone(),
            charge: refund.charge_id.clone(),
            amount: refund.amount.minor,
            status: refund.status.to_owned(),
        };
        vault.refunds.newest_first(None).map(view).collect()
    }

    /// All disputes, newest first.
    pub fn disputes(&self) -> Vec<ReturnView> {
        let vault = self.lock();
        let view = |dispute: &super::disputes::Dispute| ReturnView {
            id: dispute.id.clone(),
            charge: dispute.charge_id.clone(),
            amount: dispute.amount.minor,
            status: dispute.status.to_owned(),
        };
        vault.disputes.newest_first(None).map(view).collect()
    }
}
