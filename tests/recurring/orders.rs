//! A subscription's events in every order, doubled and with gaps, come to the same end. Stripe has moved on only as far as the events heard
//! so far need, so each order is a life of its own, and the end of all of them must be one state, as one hash.
//!
//! The suite lives a spread of the 720 orders; `WELLWISHER_ORDERS=all cargo test every_order` lives all of them, a number that many.

use super::helpers::*;
use crate::{
    donations::every_order::{Way, chosen, is_lost, live_all, order},
    support::{FromDatabase, TestApp, TestDatabase, on_both_databases, start},
};
use entity::{
    ids::RecurringId,
    letter, receipt,
    words::{LetterKind, ReceiptStatus, RecurringStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{ledger, recurring::store};

/// What a gift came to, without ids: what stands in it does not depend on when the program heard of something. A letter about a failed
/// payment is left out, because it is written only while that payment waits.
async fn end_of(app: &TestApp, id: RecurringId) -> String {
    let db = app.app.db.read();
    let since = |at: chrono::DateTime<chrono::Utc>| (at - start()).num_seconds();
    let gift = store::find(db, id).await.unwrap().unwrap();
    let mut lines = vec![
        format!("{} {:?} of {} {}", gift.status, gift.end_reason, gift.amount_minor, gift.every),
        format!("lived {:?} to {:?}", gift.started_at.map(since), gift.ended_at.map(since)),
        format!("waits {:?} {:?} {:?}", gift.failing_since, gift.next_at, gift.paused_until),
        format!("card {:?} {:?}", gift.card_exp_year, gift.card_exp_month),
    ];
    let story = store::steps(db, id).await.unwrap();
    lines.push(format!("story {}", story.iter().map(|step| step.kind.as_str()).collect::<Vec<_>>().join(" ")));
    lines.extend(story.iter().map(|step| format!("step {} {} by {}", step.kind, since(step.at), step.actor)));
    for donation in store::donations(db, id, 100).await.unwrap() {
        let paid = donation.paid_at.map(since);
        lines.push(format!("payment {} {} {paid:?}", donation.status, donation.amount_minor));
        for (head, legs) in ledger::entries_of_donation(db, donation.id).await.unwrap() {
            let legs = legs.iter().map(|leg| format!("{} {} {}", leg.account, leg.currency.code(), leg.amount_minor));
            lines.push(format!("{} {} {}", head.kind, since(head.occurred_at), legs.collect::<Vec<_>>().join(", ")));
        }
        for one in receipt::Entity::find().filter(receipt::Column::DonationId.eq(donation.id)).all(db).await.unwrap() {
            assert_eq!(one.status, ReceiptStatus::Issued);
            lines.push(format!("receipt {} {}", one.amount_minor, one.gift_on));
        }
    }
    let letters = letter::Entity::find().filter(letter::Column::DedupeKey.starts_with(format!("recurring:{id}:"))).all(db).await.unwrap();
    let told = letters.iter().filter(|letter| letter.kind != LetterKind::RecurringFailed);
    lines.extend(told.map(|letter| format!("letter {}", letter.kind)));
    lines.extend(crate::donations::helpers::balances(&app.app).await.into_iter().map(|(account, minor)| format!("{account:?} {minor}")));
    lines.sort();
    lines.join("\n")
}

/// Six events from a gift's whole life, and in which chapter of it at Stripe each is told.
const SIX: [(&str, usize); 6] = [
    ("checkout.session.completed", 0),
    ("customer.subscription.created", 0),
    ("invoice.paid", 0),
    ("invoice.payment_failed", 1),
    ("invoice.paid", 2),
    ("customer.subscription.deleted", 3),
];

const ORDERS: usize = 720;

/// What the end of every order has.
const END: [&str; 4] = [
    r#"ended "payment_disputed" of 2500 month"#,
    "story created begun failing recovered ended",
    "letter recurring_begun",
    "letter recurring_ended",
];

/// A monthly gift at Stripe, which lives on when it is asked to.
#[derive(Default)]
struct Life {
    subscription: String,
    chapters: usize,
    /// The bodies of the six events, as far as they were told.
    events: Vec<String>,
}

impl Life {
    /// Lives to the end of this chapter: it begins, its renewal fails a month later, she gives another card, her bank takes the money back.
    async fn live(&mut self, app: &TestApp, chapter: usize) {
        while self.chapters <= chapter {
            let told = app.stripe.standin.events().len();
            match self.chapters {
                0 => self.subscription = begin_unheard(app, "monthly", FAILING).await,
                1 => wait(app, 31).await,
                2 => mend(app, &self.subscription).await,
                _ => assert!(app.stripe.standin.end_subscription(&self.subscription, true)),
            }
            let mut new = app.stripe.standin.events();
            new.truncate(new.len() - told);
            new.reverse();
            for (kind, _) in SIX.iter().filter(|(_, chapter)| *chapter == self.chapters) {
                let event = new.iter().find(|event| event.kind == *kind).unwrap_or_else(|| panic!("no {kind}"));
                self.events.push(event.body.clone());
            }
            self.chapters += 1;
            app.wait(3_600);
        }
    }
}

async fn live_in(app: &TestApp, number: usize, way: Way) -> String {
    let mut life = Life::default();
    for (place, event) in order(number, SIX.len()).into_iter().enumerate() {
        life.live(app, SIX[event].1).await;
        if way == Way::Lost && is_lost(number, place) {
            continue;
        }
        for again in 0..=usize::from(way == Way::Doubled) {
            assert_eq!(deliver(app, &life.events[event]).await.status, 200);
            // Every other order hears both before it acts on either.
            if again == 1 || number.is_multiple_of(2) || way == Way::Lost {
                work(app).await;
            }
        }
    }
    // Abandoned checkouts are looked at when they cannot be paid any more.
    app.wait(2 * 3_600);
    if way == Way::Lost {
        reconcile(app).await;
        work(app).await;
        let before = everything(&app.app).await;
        assert_eq!(reconcile(app).await.changed, 0);
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
    }
    assert!(all_jobs(&app.app).await.is_empty());
    end_of(app, the_gift(app).await.id).await
}

#[test]
fn every_order_of_a_monthly_gifts_events_comes_to_one_end_on_sqlite() {
    live_all(&chosen(24, ORDERS), async || Some(TestDatabase::sqlite().await), live_in, &END);
}

#[test]
fn every_order_of_a_monthly_gifts_events_comes_to_one_end_on_postgres() {
    live_all(&chosen(6, ORDERS), TestDatabase::postgres, live_in, &END);
}

/// She gives a card that pays, and pays what waits with it, while nobody here hears of it.
async fn mend(app: &TestApp, subscription: &str) {
    let customer = app.app.stripe.fetch_subscription(subscription).await.unwrap().customer_id;
    assert!(app.stripe.standin.give_card(&customer, GOOD_CARD, (12, 2040)));
    let card = app.app.stripe.fetch_subscription(subscription).await.unwrap().new_card.unwrap();
    app.app.stripe.use_card(subscription, &card).await.unwrap();
    assert!(app.stripe.standin.retry(subscription));
}

/// Begins, renews, fails, is mended, renews again; `hears` says which of the events arrive.
async fn live(app: &TestApp, hears: impl Fn(usize) -> bool) -> String {
    begin_unheard(app, "monthly", FAILING).await;
    let subscription = app.stripe.standin.subscriptions().remove(0);
    let customer = app.app.stripe.fetch_subscription(&subscription).await.unwrap().customer_id;
    let mut told = 0;
    for stage in 0..5 {
        match stage {
            0 => {}
            1 => wait(app, 31).await,
            2 => {
                app.stripe.standin.give_card(&customer, GOOD_CARD, (12, 2040));
                wait(app, 3).await;
            }
            3 => wait(app, 30).await,
            _ => {
                app.stripe.standin.end_subscription(&subscription, true);
            }
        }
        let mut events = app.stripe.standin.events();
        events.reverse();
        for (number, event) in events.iter().enumerate().skip(told) {
            if hears(number) {
                deliver(app, &event.body).await;
                work(app).await;
            }
        }
        told = events.len();
        reconcile(app).await;
    }
    let failures = letters(app, LetterKind::RecurringFailed).await.len();
    format!("{}\nfailures told {failures}", end_of(app, the_gift(app).await.id).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_third_of_the_events_lost_reconciling_comes_to_the_same_end() {
    let fresh = async || TestApp::from_database(TestDatabase::sqlite().await).await;
    let expected = live(&fresh().await, |_| true).await;
    for line in END.iter().chain(&["failures told 1"]) {
        assert!(expected.lines().any(|one| one == *line), "{line}\n{expected}");
    }
    assert_eq!(live(&fresh().await, |_| false).await, expected, "all lost");
    for seed in 1..=6usize {
        let hears = |number: usize| (number + 1).wrapping_mul(2_654_435_761).wrapping_mul(seed) >> 7 & 15 >= 5;
        assert_eq!(live(&fresh().await, hears).await, expected, "seed {seed}");
    }
}

on_both_databases! {
    async fn all_events_lost_a_renewal_is_found_by_reconciling(app: TestApp) {
        begin_unheard(&app, "monthly", GOOD_CARD).await;
        reconcile(&app).await;
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        wait(&app, 31).await;
        let report = reconcile(&app).await;
        assert_eq!((report.changed, report.unknown.len(), report.failed.len()), (1, 0, 0));
        assert_eq!(count(&app.app, "receipt").await, 2);
        let before = everything(&app.app).await;
        assert_eq!(reconcile(&app).await.changed, 0);
        assert_eq!(everything(&app.app).await, before, "a second look writes nothing");
    }
}
