//! Staff's pages: writing, previews, the test letter, the count, the typed confirmation, and who may do what.

use super::{draft, finish, in_dari, letters, now_is, reached, state_of, subscriber};
use crate::support::{TestApp, on_both_databases};
use chrono::TimeDelta;
use entity::{
    audit_entry, letter, news_text, news_update,
    words::{LetterKind, Role, UpdateState},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wellwisher::{mail::topic::Topic, updates::send};

const EDITORS: &[Role] = &[Role::Admin, Role::Editor];

async fn actions(test: &TestApp) -> Vec<String> {
    let all = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().map(|entry| entry.action).filter(|action| action.starts_with("update.")).collect()
}

on_both_databases! {
    async fn editors_write_and_administrators_send(test: TestApp) {
        let (one, two) = (draft(&test, "", |_| {}).await, draft(&test, "", |raw| raw.slug = "two".into()).await);
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        crate::updates::begin(&test, &two).await;
        let (id, sending) = (one.id, two.id);
        let routes: Vec<(String, &[Role])> = vec![
            ("GET /desk/updates".into(), EDITORS),
            ("GET /desk/updates/new".into(), EDITORS),
            ("POST /desk/updates/new".into(), EDITORS),
            (format!("GET /desk/updates/{id}"), EDITORS),
            (format!("GET /desk/updates/{id}/edit"), EDITORS),
            (format!("POST /desk/updates/{id}/edit"), EDITORS),
            (format!("GET /desk/updates/{id}/letter"), EDITORS),
            (format!("POST /desk/updates/{id}/test"), EDITORS),
            (format!("GET /desk/updates/{id}/send"), EDITORS),
            (format!("POST /desk/updates/{id}/send"), &[Role::Admin]),
            (format!("POST /desk/updates/{sending}/state/pause"), EDITORS),
            (format!("POST /desk/updates/{sending}/resume"), &[Role::Admin]),
            (format!("POST /desk/updates/{sending}/state/resume"), &[]),
        ];
        let routes: Vec<(&str, &[Role])> = routes.iter().map(|(route, roles)| (route.as_str(), *roles)).collect();
        test.assert_open_only_to(&routes).await;
        test.sign_in_as(Role::Editor).await;
        assert!(test.get(&format!("/desk/updates/{id}/send")).await.body.contains("sent by administrators"));
        assert_eq!(test.post(&format!("/desk/updates/{id}/state/publish"), &[]).await.status, 303);
        assert_eq!(test.post(&format!("/desk/updates/{id}/state/publish"), &[]).await.status, 409);
        assert_eq!(test.post(&format!("/desk/updates/{id}/state/nonsense"), &[]).await.status, 404);
    }

    async fn what_was_typed_wrong_is_said_and_kept_and_what_is_right_is_written(test: TestApp) {
        test.sign_in_as(Role::Editor).await;
        let campaign = test.campaign("Light").await;
        let about = format!("campaign:{}", campaign.id);
        let mut fields = vec![("about", about.as_str()), ("language", "fa-AF"), ("title_en", "Only a title"), ("body_en", ""), ("asks", "yes")];
        let answer = test.post("/desk/updates/new", &fields).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.attribute("#title_en", "value").as_deref(), Some("Only a title"));
        assert_eq!(answer.texts(".field-error").len(), 3, "a text for the English title; title and text in Dari");
        for mark in ["[[unsubscribe]]", r"\[\[greeting\]\]", "<b></b>"] {
            let answer = test.post("/desk/updates/new", &[("language", "en"), ("title_en", "T"), ("body_en", mark)]).await;
            assert_eq!((answer.status.as_u16(), answer.texts("#body_en-error").len()), (422, 1), "{mark}");
        }
        assert!(news_update::Entity::find().all(test.app.db.read()).await.unwrap().is_empty(), "nothing was written");
        fields.extend([("body_en", "Text"), ("title_fa", "خبر"), ("body_fa", "متن")]);
        fields.retain(|(name, value)| *name != "body_en" || !value.is_empty());
        let answer = test.post("/desk/updates/new", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let update = news_update::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert!(update.asks && update.campaign_id == Some(campaign.id) && update.language == "fa-AF" && update.state == UpdateState::Draft);
        assert_eq!(update.slug, "update-".to_owned() + &update.id.0.simple().to_string()[24..], "Dari has no Latin letters");
        let path = format!("/desk/updates/{}/edit", update.id);
        assert_eq!(test.get(&path).await.attribute("#title_fa", "value").as_deref(), Some("خبر"));
        let answer = test.post(&path, &[("language", "en"), ("title_en", "Now English only"), ("body_en", "Text"), ("slug", "now")]).await;
        assert_eq!(answer.status, 303);
        let texts = news_text::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!(texts.iter().map(|text| text.title.as_str()).collect::<Vec<_>>(), ["Now English only"]);
        let taken = test.post("/desk/updates/new", &[("language", "en"), ("title_en", "T"), ("body_en", "x"), ("slug", "now")]).await;
        assert_eq!((taken.status.as_u16(), taken.texts("#slug-error").len()), (422, 1));
        assert_eq!(actions(&test).await, ["update.create", "update.edit"]);
        for (query, found) in [("", 1), ("?q=english", 1), ("?q=nothing", 0), ("?state=draft", 1), ("?state=sent", 0)] {
            assert_eq!(test.get(&format!("/desk/updates{query}")).await.texts("tbody tr").len(), found, "{query}");
        }
    }

    async fn it_is_previewed_as_page_and_as_letter_and_a_test_goes_to_oneself_alone(test: TestApp) {
        let update = draft(&test, "", |raw| { in_dari(raw); raw.body_en.push_str(" ![p](https://evil.example/p.png)"); }).await;
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        let person = test.sign_in_as(Role::Editor).await;
        let path = format!("/desk/updates/{}", update.id);
        let page = test.get(&path).await;
        assert_eq!(page.texts("section h1"), ["The stoves have come"]);
        let text = page.texts("pre")[0].clone();
        for words in ["Hello,", "Both stoves are in the classrooms (http://127.0.0.1:8080/articles/stoves).", "- one - two", "/updates/the-stoves-have-come"] {
            assert!(text.contains(words), "{words} in {text}");
        }
        let html = test.get(&format!("{path}/letter?language=fa-AF")).await.body;
        assert!(html.contains("dir=\"rtl\"") && html.contains("<h1") && !html.contains("[[") && !html.contains("<img"), "{html}");
        for _ in 0..2 {
            assert_eq!(test.post(&format!("{path}/test"), &[]).await.location(), format!("{path}?done=test-letter"));
        }
        crate::updates::deliver(&test).await;
        let tests = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::StaffNotice)).all(test.app.db.read()).await.unwrap();
        let tests: Vec<_> = tests.iter().filter(|letter| letter.dedupe_key.starts_with("update:")).collect();
        assert_eq!(tests.len(), 2, "one for each language, however often the button is pressed");
        assert!(tests.iter().all(|letter| letter.to_address == person.email && !letter.text_body.contains("evil.example")), "{tests:?}");
        assert!(letters(&test).await.is_empty() && state_of(&test, &update).await == UpdateState::Draft);
    }

    async fn sending_wants_the_count_typed_and_says_it_again_when_it_changed(test: TestApp) {
        let update = draft(&test, "", in_dari).await;
        for (email, language) in [("a@example.org", "en"), ("b@example.org", "fa-AF"), ("c@example.org", "ps")] {
            subscriber(&test, email, Topic::Updates, language).await;
        }
        test.sign_in_as(Role::Admin).await;
        let path = format!("/desk/updates/{}/send", update.id);
        assert_eq!(test.get(&path).await.texts("#gets"), ["3"]);
        assert!(test.get(&path).await.body.contains("A gift alone is no wish for news"));
        assert_eq!(test.get(&format!("{path}?language=fa-AF")).await.texts("#gets"), ["1"]);
        for typed in ["", "2", "all"] {
            let answer = test.post(&path, &[("audience", "asked"), ("confirm", typed)]).await;
            assert_eq!((answer.status.as_u16(), answer.texts("#confirm-error").len()), (422, 1), "{typed}");
        }
        for at in ["2026-02-30T10:00", "2025-01-01T10:00", "tomorrow"] {
            let answer = test.post(&path, &[("audience", "asked"), ("confirm", "3"), ("send_at", at)]).await;
            assert_eq!((answer.status.as_u16(), answer.texts("#send_at-error").len()), (422, 1), "{at}");
            assert_eq!(answer.attribute("#send_at", "value").as_deref(), Some(at));
        }
        assert_eq!(state_of(&test, &update).await, UpdateState::Draft);
        let answer = test.post(&path, &[("audience", "asked"), ("confirm", "۳")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(test.post(&path, &[("audience", "asked"), ("confirm", "3")]).await.status, 422, "once");
        let shown = test.get(&format!("/desk/updates/{}", update.id)).await;
        assert!(shown.attribute("meta[http-equiv=refresh]", "content").is_some_and(|content| content.ends_with("?tick=1")), "{}", shown.body);
        assert!(test.get(&format!("/desk/updates/{}?tick=120", update.id)).await.attribute("meta[http-equiv=refresh]", "content").is_none());
        finish(&test).await;
        assert_eq!(reached(&test).await, ["a@example.org", "b@example.org", "c@example.org"]);
        assert_eq!(letters(&test).await.iter().map(|letter| letter.language.as_str()).collect::<Vec<_>>(), ["en", "fa-AF", "en"]);
        let shown = test.get(&format!("/desk/updates/{}", update.id)).await;
        assert!(shown.attribute("meta[http-equiv=refresh]", "content").is_none() && shown.body.contains("3 / 3"));
        assert_eq!(actions(&test).await, ["update.create", "update.send", "update.sent"]);
        assert_eq!(test.get(&path).await.status, 303, "it was sent");
        let next = draft(&test, "", |raw| raw.slug = "for-readers-of-dari".into()).await;
        let answer = test.post(&format!("/desk/updates/{}/send", next.id), &[("audience", "asked"), ("language", "fa-AF"), ("confirm", "1")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        finish(&test).await;
        let all = reached(&test).await;
        assert_eq!(all.iter().filter(|email| *email == "b@example.org").count(), 2, "only who reads that language: {all:?}");
        assert_eq!(all.len(), 4, "{all:?}");
    }

    async fn it_leaves_at_its_time_on_the_organisations_clock_and_not_when_that_was_taken_back(test: TestApp) {
        let (update, other) = (draft(&test, "", |_| {}).await, draft(&test, "", |raw| raw.slug = "other".into()).await);
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        test.sign_in_as(Role::Admin).await;
        for one in [&update, &other] {
            let answer = test.post(&format!("/desk/updates/{}/send", one.id), &[("audience", "asked"), ("confirm", "1"), ("send_at", "2026-05-03T18:00")]).await;
            assert_eq!(answer.status, 303, "{}", answer.body);
        }
        let page = test.get(&format!("/desk/updates/{}", update.id)).await.body;
        assert!(page.contains("2026-05-03 18:00") && page.contains(test.app.config.org_timezone.name()), "{page}");
        assert_eq!(test.get(&format!("/desk/updates/{}/edit", update.id)).await.status, 409, "what is scheduled is not changed");
        crate::updates::tell(&test, &other, wellwisher::updates::state::Verb::Unschedule).await;
        finish(&test).await;
        assert!(letters(&test).await.is_empty());
        test.app.clock.set(now_is(&test, &update).await.send_at.unwrap() - TimeDelta::seconds(1));
        finish(&test).await;
        assert_eq!(state_of(&test, &update).await, UpdateState::Scheduled);
        test.app.clock.advance(TimeDelta::seconds(1));
        send::tend(&test.app).await.unwrap();
        finish(&test).await;
        assert_eq!((reached(&test).await.len(), state_of(&test, &update).await), (1, UpdateState::Sent));
        assert_eq!(state_of(&test, &other).await, UpdateState::Draft);
        assert_eq!(now_is(&test, &update).await.published_at, Some(now_is(&test, &update).await.send_at.unwrap()));
    }
}
