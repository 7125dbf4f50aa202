//! What readers see of the newsroom.

use crate::support::{TestApp, on_both_databases};
use axum::{body::Body, http::Request};
use chrono::TimeDelta;
use entity::{
    Currency, article, attachment, campaign, category, fund,
    ids::{AttachmentId, CampaignId, FundId, WishItemId},
    wish_item,
    words::{ArticleKind, AttachmentScope, AttachmentTarget, CampaignStatus, Restriction, WishKind, WishStatus},
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, PaginatorTrait};
use tower::ServiceExt;
use wellwisher::articles::{self, Details};

pub fn details(title: &str) -> Details {
    Details { title: title.to_owned(), body_markdown: "Text.".to_owned(), ..Details::default() }.checked().expect("the details are right")
}

pub async fn write(app: &TestApp, details: &Details) -> article::Model {
    let wellwisher = &app.app;
    wellwisher.db.write(async |tx| articles::create(wellwisher, tx, details).await).await.expect("the article is written")
}

pub async fn publish(app: &TestApp, details: &Details) -> article::Model {
    // Each a second after the one before, so that the newest first is one order.
    app.app.clock.advance(TimeDelta::seconds(1));
    let (wellwisher, id) = (&app.app, write(app, details).await.id);
    wellwisher.db.write(async |tx| articles::publish(wellwisher, tx, id).await).await.expect("the article is published")
}

/// A live campaign and a priced item, attached to every article; none of it is anybody's.
async fn attach_everywhere(app: &TestApp, number: u32) {
    let (now, usd): (_, Currency) = (app.app.now(), "USD".parse().unwrap());
    let fund_id = app.app.new_id::<FundId>();
    let fund = fund::Model {
        id: fund_id,
        code: format!("F{number}"),
        name: "General".to_owned(),
        restriction: Restriction::Without,
        gl_income: "4000".to_owned(),
        gl_fee: "6000".to_owned(),
        created_at: now,
    };
    let campaign = campaign::Model {
        id: app.app.new_id::<CampaignId>(),
        slug: format!("campaign-{number}"),
        title: format!("Campaign {number} for the reading rooms"),
        summary: "Forty rooms above forty bakeries.".to_owned(),
        story_markdown: "A story.".to_owned(),
        language: "en".to_owned(),
        goal_minor: 500_000,
        currency: usd,
        fund_id,
        status: CampaignStatus::Live,
        starts_on: None,
        ends_on: None,
        ends_at_minute: None,
        created_at: now,
        updated_at: now,
    };
    let item = wish_item::Model {
        id: app.app.new_id::<WishItemId>(),
        slug: format!("item-{number}"),
        title: format!("A lamp, number {number}"),
        description: "It is read by in the evening.".to_owned(),
        language: "en".to_owned(),
        kind: WishKind::Priced,
        price_minor: Some(2_500),
        currency: Some(usd),
        quantity: 4,
        shop_url: None,
        campaign_id: None,
        fund_id,
        status: WishStatus::Open,
        created_at: now,
        updated_at: now,
        funding: entity::words::WishFunding::Whole,
        cancel_reason: entity::words::CancelReason::None,
        picture_id: None,
        picture_text: String::new(),
    };
    let tie = |target, campaign_id, wish_item_id| attachment::Model {
        id: app.app.new_id::<AttachmentId>(),
        target,
        campaign_id,
        wish_item_id,
        scope: AttachmentScope::Everywhere,
        article_id: None,
        category_id: None,
        position: 1,
        starts_on: None,
        ends_on: None,
        created_at: now,
    };
    let ties = [tie(AttachmentTarget::Campaign, Some(campaign.id), None), tie(AttachmentTarget::WishItem, None, Some(item.id))];
    let wellwisher = &app.app;
    wellwisher
        .db
        .write(async |tx| {
            fund.clone().into_active_model().reset_all().insert(tx).await?;
            campaign.clone().into_active_model().reset_all().insert(tx).await?;
            item.clone().into_active_model().reset_all().insert(tx).await?;
            for tie in &ties {
                tie.clone().into_active_model().reset_all().insert(tx).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

on_both_databases! {
    async fn a_page_put_together_a_moment_ago_shows_what_changed_and_gives_each_reader_a_token(app: TestApp) {
        let article = publish(&app, &details("Bread and books")).await;
        attach_everywhere(&app, 1).await;
        let path = format!("/articles/{}", article.slug);
        let token_in = |html: &str| html.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let (first, second) = (app.get(&path).await.body, app.get(&path).await.body);
        let (one, other) = (token_in(&first), token_in(&second));
        assert_ne!(one, other);
        assert_eq!(first.replace(&one, ""), second.replace(&other, ""));
        let campaign = campaign::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        app.raise(&campaign, 123_400, "USD").await;
        assert!(app.get(&path).await.body.contains("1,234"), "a gift shows at once");
        assert!(!app.get(&format!("{path}?amount=77")).await.body.contains(&other));
        let wellwisher = &app.app;
        wellwisher.db.write(async |tx| articles::unpublish(wellwisher, tx, article.id).await).await.unwrap();
        assert_eq!(app.get(&path).await.status, 404);
    }

    async fn articles_written_at_once_each_get_a_slug_of_their_own(app: TestApp) {
        let same = Details { category: "Women/Health".to_owned(), ..details("The same title") };
        let written = futures_util::future::join_all((0..12).map(|_| write(&app, &same))).await;
        let slugs: std::collections::BTreeSet<String> = written.iter().map(|article| article.slug.clone()).collect();
        assert_eq!(slugs.len(), 12, "{slugs:?}");
        assert!(slugs.contains("the-same-title") && slugs.contains("the-same-title-2"), "{slugs:?}");
        assert_eq!(category::Entity::find().count(app.app.db.read()).await.unwrap(), 2, "Women and Women/Health, once each");
    }

    async fn an_article_shows_its_source_category_date_and_views(app: TestApp) {
        let quoted = Details {
            standfirst: "In short.".to_owned(),
            byline: "Mira Solan".to_owned(),
            body_markdown: "**Bold** <script>alert(1)</script> [x](javascript:alert(1))".to_owned(),
            source_name: "The Morning Lamp".to_owned(),
            source_url: Some("https://lamp.example/a".to_owned()),
            source_date: "2026-03-20".parse().ok(),
            category: "Taliban/ISIS".to_owned(),
            ..details("A quoted piece")
        };
        let article = publish(&app, &quoted).await;
        let mut row = article.clone().into_active_model();
        row.imported_views = sea_orm::ActiveValue::Set(26_142);
        let wellwisher = &app.app;
        wellwisher.db.write(async |tx| Ok(row.clone().update(tx).await?)).await.unwrap();
        let answer = app.get("/articles/a-quoted-piece").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.texts("h1"), ["A quoted piece"]);
        assert_eq!(answer.texts(".source"), ["Source: The Morning Lamp 20 March 2026"]);
        assert_eq!(answer.attribute(".source a", "href").as_deref(), Some("https://lamp.example/a"));
        assert_eq!(answer.texts(".views"), ["\u{2068}26,142\u{2069} views"]);
        assert_eq!(answer.texts("main nav a"), ["Articles", "Taliban", "ISIS"]);
        assert_eq!(answer.attribute("main nav li:last-child a", "href").as_deref(), Some("/categories/taliban/isis"));
        assert_eq!(answer.texts(".story strong"), ["Bold"]);
        assert!(answer.page().select(&scraper::Selector::parse(".story script, .story a[href^=javascript]").unwrap()).next().is_none());
        assert_eq!(answer.attribute("meta[property='og:title']", "content").as_deref(), Some("A quoted piece"));
        assert_eq!(answer.attribute("meta[property='og:url']", "content").as_deref(), Some("http://127.0.0.1:8080/articles/a-quoted-piece"));
        assert_eq!(answer.attribute("script[data-article]", "data-article"), Some(article.id.to_string()));
    }

    async fn what_is_not_published_is_the_same_404_everywhere(app: TestApp) {
        let hidden = |title: &str| Details { category: "Hidden/Place".to_owned(), ..details(title) };
        write(&app, &hidden("A draft")).await;
        let taken_down = publish(&app, &hidden("Taken down")).await;
        let wellwisher = &app.app;
        wellwisher.db.write(async |tx| articles::unpublish(wellwisher, tx, taken_down.id).await).await.unwrap();
        publish(&app, &Details { published_at: Some(app.app.now() + TimeDelta::days(1)), ..hidden("Tomorrow") }).await;
        let without_number = |answer: crate::support::Answer, path: &str| {
            let number = answer.texts("code").join("");
            (answer.status, answer.body.replace(&number, "").replace(&path.replace('/', "%2F"), "").replace(path, ""))
        };
        let never = without_number(app.get("/articles/never-was").await, "/articles/never-was");
        assert_eq!(never.0, 404);
        for path in ["/articles/a-draft", "/articles/taken-down", "/articles/tomorrow"] {
            assert_eq!(without_number(app.get(path).await, path), never, "{path}");
        }
        assert_eq!(app.get("/categories/hidden/place").await.status, 404);
        assert_eq!(app.get("/categories/Hidden").await.status, 404);
        for path in ["/", "/articles", "/articles?q=draft"] {
            let body = app.get(path).await.body;
            for word in ["A draft", "Taken down", "Tomorrow", "Hidden/Place"] {
                assert!(!body.contains(word), "{word} on {path}");
            }
        }
        for slug in ["a-draft", "taken-down", "tomorrow"] {
            let body = app.get(&format!("/donate?article={slug}")).await.body;
            assert!(!body.contains(&format!("/articles/{slug}")), "{slug} is named beside the form");
        }
        app.app.clock.advance(TimeDelta::days(2));
        assert_eq!(app.get("/articles/tomorrow").await.status, 200, "its day has come");
    }

    async fn a_category_shows_its_articles_and_those_under_it(app: TestApp) {
        publish(&app, &Details { category: "Women".to_owned(), ..details("Above") }).await;
        publish(&app, &Details { category: "Women/Health".to_owned(), ..details("Below") }).await;
        publish(&app, &Details { category: "Women-Only".to_owned(), ..details("Beside") }).await;
        publish(&app, &Details { category: "زنان/آموزش".to_owned(), language: "fa-AF".to_owned(), ..details("مکتب") }).await;
        let answer = app.get("/categories/Women").await;
        assert_eq!(answer.texts(".card h2"), ["Below", "Above"]);
        assert_eq!(answer.texts("main nav .tag"), ["Women/Health"]);
        assert_eq!(app.get("/categories/women/health").await.texts(".card h2"), ["Below"]);
        assert_eq!(app.get("/articles?category=women").await.texts(".card h2"), ["Below", "Above"]);
        let own_script = format!("/categories/{}", ["زنان", "آموزش"].map(|part| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>()).join("/"));
        assert_eq!(app.get(&own_script).await.texts(".card h2"), ["مکتب"]);
        assert_eq!(app.get("/categories/nowhere").await.status, 404);
    }

    async fn a_search_takes_words_for_themselves_and_folds_their_letters(app: TestApp) {
        publish(&app, &details("100% of the wells")).await;
        publish(&app, &details("Wells and rivers")).await;
        publish(&app, &Details { language: "fa-AF".to_owned(), ..details("زنان کابینه و یک کتاب") }).await;
        let found = async |words: &str| {
            let query: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
            let mut titles = app.get(&format!("/articles?q={query}")).await.texts(".card h2");
            titles.sort();
            titles
        };
        assert_eq!(found("WELLS").await, ["100% of the wells", "Wells and rivers"]);
        assert_eq!(found("100%").await, ["100% of the wells"]);
        assert_eq!(found("wells river").await, ["Wells and rivers"]);
        for nothing in ["_", "\\", "'; drop table article; --", "w%s"] {
            assert_eq!(found(nothing).await, [""; 0], "{nothing}");
        }
        assert_eq!(found("كتاب").await, ["زنان کابینه و یک کتاب"], "the Arabic kaf finds the Persian one");
        assert_eq!(app.get("/articles?language=fa-AF").await.texts(".card h2").len(), 1);
        assert_eq!(app.get("/articles?q=a%00b&category=%00&language=%00").await.status, 400);
        assert!(app.get("/articles?q=nothing+fits").await.body.contains("No article fits"));
        assert_eq!(app.get("/articles?after=rubbish").await.status, 400);
    }

    async fn a_long_list_goes_on_where_it_ended(app: TestApp) {
        for number in 0..53 {
            publish(&app, &details(&format!("Number {number}"))).await;
        }
        let first = app.get("/articles?q=number").await;
        let next = first.attribute("a[rel=next]", "href").expect("there is a next page");
        let second = app.get(&next).await;
        let titles: std::collections::BTreeSet<String> = first.texts(".card h2").into_iter().chain(second.texts(".card h2")).collect();
        assert_eq!((first.texts(".card h2").len(), titles.len()), (50, 53));
        assert!(next.contains("q=number") && second.attribute("a[rel=next]", "href").is_none());
    }

    async fn an_article_in_dari_or_pashto_stands_right_to_left_in_its_own_page(app: TestApp) {
        publish(&app, &Details { slug: "dari".to_owned(), language: "fa-AF".to_owned(), ..details("مکتب دختران باز شد") }).await;
        publish(&app, &Details { slug: "pashto".to_owned(), language: "ps".to_owned(), ..details("ښوونځی پرانیستل شو") }).await;
        publish(&app, &Details { slug: "english".to_owned(), ..details("The school opened") }).await;
        for (slug, language, direction) in [("dari", "fa-AF", "rtl"), ("pashto", "ps", "rtl"), ("english", "en", "ltr")] {
            let answer = app.get(&format!("/articles/{slug}")).await;
            for place in ["html", "article"] {
                assert_eq!(answer.attribute(place, "lang").as_deref(), Some(language), "{slug} {place}");
                assert_eq!(answer.attribute(place, "dir").as_deref(), Some(direction), "{slug} {place}");
            }
        }
        let chosen = app.get("/articles/dari?lang=en").await;
        assert_eq!((chosen.attribute("html", "dir").as_deref(), chosen.attribute("article", "dir").as_deref()), (Some("ltr"), Some("rtl")));
        let list = app.get("/articles").await;
        assert_eq!(list.attribute(".card h2[lang=fa-AF]", "dir").as_deref(), Some("rtl"));
    }

    async fn a_sensitive_article_asks_for_nothing(app: TestApp) {
        attach_everywhere(&app, 1).await;
        publish(&app, &details("Asks")).await;
        publish(&app, &Details { sensitive: true, ..details("Does not ask") }).await;
        let asks = app.get("/articles/asks").await;
        assert_eq!(asks.texts("#attached"), ["What this work needs"]);
        assert_eq!(asks.attribute("section[aria-labelledby=attached] h3 a", "href").as_deref(), Some("/campaigns/campaign-1?article=asks"));
        assert_eq!(asks.attribute("form[action='/donations'] input[name=campaign]", "value").as_deref(), Some("campaign-1"));
        assert_eq!(asks.attribute("form[action='/donations'] input[name=article]", "value").as_deref(), Some("asks"));
        let silent = app.get("/articles/does-not-ask").await;
        assert!(silent.texts("#attached").is_empty() && silent.attribute("form[action='/donations']", "action").is_none());
        assert!(app.get("/donate?article=asks").await.body.contains("/articles/asks"));
        assert!(!app.get("/donate?article=does-not-ask").await.body.contains("/articles/does-not-ask"), "nor does a link for it");
    }

    async fn an_article_elsewhere_leads_to_its_page(app: TestApp) {
        let elsewhere =
            Details { kind: ArticleKind::Elsewhere, canonical_url: Some("https://paper.example/x".to_owned()), body_markdown: String::new(), ..details("Elsewhere") };
        publish(&app, &elsewhere).await;
        let answer = app.get("/articles/elsewhere").await;
        assert_eq!(answer.attribute("article a.button", "href").as_deref(), Some("https://paper.example/x"));
        assert_eq!(answer.attribute("link[rel=canonical]", "href").as_deref(), Some("https://paper.example/x"));
    }

    async fn the_front_page_shows_what_is_new_and_what_is_asked_for(app: TestApp) {
        let empty = app.get("/").await;
        assert!(empty.body.contains("No article has been published yet"), "{}", empty.body);
        attach_everywhere(&app, 1).await;
        publish(&app, &details("Newest")).await;
        let answer = app.get("/").await;
        assert_eq!(answer.texts("section[aria-labelledby=newest] h2 a"), ["Newest"]);
        assert_eq!(answer.texts("section[aria-labelledby=live] h3"), ["Campaign 1 for the reading rooms"]);
        assert_eq!(answer.attribute("main a.button", "href").as_deref(), Some("/donate"));
    }

    async fn the_first_response_of_an_article_fits_into_one_round_trip(app: TestApp) {
        for number in 1..=3 {
            attach_everywhere(&app, number).await;
        }
        // Words that do not repeat, as those of a real article of a thousand words hardly do.
        let words: Vec<String> = (0..1000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40)).collect();
        let long = Details { body_markdown: words.chunks(80).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n\n"), ..details("Long") };
        publish(&app, &long).await;
        let request = Request::get("/articles/long").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
        let response = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["content-encoding"].to_str().unwrap()), (200, "gzip"));
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().len();
        assert!(bytes < 14_000, "{bytes} bytes");
    }
}
