//! The stand-in's balance: every movement of it, listed as Stripe lists them, and movements that no payment causes.

use super::{
    Standin,
    api::{Call, list_where},
    errors::ApiError,
    params::Params,
    state::{Entry, Vault},
};
use crate::payments::balance::{PAYMENTS, TOLD};
use entity::{Currency, Money};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::form_urlencoded;

/// A movement of the balance that no payment of ours causes: a fee of Stripe's, a reserve, a top-up, something new.
#[derive(Clone, Debug)]
pub struct BalanceRow {
    /// Stripe's type: `stripe_fee`, `reserve_hold`, `topup`, `adjustment`.
    pub kind: &'static str,
    /// Stripe's reporting category: `fee`, `risk_reserved_funds`, `topup`, `other_adjustment`.
    pub category: &'static str,
    /// Before the fee, negative for what leaves; in the currency of the balance.
    pub gross: Money,
    /// What Stripe keeps besides, in minor units.
    pub fee: i64,
}

impl Standin {
    /// Books a movement that is available at once. Returns its `txn_…`.
    pub fn book(&self, row: &BalanceRow) -> String {
        self.book_in(PAYMENTS, row)
    }

    /// The same in another of Stripe's balances: `issuing`, `refund_and_dispute_prefunding`, `risk_reserved`, or one that is new.
    pub fn book_in(&self, balance: &'static str, row: &BalanceRow) -> String {
        self.change(|vault| vault.book_in(balance, row.kind, row.category, "", row.gross, row.fee))
    }

    /// Moves a movement into another balance: the next refund is paid from what was put aside for refunds, for one.
    pub fn move_to(&self, balance: &'static str, entry_id: &str) -> bool {
        self.change(|vault| vault.entries.get_mut(entry_id).map(|entry| entry.balance = balance).is_some())
    }
}

impl Vault {
    /// Writes a movement of the balance that is available at once.
    pub fn book(&mut self, kind: &'static str, category: &'static str, source: &str, gross: Money, fee: i64) -> String {
        self.book_in(PAYMENTS, kind, category, source, gross, fee)
    }

    fn book_in(
        &mut self,
        balance: &'static str,
        kind: &'static str,
        category: &'static str,
        source: &str,
        gross: Money,
        fee: i64,
    ) -> String {
        let (id, now) = (self.new_id("txn_1", 23), self.now());
        self.entries.put(Entry {
            id: id.clone(),
            created: now,
            available_on: now,
            kind,
            category,
            source: source.to_owned(),
            amount: gross,
            fee,
            exchange_rate: None,
            payout: None,
            balance,
        });
        id
    }
}

/// `GET /v1/balance_transactions`. Stripe tells by `payout` only what an automatic payout is made of.
pub(super) fn list(vault: &Vault, call: &Call<'_>) -> Result<Value, ApiError> {
    let shape = |vault: &Vault, row: &Entry| entry(row, vault.now().timestamp());
    let keep = |params: &Params, row: &Entry| params.text("payout").is_none_or(|payout| row.payout.as_deref() == Some(payout));
    let asked = form_urlencoded::parse(call.query.as_bytes()).find(|(name, _)| name == "payout").map(|(_, id)| id);
    if let Some(id) = asked.filter(|id| !id.is_empty()) {
        let payout =
            vault.payouts.get(&id).ok_or_else(|| ApiError::coded("resource_missing", "payout", format!("No such payout: '{id}'")))?;
        if !payout.automatic {
            let words = "Balance transaction history can only be filtered on automatic payouts, not manual.";
            return Err(ApiError::invalid("payout", words));
        }
    }
    list_where(vault, call, &["type", "source", "currency"], &["payout"], |vault| &vault.entries, shape, keep)
}

/// `GET /v1/balance`: what can be paid out and what is on its way there, in each currency that was ever moved.
pub(super) fn held(vault: &Vault, call: &Call<'_>) -> Result<Value, ApiError> {
    Params::parse(call.query, &["expand[#]"])?;
    let now = vault.now();
    let mut balances: BTreeMap<&str, BTreeMap<Currency, [i64; 2]>> = BTreeMap::new();
    let usd = "USD".parse().into_iter().map(|usd| (usd, [0, 0])).collect();
    balances.insert(PAYMENTS, usd);
    for entry in vault.entries.newest_first(None) {
        let sums = balances.entry(entry.balance).or_default().entry(entry.amount.currency).or_default();
        let sum = &mut sums[usize::from(entry.available_on > now)];
        *sum = sum.saturating_add(entry.amount.minor - entry.fee);
    }
    let amounts = |balance: &str, which: usize| -> Vec<Value> {
        let amount = |(currency, sum): (&Currency, &[i64; 2])| json!({ "amount": sum[which], "currency": currency.stripe_code(), "source_types": { "card": sum[which] } });
        balances.get(balance).into_iter().flatten().map(amount).collect()
    };
    let mut shape = json!({ "object": "balance", "livemode": false, "available": amounts(PAYMENTS, 0), "pending": amounts(PAYMENTS, 1) });
    // A balance that was never used is not told. Of what is held in reserve this version of the API tells nothing.
    for apart in TOLD.into_iter().filter(|name| *name != PAYMENTS && balances.contains_key(name)) {
        shape[apart] = json!({ "available": amounts(apart, 0) });
        if apart == "refund_and_dispute_prefunding" {
            shape[apart]["pending"] = json!(amounts(apart, 1));
        }
    }
    Ok(shape)
}

/// A balance transaction as Stripe writes it.
pub(super) fn entry(entry: &Entry, now: i64) -> Value {
    let currency = entry.amount.currency.stripe_code();
    let parts = if entry.fee == 0 {
        json!([])
    } else {
        json!([{ "amount": entry.fee, "application": null, "currency": currency, "description": "Practice processing fees", "type": "stripe_fee" }])
    };
    json!({
        "id": entry.id, "object": "balance_transaction", "amount": entry.amount.minor, "fee": entry.fee,
        "net": entry.amount.minor - entry.fee, "currency": currency, "created": entry.created.timestamp(),
        "available_on": entry.available_on.timestamp(), "balance_type": entry.balance, "description": null,
        "exchange_rate": entry.exchange_rate, "fee_details": parts, "reporting_category": entry.category,
        "source": (!entry.source.is_empty()).then_some(&entry.source),
        "status": if entry.available_on.timestamp() <= now { "available" } else { "pending" }, "type": entry.kind,
    })
}
