//! The desk's home: sums that the ledger has, and what waits for whom.

use crate::support::{TestApp, gift, hand_gift, on_both_databases, take_back};
use entity::{
    letter, promise_choice,
    words::{CancelReason, LetterState, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use wellwisher::{desk, donations::by_hand, promises, staff::Actor};

/// The texts of a list on the desk's home.
async fn home(test: &TestApp, selector: &str) -> Vec<String> {
    let page = test.get("/desk").await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.texts(selector)
        .iter()
        .map(|text| text.replace(['\u{2068}', '\u{2069}'], "").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

on_both_databases! {
    async fn what_went_back_is_not_raised(test: TestApp) {
        let paid = test.give(&gift(5_000, "EUR")).await;
        test.give(&gift(2_500, "EUR")).await;
        take_back(&test, &paid, 2_000).await;
        let mistake = test.enter(&hand_gift(&test, 9_900, "EUR")).await;
        by_hand::reverse(&test.app, &Actor::system(), mistake.id, "Typed twice").await.expect("it is taken back");
        test.sign_in_as(Role::Finance).await;
        let cards = home(&test, ".cards .card").await;
        assert_eq!(cards, ["Raised today €55 · 3 gifts", "Raised in 30 days €55 · 3 gifts"]);
    }

    async fn a_day_begins_at_the_organisations_midnight(test: TestApp) {
        test.give(&gift(5_000, "EUR")).await;
        test.wait(86_400);
        test.give(&gift(700, "EUR")).await;
        test.wait(29 * 86_400);
        test.give(&gift(300, "EUR")).await;
        let figures = desk::add_up(&test.app).await.unwrap();
        let sums = |income: &[wellwisher::ledger::Income]| income.iter().map(|one| (one.money.minor, one.gifts)).collect::<Vec<_>>();
        assert_eq!((sums(&figures.today), sums(&figures.thirty_days)), (vec![(300, 1)], vec![(1_000, 2)]));
    }

    async fn each_member_of_staff_sees_what_waits_for_her(test: TestApp) {
        test.give(&gift(5_000, "EUR")).await;
        test.sign_in_as(Role::Finance).await;
        assert_eq!(home(&test, "main").await[0].matches("Nothing waits for you.").count(), 1);
        let bounced = Expr::value(LetterState::Bounced);
        let change = letter::Entity::update_many().col_expr(letter::Column::State, bounced);
        test.app.db.write(async |tx| Ok(change.clone().exec(tx).await?)).await.unwrap();
        assert_eq!(home(&test, "main ul:not(.cards) li").await, ["1 letter was not delivered."]);
        test.sign_in_as(Role::Editor).await;
        let seen = home(&test, "main").await;
        assert!(seen[0].contains("Nothing waits for you.") && !seen[0].contains('€'), "letters and money are not an editor's: {seen:?}");
    }

    async fn promises_orders_and_late_money_are_called_to_mind_by_who_can_do_something(test: TestApp) {
        let bag = test.item("School bag", None, |raw| raw.quantity = "1".into()).await;
        let mut given = gift(2_500, "EUR");
        (given.item, given.fund_id) = (Some((bag.id, 1)), Some(bag.fund_id));
        let late = test.start(&given).await;
        test.pay_unheard(&late);
        test.wait(2 * 3_600);
        let mut other = gift(2_500, "EUR");
        (other.item, other.fund_id) = (given.item, given.fund_id);
        let paid = test.give(&other).await;
        test.settle(&late).await;
        promises::declare(&test.app, &Actor::system(), bag.id, CancelReason::Price, "").await.unwrap();
        test.item("Camera", None, |raw| (raw.kind, raw.shop_url) = ("link".into(), "https://shop.example/list".into())).await;
        let token = test.get("/wish-list/camera").await.attribute("form[action='/wish-list/camera/orders'] input[name=form_token]", "value");
        test.wait(4);
        let fields = [("form_token", token.as_deref().unwrap_or_default()), ("quantity", "1"), ("email", ""), ("website", "")];
        assert_eq!(test.post("/wish-list/camera/orders", &fields).await.status, 303);
        test.sign_in_as(Role::Finance).await;
        let waits = "1 gift for what cannot be bought waits for its giver’s choice, or for its day.";
        assert_eq!(home(&test, "main ul:not(.cards) li").await, [waits]);
        test.sign_in_as(Role::Editor).await;
        let of_editor = ["1 order at a shop waits to be confirmed.", "The money of 1 gift of the last 30 days came when its item was gone."];
        assert_eq!(home(&test, "main ul:not(.cards) li").await, of_editor);
        let page = test.get("/desk").await;
        for link in page.page().select(&scraper::Selector::parse("main ul:not(.cards) a").unwrap()).filter_map(|link| link.attr("href")) {
            assert_eq!(test.get(link).await.status, 200, "{link}");
        }
        // A choice that could not be carried out is finance's.
        let choice = promise_choice::Entity::find().filter(promise_choice::Column::DonationId.eq(paid.id)).one(test.app.db.read()).await.unwrap().unwrap();
        promises::choose(&test.app, choice.id, entity::words::PromiseWay::Refund, None).await.unwrap();
        test.stripe.standin.dispute(paid.checkout_session_id.as_deref().unwrap(), None, false).unwrap();
        test.wait(25 * 3_600);
        promises::carry_out_due(&test.app).await.unwrap();
        test.sign_in_as(Role::Finance).await;
        let all = home(&test, "main ul:not(.cards) li").await;
        assert!(all.contains(&"1 choice of a giver could not be carried out. Its promise says why.".to_owned()), "{all:?}");
    }

    async fn every_place_of_the_desk_is_in_a_group_and_only_for_who_may_go_there(test: TestApp) {
        for (role, groups) in [(Role::Admin, 4), (Role::Finance, 4), (Role::Editor, 2)] {
            test.sign_in_as(role).await;
            let page = test.get("/desk").await;
            assert_eq!(page.texts("header .places").len(), groups, "{role}");
            let paths: Vec<String> = page.page().select(&scraper::Selector::parse("header .places a").unwrap()).filter_map(|link| link.attr("href").map(str::to_owned)).collect();
            for path in paths {
                assert_eq!(test.get(&path).await.status, 200, "{role} {path}");
            }
        }
    }
}
