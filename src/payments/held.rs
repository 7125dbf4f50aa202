//! What Stripe holds for us at the moment of asking (docs.stripe.com/api/balance).

use super::{
    Stripe, StripeFailure,
    balance::{PAYMENTS, TOLD},
    checkout::money,
};
use entity::{Currency, Money};
use miniserde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
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

/// What Stripe holds for us, by balance and currency: what can be used and what is still on its way there. All movements of a balance ever
/// made sum to it. What Stripe holds back because of a risk is not in it: this version of its API does not tell that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held(BTreeMap<(&'static str, Currency), Money>);

impl Held {
    /// Reads a balance as Stripe writes it. What can be paid out at once is a part of the rest, and not added.
    pub fn from_json(json: &str) -> Result<Self, StripeFailure> {
        let answer = miniserde::json::from_str(json).map_err(|_| StripeFailure::BadAnswer { detail: "not a balance" })?;
        Self::of(answer)
    }

    fn of(answer: Answer) -> Result<Self, StripeFailure> {
        let mut held = Self::default();
        held.add(PAYMENTS, answer.available)?;
        held.add(PAYMENTS, answer.pending)?;
        let [_, issuing, prefunding] = TOLD;
        for (balance, apart) in [(issuing, answer.issuing), (prefunding, answer.refund_and_dispute_prefunding)] {
            let Some(apart) = apart else { continue };
            held.add(balance, apart.available)?;
            held.add(balance, apart.pending.unwrap_or_default())?;
        }
        Ok(held)
    }

    fn add(&mut self, balance: &'static str, amounts: Vec<Amount>) -> Result<(), StripeFailure> {
        for amount in amounts {
            // A currency that this program does not know is nothing that it could compare.
            let Ok(money) = money(amount.amount, &amount.currency) else { continue };
            let sum = self.in_balance(balance, money.currency).checked_add(money);
            let sum = sum.map_err(|_| StripeFailure::BadAnswer { detail: "a balance is larger than any" })?;
            self.0.insert((balance, money.currency), sum);
        }
        Ok(())
    }

    /// The currencies of which anything is told.
    pub fn currencies(&self) -> BTreeSet<Currency> {
        self.0.keys().map(|(_, currency)| *currency).collect()
    }

    /// What one of the balances holds in one currency.
    pub fn in_balance(&self, balance: &'static str, currency: Currency) -> Money {
        self.0.get(&(balance, currency)).copied().unwrap_or(Money::new(0, currency))
    }

    /// What all balances together hold in one currency.
    pub fn of_currency(&self, currency: Currency) -> Result<Money, entity::MoneyError> {
        TOLD.iter().try_fold(Money::new(0, currency), |sum, balance| sum.checked_add(self.in_balance(balance, currency)))
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
