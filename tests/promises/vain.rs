//! Money that was to go back and never left, that came back only in part, or for which its item has no room any more.

use super::{
    again::{choose, in_vain, run},
    assert_all_agrees, carry_out, choice_of, declare, give, hear, income,
    late::{ask_late, asked},
    letters, link_of, one_of_three, session, stock,
};
use crate::support::{TestApp, gift, hand_gift, on_both_databases};
use entity::{
    Money, donation, refund, wish_item, wish_step,
    words::{LetterKind, PromiseWay, RefundState as State, Role, WishStepKind},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wellwisher::{
    donations::{
        back::{self, Present, Returned},
        by_hand,
    },
    payments::{
        Movement, RefundState,
        standin::{ApiFault, Decision},
    },
    promises, reports,
    staff::Actor,
    wishes::{self, progress},
};

/// What Stripe says of the last refund of a gift: it is not booked before it succeeds.
async fn says(test: &TestApp, gift: &donation::Model, state: State) {
    let find = refund::Entity::find().filter(refund::Column::DonationId.eq(gift.id)).order_by_desc(refund::Column::CreatedAt);
    let row = find.one(test.app.db.read()).await.unwrap().expect("a refund");
    let amount = Money::new(row.amount_minor, row.currency);
    let (id, gross, fee) = (format!("txn_{}", row.id), amount.negated().unwrap(), Money::new(0, row.currency));
    let booked = Movement { id, gross, fee, net: gross, created: test.app.now() };
    let said = RefundState {
        refund_id: format!("re_{}", row.id),
        our_id: Some(row.id.to_string()),
        payment_intent_id: None,
        charge_id: None,
        amount,
        state,
        failure: None,
        created: row.created_at,
        movement: (state == State::Succeeded).then_some(booked),
        failure_movement: None,
    };
    let disputes = test.app.stripe.disputes_of(gift.payment_intent_id.as_deref().unwrap()).await.unwrap();
    let present = Present { checkout: None, returned: Some(Returned { refunds: vec![said], disputes }) };
    back::apply(&test.app, gift.id, &present).await.unwrap();
}

/// Her money is said to go back, and Stripe has not booked it.
async fn under_way(test: &TestApp, gift: &donation::Model) {
    assert_eq!(test.post(&link_of(test, gift).await, &[("way", "refund")]).await.status, 303);
    test.stripe.standin.fault(ApiFault::ServerError, 50);
    assert_eq!(carry_out(test).await, 0);
    test.stripe.standin.clear_faults();
    says(test, gift, State::Pending).await;
    assert_eq!((promises::carry_out_due(&test.app).await.unwrap(), ask_late(test).await), (1, 0), "while it is under way it waits");
}

/// Her refund ends before Stripe has booked it.
async fn unbooked(test: &TestApp, gift: &donation::Model, end: State) {
    under_way(test, gift).await;
    says(test, gift, end).await;
}

/// A gift for a shared item, of which two fifths are bought.
async fn camera(test: &TestApp, cover: i64) -> (wish_item::Model, donation::Model) {
    let item = test
        .item(&format!("Camera {cover}"), None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "20".into(), "5".into()))
        .await;
    let mut new = gift(10_000 + cover, "EUR");
    (new.item, new.fund_id, new.fee_cover_minor) = (Some((item.id, 1)), Some(item.fund_id), cover);
    let gift = test.give(&new).await;
    progress::buy(&test.app, &Actor::system(), item.id, 2, "").await.unwrap();
    declare(test, &item).await;
    (item, gift)
}

async fn funded(test: &TestApp, item: &wish_item::Model) -> i64 {
    stock(test, item).await.funding.expect("shared").paid.minor
}

on_both_databases! {
    async fn whose_refund_was_never_booked_is_asked_once_more(test: TestApp) {
        for end in [State::Failed, State::Canceled] {
            let item = test.item(&format!("School bag {end}"), None, |_| {}).await;
            let gift = give(&test, &item, 2, 5_000).await;
            declare(&test, &item).await;
            unbooked(&test, &gift, end).await;
            assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((5_000, 5_000), 2), "it never left");
            run(&test, "update promise_choice set after_entry = 1 where way = 'refund'").await;
            assert_eq!(ask_late(&test).await, 0, "what was carried out before an upgrade is settled, booked or not");
            run(&test, "update promise_choice set after_entry = 0").await;
            assert_eq!(promises::count_late(&test.app).await.unwrap(), 1, "it stands on the desk's home");
            assert_eq!((ask_late(&test).await, ask_late(&test).await, asked(&test, &gift).await), (1, 0, 2), "{end}");
            let again = choice_of(&test, &gift).await;
            assert_eq!((again.way, again.amount_minor, again.quantity, again.is_whole), (PromiseWay::Open, 5_000, 2, true));
            choose(&test, &gift, "general").await;
            assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((0, 5_000), 0));
            assert_eq!((ask_late(&test).await, asked(&test, &gift).await), (0, 2));
            assert_all_agrees(&test).await;
        }
    }

    async fn of_what_bought_a_part_the_rest_that_was_never_booked_is_asked_about(test: TestApp) {
        let (item, gift) = one_of_three(&test).await;
        for times in 1..=2 {
            unbooked(&test, &gift, State::Failed).await;
            assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((7_500, 7_500), 1));
            assert_eq!((ask_late(&test).await, ask_late(&test).await), (1, 0));
            let choice = choice_of(&test, &gift).await;
            assert_eq!((choice.amount_minor, choice.quantity, choice.is_whole), (5_000, 2, false));
            assert_eq!((asked(&test, &gift).await, stock(&test, &item).await.paid), (times + 1, 3));
            assert_all_agrees(&test).await;
        }
        choose(&test, &gift, "general").await;
        assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid, ask_late(&test).await), ((2_500, 7_500), 1, 0));
        assert_all_agrees(&test).await;
    }

    async fn of_a_shared_item_no_more_is_put_in_again_than_was_taken_out(test: TestApp) {
        for cover in [0, 300] {
            let (item, gift) = camera(&test, cover).await;
            unbooked(&test, &gift, State::Failed).await;
            assert_eq!((funded(&test, &item).await, ask_late(&test).await, funded(&test, &item).await), (10_000, 1, 10_000));
            assert_eq!(choice_of(&test, &gift).await.share_minor, Some(6_000));
            choose(&test, &gift, "general").await;
            assert_eq!((funded(&test, &item).await, ask_late(&test).await), (4_000, 0));
            assert_all_agrees(&test).await;
        }
    }

    async fn what_is_left_of_a_gift_that_never_left_its_item_is_asked_about(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 4, 10_000).await;
        declare(&test, &item).await;
        let dispute = test.stripe.standin.dispute(session(&gift), Some(4_000), false).unwrap();
        test.stripe.standin.decide_dispute(&dispute, Decision::Lost);
        hear(&test, &gift).await;
        under_way(&test, &gift).await;
        // At once we hear that her money went back, and that the dispute is won after all.
        assert!(test.stripe.standin.reinstate(&dispute, true));
        says(&test, &gift, State::Succeeded).await;
        assert_eq!(choice_of(&test, &gift).await.moved_minor, 6_000);
        assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((4_000, 4_000), 4));
        assert_eq!((ask_late(&test).await, ask_late(&test).await), (1, 0));
        let again = choice_of(&test, &gift).await;
        assert_eq!((again.amount_minor, again.is_whole), (4_000, true));
        choose(&test, &gift, "general").await;
        assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid, ask_late(&test).await), ((0, 4_000), 0, 0));
        assert_all_agrees(&test).await;
    }

    async fn an_item_that_was_made_smaller_meanwhile_keeps_nobody_from_being_asked(test: TestApp) {
        let (system, app) = (Actor::system(), &test.app);
        let (bag, three) = one_of_three(&test).await;
        let (camera, part) = camera(&test, 0).await;
        for gift in [&three, &part] {
            in_vain(&test, gift).await;
        }
        run(&test, "update wish_item set quantity = case when slug = 'camera-0' then 2 else 1 end").await;
        assert_eq!((ask_late(&test).await, ask_late(&test).await), (2, 0));
        assert_eq!((stock(&test, &bag).await.paid, funded(&test, &camera).await), (3, 10_000));
        assert_all_agrees(&test).await;
        for item in [&bag, &camera] {
            assert!(wishes::item::reopen(app, &system, item.id).await.is_err(), "more would be paid than is needed");
        }
        assert_eq!(test.post(&link_of(&test, &part).await, &[("way", "general")]).await.status, 303);
        assert_eq!(test.post(&link_of(&test, &three).await, &[("way", "general")]).await.status, 303);
        assert_eq!(carry_out(&test).await, 2);
        assert_eq!((income(&test, &three, &bag).await, income(&test, &part, &camera).await), ((2_500, 7_500), (4_000, 10_000)));
        assert_eq!((stock(&test, &bag).await.paid, funded(&test, &camera).await), (1, 4_000));
        for item in [&bag, &camera] {
            wishes::item::reopen(app, &system, item.id).await.unwrap();
        }
        assert_all_agrees(&test).await;
        // Of one that is asked for, verify finds it.
        run(&test, "update wish_item set quantity = 1").await;
        let report = reports::verify(app).await.unwrap();
        assert!(report.broken().any(|check| check.name.contains("No more money is held and paid")));
        test.books_end_broken("the item was made smaller behind the books");
    }

    async fn what_was_settled_before_an_upgrade_is_not_asked_about_for_what_comes_and_goes_since(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        in_vain(&test, &gift).await;
        run(&test, "update promise_choice set after_entry = (select max(id) from ledger_transaction)").await;
        let dispute = test.stripe.standin.dispute(session(&gift), Some(1_000), false).unwrap();
        test.stripe.standin.decide_dispute(&dispute, Decision::Lost);
        hear(&test, &gift).await;
        assert_eq!((income(&test, &gift, &item).await, ask_late(&test).await), ((1_500, 1_500), 0), "what went away did not come back");
        assert!(test.stripe.standin.reinstate(&dispute, true));
        hear(&test, &gift).await;
        assert_eq!((ask_late(&test).await, choice_of(&test, &gift).await.amount_minor), (1, 1_000), "what came back since");
        choose(&test, &gift, "general").await;
        assert_eq!((income(&test, &gift, &item).await, ask_late(&test).await), ((1_500, 2_500), 0));
        assert_all_agrees(&test).await;
    }

    async fn the_second_letter_speaks_of_money_that_came_back_only_where_it_did(test: TestApp) {
        let (item, gift) = one_of_three(&test).await;
        choose(&test, &gift, "general").await;
        let find = wish_step::Entity::find().filter(wish_step::Column::Kind.eq(WishStepKind::Bought));
        let bought = find.one(test.app.db.read()).await.unwrap().expect("the purchase");
        progress::undo(&test.app, &Actor::system(), item.id, bought.id, "").await.unwrap();
        test.wait(60);
        declare(&test, &item).await;
        assert_eq!((asked(&test, &gift).await, choice_of(&test, &gift).await.amount_minor), (2, 2_500));
        let written = letters(&test, LetterKind::PromiseChanged).await;
        assert_eq!(written.len(), 2);
        assert!(written.iter().all(|letter| !letter.text_body.contains("came back to us")), "{written:?}");
        assert_all_agrees(&test).await;
    }

    async fn finance_sees_whom_to_write_to_where_not_all_of_a_gift_can_be_given_back_by_hand(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let lamp = test.item("Lamp", None, |raw| raw.price = "20".into()).await;
        let hand = hand_gift(&test, 5_000, "EUR");
        let hand = by_hand::HandGift { item: Some((item.id, 2)), fund_id: Some(item.fund_id), ..hand };
        let gift = test.donation(test.enter(&hand).await.id).await;
        declare(&test, &item).await;
        test.sign_in_as(Role::Finance).await;
        let note = "she should write to you for the rest";
        let list = async || test.get(&format!("/desk/promises/{}", choice_of(&test, &gift).await.promise_id)).await.body;
        assert!(!list().await.contains(note), "all of it can be");
        choose(&test, &gift, "item:lamp").await;
        test.wait(60);
        declare(&test, &lamp).await;
        let second = choice_of(&test, &gift).await;
        assert_eq!((second.amount_minor, second.is_whole), (4_000, true));
        test.sign_in_as(Role::Finance).await;
        assert!(list().await.contains(note), "a part stands elsewhere");
        assert_all_agrees(&test).await;
    }
}
