//! Refunds: money goes back at once, or is under way for a while, or comes back because it could not be delivered.
//!
//! Two practice cards show the slow ways (docs.stripe.com/testing#refunds): …7726 is pending before it succeeds, …5126 succeeds and fails
//! later.

use super::{
    errors::ApiError,
    expand,
    params::Params,
    state::{Due, Entry, HasId, Means, Vault},
};
use crate::payments::balance::PAYMENTS;
use chrono::{DateTime, TimeDelta, Utc};
use entity::Money;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long a slow refund takes.
const SLOW_REFUND: TimeDelta = TimeDelta::seconds(10);

/// A Refund.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub id: String,
    pub created: DateTime<Utc>,
    pub charge_id: String,
    pub intent_id: String,
    pub amount: Money,
    pub reason: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub status: &'static str,
    pub failure_reason: Option<&'static str>,
    pub entry_id: String,
    pub failure_entry_id: Option<String>,
}

impl HasId for Refund {
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created.timestamp()
    }
}

/// As Stripe writes it.
pub(super) fn shape(refund: &Refund) -> Value {
    let mut value = json!({
        "id": refund.id, "object": "refund", "amount": refund.amount.minor, "currency": refund.amount.currency.stripe_code(),
        "balance_transaction": refund.entry_id, "charge": refund.charge_id, "payment_intent": refund.intent_id,
        "created": refund.created.timestamp(), "metadata": refund.metadata, "reason": refund.reason, "status": refund.status,
        "receipt_number": null, "source_transfer_reversal": null, "transfer_reversal": null,
        "destination_details": { "type": "card", "card": { "type": "refund" } },
    });
    if let Some(reason) = refund.failure_reason {
        value["failure_reason"] = json!(reason);
    }
    if let Some(entry) = &refund.failure_entry_id {
        value["failure_balance_transaction"] = json!(entry);
    }
    value
}

/// `POST /v1/refunds`
pub(super) fn create(vault: &mut Vault, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, &["charge", "payment_intent", "amount", "reason", "metadata[*]", "expand[#]"])?;
    let charge_id = match (params.text("charge"), params.text("payment_intent")) {
        (Some(charge), None) => charge.to_owned(),
        (None, Some(intent)) => vault
            .intents
            .get(intent)
            .ok_or_else(|| ApiError::missing("payment_intent", intent))?
            .latest_charge
            .clone()
            .ok_or_else(|| ApiError::invalid("payment_intent", "This PaymentIntent has no charge to refund."))?,
        _ => return Err(ApiError::coded("parameter_missing", "charge", "One of charge and payment_intent is needed.")),
    };
    if params.text("reason").is_some_and(|reason| !["duplicate", "fraudulent", "requested_by_customer"].contains(&reason)) {
        return Err(ApiError::invalid("reason", "Invalid reason: must be one of duplicate, fraudulent, requested_by_customer."));
    }
    let reason = params.text("reason").map(str::to_owned);
    let refund = vault.refund(&charge_id, params.integer("amount")?, reason, params.metadata("metadata")?)?;
    let mut value = shape(&refund);
    expand::apply(vault, &mut value, &params.list("expand"))?;
    Ok(value)
}

impl Vault {
    /// Gives money back.
    pub fn refund(
        &mut self,
        charge_id: &str,
        amount: Option<i64>,
        reason: Option<String>,
        metadata: BTreeMap<String, String>,
    ) -> Result<Refund, ApiError> {
        let charge = self.charges.get(charge_id).cloned().ok_or_else(|| ApiError::missing("charge", charge_id))?;
        let left = charge.amount.minor - charge.refunded;
        if charge.status != "succeeded" {
            return Err(ApiError::coded("charge_not_refundable", "charge", "This charge did not succeed, so there is nothing to refund."));
        }
        if self.holds_back(charge_id) {
            return Err(ApiError::coded(
                "charge_disputed",
                "charge",
                format!("Charge {charge_id} has been charged back; cannot issue a refund."),
            ));
        }
        if left == 0 {
            return Err(ApiError::coded("charge_already_refunded", "charge", format!("Charge {charge_id} has already been refunded.")));
        }
        let minor = amount.unwrap_or(left);
        if minor < 1 || minor > left {
            return Err(ApiError::invalid("amount", "Refund amount must be positive and not greater than what is left of the charge."));
        }
        if charge.entry_id.is_none() {
            self.book_charge(charge_id);
        }
        let refund = Refund {
            id: self.new_id("re_3", 23),
            created: self.now(),
            charge_id: charge_id.to_owned(),
            intent_id: charge.intent_id.clone(),
            amount: Money::new(minor, charge.amount.currency),
            reason,
            metadata,
            status: if charge.means == Means::Card(*b"7726") { "pending" } else { "succeeded" },
            failure_reason: None,
            entry_id: self.new_id("txn_3", 23),
            failure_entry_id: None,
        };
        let taken = Money::new(-minor, charge.amount.currency);
        self.book_return(&refund.entry_id, "refund", &refund.id, taken);
        if let Some(charge) = self.charges.get_mut(charge_id) {
            charge.refunded += minor;
        }
        if matches!(charge.means, Means::Card(digits) if digits == *b"7726" || digits == *b"5126") {
            let succeeds = charge.means == Means::Card(*b"7726");
            self.schedule(self.now() + SLOW_REFUND, Due::SettleRefund { refund_id: refund.id.clone(), succeeds });
        }
        self.refunds.put(refund.clone());
        self.tell("refund.created", shape(&refund));
        self.tell_charge("charge.refunded", charge_id);
        Ok(refund)
    }

    /// Ends a refund that is under way, or lets one fail that had succeeded. False when nothing is left to decide.
    pub fn settle_refund(&mut self, refund_id: &str, succeeds: bool) -> bool {
        let Some(refund) = self.refunds.get(refund_id).cloned() else { return false };
        if refund.status == "failed" || (succeeds && refund.status == "succeeded") {
            return false;
        }
        let failure_entry_id = (!succeeds).then(|| self.new_id("txn_3", 23));
        if let Some(entry) = &failure_entry_id {
            self.book_return(entry, "refund_failure", &refund.id, refund.amount);
            if let Some(charge) = self.charges.get_mut(&refund.charge_id) {
                charge.refunded -= refund.amount.minor;
            }
        }
        if let Some(refund) = self.refunds.get_mut(refund_id) {
            refund.status = if succeeds { "succeeded" } else { "failed" };
            refund.failure_reason = (!succeeds).then_some("expired_or_canceled_card");
            refund.failure_entry_id = failure_entry_id;
        }
        self.tell_refund("refund.updated", refund_id);
        if !succeeds {
            self.tell_refund("refund.failed", refund_id);
        }
        true
    }

    fn tell_refund(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.refunds.get(id).map(shape) {
            self.tell(kind, object);
        }
    }

    /// Books what a refund or its failure moved, in the settlement currency and without a fee.
    fn book_return(&mut self, entry_id: &str, kind: &'static str, source: &str, presented: Money) {
        let (amount, exchange_rate) = self.fees.settle(presented);
        let now = self.now();
        let (id, source) = (entry_id.to_owned(), source.to_owned());
        self.entries.put(Entry {
            id,
            created: now,
            available_on: now,
            kind,
            category: kind,
            source,
            amount,
            fee: 0,
            exchange_rate,
            payout: None,
            balance: PAYMENTS,
        });
    }
}
