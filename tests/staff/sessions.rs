//! Sessions: what ends them, and what does not open them.

use crate::support::{Answer, PASSWORD, Person, TestApp, TestDatabase, on_both_databases};
use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use chrono::TimeDelta;
use entity::{staff_session, words::Role};
use sea_orm::EntityTrait;
use wellwisher::staff::session;

/// What the browser holds after she signed in: `name=token`.
async fn cookie_of(app: &TestApp, person: &Person) -> String {
    let answer = app.sign_in(person).await;
    answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// Asks with this cookie alone, as another browser would.
async fn with_cookie(app: &TestApp, path: &str, cookie: &str) -> Answer {
    app.forget_cookies();
    app.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
}

async fn stored(app: &TestApp) -> Vec<staff_session::Model> {
    staff_session::Entity::find().all(app.app.db.read()).await.unwrap()
}

on_both_databases! {
    async fn a_session_ends_after_half_an_hour_without_use(app: TestApp) {
        app.sign_in_as(Role::Editor).await;
        for _ in 0..3 {
            app.app.clock.advance(TimeDelta::minutes(29));
            assert_eq!(app.get("/desk").await.status, StatusCode::OK, "use keeps it open");
        }
        app.app.clock.advance(TimeDelta::minutes(30));
        assert_eq!(app.get("/desk").await.location(), "/desk/sign-in");
    }

    async fn a_session_ends_after_twelve_hours_however_busy(app: TestApp) {
        app.sign_in_as(Role::Editor).await;
        for _ in 0..35 {
            app.app.clock.advance(TimeDelta::minutes(20));
            assert_eq!(app.get("/desk").await.status, StatusCode::OK);
        }
        app.app.clock.advance(TimeDelta::minutes(20));
        assert_eq!(app.get("/desk").await.location(), "/desk/sign-in");
    }

    async fn the_last_use_is_written_once_a_minute_at_most(app: TestApp) {
        app.sign_in_as(Role::Editor).await;
        let first = stored(&app).await[0].last_seen_at;
        app.app.clock.advance(TimeDelta::seconds(59));
        app.get("/desk").await;
        assert_eq!(stored(&app).await[0].last_seen_at, first);
        app.app.clock.advance(TimeDelta::seconds(1));
        app.get("/desk").await;
        assert_eq!(stored(&app).await[0].last_seen_at, first + TimeDelta::seconds(60));
    }

    async fn the_token_changes_with_each_factor_and_is_stored_hashed(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        let half = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let answer = app.post("/desk/sign-in/code", &[("code", &editor.code(&app))]).await;
        let header = answer.headers["set-cookie"].to_str().unwrap().to_owned();
        let whole = header.split(';').next().unwrap().to_owned();
        assert!(header.contains("HttpOnly") && header.contains("SameSite=Lax") && header.contains("Path=/"), "{header}");
        assert!(!header.contains("Domain") && !header.contains("Secure"), "{header}");
        assert_ne!(half, whole);
        assert_eq!(whole.split('=').nth(1).unwrap().len(), 43, "256 bits");
        assert_eq!(with_cookie(&app, "/desk", &half).await.status, StatusCode::SEE_OTHER, "a token fixed before sign-in opens nothing");
        assert_eq!(with_cookie(&app, "/desk", &whole).await.status, StatusCode::OK);
        let rows = stored(&app).await;
        assert_eq!(rows.len(), 1, "the half-open session is gone");
        assert!(!whole.contains(&rows[0].token_hash));
        let hash = with_cookie(&app, "/desk", &format!("wellwisher={}", rows[0].token_hash)).await;
        assert_eq!(hash.status, StatusCode::SEE_OTHER, "who reads the database cannot sign in with what she reads");
    }

    async fn a_made_up_cookie_opens_nothing(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let real = cookie_of(&app, &editor).await;
        let (name, token) = real.split_once('=').unwrap();
        let other_case: String =
            token.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
        let made_up = [
            format!("{name}="),
            format!("{name}={}", "A".repeat(43)),
            format!("{name}={}", &token[..42]),
            format!("{name}={token}A"),
            format!("{name}={other_case}"),
            format!("{name}={token}%00"),
            format!("{name}=' or 1=1 --"),
            format!("{name}={}", "x".repeat(6_000)),
            format!("session={token}"),
            format!("__Host-wellwisher={token}"),
        ];
        for cookie in &made_up {
            assert_eq!(with_cookie(&app, "/desk", cookie).await.status, StatusCode::SEE_OTHER, "{cookie}");
        }
        assert_eq!(with_cookie(&app, "/desk", &real).await.status, StatusCode::OK);
    }

    async fn signing_out_ends_the_session_for_whoever_holds_its_token(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let cookie = cookie_of(&app, &editor).await;
        let answer = app.post("/desk/sign-out", &[]).await;
        assert_eq!(answer.location(), "/desk/sign-in");
        assert!(answer.headers["clear-site-data"].to_str().unwrap().contains("\"cache\""));
        assert!(answer.headers["set-cookie"].to_str().unwrap().starts_with("wellwisher=;"));
        assert_eq!(with_cookie(&app, "/desk", &cookie).await.location(), "/desk/sign-in");
        assert!(stored(&app).await.is_empty());
    }

    async fn one_sees_and_ends_ones_own_sessions_and_nobody_elses(app: TestApp) {
        let (editor, other) = (app.add_person(Role::Editor).await, app.add_person(Role::Editor).await);
        let others = cookie_of(&app, &other).await;
        let others_id = stored(&app).await[0].id;
        let first = cookie_of(&app, &editor).await;
        let second = cookie_of(&app, &editor).await;
        let page = app.get("/desk/account").await;
        assert_eq!(page.texts("tbody tr").len(), 2, "{}", page.body);
        let answer = app.post(&format!("/desk/account/sessions/{others_id}/end"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let end = page.attribute("tbody form", "action").unwrap();
        assert_eq!(app.post(&end, &[]).await.location(), "/desk/account?done=session-end");
        assert_eq!(with_cookie(&app, "/desk", &first).await.status, StatusCode::SEE_OTHER);
        assert_eq!(with_cookie(&app, "/desk", &second).await.status, StatusCode::OK);
        let third = cookie_of(&app, &editor).await;
        app.post("/desk/account/sessions/end-others", &[]).await;
        assert_eq!(with_cookie(&app, "/desk", &second).await.status, StatusCode::SEE_OTHER);
        assert_eq!(with_cookie(&app, "/desk", &third).await.status, StatusCode::OK);
        assert_eq!(with_cookie(&app, "/desk", &others).await.status, StatusCode::OK);
    }

    async fn a_new_password_ends_every_other_session(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let stolen = cookie_of(&app, &editor).await;
        let before = cookie_of(&app, &editor).await;
        let new = "moss under the third stair";
        let answer = app.post("/desk/account/password", &[("current_password", "not my password here"), ("new_password", new)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let answer = app.post("/desk/account/password", &[("current_password", PASSWORD), ("new_password", "short")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.texts(".field-error")[0].contains("15 characters"), "{}", answer.body);
        let answer = app.post("/desk/account/password", &[("current_password", PASSWORD), ("new_password", new)]).await;
        assert_eq!(answer.location(), "/desk/account?done=password");
        let page = app.get("/desk/account?done=password").await;
        assert_eq!(page.texts("p.done"), ["Your password was changed. All other sessions were ended."]);
        for cookie in [stolen, before] {
            assert_eq!(with_cookie(&app, "/desk", &cookie).await.status, StatusCode::SEE_OTHER);
        }
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", new)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }

    async fn recovery_codes_are_shown_once_and_each_works_once(app: TestApp) {
        let editor = app.sign_in_as(Role::Editor).await;
        assert!(app.get("/desk/account").await.body.contains("None is left"));
        let refused = app.post("/desk/account/recovery-codes", &[("password", "not my password here")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let shown = app.post("/desk/account/recovery-codes", &[("password", PASSWORD)]).await;
        assert_eq!(shown.headers["cache-control"], "no-store");
        let codes = shown.texts("ol.codes code");
        assert_eq!(codes.len(), 10);
        let kept = entity::recovery_code::Entity::find().all(app.app.db.read()).await.unwrap();
        assert!(kept.iter().all(|row| !codes.contains(&row.code_hash)), "only hashes are stored");
        for expected in [StatusCode::SEE_OTHER, StatusCode::UNPROCESSABLE_ENTITY] {
            app.forget_cookies();
            app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
            let answer = app.post("/desk/sign-in/code", &[("code", &codes[3].to_uppercase())]).await;
            assert_eq!(answer.status, expected);
        }
        let other = app.add_person(Role::Editor).await;
        app.forget_cookies();
        app.post("/desk/sign-in", &[("email", &other.email), ("password", PASSWORD)]).await;
        assert_eq!(app.post("/desk/sign-in/code", &[("code", &codes[4])]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "not hers");
        app.sign_in(&editor).await;
        assert!(app.get("/desk/account").await.texts("p").iter().any(|text| text.contains("9") && text.contains("left")));
    }

    async fn another_phone_needs_the_password_and_ends_every_session(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let stolen = cookie_of(&app, &editor).await;
        app.sign_in(&editor).await;
        assert_eq!(app.post("/desk/account/second-factor", &[("password", "a guess, a guess")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = app.post("/desk/account/second-factor", &[("password", PASSWORD)]).await;
        let sealed = page.attribute("input[name=sealed]", "value").unwrap();
        let wrong = app.post("/desk/second-factor", &[("sealed", &sealed), ("code", &editor.code(&app))]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "the earlier phone's code is not the new one's");
        let code = super::super::doors::code_on(&page, &app);
        let done = app.post("/desk/second-factor", &[("sealed", &sealed), ("code", &code)]).await;
        assert_eq!(done.texts("ol.codes code").len(), 10);
        assert_eq!(app.get("/desk").await.status, StatusCode::OK, "this browser goes on, with a new token");
        assert_eq!(with_cookie(&app, "/desk", &stolen).await.status, StatusCode::SEE_OTHER);
        app.forget_cookies();
        app.app.clock.advance(TimeDelta::minutes(2));
        app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        assert_eq!(app.post("/desk/sign-in/code", &[("code", &editor.code(&app))]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn on_https_the_cookie_is_bound_to_this_very_host(database: TestDatabase) {
        let app = TestApp::with(database, |settings| {
            settings.base_url = "https://give.newsroom.example".to_owned();
            settings.standin_on_public_url = true;
        })
        .await;
        let editor = app.add_person(Role::Editor).await;
        let body = format!("email={}&password={}", editor.email, PASSWORD.replace(' ', "+"));
        let request = Request::post("/desk/sign-in").header("content-type", "application/x-www-form-urlencoded").header("sec-fetch-site", "same-origin");
        let answer = app.send(request.body(Body::from(body)).unwrap()).await;
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("__Host-wellwisher=") && cookie.contains("Secure") && cookie.contains("Path=/"), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }

    async fn a_members_cookie_is_told_from_a_readers_without_a_look_into_the_database(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let cookie = cookie_of(&app, &editor).await;
        let headers = |cookie: &str| HeaderMap::from_iter([("cookie".parse().unwrap(), cookie.parse().unwrap())]);
        assert!(session::is_staff_cookie(&app.app, &headers(&format!("lang=en; {cookie}"))));
        assert!(!session::is_staff_cookie(&app.app, &headers("lang=en")));
        assert!(!session::is_staff_cookie(&app.app, &headers("wellwisher=x")));
        assert!(!session::is_staff_cookie(&app.app, &HeaderMap::new()));
    }
}
