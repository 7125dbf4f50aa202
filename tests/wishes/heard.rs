//! Who gives an address with an order is asked once whether she wants to hear of it; hears of it when she says yes, and is forgotten when not.

use super::{
    life::{assert_all_agrees, steps},
    orders::{all_orders, camera, say_ordered},
};
use crate::{
    support::{TestApp, gift, on_both_databases},
    updates::{self, begin, reached},
};
use chrono::TimeDelta;
use entity::{
    letter, news_update, subscription, supporter, wish_item, wish_order,
    words::{LetterKind, OrderState, SuppressionReason, UpdateAudience},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use wellwisher::{
    consents,
    i18n::Language,
    mail::{suppression, topic::Topic},
    privacy::{self, keep},
    staff::Actor,
    updates::audience,
    wishes::orders,
};

const HERS: &str = "zarmina@example.org";

/// The letters of a kind to her, oldest first.
async fn letters(test: &TestApp, kind: LetterKind) -> Vec<letter::Model> {
    let hers = letter::Entity::find().filter(letter::Column::ToAddress.eq(HERS)).filter(letter::Column::Kind.eq(kind));
    hers.order_by_asc(letter::Column::CreatedAt).all(test.app.db.read()).await.unwrap()
}

async fn all_letters(test: &TestApp) -> u64 {
    letter::Entity::find().count(test.app.db.read()).await.unwrap()
}

async fn supporters(test: &TestApp) -> Vec<supporter::Model> {
    supporter::Entity::find().filter(supporter::Column::Email.ne("")).all(test.app.db.read()).await.unwrap()
}

/// She opens the link of the letter that asked her, and presses the button.
async fn says_yes(test: &TestApp) {
    let asked = letters(test, LetterKind::Confirmation).await;
    let line = asked.last().expect("she was asked").text_body.lines().find(|line| line.contains("/news/")).expect("a link");
    let path = line.trim().strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned();
    assert_eq!(test.post(&path, &[]).await.status, 200);
}

/// The orders, the oldest first.
async fn in_order(test: &TestApp) -> Vec<wish_order::Model> {
    let mut all = all_orders(test).await;
    all.sort_by_key(|order| order.created_at);
    all
}

/// News of the item, which may ask for more of it.
async fn news_of(test: &TestApp, item: &wish_item::Model, asks: bool) -> news_update::Model {
    let slug = if asks { "one-more" } else { "it-is-there" };
    updates::draft(test, &format!("item:{}", item.id), |raw| {
        raw.slug = slug.into();
        raw.asks = if asks { "yes".into() } else { String::new() };
    })
    .await
}

async fn forget(test: &TestApp) {
    consents::forget_unconfirmed(&test.app).await.unwrap();
    keep::forget_what_is_over(&test.app).await.unwrap();
}

on_both_databases! {
    async fn who_says_yes_hears_what_came_of_each_order_and_gets_the_news_of_the_item(test: TestApp) {
        let item = camera(&test, "5").await;
        say_ordered(&test, "1", "Zarmina@Example.org").await;
        say_ordered(&test, "2", "ZARMINA@example.org").await;
        let asked = letters(&test, LetterKind::Confirmation).await;
        assert_eq!((asked.len(), all_letters(&test).await), (1, 1), "two orders, one question");
        let wish = subscription::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!((wish.topic, wish.wording), (Topic::Item(item.id).to_string(), Language::English.text("wishes-order-news")));
        let page = test.get("/wish-list/camera").await;
        assert!(page.texts("#email-hint").join(" ").contains(&Language::English.text("wishes-order-news")), "the words stand on the form");
        assert_eq!(supporters(&test).await.len(), 1);
        says_yes(&test).await;
        let both = in_order(&test).await;
        assert!(both.iter().all(|order| order.email.is_empty() && order.supporter_id.is_some()), "{both:?}");
        orders::confirm(&test.app, &Actor::system(), both[0].id).await.unwrap();
        test.app.clock.advance(TimeDelta::seconds(1));
        orders::refuse(&test.app, &Actor::system(), both[1].id).await.unwrap();
        let told = letters(&test, LetterKind::OrderSettled).await;
        assert_eq!(told.len(), 2);
        for (letter, said) in told.iter().zip(["It has come", "could not find that it came"]) {
            assert!(letter.text_body.contains(said) && letter.text_body.contains("1 May 2026"), "{}", letter.text_body);
            let all = format!("{} {} {}", letter.subject, letter.text_body, letter.html_body).to_lowercase();
            assert!(!all.contains("camera") && !all.contains("shop.example"), "what it was is nobody else's: {all}");
        }
        let both = in_order(&test).await;
        assert_eq!((both[0].state, both[0].supporter_id), (OrderState::Confirmed, Some(wish.supporter_id)));
        assert_eq!((both[1].state, both[1].supporter_id), (OrderState::Refused, None));
        // A proof of the delivery is told in such news.
        let mut update = news_of(&test, &item, false).await;
        update.audience = UpdateAudience::Gave;
        begin(&test, &update).await;
        updates::finish(&test).await;
        assert_eq!(reached(&test).await, [HERS], "who ordered it is among those who gave for it");
        let count = audience::count(&test.app, &news_of(&test, &item, true).await).await.unwrap();
        assert_eq!((count.gets, count.given, count.did_not_ask), (0, 1, 0), "and is not asked for it again");
        assert_all_agrees(&test).await;
    }

    async fn who_does_not_say_yes_gets_the_one_question_and_her_address_is_forgotten(test: TestApp) {
        let item = camera(&test, "5").await;
        for _ in 0..3 {
            say_ordered(&test, "1", HERS).await;
        }
        let all = in_order(&test).await;
        orders::confirm(&test.app, &Actor::system(), all[0].id).await.unwrap();
        orders::refuse(&test.app, &Actor::system(), all[1].id).await.unwrap();
        assert_eq!(audience::count(&test.app, &news_of(&test, &item, false).await).await.unwrap().gets, 0);
        assert_eq!((all_letters(&test).await, letters(&test, LetterKind::Confirmation).await.len()), (1, 1));
        test.app.clock.advance(TimeDelta::days(9));
        wellwisher::donations::sweep(&test.app).await.unwrap();
        let left = async || -> Vec<bool> { in_order(&test).await.iter().map(|order| order.supporter_id.is_some()).collect() };
        assert_eq!(left().await, [true, true, true], "she can still say yes");
        test.app.clock.advance(TimeDelta::days(2));
        wellwisher::donations::sweep(&test.app).await.unwrap();
        assert_eq!(left().await, [false, false, true], "nobody said that what is settled is hers");
        forget(&test).await;
        assert_eq!(supporters(&test).await.len(), 1, "one order still waits");
        test.app.clock.advance(TimeDelta::days(11));
        wellwisher::donations::sweep(&test.app).await.unwrap();
        forget(&test).await;
        assert!(supporters(&test).await.is_empty(), "her address is of no use any more");
        assert_eq!((letters(&test, LetterKind::Confirmation).await.len(), all_letters(&test).await), (0, 1), "nor is it in a letter");
        assert_all_agrees(&test).await;
    }

    async fn who_says_yes_after_her_orders_were_settled_is_told_once_what_came_of_each(test: TestApp) {
        camera(&test, "5").await;
        for _ in 0..3 {
            say_ordered(&test, "1", HERS).await;
        }
        let all = in_order(&test).await;
        orders::confirm(&test.app, &Actor::system(), all[0].id).await.unwrap();
        orders::refuse(&test.app, &Actor::system(), all[1].id).await.unwrap();
        assert_eq!(orders::tell_late(&test.app).await.unwrap(), 0);
        assert_eq!(letters(&test, LetterKind::OrderSettled).await.len(), 0, "nobody has said that it is hers");
        says_yes(&test).await;
        let both = tokio::join!(orders::tell_late(&test.app), orders::tell_late(&test.app));
        assert_eq!(both.0.unwrap() + both.1.unwrap(), 2);
        wellwisher::donations::sweep(&test.app).await.unwrap();
        let told = letters(&test, LetterKind::OrderSettled).await;
        let said = |words: &str| told.iter().filter(|letter| letter.text_body.contains(words)).count();
        assert_eq!((told.len(), said("It has come"), said("could not find that it came")), (2, 1, 1));
        let all = in_order(&test).await;
        let hers: Vec<bool> = all.iter().map(|order| order.supporter_id.is_some()).collect();
        assert_eq!((hers, all.iter().any(|order| order.answer_due)), (vec![true, false, true], false));
        test.app.clock.advance(TimeDelta::days(30));
        wellwisher::donations::sweep(&test.app).await.unwrap();
        wellwisher::donations::sweep(&test.app).await.unwrap();
        assert_eq!(letters(&test, LetterKind::OrderSettled).await.len(), 3, "the third ran out, and she hears that too");
        orders::confirm(&test.app, &Actor::system(), in_order(&test).await[2].id).await.unwrap();
        assert_eq!(letters(&test, LetterKind::OrderSettled).await.len(), 4, "and that it came after all");
        assert_all_agrees(&test).await;
    }

    async fn who_was_told_that_it_came_is_told_when_staff_take_it_back(test: TestApp) {
        let item = camera(&test, "5").await;
        say_ordered(&test, "1", HERS).await;
        say_ordered(&test, "1", HERS).await;
        let take_back = async |order: &wish_order::Model| {
            orders::confirm(&test.app, &Actor::system(), order.id).await.unwrap();
            let step = steps(&test).await.into_iter().rfind(|step| step.order_id == Some(order.id)).expect("a step");
            wellwisher::wishes::progress::undo(&test.app, &Actor::system(), item.id, step.id, "another parcel").await.unwrap();
        };
        let both = in_order(&test).await;
        take_back(&both[0]).await;
        says_yes(&test).await;
        take_back(&both[1]).await;
        wellwisher::donations::sweep(&test.app).await.unwrap();
        let told = letters(&test, LetterKind::OrderSettled).await;
        let said = |words: &str| told.iter().filter(|letter| letter.text_body.contains(words)).count();
        assert_eq!((told.len(), said("It has come"), said("That was a mistake"), said("could not find that it came")), (3, 1, 1, 2));
        assert!(in_order(&test).await.iter().all(|order| order.supporter_id.is_none() && !order.answer_due));
        assert_all_agrees(&test).await;
    }

    async fn nobody_hears_of_orders_that_others_typed_with_her_address(test: TestApp) {
        let item = camera(&test, "9").await;
        updates::subscriber(&test, HERS, Topic::Updates, "en").await;
        say_ordered(&test, "1", HERS).await;
        orders::refuse(&test.app, &Actor::system(), in_order(&test).await[0].id).await.unwrap();
        assert_eq!(letters(&test, LetterKind::OrderSettled).await.len(), 0, "she has not answered about it");
        says_yes(&test).await;
        test.app.clock.advance(TimeDelta::days(2));
        say_ordered(&test, "1", HERS).await;
        let typed = in_order(&test).await.remove(1);
        assert_eq!(typed.supporter_id, None, "she said yes before this order was there");
        orders::confirm(&test.app, &Actor::system(), typed.id).await.unwrap();
        assert_eq!(letters(&test, LetterKind::OrderSettled).await.len(), 0);
        let count = audience::count(&test.app, &news_of(&test, &item, true).await).await.unwrap();
        assert_eq!((count.gets, count.given), (1, 0), "nobody else's order makes her a giver");
        assert_all_agrees(&test).await;
    }

    async fn who_has_not_answered_is_not_asked_again_and_who_has_opens_her_own_pages(test: TestApp) {
        camera(&test, "9").await;
        say_ordered(&test, "1", HERS).await;
        for day in 1..9 {
            test.app.clock.advance(TimeDelta::days(1));
            say_ordered(&test, "1", HERS).await;
            assert_eq!(letters(&test, LetterKind::Confirmation).await.len(), 1, "day {day}");
        }
        let links = async || letters(&test, LetterKind::PortalLink).await.len();
        test.post("/me/link", &[("email", HERS)]).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(links().await, 0, "nobody has said that it is hers");
        says_yes(&test).await;
        test.app.clock.advance(TimeDelta::minutes(61));
        test.post("/me/link", &[("email", HERS)]).await;
        for _ in 0..200 {
            if links().await > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        let letter = letters(&test, LetterKind::PortalLink).await.remove(0);
        let line = letter.text_body.lines().find(|line| line.contains("/me/")).expect("a link");
        let path = line.trim().strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned();
        assert_eq!(test.post(&path, &[]).await.location(), "/me");
        for page in ["/me", "/me/news", "/me/data", "/me/details", "/me/erase"] {
            assert_eq!(test.get(page).await.status, 200, "{page}");
        }
    }

    async fn an_address_that_something_stands_against_is_not_noted_and_the_answer_is_the_same(test: TestApp) {
        camera(&test, "9").await;
        let known = say_ordered(&test, "1", "other@example.org").await;
        for (topic, reason) in [
            (Topic::Everything, SuppressionReason::HardBounce),
            (Topic::Updates, SuppressionReason::Unsubscribed),
            (Topic::Updates, SuppressionReason::Complaint),
        ] {
            test.suppress(HERS, topic, reason).await;
            let told = say_ordered(&test, "1", HERS).await;
            assert_eq!((told.status, told.location()), (known.status, known.location()));
            let (id, now) = (test.app.outbox.address_key().hash(HERS), test.app.now());
            test.app.db.write(async |tx| suppression::lift(tx, &id, topic, reason, "test", "", now).await).await.unwrap();
        }
        assert_eq!((all_orders(&test).await.len(), supporters(&test).await.len()), (4, 1));
        assert_eq!(letters(&test, LetterKind::Confirmation).await.len(), 0);
        say_ordered(&test, "1", HERS).await;
        assert_eq!(letters(&test, LetterKind::Confirmation).await.len(), 1, "nothing stands against it any more");
    }

    async fn who_was_erased_is_not_brought_back_by_whoever_types_her_address(test: TestApp) {
        camera(&test, "9").await;
        say_ordered(&test, "1", HERS).await;
        says_yes(&test).await;
        test.give(&wellwisher::asks::Gift { email: HERS.into(), ..gift(2_500, "EUR") }).await;
        let who = privacy::find_by_address(test.app.db.read(), HERS).await.unwrap().unwrap();
        privacy::erase(&test.app, &privacy::By::Operator, who.id).await.unwrap();
        updates::deliver(&test).await;
        keep::forget_gone_letters(&test.app).await.unwrap();
        let before = all_letters(&test).await;
        say_ordered(&test, "1", HERS).await;
        let both = in_order(&test).await;
        assert_eq!(both[1].supporter_id, None);
        for order in &both {
            orders::confirm(&test.app, &Actor::system(), order.id).await.unwrap();
        }
        assert!(supporters(&test).await.is_empty());
        assert_eq!((all_letters(&test).await, letters(&test, LetterKind::OrderSettled).await.len()), (before, 0));
        assert_all_agrees(&test).await;
    }

    async fn without_an_address_nobody_is_asked(test: TestApp) {
        camera(&test, "2").await;
        say_ordered(&test, "1", "").await;
        let order = all_orders(&test).await.remove(0);
        orders::confirm(&test.app, &Actor::system(), order.id).await.unwrap();
        assert_eq!((order.supporter_id, all_letters(&test).await, supporters(&test).await.len()), (None, 0, 0));
    }

    async fn the_order_the_question_and_who_is_asked_are_written_together_or_not_at_all(test: TestApp) {
        camera(&test, "2").await;
        let sql = if test.app.db.is_postgres() {
            "create function fault() returns trigger language plpgsql as $$ begin raise exception 'a fault'; end $$;
             create trigger fault before insert on letter for each row execute function fault();"
        } else {
            "create trigger fault before insert on letter begin select raise(abort, 'a fault'); end;"
        };
        test.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.unwrap();
        assert_eq!(say_ordered(&test, "1", HERS).await.status, 500);
        let wishes = subscription::Entity::find().count(test.app.db.read()).await.unwrap();
        assert_eq!((all_orders(&test).await.len(), supporters(&test).await.len(), wishes), (0, 0, 0));
        let mend = if test.app.db.is_postgres() { "drop trigger fault on letter; drop function fault();" } else { "drop trigger fault" };
        test.app.db.write(async |tx| Ok(tx.execute_unprepared(mend).await.map(|_| ())?)).await.unwrap();
        assert_eq!(say_ordered(&test, "1", HERS).await.status, 303);
        assert_eq!((all_orders(&test).await.len(), letters(&test, LetterKind::Confirmation).await.len()), (1, 1));
    }
}
