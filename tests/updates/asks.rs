//! The ask budget: nobody is asked too often, nobody is asked again for what she gave.

use super::{asks_for_news, begin, draft, everybody, finish, letters, now_is, reached, subscriber, subscribers, tell};
use crate::{
    donations::helpers::another_process,
    support::{TestApp, gift, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    Money, donation,
    ids::CampaignId,
    news_update,
    words::{Account, MovementKind, UpdateAudience},
};
use std::collections::HashMap;
use wellwisher::{
    jobs::Outcome,
    ledger::{self, Leg, Posting, Purpose},
    mail::topic::Topic,
    staff::Actor,
    updates::{audience, send, state::Verb},
};

/// An update that asks for money.
async fn ask(test: &TestApp, about: &str, slug: &str) -> news_update::Model {
    draft(test, about, |raw| (raw.slug, raw.asks) = (slug.into(), "yes".into())).await
}

fn of(campaign: CampaignId) -> String {
    format!("campaign:{campaign}")
}

/// The money of a gift goes back, in the books.
async fn go_back(test: &TestApp, gift: &donation::Model) {
    let purpose = ledger::purpose_of_gift(test.app.db.read(), gift.id).await.unwrap().unwrap();
    let (now, amount) = (test.app.now(), Money::new(gift.amount_minor, gift.currency));
    let posting = Posting {
        kind: MovementKind::Refund,
        source: format!("txn_{}:refund", gift.id),
        donation_id: Some(gift.id),
        occurred_at: now,
        balance_transaction: None,
        reverses_id: None,
        legs: vec![
            Leg { account: Account::Donations, amount, purpose },
            Leg { account: Account::StripeClearing, amount: amount.negated().unwrap(), purpose: Purpose::default() },
        ],
    };
    assert!(test.app.db.write(async |tx| ledger::post(tx, &posting, now).await).await.unwrap());
    test.books_end_broken("money was taken back in the ledger alone");
}

on_both_databases! {
    async fn nobody_is_asked_more_often_than_the_setting_allows_within_thirty_days(test: TestApp) {
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        for (number, slug) in ["one", "two", "three"].into_iter().enumerate() {
            let update = ask(&test, "", slug).await;
            let count = audience::count(&test.app, &update).await.unwrap();
            assert_eq!((count.gets, count.budget), if number < 2 { (1, 0) } else { (0, 1) }, "{slug}");
            begin(&test, &update).await;
            finish(&test).await;
            test.app.clock.advance(TimeDelta::days(1));
        }
        assert_eq!(reached(&test).await.len(), 2);
        let news = draft(&test, "", |raw| raw.slug = "news".into()).await;
        begin(&test, &news).await;
        finish(&test).await;
        assert_eq!(reached(&test).await.len(), 3, "news that ask for nothing are not counted");
        test.app.clock.advance(TimeDelta::days(27) + TimeDelta::hours(1));
        let again = ask(&test, "", "again").await;
        assert_eq!(audience::count(&test.app, &again).await.unwrap().gets, 1, "the first is thirty days ago");
    }

    async fn two_updates_sent_at_once_do_not_ask_more_often_together(test: TestApp) {
        let addresses: Vec<String> = (0..700).map(|number| format!("reader-{number:03}@example.org")).collect();
        subscribers(&test, &addresses, Topic::Updates, "en").await;
        let mut updates = Vec::new();
        for slug in ["one", "two", "three"] {
            let update = ask(&test, "", slug).await;
            send::send(&test.app, &Actor::system(), update.id, &everybody()).await.unwrap();
            updates.push(serde_json::json!({ "update": update.id }));
        }
        let others = [
            another_process(&test, wellwisher::db::Db::open(&test.database.url).await.unwrap()),
            another_process(&test, wellwisher::db::Db::open(&test.database.url).await.unwrap()),
        ];
        let done = tokio::join!(send::act(&test.app, &updates[0]), send::act(&others[0], &updates[1]), send::act(&others[1], &updates[2]));
        assert_eq!(done, (Outcome::Done, Outcome::Done, Outcome::Done));
        let mut asked: HashMap<String, u32> = HashMap::new();
        for letter in letters(&test).await {
            *asked.entry(letter.to_address).or_default() += 1;
        }
        assert_eq!(asked.len(), 700);
        assert!(asked.values().all(|times| *times == 2), "each twice, none three times");
        for other in others {
            other.db.close().await.unwrap();
        }
    }

    async fn an_ask_counts_from_when_its_letter_left_and_while_it_waits(test: TestApp) {
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        let written = [ask(&test, "", "one").await, ask(&test, "", "two").await];
        for update in &written {
            begin(&test, update).await;
            crate::updates::work(&test).await;
            tell(&test, update, Verb::Pause).await;
        }
        let third = ask(&test, "", "three").await;
        test.app.clock.advance(TimeDelta::days(40));
        assert_eq!(audience::count(&test.app, &third).await.unwrap().budget, 1, "both may still leave");
        for update in &written {
            tell(&test, update, Verb::Resume).await;
        }
        finish(&test).await;
        assert_eq!(reached(&test).await.len(), 2);
        test.app.clock.advance(TimeDelta::days(29));
        assert_eq!(audience::count(&test.app, &third).await.unwrap().budget, 1, "they left a month ago at most");
        test.app.clock.advance(TimeDelta::days(2));
        assert_eq!(audience::count(&test.app, &third).await.unwrap().gets, 1);
    }

    async fn letters_that_never_left_asked_nobody(test: TestApp) {
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        for slug in ["one", "two", "three"] {
            let update = ask(&test, "", slug).await;
            begin(&test, &update).await;
            crate::updates::work(&test).await;
            tell(&test, &update, Verb::Stop).await;
        }
        let update = ask(&test, "", "four").await;
        begin(&test, &update).await;
        finish(&test).await;
        assert_eq!(reached(&test).await, ["wren@example.org"]);
    }

    async fn nobody_is_asked_again_for_what_she_gave_unless_the_money_went_back(test: TestApp) {
        let campaign = test.campaign("Light").await;
        let mut given = Vec::new();
        for _ in 0..2 {
            let mut gift = gift(2_500, "EUR");
            (gift.campaign_id, gift.fund_id) = (Some(campaign.id), Some(campaign.fund_id));
            given.push(test.give(&gift).await);
        }
        for gift in &given {
            asks_for_news(&test, gift.supporter_id, Topic::Updates).await;
        }
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        let update = ask(&test, &of(campaign.id), "one").await;
        let count = audience::count(&test.app, &update).await.unwrap();
        assert_eq!((count.gets, count.given), (1, 2));
        let contradiction = send::Plan { audience: UpdateAudience::Gave, ..everybody() };
        assert!(send::send(&test.app, &Actor::system(), update.id, &contradiction).await.is_err());
        begin(&test, &update).await;
        finish(&test).await;
        assert_eq!((reached(&test).await.len(), now_is(&test, &update).await.left_given), (1, 2));
        let item = test.item("A stove", Some(campaign.id), |_| {}).await;
        assert_eq!(audience::count(&test.app, &ask(&test, &format!("item:{}", item.id), "item").await).await.unwrap().given, 0, "another thing");

        go_back(&test, &given[0]).await;
        let again = ask(&test, &of(campaign.id), "two").await;
        let count = audience::count(&test.app, &again).await.unwrap();
        assert_eq!((count.gets, count.given), (2, 1));
        // A bank takes days to say that the money comes.
        let mut debit = gift(2_500, "EUR");
        (debit.campaign_id, debit.fund_id) = (Some(campaign.id), Some(campaign.fund_id));
        let debit = test.start(&debit).await;
        asks_for_news(&test, debit.supporter_id, Topic::Updates).await;
        let count = audience::count(&test.app, &again).await.unwrap();
        assert_eq!((count.gets, count.given), (3, 1), "a checkout that is open is no gift");
        test.stripe.standin.pay_by_debit(debit.checkout_session_id.as_deref().expect("a session"), true);
        wellwisher::donations::refresh(&test.app, debit.id).await.unwrap();
        let count = audience::count(&test.app, &again).await.unwrap();
        assert_eq!((count.gets, count.given), (2, 2));
    }
}
