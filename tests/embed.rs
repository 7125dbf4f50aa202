//! What other sites show of ours: the same ask as on our pages, gone with it, and only where it may be framed.

use crate::support::{Answer, TestApp, TestDatabase, default_settings, newsroom::plain, on_both_databases};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{
    article, attachment, campaign,
    words::{ArticleStatus, CampaignStatus, NoticeKind},
};
use sea_orm::{DatabaseTransaction, EntityTrait};
use wellwisher::{
    articles::{self, notices},
    attachments::{self, Place, Thing},
    campaigns::{Verb, life},
    config::Config,
    staff::Actor,
};

const NOTHING: &str = "There is nothing to give for here just now.";

/// A campaign and an item on every article, and an article.
async fn newsroom(app: &TestApp) -> (article::Model, campaign::Model) {
    let campaign = app.campaign("Schools").await;
    let item = app.item("School bag", Some(campaign.id), |_| {}).await;
    for thing in [Thing::Campaign(campaign.id), Thing::Item(item.id)] {
        attachments::attach(&app.app, &Actor::system(), thing, Place::Everywhere, None).await.unwrap();
    }
    (app.article("a-school", |_| {}).await, campaign)
}

async fn frame(app: &TestApp, path: &str) -> Answer {
    app.forget_cookies();
    let answer = app.get(path).await;
    assert_eq!(answer.headers.get("set-cookie"), None, "{path} sets no cookie");
    for forbidden in ["script", "form", "input", "button", "img", "header", "footer", "nav", "iframe", "[style]"] {
        assert!(answer.texts(forbidden).is_empty(), "{path} has a {forbidden}");
    }
    let selector = scraper::Selector::parse("a").unwrap();
    for link in answer.page().select(&selector) {
        assert_eq!((link.attr("target"), link.attr("rel")), (Some("_blank"), Some("noopener")), "{path}: {}", link.html());
        assert!(link.attr("href").unwrap().starts_with('/'), "{path}: {}", link.html());
    }
    answer
}

fn policy(answer: &Answer) -> &str {
    answer.headers["content-security-policy"].to_str().unwrap()
}

fn asks(answer: &Answer) -> bool {
    let has_way = answer.attribute("a[href^='/donate']", "href").is_some();
    assert_eq!(answer.texts("h1").contains(&NOTHING.to_owned()), !has_way, "either a way to give, or the word that there is none");
    has_way
}

async fn notice(app: &TestApp, article: &article::Model, kind: NoticeKind, keeps_asking: bool) {
    let texts = notices::Texts::from([("en".to_owned(), "The number was wrong.".to_owned())]);
    let new = notices::NewNotice { kind, texts, keeps_asking };
    let write = async |tx: &DatabaseTransaction| notices::add(&app.app, tx, article.id, &new, &Actor::system()).await;
    app.app.db.write(write).await.unwrap();
}

async fn change(app: &TestApp, article: &article::Model, state: &str) {
    let wellwisher = &app.app;
    let write = async |tx: &DatabaseTransaction| match state {
        "sensitive" => articles::mark_sensitive(wellwisher, tx, article.id, true).await,
        "not sensitive" => articles::mark_sensitive(wellwisher, tx, article.id, false).await,
        "unpublished" => articles::unpublish(wellwisher, tx, article.id).await,
        _ => articles::publish(wellwisher, tx, article.id).await,
    };
    wellwisher.db.write(write).await.unwrap();
}

on_both_databases! {
    async fn an_articles_frame_asks_for_what_stands_on_the_article(app: TestApp) {
        let (_, campaign) = newsroom(&app).await;
        app.raise(&campaign, 25_000, "EUR").await;
        let answer = frame(&app, "/embed/articles/a-school").await;
        assert_eq!((answer.status.as_u16(), answer.texts("h1")), (200, vec!["What this work needs".to_owned()]));
        assert_eq!(answer.texts("h2"), ["Schools", "School bag"]);
        assert_eq!(answer.attribute("progress", "value").as_deref(), Some("25"));
        assert!(plain(&answer.texts(".progress p")).contains("€250 of €1,000 raised"), "{:?}", answer.texts(".progress p"));
        let way = answer.attribute("a.button", "href").unwrap();
        assert_eq!(way, "/donate?campaign=schools&article=a-school&lang=en");
        let form = app.get(&way).await;
        let hidden = |name: &str| form.attribute(&format!("input[name={name}]"), "value");
        assert_eq!((hidden("campaign").as_deref(), hidden("article").as_deref()), (Some("schools"), Some("a-school")));
        let item = answer.attribute("a[href^='/wish-list']", "href").unwrap();
        assert_eq!(app.get(&item).await.attribute("input[name=article]", "value").as_deref(), Some("a-school"));

        for row in attachment::Entity::find().all(app.app.db.read()).await.unwrap() {
            attachments::detach(&app.app, &Actor::system(), row.id).await.unwrap();
        }
        app.article("alone", |row| row.language = "fa-AF".into()).await;
        let answer = frame(&app, "/embed/articles/alone").await;
        assert_eq!(answer.attribute("a.button", "href").as_deref(), Some("/donate?article=alone&lang=fa-AF"), "as the article's own form");
        assert_eq!(answer.attribute("html", "dir").as_deref(), Some("rtl"), "an article in Dari has a frame in Dari");
    }

    async fn whatever_takes_an_articles_ask_away_takes_it_from_its_frame_at_once(app: TestApp) {
        let (article, _) = newsroom(&app).await;
        let path = "/embed/articles/a-school";
        assert!(asks(&frame(&app, path).await));
        notice(&app, &article, NoticeKind::Corrected, true).await;
        assert!(asks(&frame(&app, path).await), "staff said that the correction leaves the ask as it was");
        let states = ["sensitive", "not sensitive", "corrected", "not sensitive", "unpublished", "published"];
        for state in states {
            let status = if state == "unpublished" { 404 } else { 200 };
            match state {
                "corrected" => notice(&app, &article, NoticeKind::Corrected, false).await,
                _ => change(&app, &article, state).await,
            }
            let answer = frame(&app, path).await;
            let page = app.get("/articles/a-school").await;
            assert_eq!(asks(&answer), page.attribute("input[name=form_token]", "value").is_some(), "{state}: the frame asks as the page does");
            assert_eq!((answer.status.as_u16(), page.status.as_u16()), (status, status), "{state}");
            assert_eq!(asks(&answer), matches!(state, "not sensitive" | "published"), "{state}");
            assert!(asks(&answer) || !answer.body.contains("Schools"), "{state}: nothing of it is named");
            assert_eq!(app.get("/oembed?url=http://127.0.0.1:8080/articles/a-school").await.status == 200, asks(&answer), "{state}");
            assert_eq!(page.body.contains("application/json+oembed"), asks(&answer), "{state}");
        }
        notice(&app, &article, NoticeKind::Retracted, false).await;
        assert!(!asks(&frame(&app, path).await), "retracted");
    }

    async fn what_readers_do_not_see_has_the_frame_of_what_never_was(app: TestApp) {
        newsroom(&app).await;
        let later = app.app.now() + TimeDelta::days(1);
        app.article("a-draft", |row| row.status = ArticleStatus::Draft).await;
        app.article("tomorrow", |row| row.published_at = Some(later)).await;
        app.article("gone", |row| row.status = ArticleStatus::Unpublished).await;
        app.draft("Not yet", |_| {}).await;
        let never = frame(&app, "/embed/articles/never").await;
        assert_eq!((never.status.as_u16(), never.texts("h1")), (404, vec![NOTHING.to_owned()]));
        for path in ["articles/a-draft", "articles/tomorrow", "articles/gone", "campaigns/not-yet", "campaigns/never"] {
            let answer = frame(&app, &format!("/embed/{path}")).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (404, &never.body), "{path}");
            assert!(policy(&answer).contains("frame-ancestors 'self'"), "{path}: a calm word, no broken frame");
            assert_eq!(app.get(&format!("/oembed?url=http://127.0.0.1:8080/{path}")).await.status, 404, "{path}");
        }
        app.app.clock.advance(TimeDelta::days(1));
        assert!(asks(&frame(&app, "/embed/articles/tomorrow").await), "its day has come");
    }

    async fn a_campaigns_frame_shows_how_far_it_is_and_why_it_is_not_open(app: TestApp) {
        let (_, campaign) = newsroom(&app).await;
        app.raise(&campaign, 50_000, "EUR").await;
        let open = frame(&app, "/embed/campaigns/schools").await;
        assert_eq!((open.status.as_u16(), open.texts("h1")), (200, vec!["Schools".to_owned()]));
        assert_eq!(open.attribute("progress", "value").as_deref(), Some("50"));
        assert_eq!(open.attribute("a.button", "href").as_deref(), Some("/donate?campaign=schools&lang=en"));
        let why = |public_reason: &str| life::Why { reason: "r".into(), public_reason: public_reason.into(), money: "purpose".into() };
        for (verb, status) in [(Verb::Pause, CampaignStatus::Paused), (Verb::Close, CampaignStatus::Closed)] {
            let told = life::apply_with(&app.app, &Actor::system(), campaign.id, verb, &why(&format!("We {verb} it"))).await.unwrap();
            assert_eq!(told.status, status);
            let (answer, page) = (frame(&app, "/embed/campaigns/schools").await, app.get("/campaigns/schools").await);
            assert_eq!(answer.status, 200);
            assert_eq!(answer.attribute("a.button", "href"), None, "{verb}: no way to give");
            assert_eq!(answer.texts(".why"), page.texts(".why"), "{verb}: what the page says");
            assert!(answer.texts(".why")[0].contains(&format!("We {verb} it")), "{verb}");
            assert!(answer.texts("main > p").iter().any(|text| text.contains(NOTHING)), "{verb}");
        }
        life::apply_with(&app.app, &Actor::system(), campaign.id, Verb::Reopen, &why("")).await.unwrap();
        assert!(frame(&app, "/embed/campaigns/schools").await.attribute("a.button", "href").is_some());
    }

    async fn a_frame_speaks_the_language_of_its_address_and_knows_no_cookie(app: TestApp) {
        newsroom(&app).await;
        for (language, dir, heading) in [("fa-AF", "rtl", "این کار به چه نیاز دارد"), ("ps", "rtl", "دا کار څه ته اړتیا لري"), ("en", "ltr", "What this work needs")] {
            for thing in ["articles/a-school", "campaigns/schools", "articles/never"] {
                let answer = frame(&app, &format!("/embed/{thing}?lang={language}")).await;
                assert_eq!(answer.attribute("html", "lang").as_deref(), Some(language), "{thing}");
                assert_eq!(answer.attribute("html", "dir").as_deref(), Some(dir), "{thing}");
                assert!(!answer.body.contains("Unknown localization"), "{thing}");
                if thing == "articles/a-school" {
                    assert_eq!(answer.texts("h1"), [heading]);
                    assert!(answer.attribute("a.button", "href").unwrap().ends_with(&format!("&lang={language}")));
                }
            }
        }
        let without = frame(&app, "/embed/articles/a-school").await.body;
        app.get("/language/ps?next=/").await;
        assert!(!app.cookies().is_empty());
        assert_eq!(app.get("/embed/articles/a-school").await.body, without);
    }

    async fn who_has_a_frame_already_is_told_so_until_it_changes(app: TestApp) {
        let (article, _) = newsroom(&app).await;
        let first = frame(&app, "/embed/articles/a-school").await;
        assert_eq!(first.headers["cache-control"], "no-cache", "asked for anew each time");
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        let again = async || {
            let request = Request::get("/embed/articles/a-school").header("accept-language", "en").header("if-none-match", &tag);
            app.send(request.body(Body::empty()).unwrap()).await
        };
        let answer = again().await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (304, ""));
        change(&app, &article, "sensitive").await;
        let answer = again().await;
        assert_eq!((answer.status.as_u16(), asks(&answer)), (200, false));
        change(&app, &article, "unpublished").await;
        let answer = again().await;
        assert_eq!((answer.status.as_u16(), asks(&answer)), (404, false));
    }

    async fn only_frames_can_be_framed_and_only_by_the_sites_that_are_named(database: TestDatabase) {
        let origins = "https://news.example.org, http://localhost:3000/, https://BLOG.example.org:8443";
        let app = TestApp::with(database, |settings| settings.embed_origins = origins.to_owned()).await;
        newsroom(&app).await;
        for path in ["/embed/articles/a-school", "/embed/campaigns/schools", "/embed/articles/never"] {
            let answer = app.get(path).await;
            let expected = "frame-ancestors 'self' https://news.example.org http://localhost:3000 https://blog.example.org:8443";
            assert!(policy(&answer).ends_with(expected), "{path}: {}", policy(&answer));
            assert!(policy(&answer).starts_with("default-src 'none'; style-src 'self'; form-action 'none'"), "{path}");
            assert_eq!(answer.headers.get("x-frame-options"), None);
            assert_eq!(answer.headers["referrer-policy"], "same-origin");
        }
        for path in ["/", "/articles/a-school", "/campaigns/schools", "/donate", "/desk/sign-in", "/embed/nothing/else", "/oembed"] {
            let answer = app.get(path).await;
            assert!(policy(&answer).ends_with("frame-ancestors 'none'"), "{path}: {}", policy(&answer));
        }
    }

    async fn without_the_setting_only_we_ourselves_can_frame(app: TestApp) {
        newsroom(&app).await;
        assert!(policy(&app.get("/embed/campaigns/schools").await).ends_with("frame-ancestors 'self'"));
    }

    async fn an_address_of_ours_becomes_a_frame_to_show(app: TestApp) {
        let (_, campaign) = newsroom(&app).await;
        let draft = app.draft("<b>Bread</b> & roses", |_| {}).await;
        wellwisher::campaigns::apply(&app.app, &Actor::system(), draft.id, Verb::Launch).await.unwrap();
        for (page, title, max) in [
            ("/articles/a-school", "A school behind a curtain", "&maxwidth=300&maxheight=5000"),
            ("/campaigns/schools", campaign.title.as_str(), ""),
            (format!("/campaigns/{}", draft.slug).as_str(), "<b>Bread</b> & roses", "&maxwidth=&format=json"),
        ] {
            let found = app.get(page).await.attribute("link[type='application/json+oembed']", "href").expect("the page says where");
            let path = found.strip_prefix("http://127.0.0.1:8080").expect("the whole address");
            let answer = app.get(&format!("{path}{max}")).await;
            assert_eq!((answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap()), (200, "application/json"), "{path}");
            let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((told["version"].as_str(), told["type"].as_str()), (Some("1.0"), Some("rich")));
            assert_eq!((told["title"].as_str(), told["provider_name"].as_str()), (Some(title), Some("Our Newsroom")));
            let width = if max.contains("300") { 300 } else { 480 };
            assert_eq!((told["width"].as_u64(), told["height"].as_u64()), (Some(width), Some(420)));
            let html = scraper::Html::parse_fragment(told["html"].as_str().unwrap());
            let one = |tag: &str| html.select(&scraper::Selector::parse(tag).unwrap()).next().expect("it is there").value().clone();
            let shown = one("iframe");
            assert_eq!((shown.attr("title"), shown.attr("referrerpolicy")), (Some(title), Some("no-referrer")));
            assert_eq!(shown.attr("width"), Some(width.to_string().as_str()));
            assert_eq!(one("a").attr("href"), Some(format!("http://127.0.0.1:8080{page}").as_str()), "a plain link for who blocks frames");
            let src = shown.attr("src").unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
            assert_eq!((src.as_str(), frame(&app, &src).await.status.as_u16()), (format!("/embed{page}").as_str(), 200));
        }
        let dari = app.get("/oembed?url=http%3A%2F%2F127.0.0.1%3A8080%2Fcampaigns%2Fschools%3Flang%3Dfa-AF%26x%3D1").await;
        assert!(dari.body.contains("/embed/campaigns/schools?lang=fa-AF\\\""), "{}", dari.body);
    }

    async fn what_is_not_ours_or_not_understood_becomes_nothing(app: TestApp) {
        newsroom(&app).await;
        let ours = "http://127.0.0.1:8080/campaigns/schools";
        for (query, status) in [
            (format!("url={ours}&format=xml"), 501),
            (String::new(), 400),
            ("url=campaigns/schools".to_owned(), 400),
            (format!("url={ours}&maxwidth=0"), 400),
            (format!("url={ours}&maxheight=wide"), 400),
            ("url=https://127.0.0.1:8080/campaigns/schools".to_owned(), 404),
            ("url=http://127.0.0.1:8081/campaigns/schools".to_owned(), 404),
            ("url=http://127.0.0.1:8080/campaigns".to_owned(), 404),
            ("url=http://127.0.0.1:8080/campaigns/schools/feed.xml".to_owned(), 404),
            ("url=http://127.0.0.1:8080/desk/campaigns".to_owned(), 404),
            ("url=data:text/html,x".to_owned(), 404),
        ] {
            assert_eq!(app.get(&format!("/oembed?{query}")).await.status.as_u16(), status, "{query}");
        }
    }

    async fn other_sites_may_load_the_script_and_the_style_and_nothing_else(app: TestApp) {
        newsroom(&app).await;
        let script = app.get("/embed.js").await;
        assert_eq!((script.status.as_u16(), script.headers["content-type"].to_str().unwrap()), (200, "text/javascript; charset=utf-8"));
        assert_eq!(script.headers["cache-control"], "public, max-age=3600");
        for word in ["cookie", "localStorage", "sessionStorage", "fetch", "sendBeacon", "XMLHttpRequest"] {
            assert!(!script.body.contains(word), "{word}");
        }
        let style = app.get("/embed/campaigns/schools").await.attribute("link[rel=stylesheet]", "href").unwrap();
        for (path, open) in [("/embed.js", true), (style.as_str(), true), ("/embed/campaigns/schools", true), ("/campaigns/schools", false), ("/oembed", false)] {
            let expected = if open { "cross-origin" } else { "same-origin" };
            assert_eq!(app.get(path).await.headers["cross-origin-resource-policy"], expected, "{path}");
        }
    }
}

#[test]
fn only_whole_origins_may_frame_and_every_site_only_when_that_is_said() {
    let check = |origins: &str| {
        let mut settings = default_settings();
        settings.embed_origins = origins.to_owned();
        settings.secret_key = "a secret for tests, of more than 32 characters".into();
        Config::check(&settings).map(|config| config.embed_origins)
    };
    for (good, means) in [
        ("", vec![]),
        (" * ", vec!["*"]),
        ("https://news.example.org", vec!["https://news.example.org"]),
        ("https://a.example/,https://b.example:443", vec!["https://a.example", "https://b.example"]),
        ("http://127.0.0.1:5000", vec!["http://127.0.0.1:5000"]),
        ("https://bücher.example", vec!["https://xn--bcher-kva.example"]),
    ] {
        assert_eq!(check(good).unwrap(), means, "{good}");
    }
    for bad in [
        "news.example.org",
        "http://news.example.org",
        "https://news.example.org/blog",
        "https://news.example.org?x",
        "https://news.example.org#x",
        "https://user@news.example.org",
        "https://*.example.org",
        "https://news.example.org, *",
        "https://a.example;script-src",
        "https://a.example 'unsafe-inline'",
        "https://[::1]",
        "data:text/html,x",
        "'self'",
    ] {
        let error = check(bad).expect_err(bad).to_string();
        assert!(error.starts_with("EMBED_ORIGINS: `") && error.contains("https://news.example.org, joined by commas"), "{bad}: {error}");
    }
}
