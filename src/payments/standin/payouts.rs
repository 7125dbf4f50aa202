//! Payouts of the stand-in: what is available goes to the bank when a control says so, and may come back.

use super::{Standin, shapes::with_nulls, state::Vault};
use crate::payments::balance::PAYMENTS;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{Currency, Money};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long the bank takes.
const ARRIVES_AFTER: TimeDelta = TimeDelta::days(1);

/// A Payout.
#[derive(Clone, Debug)]
pub(super) struct Payout {
    pub id: String,
    pub created: DateTime<Utc>,
    pub amount: Money,
    pub automatic: bool,
    pub status: &'static str,
    pub entry_id: String,
    pub failure_entry_id: Option<String>,
    pub failure_code: Option<&'static str>,
    pub reconciliation: &'static str,
}

impl Standin {
    /// Pays out by schedule: in each currency all that is available and was not paid out yet, at most one payout each. A balance below
    /// zero is taken from the bank. Returns the payouts, which are on their way.
    pub fn pay_out(&self) -> Vec<String> {
        self.change(Vault::pay_out)
    }

    /// Pays out this much by hand; Stripe does not say what such a payout is made of. Returns the payout, on its way.
    pub fn pay_out_by_hand(&self, amount: Money) -> String {
        self.change(|vault| vault.send_to_bank(amount, false, 0))
    }

    /// Pays out this much at once, for which Stripe keeps `fee` besides; it does not say what such a payout is made of.
    pub fn pay_out_at_once(&self, amount: Money, fee: i64) -> String {
        self.change(|vault| vault.send_to_bank(amount, false, fee))
    }

    /// Stripe will not say what an automatic payout is made of. False when there is no such payout.
    pub fn keep_parts_secret(&self, id: &str) -> bool {
        self.change(|vault| vault.payouts.get_mut(id).map(|payout| payout.reconciliation = "not_applicable").is_some())
    }

    /// The bank has it, and Stripe has finished saying what an automatic one is made of. False when there is no such payout on its way.
    pub fn complete_payout(&self, id: &str) -> bool {
        self.change(|vault| vault.complete_payout(id))
    }

    /// The bank sends it back, also after it was paid: the money is in the balance again. False when there is no such payout.
    pub fn fail_payout(&self, id: &str) -> bool {
        self.change(|vault| vault.fail_payout(id))
    }
}

impl Vault {
    fn pay_out(&mut self) -> Vec<String> {
        let now = self.now();
        let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
        for entry in self.entries.all_mut().filter(|entry| entry.balance == PAYMENTS && entry.payout.is_none() && entry.available_on <= now)
        {
            let sum = sums.entry(entry.amount.currency).or_default();
            *sum = sum.saturating_add(entry.amount.minor - entry.fee);
        }
        let mut made = Vec::new();
        for (currency, minor) in sums.into_iter().filter(|(_, minor)| *minor != 0) {
            let id = self.send_to_bank(Money::new(minor, currency), true, 0);
            for entry in self.entries.all_mut() {
                if entry.balance == PAYMENTS && entry.payout.is_none() && entry.available_on <= now && entry.amount.currency == currency {
                    entry.payout = Some(id.clone());
                }
            }
            made.push(id);
        }
        made
    }

    fn send_to_bank(&mut self, amount: Money, automatic: bool, fee: i64) -> String {
        let id = self.new_id("po_1", 23);
        let taken = Money::new(amount.minor.saturating_neg(), amount.currency);
        let entry_id = self.book("payout", "payout", &id, taken, fee);
        self.payouts.put(Payout {
            id: id.clone(),
            created: self.now(),
            amount,
            automatic,
            status: "in_transit",
            entry_id,
            failure_entry_id: None,
            failure_code: None,
            reconciliation: if automatic { "in_progress" } else { "not_applicable" },
        });
        self.tell_payout("payout.created", &id);
        id
    }

    fn complete_payout(&mut self, id: &str) -> bool {
        let Some(payout) = self.payouts.get_mut(id).filter(|payout| payout.status == "in_transit") else { return false };
        payout.status = "paid";
        let automatic = payout.automatic;
        let automatic = automatic && payout.reconciliation == "in_progress";
        if automatic {
            payout.reconciliation = "completed";
        }
        self.tell_payout("payout.paid", id);
        if automatic {
            self.tell_payout("payout.reconciliation_completed", id);
        }
        true
    }

    fn fail_payout(&mut self, id: &str) -> bool {
        let Some(payout) = self.payouts.get(id).filter(|payout| payout.status != "failed").cloned() else { return false };
        let entry_id = self.book("payout_failure", "payout_reversal", id, payout.amount, 0);
        if let Some(payout) = self.payouts.get_mut(id) {
            payout.status = "failed";
            payout.failure_entry_id = Some(entry_id);
            payout.failure_code = Some("account_closed");
        }
        self.tell_payout("payout.failed", id);
        true
    }

    fn tell_payout(&mut self, kind: &'static str, id: &str) {
        if let Some(object) = self.payouts.get(id).map(shape) {
            self.tell(kind, object);
        }
    }
}

/// A payout as Stripe writes it.
pub(super) fn shape(payout: &Payout) -> Value {
    let settled = matches!(payout.status, "paid" | "failed");
    let value = json!({
        "id": payout.id, "object": "payout", "livemode": false, "amount": payout.amount.minor,
        "currency": payout.amount.currency.stripe_code(), "created": payout.created.timestamp(),
        "arrival_date": (payout.created + ARRIVES_AFTER).timestamp(), "automatic": payout.automatic, "status": payout.status,
        "balance_transaction": payout.entry_id, "failure_balance_transaction": payout.failure_entry_id,
        "failure_code": payout.failure_code,
        "failure_message": payout.failure_code.map(|_| "The bank account has been closed."),
        "reconciliation_status": payout.reconciliation, "method": "standard", "source_type": "card", "type": "bank_account",
        "description": "STRIPE PAYOUT", "statement_descriptor": "PRACTICE GIFTS", "metadata": {},
        "trace_id": { "status": if settled { "supported" } else { "pending" },
            "value": settled.then(|| payout.id.chars().rev().take(12).collect::<String>()) },
    });
    with_nulls(value, "application_fee application_fee_amount destination original_payout payout_method reversed_by")
}
