//! What Stripe holds for us at the moment of asking (docs.stripe.com/api/balance).

use super::{Stripe, StripeFailure, checkout::money};
use entity::{Currency, Money};
use miniserde::Deserialize;
use std::collections::BTreeMap;
use stripe_client_core::{RequestBuilder, StripeMethod};

#[derive(Deserialize)]
struct Answer {
    available: Vec<Amount>,
    pending: Vec<Amount>,
    issuing: Option<Apart>,
    refund_and_dispute_prefunding: Option<Apart>,
    livemode: bool,
}

/// A balance that Stripe keeps apart from the one that is paid out; its movements are in the same list.
#[derive(Deserialize)]
struct Apart {
    available: Vec<Amount>,
    pending: Option<Vec<Amount>>,
}

#[derive(Deserialize)]
struct Amount {
    amount: i64,
    currency: String,
}

/// What Stripe holds for us, by currency: what can be paid out and what is still on its way there. All movements of the balance ever made
/// sum to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held(pub BTreeMap<Currency, Money>);

impl Held {
    /// Reads a balance as Stripe writes it. What can be paid out at once is a part of the rest, and not added.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let answer = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a balance" })?;
        Self::of(answer)
    }

    fn of(answer: Answer) -> Result<Self, StripeFailure> {
        let mut held = Self::default();
        let mut amounts = answer.available;
        amounts.extend(answer.pending);
        for apart in [answer.issuing, answer.refund_and_dispute_prefunding].into_iter().flatten() {
            amounts.extend(apart.available);
            amounts.extend(apart.pending.unwrap_or_default());
        }
        for amount in amounts {
            // A currency that this program does not know is nothing that it could compare.
            let Ok(money) = money(amount.amount, &amount.currency) else { continue };
            let sum = held.of_currency(money.currency);
            let sum = sum.checked_add(money).map_err(|_| StripeFailure::BadAnswer { detail: "a balance is larger than any" })?;
            held.0.insert(money.currency, sum);
        }
        Ok(held)
    }

    /// What is held in one currency.
    pub fn of_currency(&self, currency: Currency) -> Money {
        self.0.get(&currency).copied().unwrap_or(Money::new(0, currency))
    }
}

impl Stripe {
    /// What Stripe holds for us now.
    pub async fn fetch_balance(&self) -> Result<Held, StripeFailure> {
        let send = || {
            let request = RequestBuilder::new(StripeMethod::Get, "/balance").customize::<Answer>();
            request.timeout(self.patience.attempt).send(&self.client)
        };
        let answer: Answer = self.ask("balance", send).await?;
        if answer.livemode != self.livemode {
            return Err(StripeFailure::BadAnswer { detail: "the balance of the other mode" });
        }
        Held::of(answer)
    }
}
