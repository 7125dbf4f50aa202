//! Double-entry, append-only: the figures everything else is computed from.
//!
//! A transaction is keyed on what it stands for at Stripe, so posting it twice posts it once. Debits are positive,
//! credits negative, and each transaction sums to zero in every currency. The database refuses UPDATE and DELETE.

/// The fund of an entry as it was.
pub mod funds;
/// Stretches of days whose books are closed together.
pub mod periods;
mod places;
mod returned;
mod store;
mod worth;

pub use places::{Place, cover_shortfall, income_for_item, main_purpose, places_of_gift, post_of_gift, purpose_of_gift, spread};
pub use returned::{Booked, OfGift};
pub use store::{
    Income, Raised, entries_of_donation, find_by_source, income_since, numbered, of_transactions, raised, raised_from,
    standing_of_movement, taken_back, times_posted, worth_of,
};
pub use worth::{Worth, worths_of};

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money,
    ids::{ArticleId, CampaignId, DonationId, FundId, WishItemId},
    ledger_entry, ledger_transaction,
    words::{Account, MovementKind},
};
use sea_orm::ConnectionTrait;
use std::collections::BTreeMap;

/// What a gift was for and where it came from: written beside the money, so that every report can be computed from the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purpose {
    /// The fund.
    pub fund_id: Option<FundId>,
    /// The campaign.
    pub campaign_id: Option<CampaignId>,
    /// The wish item.
    pub wish_item_id: Option<WishItemId>,
    /// The article that it came from.
    pub article_id: Option<ArticleId>,
}

/// One side of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The account.
    pub account: Account,
    /// Positive for a debit, negative for a credit.
    pub amount: Money,
    /// What it was for.
    pub purpose: Purpose,
}

/// A transaction to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// What moved the money.
    pub kind: MovementKind,
    /// What it stands for at Stripe: `pi_…:capture`, `txn_…:fee`. The same source is posted once.
    pub source: String,
    /// The donation it belongs to, if it belongs to one.
    pub donation_id: Option<DonationId>,
    /// When it happened. It counts in the period of that moment, or in the first open one after it when that is closed.
    pub occurred_at: DateTime<Utc>,
    /// Stripe's balance transaction, where known.
    pub balance_transaction: Option<String>,
    /// The transaction that this one takes back.
    pub reverses_id: Option<i64>,
    /// The sides; zero ones are left out when posted.
    pub legs: Vec<Leg>,
}

impl Posting {
    /// A gift: what Stripe holds for us grows, and so does the income of the fund.
    pub fn gift(
        source: String,
        donation_id: DonationId,
        occurred_at: DateTime<Utc>,
        amount: Money,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        Ok(Self {
            kind: MovementKind::Donation,
            source,
            donation_id: Some(donation_id),
            occurred_at,
            balance_transaction: None,
            reverses_id: None,
            legs: vec![
                Leg { account: Account::StripeClearing, amount, purpose: Purpose::default() },
                Leg { account: Account::Donations, amount: amount.negated()?, purpose },
            ],
        })
    }

    /// A gift that reached `account` without Stripe: the bank, or the cash box.
    pub fn gift_to(
        account: Account,
        source: String,
        donation_id: DonationId,
        occurred_at: DateTime<Utc>,
        amount: Money,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let mut posting = Self::gift(source, donation_id, occurred_at, amount, purpose)?;
        for leg in posting.legs.iter_mut().filter(|leg| leg.account == Account::StripeClearing) {
            leg.account = account;
        }
        Ok(posting)
    }

    /// Takes a whole transaction back: each of its sides the other way round.
    pub fn reversal(of: &ledger_transaction::Model, sides: &[ledger_entry::Model], occurred_at: DateTime<Utc>) -> Result<Self, Error> {
        let legs = sides.iter().map(|side| {
            let purpose = Purpose {
                fund_id: side.fund_id,
                campaign_id: side.campaign_id,
                wish_item_id: side.wish_item_id,
                article_id: side.article_id,
            };
            Ok(Leg { account: side.account, amount: Money::new(side.amount_minor, side.currency).negated()?, purpose })
        });
        Ok(Self {
            kind: MovementKind::Reversal,
            source: format!("{}:reversal", of.source),
            donation_id: of.donation_id,
            occurred_at,
            balance_transaction: None,
            reverses_id: Some(of.id),
            legs: legs.collect::<Result<_, Error>>()?,
        })
    }

    /// What Stripe kept of a gift. When it settled in another currency than the gift's, the gift leaves clearing through the
    /// exchange account and comes back in the settlement currency, so that each currency still sums to zero.
    pub fn fee(
        donation_id: DonationId,
        gift: Money,
        settled_gross: Money,
        fee: Money,
        balance_transaction: &str,
        occurred_at: DateTime<Utc>,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let bare = Purpose::default();
        let leg = |account, amount, purpose| Leg { account, amount, purpose };
        let mut legs = vec![leg(Account::StripeFees, fee, purpose), leg(Account::StripeClearing, fee.negated()?, bare)];
        if settled_gross.currency != gift.currency {
            legs.extend([
                leg(Account::StripeClearing, gift.negated()?, bare),
                leg(Account::Exchange, gift, bare),
                leg(Account::Exchange, settled_gross.negated()?, bare),
                leg(Account::StripeClearing, settled_gross, bare),
            ]);
        }
        Ok(Self {
            kind: MovementKind::Fee,
            source: format!("{balance_transaction}:fee"),
            donation_id: Some(donation_id),
            occurred_at,
            balance_transaction: Some(balance_transaction.to_owned()),
            reverses_id: None,
            legs,
        })
    }

    /// The sum of each currency; all must be zero.
    pub fn sums(&self) -> Result<BTreeMap<Currency, i64>, Error> {
        let mut sums = BTreeMap::new();
        for leg in &self.legs {
            let sum: &mut i64 = sums.entry(leg.amount.currency).or_default();
            *sum = sum.checked_add(leg.amount.minor).ok_or(entity::MoneyError::Overflow)?;
        }
        Ok(sums)
    }
}

/// Posts a transaction in the caller's database transaction. Returns whether it was new; one whose source was posted already is
/// left as it is.
pub async fn post(tx: &impl ConnectionTrait, posting: &Posting, now: DateTime<Utc>) -> Result<bool, Error> {
    if posting.sums()?.values().any(|sum| *sum != 0) {
        return Err(Error::Internal(format!("the ledger refuses {}: it does not sum to zero", posting.source)));
    }
    store::insert(tx, posting, now).await
}
