//! Recurring gifts at the desk.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use entity::{audit_entry, words::RecurringStatus, words::Role};
use sea_orm::EntityTrait;

on_both_databases! {
    async fn finance_changes_pauses_resumes_and_ends_and_the_trail_says_so(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        app.sign_in_as(Role::Finance).await;
        let list = app.get("/desk/recurring?status=active&every=month").await;
        assert_eq!((list.status.as_u16(), list.texts("tbody tr").len()), (200, 1));
        assert_eq!(app.get("/desk/recurring?status=ended").await.texts("tbody tr").len(), 0);
        assert_eq!(app.get(&format!("/desk/recurring/{id}")).await.status, 200);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/amount"), &[("amount", "x")]).await.status, 422);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/amount"), &[("amount", "0.10")]).await.status, 422);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/amount"), &[("amount", "40")]).await.status, 303);
        assert_eq!(the_gift(&app).await.amount_minor, 4_000);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/pause"), &[("until", "2020-01-01")]).await.status, 422);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/pause"), &[("until", "2026-07-01")]).await.status, 303);
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Paused);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/resume"), &[]).await.status, 303);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/refresh"), &[]).await.status, 303);
        assert_eq!(app.get(&format!("/desk/recurring/{id}/end")).await.status, 200);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/end"), &[("reason", "She asked by telephone")]).await.status, 303);
        let gift = the_gift(&app).await;
        assert_eq!((gift.status, gift.end_reason.as_str()), (RecurringStatus::Ended, "staff"));
        let trail = audit_entry::Entity::find().all(app.app.db.read()).await.unwrap();
        for action in ["change_amount", "pause", "resume", "ask_stripe", "end"] {
            assert!(trail.iter().any(|entry| entry.action == format!("recurring.{action}")), "{action}");
        }
        assert!(trail.iter().all(|entry| !entry.detail.contains("telephone")), "reasons stay out of the trail");
        let donation = donations(&app.app).await.remove(0).id;
        assert!(app.get(&format!("/desk/donations/{donation}")).await.body.contains(&format!("/desk/recurring/{id}")));
    }

    async fn an_editor_sees_the_gift_and_nobody_in_it(app: TestApp) {
        begin(&app, "monthly", GOOD_CARD).await;
        let id = the_gift(&app).await.id;
        app.sign_in_as(Role::Editor).await;
        for path in ["/desk/recurring".to_owned(), format!("/desk/recurring/{id}")] {
            let page = app.get(&path).await;
            assert_eq!(page.status, 200);
            assert!(!page.body.contains("Zarmina") && !page.body.contains("zarmina@example.org"), "{path}");
        }
        assert_eq!(app.post(&format!("/desk/recurring/{id}/end"), &[]).await.status, 403);
        assert_eq!(app.post(&format!("/desk/recurring/{id}/amount"), &[("amount", "40")]).await.status, 403);
    }
}
