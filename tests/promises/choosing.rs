//! While givers choose what becomes of their money, nothing is bought with it, and nobody chooses in their place.

use super::{assert_all_agrees, carry_out, choice_of, declare, give, letters, link_of, stock};
use crate::support::{TestApp, on_both_databases};
use entity::{
    letter, wish_item,
    words::{LetterKind, LetterState, PromiseWay, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use wellwisher::{error::Error, staff::Actor, wishes::progress};

on_both_databases! {
    async fn what_they_paid_for_is_not_bought_meanwhile(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 2, 5_000).await;
        declare(&test, &item).await;
        let refused = progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap_err();
        assert!(matches!(&refused, Error::Conflict(why) if why.contains("choosing")), "{refused:?}");
        assert_eq!(stock(&test, &item).await.bought, 0);
        test.sign_in_as(Role::Editor).await;
        let page = format!("/desk/wish-list/{}", item.id);
        assert!(test.get(&page).await.attribute("form[action$='/buy']", "action").is_none(), "nor is it offered");
        assert_eq!(carry_out(&test).await, 0, "she has a month to choose");
        test.post(&link_of(&test, &gift).await, &[("way", "general")]).await;
        assert_eq!(carry_out(&test).await, 1);
        assert_eq!(stock(&test, &item).await.paid, 0, "there is nothing left to buy it with");
        assert_all_agrees(&test).await;
    }

    async fn an_item_that_has_another_currency_by_then_leaves_it_to_the_general_fund(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let other = test.item("Lamp", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        test.post(&link_of(&test, &gift).await, &[("way", "item:lamp")]).await;
        assert_eq!(choice_of(&test, &gift).await.way, PromiseWay::Item);
        let dearer = wish_item::Entity::update_many().col_expr(wish_item::Column::Currency, Expr::value("USD"));
        let dearer = dearer.filter(wish_item::Column::Id.eq(other.id));
        test.app.db.write(async |tx| Ok(dearer.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        carry_out(&test).await;
        assert_eq!(choice_of(&test, &gift).await.way, PromiseWay::General);
        assert_eq!(stock(&test, &other).await.paid, 0);
        assert_all_agrees(&test).await;
    }

    async fn who_holds_back_her_letters_does_not_print_her_link(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        test.sign_in_as(Role::Finance).await;
        let email = letters(&test, LetterKind::Receipt).await[0].to_address.clone();
        let held = test.post("/desk/mail/suppressions", &[("address", &email), ("topic", "everything"), ("note", "she asked")]).await;
        assert_eq!(held.status, 303, "{}", held.body);
        declare(&test, &item).await;
        while test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap().tried > 0 {}
        assert_eq!(letters(&test, LetterKind::PromiseChanged).await[0].state, LetterState::Suppressed);
        let print = format!("/desk/promises/choices/{}/letter", choice_of(&test, &gift).await.id);
        let refused = test.post(&print, &[]).await;
        assert_eq!(refused.status, 409);
        assert!(refused.body.contains("somebody else must print this"), "{}", refused.body);
        test.sign_in_as(Role::Admin).await;
        assert_eq!(test.post(&print, &[]).await.status, 200, "a second person may");
    }

    async fn whose_question_may_not_have_come_is_asked_on_paper_too(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        let unknown = letter::Entity::update_many().col_expr(letter::Column::State, Expr::value(LetterState::Unknown));
        let unknown = unknown.filter(letter::Column::Kind.eq(LetterKind::PromiseChanged));
        test.app.db.write(async |tx| Ok(unknown.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        test.sign_in_as(Role::Finance).await;
        assert_eq!(test.post(&format!("/desk/promises/choices/{}/letter", choice_of(&test, &gift).await.id), &[]).await.status, 200);
    }
}
