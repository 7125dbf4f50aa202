//! Promises that cannot be kept: each giver chooses once, the money goes to one place, and the books say where.

mod again;
mod back;
mod choosing;
mod late;
mod paper;
mod returned;
mod vain;

use crate::support::{TestApp, gift, on_both_databases};
use chrono::TimeDelta;
use entity::{
    Money, donation, letter, promise_choice, refund, wish_item,
    words::{CancelReason, LetterKind, MovementKind, PromiseWay, RefundState, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wellwisher::{
    donations::{self, by_hand, refunds},
    ledger,
    payments::standin::{ApiFault, Decision},
    promises, reports,
    staff::Actor,
    wishes::{self, progress},
};

const SLOW_REFUND_CARD: &str = "4000000000007726";

async fn give(test: &TestApp, item: &wish_item::Model, quantity: i64, minor: i64) -> donation::Model {
    let mut gift = gift(minor, "EUR");
    (gift.item, gift.campaign_id, gift.fund_id) = (Some((item.id, quantity)), item.campaign_id, Some(item.fund_id));
    test.give(&gift).await
}

async fn declare(test: &TestApp, item: &wish_item::Model) {
    promises::declare(&test.app, &Actor::system(), item.id, CancelReason::Danger, "The road is watched").await.unwrap();
}

/// What is asked about a gift, or was asked last.
async fn choice_of(test: &TestApp, gift: &donation::Model) -> promise_choice::Model {
    let find = promise_choice::Entity::find().filter(promise_choice::Column::DonationId.eq(gift.id));
    find.order_by_desc(promise_choice::Column::CreatedAt).one(test.app.db.read()).await.unwrap().expect("a choice")
}

async fn link_of(test: &TestApp, gift: &donation::Model) -> String {
    promises::path_of(&test.app, choice_of(test, gift).await.id)
}

async fn letters(test: &TestApp, kind: LetterKind) -> Vec<letter::Model> {
    letter::Entity::find().filter(letter::Column::Kind.eq(kind)).all(test.app.db.read()).await.unwrap()
}

async fn purpose(test: &TestApp, gift: &donation::Model) -> ledger::Purpose {
    ledger::purpose_of_gift(test.app.db.read(), gift.id).await.unwrap().unwrap()
}

async fn stock(test: &TestApp, item: &wish_item::Model) -> wishes::Stock {
    wishes::stock(test.app.db.read(), &[item.id], test.app.now()).await.unwrap()[&item.id]
}

async fn assert_all_agrees(test: &TestApp) {
    let report = reports::verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:?}", report.broken().collect::<Vec<_>>());
}

async fn carry_out(test: &TestApp) -> u64 {
    test.app.clock.advance(TimeDelta::hours(25));
    promises::carry_out_due(&test.app).await.unwrap()
}

/// What of a gift's income stands for an item, and in all.
async fn income(test: &TestApp, gift: &donation::Model, item: &wish_item::Model) -> (i64, i64) {
    let places = ledger::places_of_gift(test.app.db.read(), gift.id).await.unwrap();
    assert!(places.iter().all(|place| place.income.minor >= 0), "{places:?}");
    let all = places.iter().map(|place| place.income.minor).sum();
    (ledger::income_for_item(&places, item.id, gift.currency).unwrap().minor, all)
}

fn session(gift: &donation::Model) -> &str {
    gift.checkout_session_id.as_deref().expect("a session")
}

async fn hear(test: &TestApp, gift: &donation::Model) {
    donations::refresh(&test.app, gift.id).await.unwrap();
}

/// A gift for three of which one is bought; the others cannot be.
async fn one_of_three(test: &TestApp) -> (wish_item::Model, donation::Model) {
    let item = test.item("School bag", None, |_| {}).await;
    let gift = give(test, &item, 3, 7_500).await;
    progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
    declare(test, &item).await;
    (item, gift)
}

async fn shared(test: &TestApp, title: &str, price: &str) -> wish_item::Model {
    test.item(title, None, |raw| {
        (raw.funding, raw.price, raw.quantity) = ("shared".into(), price.into(), "1".into());
    })
    .await
}

/// A refund in Stripe's dashboard, and what we hear of it.
async fn give_back(test: &TestApp, gift: &donation::Model, minor: i64) -> String {
    let refund = test.stripe.standin.refund(session(gift), Some(minor)).unwrap();
    hear(test, gift).await;
    refund
}

async fn bank_sends_back(test: &TestApp, gift: &donation::Model, refund: &str) {
    assert!(test.stripe.standin.settle_refund(refund, false));
    hear(test, gift).await;
}

on_both_databases! {
    async fn everybody_whose_money_is_not_spent_is_asked_and_nobody_hears_of_a_danger(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let first = give(&test, &item, 2, 5_000).await;
        test.wait(60);
        let second = give(&test, &item, 1, 2_500).await;
        progress::buy(&test.app, &Actor::system(), item.id, 2, "").await.unwrap();
        declare(&test, &item).await;
        assert!(promise_choice::Entity::find().all(test.app.db.read()).await.unwrap().iter().all(|choice| choice.donation_id != first.id));
        let asked = letters(&test, LetterKind::PromiseChanged).await;
        assert_eq!(asked.len(), 1, "what is bought is bought with the first gifts");
        let (path, text) = (link_of(&test, &second).await, &asked[0].text_body);
        assert!(text.contains(&path) && text.contains("School bag") && text.contains("31 May 2026"), "{text}");
        assert!(!text.to_lowercase().contains("danger") && !text.contains("road"));
        assert_eq!(stock(&test, &item).await.left, 0, "it is asked for no more");
        assert!(promises::declare(&test.app, &Actor::system(), item.id, CancelReason::Price, "").await.is_err(), "they are asked once");
        assert_all_agrees(&test).await;
    }

    async fn looking_changes_nothing_and_a_choice_can_be_changed_until_it_is_carried_out(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        for _ in 0..3 {
            assert_eq!(test.get(&path).await.status, 200);
        }
        assert_eq!(choice_of(&test, &gift).await.way, PromiseWay::Open, "a scanner that opens links decides nothing");
        let page = test.get(&path).await;
        assert!(!page.body.contains(&gift.donor_name), "no name");
        assert_eq!(test.post(&path, &[]).await.status, 422);
        assert_eq!(test.post(&path, &[("way", "item:nothing")]).await.status, 422);
        assert_eq!(test.post(&path, &[("way", "refund")]).await.status, 303);
        assert_eq!(test.post(&path, &[("way", "general")]).await.status, 303);
        assert!(test.get(&path).await.attribute("input[value=general][checked]", "name").is_some());
        assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 0, "a day to change it");
        assert_eq!(carry_out(&test).await, 1);
        assert_eq!(test.post(&path, &[("way", "refund")]).await.status, 409, "carried out is carried out");
        assert_eq!(carry_out(&test).await, 0, "once");
        assert_eq!(test.get("/promises/nothing").await.status, 404);
        assert_all_agrees(&test).await;
    }

    async fn the_general_fund_gets_it_in_the_ledger_and_the_receipt_stays(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let item = test.item("School bag", Some(campaign.id), |_| {}).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        carry_out(&test).await;
        let now = purpose(&test, &gift).await;
        assert_eq!((now.campaign_id, now.wish_item_id), (None, None));
        assert_eq!(ledger::worth_of(test.app.db.read(), gift.id, gift.currency).await.unwrap().minor, 5_000);
        let entries = ledger::entries_of_donation(test.app.db.read(), gift.id).await.unwrap();
        let moved = entries.iter().find(|(head, _)| head.kind == MovementKind::Reclassification).expect("a posting");
        assert_eq!(moved.0.source, format!("wish:{}:moved", choice_of(&test, &gift).await.id));
        assert_eq!(moved.1.iter().map(|leg| leg.amount_minor).sum::<i64>(), 0);
        let raised = ledger::raised(test.app.db.read(), &[campaign.id]).await.unwrap();
        assert!(raised.iter().all(|raised| raised.money.minor == 0), "the campaign no longer has it: {raised:?}");
        assert_eq!(letters(&test, LetterKind::PromiseDone).await.len(), 1);
        assert!(letters(&test, LetterKind::ReceiptCancelled).await.is_empty());
        assert_eq!(stock(&test, &item).await.paid, 0);
        assert_all_agrees(&test).await;
    }

    async fn another_item_is_paid_with_it_and_what_is_left_over_stays_with_its_campaign(test: TestApp) {
        let campaign = test.campaign("Clinics").await;
        let item = test.item("School bag", None, |_| {}).await;
        let other = test.item("Lamp", Some(campaign.id), |raw| raw.price = "20".into()).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        assert!(test.get(&path).await.body.contains("Lamp"));
        assert_eq!(test.post(&path, &[("way", "item:lamp")]).await.status, 303);
        carry_out(&test).await;
        assert_eq!(stock(&test, &other).await.paid, 2);
        assert_eq!((stock(&test, &item).await.paid, purpose(&test, &gift).await.wish_item_id), (0, Some(other.id)));
        let raised = ledger::raised(test.app.db.read(), &[campaign.id]).await.unwrap();
        assert_eq!(raised[0].money, Money::new(5_000, gift.currency), "40 for lamps, 10 for the campaign");
        assert!(test.get(&path).await.body.contains("Lamp"));
        assert_all_agrees(&test).await;
    }

    async fn another_item_that_is_gone_by_then_leaves_it_to_the_general_fund(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let other = test.item("Lamp", None, |raw| raw.quantity = "1".into()).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "item:lamp")]).await;
        give(&test, &other, 1, 2_500).await;
        carry_out(&test).await;
        assert_eq!(choice_of(&test, &gift).await.way, PromiseWay::General);
        assert_eq!(stock(&test, &other).await.paid, 1);
        assert_all_agrees(&test).await;
    }

    async fn the_money_goes_back_once_through_the_refund_verb(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "refund")]).await;
        let id = choice_of(&test, &gift).await.id;
        test.app.clock.advance(TimeDelta::hours(25));
        let (one, two) = tokio::join!(promises::carry_out(&test.app, id), promises::carry_out(&test.app, id));
        assert!(one.unwrap() && two.unwrap());
        let refunds = entity::refund::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!((refunds.len(), refunds[0].amount_minor), (1, 2_500));
        assert_eq!(ledger::worth_of(test.app.db.read(), gift.id, gift.currency).await.unwrap().minor, 0);
        assert_eq!(stock(&test, &item).await.paid, 0);
        assert_all_agrees(&test).await;
    }

    async fn who_does_not_answer_in_time_has_the_default(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        test.app.clock.advance(TimeDelta::days(29));
        assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 0);
        test.app.clock.advance(TimeDelta::days(2));
        assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 1);
        let choice = choice_of(&test, &gift).await;
        assert_eq!((choice.way, choice.chosen_by.as_str()), (PromiseWay::General, "default"));
        assert!(letters(&test, LetterKind::PromiseDone).await[0].text_body.contains("did not hear from you"));
        assert_all_agrees(&test).await;
    }

    async fn of_a_gift_that_bought_some_only_the_rest_moves(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 3, 7_500).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        declare(&test, &item).await;
        assert_eq!(choice_of(&test, &gift).await.amount_minor, 5_000);
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        carry_out(&test).await;
        let now = stock(&test, &item).await;
        assert_eq!((now.paid, now.bought), (1, 1));
        assert_all_agrees(&test).await;
    }

    async fn finance_declares_and_sees_every_choice_and_editors_do_not(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get("/desk/promises").await.status, 403);
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/promises").await.body.contains("Every promise stands."));
        assert_eq!(test.get(&format!("/desk/promises/new?item={}", item.id)).await.status, 200);
        let fields = [("item", item.id.to_string()), ("reason", String::new()), ("note", "The price doubled".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let wrong = test.post("/desk/promises/new", &fields).await;
        assert_eq!((wrong.status.as_u16(), wrong.attribute("#note", "value").as_deref()), (422, Some("The price doubled")));
        let right = test.post("/desk/promises/new", &[("item", &item.id.to_string()), ("reason", "price"), ("note", "")]).await;
        assert_eq!(right.status, 303, "{}", right.body);
        let path = right.location().trim_end_matches("?done=saved").to_owned();
        assert!(test.get(&path).await.body.contains("Waits for the giver"));
        let choice = choice_of(&test, &gift).await;
        let now = format!("/desk/promises/choices/{}/carry-out", choice.id);
        assert_eq!(test.post(&now, &[]).await.status, 409, "she has time to choose");
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        assert_eq!(test.post(&now, &[]).await.status, 303);
        assert!(test.get(&path).await.body.contains("Carried out on"));
        assert_all_agrees(&test).await;
    }

    async fn cash_that_was_entered_wrongly_is_taken_back_from_where_its_giver_put_it(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let hand = by_hand::HandGift { item: Some((item.id, 2)), fund_id: Some(item.fund_id), ..crate::support::hand_gift(&test, 5_000, "EUR") };
        let gift = test.donation(test.enter(&hand).await.id).await;
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        test.post(&path, &[("way", "general")]).await;
        carry_out(&test).await;
        by_hand::reverse(&test.app, &Actor::system(), gift.id, "Entered twice").await.unwrap();
        assert_eq!(income(&test, &gift, &item).await, (0, 0));
        assert_all_agrees(&test).await;
    }

    async fn what_another_shared_item_got_of_a_gift_stays_as_it_is_when_the_gift_is_looked_at_again(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let other = shared(&test, "Camera", "40").await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "item:camera")]).await;
        carry_out(&test).await;
        assert_eq!(income(&test, &gift, &other).await, (4_000, 5_000));
        let dispute = test.stripe.standin.dispute(session(&gift), None, false).unwrap();
        hear(&test, &gift).await;
        test.stripe.standin.decide_dispute(&dispute, Decision::Won);
        hear(&test, &gift).await;
        assert_eq!(stock(&test, &other).await.funding.unwrap().paid.minor, 4_000);
        assert_all_agrees(&test).await;
    }

    async fn when_the_second_item_cannot_be_bought_either_only_its_own_part_moves(test: TestApp) {
        let campaign = test.campaign("Clinics").await;
        let item = test.item("School bag", None, |_| {}).await;
        let other = test.item("Lamp", Some(campaign.id), |raw| raw.price = "20".into()).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "item:lamp")]).await;
        carry_out(&test).await;
        declare(&test, &other).await;
        let find = promise_choice::Entity::find().filter(promise_choice::Column::CarriedAt.is_null());
        let second = find.one(test.app.db.read()).await.unwrap().expect("a second choice");
        assert_eq!(second.amount_minor, 4_000, "the rest is its campaign's already");
        test.post(&promises::path_of(&test.app, second.id), &[("way", "refund")]).await;
        assert_eq!(carry_out(&test).await, 1);
        assert_eq!(income(&test, &gift, &other).await, (0, 1_000));
        let raised = ledger::raised(test.app.db.read(), &[campaign.id]).await.unwrap();
        assert_eq!(raised[0].money.minor, 1_000, "what goes back is what was asked back");
        assert_all_agrees(&test).await;
    }

    async fn of_a_shared_item_that_is_bought_in_part_only_what_goes_elsewhere_is_taken_out(test: TestApp) {
        for (way, before) in [("refund", 0), ("general", 0), ("general", 3_000), ("general", 6_000), ("refund", 6_000)] {
            let title = format!("Camera {way} {before}");
            let item = test.item(&title, None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "20".into(), "5".into())).await;
            let gift = give(&test, &item, 1, 10_000).await;
            progress::buy(&test.app, &Actor::system(), item.id, 2, "").await.unwrap();
            declare(&test, &item).await;
            assert_eq!(choice_of(&test, &gift).await.share_minor, Some(6_000));
            assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", way)]).await.status, 303);
            if before > 0 {
                test.wait(60);
                give_back(&test, &gift, before).await;
            }
            assert_eq!(carry_out(&test).await, 1, "{title}");
            assert_eq!(income(&test, &gift, &item).await.0, 4_000, "{title}");
            assert_eq!(stock(&test, &item).await.funding.unwrap().paid.minor, 4_000, "{title}");
        }
        assert_all_agrees(&test).await;
    }

    async fn an_item_that_is_paid_no_more_although_its_money_is_still_here_is_found(test: TestApp) {
        let (_, gift) = one_of_three(&test).await;
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        carry_out(&test).await;
        assert_all_agrees(&test).await;
        let write = async |tx: &sea_orm::DatabaseTransaction| {
            wishes::take_out(tx, gift.id, i64::MAX, test.app.now()).await.map(|out| assert!(out))
        };
        test.app.db.write(write).await.unwrap();
        let report = reports::verify(&test.app).await.unwrap();
        assert!(report.broken().any(|check| check.name.contains("is paid where its donation is")));
        test.books_end_broken("the item is taken out behind the books");
    }
}
