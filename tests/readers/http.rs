//! Readers over HTTP: what a browser, a program, and staff are answered, and where each of them is counted.

use crate::support::{Answer, TestApp, TestDatabase, on_both_databases};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::{DateTime, Utc};
use entity::ids::{ArticleId, AttachmentId, CampaignId, FundId, SessionId, StaffId};
use entity::words::{ArticleKind, ArticleStatus, AttachmentScope, AttachmentTarget, CampaignStatus, Restriction, Role};
use entity::{article, attachment, campaign, fund, staff_member, staff_session};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait};
use wellwisher::clock::{Clock, Random};
use wellwisher::db::Db;
use wellwisher::readers::day::Counts;
use wellwisher::readers::filter::Bucket;
use wellwisher::readers::token::Scope;
use wellwisher::readers::{counter, daily_readers, views_of, views_of_many};

/// Headers of a beacon, the answer, and where it is counted.
type Case<'a> = (&'a [(&'a str, &'a str)], StatusCode, Bucket);

const BROWSER: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36";

async fn add_article(app: &TestApp, slug: &str, status: ArticleStatus) -> ArticleId {
    insert_article(&app.app.db, app.app.new_id(), app.app.now(), slug, status).await
}

/// An article that readers see, in a database without an app.
pub async fn add_published(db: &Db, slug: &str) -> ArticleId {
    let now = Clock::System.now();
    insert_article(db, Random::default().id(now), now, slug, ArticleStatus::Published).await
}

async fn insert_article(db: &Db, id: ArticleId, now: DateTime<Utc>, slug: &str, status: ArticleStatus) -> ArticleId {
    let row = article::ActiveModel {
        id: Set(id),
        slug: Set(slug.to_owned()),
        kind: Set(ArticleKind::Hosted),
        canonical_url: Set(None),
        title: Set("Water".to_owned()),
        standfirst: Set(String::new()),
        byline: Set(String::new()),
        body_markdown: Set("Text.".to_owned()),
        source_name: Set(String::new()),
        source_url: Set(None),
        source_date: Set(None),
        category_id: Set(None),
        language: Set("en".to_owned()),
        status: Set(status),
        sensitive: Set(false),
        retracted: Set(false),
        published_at: Set(Some(now)),
        imported_views: Set(0),
        import_key: Set(None),
        import_hash: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    db.write(async |tx| Ok(article::Entity::insert(row.clone()).exec_without_returning(tx).await?)).await.unwrap();
    id
}

/// A beacon as the script sends it from a phone.
fn beacon(slug: &str, load: u32) -> Vec<(&'static str, String)> {
    let body = format!("article={slug}&load={load:016x}&webdriver=0");
    vec![
        ("user-agent", BROWSER.to_owned()),
        ("accept-language", "fa".to_owned()),
        ("origin", "http://127.0.0.1:8080".to_owned()),
        ("sec-fetch-site", "same-origin".to_owned()),
        ("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned()),
        ("", body),
    ]
}

/// The same on the wire.
pub fn beacon_text(slug: &str, load: u64) -> String {
    let body = format!("article={slug}&load={load:016x}&webdriver=0");
    format!(
        "POST /readers HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: {BROWSER}\r\naccept-language: fa\r\nsec-fetch-site: same-origin\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn send(app: &TestApp, beacon: &[(&str, String)], but: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/readers");
    let mut body = String::new();
    for (name, value) in beacon {
        let value = but.iter().find(|(changed, _)| changed == name).map_or(value.as_str(), |(_, value)| value);
        match *name {
            "" => body = value.to_owned(),
            _ if value.is_empty() => {}
            name => request = request.header(name, value),
        }
    }
    for (name, value) in but.iter().filter(|(name, _)| beacon.iter().all(|(known, _)| known != name)) {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::from(body)).unwrap()).await
}

async fn site(app: &TestApp) -> Counts {
    let today = app.app.now().date_naive();
    daily_readers(&app.app, Scope::SITE, today, today).await.unwrap().pop().map(|day| day.counts).unwrap_or_default()
}

on_both_databases! {
    async fn every_kind_of_beacon_is_answered_and_counted_in_its_bucket(app: TestApp) {
        let id = add_article(&app, "water", ArticleStatus::Published).await;
        add_article(&app, "secret", ArticleStatus::Draft).await;
        let session = "wellwisher=0123456789012345678901234567890123456789012";
        let not_an_article = "article=nothing&load=0000000000000009&webdriver=0";
        let not_published = "article=secret&load=000000000000000a&webdriver=0";
        let driven = "article=water&load=000000000000000b&webdriver=1";
        let large = format!("article=water&load=1&padding={}", "x".repeat(2_000));
        let cases: [Case<'_>; 16] = [
            (&[], StatusCode::NO_CONTENT, Bucket::Counted),
            (&[], StatusCode::NO_CONTENT, Bucket::DuplicateView),
            (&[("sec-purpose", "prefetch;prerender")], StatusCode::NO_CONTENT, Bucket::Prefetch),
            (&[("sec-gpc", "1")], StatusCode::NO_CONTENT, Bucket::OptOut),
            (&[("dnt", "1")], StatusCode::NO_CONTENT, Bucket::OptOut),
            (&[("user-agent", "curl/8.14.1 and something more")], StatusCode::NO_CONTENT, Bucket::Bot),
            (&[("user-agent", "")], StatusCode::NO_CONTENT, Bucket::Bot),
            (&[("accept-language", "")], StatusCode::NO_CONTENT, Bucket::Bot),
            (&[("origin", "https://other.example"), ("sec-fetch-site", "cross-site")], StatusCode::NO_CONTENT, Bucket::Bot),
            (&[("", driven)], StatusCode::NO_CONTENT, Bucket::Bot),
            (&[("", "hello")], StatusCode::BAD_REQUEST, Bucket::Malformed),
            (&[("", &large)], StatusCode::PAYLOAD_TOO_LARGE, Bucket::Malformed),
            (&[("", not_an_article)], StatusCode::NO_CONTENT, Bucket::UnknownArticle),
            (&[("", not_published)], StatusCode::NO_CONTENT, Bucket::UnknownArticle),
            (&[("cookie", session)], StatusCode::NO_CONTENT, Bucket::Staff),
            (&[("cookie", session), ("dnt", "1")], StatusCode::NO_CONTENT, Bucket::OptOut),
        ];
        let mut before = Counts::default();
        for (but, status, bucket) in cases {
            let answer = send(&app, &beacon("water", 1), but).await;
            assert_eq!(answer.status, status, "{but:?}");
            let after = site(&app).await;
            assert_eq!((after.of(bucket), after.received), (before.of(bucket) + 1, before.received + 1), "{but:?} belongs in {bucket:?}");
            assert!(after.add_up());
            before = after;
        }
        assert_eq!(views_of(&app.app, id).await.unwrap(), 1);
    }

    async fn a_view_counts_for_the_live_campaigns_that_stand_on_the_article(app: TestApp) {
        let id = add_article(&app, "water", ArticleStatus::Published).await;
        let other = add_article(&app, "bread", ArticleStatus::Published).await;
        let live = add_campaign(&app, "wells", CampaignStatus::Live, id).await;
        let paused = add_campaign(&app, "roofs", CampaignStatus::Paused, id).await;
        // By id or by slug.
        send(&app, &beacon("water", 1), &[]).await;
        send(&app, &beacon(&id.to_string(), 2), &[]).await;
        send(&app, &beacon("bread", 3), &[]).await;
        let today = app.app.now().date_naive();
        let views = async |scope| daily_readers(&app.app, scope, today, today).await.unwrap().pop().map(|day| (day.readers, day.counts.of(Bucket::Counted)));
        assert_eq!(views(Scope::SITE).await, Some((1, 3)));
        assert_eq!(views(Scope::article(id)).await, Some((1, 2)));
        assert_eq!(views(Scope::campaign(live)).await, Some((1, 2)));
        assert_eq!(views(Scope::campaign(paused)).await, None);
        assert_eq!(views_of_many(&app.app, &[other, id]).await.unwrap(), [1, 2]);
        // An article that no longer may be read is no longer counted.
        app.app.db.write(async |tx| {
            let unpublished = article::ActiveModel { id: Set(id), status: Set(ArticleStatus::Unpublished), ..Default::default() };
            Ok(unpublished.update(tx).await?)
        }).await.unwrap();
        app.app.clock.advance(chrono::TimeDelta::seconds(6));
        send(&app, &beacon("water", 4), &[]).await;
        assert_eq!(views_of(&app.app, id).await.unwrap(), 2);
        assert_eq!(site(&app).await.of(Bucket::UnknownArticle), 1);
    }

    async fn figures_of_closed_and_open_days_are_one_list(app: TestApp) {
        let id = add_article(&app, "water", ArticleStatus::Published).await;
        let yesterday = app.app.now().date_naive();
        send(&app, &beacon("water", 1), &[]).await;
        app.app.clock.advance(chrono::TimeDelta::days(1));
        counter(&app.app).await.unwrap().keep().await.unwrap();
        send(&app, &beacon("water", 1), &[]).await;
        send(&app, &beacon("water", 2), &[]).await;
        let days = daily_readers(&app.app, Scope::article(id), yesterday, app.app.now().date_naive()).await.unwrap();
        let figures: Vec<_> = days.iter().map(|day| (day.readers, day.counts.of(Bucket::Counted), day.closed)).collect();
        assert_eq!(figures, [(1, 1, true), (1, 2, false)]);
        assert_eq!(views_of(&app.app, id).await.unwrap(), 3);
    }
}

/// A browser in which a member of staff is signed in, as its cookie.
async fn sign_in(app: &TestApp) -> String {
    let (staff_id, session_id): (StaffId, SessionId) = (app.app.new_id(), app.app.new_id());
    let now = app.app.now();
    let token = app.app.random.token();
    let member = staff_member::ActiveModel {
        id: Set(staff_id),
        email: Set("editor@example.org".to_owned()),
        name: Set("An editor".to_owned()),
        role: Set(Role::Editor),
        password_hash: Set(String::new()),
        totp_secret: Set(None),
        totp_last_step: Set(0),
        disabled_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let session = staff_session::ActiveModel {
        id: Set(session_id),
        staff_id: Set(staff_id),
        token_hash: Set(wellwisher::clock::sha256_hex(&token)),
        verified: Set(true),
        created_at: Set(now),
        last_seen_at: Set(now),
        expires_at: Set(now + chrono::TimeDelta::hours(1)),
    };
    app.app
        .db
        .write(async |tx| {
            staff_member::Entity::insert(member.clone()).exec_without_returning(tx).await?;
            staff_session::Entity::insert(session.clone()).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
        .unwrap();
    format!("wellwisher={token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_sees_every_bucket_of_every_day_and_guests_see_nothing() {
    let app = TestApp::with(TestDatabase::sqlite().await, |_| {}).await;
    let id = add_article(&app, "water", ArticleStatus::Published).await;
    let campaign = add_campaign(&app, "wells", CampaignStatus::Live, id).await;
    for load in 0..7 {
        send(&app, &beacon("water", load), &[]).await;
    }
    for _ in 0..3 {
        send(&app, &beacon("water", 1), &[("sec-gpc", "1")]).await;
    }
    assert_eq!(app.get("/desk/readers").await.status, StatusCode::SEE_OTHER);
    let cookie = sign_in(&app).await;
    let open = async |path: &str| app.send(Request::get(path).header("cookie", &cookie).body(Body::empty()).unwrap()).await;
    for path in ["/desk/readers".to_owned(), format!("/desk/readers?campaign={campaign}"), format!("/desk/readers?article={id}")] {
        let answer = open(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let page = scraper::Html::parse_document(&answer.body);
        let cells = scraper::Selector::parse("tfoot td").unwrap();
        let sums: Vec<String> = page.select(&cells).map(|cell| cell.text().collect()).collect();
        // Readers, views, of these by picture, the eight other buckets, received, state.
        assert_eq!(sums, ["1", "7", "0", "0", "0", "0", "3", "0", "0", "0", "0", "10", ""], "{path}");
    }
    assert!(open("/desk/readers").await.body.contains(&format!("campaign={campaign}")));
    assert_eq!(open("/desk/readers?from=2026-05-02&to=2026-05-01").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(open("/desk/readers?from=yesterday").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(open("/desk/readers?article=nothing").await.status, StatusCode::NOT_FOUND);
}

async fn add_campaign(app: &TestApp, slug: &str, status: CampaignStatus, on: ArticleId) -> CampaignId {
    let (fund_id, id): (FundId, CampaignId) = (app.app.new_id(), app.app.new_id());
    let attachment_id: AttachmentId = app.app.new_id();
    let now = app.app.now();
    let fund = fund::ActiveModel {
        id: Set(fund_id),
        code: Set(slug.to_owned()),
        name: Set(slug.to_owned()),
        restriction: Set(Restriction::Without),
        gl_income: Set(String::new()),
        gl_fee: Set(String::new()),
        created_at: Set(now),
    };
    let campaign = campaign::ActiveModel {
        id: Set(id),
        slug: Set(slug.to_owned()),
        title: Set(slug.to_owned()),
        summary: Set(String::new()),
        story_markdown: Set(String::new()),
        language: Set("en".to_owned()),
        goal_minor: Set(100_000),
        currency: Set("EUR".parse().unwrap()),
        fund_id: Set(fund_id),
        status: Set(status),
        starts_on: Set(None),
        ends_on: Set(None),
        ends_at_minute: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let attachment = attachment::ActiveModel {
        id: Set(attachment_id),
        target: Set(AttachmentTarget::Campaign),
        campaign_id: Set(Some(id)),
        wish_item_id: Set(None),
        scope: Set(AttachmentScope::Article),
        article_id: Set(Some(on)),
        category_id: Set(None),
        position: Set(1),
        starts_on: Set(None),
        ends_on: Set(None),
        created_at: Set(now),
    };
    app.app
        .db
        .write(async |tx| {
            fund::Entity::insert(fund.clone()).exec_without_returning(tx).await?;
            campaign::Entity::insert(campaign.clone()).exec_without_returning(tx).await?;
            attachment::Entity::insert(attachment.clone()).exec_without_returning(tx).await?;
            Ok(())
        })
        .await
        .unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_is_behind_a_setting_and_in_a_column_of_its_own() {
    let without = TestApp::with(TestDatabase::sqlite().await, |_| {}).await;
    add_article(&without, "water", ArticleStatus::Published).await;
    assert_eq!(without.get("/readers/water.gif").await.status, StatusCode::NOT_FOUND);
    let app = TestApp::with(TestDatabase::sqlite().await, |settings| settings.reader_pixel = true).await;
    let id = add_article(&app, "water", ArticleStatus::Published).await;
    let request = Request::get("/readers/water.gif")
        .header("user-agent", BROWSER)
        .header("accept-language", "ps")
        .header("sec-fetch-site", "same-origin");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (StatusCode::OK, "image/gif"));
    assert_eq!((answer.headers["content-length"].to_str().unwrap(), answer.headers["cache-control"].to_str().unwrap()), ("43", "no-store"));
    let today = app.app.now().date_naive();
    let day = daily_readers(&app.app, Scope::article(id), today, today).await.unwrap().pop().unwrap();
    assert_eq!((day.pixel_views, day.counts.of(Bucket::Counted), day.readers), (1, 1, 1));
    let counted = counter(&app.app).await.unwrap().open_days_of(Scope::article(id));
    assert_eq!(counted.iter().map(|(_, source, _)| *source).collect::<Vec<_>>(), [entity::words::ReaderSource::Pixel]);
    let unnamed = app.get("/readers/water").await;
    assert_eq!(unnamed.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_is_served_and_small() {
    let app = TestApp::with(TestDatabase::sqlite().await, |_| {}).await;
    let answer = app.get("/assets/readers.js").await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/javascript; charset=utf-8"));
    assert!(answer.body.len() < 2_000 && answer.body.contains("document.prerendering"));
}
