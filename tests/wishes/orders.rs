//! Items on a shop's list: who says that she ordered one keeps others from buying the same.

use super::life::{assert_all_agrees, steps, stock};
use crate::support::{Answer, TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    wish_item, wish_order,
    words::{OrderState, Role, WishStepKind},
};
use sea_orm::EntityTrait;
use wellwisher::{donations, staff::Actor, wishes::orders};

pub async fn camera(test: &TestApp, quantity: &str) -> wish_item::Model {
    test.item("Camera", None, |raw| {
        raw.kind = "link".into();
        raw.shop_url = "https://shop.example/list".into();
        raw.quantity = quantity.into();
    })
    .await
}

pub async fn say_ordered(test: &TestApp, quantity: &str, email: &str) -> Answer {
    let token = test.get("/wish-list/camera").await.attribute("form[action='/wish-list/camera/orders'] input[name=form_token]", "value");
    test.app.clock.advance(TimeDelta::seconds(4));
    let fields = [("form_token", token.as_deref().unwrap_or_default()), ("quantity", quantity), ("email", email), ("website", "")];
    test.post("/wish-list/camera/orders", &fields).await
}

pub async fn all_orders(test: &TestApp) -> Vec<wish_order::Model> {
    wish_order::Entity::find().all(test.app.db.read()).await.unwrap()
}

on_both_databases! {
    async fn what_one_says_that_she_ordered_nobody_else_is_asked_for(test: TestApp) {
        let item = camera(&test, "2").await;
        let told = say_ordered(&test, "2", "Zarmina@example.org").await;
        assert_eq!((told.status.as_u16(), told.location()), (303, "/wish-list/camera?ordered=yes"));
        assert!(test.get("/wish-list/camera?ordered=yes").await.texts(".done").join(" ").contains("Thank you"));
        let now = stock(&test, &item).await;
        assert_eq!((now.reserved, now.left), (2, 0));
        let page = test.get("/wish-list/camera").await;
        assert!(page.attribute("a[href='https://shop.example/list']", "href").is_none(), "nobody is led to the shop for it");
        assert!(page.body.contains("All of this item are ordered or bought"));
        let order = &all_orders(&test).await[0];
        assert_eq!((order.state, order.email.as_str(), order.supporter_id.is_some()), (OrderState::Held, "", true));
        assert_all_agrees(&test).await;
    }

    async fn of_sixteen_who_say_at_once_that_they_ordered_the_last_one_is_believed(test: TestApp) {
        let item = camera(&test, "1").await;
        let tellers = (0..16).map(|number| {
            let (app, id) = (test.app.clone(), item.id);
            let order = orders::Order { form_token: format!("form-{number}"), quantity: 1, email: String::new() };
            tokio::spawn(async move { orders::tell(&app, id, &order, "en").await.unwrap() })
        });
        let (mut held, mut told) = (0, 0);
        for teller in tellers.collect::<Vec<_>>() {
            match teller.await.unwrap() {
                orders::Told::Held => held += 1,
                orders::Told::NotEnough { left } => told += usize::from(left == 0),
                orders::Told::Closed => panic!("it is asked for"),
            }
        }
        assert_eq!((held, told, all_orders(&test).await.len()), (1, 15, 1));
        let now = stock(&test, &item).await;
        assert_eq!((now.reserved, now.left), (1, 0));
        assert_all_agrees(&test).await;
    }

    async fn too_many_or_a_wrong_address_are_told_and_what_was_typed_stays(test: TestApp) {
        camera(&test, "1").await;
        let wrong = say_ordered(&test, "1", "no address").await;
        assert_eq!((wrong.status.as_u16(), wrong.texts("#email-error").len()), (422, 1));
        assert_eq!(wrong.attribute("#email", "value").as_deref(), Some("no address"));
        let many = say_ordered(&test, "2", "").await;
        assert_eq!((many.status.as_u16(), many.texts("#quantity-error").len()), (409, 1));
        let most = say_ordered(&test, "21", "").await;
        assert_eq!((most.status.as_u16(), most.texts("#quantity-error").len()), (422, 1), "a stranger takes no whole list away");
        assert_eq!(test.post("/wish-list/camera/orders", &[("quantity", "1")]).await.status, 422, "without a token");
        assert!(all_orders(&test).await.is_empty());
        assert_eq!(test.post("/wish-list/nothing/orders", &[]).await.status, 404);
    }

    async fn the_same_form_sent_twice_is_one_order_and_a_network_is_limited(test: TestApp) {
        camera(&test, "100").await;
        let token = test.get("/wish-list/camera").await.attribute("input[name=form_token]", "value").unwrap();
        test.app.clock.advance(TimeDelta::seconds(4));
        for _ in 0..3 {
            assert_eq!(test.post("/wish-list/camera/orders", &[("form_token", &token), ("quantity", "1")]).await.status, 303);
        }
        assert_eq!(all_orders(&test).await.len(), 1);
        let mut last = 303;
        for _ in 0..orders::PER_HOUR {
            last = say_ordered(&test, "1", "").await.status.as_u16();
        }
        assert_eq!(last, 429);
    }

    async fn staff_confirm_what_came_and_refuse_what_did_not(test: TestApp) {
        let item = camera(&test, "3").await;
        say_ordered(&test, "1", "one@example.org").await;
        say_ordered(&test, "2", "two@example.org").await;
        let mut both = all_orders(&test).await;
        both.sort_by_key(|order| order.quantity);
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get("/desk/wish-list/orders").await.texts("tbody tr").len(), 2);
        assert_eq!(test.post(&format!("/desk/wish-list/orders/{}/confirm", both[0].id), &[]).await.status, 303);
        assert_eq!(test.post(&format!("/desk/wish-list/orders/{}/confirm", both[0].id), &[]).await.status, 409);
        assert_eq!(test.post(&format!("/desk/wish-list/orders/{}/refuse", both[1].id), &[]).await.status, 303);
        let now = stock(&test, &item).await;
        assert_eq!((now.bought, now.reserved, now.left), (1, 0, 2));
        let after = all_orders(&test).await;
        let states: Vec<OrderState> = both.iter().filter_map(|one| after.iter().find(|order| order.id == one.id)).map(|order| order.state).collect();
        assert_eq!(states, [OrderState::Confirmed, OrderState::Refused]);
        assert!(after.iter().all(|order| order.answer_due), "neither has said yet whether she wants to hear of it: {after:?}");
        assert!(test.get(&format!("/desk/wish-list/{}", item.id)).await.body.contains("The order came to nothing"));
        assert_all_agrees(&test).await;
    }

    async fn what_nobody_confirms_frees_itself_and_can_still_be_confirmed_while_some_are_left(test: TestApp) {
        let item = camera(&test, "1").await;
        say_ordered(&test, "1", "one@example.org").await;
        test.app.clock.advance(TimeDelta::days(22));
        assert_eq!(stock(&test, &item).await.left, 1, "before the sweeper came");
        donations::sweep(&test.app).await.unwrap();
        let order = all_orders(&test).await.remove(0);
        assert_eq!((order.state, order.supporter_id), (OrderState::Expired, None));
        assert_eq!(steps(&test).await.last().map(|step| (step.kind, step.actor.clone())), Some((WishStepKind::OrderEnded, "system".to_owned())));
        orders::confirm(&test.app, &Actor::system(), order.id).await.unwrap();
        assert_eq!((stock(&test, &item).await.bought, stock(&test, &item).await.left), (1, 0));
        assert_all_agrees(&test).await;
    }
}
