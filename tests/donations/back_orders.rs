//! Refunds and disputes with their events in any order, doubled, and with a third of them lost: one end. Every order of the facts alone
//! is tried in `fold.rs`; here whole programs play samples of them, while Stripe moves on between the events.

use super::helpers::*;
use crate::support::{FromDatabase, TestApp, TestDatabase};
use sea_orm::EntityTrait;
use std::collections::HashSet;
use wellwisher::{donations::reconcile::LOOK_BACK, payments::standin::Decision, payouts::reconcile::reconcile, reports::verify};

/// Chance that a test can repeat (Numerical Recipes' generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, usize::try_from(self.roll(at as u64 + 1)).unwrap());
        }
    }
}

/// What must be the same in the end, without ids and times: balances, what was posted, worth by the live receipt, the item, the rows.
async fn end_of(app: &TestApp) -> String {
    let db = app.app.db.read();
    let mut kinds: Vec<String> =
        entity::ledger_transaction::Entity::find().all(db).await.unwrap().into_iter().map(|head| head.kind.to_string()).collect();
    kinds.sort();
    kinds.dedup_by(|a, b| a == b && a == "dispute_loss");
    let receipts = entity::receipt::Entity::find().all(db).await.unwrap();
    let live: Vec<i64> =
        receipts.iter().filter(|one| one.status == entity::words::ReceiptStatus::Issued).map(|one| one.amount_minor).collect();
    let item = entity::wish_reservation::Entity::find().one(db).await.unwrap().unwrap().state;
    let refunds: Vec<_> =
        entity::refund::Entity::find().all(db).await.unwrap().into_iter().map(|one| (one.amount_minor, one.state)).collect();
    let disputes: Vec<_> =
        entity::dispute::Entity::find().all(db).await.unwrap().into_iter().map(|one| (one.amount_minor, one.outcome)).collect();
    let gift = the_donation(&app.app).await.status;
    let mut balances: Vec<_> = balances(&app.app).await.into_iter().filter(|(_, minor)| *minor != 0).collect();
    balances.sort();
    let matched: Vec<_> = entity::match_hold::Entity::find().all(db).await.unwrap().into_iter().map(|one| (one.state, one.minor)).collect();
    let pot = entity::match_pot::Entity::find().one(db).await.unwrap().map(|pot| (pot.held_minor, pot.confirmed_minor));
    format!("{gift} {balances:?} {kinds:?} {live:?} {item} {refunds:?} {disputes:?} {matched:?} {pot:?}")
}

/// One gift whose life at Stripe has five chapters. After each some of the events told so far are delivered, in any order, some of them
/// twice; in the end `lost` of ten never come, and the schedule asks.
async fn play(app: &TestApp, dice: &mut Dice, lost: u64) -> String {
    // A sponsor adds to it: what the gift has of her ends the same too.
    let campaign = new_campaign(&app.app).await;
    new_item(&app.app, 1, Some(campaign)).await;
    crate::matching::open_pot(app, campaign, |_| {}).await;
    let session = begin(app, "item=bag").await;
    let mut delivered = HashSet::new();
    let standin = &app.stripe.standin;
    let mut dispute = String::new();
    for chapter in 0..5 {
        match chapter {
            0 => drop(standin.pay(&session, GOOD_CARD)),
            1 => drop(standin.refund(&session, Some(1_000)).unwrap()),
            2 => dispute = standin.dispute(&session, Some(800), false).unwrap(),
            3 => assert!(standin.decide_dispute(&dispute, Decision::LostInPart { returned: 300 })),
            _ => {}
        }
        let mut waiting: Vec<_> = standin.events().into_iter().filter(|event| !delivered.contains(&event.id)).collect();
        dice.shuffle(&mut waiting);
        for event in waiting {
            let is_last = chapter == 4;
            if !is_last && dice.roll(2) == 0 {
                continue;
            }
            delivered.insert(event.id.clone());
            if dice.roll(10) < lost {
                continue;
            }
            for _ in 0..=dice.roll(2) {
                assert_eq!(deliver(app, &event.body).await.status, 200);
            }
            assert_eq!(work_off(&app.app).await, Vec::<String>::new());
        }
    }
    if lost > 0 {
        reconcile(&app.app, app.app.now() - LOOK_BACK, |_, _| {}).await.unwrap();
    }
    let report = verify::verify(&app.app).await.unwrap();
    let broken: Vec<_> = report.broken().map(|check| format!("{}: {:?}", check.name, check.findings)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    end_of(app).await
}

async fn play_samples(samples: u64, lost: u64, database: impl AsyncFn() -> Option<TestDatabase>) {
    let mut expected = None;
    for sample in 0..samples {
        let Some(database) = database().await else { return };
        let app = TestApp::from_database(database).await;
        let mut dice = Dice(sample * 7_919 + lost);
        let end = Box::pin(play(&app, &mut dice, if sample == 0 { 0 } else { lost })).await;
        assert!(end.starts_with("paid ") && end.contains("[1000]"), "{end}");
        let expected = expected.get_or_insert_with(|| end.clone());
        assert_eq!(end, *expected, "sample {sample}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shuffled_and_doubled_events_come_to_one_end_on_sqlite() {
    play_samples(20, 0, async || Some(TestDatabase::sqlite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shuffled_and_doubled_events_come_to_one_end_on_postgres() {
    play_samples(6, 0, TestDatabase::postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_third_of_the_events_lost_the_schedule_brings_it_to_the_same_end_on_sqlite() {
    play_samples(16, 3, async || Some(TestDatabase::sqlite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_third_of_the_events_lost_the_schedule_brings_it_to_the_same_end_on_postgres() {
    play_samples(5, 3, TestDatabase::postgres).await;
}
