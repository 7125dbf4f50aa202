//! Givers whose money comes after it was declared that their item cannot be bought are asked like the others, once.

use super::{
    SLOW_REFUND_CARD, assert_all_agrees, bank_sends_back, choice_of, declare, give, give_back, hear, income, letters, link_of, purpose,
    session, shared, stock,
};
use crate::support::{TestApp, gift, on_both_databases};
use chrono::TimeDelta;
use entity::{
    donation, promise, promise_choice, wish_item,
    words::{CancelReason, DonationStatus, LetterKind, PromiseWay, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use wellwisher::{
    ledger,
    payments::standin::Decision,
    promises,
    staff::Actor,
    wishes::{self, progress},
};

/// A checkout for an item that is under way.
pub(super) async fn begin(test: &TestApp, item: &wish_item::Model, quantity: i64, minor: i64) -> donation::Model {
    let mut gift = gift(minor, "EUR");
    (gift.item, gift.campaign_id, gift.fund_id) = (Some((item.id, quantity)), item.campaign_id, Some(item.fund_id));
    test.start(&gift).await
}

/// A bank debit for an item that is under way.
async fn begin_debit(test: &TestApp, item: &wish_item::Model) -> donation::Model {
    let begun = begin(test, item, 1, 2_500).await;
    test.stripe.standin.pay_by_debit(session(&begun), true);
    hear(test, &begun).await;
    assert_eq!(test.donation(begun.id).await.status, DonationStatus::Processing);
    begun
}

/// The bank says that the debit is paid.
async fn debit_comes(test: &TestApp, begun: &donation::Model) {
    test.stripe.standin.settle_debit(session(begun), true);
    hear(test, begun).await;
    assert_eq!(test.donation(begun.id).await.status, DonationStatus::Paid);
}

async fn pay(test: &TestApp, begun: &donation::Model) {
    test.pay_unheard(begun);
    test.settle(begun).await;
}

pub(super) async fn ask_late(test: &TestApp) -> u64 {
    test.wait(60);
    promises::ask_late(&test.app).await.unwrap()
}

pub(super) async fn asked(test: &TestApp, gift: &donation::Model) -> u64 {
    let find = promise_choice::Entity::find().filter(promise_choice::Column::DonationId.eq(gift.id));
    find.count(test.app.db.read()).await.unwrap()
}

on_both_databases! {
    async fn a_checkout_that_is_paid_after_it_was_declared_is_asked_about_once(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let first = give(&test, &item, 1, 2_500).await;
        let late = begin(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        assert_eq!((ask_late(&test).await, letters(&test, LetterKind::PromiseChanged).await.len()), (0, 1), "nobody has paid since");
        pay(&test, &late).await;
        test.sign_in_as(Role::Finance).await;
        let need = "1 gift came, or came back, after it was declared that its item cannot be bought. Its giver is asked within an hour.";
        let home = test.get("/desk").await.texts("main ul a").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(home.contains(need), "{home}");
        let list = test.get("/desk/promises").await;
        assert!(list.attribute(&format!("main ul a[href='/desk/donations/{}']", late.id), "href").is_some(), "{}", list.body);
        // Two processes at once, and again, and again.
        let (one, two) = tokio::join!(promises::ask_late(&test.app), promises::ask_late(&test.app));
        assert_eq!(one.unwrap() + two.unwrap(), 1);
        for _ in 0..2 {
            assert_eq!(ask_late(&test).await, 0);
        }
        assert_eq!(letters(&test, LetterKind::PromiseChanged).await.len(), 2);
        let (hers, others) = (choice_of(&test, &late).await, choice_of(&test, &first).await);
        assert_ne!(hers.promise_id, others.promise_id, "with as much time as the others had");
        assert_eq!((asked(&test, &late).await, asked(&test, &first).await), (1, 1));
        assert!(!test.get("/desk").await.body.contains("after it was declared"));
        assert!(test.get(&format!("/desk/promises/{}", hers.promise_id)).await.body.contains("By itself: paid after it was declared"));
        test.app.clock.advance(TimeDelta::days(31));
        assert_eq!(promises::keep(&test.app).await.unwrap(), 2);
        for gift in [&first, &late] {
            assert_eq!(purpose(&test, gift).await.wish_item_id, None, "without an answer it went to the general work");
        }
        assert_all_agrees(&test).await;
    }

    async fn whose_item_was_bought_is_never_asked_however_early_another_began_to_pay(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let debit = begin_debit(&test, &item).await;
        test.wait(60);
        let bought = give(&test, &item, 1, 2_500).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        // Nobody's money waits, but some is on its way.
        declare(&test, &item).await;
        let again = promises::declare(&test.app, &Actor::system(), item.id, CancelReason::Danger, "").await;
        assert!(again.is_err(), "it is declared once");
        assert_eq!(ask_late(&test).await, 0);
        debit_comes(&test, &debit).await;
        assert_eq!((ask_late(&test).await, ask_late(&test).await), (1, 0));
        assert_eq!((asked(&test, &debit).await, asked(&test, &bought).await), (1, 0));
        assert_eq!((letters(&test, LetterKind::PromiseChanged).await.len(), stock(&test, &item).await.paid), (1, 2));
        let first = promise::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        test.sign_in_as(Role::Finance).await;
        assert!(test.get(&format!("/desk/promises/{}", first.id)).await.body.contains("Nobody had paid for it."));
        assert_all_agrees(&test).await;
    }

    async fn finance_asks_who_paid_last_and_not_who_began_last(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let debit = begin_debit(&test, &item).await;
        test.wait(60);
        let bought = give(&test, &item, 1, 2_500).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        debit_comes(&test, &debit).await;
        declare(&test, &item).await;
        assert_eq!((asked(&test, &debit).await, asked(&test, &bought).await), (1, 0));
        assert_eq!(ask_late(&test).await, 0);
        assert_all_agrees(&test).await;
    }

    async fn an_item_that_cannot_be_bought_is_not_just_asked_for_no_more_while_money_for_it_is_there(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        test.wait(1);
        let van = test.item("Van", None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "900".into(), "1".into())).await;
        let free = test.item("Lamp", None, |_| {}).await;
        for (item, minor) in [(&item, 2_500), (&van, 1_000)] {
            give(&test, item, 1, minor).await;
        }
        test.sign_in_as(Role::Editor).await;
        let cancel = async |item: &wish_item::Model, reason: &str| {
            test.post(&format!("/desk/wish-list/{}/cancel", item.id), &[("reason", reason), ("note", "The bridge is closed")]).await
        };
        for reason in ["price", "unavailable", "border", "danger"] {
            for item in [&item, &van] {
                let refused = cancel(item, reason).await;
                assert_eq!((refused.status.as_u16(), refused.attribute("#cancel-note", "value").as_deref()), (422, Some("The bridge is closed")));
                assert!(refused.texts(".error-summary").join(" ").contains("choose what becomes of it"), "{}", refused.body);
                let kept = wishes::store::item(test.app.db.read(), item.id).await.unwrap().unwrap();
                assert_eq!(kept.status, entity::words::WishStatus::Open, "{reason}: nothing is changed");
            }
        }
        assert_eq!(cancel(&free, "border").await.status, 303, "nobody paid for it");
        // The rest is not needed: what is paid is still to be bought, and nobody forgets it.
        for item in [&item, &van] {
            assert_eq!(cancel(item, "not_needed").await.status, 303);
        }
        let needs = async || test.get("/desk").await.texts("main ul a").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(needs().await.contains("2 items are asked for no more, and money for them is not spent"), "{}", needs().await);
        let titles = async || test.get("/desk/wish-list?status=with-money").await.texts("tbody tr td:first-child");
        assert_eq!(titles().await, ["Van", "School bag"]);
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        assert_eq!(titles().await, ["Van"], "it is bought");
        test.sign_in_as(Role::Finance).await;
        assert!(needs().await.contains("1 item is asked for no more, and money for it is not spent"), "{}", needs().await);
        let link = format!("main ul a[href='/desk/promises/new?item={}']", van.id);
        assert!(test.get("/desk/promises").await.attribute(&link, "href").is_some());
        declare(&test, &van).await;
        // Asked for again, and out of reach after all: whose givers are being asked already can be given up.
        wishes::item::reopen(&test.app, &Actor::system(), van.id).await.unwrap();
        assert!(promises::declare(&test.app, &Actor::system(), van.id, CancelReason::Unavailable, "").await.is_err(), "everybody is being asked");
        wishes::item::cancel(&test.app, &Actor::system(), van.id, CancelReason::Unavailable, "").await.unwrap();
        assert!(!needs().await.contains("asked for no more") && test.get("/desk/promises").await.attribute(&link, "href").is_none(), "its giver is asked");
        assert_all_agrees(&test).await;
    }

    async fn an_item_that_is_asked_for_again_asks_nobody(test: TestApp) {
        let (system, item) = (Actor::system(), test.item("School bag", None, |_| {}).await);
        give(&test, &item, 1, 2_500).await;
        let late = begin(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        wishes::item::reopen(&test.app, &system, item.id).await.unwrap();
        pay(&test, &late).await;
        assert_eq!(ask_late(&test).await, 0);
        // Asked for no more, and nobody said that what is paid cannot be bought.
        wishes::item::cancel(&test.app, &system, item.id, CancelReason::NotNeeded, "").await.unwrap();
        assert_eq!((ask_late(&test).await, asked(&test, &late).await), (0, 0));
        assert_eq!(letters(&test, LetterKind::PromiseChanged).await.len(), 1);
        assert_all_agrees(&test).await;
    }

    async fn what_went_back_meanwhile_is_not_asked_about_and_what_may_go_back_waits(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        give(&test, &item, 1, 2_500).await;
        let (back, disputed, slow) = (begin(&test, &item, 1, 2_500).await, begin(&test, &item, 1, 2_500).await, begin(&test, &item, 1, 2_500).await);
        declare(&test, &item).await;
        pay(&test, &back).await;
        pay(&test, &disputed).await;
        test.stripe.standin.pay(session(&slow), SLOW_REFUND_CARD);
        hear(&test, &slow).await;
        give_back(&test, &back, 2_500).await;
        let dispute = test.stripe.standin.dispute(session(&disputed), None, false).unwrap();
        hear(&test, &disputed).await;
        let refund = give_back(&test, &slow, 1_000).await;
        assert_eq!(ask_late(&test).await, 0);
        test.stripe.standin.decide_dispute(&dispute, Decision::Won);
        hear(&test, &disputed).await;
        assert_eq!(ask_late(&test).await, 1);
        bank_sends_back(&test, &slow, &refund).await;
        assert_eq!((ask_late(&test).await, ask_late(&test).await), (1, 0));
        assert_eq!((asked(&test, &back).await, asked(&test, &disputed).await, asked(&test, &slow).await), (0, 1, 1));
        assert_eq!(choice_of(&test, &slow).await.amount_minor, 2_500);
        assert_all_agrees(&test).await;
    }

    async fn whose_hold_was_lost_by_then_gave_for_the_item_all_the_same(test: TestApp) {
        let campaign = test.campaign("Schools").await;
        let lamp = test.item("Lamp", None, |_| {}).await;
        for (number, (way, left)) in [("general", (0, 2_500)), ("refund", (0, 0)), ("item:lamp", (2_500, 2_500))].into_iter().enumerate() {
            let item = test.item(&format!("School bag {number}"), Some(campaign.id), |_| {}).await;
            let late = begin(&test, &item, 1, 2_500).await;
            test.pay_unheard(&late);
            declare(&test, &item).await;
            test.app.clock.advance(TimeDelta::hours(2));
            test.settle(&late).await;
            assert_eq!((stock(&test, &item).await.paid, purpose(&test, &late).await.campaign_id), (0, Some(campaign.id)));
            assert_eq!(ask_late(&test).await, 1, "{way}");
            let choice = choice_of(&test, &late).await;
            assert_eq!((choice.amount_minor, choice.is_whole), (2_500, true));
            assert_eq!(test.post(&link_of(&test, &late).await, &[("way", way)]).await.status, 303, "{way}");
            test.app.clock.advance(TimeDelta::hours(25));
            assert_eq!(promises::keep(&test.app).await.unwrap(), 1, "{way}");
            assert_eq!(choice_of(&test, &late).await.moved_minor, 2_500, "{way}");
            let raised = ledger::raised(test.app.db.read(), &[campaign.id]).await.unwrap();
            assert!(raised.iter().all(|raised| raised.money.minor == 0), "{way}: {raised:?}");
            assert_eq!(income(&test, &late, &lamp).await, left, "{way}");
            assert_all_agrees(&test).await;
        }
        assert_eq!(stock(&test, &lamp).await.paid, 1);
    }

    async fn a_part_of_an_item_that_many_pay_for_is_asked_about_too(test: TestApp) {
        let item = shared(&test, "Camera", "100").await;
        let first = give(&test, &item, 1, 4_000).await;
        let late = begin(&test, &item, 1, 3_000).await;
        declare(&test, &item).await;
        pay(&test, &late).await;
        assert_eq!(ask_late(&test).await, 1);
        assert_eq!(choice_of(&test, &late).await.share_minor, Some(3_000));
        assert_eq!(test.post(&link_of(&test, &late).await, &[("way", "general")]).await.status, 303);
        test.app.clock.advance(TimeDelta::hours(25));
        assert_eq!(promises::keep(&test.app).await.unwrap(), 1);
        assert_eq!(stock(&test, &item).await.funding.unwrap().paid.minor, 4_000);
        assert_eq!(choice_of(&test, &first).await.way, PromiseWay::Open);
        assert_all_agrees(&test).await;
    }
}
