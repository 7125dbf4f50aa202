//! Money that comes back after its choice was carried out or closed: its giver is asked once more, and nobody twice about money that moved.

use super::{
    SLOW_REFUND_CARD, assert_all_agrees, bank_sends_back, carry_out, choice_of, declare, give, give_back, hear, income,
    late::{ask_late, asked, begin},
    letters, link_of, one_of_three, session, shared, stock,
};
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    donation, refund, wish_step,
    words::{LetterKind, PromiseWay, Role, WishStepKind},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use wellwisher::{
    payments::standin::Decision,
    promises,
    staff::Actor,
    wishes::{self, progress},
};

/// What a giver chooses is carried out.
pub(super) async fn choose(test: &TestApp, gift: &donation::Model, way: &str) {
    assert_eq!(test.post(&link_of(test, gift).await, &[("way", way)]).await.status, 303, "{way}");
    assert_eq!(carry_out(test).await, 1, "{way}");
}

/// Stripe's name of the last refund of a gift.
pub(super) async fn last_refund(test: &TestApp, gift: &donation::Model) -> String {
    let find = refund::Entity::find().filter(refund::Column::DonationId.eq(gift.id)).order_by_desc(refund::Column::CreatedAt);
    find.one(test.app.db.read()).await.unwrap().unwrap().stripe_refund_id.expect("Stripe's id")
}

/// Her money is on its way back, and her bank sends it back to us.
pub(super) async fn in_vain(test: &TestApp, gift: &donation::Model) {
    choose(test, gift, "refund").await;
    test.wait(60);
    bank_sends_back(test, gift, &last_refund(test, gift).await).await;
}

async fn missed(test: &TestApp, gift: &donation::Model) -> u64 {
    use wish_step::Column;
    let find = wish_step::Entity::find().filter(Column::DonationId.eq(gift.id)).filter(Column::Kind.eq(WishStepKind::Missed));
    find.count(test.app.db.read()).await.unwrap()
}

pub(super) async fn run(test: &TestApp, change: &str) {
    test.app.db.write(async |tx| Ok(tx.execute_unprepared(change).await.map(|_| ())?)).await.unwrap();
}

on_both_databases! {
    async fn who_could_not_be_given_it_back_is_asked_once_more(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        choose(&test, &gift, "refund").await;
        assert_eq!((income(&test, &gift, &item).await, ask_late(&test).await), ((0, 0), 0), "what went back is not asked about");
        bank_sends_back(&test, &gift, &last_refund(&test, &gift).await).await;
        for _ in 0..3 {
            hear(&test, &gift).await;
        }
        assert_eq!((income(&test, &gift, &item).await, missed(&test, &gift).await), ((5_000, 5_000), 1));
        test.sign_in_as(Role::Finance).await;
        let home = test.get("/desk").await.texts("main ul a").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(home.contains("1 gift came, or came back, after it was declared"), "{home}");
        let list = test.get("/desk/promises").await;
        assert!(list.attribute(&format!("main ul a[href='/desk/donations/{}']", gift.id), "href").is_some(), "{}", list.body);
        let (one, two) = tokio::join!(promises::ask_late(&test.app), promises::ask_late(&test.app));
        assert_eq!(one.unwrap() + two.unwrap(), 1);
        for _ in 0..2 {
            hear(&test, &gift).await;
            assert_eq!(ask_late(&test).await, 0);
        }
        let written = letters(&test, LetterKind::PromiseChanged).await;
        let again = written.iter().filter(|letter| letter.text_body.contains("The money came back to us since")).count();
        assert_eq!((asked(&test, &gift).await, written.len(), again), (2, 2, 1), "the second letter says why it comes");
        let again = choice_of(&test, &gift).await;
        assert_eq!((again.way, again.amount_minor, again.is_whole), (PromiseWay::Open, 5_000, true));
        choose(&test, &gift, "general").await;
        assert_eq!((income(&test, &gift, &item).await, choice_of(&test, &gift).await.moved_minor), ((0, 5_000), 5_000));
        hear(&test, &gift).await;
        assert_eq!((ask_late(&test).await, asked(&test, &gift).await), (0, 2));
        test.sign_in_as(Role::Editor).await;
        assert!(!test.get("/desk/wish-list/late").await.body.contains(&gift.id.to_string()), "nothing waits for staff");
        assert_all_agrees(&test).await;
    }

    async fn what_is_spent_stays_spent_however_often_the_rest_comes_back(test: TestApp) {
        let (item, gift) = one_of_three(&test).await;
        for times in 1..=2 {
            in_vain(&test, &gift).await;
            assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((7_500, 7_500), 1));
            assert_eq!((ask_late(&test).await, ask_late(&test).await), (1, 0));
            let choice = choice_of(&test, &gift).await;
            assert_eq!((choice.amount_minor, choice.quantity, choice.is_whole), (5_000, 2, false));
            assert_eq!((asked(&test, &gift).await, stock(&test, &item).await.paid), (times + 1, 3));
            assert_all_agrees(&test).await;
        }
        choose(&test, &gift, "general").await;
        assert_eq!((income(&test, &gift, &item).await, stock(&test, &item).await.paid), ((2_500, 7_500), 1));
        assert_eq!(ask_late(&test).await, 0);
        assert_all_agrees(&test).await;
    }

    async fn of_a_shared_item_the_part_that_came_back_is_asked_about(test: TestApp) {
        let item = test.item("Camera", None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "20".into(), "5".into())).await;
        let gift = give(&test, &item, 1, 10_000).await;
        progress::buy(&test.app, &Actor::system(), item.id, 2, "").await.unwrap();
        declare(&test, &item).await;
        in_vain(&test, &gift).await;
        assert_eq!((ask_late(&test).await, choice_of(&test, &gift).await.share_minor), (1, Some(6_000)));
        choose(&test, &gift, "general").await;
        assert_eq!(income(&test, &gift, &item).await, (4_000, 10_000));
        assert_eq!((stock(&test, &item).await.funding.unwrap().paid.minor, ask_late(&test).await), (4_000, 0));
        assert_all_agrees(&test).await;
    }

    async fn what_came_late_and_came_back_is_asked_about_again(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let item = test.item("School bag", Some(campaign.id), |_| {}).await;
        let late = begin(&test, &item, 1, 2_500).await;
        test.pay_unheard(&late);
        declare(&test, &item).await;
        test.app.clock.advance(TimeDelta::hours(2));
        test.settle(&late).await;
        let late = test.donation(late.id).await;
        assert_eq!(ask_late(&test).await, 1);
        in_vain(&test, &late).await;
        assert_eq!((income(&test, &late, &item).await, ask_late(&test).await, ask_late(&test).await), ((0, 2_500), 1, 0));
        choose(&test, &late, "general").await;
        // What moved is where she wants it, whatever comes and goes of it.
        let refund = give_back(&test, &late, 1_000).await;
        bank_sends_back(&test, &late, &refund).await;
        assert_eq!((income(&test, &late, &item).await, ask_late(&test).await, asked(&test, &late).await), ((0, 2_500), 0, 2));
        assert_all_agrees(&test).await;
    }

    async fn a_dispute_that_is_won_after_its_choice_was_closed_is_asked_about_once(test: TestApp) {
        for bought in [0, 1] {
            let item = test.item(&format!("School bag {bought}"), None, |_| {}).await;
            let gift = give(&test, &item, 3, 7_500).await;
            if bought > 0 {
                progress::buy(&test.app, &Actor::system(), item.id, bought, "").await.unwrap();
            }
            declare(&test, &item).await;
            assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", "refund")]).await.status, 303);
            let dispute = test.stripe.standin.dispute(session(&gift), None, false).unwrap();
            hear(&test, &gift).await;
            assert_eq!((carry_out(&test).await, ask_late(&test).await), (0, 0));
            test.stripe.standin.decide_dispute(&dispute, Decision::Lost);
            hear(&test, &gift).await;
            assert_eq!(promises::carry_out_due(&test.app).await.unwrap(), 1);
            let closed = choice_of(&test, &gift).await;
            assert_eq!((closed.moved_minor, income(&test, &gift, &item).await, ask_late(&test).await), (0, (0, 0), 0));
            assert!(test.stripe.standin.reinstate(&dispute, true));
            hear(&test, &gift).await;
            assert_eq!(income(&test, &gift, &item).await, (7_500, 7_500));
            assert_eq!((ask_late(&test).await, ask_late(&test).await), (1, 0));
            let again = choice_of(&test, &gift).await;
            assert_eq!((asked(&test, &gift).await, again.amount_minor, again.is_whole), (2, 7_500 - bought * 2_500, bought == 0));
            choose(&test, &gift, "general").await;
            hear(&test, &gift).await;
            assert_eq!((income(&test, &gift, &item).await, ask_late(&test).await), ((bought * 2_500, 7_500), 0));
            assert_all_agrees(&test).await;
        }
    }

    async fn nobody_is_asked_while_another_refund_is_under_way(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let begun = begin(&test, &item, 1, 2_500).await;
        test.stripe.standin.pay(session(&begun), SLOW_REFUND_CARD);
        hear(&test, &begun).await;
        let gift = test.donation(begun.id).await;
        declare(&test, &item).await;
        in_vain(&test, &gift).await;
        let by_finance = give_back(&test, &gift, 1_000).await;
        assert_eq!(ask_late(&test).await, 0);
        bank_sends_back(&test, &gift, &by_finance).await;
        assert_eq!((ask_late(&test).await, choice_of(&test, &gift).await.amount_minor), (1, 2_500));
        // Of another that goes back while she chooses, nothing is asked again.
        let by_finance = give_back(&test, &gift, 2_500).await;
        assert!(test.stripe.standin.settle_refund(&by_finance, true));
        hear(&test, &gift).await;
        choose(&test, &gift, "general").await;
        assert_eq!((choice_of(&test, &gift).await.moved_minor, income(&test, &gift, &item).await, ask_late(&test).await), (0, (0, 0), 0));
        assert_all_agrees(&test).await;
    }

    async fn who_was_passed_by_while_it_was_asked_for_again_is_asked_when_it_is_declared_again(test: TestApp) {
        let item = test.item("School bag", None, |raw| raw.quantity = "1".into()).await;
        let first = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        choose(&test, &first, "refund").await;
        wishes::item::reopen(&test.app, &Actor::system(), item.id).await.unwrap();
        let second = give(&test, &item, 1, 2_500).await;
        bank_sends_back(&test, &first, &last_refund(&test, &first).await).await;
        assert_eq!((income(&test, &first, &item).await, stock(&test, &item).await.paid, ask_late(&test).await), ((2_500, 2_500), 1, 0));
        test.sign_in_as(Role::Editor).await;
        let late = async || test.get("/desk/wish-list/late").await.body.contains(&first.id.to_string());
        assert!(late().await, "what she was asked before it came back settles nothing");
        declare(&test, &item).await;
        assert!(!late().await);
        assert_eq!((asked(&test, &first).await, asked(&test, &second).await, ask_late(&test).await), (2, 1, 0));
        test.app.clock.advance(TimeDelta::days(31));
        assert_eq!(promises::keep(&test.app).await.unwrap(), 2);
        for gift in [&first, &second] {
            assert_eq!(income(&test, gift, &item).await, (0, 2_500));
        }
        assert_all_agrees(&test).await;
    }

    async fn what_came_back_before_an_upgrade_stays_as_finance_settled_it(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        in_vain(&test, &gift).await;
        run(&test, "update promise_choice set after_entry = (select max(id) from ledger_transaction)").await;
        assert_eq!((ask_late(&test).await, asked(&test, &gift).await), (0, 1));
        run(&test, "update promise_choice set after_entry = 0").await;
        assert_eq!(ask_late(&test).await, 1);
        assert_all_agrees(&test).await;
    }

    async fn an_item_in_trouble_keeps_neither_the_others_waiting_nor_the_desk(test: TestApp) {
        let camera = shared(&test, "Camera", "100").await;
        let bag = test.item("School bag", None, |_| {}).await;
        let mut late = Vec::new();
        for item in [&camera, &bag] {
            give(&test, item, 1, 2_500).await;
            late.push(begin(&test, item, 1, 2_500).await);
            declare(&test, item).await;
        }
        for begun in &late {
            test.pay_unheard(begun);
            test.settle(begun).await;
        }
        run(&test, "update wish_item set kind = 'link', shop_url = 'https://shop.example' where slug = 'camera'").await;
        test.sign_in_as(Role::Finance).await;
        for path in ["/desk", "/desk/promises"] {
            assert_eq!(test.get(path).await.status, 200, "{path}");
        }
        assert_eq!(ask_late(&test).await, 1);
        assert_eq!((asked(&test, &late[0]).await, asked(&test, &late[1]).await), (0, 1));
        run(&test, "update wish_item set kind = 'priced', shop_url = null where slug = 'camera'").await;
        assert_eq!((ask_late(&test).await, asked(&test, &late[0]).await), (1, 1));
        assert_all_agrees(&test).await;
    }
}
