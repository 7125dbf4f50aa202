//! Donations and letters at the desk.

use crate::support::{Answer, TestApp, gift, on_both_databases};
use axum::http::StatusCode;
use chrono::TimeDelta;
use entity::{
    audit_entry, donation, letter,
    words::{DonationStatus, LetterState, LetterStream, Role},
};
use sea_orm::{ConnectionTrait, Database, EntityTrait, QueryOrder};
use wellwisher::{asks::Gift, mail::store};

fn named(name: &str, email: &str, minor: i64) -> Gift {
    Gift { name: name.to_owned(), email: email.to_owned(), note: "With love from here".to_owned(), ..gift(minor, "EUR") }
}

async fn letters(test: &TestApp) -> Vec<letter::Model> {
    letter::Entity::find().order_by_asc(letter::Column::CreatedAt).order_by_asc(letter::Column::Id).all(test.app.db.read()).await.unwrap()
}

async fn actions(test: &TestApp) -> Vec<String> {
    let all = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).all(test.app.db.read()).await.unwrap();
    all.into_iter().filter(|entry| entry.object_kind != "staff" && !entry.action.starts_with("staff")).map(|e| e.action).collect()
}

async fn change(test: &TestApp, sql: &str) {
    let db = Database::connect(&test.database.url).await.unwrap();
    db.execute_unprepared(sql).await.unwrap();
}

/// Without the signs that isolate a number's direction, which people do not see.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

fn rows(page: &Answer) -> Vec<String> {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.texts("tbody tr")
}

on_both_databases! {
    async fn a_filter_finds_by_state_day_campaign_fund_and_by_what_people_know(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let mut first = named("Rosa", "rosa@example.org", 2_500);
        first.campaign_id = Some(campaign);
        let paid = test.give(&first).await;
        test.wait(86_400);
        let waiting = test.start(&named("Adila", "adila@example.net", 4_000)).await;
        test.sign_in_as(Role::Finance).await;
        assert_eq!(rows(&test.get("/desk/donations").await).len(), 2);
        let session = paid.checkout_session_id.clone().unwrap();
        let intent = paid.payment_intent_id.clone().unwrap();
        let charge = paid.charge_id.clone().unwrap();
        for (query, found) in [
            ("status=paid".to_owned(), &paid),
            ("status=pending".to_owned(), &waiting),
            ("campaign=winter".to_owned(), &paid),
            ("fund=GENERAL&from=2026-05-02".to_owned(), &waiting),
            ("to=2026-05-01".to_owned(), &paid),
            ("from=2026-05-02&to=2026-05-02".to_owned(), &waiting),
            ("q=r-2026-000001".to_owned(), &paid),
            ("q=ROSA%40example".to_owned(), &paid),
            ("q=adil".to_owned(), &waiting),
            (format!("q={session}"), &paid),
            (format!("q={intent}"), &paid),
            (format!("q={charge}"), &paid),
            (format!("q={}", waiting.id), &waiting),
        ] {
            let page = test.get(&format!("/desk/donations?{query}")).await;
            assert_eq!(rows(&page).len(), 1, "{query}");
            assert!(page.body.contains(&format!("/desk/donations/{}", found.id)), "{query}");
        }
        for nothing in ["q=%25", "q=_", "q=nobody", "campaign=summer", "status=failed", "q=R-2026-000009"] {
            let page = test.get(&format!("/desk/donations?{nothing}")).await;
            assert!(page.body.contains("No donation fits."), "{nothing}: {}", page.body);
        }
        let totals: Vec<String> = test.get("/desk/donations").await.texts("ul.meta li").iter().map(|text| plain(text)).collect();
        assert_eq!(totals, ["Paid: €25 · 1 gift", "Waiting for payment: €40 · 1 gift"]);
        for wrong in ["from=today", "status=rich", "after=x"] {
            assert_eq!(test.get(&format!("/desk/donations?{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
    }

    async fn an_empty_list_says_why_and_what_to_do(test: TestApp) {
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/donations").await;
        assert!(page.body.contains("No donation has been started yet.") && page.body.contains("href=\"/donate\""));
        assert!(test.get("/desk/letters").await.body.contains("No letter has been written yet."));
    }

    async fn a_long_list_goes_on_where_the_page_before_ended(test: TestApp) {
        for number in 0..53 {
            if number % 5 == 0 {
                test.wait(60);
            }
            test.start(&gift(1_000 + number, "EUR")).await;
        }
        test.sign_in_as(Role::Finance).await;
        let first = test.get("/desk/donations?status=pending").await;
        assert_eq!(rows(&first).len(), 50);
        let next = first.attribute("a[rel=next]", "href").unwrap();
        assert!(next.starts_with("/desk/donations?status=pending&after="), "{next}");
        let newest = test.start(&gift(9_999, "EUR")).await;
        let second = test.get(&next).await;
        assert_eq!(rows(&second).len(), 3, "what came meanwhile moves nothing");
        assert!(!second.body.contains(&newest.id.to_string()) && second.attribute("a[rel=next]", "href").is_none());
    }

    async fn editors_see_what_was_given_but_not_by_whom(test: TestApp) {
        let mut public = named("Rosa Public", "rosa@example.org", 2_500);
        public.public_name = true;
        let public = test.give(&public).await;
        let hidden = test.give(&named("Adila Hidden", "adila@example.net", 4_000)).await;
        test.sign_in_as(Role::Editor).await;
        let list = test.get("/desk/donations").await;
        assert!(list.body.contains("Rosa Public") && list.body.contains("r…@e….org"), "{}", list.body);
        assert!(!list.body.contains("Adila") && !list.body.contains("adila@") && !list.body.contains("donations.csv"));
        for query in ["adila", "adila%40example.net", "example"] {
            assert!(test.get(&format!("/desk/donations?q={query}")).await.body.contains("No donation fits."), "addresses cannot be tried out");
        }
        assert_eq!(rows(&test.get("/desk/donations?q=R-2026-000002").await).len(), 1);
        for donation in [&public, &hidden] {
            let story = test.get(&format!("/desk/donations/{}", donation.id)).await;
            assert_eq!(story.status, StatusCode::OK);
            for secret in ["rosa@example.org", "adila@example.net", "Adila Hidden", "With love from here", "/desk/letters/"] {
                assert!(!story.body.contains(secret), "{secret}: {}", story.body);
            }
            assert!(!story.body.contains("/receipt\"") && !story.body.contains("/refresh\""), "no button that is not hers");
        }
    }

    async fn the_story_of_a_donation_is_whole_and_in_plain_words(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let item = test.add_item("bag", 10, campaign).await;
        let mut given = named("Rosa", "rosa@example.org", 5_000);
        (given.campaign_id, given.item) = (Some(campaign), Some((item, 2)));
        let paid = test.give(&given).await;
        test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
        test.sign_in_as(Role::Finance).await;
        let page = plain(&test.get(&format!("/desk/donations/{}", paid.id)).await.body);
        for part in [
            "Donation of €50", "The winter", "School bag", "× 2", "GENERAL", "rosa@example.org", "With love from here", "Not from an article",
            "The form was sent", "Stripe’s payment page was opened", "Stripe told what it kept", "Held by Stripe", "Stripe’s fees",
            "EUR 50.00", "EUR -50.00", "R-2026-000001", "valid", "Sent",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        for id in [paid.checkout_session_id, paid.payment_intent_id, paid.charge_id] {
            assert!(page.contains(&id.unwrap()));
        }
        let nobody = test.get("/desk/donations/019a0000-0000-7000-8000-000000000000").await;
        assert_eq!(nobody.status, StatusCode::NOT_FOUND);
        assert_eq!(test.get("/desk/donations/x").await.status, StatusCode::NOT_FOUND);
    }

    async fn sending_a_receipt_again_makes_a_second_letter_with_the_same_receipt(test: TestApp) {
        let paid = test.give(&named("Rosa", "rosa@example.org", 2_500)).await;
        test.sign_in_as(Role::Finance).await;
        let path = format!("/desk/donations/{}/receipt", paid.id);
        test.wait(1);
        let again = test.post(&path, &[("to_address", "")]).await;
        assert_eq!((again.status, again.location()), (StatusCode::SEE_OTHER, format!("/desk/donations/{}?done=receipt-sent", paid.id).as_str()));
        assert!(test.get(again.location()).await.body.contains("The receipt is on its way."));
        test.wait(1);
        assert_eq!(test.post(&path, &[("to_address", " rosa.new@example.org ")]).await.status, StatusCode::SEE_OTHER);
        let wrong = test.post(&path, &[("to_address", "rosa at example")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("rosa at example") && wrong.attribute(".error-summary a", "href").as_deref() == Some("#to_address"));

        let letters = letters(&test).await;
        assert_eq!(letters.len(), 3);
        assert!(letters.iter().all(|l| l.receipt_id == letters[0].receipt_id && l.text_body == letters[0].text_body));
        let addresses: Vec<&str> = letters.iter().map(|l| l.to_address.as_str()).collect();
        assert_eq!(addresses, ["rosa@example.org", "rosa@example.org", "rosa.new@example.org"]);
        assert_eq!(actions(&test).await, ["receipt.resend", "receipt.resend"]);
        let trail = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        assert!(!trail.iter().any(|entry| entry.detail.contains("rosa")), "the trail names nobody");

        test.wait(1);
        test.post(&path, &[("to_address", "rosa.right@example.org"), ("from_now_on", "yes")]).await;
        test.wait(1);
        test.post(&path, &[("to_address", "copy@example.org")]).await;
        test.wait(1);
        test.post(&path, &[("to_address", ""), ("from_now_on", "yes")]).await;
        let later: Vec<String> = self::letters(&test).await.into_iter().skip(3).map(|l| l.to_address).collect();
        assert_eq!(later, ["rosa.right@example.org", "copy@example.org", "rosa.right@example.org"]);
        let page = test.get(&format!("/desk/donations/{}", paid.id)).await;
        assert_eq!(page.attribute("#from_now_on", "checked"), None, "a copy to somebody else is for that once");

        let waiting = test.start(&gift(1_000, "EUR")).await;
        let none = test.post(&format!("/desk/donations/{}/receipt", waiting.id), &[]).await;
        assert_eq!(none.status, StatusCode::CONFLICT, "there is no receipt before the money");
    }

    async fn staff_can_ask_stripe_when_its_message_was_lost(test: TestApp) {
        let waiting = test.start(&gift(2_500, "EUR")).await;
        test.sign_in_as(Role::Finance).await;
        let path = format!("/desk/donations/{}/refresh", waiting.id);
        assert!(test.post(&path, &[]).await.location().ends_with("?done=stripe-unchanged"));
        test.pay_unheard(&waiting);
        let answer = test.post(&path, &[]).await;
        assert!(answer.location().ends_with("?done=stripe-changed"), "{}", answer.location());
        assert_eq!(test.donation(waiting.id).await.status, DonationStatus::Paid);
        assert!(test.get(answer.location()).await.body.contains("the donation was brought up to date"));
        assert_eq!(actions(&test).await, ["donation.ask_stripe", "donation.ask_stripe"]);
        test.stripe.standin.fault(wellwisher::payments::standin::ApiFault::ServerError, 9);
        assert_eq!(test.post(&path, &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(donation::Entity::find().all(test.app.db.read()).await.unwrap().len(), 1);
    }

    async fn the_outbox_shows_what_failed_and_tries_it_again(test: TestApp) {
        let paid = test.give(&named("Rosa", "rosa@example.org", 2_500)).await;
        test.give(&named("Adila", "adila@example.net", 2_500)).await;
        let lost = letters(&test).await.into_iter().find(|l| l.donation_id == Some(paid.id)).unwrap();
        change(&test, "update letter set state = 'bounced', smtp_code = 550, last_reply = 'no such user' where to_address like 'rosa%'").await;
        test.sign_in_as(Role::Finance).await;
        assert_eq!(rows(&test.get("/desk/letters").await).len(), 2);
        for query in ["state=trouble", "state=bounced", "q=rosa"] {
            let page = test.get(&format!("/desk/letters?{query}")).await;
            assert_eq!(rows(&page).len(), 1, "{query}");
            assert!(page.body.contains("no such user") && page.body.contains("550"));
        }
        assert!(test.get("/desk/letters?state=dead").await.body.contains("No letter fits."));
        let mut older = Vec::new();
        for letter in letters(&test).await {
            older.push(rows(&test.get(&format!("/desk/letters?after={}", letter.id)).await).len());
        }
        older.sort_unstable();
        assert_eq!(older, [0, 1], "each page begins after the last letter of the one before");
        assert_eq!(test.get("/desk/letters?after=yesterday").await.status, StatusCode::BAD_REQUEST);
        let page = test.get(&format!("/desk/letters/{}", lost.id)).await;
        assert!(page.body.contains("rosa@example.org") && page.body.contains("Try again now") && page.body.contains(&lost.message_id));
        let again = test.post(&format!("/desk/letters/{}/retry", lost.id), &[]).await;
        assert_eq!(again.location(), format!("/desk/letters/{}?done=letter-retry", lost.id));
        let now = letters(&test).await.into_iter().find(|l| l.id == lost.id).unwrap();
        assert_eq!((now.state, now.message_id), (LetterState::Queued, lost.message_id.clone()));
        assert_eq!(actions(&test).await, ["letter.retry"]);
        let twice = test.post(&format!("/desk/letters/{}/retry", lost.id), &[]).await;
        assert_eq!(twice.status, StatusCode::CONFLICT, "it waits already");
        assert_eq!(actions(&test).await.len(), 1, "what was not done is not in the trail");
    }

    async fn a_letter_whose_receipt_is_valid_no_more_stays_in_whoever_has_it_in_hand_or_tries_it_again(test: TestApp) {
        let paid = test.give(&named("Rosa", "rosa@example.org", 2_500)).await;
        let (now, until) = (test.app.now(), test.app.now() + TimeDelta::seconds(120));
        let taken = test.app.db.write(async |tx| store::lease(tx, LetterStream::Transactional, now, until, 10).await).await.unwrap();
        test.stripe.standin.refund(paid.checkout_session_id.as_deref().unwrap(), None).expect("a refund");
        wellwisher::donations::refresh(&test.app, paid.id).await.unwrap();
        assert_eq!((taken.len(), taken[0].receipt_id.is_some()), (1, true));
        let sends = test.app.db.write(async |tx| store::note_dot(tx, &taken[0], until).await).await.unwrap();
        assert!(!sends, "its text does not leave");
        test.sign_in_as(Role::Finance).await;
        for state in ["leased", "suppressed", "unknown", "deferred"] {
            change(&test, &format!("update letter set state = '{state}', next_at = created_at, last_stage = 'rcpt' where id in (select id from letter where receipt_id is not null)")).await;
            let page = test.get(&format!("/desk/letters/{}", taken[0].id)).await;
            assert!(!page.body.contains("Try again now") && page.body.contains("is no longer valid"), "{state}: {}", page.body);
            let again = test.post(&format!("/desk/letters/{}/retry", taken[0].id), &[]).await;
            assert!(again.status == StatusCode::CONFLICT && again.body.contains("is no longer valid"), "{state}: {}", again.body);
            test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap();
            let (letter, attempts) = store::find(test.app.db.read(), taken[0].id).await.unwrap();
            assert_eq!((letter.state, attempts.len()), (LetterState::Suppressed, 0), "{state}");
        }
        assert_eq!(actions(&test).await, [""; 0], "nothing was done");
    }

    async fn who_may_do_what_with_donations_and_letters(test: TestApp) {
        let paid = test.give(&gift(2_500, "EUR")).await;
        let letter = letters(&test).await.remove(0).id;
        let (all, money) = (&[Role::Admin, Role::Editor, Role::Finance][..], &[Role::Admin, Role::Finance][..]);
        let of = |route: &str| route.replace("{donation}", &paid.id.to_string()).replace("{letter}", &letter.to_string());
        let routes: Vec<(String, &[Role])> = [
            ("GET /desk/donations", all),
            ("GET /desk/donations/{donation}", all),
            ("POST /desk/donations/{donation}/receipt", money),
            ("POST /desk/donations/{donation}/refresh", money),
            ("GET /desk/letters", money),
            ("GET /desk/letters/{letter}", money),
            ("POST /desk/letters/{letter}/retry", money),
        ]
        .into_iter()
        .map(|(route, roles)| (of(route), roles))
        .collect();
        let routes: Vec<(&str, &[Role])> = routes.iter().map(|(route, roles)| (route.as_str(), *roles)).collect();
        test.assert_open_only_to(&routes).await;
    }
}
