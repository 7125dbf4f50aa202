//! The giving form asks how often, in every language and without scripts.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};

on_both_databases! {
    async fn the_form_offers_once_monthly_and_yearly_in_every_language(app: TestApp) {
        for (lang, words) in [("en", "Every month"), ("fa-AF", "هر ماه"), ("ps", "هره میاشت")] {
            let page = app.get(&format!("/donate?frequency=monthly&lang={lang}")).await;
            assert_eq!(page.status, 200);
            assert!(page.body.contains(words), "{lang}");
            assert_eq!(page.texts("input[name=frequency]").len(), 3);
            assert_eq!(page.attribute("input[name=frequency][checked]", "value").as_deref(), Some("monthly"));
        }
        assert_eq!(app.get("/donate").await.attribute("input[name=frequency][checked]", "value").as_deref(), Some("once"));
    }

    async fn a_wrong_frequency_keeps_what_was_typed_and_an_item_is_given_once(app: TestApp) {
        let wrong = fill(&app, "").await.with("frequency", "hourly").send(&app).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.body.contains("Zarmina"), "what was typed is kept");
        crate::donations::helpers::new_item(&app.app, 2, None).await;
        let item = fill(&app, "item=bag").await.with("frequency", "monthly").send(&app).await;
        assert_eq!(item.status, 422);
        assert_eq!(count(&app.app, "recurring_donation").await, 0);
    }

    async fn the_same_form_sent_twice_is_one_gift_and_with_another_frequency_another(app: TestApp) {
        let form = fill(&app, "").await.with("frequency", "monthly");
        let first = form.send(&app).await;
        assert_eq!(form.send(&app).await.location(), first.location());
        assert_eq!((count(&app.app, "recurring_donation").await, count(&app.app, "donation").await), (1, 1));
        assert_eq!(form.with("frequency", "yearly").send(&app).await.status, 409);
    }
}
