//! Money that did not come through Stripe is given back by hand, when its giver chose so.

use super::{assert_all_agrees, carry_out, choice_of, declare, income, letters, link_of, stock};
use crate::support::{TestApp, hand_gift, on_both_databases};
use chrono::TimeDelta;
use entity::{
    donation, promise_choice, wish_item,
    words::{LetterKind, MovementKind, PromiseWay, Role},
};
use wellwisher::{
    donations::by_hand::{self, HandGift},
    ledger, promises, reports,
    staff::Actor,
    wishes::progress,
};

/// Cash for two of an item, from somebody with an address.
async fn cash(test: &TestApp, item: &wish_item::Model) -> donation::Model {
    let hand = HandGift {
        item: Some((item.id, 2)),
        fund_id: Some(item.fund_id),
        email: Some("latifa@example.org".into()),
        name: "Latifa".into(),
        ..hand_gift(test, 5_000, "EUR")
    };
    test.donation(test.enter(&hand).await.id).await
}

/// Cash whose giver wants it back.
async fn asked_back(test: &TestApp) -> (wish_item::Model, donation::Model) {
    let item = test.item("School bag", None, |_| {}).await;
    let gift = cash(test, &item).await;
    declare(test, &item).await;
    assert_eq!(test.post(&link_of(test, &gift).await, &[("way", "refund")]).await.status, 303);
    (item, gift)
}

async fn give_back(test: &TestApp, gift: &donation::Model) -> Result<(), wellwisher::error::Error> {
    let id = choice_of(test, gift).await.id;
    promises::given_back(&test.app, &Actor::system(), id, test.app.today(), "in cash").await
}

async fn reversals(test: &TestApp, gift: &donation::Model) -> usize {
    let entries = ledger::entries_of_donation(test.app.db.read(), gift.id).await.unwrap();
    entries.iter().filter(|(head, _)| head.kind == MovementKind::Reversal).count()
}

on_both_databases! {
    async fn cash_is_given_back_by_hand_and_her_word_holds_until_then(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        let path = link_of(&test, &gift).await;
        let page = test.get(&format!("{path}?saved=yes")).await;
        assert!(page.body.contains("until the money is given back") && page.body.contains("We give it back by hand"), "{}", page.body);
        assert_eq!(carry_out(&test).await, 0);
        test.app.clock.advance(TimeDelta::days(31));
        assert_eq!(promises::keep(&test.app).await.unwrap(), 0, "the default does not overrule her");
        let choice = choice_of(&test, &gift).await;
        assert_eq!((choice.way, choice.carried_at, choice.trouble.as_str()), (PromiseWay::Refund, None, ""));
        let form = format!("/desk/promises/choices/{}/given-back", choice.id);
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get(&form).await.status, 403);
        test.sign_in_as(Role::Finance).await;
        let home = test.get("/desk").await.texts("main ul a").join(" ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(home.contains("1 gift is to be given back by hand: its giver chose so."), "{home}");
        for page in ["/desk/promises".to_owned(), format!("/desk/promises/{}", choice.promise_id)] {
            assert!(test.get(&page).await.attribute(&format!("main a[href='{form}']"), "href").is_some(), "{page}");
        }
        let shown = test.get(&form).await;
        assert_eq!((shown.status.as_u16(), shown.attribute("#given_on", "value")), (200, Some(test.app.today().to_string())));
        for (day, how) in [("2026-07-01", "in cash"), ("2026-04-30", "in cash"), ("", "in cash"), ("2026-05-20", " ")] {
            let wrong = test.post(&form, &[("given_on", day), ("how", how)]).await;
            assert_eq!((wrong.status.as_u16(), wrong.attribute("#given_on", "value").as_deref()), (422, Some(day)), "{day} {how}");
            assert_eq!(wrong.attribute("#how", "value").as_deref(), Some(how));
        }
        assert_eq!((reversals(&test, &gift).await, income(&test, &gift, &item).await), (0, (5_000, 5_000)));
        let done = test.post(&form, &[("given_on", "2026-05-20"), ("how", "in cash, against a signature")]).await;
        assert_eq!((done.status.as_u16(), done.location()), (303, format!("/desk/promises/{}?done=saved", choice.promise_id).as_str()));
        let carried = choice_of(&test, &gift).await;
        assert_eq!((carried.way, carried.moved_minor, carried.carried_at.is_some()), (PromiseWay::Refund, 5_000, true));
        assert_eq!((reversals(&test, &gift).await, income(&test, &gift, &item).await, stock(&test, &item).await.paid), (1, (0, 0), 0));
        let story = test.get(&format!("/desk/donations/{}", gift.id)).await;
        assert!(story.body.contains("given back on 2026-05-20: in cash, against a signature"), "{}", story.body);
        let (cancelled, told) = (letters(&test, LetterKind::ReceiptCancelled).await, letters(&test, LetterKind::PromiseDone).await);
        assert!(cancelled.len() == 1 && cancelled[0].text_body.contains("was given back"), "{cancelled:?}");
        assert!(told.len() == 1 && told[0].text_body.contains("was given back to you"), "{told:?}");
        assert!(test.get(&path).await.body.contains("was given back to you"));
        let again = test.post(&form, &[("given_on", "2026-05-20"), ("how", "again")]).await;
        assert_eq!((test.get(&form).await.status.as_u16(), again.status.as_u16()), (409, 409));
        assert!(!test.get("/desk").await.body.contains("given back by hand"));
        assert_all_agrees(&test).await;
    }

    async fn given_back_by_two_at_once_it_is_given_back_once(test: TestApp) {
        let (_, gift) = asked_back(&test).await;
        let (one, two) = tokio::join!(give_back(&test, &gift), give_back(&test, &gift));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!((reversals(&test, &gift).await, letters(&test, LetterKind::PromiseDone).await.len()), (1, 1));
        assert_eq!(carry_out(&test).await, 0);
        assert_all_agrees(&test).await;
    }

    async fn who_changes_her_mind_is_not_given_it_back(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        assert_eq!(test.post(&link_of(&test, &gift).await, &[("way", "general")]).await.status, 303);
        assert!(give_back(&test, &gift).await.is_err());
        assert_eq!((carry_out(&test).await, reversals(&test, &gift).await), (1, 0));
        assert_eq!(income(&test, &gift, &item).await, (0, 5_000));
        assert!(give_back(&test, &gift).await.is_err());
        assert_all_agrees(&test).await;
    }

    async fn an_entry_that_was_taken_back_otherwise_leaves_nothing_to_give_back(test: TestApp) {
        let (item, gift) = asked_back(&test).await;
        by_hand::reverse(&test.app, &Actor::system(), gift.id, "Entered twice").await.unwrap();
        assert!(give_back(&test, &gift).await.is_err());
        assert_eq!(carry_out(&test).await, 1);
        let choice = choice_of(&test, &gift).await;
        assert_eq!((choice.moved_minor, choice.source.as_str(), income(&test, &gift, &item).await), (0, "", (0, 0)));
        assert!(letters(&test, LetterKind::PromiseDone).await.is_empty());
        assert_all_agrees(&test).await;
    }

    async fn what_has_bought_a_part_is_not_promised_back(test: TestApp) {
        let item = test.item("School bag", None, |_| {}).await;
        let gift = cash(&test, &item).await;
        progress::buy(&test.app, &Actor::system(), item.id, 1, "").await.unwrap();
        declare(&test, &item).await;
        let path = link_of(&test, &gift).await;
        assert_eq!(test.post(&path, &[("way", "refund")]).await.status, 422);
        assert!(test.get(&path).await.body.contains("To have it back, write to us"));
        assert_all_agrees(&test).await;
    }

    async fn a_choice_that_says_it_was_given_back_without_an_entry_is_found(test: TestApp) {
        let (_, gift) = asked_back(&test).await;
        let said = promise_choice::Model {
            carried_at: Some(test.app.now()),
            moved_minor: 5_000,
            source: by_hand::reversal_of(&gift),
            ..choice_of(&test, &gift).await
        };
        test.app.db.write(async |tx| Ok(promises::store::update(tx, said.clone()).await?)).await.unwrap();
        let report = reports::verify(&test.app).await.unwrap();
        assert!(report.broken().any(|check| check.name.contains("went to exactly one place")));
        test.books_end_broken("the choice was carried out behind the books");
    }
}
