//! A year of money of every kind, written through the ledger's own door by the facts that Stripe and staff tell.

use crate::support::{TestApp, gift};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    Money, balance_movement, campaign, donation,
    ids::{DonationId, FundId},
    payout,
    words::{Account, BalanceMapping, MovementKind, PayoutReconciliation, PayoutState},
};
use sea_orm::{EntityTrait, IntoActiveModel};
use wellwisher::ledger::{self, Leg, Posting, Purpose};

pub fn money(minor: i64, currency: &str) -> Money {
    Money::new(minor, currency.parse().unwrap())
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A posting of these sides: account, minor units, currency; income and fees bear the purpose.
pub fn posting(
    kind: MovementKind,
    source: &str,
    donation: Option<DonationId>,
    when: DateTime<Utc>,
    sides: &[(Account, i64, &str)],
    purpose: Purpose,
) -> Posting {
    let leg = |(account, minor, currency): &(Account, i64, &str)| Leg {
        account: *account,
        amount: money(*minor, currency),
        purpose: if matches!(account, Account::Donations | Account::StripeFees) { purpose } else { Purpose::default() },
    };
    let balance_transaction = source.strip_prefix("txn_").map(|_| source.split(':').next().unwrap().to_owned());
    Posting {
        kind,
        source: source.to_owned(),
        donation_id: donation,
        occurred_at: when,
        balance_transaction,
        reverses_id: None,
        legs: sides.iter().map(leg).collect(),
    }
}

pub fn purpose_of(donation: &donation::Model) -> Purpose {
    Purpose {
        fund_id: Some(donation.fund_id),
        campaign_id: donation.campaign_id,
        wish_item_id: donation.wish_item_id,
        article_id: donation.article_id,
    }
}

impl TestApp {
    pub async fn post_all(&self, postings: &[Posting]) {
        self.books_end_broken("postings were written into the ledger alone");
        let now = self.app.now();
        self.app
            .db
            .write(async |tx| {
                for posting in postings {
                    assert!(ledger::post(tx, posting, now).await?, "{} is new", posting.source);
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    /// A movement of Stripe's balance as the payouts part of the program keeps it.
    pub async fn add_movement(
        &self,
        id: &str,
        mapped_to: BalanceMapping,
        net: (i64, i64, &str),
        payout: Option<&str>,
        donation: Option<DonationId>,
    ) {
        let (gross, fee, currency) = net;
        let now = self.app.now();
        let row = balance_movement::Model {
            id: id.to_owned(),
            category: mapped_to.as_str().to_owned(),
            kind: "x".to_owned(),
            // A payout's own movement bears its name.
            source_id: payout.filter(|_| mapped_to == BalanceMapping::Payout).unwrap_or_default().to_owned(),
            gross_minor: gross,
            fee_minor: fee,
            net_minor: gross - fee,
            currency: currency.parse().unwrap(),
            occurred_at: now,
            available_at: now,
            payout_id: payout.map(str::to_owned),
            donation_id: donation,
            mapped_to,
            heard_at: now,
            balance: "payments".to_owned(),
        };
        let row = row.into_active_model();
        self.app
            .db
            .write(async |tx| Ok(balance_movement::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?))
            .await
            .unwrap();
    }

    pub async fn add_payout(&self, id: &str, amount: Money, arrives_on: NaiveDate, balance_transaction: &str) {
        let now = self.app.now();
        let row = payout::Model {
            id: self.app.new_id(),
            stripe_payout_id: id.to_owned(),
            amount_minor: amount.minor,
            currency: amount.currency,
            state: PayoutState::Paid,
            automatic: true,
            arrives_on,
            statement_descriptor: String::new(),
            trace_id: String::new(),
            balance_transaction_id: Some(balance_transaction.to_owned()),
            failure_balance_transaction_id: None,
            failure_code: String::new(),
            original_payout_id: None,
            reversed_by_id: None,
            reconciliation: PayoutReconciliation::Completed,
            livemode: false,
            itemised_at: Some(now),
            created_at: now,
            updated_at: now,
        };
        let row = row.into_active_model();
        self.app.db.write(async |tx| Ok(payout::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?)).await.unwrap();
    }
}

/// What some money was for.
pub struct Given {
    pub winter: donation::Model,
    pub dollars: donation::Model,
}

/// Gifts in four currencies, each of the kinds of movements, and a payout that has arrived: everything in May 2026.
pub async fn every_kind(test: &TestApp) -> Given {
    use Account::{Bank, Disputed, Donations, Exchange, OtherActivity, StripeClearing, StripeFees, StripeReserve, Undeposited};
    use MovementKind as K;
    let campaign = test.add_campaign("winter").await;
    let mut for_campaign = gift(5_000, "EUR");
    for_campaign.campaign_id = Some(campaign);
    let campaign = campaign::Entity::find_by_id(campaign).one(test.app.db.read()).await.unwrap().unwrap();
    for_campaign.fund_id = Some(campaign.fund_id);
    let winter = test.give(&for_campaign).await;
    let dollars = test.give_settled_in(&gift(10_000, "USD"), "EUR", 9_200, 307).await;
    test.give(&gift(3_000, "JPY")).await;
    test.give(&gift(12_340, "KWD")).await;
    let general = purpose_of(&dollars);
    let when = test.app.now() + TimeDelta::hours(1);
    let (w, d) = (Some(winter.id), Some(dollars.id));
    test.post_all(&[
        posting(K::Refund, "txn_r1:refund", w, when, &[(Donations, 1_500, "EUR"), (StripeClearing, -1_500, "EUR")], purpose_of(&winter)),
        posting(
            K::Refund,
            "txn_r2:refund",
            d,
            when,
            &[(Donations, 4_000, "USD"), (Exchange, -4_000, "USD"), (Exchange, 3_701, "EUR"), (StripeClearing, -3_701, "EUR")],
            general,
        ),
        posting(
            K::RefundFailure,
            "txn_f1:refund_failure",
            w,
            when,
            &[(StripeClearing, 500, "EUR"), (Donations, -500, "EUR")],
            purpose_of(&winter),
        ),
        posting(
            K::Dispute,
            "txn_d1:dispute",
            d,
            when,
            &[(Disputed, 6_000, "EUR"), (StripeFees, 2_000, "EUR"), (StripeClearing, -8_000, "EUR")],
            general,
        ),
        posting(
            K::DisputeReversal,
            "txn_e1:dispute_reversal",
            d,
            when,
            &[(StripeClearing, 1_000, "EUR"), (Disputed, -1_000, "EUR")],
            general,
        ),
        posting(K::DisputeLoss, "dp_1:loss", w, when, &[(Donations, 700, "EUR"), (Disputed, -700, "EUR")], purpose_of(&winter)),
        posting(
            K::StripeFee,
            "txn_s1:stripe_fee",
            None,
            when,
            &[(StripeFees, 250, "EUR"), (StripeClearing, -250, "EUR")],
            Purpose::default(),
        ),
        posting(
            K::Reserve,
            "txn_v1:reserve",
            None,
            when,
            &[(StripeReserve, 100, "EUR"), (StripeClearing, -100, "EUR")],
            Purpose::default(),
        ),
        posting(K::Other, "txn_o1:other", None, when, &[(StripeClearing, 990, "EUR"), (OtherActivity, -990, "EUR")], Purpose::default()),
        posting(
            K::Payout,
            "txn_p1:payout",
            None,
            when + TimeDelta::days(2),
            &[(Bank, 3_000, "EUR"), (StripeClearing, -3_000, "EUR")],
            Purpose::default(),
        ),
    ])
    .await;
    let manual = posting(K::Donation, "manual:1", None, when, &[(Undeposited, 2_000, "EUR"), (Donations, -2_000, "EUR")], general);
    let back = posting(K::Reversal, "manual:1:reversal", None, when, &[(Donations, 2_000, "EUR"), (Undeposited, -2_000, "EUR")], general);
    test.post_all(&[manual, back]).await;
    test.books_end_broken("movements of every kind were written into the ledger alone");
    Given { winter, dollars }
}

/// Numbers that look random and are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % end
    }
}

/// A year of `count` movements of all kinds in five currencies.
pub fn random_year(count: usize, seed: u64, funds: &[FundId]) -> Vec<Posting> {
    use Account::{Bank, Disputed, Donations, Exchange, StripeClearing, StripeFees};
    use MovementKind as K;
    let mut dice = Dice::new(seed);
    let start = at("2026-01-01T00:00:00Z");
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        // The last seconds of the year are in it.
        let when = if number == 0 { at("2026-12-31T23:59:59Z") } else { start + TimeDelta::seconds(dice.below(365 * 86_400)) };
        let currency = ["EUR", "USD", "GBP", "JPY", "KWD"][dice.below(5) as usize];
        let minor = 1 + dice.below(5_000_000);
        let fund_id = Some(funds[dice.below(funds.len() as i64) as usize]);
        let purpose = Purpose { fund_id, ..Purpose::default() };
        let source = format!("txn_{number:06}:x");
        let made = match dice.below(10) {
            0..=3 => {
                posting(K::Donation, &source, None, when, &[(StripeClearing, minor, currency), (Donations, -minor, currency)], purpose)
            }
            4..=5 => {
                let fee = 1 + minor / 33;
                posting(K::Fee, &source, None, when, &[(StripeFees, fee, currency), (StripeClearing, -fee, currency)], purpose)
            }
            6 => posting(K::Refund, &source, None, when, &[(Donations, minor, currency), (StripeClearing, -minor, currency)], purpose),
            7 => posting(
                K::Dispute,
                &source,
                None,
                when,
                &[(Disputed, minor, currency), (StripeFees, 15, currency), (StripeClearing, -minor - 15, currency)],
                purpose,
            ),
            8 => {
                let euros = 1 + minor / 7;
                let legs = [
                    (StripeClearing, -minor, currency),
                    (Exchange, minor, currency),
                    (Exchange, -euros, "EUR"),
                    (StripeClearing, euros, "EUR"),
                ];
                posting(K::Fee, &source, None, when, &legs, purpose)
            }
            _ => {
                posting(K::Payout, &source, None, when, &[(Bank, minor, currency), (StripeClearing, -minor, currency)], Purpose::default())
            }
        };
        all.push(made);
    }
    all
}
