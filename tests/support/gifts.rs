//! Gifts for tests, made and paid through the program's own code and the stand-in for Stripe.

use super::{TestApp, unique_number};
use chrono::TimeDelta;
use entity::{
    Money, campaign, donation, fund,
    ids::{CampaignId, DonationId, FundId, WishItemId},
    wish_item,
    words::{Account, CampaignStatus, DonationStatus, MovementKind, Restriction, WishKind, WishStatus},
};
use sea_orm::{EntityTrait, IntoActiveModel};
use wellwisher::{
    asks::Gift,
    donations::{
        self, Opened,
        by_hand::{self, HandGift, Method, Recorded},
        settle,
    },
    i18n::Language,
    ledger::{self, Leg, Posting, Purpose},
    payments::standin::PayOutcome,
    staff::Actor,
};

/// A gift of `minor` to the work as a whole, by somebody new.
pub fn gift(minor: i64, currency: &str) -> Gift {
    let number = unique_number();
    Gift {
        form_token: format!("form-{number}"),
        money: Money::new(minor, currency.parse().expect("a currency")),
        fee_cover_minor: 0,
        every: None,
        campaign_id: None,
        item: None,
        article_id: None,
        fund_id: None,
        email: format!("supporter-{number}@example.org"),
        name: format!("Supporter {number}"),
        public_name: false,
        note: String::new(),
        wants_updates: false,
        discreet: false,
        language: Language::English,
        particulars: Default::default(),
    }
}

/// Cash of `minor` for the work as a whole, given today by somebody without an address.
pub fn hand_gift(app: &TestApp, minor: i64, currency: &str) -> HandGift {
    HandGift {
        form_token: format!("by-hand-{}", unique_number()),
        method: Method::Cash,
        money: Money::new(minor, currency.parse().expect("a currency")),
        given_on: app.app.today(),
        reference: String::new(),
        account: Account::Undeposited,
        email: None,
        name: String::new(),
        address: String::new(),
        language: Language::English,
        campaign_id: None,
        item: None,
        article_id: None,
        fund_id: None,
        note: String::new(),
        letter: true,
        is_another: false,
    }
}

impl TestApp {
    /// Enters a gift by hand.
    pub async fn enter(&self, gift: &HandGift) -> Recorded {
        by_hand::record(&self.app, &Actor::system(), gift).await.expect("it is entered")
    }

    /// A fund with this code.
    pub async fn add_fund(&self, code: &str) -> FundId {
        let fund = fund::Model {
            id: self.app.new_id(),
            code: code.to_owned(),
            name: "Schools".into(),
            restriction: Restriction::With,
            gl_income: "4000".into(),
            gl_fee: "6000".into(),
            created_at: self.app.now(),
        };
        self.insert_fund(&fund).await;
        fund.id
    }

    async fn insert_fund(&self, fund: &fund::Model) {
        let row = fund.clone().into_active_model();
        self.app.db.write(async |tx| Ok(fund::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?)).await.unwrap();
    }

    /// A live campaign in euros with a fund of its own.
    pub async fn add_campaign(&self, slug: &str) -> CampaignId {
        let now = self.app.now();
        let row = campaign::Model {
            id: self.app.new_id(),
            slug: slug.to_owned(),
            title: format!("The {slug}"),
            summary: "What it is for.".into(),
            story_markdown: String::new(),
            language: "en".into(),
            goal_minor: 1_000_000,
            currency: "EUR".parse().unwrap(),
            fund_id: self.add_fund(&format!("FUND-{slug}")).await,
            status: CampaignStatus::Live,
            starts_on: None,
            ends_on: None,
            created_at: now,
            updated_at: now,
            ends_at_minute: None,
        };
        let (id, row) = (row.id, row.into_active_model());
        self.app
            .db
            .write(async |tx| Ok(campaign::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?))
            .await
            .unwrap();
        id
    }

    /// A wish item of a campaign at 25 euros.
    pub async fn add_item(&self, slug: &str, quantity: i64, campaign_id: CampaignId) -> WishItemId {
        let now = self.app.now();
        let row = wish_item::Model {
            id: self.app.new_id(),
            slug: slug.to_owned(),
            title: "School bag".into(),
            description: "For a home school.".into(),
            language: "en".into(),
            kind: WishKind::Priced,
            price_minor: Some(2_500),
            currency: Some("EUR".parse().unwrap()),
            quantity,
            shop_url: None,
            campaign_id: Some(campaign_id),
            fund_id: self.add_fund(&format!("FUND-{slug}")).await,
            status: WishStatus::Open,
            created_at: now,
            updated_at: now,
            funding: entity::words::WishFunding::Whole,
            cancel_reason: entity::words::CancelReason::None,
            picture_id: None,
            picture_text: String::new(),
        };
        let (id, row) = (row.id, row.into_active_model());
        self.app
            .db
            .write(async |tx| Ok(wish_item::Entity::insert(row.clone()).exec_without_returning(tx).await.map(|_| ())?))
            .await
            .unwrap();
        id
    }

    /// Writes the gift down and opens its checkout.
    pub async fn start(&self, gift: &Gift) -> donation::Model {
        let opened = donations::open(&self.app, gift).await.expect("the checkout opens");
        assert!(matches!(opened, Opened::Checkout(_)), "{opened:?}");
        donations::store::find_by_form(self.app.db.read(), &gift.form_token).await.unwrap().expect("it was written down")
    }

    /// Pays at the stand-in, which tells nobody.
    pub fn pay_unheard(&self, donation: &donation::Model) {
        let session = donation.checkout_session_id.as_deref().expect("a checkout");
        assert_eq!(self.stripe.standin.pay(session, "4242424242424242"), PayOutcome::Paid);
    }

    /// Applies what the stand-in says of a donation now.
    pub async fn settle(&self, donation: &donation::Model) -> settle::Applied {
        let state = self.app.stripe.fetch_checkout(donation.checkout_session_id.as_deref().unwrap()).await.expect("an answer");
        settle::apply(&self.app, donation.id, &state).await.expect("it is applied")
    }

    /// A gift that was paid.
    pub async fn give(&self, gift: &Gift) -> donation::Model {
        let started = self.start(gift).await;
        self.pay_unheard(&started);
        assert_eq!(self.settle(&started).await, settle::Applied::Changed);
        let paid = self.donation(started.id).await;
        assert_eq!(paid.status, DonationStatus::Paid);
        paid
    }

    /// A paid gift that Stripe settled in another currency: `gross` and `fee` in its minor units.
    pub async fn give_settled_in(&self, gift: &Gift, currency: &str, gross: i64, fee: i64) -> donation::Model {
        let started = self.start(gift).await;
        self.pay_unheard(&started);
        let mut state = self.app.stripe.fetch_checkout(started.checkout_session_id.as_deref().unwrap()).await.expect("an answer");
        let facts = state.fee.as_mut().expect("the stand-in books fees at once");
        let money = |minor| Money::new(minor, currency.parse().expect("a currency"));
        (facts.gross, facts.fee, facts.net) = (money(gross), money(fee), money(gross - fee));
        settle::apply(&self.app, started.id, &state).await.expect("it is applied");
        self.donation(started.id).await
    }

    /// The donation as it is now.
    pub async fn donation(&self, id: DonationId) -> donation::Model {
        donations::store::find(self.app.db.read(), id).await.unwrap().expect("the donation")
    }

    /// Moves the clock on.
    pub fn wait(&self, seconds: i64) {
        self.app.clock.advance(TimeDelta::seconds(seconds));
    }
}

/// Takes a part of a gift back in the books.
pub async fn take_back(test: &TestApp, donation: &donation::Model, minor: i64) {
    let amount = Money::new(minor, donation.currency);
    let purpose = Purpose { fund_id: Some(donation.fund_id), ..Purpose::default() };
    let posting = Posting {
        kind: MovementKind::Refund,
        source: format!("txn_{}_{minor}:refund", donation.id),
        donation_id: Some(donation.id),
        occurred_at: test.app.now(),
        balance_transaction: None,
        reverses_id: None,
        legs: vec![
            Leg { account: Account::Donations, amount, purpose },
            Leg { account: Account::StripeClearing, amount: amount.negated().unwrap(), purpose: Purpose::default() },
        ],
    };
    let now = test.app.now();
    assert!(test.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap());
    test.books_end_broken("money was taken back in the ledger alone");
}
