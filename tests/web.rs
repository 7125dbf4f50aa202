//! What every page keeps to.

use crate::support::{TestApp, on_both_databases};

on_both_databases! {
    async fn a_page_that_is_not_there_says_so_and_what_to_do(app: TestApp) {
        let answer = app.get("/nowhere").await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.texts("h1"), ["There is no such page"]);
        assert!(!answer.texts("code")[0].is_empty(), "the number of the request is shown");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers["referrer-policy"], "same-origin");
    }

    async fn the_chosen_language_stays(app: TestApp) {
        let answer = app.get("/language/fa-AF?next=/nowhere").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/nowhere"));
        let answer = app.get("/nowhere").await;
        assert_eq!(answer.attribute("html", "dir").as_deref(), Some("rtl"));
        assert_eq!(app.get("/language/fa-AF?next=//evil.example").await.location(), "/");
        assert_eq!(app.get("/language/xx").await.status, 404);
    }

    async fn it_is_ready_when_its_tables_are(app: TestApp) {
        assert_eq!(app.get("/healthz").await.status, 200);
        assert_eq!(app.get("/readyz").await.body, "ready\n");
    }

    async fn a_form_from_another_site_is_refused(app: TestApp) {
        let request = axum::http::Request::post("/donations")
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://evil.example")
            .body(axum::body::Body::empty())
            .unwrap();
        assert_eq!(app.send(request).await.status, 403);
    }

    async fn styles_may_be_kept_for_ever(app: TestApp) {
        let page = app.get("/nowhere").await;
        let style = page.attribute("link[rel=stylesheet]", "href").unwrap();
        let answer = app.get(&style).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(app.get("/assets/no-such-file.css").await.status, 404);
    }
}
