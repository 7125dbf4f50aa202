//! Stripe's balance and payouts: every movement in the books once, every payout explained to the cent.

mod apart;
mod balance;
mod books;
mod desk;
mod follow;
mod links;
mod lists;
mod returned;
mod schedules;
mod unusual;

use crate::support::TestApp;
use chrono::TimeDelta;
use entity::{Money, donation, payout};
use sea_orm::EntityTrait;
use wellwisher::payouts::{self, Report};

fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, code.parse().expect("a currency"))
}

/// Asks Stripe for everything of the last weeks.
async fn reconcile(test: &TestApp) -> Report {
    payouts::reconcile(&test.app, test.app.now() - TimeDelta::days(35), |_, _| {}).await.expect("Stripe answers")
}

/// A paid gift in this currency.
async fn give(test: &TestApp, minor: i64, code: &str) -> donation::Model {
    test.give(&crate::support::gift(minor, code)).await
}

/// Days later, everything that is available is paid out and itemised. Returns the payouts, in the order of their currencies.
async fn pay_out(test: &TestApp) -> Vec<String> {
    test.app.clock.advance(TimeDelta::days(3));
    let made = test.stripe.standin.pay_out();
    for id in &made {
        assert!(test.stripe.standin.complete_payout(id));
    }
    made
}

/// A payout as it is here.
async fn payout_of(test: &TestApp, id: &str) -> payout::Model {
    payouts::store::payout_of_stripe(test.app.db.read(), id).await.unwrap().expect("the payout")
}

/// All payouts.
async fn all_payouts(test: &TestApp) -> Vec<payout::Model> {
    payout::Entity::find().all(test.app.db.read()).await.unwrap()
}
