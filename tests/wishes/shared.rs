//! Items that many pay for together.

use super::life::{assert_all_agrees, euros, steps, stock};
use crate::{
    donations::helpers::{Typed, fill},
    support::{TestApp, gift, on_both_databases, take_back},
};
use entity::{
    donation, wish_item,
    words::{CancelReason, WishStepKind},
};
use wellwisher::{
    promises,
    wishes::{self, ItemState, progress},
};

async fn camera(test: &TestApp) -> wish_item::Model {
    test.item("Camera", None, |raw| {
        raw.funding = "shared".into();
        raw.price = "900".into();
        raw.quantity = "1".into();
    })
    .await
}

async fn give(test: &TestApp, item: &wish_item::Model, minor: i64) -> donation::Model {
    let mut gift = gift(minor, "EUR");
    (gift.item, gift.fund_id) = (Some((item.id, 1)), Some(item.fund_id));
    test.give(&gift).await
}

fn part(form: Typed, amount: &str) -> Typed {
    form.with("amount", "other").with("other_amount", amount).with("currency", "EUR")
}

on_both_databases! {
    async fn many_pay_for_a_costly_item_until_its_price_is_there(test: TestApp) {
        let item = camera(&test).await;
        give(&test, &item, 50_000).await;
        let half = stock(&test, &item).await;
        assert_eq!((half.paid, half.left, half.state()), (0, 1, ItemState::Needed));
        assert_eq!(half.funding.unwrap().left(), euros(40_000));
        assert!(progress::buy(&test.app, &wellwisher::staff::Actor::system(), item.id, 1, "").await.is_err(), "the money is not there");
        let page = test.get("/wish-list/camera").await;
        assert!(page.body.contains("€500 of €900") || page.texts(".progress").join(" ").contains("500"), "{:?}", page.texts(".progress"));
        give(&test, &item, 40_000).await;
        let full = stock(&test, &item).await;
        assert_eq!((full.paid, full.left, full.state()), (1, 0, ItemState::Paid));
        progress::buy(&test.app, &wellwisher::staff::Actor::system(), item.id, 1, "").await.unwrap();
        assert_all_agrees(&test).await;
    }

    async fn nobody_can_pay_more_than_is_missing_and_nothing_is_left_that_cannot_be_given(test: TestApp) {
        let item = camera(&test).await;
        give(&test, &item, 80_000).await;
        let form = fill(&test, "item=camera").await;
        assert!(test.get("/donate?item=camera").await.texts("input[name=frequency]").is_empty(), "an item is given once");
        let too_much = part(form.clone(), "100.01").send(&test).await;
        assert_eq!((too_much.status.as_u16(), too_much.texts("#other_amount-error").len()), (422, 1));
        assert_eq!(too_much.attribute("input[name=other_amount]", "value").as_deref(), Some("100.01"));
        assert_eq!(part(form.clone(), "99.99").send(&test).await.status, 422, "a cent cannot be given");
        assert_eq!(part(form, "100").send(&test).await.status, 303);
        assert_eq!(stock(&test, &item).await.left, 0);
    }

    async fn of_two_who_pay_the_rest_at_once_one_is_told_how_much_is_missing_now(test: TestApp) {
        let item = camera(&test).await;
        give(&test, &item, 80_000).await;
        let (first, second) = (fill(&test, "item=camera").await, fill(&test, "item=camera").await.with("email", "second@example.org"));
        assert_eq!(part(first, "60").send(&test).await.status, 303);
        let told = part(second, "100").send(&test).await;
        assert!([409, 422].contains(&told.status.as_u16()));
        assert!(told.body.contains("€40"), "{:?}", told.texts(".error-summary"));
        assert_eq!(told.attribute("input[name=email]", "value").as_deref(), Some("second@example.org"));
    }

    async fn what_is_given_back_of_a_part_is_missing_again(test: TestApp) {
        let item = camera(&test).await;
        let gift = give(&test, &item, 90_000).await;
        take_back(&test, &gift, 30_000).await;
        let (app, now) = (&test.app, test.app.now());
        app.db.write(async |tx| wishes::follow_worth(tx, gift.id, euros(60_000), now).await).await.unwrap();
        assert_eq!(stock(&test, &item).await.funding.unwrap().left(), euros(30_000));
        assert_eq!(steps(&test).await.last().map(|step| (step.kind, step.amount_minor)), Some((WishStepKind::GivenBack, Some(30_000))));
    }

    async fn price_and_number_stay_above_what_is_given_and_the_way_of_paying_stays(test: TestApp) {
        let item = camera(&test).await;
        give(&test, &item, 50_000).await;
        let details = |price: i64, way: fn(entity::Money) -> wishes::item::Way| wishes::item::Details {
            title: "Camera".into(), slug: String::new(), description: String::new(), language: "en".into(), quantity: 1,
            way: way(euros(price)), campaign_id: None, fund_id: item.fund_id,
        };
        let actor = wellwisher::staff::Actor::system();
        assert!(wishes::item::edit(&test.app, &actor, item.id, &details(49_999, wishes::item::Way::Shared)).await.is_err());
        assert!(wishes::item::edit(&test.app, &actor, item.id, &details(90_000, wishes::item::Way::Priced)).await.is_err());
        wishes::item::edit(&test.app, &actor, item.id, &details(50_000, wishes::item::Way::Shared)).await.unwrap();
        assert_eq!(stock(&test, &item).await.state(), ItemState::Paid);
    }

    async fn a_part_that_comes_back_to_a_gift_is_paid_only_as_far_as_it_is_still_missing(test: TestApp) {
        let item = camera(&test).await;
        let first = give(&test, &item, 90_000).await;
        let session = first.checkout_session_id.as_deref().unwrap();
        let refund = test.stripe.standin.refund(session, Some(30_000)).unwrap();
        wellwisher::donations::refresh(&test.app, first.id).await.unwrap();
        assert_eq!(stock(&test, &item).await.funding.unwrap().left(), euros(30_000));
        give(&test, &item, 20_000).await;
        assert!(test.stripe.standin.settle_refund(&refund, false), "it could not be delivered");
        wellwisher::donations::refresh(&test.app, first.id).await.unwrap();
        let funding = stock(&test, &item).await.funding.unwrap();
        assert_eq!((funding.paid, funding.left()), (euros(90_000), euros(0)), "never more than it costs");
        assert_all_agrees(&test).await;
    }

    async fn staff_are_shown_what_waits_for_its_rest_without_a_gift_for_ninety_days(test: TestApp) {
        let item = camera(&test).await;
        test.item("Bicycle", None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "300".into(), "1".into())).await;
        let whole = test.item("Chair", None, |raw| (raw.funding, raw.price, raw.quantity) = ("shared".into(), "100".into(), "1".into())).await;
        give(&test, &whole, 10_000).await;
        give(&test, &item, 50_000).await;
        test.sign_in_as(entity::words::Role::Editor).await;
        let says = async || test.get("/desk").await.body.contains("had no gift for 90 days");
        test.app.clock.advance(chrono::TimeDelta::days(89));
        test.sign_in_as(entity::words::Role::Editor).await;
        assert!(!says().await);
        test.app.clock.advance(chrono::TimeDelta::days(2));
        test.sign_in_as(entity::words::Role::Editor).await;
        assert!(says().await);
        let listed = test.get("/desk/wish-list?status=stalled").await.texts("tbody td:first-child");
        assert_eq!(listed, ["Camera"], "what has no money, or all of it, does not wait");
        give(&test, &item, 10_000).await;
        assert!(!says().await, "somebody gave");
        test.app.clock.advance(chrono::TimeDelta::days(91));
        promises::declare(&test.app, &wellwisher::staff::Actor::system(), item.id, CancelReason::Price, "").await.unwrap();
        test.sign_in_as(entity::words::Role::Editor).await;
        assert!(!says().await, "its givers are asked");
    }
}
