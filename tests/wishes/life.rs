//! From paid to delivered: what staff do, what they take back, and what readers see of it.

use crate::support::{TestApp, gift, newsroom::plain, on_both_databases};
use chrono::TimeDelta;
use entity::{
    Money, donation, wish_item, wish_step,
    words::{Role, WishStepKind},
};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use wellwisher::{
    reports,
    staff::Actor,
    wishes::{self, ItemState, progress},
};

/// Whoever pays for so many of an item.
pub async fn pay_for(test: &TestApp, item: &wish_item::Model, quantity: i64) -> donation::Model {
    let price = wishes::price_of(item).expect("a price");
    let mut gift = gift(price.minor * quantity, price.currency.code());
    gift.item = Some((item.id, quantity));
    gift.campaign_id = item.campaign_id;
    gift.fund_id = Some(item.fund_id);
    test.give(&gift).await
}

pub async fn stock(test: &TestApp, item: &wish_item::Model) -> wishes::Stock {
    wishes::stock(test.app.db.read(), &[item.id], test.app.now()).await.unwrap()[&item.id]
}

pub async fn steps(test: &TestApp) -> Vec<wish_step::Model> {
    wish_step::Entity::find().order_by_asc(wish_step::Column::Id).all(test.app.db.read()).await.unwrap()
}

pub async fn assert_all_agrees(test: &TestApp) {
    let report = reports::verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:?}", report.broken().collect::<Vec<_>>());
}

on_both_databases! {
    async fn an_item_goes_from_paid_to_delivered_and_every_step_says_who_and_when(test: TestApp) {
        let item = test.item("School bag", None, |raw| raw.quantity = "3".into()).await;
        pay_for(&test, &item, 3).await;
        let person = test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/wish-list/{}", item.id);
        let (buy, deliver) = (format!("/desk/wish-list/{}/buy", item.id), format!("/desk/wish-list/{}/deliver", item.id));
        let deed = async |verb: &str, quantity: &str| {
            test.post(if verb == "buy" { &buy } else { &deliver }, &[("quantity", quantity), ("note", "Bazaar")]).await
        };
        assert_eq!(deed("deliver", "1").await.status, 422, "what is not bought cannot be delivered");
        let too_many = deed("buy", "4").await;
        assert_eq!(too_many.status, 422);
        assert_eq!(too_many.attribute("#quantity", "value").as_deref(), Some("4"), "what was typed stays");
        assert_eq!(deed("buy", "۲").await.status, 303);
        assert_eq!(deed("deliver", "2").await.status, 303);
        assert_eq!(deed("buy", "1").await.status, 303);
        let now = stock(&test, &item).await;
        assert_eq!((now.paid, now.bought, now.delivered, now.state()), (3, 3, 2, ItemState::Bought));
        assert_eq!(deed("deliver", "1").await.status, 303);
        assert_eq!(stock(&test, &item).await.state(), ItemState::Delivered);
        let all = steps(&test).await;
        let kinds: Vec<WishStepKind> = all.iter().map(|step| step.kind).collect();
        use WishStepKind::*;
        assert_eq!(kinds, [Made, Reserved, Paid, Bought, Delivered, Bought, Delivered]);
        assert!(all.iter().filter(|step| step.kind == Bought).all(|step| step.staff_id == Some(person.id) && step.note == "Bazaar"));
        assert!(all.iter().filter(|step| step.kind == Paid).all(|step| step.donation_id.is_some() && step.actor == "supporter"));
        for edit in ["update wish_step set note = 'x'", "delete from wish_step"] {
            let edited = test.app.db.write(async |tx| Ok(tx.execute_unprepared(edit).await?)).await;
            assert!(edited.is_err(), "{edit}: a step is never edited");
        }
        let last = all.last().unwrap().id.to_string();
        assert_eq!(test.post(&format!("/desk/wish-list/{}/undo", item.id), &[("step", &last)]).await.status, 303);
        assert_eq!(stock(&test, &item).await.state(), ItemState::Bought, "taken back by a step of its own");
        let shown = test.get(&path).await;
        assert!(shown.texts("tbody td").iter().any(|text| text == "Delivered"), "{:?}", shown.texts("tbody td"));
        assert_all_agrees(&test).await;
    }

    async fn a_step_is_taken_back_by_another_once_within_a_week_and_never_out_of_order(test: TestApp) {
        let (app, actor) = (&test.app, Actor::system());
        let item = test.item("School bag", None, |raw| raw.quantity = "2".into()).await;
        pay_for(&test, &item, 2).await;
        progress::buy(app, &actor, item.id, 2, "").await.unwrap();
        progress::deliver(app, &actor, item.id, 1, "").await.unwrap();
        let all = steps(&test).await;
        let find = |kind| all.iter().find(|step| step.kind == kind).unwrap().id;
        let (bought, delivered) = (find(WishStepKind::Bought), find(WishStepKind::Delivered));
        assert!(progress::undo(app, &actor, item.id, bought, "").await.is_err(), "one of them is delivered");
        progress::undo(app, &actor, item.id, delivered, "A mistake").await.unwrap();
        assert!(progress::undo(app, &actor, item.id, delivered, "").await.is_err(), "once");
        assert!(progress::undo(app, &actor, item.id, find(WishStepKind::Paid), "").await.is_err(), "money has its own doors");
        progress::undo(app, &actor, item.id, bought, "").await.unwrap();
        assert_eq!((stock(&test, &item).await.bought, stock(&test, &item).await.delivered), (0, 0));
        assert_eq!(steps(&test).await.len(), all.len() + 2, "nothing was edited");
        progress::buy(app, &actor, item.id, 1, "").await.unwrap();
        let last = steps(&test).await.last().unwrap().id;
        app.clock.advance(TimeDelta::days(8));
        assert!(progress::undo(app, &actor, item.id, last, "").await.is_err(), "a week has gone by");
        assert_all_agrees(&test).await;
    }

    async fn what_is_bought_is_not_asked_for_again_when_its_money_goes_back(test: TestApp) {
        test.books_end_broken("the item alone is given back, without its money");
        let item = test.item("School bag", None, |raw| raw.quantity = "1".into()).await;
        let gift = pay_for(&test, &item, 1).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        let now = test.app.now();
        assert!(test.app.db.write(async |tx| wishes::give_back(tx, gift.id, now).await).await.unwrap());
        let after = stock(&test, &item).await;
        assert_eq!((after.paid, after.bought, after.left, after.state()), (0, 1, 0, ItemState::Bought));
    }

    async fn readers_see_months_and_numbers_and_neither_days_nor_names_nor_notes(test: TestApp) {
        let item = test.item("School bag", None, |raw| raw.quantity = "2".into()).await;
        pay_for(&test, &item, 2).await;
        let person = test.sign_in_as(Role::Editor).await;
        progress::buy(&test.app, &Actor { staff_id: Some(person.id), name: "Parwana".into() }, item.id, 2, "From Ahmad's shop").await.unwrap();
        test.forget_cookies();
        let page = test.get("/wish-list/school-bag").await;
        assert_eq!(plain(&page.texts("ul.told li")), "May 2026: 2 paid. 2 bought.");
        assert!(!page.body.contains("Parwana") && !page.body.contains("Ahmad"));
        let dari = test.get("/wish-list/school-bag?lang=fa-AF").await;
        assert!(plain(&dari.texts("ul.told li")).contains("ثور ۱۴۰۵"), "{:?}", dari.texts("ul.told li"));
    }

    async fn money_that_came_too_late_is_listed_for_staff_and_the_books_agree(test: TestApp) {
        let item = test.item("School bag", None, |raw| raw.quantity = "1".into()).await;
        let mut late = gift(2_500, "EUR");
        (late.item, late.fund_id) = (Some((item.id, 1)), Some(item.fund_id));
        let late = test.start(&late).await;
        test.pay_unheard(&late);
        test.app.clock.advance(TimeDelta::hours(2));
        pay_for(&test, &item, 1).await;
        test.settle(&late).await;
        assert_eq!(stock(&test, &item).await.paid, 1);
        test.sign_in_as(Role::Editor).await;
        let shown = test.get("/desk/wish-list/late").await;
        assert!(shown.attribute(&format!("a[href='/desk/donations/{}']", late.id), "href").is_some(), "{}", shown.body);
        assert!(test.get("/desk/wish-list").await.body.contains("/desk/wish-list/late"));
        assert_all_agrees(&test).await;
    }
}

/// Zero euros and so on.
pub fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}
