//! Disputes: a payer tells her bank that a payment is not hers. Practice cards open them at once (docs.stripe.com/testing#disputes):
//! …0259 as fraud, …2685 as goods that never came, …1976 as a question before any money moves.

use super::{
    errors::ApiError,
    state::{Entry, HasId, Means, Vault},
};
use crate::payments::balance::PAYMENTS;
use chrono::{DateTime, TimeDelta, Utc};
use entity::Money;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long evidence can be sent.
const EVIDENCE_TIME: TimeDelta = TimeDelta::days(9);

/// What Stripe charges for a dispute, in hundredths of a major unit of the settlement currency (practice figure).
const FEE_CENTS: i64 = 1_500;

/// A Dispute.
#[derive(Clone, Debug)]
pub(super) struct Dispute {
    pub id: String,
    pub created: DateTime<Utc>,
    pub charge_id: String,
    pub intent_id: String,
    pub amount: Money,
    pub reason: &'static str,
    pub status: &'static str,
    pub metadata: BTreeMap<String, String>,
    /// Ids of what was withdrawn and reinstated.
    pub entry_ids: Vec<String>,
}

impl HasId for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created.timestamp()
    }
}

/// How a dispute is decided, or moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// For us: what was withdrawn comes back.
    Won,
    /// For us, but only this much comes back, in minor units of the settlement currency. Stripe usually calls that lost
    /// (support.stripe.com, dispute for full charge amount after a partial refund), and never says that it always does.
    WonInPart {
        /// How much comes back.
        returned: i64,
    },
    /// For the payer.
    Lost,
    /// For the payer, but this much of it comes back, in minor units of the settlement currency.
    LostInPart {
        /// How much comes back.
        returned: i64,
    },
    /// A question of the bank that came to nothing.
    InquiryClosed,
    /// A question of the bank becomes a dispute: the money is withdrawn now.
    Escalated,
}

/// The dispute that a practice card opens: reason, and whether it is only a question.
fn opened_by(digits: [u8; 4]) -> Option<(&'static str, bool)> {
    match &digits {
        b"0259" => Some(("fraudulent", false)),
        b"2685" => Some(("product_not_received", false)),
        b"1976" => Some(("fraudulent", true)),
        _ => None,
    }
}

/// As Stripe writes it.
pub(super) fn shape(vault: &Vault, dispute: &Dispute) -> Value {
    let now = vault.now().timestamp();
    let entries: Vec<Value> =
        dispute.entry_ids.iter().filter_map(|id| vault.entries.get(id)).map(|entry| super::balance::entry(entry, now)).collect();
    let mut evidence = json!({ "enhanced_evidence": {} });
    for name in EVIDENCE.split_ascii_whitespace() {
        evidence[name] = Value::Null;
    }
    let due = (dispute.created + EVIDENCE_TIME).timestamp();
    let case = if dispute.status.starts_with("warning") { "inquiry" } else { "chargeback" };
    json!({
        "id": dispute.id, "object": "dispute", "amount": dispute.amount.minor, "currency": dispute.amount.currency.stripe_code(),
        "balance_transactions": entries, "charge": dispute.charge_id, "payment_intent": dispute.intent_id,
        "created": dispute.created.timestamp(), "enhanced_eligibility_types": [], "evidence": evidence,
        "evidence_details": { "due_by": due, "has_evidence": false, "past_due": now > due, "submission_count": 0, "enhanced_eligibility": {} },
        "is_charge_refundable": dispute.entry_ids.is_empty(), "livemode": false, "metadata": dispute.metadata, "reason": dispute.reason,
        "status": dispute.status,
        "payment_method_details": { "type": "card", "card": { "brand": "visa", "case_type": case, "network": "visa", "network_reason_code": "10.4" } },
    })
}

const EVIDENCE: &str = "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal \
    customer_communication customer_email_address customer_name customer_purchase_ip customer_signature \
    duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy \
    refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier \
    shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text";

impl Vault {
    /// Opens the dispute for which this charge's practice card is there.
    pub fn dispute_by_card(&mut self, charge_id: &str) {
        let Some(Means::Card(digits)) = self.charges.get(charge_id).map(|charge| charge.means) else { return };
        if let Some((reason, inquiry)) = opened_by(digits)
            && let Err(error) = self.open_dispute(charge_id, None, reason, inquiry)
        {
            tracing::error!(?error, "the stand-in could not open a dispute");
        }
    }

    /// Opens a dispute of a paid charge, for all of it or a part; an inquiry moves no money.
    pub fn open_dispute(&mut self, charge_id: &str, amount: Option<i64>, reason: &'static str, inquiry: bool) -> Result<String, ApiError> {
        let charge = self.charges.get(charge_id).cloned().ok_or_else(|| ApiError::missing("charge", charge_id))?;
        let minor = amount.unwrap_or(charge.amount.minor);
        if charge.status != "succeeded" || minor < 1 || minor > charge.amount.minor {
            return Err(ApiError::invalid("amount", "Only what was paid can be disputed."));
        }
        if charge.entry_id.is_none() {
            self.book_charge(charge_id);
        }
        let id = self.new_id("dp_1", 23);
        self.disputes.put(Dispute {
            id: id.clone(),
            created: self.now(),
            charge_id: charge_id.to_owned(),
            intent_id: charge.intent_id,
            amount: Money::new(minor, charge.amount.currency),
            reason,
            status: if inquiry { "warning_needs_response" } else { "needs_response" },
            metadata: BTreeMap::new(),
            entry_ids: Vec::new(),
        });
        if let Some(charge) = self.charges.get_mut(charge_id) {
            charge.disputed = true;
        }
        if inquiry {
            self.tell_dispute("charge.dispute.created", &id);
        } else {
            self.withdraw(&id);
            self.tell_dispute("charge.dispute.created", &id);
            self.tell_dispute("charge.dispute.funds_withdrawn", &id);
        }
        Ok(id)
    }

    /// Decides a dispute, or moves it on. False when there is nothing to decide.
    pub fn decide_dispute(&mut self, id: &str, decision: Decision) -> bool {
        let Some(dispute) = self.disputes.get(id).cloned() else { return false };
        let is_inquiry = dispute.status.starts_with("warning_") && dispute.status != "warning_closed";
        let is_open = matches!(dispute.status, "needs_response" | "under_review");
        let taken: i64 = dispute.entry_ids.iter().filter_map(|id| self.entries.get(id)).map(|entry| -entry.amount.minor).sum();
        let (status, returned) = match decision {
            Decision::InquiryClosed if is_inquiry => ("warning_closed", 0),
            Decision::Escalated if is_inquiry => ("needs_response", 0),
            Decision::Won if is_open => ("won", taken),
            Decision::Lost if is_open => ("lost", 0),
            Decision::WonInPart { returned } if is_open && (1..taken).contains(&returned) => ("won", returned),
            Decision::LostInPart { returned } if is_open && (1..taken).contains(&returned) => ("lost", returned),
            _ => return false,
        };
        if let Some(dispute) = self.disputes.get_mut(id) {
            dispute.status = status;
        }
        if decision == Decision::Escalated {
            self.withdraw(id);
            self.tell_dispute("charge.dispute.updated", id);
            self.tell_dispute("charge.dispute.funds_withdrawn", id);
            return true;
        }
        if returned > 0 {
            self.book_dispute(id, returned, 0);
        }
        self.tell_dispute("charge.dispute.closed", id);
        if returned > 0 {
            self.tell_dispute("charge.dispute.funds_reinstated", id);
        }
        true
    }

    /// Money comes back after a dispute was lost, as banks sometimes decide later. False when there is nothing to give back.
    pub fn reinstate(&mut self, id: &str, won: bool) -> bool {
        let Some(dispute) = self.disputes.get(id).cloned().filter(|dispute| dispute.status == "lost") else { return false };
        let taken: i64 = dispute.entry_ids.iter().filter_map(|id| self.entries.get(id)).map(|entry| -entry.amount.minor).sum();
        if taken < 1 {
            return false;
        }
        if let Some(dispute) = self.disputes.get_mut(id).filter(|_| won) {
            dispute.status = "won";
        }
        self.book_dispute(id, taken, 0);
        self.tell_dispute("charge.dispute.funds_reinstated", id);
        true
    }

    /// Whether a dispute holds a charge back from being refunded.
    pub fn holds_back(&self, charge_id: &str) -> bool {
        self.disputes
            .newest_first(None)
            .any(|dispute| dispute.charge_id == charge_id && !dispute.entry_ids.is_empty() && dispute.status != "won")
    }

    fn withdraw(&mut self, id: &str) {
        let Some(amount) = self.disputes.get(id).map(|dispute| dispute.amount) else { return };
        let (settled, _) = self.fees.settle(amount);
        let fee = match settled.currency.exponent() {
            0 => FEE_CENTS,
            2 => FEE_CENTS,
            _ => FEE_CENTS * 10,
        };
        self.book_dispute(id, -settled.minor, fee);
    }

    /// Books what a dispute moved, in the settlement currency.
    fn book_dispute(&mut self, id: &str, minor: i64, fee: i64) {
        let entry_id = self.new_id("txn_1", 23);
        let now = self.now();
        let Some(dispute) = self.disputes.get_mut(id) else { return };
        dispute.entry_ids.push(entry_id.clone());
        let (settled, exchange_rate) = self.fees.settle(dispute.amount);
        self.entries.put(Entry {
            id: entry_id,
            created: now,
            available_on: now,
            kind: "adjustment",
            category: if minor < 0 { "dispute" } else { "dispute_reversal" },
            source: id.to_owned(),
            amount: Money::new(minor, settled.currency),
            fee,
            exchange_rate,
            payout: None,
            balance: PAYMENTS,
        });
    }

    fn tell_dispute(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.disputes.get(id).map(|dispute| shape(self, dispute)) {
            self.tell(kind, object);
        }
    }
}
