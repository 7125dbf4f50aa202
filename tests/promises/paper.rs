//! Givers whose address nobody knows are asked on paper.

use super::{assert_all_agrees, carry_out, choice_of, declare, give, letters, link_of};
use crate::support::{TestApp, hand_gift, on_both_databases};
use entity::{
    audit_entry, donation, donation_step, letter,
    words::{LetterKind, LetterState, PromiseWay, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use wellwisher::{donations::by_hand::HandGift, i18n::Language, privacy};

/// Cash from somebody who left her name and no address, in Dari.
async fn cash(test: &TestApp, item: &entity::wish_item::Model) -> donation::Model {
    let hand = HandGift {
        item: Some((item.id, 2)),
        fund_id: Some(item.fund_id),
        name: "Latifa".into(),
        language: Language::Dari,
        ..hand_gift(test, 5_000, "EUR")
    };
    test.donation(test.enter(&hand).await.id).await
}

async fn printed(test: &TestApp, gift: &donation::Model) -> (u64, u64) {
    use donation_step::Column;
    let steps = donation_step::Entity::find().filter(Column::DonationId.eq(gift.id)).filter(Column::Kind.eq("promise_printed"));
    let audited = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("promise.print"));
    (steps.count(test.app.db.read()).await.unwrap(), audited.count(test.app.db.read()).await.unwrap())
}

on_both_databases! {
    async fn who_left_no_address_gets_her_link_on_paper_and_chooses_by_it(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let (gift, other) = (cash(&test, &item).await, give(&test, &item, 1, 2_500).await);
        declare(&test, &item).await;
        assert_eq!(letters(&test, LetterKind::PromiseChanged).await.len(), 1, "who has an address is written to");
        let (choice, path) = (choice_of(&test, &gift).await, link_of(&test, &gift).await);
        let print = format!("/desk/promises/choices/{}/letter", choice.id);
        assert_eq!(test.post(&print, &[]).await.status, 403, "nobody is signed in");
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.post(&print, &[]).await.status, 403);
        test.sign_in_as(Role::Finance).await;
        let page = format!("/desk/promises/{}", choice.promise_id);
        let before = test.get(&page).await;
        assert_eq!(before.texts("form[action$='/letter'] button"), ["Print her letter"], "and only for her");
        assert!(before.body.contains("No e-mail reaches her") && !before.body.contains(&path), "{}", before.body);
        let paper = test.post(&print, &[]).await;
        assert_eq!((paper.status.as_u16(), paper.headers["cache-control"].to_str().unwrap()), (200, "no-store"));
        assert_eq!((paper.attribute("html", "lang").as_deref(), paper.attribute("html", "dir").as_deref()), (Some("fa-AF"), Some("rtl")));
        assert_eq!(paper.attribute("main a", "href"), Some(format!("http://127.0.0.1:8080{path}")));
        assert!(paper.attribute("svg.qr path", "d").is_some_and(|drawn| drawn.len() > 500), "a phone reads it");
        assert!(paper.body.contains("Latifa") && paper.body.contains("School bag"), "{}", paper.body);
        assert!(!paper.body.contains("watched"), "a danger is not spoken of");
        assert_eq!(printed(&test, &gift).await, (1, 1));
        assert!(test.get(&page).await.body.contains("Printed on"));
        assert!(test.get(&format!("/desk/donations/{}", gift.id)).await.body.contains("The question to the giver was printed"));
        assert_eq!(test.post(&path, &[("way", "general")]).await.status, 303);
        assert_eq!(choice_of(&test, &gift).await.way, PromiseWay::General);
        assert!(test.get(&format!("/desk/donations/{}", gift.id)).await.body.contains("The giver chose"));
        // Whoever can be written to is asked there, and nobody prints her link.
        let hers = choice_of(&test, &other).await;
        assert_eq!(test.post(&format!("/desk/promises/choices/{}/letter", hers.id), &[]).await.status, 409);
        carry_out(&test).await;
        test.sign_in_as(Role::Finance).await;
        assert_eq!(test.post(&print, &[]).await.status, 409, "it is carried out");
        assert_eq!(test.post(&format!("/desk/promises/choices/{}/letter", item.id), &[]).await.status, 404);
        assert_eq!(printed(&test, &gift).await, (1, 1));
        assert_all_agrees(&test).await;
    }

    async fn whose_mailbox_is_gone_is_asked_on_paper(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        let print = format!("/desk/promises/choices/{}/letter", choice_of(&test, &gift).await.id);
        test.sign_in_as(Role::Finance).await;
        assert_eq!(test.post(&print, &[]).await.status, 409, "the letter waits");
        let bounced = letter::Entity::update_many().col_expr(letter::Column::State, Expr::value(LetterState::Bounced));
        let bounced = bounced.filter(letter::Column::Kind.eq(LetterKind::PromiseChanged));
        test.app.db.write(async |tx| Ok(bounced.clone().exec(tx).await.map(|_| ())?)).await.unwrap();
        let page = test.get(&format!("/desk/promises/{}", choice_of(&test, &gift).await.promise_id)).await;
        assert_eq!(page.texts("form[action$='/letter'] button").len(), 1);
        assert_eq!(test.post(&print, &[]).await.status, 200);
        assert_eq!(printed(&test, &gift).await, (1, 1));
    }

    async fn nothing_is_printed_for_who_was_erased(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = give(&test, &item, 1, 2_500).await;
        declare(&test, &item).await;
        let choice = choice_of(&test, &gift).await;
        privacy::erase(&test.app, &privacy::By::Operator, gift.supporter_id).await.unwrap();
        test.sign_in_as(Role::Finance).await;
        let page = test.get(&format!("/desk/promises/{}", choice.promise_id)).await;
        assert_eq!(page.texts("form[action$='/letter'] button").len(), 0);
        assert_eq!(test.post(&format!("/desk/promises/choices/{}/letter", choice.id), &[]).await.status, 409);
        assert_eq!(printed(&test, &gift).await, (0, 0));
    }
}
