//! Who asked for news, and who wants no letters: asked twice before the first letter, ended with one click, and never by a scanner.

use crate::support::{TestApp, on_both_databases};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{
    audit_entry, letter, subscription, supporter,
    words::{LetterKind, LetterState, Role},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wellwisher::{
    consents,
    i18n::Language,
    mail::{topic::Topic, unsubscribe::Wish},
    supporters,
};

async fn supporter(test: &TestApp, email: &str) -> supporter::Model {
    let (id, now) = (test.app.new_id(), test.app.now());
    test.app.db.write(async |tx| supporters::find_or_add(tx, id, email, "en", now).await).await.unwrap()
}

async fn ask(test: &TestApp, who: &supporter::Model, topic: Topic, language: Language) {
    let wording = language.text("asks-updates");
    let request = consents::Request { supporter: who, topic, language, wording: &wording };
    test.app.db.write(async |tx| consents::ask(tx, &test.app, &request).await).await.unwrap();
}

/// The letters that ask for confirmation, oldest first.
async fn confirmations(test: &TestApp) -> Vec<letter::Model> {
    letter::Entity::find()
        .filter(letter::Column::Kind.eq(LetterKind::Confirmation))
        .order_by_asc(letter::Column::CreatedAt)
        .all(test.app.db.read())
        .await
        .unwrap()
}

/// The path of the link in the newest of them.
async fn confirmation_link(test: &TestApp) -> String {
    let letters = confirmations(test).await;
    let text = &letters.last().expect("a letter").text_body;
    let line = text.lines().find(|line| line.contains("/news/")).expect("a link");
    line.trim().strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned()
}

async fn subscribe(test: &TestApp, email: &str, topic: Topic) -> supporter::Model {
    let who = supporter(test, email).await;
    ask(test, &who, topic, Language::English).await;
    let link = confirmation_link(test).await;
    assert_eq!(test.post(&link, &[]).await.status, 200);
    test.app.clock.advance(TimeDelta::seconds(1));
    who
}

async fn audience(test: &TestApp, about: Topic) -> Vec<String> {
    let found = consents::audience(test.app.db.read(), about, None, 100).await.unwrap();
    assert_eq!(consents::audience_size(test.app.db.read(), about).await.unwrap(), found.len() as u64);
    found.into_iter().map(|one| one.email).collect()
}

fn link_to_end(test: &TestApp, email: &str, topic: Topic) -> String {
    let wish = Wish { address_hash: test.app.outbox.address_key().hash(email), topic };
    format!("/unsubscribe/{}", test.app.outbox.unsubscribe_key().token(&wish).unwrap())
}

on_both_databases! {
    async fn nobody_gets_news_before_she_confirmed_it_from_a_letter(test: TestApp) {
        let who = supporter(&test, "wren@example.org").await;
        ask(&test, &who, Topic::Updates, Language::Dari).await;
        ask(&test, &who, Topic::Updates, Language::Dari).await;
        assert_eq!(confirmations(&test).await.len(), 1, "whoever types her address twice writes to her once");
        let asked = subscription::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(asked.wording, "برایم خبر بفرستید که با این کمک چه شد", "the words that she agreed to");
        assert_eq!(asked.wording_version, wellwisher::clock::sha256_hex(&asked.wording));
        assert_eq!(asked.token_hash.len(), 64);
        let link = confirmation_link(&test).await;
        for _ in 0..3 {
            let page = test.get(&link).await;
            assert_eq!((page.status.as_u16(), page.texts("form #confirm").len()), (200, 1));
            assert!(page.body.contains(&asked.wording));
        }
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0], "a scanner that opens every link confirms nothing");
        for _ in 0..2 {
            assert!(test.post(&link, &[]).await.texts("h1")[0].contains("You will get our news"));
        }
        assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);
        assert_eq!(test.get("/news/0123456789012345678901234567890123456789012").await.status, 404);
        for (lang, dir) in [("en", "ltr"), ("fa-AF", "rtl"), ("ps", "rtl")] {
            assert_eq!(test.get(&format!("{link}?lang={lang}")).await.attribute("html", "dir").as_deref(), Some(dir));
        }
    }

    async fn a_wish_that_nobody_confirms_in_ten_days_is_forgotten(test: TestApp) {
        let who = supporter(&test, "wren@example.org").await;
        ask(&test, &who, Topic::Updates, Language::English).await;
        let link = confirmation_link(&test).await;
        test.app.clock.advance(TimeDelta::days(2));
        ask(&test, &who, Topic::Updates, Language::English).await;
        assert_eq!(confirmations(&test).await.len(), 2, "another day, another letter");
        assert_eq!(test.get(&link).await.status, 404, "the older link has ended");
        let link = confirmation_link(&test).await;
        test.app.clock.advance(TimeDelta::days(10));
        assert_eq!(test.get(&link).await.status, 404);
        assert_eq!(test.post(&link, &[]).await.status, 404);
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0]);
        assert_eq!(consents::forget_unconfirmed(&test.app).await.unwrap(), 2);
        assert!(subscription::Entity::find().one(test.app.db.read()).await.unwrap().is_none());
    }

    async fn one_click_ends_news_without_cookie_or_sign_in_and_opening_the_link_does_not(test: TestApp) {
        subscribe(&test, "wren@example.org", Topic::Updates).await;
        let link = link_to_end(&test, "wren@example.org", Topic::Updates);
        for _ in 0..3 {
            assert_eq!(test.get(&link).await.texts("form #end").len(), 1);
        }
        test.send(Request::head(&link).body(Body::empty()).unwrap()).await;
        assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);
        // As mail programs send it: nothing but the body, from anywhere.
        for origin in [None, Some("https://mail.example")] {
            let mut request = Request::post(&link).header("content-type", "application/x-www-form-urlencoded");
            if let Some(origin) = origin {
                request = request.header("origin", origin).header("sec-fetch-site", "cross-site");
            }
            let answer = test.send(request.body(Body::from("List-Unsubscribe=One-Click")).unwrap()).await;
            assert_eq!(answer.status, 200, "2xx and no redirect");
            assert!(answer.headers.get("set-cookie").is_none());
        }
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0]);
        assert_eq!(test.get(&link).await.texts("form #end").len(), 0, "the page says that they have ended");
        for (lang, dir) in [("en", "ltr"), ("fa-AF", "rtl"), ("ps", "rtl")] {
            let page = test.get(&format!("{link}?lang={lang}")).await;
            assert_eq!(page.attribute("html", "dir").as_deref(), Some(dir));
            assert_eq!(page.texts("form button").len(), 1, "one can take it back");
        }
        let token = link.rsplit('/').next().unwrap();
        for _ in 0..2 {
            test.post(&format!("/unsubscribe/{token}/undo"), &[]).await;
            assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);
        }
        test.post(&link, &[]).await;
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0]);
    }

    async fn a_link_that_was_changed_ends_nothing(test: TestApp) {
        subscribe(&test, "wren@example.org", Topic::Updates).await;
        let link = link_to_end(&test, "wren@example.org", Topic::Updates);
        for at in [14, 60, 90, link.len() - 2] {
            let mut other = link.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(test.post(&String::from_utf8(other).unwrap(), &[]).await.status, 404);
        }
        assert_eq!(test.post("/unsubscribe/x", &[]).await.status, 404);
        assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);
    }

    async fn news_of_one_thing_end_by_themselves_and_with_all_news(test: TestApp) {
        let (coats, books) = (Topic::Campaign(test.app.new_id()), Topic::Campaign(test.app.new_id()));
        subscribe(&test, "coats@example.org", coats).await;
        subscribe(&test, "both@example.org", coats).await;
        subscribe(&test, "both@example.org", Topic::Updates).await;
        subscribe(&test, "books@example.org", books).await;
        let mut found = audience(&test, coats).await;
        found.sort();
        assert_eq!(found, ["both@example.org", "coats@example.org"], "each once");
        let narrow = consents::audience(test.app.db.read(), coats, None, 10).await.unwrap();
        assert!(narrow.iter().all(|one| one.topic == coats.to_string()), "her link ends what she asked for last and least: {narrow:?}");
        let first = consents::audience(test.app.db.read(), coats, None, 1).await.unwrap().remove(0);
        let second = consents::audience(test.app.db.read(), coats, Some(first.supporter_id), 10).await.unwrap();
        assert_eq!((second.len(), second[0].email != first.email), (1, true), "page by page");

        test.post(&link_to_end(&test, "both@example.org", coats), &[]).await;
        assert_eq!(audience(&test, coats).await, ["coats@example.org"]);
        assert_eq!(audience(&test, books).await.len(), 2, "the rest of all news goes on");
        test.post(&link_to_end(&test, "both@example.org", Topic::Updates), &[]).await;
        assert_eq!(audience(&test, books).await, ["books@example.org"]);
    }

    async fn who_asks_for_all_news_on_her_own_pages_gets_again_what_she_had_ended_of_them(test: TestApp) {
        let coats = Topic::Campaign(test.app.new_id());
        let who = subscribe(&test, "wren@example.org", Topic::Updates).await;
        test.post(&link_to_end(&test, "wren@example.org", coats), &[]).await;
        assert_eq!(audience(&test, coats).await, [""; 0]);
        for begun in [false, true] {
            if begun {
                test.app.db.write(async |tx| Ok(subscription::Entity::delete_many().exec(tx).await?)).await.unwrap();
                test.post(&link_to_end(&test, "wren@example.org", coats), &[]).await;
            }
            let request = consents::Request { supporter: &who, topic: Topic::Updates, language: Language::English, wording: "all news" };
            assert!(test.app.db.write(async |tx| consents::own::begin_proven(tx, &test.app, &request).await).await.unwrap());
            assert_eq!(audience(&test, coats).await, ["wren@example.org"], "her newest word counts; begun anew: {begun}");
        }
    }

    async fn a_supporter_who_is_erased_stays_unsubscribed_and_one_who_asks_again_is_not(test: TestApp) {
        let who = subscribe(&test, "wren@example.org", Topic::Updates).await;
        let link = link_to_end(&test, "wren@example.org", Topic::Updates);
        test.post(&link, &[]).await;
        test.app.db.write(async |tx| Ok(subscription::Entity::delete_many().exec(tx).await?)).await.unwrap();
        assert!(test.get(&link).await.texts("form #end").is_empty(), "the hash outlives her");
        assert_eq!(test.post(&link, &[]).await.status, 200);
        test.app.clock.advance(TimeDelta::days(2));
        ask(&test, &who, Topic::Updates, Language::English).await;
        let link = confirmation_link(&test).await;
        test.post(&link, &[]).await;
        assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);
    }

    async fn nobody_is_flooded_with_questions_by_who_types_her_address_for_one_thing_after_another(test: TestApp) {
        let who = supporter(&test, "wren@example.org").await;
        for _ in 0..6 {
            ask(&test, &who, Topic::Campaign(test.app.new_id()), Language::English).await;
        }
        assert_eq!(confirmations(&test).await.len(), 3);
        test.app.clock.advance(TimeDelta::hours(25));
        ask(&test, &who, Topic::Campaign(test.app.new_id()), Language::English).await;
        assert_eq!(confirmations(&test).await.len(), 4, "another day, another question");
    }

    async fn who_ended_some_news_and_then_asks_for_all_gets_all(test: TestApp) {
        let (coats, books) = (Topic::Campaign(test.app.new_id()), Topic::Campaign(test.app.new_id()));
        let who = subscribe(&test, "wren@example.org", coats).await;
        test.post(&link_to_end(&test, "wren@example.org", coats), &[]).await;
        test.post(&link_to_end(&test, "wren@example.org", Topic::Updates), &[]).await;
        test.app.clock.advance(TimeDelta::days(2));
        ask(&test, &who, books, Language::English).await;
        assert_eq!(test.post(&confirmation_link(&test).await, &[]).await.status, 200);
        assert_eq!(audience(&test, books).await, ["wren@example.org"]);
        assert_eq!(audience(&test, coats).await, [""; 0], "what she ended and did not ask for again");
        test.app.clock.advance(TimeDelta::days(2));
        ask(&test, &who, Topic::Updates, Language::English).await;
        assert_eq!(test.post(&confirmation_link(&test).await, &[]).await.status, 200);
        assert_eq!(audience(&test, coats).await, ["wren@example.org"]);
    }

    async fn who_complained_gets_news_only_when_staff_lift_it_and_she_asks_again(test: TestApp) {
        let who = subscribe(&test, "wren@example.org", Topic::Updates).await;
        let complaint = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bounces/complaint.eml")).unwrap();
        let complaint = complaint.replace("{unsubscribe}", &test.app.config.link(&link_to_end(&test, "wren@example.org", Topic::Updates)));
        let heard = test.app.outbox.hear(&test.app.db, &test.app.clock, complaint.as_bytes(), None).await.unwrap();
        assert_eq!(heard, wellwisher::mail::returns::Heard::Complained);
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0]);
        test.app.clock.advance(TimeDelta::days(2));
        ask(&test, &who, Topic::Updates, Language::English).await;
        assert_eq!(confirmations(&test).await.len(), 1, "not even a question");

        test.sign_in_as(Role::Finance).await;
        let lift = test.get("/desk/mail?address=wren%40example.org").await.attribute("form[action*='/lift']", "action").unwrap();
        let fields = [("address", "wren@example.org"), ("note", "she pressed the wrong button, and wrote to us")];
        assert_eq!(test.post(&lift, &fields).await.status, 303);
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0], "her wish ended with the complaint");
        ask(&test, &who, Topic::Updates, Language::English).await;
        assert_eq!(test.post(&confirmation_link(&test).await, &[]).await.status, 200);
        assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);
    }

    async fn one_click_may_come_in_parts_or_without_a_body(test: TestApp) {
        let whole = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        for (kind, body) in [("multipart/form-data; boundary=x", whole), ("application/x-www-form-urlencoded", ""), ("text/plain", "x")] {
            let email = format!("wren-{}@example.org", kind.len());
            subscribe(&test, &email, Topic::Updates).await;
            let request = Request::post(link_to_end(&test, &email, Topic::Updates)).header("content-type", kind);
            assert_eq!(test.send(request.body(Body::from(body)).unwrap()).await.status, 200, "{kind}");
            assert!(!audience(&test, Topic::Updates).await.contains(&email), "{kind}");
        }
    }

    async fn staff_look_an_address_up_hold_letters_back_and_say_why(test: TestApp) {
        let pages: &[(&str, &[Role])] = &[("GET /desk/mail", &[Role::Admin, Role::Finance])];
        test.assert_open_only_to(pages).await;
        test.sign_in_as(Role::Finance).await;
        subscribe(&test, "wren@example.org", Topic::Updates).await;
        assert!(test.get("/desk/mail").await.body.contains("giving@localhost.localdomain"));
        assert!(test.get("/desk/mail?address=nobody%40example.org").await.body.contains("Nothing stands against"));
        for (fields, wrong) in [
            ([("address", "nonsense"), ("topic", "updates"), ("note", "asked by phone")], "address"),
            ([("address", "wren@example.org"), ("topic", "sunshine"), ("note", "asked by phone")], "topic"),
            ([("address", "wren@example.org"), ("topic", "updates"), ("note", " ")], "note"),
        ] {
            let answer = test.post("/desk/mail/suppressions", &fields).await;
            assert_eq!((answer.status.as_u16(), answer.attribute(".field.wrong input, .field.wrong select", "name").as_deref()), (422, Some(wrong)));
            assert!(answer.body.contains(fields[0].1), "what was typed stays");
        }
        let added = test.post("/desk/mail/suppressions", &[("address", "Wren@Example.org"), ("topic", "updates"), ("note", "asked by phone")]).await;
        assert_eq!(added.status, 303);
        assert_eq!(audience(&test, Topic::Updates).await, [""; 0]);
        let page = test.get(added.location()).await;
        assert!(page.body.contains("asked by phone") && page.body.contains("No more such letters"), "{}", page.body);
        let lift = page.attribute("form[action*='/lift']", "action").unwrap();
        let id = lift.split('/').nth(4).unwrap().to_owned();
        assert_eq!(lift, format!("/desk/mail/suppressions/{id}/lift"));
        assert_eq!(test.post(&lift, &[("address", "wren@example.org"), ("note", "")]).await.status, 422);
        assert_eq!(test.post(&lift, &[("address", "wren@example.org"), ("note", "a mistake of ours")]).await.status, 303);
        assert_eq!(audience(&test, Topic::Updates).await, ["wren@example.org"]);

        // What she said herself is hers.
        test.post(&link_to_end(&test, "wren@example.org", Topic::Updates), &[]).await;
        assert!(test.get("/desk/mail?address=wren%40example.org").await.attribute("form[action*='/lift']", "action").is_none());

        assert_eq!(test.post("/desk/mail/streams/updates", &[("change", "pause"), ("note", "the wrong photo")]).await.status, 303);
        let page = test.get("/desk/mail").await;
        assert!(page.body.contains("the wrong photo") && page.body.contains("Let them leave"));
        assert_eq!(test.post("/desk/mail/streams/updates", &[("change", "resume")]).await.status, 303);
        assert_eq!(test.post("/desk/mail/streams/sideways", &[("change", "resume")]).await.status, 404);
        let trail = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
        for action in ["suppression.add", "suppression.lift", "mail_stream.pause", "mail_stream.resume"] {
            assert_eq!(trail.iter().filter(|entry| entry.action == action).count(), 1, "{action}");
        }
        assert!(!trail.iter().any(|entry| format!("{entry:?}").to_lowercase().contains("wren@")), "the trail names no address");
    }

    async fn a_discreet_letter_of_any_kind_has_a_neutral_subject_and_sender(test: TestApp) {
        let who = supporter(&test, "wren@example.org").await;
        ask(&test, &who, Topic::Updates, Language::Dari).await;
        let now = test.app.now();
        test.app.db.write(async |tx| consents::set_discreet(tx, who.id, true, now).await).await.unwrap();
        assert_eq!(test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap().sent, 1);
        let folder = test.directory.join("mail");
        let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let raw = std::fs::read(file).unwrap();
        let message = mail_parser::MessageParser::default().parse(&raw).unwrap();
        assert_eq!(message.subject(), Some("نامه‌ای برای شما"));
        assert_eq!(message.from().unwrap().first().unwrap().name(), None);
        let html = message.body_html(0).unwrap();
        assert!(html.contains("<title>نامه‌ای برای شما</title>") && !html.contains("<img"), "{html}");
        // What a locked screen shows beside the subject: the first hundred characters tell nothing.
        let first = Language::Dari.text("letter-discreet-first");
        assert!(first.chars().count() > 100);
        let text = message.body_text(0).unwrap();
        assert!(text.trim_start_matches('\u{200F}').starts_with(&first), "{text}");
        let shown = scraper::Html::parse_document(&html).root_element().select(&scraper::Selector::parse("body").unwrap()).next().unwrap().text().collect::<String>();
        assert!(shown.trim().starts_with(&first), "{shown}");
        // What cannot be hidden is where it comes from.
        let head = String::from_utf8_lossy(&raw).split("\r\n\r\n").next().unwrap().to_owned();
        assert!(!head.contains(&test.app.config.org_name), "{head}");
        let kept = letter::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(kept.state, LetterState::Sent);
    }
}
