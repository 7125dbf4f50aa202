//! A supporter's own pages.

use crate::{
    recurring::helpers::{GOOD_CARD, begin, count, letters, the_gift},
    support::{Answer, TestApp, on_both_databases},
};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::words::{LetterKind, RecurringStatus, Role};
use sea_orm::{ConnectionTrait, EntityTrait};
use std::time::Duration;
use wellwisher::{
    i18n::Language,
    payments::standin::ApiFault,
    portal,
    receipts::{annual, pdf},
    staff::Actor,
};

/// Asks for the link; the path that the newest letter leads to, when `wanted` letters have come.
pub async fn ask_for_link(app: &TestApp, email: &str, wanted: usize) -> Option<String> {
    // Letters of one moment have no order.
    app.app.clock.advance(TimeDelta::seconds(1));
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

/// Opens the link as a person does: looks at its page and presses the button.
pub async fn press(app: &TestApp, path: &str) -> Answer {
    let page = app.get(path).await;
    assert_eq!((page.status.as_u16(), page.texts("main form button").len()), (200, 1), "{}", page.body);
    app.post(path, &[]).await
}

/// Whether the browser is at home: not asked for an address.
async fn is_at_home(app: &TestApp) -> bool {
    app.get("/me").await.texts("input[name=email]").is_empty()
}

on_both_databases! {
    async fn a_link_opens_her_pages_for_ten_minutes_and_nobody_elses(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        assert_eq!(app.get("/me").await.texts("input[name=email]").len(), 1, "nobody is known yet");
        assert!(ask_for_link(&app, "stranger@example.org", 0).await.is_none());
        let path = ask_for_link(&app, "ZARMINA@example.org", 1).await.expect("a letter");
        assert_eq!(app.get("/me/0123456789012345678901234567890123456789012").await.location(), "/me?stale=1");
        let opened = press(&app, &path).await;
        assert_eq!((opened.status.as_u16(), opened.location()), (303, "/me"));
        let home = app.get("/me").await;
        assert!(home.body.contains("R-2026-000001") && !home.body.contains("zarmina@example.org"), "{}", home.body);
        assert!(home.body.contains("every month"));
        for (lang, words) in [("fa-AF", "کمک‌های من"), ("ps", "زما مرستې")] {
            assert!(app.get(&format!("/me?lang={lang}")).await.body.contains(words));
        }
        assert_eq!(app.post("/me/sign-out", &[]).await.status, 303);
        assert_eq!(app.get("/me").await.texts("input[name=email]").len(), 1);
        let path = ask_for_link(&app, "zarmina@example.org", 2).await.expect("a letter");
        press(&app, &path).await;
        app.app.clock.advance(TimeDelta::minutes(61));
        assert!(!is_at_home(&app).await, "the session has ended");
        let path = ask_for_link(&app, "zarmina@example.org", 3).await.expect("a letter");
        app.app.clock.advance(TimeDelta::minutes(10));
        assert_eq!(app.get(&path).await.location(), "/me?stale=1", "a link holds for ten minutes");
        assert_eq!(app.post(&path, &[]).await.location(), "/me?stale=1");
        assert_eq!(app.post("/me/link", &[("email", "nonsense")]).await.status, 422);
    }

    async fn a_link_opens_once_when_its_button_is_pressed_and_looking_at_it_uses_nothing_up(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let older = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        let path = ask_for_link(&app, "zarmina@example.org", 2).await.expect("a letter");
        for _ in 0..3 {
            // A mail scanner: it gets the page with the button, and no session.
            let looked = app.get(&path).await;
            assert!(looked.status == 200 && !looked.headers.contains_key("set-cookie") && !looked.body.contains("zarmina"));
            assert_eq!(looked.headers["cache-control"], "no-store");
            assert!(!is_at_home(&app).await);
        }
        let opened = press(&app, &path).await;
        let cookie = opened.headers["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
        assert!(is_at_home(&app).await);
        assert_eq!(app.post(&path, &[]).await.location(), "/me", "pressed twice");
        app.forget_cookies();
        for used in [&path, &older] {
            assert_eq!(app.get(used).await.location(), "/me?stale=1", "whoever reads the mailbox later finds nothing that opens");
            assert_eq!(app.post(used, &[]).await.location(), "/me?stale=1");
        }
        assert!(!is_at_home(&app).await);
    }

    async fn closing_her_page_closes_it_in_every_browser_and_another_link_ends_the_session_before(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let first = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        press(&app, &first).await;
        let elsewhere = app.cookies();
        app.forget_cookies();
        let second = ask_for_link(&app, "zarmina@example.org", 2).await.expect("a letter");
        press(&app, &second).await;
        assert_eq!(count(&app.app, "portal_session").await, 2);
        let third = ask_for_link(&app, "zarmina@example.org", 3).await.expect("a letter");
        press(&app, &third).await;
        assert_eq!(count(&app.app, "portal_session").await, 2, "one session for each browser");
        assert!(!elsewhere.is_empty());
        assert_eq!(app.post("/me/sign-out", &[]).await.status, 303);
        assert_eq!(count(&app.app, "portal_session").await, 0, "the one elsewhere too");
    }

    async fn an_address_that_is_hers_no_more_gets_no_link_that_was_asked_for_before(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let asked = app.app.db.write(async |tx| {
            tx.execute_unprepared("update supporter set email = 'elsewhere@example.org'").await?;
            let app = app.app.clone();
            let asked = tokio::spawn(async move { portal::send_link(&app, "zarmina@example.org", Language::English).await });
            // It has read the address as it was, and waits for the end of this.
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(asked)
        });
        asked.await.unwrap().await.unwrap().unwrap();
        assert_eq!((letters(&app, LetterKind::PortalLink).await.len(), count(&app.app, "portal_link").await), (0, 0));
    }

    async fn staff_see_that_a_link_was_sent_and_not_the_link(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let path = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        let letter = letters(&app, LetterKind::PortalLink).await.remove(0);
        app.sign_in_as(Role::Admin).await;
        let shown = app.get(&format!("/desk/letters/{}", letter.id)).await;
        assert!(shown.status == 200 && !shown.body.contains(&path) && !shown.body.contains("/me/"), "{}", shown.body);
        let receipt = letters(&app, LetterKind::Receipt).await.remove(0);
        assert!(app.get(&format!("/desk/letters/{}", receipt.id)).await.texts("main pre").len() == 1, "other letters are shown");
    }

    async fn a_change_from_another_site_is_refused_and_an_end_is_kept_while_stripe_is_down(app: TestApp) {
        let app = crate::donations::helpers::impatient(app);
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        let path = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        press(&app, &path).await;
        for from in [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example"), ("accept", "text/html")] {
            let request = Request::post(format!("/me/recurring/{id}/end"))
                .header("content-type", "application/x-www-form-urlencoded")
                .header(from.0, from.1)
                .body(Body::from("reason="))
                .unwrap();
            assert_eq!(app.send(request).await.status, 403, "{from:?}");
        }
        app.stripe.standin.fault(ApiFault::ServerError, 99);
        let down = app.post(&format!("/me/recurring/{id}/pause"), &[("until", "")]).await;
        assert_eq!(down.status, 503);
        let later = app.post(&format!("/me/recurring/{id}/end"), &[("reason", "I lost my work")]).await;
        assert_eq!(later.location(), "/me?done=end-later");
        let home = app.get("/me?done=end-later").await;
        assert!(home.body.contains("being ended") && !home.body.contains(&format!("/me/recurring/{id}/amount")), "{}", home.body);
        assert_eq!(app.post(&format!("/me/recurring/{id}/amount"), &[("amount", "30")]).await.status, 404, "it is about to end");
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        app.stripe.standin.clear_faults();
        wellwisher::recurring::reconcile::reconcile(&app.app, app.app.now(), false).await.unwrap();
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.end_reason.as_str(), gift.end_note.as_str()), (RecurringStatus::Ended, "supporter", "I lost my work"));
        assert_eq!(letters(&app, LetterKind::RecurringEnded).await.len(), 1);
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
        press(&app, &path).await;

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
        assert_eq!(app.get(&format!("/me/recurring/{id}/end")).await.location(), "/me?stale=1", "not without the link");
        assert_eq!(app.post(&format!("/me/recurring/{id}/end"), &[]).await.location(), "/me?stale=1");
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Active);
        let path = ask_for_link(&app, "zarmina@example.org", 1).await.expect("a letter");
        press(&app, &path).await;
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
        press(&app, &path).await;
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
