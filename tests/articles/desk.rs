//! The newsroom on the desk.

use super::reading::{details, publish, write};
use crate::support::{TestApp, TestDatabase, on_both_databases};
use entity::{
    article, audit_entry,
    words::{ArticleStatus, Role},
};
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};
use wellwisher::{articles::Details, staff};

/// A member of staff with this role, signed in with both factors.
async fn sign_in(app: &TestApp, role: Role) {
    let mut shown = app.app.clone();
    let mut config = (*shown.config).clone();
    config.demo = true;
    shown.config = config.into();
    staff::add_demo_account(&shown, role, "Somebody").await.unwrap();
    let account = staff::demo_accounts(&shown).await.unwrap().into_iter().find(|account| account.role == role).unwrap();
    app.post("/desk/sign-in", &[("email", &account.email), ("password", account.password)]).await;
    let answer = app.post("/desk/sign-in/code", &[("code", &account.code)]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

async fn actions(app: &TestApp) -> Vec<String> {
    let entries = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id).all(app.app.db.read()).await.unwrap();
    entries.into_iter().map(|entry| entry.action).filter(|action| action.starts_with("article.")).collect()
}

const FIELDS: [(&str, &str); 5] =
    [("kind", "hosted"), ("title", "From the desk"), ("body_markdown", "Some *text*."), ("language", "en"), ("category", "Women/Work")];

on_both_databases! {
    async fn an_editor_writes_previews_publishes_and_takes_down_an_article(app: TestApp) {
        sign_in(&app, Role::Editor).await;
        assert_eq!(app.get("/desk/articles/new").await.status, 200);
        let preview = app.post("/desk/articles", &[&FIELDS[..], &[("then", "preview")]].concat()).await;
        assert_eq!((preview.status.as_u16(), preview.texts("#preview em")), (200, vec!["text".to_owned()]));
        assert_eq!(article::Entity::find().count(app.app.db.read()).await.unwrap(), 0, "a preview saves nothing");

        let made = app.post("/desk/articles", &[&FIELDS[..], &[("then", "save")]].concat()).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let page = made.location().split('?').next().unwrap().to_owned();
        assert_eq!(app.get(&page).await.attribute("input[name=title]", "value").as_deref(), Some("From the desk"));
        assert_eq!(app.get("/articles/from-the-desk").await.status, 404);
        assert_eq!(app.post(&format!("{page}/publish"), &[]).await.status, 303);
        assert_eq!(app.get("/articles/from-the-desk").await.status, 200);
        let changed = [("kind", "hosted"), ("title", "Renamed"), ("body_markdown", "Other."), ("language", "en"), ("published_on", "2026-04-01")];
        assert_eq!(app.post(&page, &changed).await.status, 303);
        assert_eq!(app.get("/articles/from-the-desk").await.texts("h1"), ["Renamed"], "its address stays");
        assert_eq!(app.post(&format!("{page}/sensitive"), &[]).await.status, 303);
        assert_eq!(app.post(&format!("{page}/not-sensitive"), &[]).await.status, 303);
        assert_eq!(app.post(&format!("{page}/unpublish"), &[]).await.status, 303);
        assert_eq!(app.get("/articles/from-the-desk").await.status, 404);
        assert_eq!(app.post(&format!("{page}/delete"), &[]).await.status, 404, "nothing is ever deleted");
        let expected = ["create", "publish", "change", "sensitive", "not-sensitive", "unpublish"].map(|verb| format!("article.{verb}"));
        assert_eq!(actions(&app).await, expected);
        let kept = article::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((kept.status, kept.published_at.unwrap().to_rfc3339().as_str()), (ArticleStatus::Unpublished, "2026-04-01T00:00:00+00:00"));
    }

    async fn what_is_wrong_is_told_by_field_and_nothing_typed_is_lost(app: TestApp) {
        sign_in(&app, Role::Editor).await;
        let wrong = [("kind", "elsewhere"), ("title", ""), ("standfirst", "Kept"), ("canonical_url", "javascript:x"), ("language", "English"), ("source_date", "soon")];
        let answer = app.post("/desk/articles", &wrong).await;
        assert_eq!(answer.status, 422);
        let mut links: Vec<String> = Vec::new();
        for link in answer.page().select(&scraper::Selector::parse(".error-summary a").unwrap()) {
            links.push(link.attr("href").unwrap().to_owned());
        }
        assert_eq!(links, ["#source_date", "#title", "#canonical_url", "#language"]);
        assert_eq!(answer.attribute("input[name=standfirst]", "value").as_deref(), Some("Kept"));
        let url = [("kind", "elsewhere"), ("title", "One"), ("canonical_url", "https://a.example/x"), ("language", "en")];
        assert_eq!(app.post("/desk/articles", &url).await.status, 303);
        let taken = app.post("/desk/articles", &url).await;
        assert_eq!((taken.status.as_u16(), taken.attribute(".error-summary a", "href").as_deref()), (422, Some("#canonical_url")));
        assert_eq!(actions(&app).await, ["article.create"]);
    }

    async fn the_desk_lists_every_state_and_finds_by_filter(app: TestApp) {
        sign_in(&app, Role::Admin).await;
        assert!(app.get("/desk/articles").await.body.contains("There is no article yet"));
        write(&app, &details("Still a draft")).await;
        publish(&app, &Details { category: "Women".to_owned(), ..details("Out there") }).await;
        assert_eq!(app.get("/desk/articles").await.texts("tbody td:first-child"), ["Out there", "Still a draft"]);
        assert_eq!(app.get("/desk/articles?status=draft").await.texts("tbody td:first-child"), ["Still a draft"]);
        assert_eq!(app.get("/desk/articles?category=women&q=out").await.texts("tbody td:first-child"), ["Out there"]);
        assert_eq!(app.get("/desk/articles?status=lost").await.status, 400);
    }

    async fn only_editors_reach_the_newsroom(database: TestDatabase) {
        let app = TestApp::with(database, |_| {}).await;
        let article = write(&app, &details("A draft")).await;
        let paths = ["/desk/articles".to_owned(), "/desk/articles/new".to_owned(), format!("/desk/articles/{}", article.id)];
        for path in &paths {
            assert_eq!(app.get(path).await.status, 303, "{path} asks to sign in");
        }
        sign_in(&app, Role::Finance).await;
        for path in &paths {
            assert_eq!(app.get(path).await.status, 403, "{path}");
        }
        assert_eq!(app.post(&format!("/desk/articles/{}/publish", article.id), &[]).await.status, 403);
        assert_eq!(app.post("/desk/articles", &FIELDS).await.status, 403);
        assert_eq!(actions(&app).await, [""; 0]);
    }
}
