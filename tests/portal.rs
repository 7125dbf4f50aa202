//! A supporter's own pages.

use crate::{
    recurring::helpers::{GOOD_CARD, begin, count, letters, the_gift},
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::words::{LetterKind, RecurringStatus};
use sea_orm::EntityTrait;
use std::time::Duration;
use wellwisher::{
    receipts::{annual, pdf},
    staff::Actor,
};

/// Asks for the link; the path that the newest letter leads to, when `wanted` letters have come.
async fn ask_for_link(app: &TestApp, email: &str, wanted: usize) -> Option<String> {
    let answer = app.post("/me/link", &[("email", email)]).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/me?sent=1"), "always the same answer");
    for _ in 0..200 {
        let sent = letters(app, LetterKind::PortalLink).await;
        if sent.len() >= wanted && wanted > 0 {
            let text = &sent.last().unwrap().text_body;
            let line = text.lines().find(|line| line.contains("/me/")).expect("a link");
            return Some(line.trim().strip_prefix("http://127.0.0.1:8080").expect("our own address").to_owned());
        }
        tokio::time::sleep(Duration::from_millis(if wanted == 0 { 2 } else { 25 })).await;
    }
    None
}

on_both_databases! {
    async fn a_link_opens_her_pages_for_half_an_hour_and_nobody_elses(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        assert_eq!(app.get("/me").await.texts("input[name=email]").len(), 1, "nobody is known yet");
        assert!(ask_for_link(&app, "stranger@example.org", 0).await.is_none());
        let path = ask_for_link(&app, "ZARMINA@example.org", 1).await.expect("a letter");
        assert_eq!(app.get("/me/0123456789012345678901234567890123456789012").await.location(), "/me?stale=1");
        let opened = app.get(&path).await;
        assert_eq!((opened.status.as_u16(), opened.location()), (303, "/me"));
        let home = app.get("/me").await;
        assert!(home.body.contains("R-2026-000001") && !home.body.contains("zarmina@example.org"), "{}", home.body);
        assert!(home.body.contains("every month"));
        for (lang, words) in [("fa-AF", "کمک‌های من"), ("ps", "زما مرستې")] {
            assert!(app.get(&format!("/me?lang={lang}")).await.body.contains(words));
        }
        assert_eq!(app.post("/me/sign-out", &[]).await.status, 303);
        assert_eq!(app.get("/me").await.texts("input[name=email]").len(), 1);
        app.get(&path).await;
        app.app.clock.advance(TimeDelta::minutes(61));
        assert_eq!(app.get("/me").await.texts("input[name=email]").len(), 1, "the session has ended");
        assert_eq!(app.get(&path).await.location(), "/me?stale=1", "and so has the link");
        assert_eq!(app.post("/me/link", &[("email", "nonsense")]).await.status, 422);
    }

    async fn her_receipts_can_be_printed_and_kept_by_her_alone(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let hers = entity::receipt::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        app.give(&crate::support::gift(2_500, "USD")).await;
        let all = entity::receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        let other = all.iter().find(|receipt| receipt.id != hers.id).unwrap();
        app.app.clock.set("2027-02-01T12:00:00Z".parse().unwrap());
        let year = annual::year_to_state(&app.app, 2026).unwrap();
        annual::run(&app.app, &Actor::system(), &year, false, |_, _| {}).await.unwrap();
        let supporter = app.donation(hers.donation_id).await.supporter_id;
        let (own, foreign): (Vec<_>, Vec<_>) =
            entity::statement::Entity::find().all(app.app.db.read()).await.unwrap().into_iter().partition(|s| s.supporter_id == supporter);
        let (own, foreign) = (&own[0], &foreign[0]);

        let print = format!("/me/receipts/{}", hers.id);
        assert_eq!(app.get(&print).await.location(), "/me?stale=1", "not without the link");
        assert_eq!(app.get(&format!("/me/receipts/{}/pdf", hers.id)).await.location(), "/me?stale=1");
        assert_eq!(app.get(&format!("/me/statements/{}", own.id)).await.location(), "/me?stale=1");
        assert_eq!(app.get(&format!("/me/statements/{}/pdf", own.id)).await.location(), "/me?stale=1");
        let path = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        app.get(&path).await;

        let home = app.get("/me").await;
        assert!(home.attribute("td a", "href") == Some(print.clone()) && home.body.contains(&own.code), "{}", home.body);
        assert_eq!(home.body.contains("/pdf\""), pdf::IS_BUILT, "a link only where it leads somewhere");
        let page = app.get(&print).await;
        assert!(page.status == 200 && page.body.contains(&hers.code) && page.headers["cache-control"] == "no-store", "{}", page.body);
        assert!(app.get(&format!("/me/statements/{}", own.id)).await.body.contains(&own.code));
        for (path, code) in [(format!("{print}/pdf"), &hers.code), (format!("/me/statements/{}/pdf", own.id), &own.code)] {
            let file = app.get(&path).await;
            if pdf::IS_BUILT {
                assert!(file.status == 200 && file.body.starts_with("%PDF-1.7"), "{}", file.body);
                assert_eq!(file.headers["content-disposition"], format!("attachment; filename=\"{code}.pdf\""));
            } else {
                assert!(file.status == 404 && file.body.contains("page to print"), "{}", file.body);
            }
            assert_eq!(file.headers["cache-control"], "no-store");
        }
        for path in [format!("/me/receipts/{}", other.id), format!("/me/statements/{}", foreign.id)] {
            assert_eq!(app.get(&path).await.status, 404, "another supporter's");
            let file = app.get(&format!("{path}/pdf")).await;
            assert!(file.status == 404 && !file.body.contains("page to print"), "it is not even said that it is there");
        }
    }

    async fn she_changes_pauses_resumes_and_ends_her_gift(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        assert_eq!(app.get(&format!("/me/recurring/{id}/end")).await.location(), "/me", "not without the link");
        assert_eq!(app.post(&format!("/me/recurring/{id}/end"), &[]).await.location(), "/me?stale=1");
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        let path = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        app.get(&path).await;
        for action in ["amount", "pause", "card", "end"] {
            for lang in ["en", "fa-AF", "ps"] {
                assert_eq!(app.get(&format!("/me/recurring/{id}/{action}?lang={lang}")).await.status, 200, "{action}");
            }
        }
        assert_eq!(app.get(&format!("/me/recurring/{id}/resume")).await.status, 404, "nothing to resume");
        assert_eq!(app.get(&format!("/me/recurring/{id}/burn")).await.status, 404);
        assert_eq!(app.post(&format!("/me/recurring/{id}/amount"), &[("amount", "0")]).await.status, 422);
        assert_eq!(app.post(&format!("/me/recurring/{id}/amount"), &[("amount", "30")]).await.location(), "/me?done=amount");
        assert_eq!(app.post(&format!("/me/recurring/{id}/pause"), &[("until", "soon")]).await.status, 422);
        assert_eq!(app.post(&format!("/me/recurring/{id}/pause"), &[("until", "")]).await.location(), "/me?done=pause");
        assert!(app.get("/me?done=pause").await.body.contains("Your gift is paused."));
        assert_eq!(app.post(&format!("/me/recurring/{id}/resume"), &[]).await.location(), "/me?done=resume");
        assert!(app.post(&format!("/me/recurring/{id}/card"), &[]).await.location().contains("/portal/"));
        assert_eq!(app.post(&format!("/me/recurring/{id}/end"), &[("reason", "")]).await.location(), "/me?done=end");
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.end_reason.as_str(), gift.amount_minor), (RecurringStatus::Ended, "supporter", 3_000));
    }

    async fn another_supporter_cannot_reach_it_and_links_are_limited(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        let hers = crate::support::gift(2_500, "USD");
        app.give(&hers).await;
        let other = hers.email;
        let path = ask_for_link(&app, &other, 1).await.expect("a letter");
        app.get(&path).await;
        assert_eq!(app.get(&format!("/me/recurring/{id}/end")).await.status, 404);
        assert_eq!(app.post(&format!("/me/recurring/{id}/end"), &[]).await.status, 404);
        for wanted in 2..=3 {
            ask_for_link(&app, &other, wanted).await.expect("a letter");
        }
        app.post("/me/link", &[("email", &other)]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(letters(&app, LetterKind::PortalLink).await.len(), 3, "no more than three an hour to one address");
        let mut last = 303;
        for _ in 0..12 {
            last = app.post("/me/link", &[("email", "stranger@example.org")]).await.status.as_u16();
        }
        assert_eq!(last, 429);
        assert_eq!(count(&app.app, "portal_link").await, 3);
    }
}
