//! What the public sees: the page, the lists on other pages, and the feeds; and nothing of what is not published.

use super::{begin, draft, in_dari, subscriber, tell};
use crate::support::{Answer, TestApp, on_both_databases};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::words::UpdateState;
use wellwisher::{
    mail::topic::Topic,
    staff::Actor,
    updates::{send, state::Verb},
};

async fn feed(test: &TestApp, path: &str) -> feed_rs::model::Feed {
    let answer = test.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/atom+xml; charset=utf-8");
    feed_rs::parser::parse(answer.body.as_bytes()).expect("a feed")
}

async fn ask(test: &TestApp, path: &str, known: &str) -> Answer {
    test.send(Request::get(path).header("if-none-match", known).body(Body::empty()).unwrap()).await
}

/// Every page and feed that could name it.
async fn everywhere(test: &TestApp, paths: &[String]) -> String {
    let mut all = String::new();
    for path in paths {
        let answer = test.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        all.push_str(&answer.body);
    }
    all
}

on_both_databases! {
    async fn nothing_of_an_update_is_seen_before_it_is_published_or_after_it_was_taken_back(test: TestApp) {
        let campaign = test.campaign("Light for the night school").await;
        let item = test.item("A wood stove", Some(campaign.id), |_| {}).await;
        let of_campaign = draft(&test, &format!("campaign:{}", campaign.id), |raw| raw.title_en = "Canary one".into()).await;
        let of_item = draft(&test, &format!("item:{}", item.id), |raw| raw.title_en = "Canary two".into()).await;
        let of_all = draft(&test, "", |raw| raw.title_en = "Canary three".into()).await;
        let drafts = [&of_campaign, &of_item, &of_all];
        let paths = [
            "/".to_owned(), "/updates".to_owned(), "/feed.xml".to_owned(), "/campaigns".to_owned(), format!("/campaigns/{}", campaign.slug),
            format!("/campaigns/{}/feed.xml", campaign.slug), format!("/wish-list/{}", item.slug),
        ];
        let seen = async || everywhere(&test, &paths).await.matches("Canary").count();
        assert_eq!(seen().await, 0, "drafts");
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        let plan = send::Plan { send_at: Some(test.app.now() + TimeDelta::days(3)), ..crate::updates::everybody() };
        send::send(&test.app, &Actor::system(), of_all.id, &plan).await.unwrap();
        assert_eq!(seen().await, 0, "a scheduled one");
        for update in drafts {
            assert_eq!(test.get(&format!("/updates/{}", update.slug)).await.status, 404);
        }
        tell(&test, &of_all, Verb::Unschedule).await;
        for update in drafts {
            test.wait(1);
            tell(&test, update, Verb::Publish).await;
            assert_eq!(test.get(&format!("/updates/{}", update.slug)).await.status, 200);
        }
        let page = test.get(&paths[4]).await;
        assert_eq!(page.texts("main .told a"), ["Canary two", "Canary one"], "the news of a campaign, and of its items");
        assert!(page.body.contains("without giving an address"), "{}", page.body);
        assert_eq!(test.get(&paths[6]).await.texts("main .told a"), ["Canary two"]);
        assert_eq!(test.get("/updates").await.texts("main .told a").len(), 3);
        for update in drafts {
            tell(&test, update, Verb::Hide).await;
            assert_eq!(test.get(&format!("/updates/{}", update.slug)).await.status, 404);
        }
        assert_eq!(seen().await, 0, "taken back");
        tell(&test, &of_campaign, Verb::Unhide).await;
        assert_eq!(crate::updates::state_of(&test, &of_campaign).await, UpdateState::Published);
        assert!(seen().await > 0);
    }

    async fn news_of_a_draft_campaign_and_of_its_items_cannot_be_published_or_sent(test: TestApp) {
        let campaign = test.draft("Not yet", |_| {}).await;
        let item = test.item("A lamp", Some(campaign.id), |_| {}).await;
        for about in [format!("campaign:{}", campaign.id), format!("item:{}", item.id)] {
            let update = draft(&test, &about, |raw| raw.slug = about.replace(':', "-")).await;
            let actor = Actor::system();
            assert!(wellwisher::updates::state::apply(&test.app, &actor, update.id, Verb::Publish).await.is_err());
            assert!(send::send(&test.app, &actor, update.id, &crate::updates::everybody()).await.is_err());
        }
        assert_eq!(test.get(&format!("/campaigns/{}/feed.xml", campaign.slug)).await.status, 404);
        assert_eq!(test.get("/updates").await.texts("main .told a").len(), 0);
    }

    async fn a_feed_is_one_that_feed_readers_read_and_its_entries_keep_their_names(test: TestApp) {
        let campaign = test.campaign("Light & heat <for> the school").await;
        let path = format!("/campaigns/{}/feed.xml", campaign.slug);
        let empty = feed(&test, &path).await;
        assert_eq!((empty.entries.len(), empty.id), (0, format!("urn:uuid:{}", campaign.id)));
        let update = draft(&test, &format!("campaign:{}", campaign.id), |raw| {
            raw.title_en = "Stoves & lamps <b>".into();
            in_dari(raw);
        }).await;
        tell(&test, &update, Verb::Publish).await;
        let first = feed(&test, &path).await;
        assert!(first.title.as_ref().unwrap().content.contains("Light & heat <for> the school"));
        assert_eq!(first.language.as_deref(), Some("en"));
        let links: Vec<_> = first.links.iter().map(|link| (link.rel.clone().unwrap_or_default(), link.href.clone())).collect();
        assert!(links.contains(&("self".into(), format!("http://127.0.0.1:8080{path}"))), "{links:?}");
        assert!(links.contains(&("alternate".into(), format!("http://127.0.0.1:8080/campaigns/{}", campaign.slug))), "{links:?}");
        let entry = &first.entries[0];
        assert_eq!(entry.id, format!("urn:uuid:{}", update.id));
        assert_eq!(entry.title.as_ref().unwrap().content, "Stoves & lamps <b>");
        assert_eq!(entry.links[0].href, format!("http://127.0.0.1:8080/updates/{}", update.slug));
        assert!(entry.published.is_some() && entry.updated.is_some());
        let body = entry.content.as_ref().unwrap().body.clone().unwrap();
        assert!(body.contains("<strong>stoves</strong>") && body.contains("href=\"http://127.0.0.1:8080/articles/stoves\""), "{body}");

        let dari = feed(&test, &format!("{path}?lang=fa-AF")).await;
        assert_eq!((dari.language.as_deref(), dari.entries[0].title.as_ref().unwrap().content.as_str()), (Some("fa-AF"), "بخاری‌ها رسید"));
        assert_eq!(dari.entries[0].id, entry.id, "the same news in another language");
        assert!(test.get(&format!("{path}?lang=fa-AF")).await.body.contains("<entry xml:lang=\"fa-AF\">"));
        let pashto = feed(&test, &format!("{path}?lang=ps")).await;
        assert_eq!(pashto.entries[0].title.as_ref().unwrap().content, "Stoves & lamps <b>", "or else the one for all others");

        test.app.clock.advance(TimeDelta::hours(1));
        let details = wellwisher::updates::details::parse(&test.app, &wellwisher::updates::details::RawUpdate {
            language: "en".into(), title_en: "Stoves and lamps".into(), body_en: "New.".into(), ..Default::default()
        }).unwrap();
        wellwisher::updates::details::edit(&test.app, &Actor::system(), update.id, &details).await.unwrap();
        let again = feed(&test, &path).await;
        assert_eq!(again.entries[0].id, entry.id);
        assert!(again.updated > first.updated && again.entries[0].updated > entry.updated && again.entries[0].published == entry.published);
        assert_eq!(feed(&test, "/feed.xml").await.entries[0].id, entry.id);
    }

    async fn a_feed_that_is_known_is_not_sent_again(test: TestApp) {
        let update = draft(&test, "", |_| {}).await;
        tell(&test, &update, Verb::Publish).await;
        let answer = test.get("/feed.xml").await;
        let tag = answer.headers["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"x\", {tag}"), tag.trim_start_matches("W/").to_owned(), "*".to_owned()] {
            let again = ask(&test, "/feed.xml", &known).await;
            assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{known}");
            assert_eq!(again.headers["etag"].to_str().unwrap(), tag);
        }
        assert_eq!(ask(&test, "/feed.xml", "\"x\"").await.status, 200);
        let second = draft(&test, "", |raw| raw.slug = "second".into()).await;
        tell(&test, &second, Verb::Publish).await;
        let newer = ask(&test, "/feed.xml", &tag).await;
        assert_eq!((newer.status.as_u16(), newer.body.matches("<entry").count()), (200, 2));
        assert_eq!(test.get("/feed.xml").await.body, newer.body);
        for page in ["/", "/updates"] {
            let link = test.get(page).await.attribute("link[rel=alternate][type='application/atom+xml']", "href");
            assert_eq!(link.as_deref(), Some("/feed.xml?lang=en"), "{page}");
        }
    }

    async fn a_page_is_in_the_readers_language_and_direction_where_there_is_a_text(test: TestApp) {
        let update = draft(&test, "", in_dari).await;
        subscriber(&test, "wren@example.org", Topic::Updates, "en").await;
        begin(&test, &update).await;
        let path = format!("/updates/{}", update.slug);
        for (lang, title, dir) in [("en", "The stoves have come", "ltr"), ("fa-AF", "بخاری‌ها رسید", "rtl"), ("ps", "The stoves have come", "ltr")] {
            let page = test.get(&format!("{path}?lang={lang}")).await;
            assert_eq!((page.texts("h1"), page.attribute("article", "dir").as_deref()), (vec![title.to_owned()], Some(dir)), "{lang}");
        }
        let body = test.get(&path).await.body;
        assert!(body.contains("<strong>stoves</strong>") && body.contains("/feed.xml?lang=en"), "{body}");
        assert_eq!(test.get("/updates/no-such").await.status, 404);
        let list = test.get(&format!("/updates?after={}", update.id)).await;
        assert_eq!(list.texts("main .told a").len(), 0, "beginning after the oldest");
        assert_eq!(test.get("/updates?after=nonsense").await.texts("main .told a").len(), 1);
    }
}
