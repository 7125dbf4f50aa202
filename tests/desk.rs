//! The desk's home: sums that the ledger has, and what waits for whom.

use crate::support::{TestApp, gift, hand_gift, on_both_databases, take_back};
use entity::{
    letter,
    words::{LetterState, Role},
};
use sea_orm::{EntityTrait, sea_query::Expr};
use wellwisher::{desk, donations::by_hand, staff::Actor};

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
