//! Joining, enrolment, roles at each door, requests from elsewhere, and the frame of the desk.

use crate::support::{Answer, TestApp, on_both_databases};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use entity::{staff_member, words::Role};
use sea_orm::EntityTrait;
use wellwisher::staff::{self, Actor, totp::TotpSecret};

const ALL: &[Role] = Role::ALL;
const ADMIN: &[Role] = &[Role::Admin];

/// The code for the secret that an enrolment page shows, as a phone would work it out from the letters.
pub fn code_on(page: &Answer, app: &TestApp) -> String {
    let letters = page.texts("main p code")[0].replace(' ', "");
    let mut bits = 0_u64;
    let (mut held, mut bytes) = (0_u32, Vec::new());
    for letter in letters.bytes() {
        held = held << 5 | u32::from(if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 });
        held &= 0xffff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    assert_eq!(bytes.len(), 20, "160 bits");
    TotpSecret::from_bytes(&bytes).code_at(app.app.now()).unwrap()
}

fn path_of(link: &str) -> &str {
    link.strip_prefix("http://127.0.0.1:8080").expect("a link to this site")
}

const NEW: &[(&str, &str)] = &[("name", "Lantern"), ("email", "Lantern@Newsroom.example"), ("password", "moss under the third stair")];

on_both_databases! {
    async fn the_first_link_makes_one_administrator_and_then_ends(app: TestApp) {
        let link = staff::first_account_link(&app.app).await.unwrap().unwrap();
        let second = staff::first_account_link(&app.app).await.unwrap().unwrap();
        assert_ne!(link, second, "each start makes its own");
        let path = path_of(&link).to_owned();
        assert_eq!(path.rsplit('/').next().unwrap().len(), 43, "256 bits");
        assert_eq!(app.get(&path).await.status, StatusCode::OK);
        let answer = app.post(&path, &[("name", ""), ("email", "nobody"), ("password", "short")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.texts(".error-summary li").len(), 3);
        assert!(!answer.body.contains("short\""), "a password is never sent back");
        assert_eq!(app.post(&path, NEW).await.location(), "/desk/second-factor");
        let members = staff_member::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!((members[0].role, members[0].email.as_str()), (Role::Admin, "lantern@newsroom.example"));
        for used in [&path, path_of(&second)] {
            assert_eq!(app.get(used).await.status, StatusCode::FORBIDDEN);
            assert_eq!(app.post(used, NEW).await.status, StatusCode::FORBIDDEN);
        }
        assert_eq!(staff::first_account_link(&app.app).await.unwrap(), None);
    }

    async fn nothing_of_the_desk_opens_before_the_second_factor_is_there(app: TestApp) {
        let link = staff::first_account_link(&app.app).await.unwrap().unwrap();
        app.post(path_of(&link), NEW).await;
        for path in ["/desk", "/desk/account", "/desk/staff", "/desk/audit"] {
            assert_eq!(app.get(path).await.location().split('?').next(), Some("/desk/second-factor"), "{path}");
        }
        let page = app.get("/desk/second-factor").await;
        assert_eq!(page.headers["cache-control"], "no-store");
        assert!(page.attribute("svg.qr path", "d").unwrap().len() > 1_000);
        let sealed = page.attribute("input[name=sealed]", "value").unwrap();
        let wrong = app.post("/desk/second-factor", &[("sealed", &sealed), ("code", "000000")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(wrong.texts("main p code")[0], page.texts("main p code")[0], "the picture that was scanned stays");
        let tampered = app.post("/desk/second-factor", &[("sealed", &sealed.replace(&sealed[20..21], "")), ("code", "000000")]).await;
        assert_eq!(tampered.status, StatusCode::BAD_REQUEST);
        let code = code_on(&page, &app);
        let codes = app.post("/desk/second-factor", &[("sealed", &sealed), ("code", &code)]).await;
        assert_eq!(codes.texts("ol.codes code").len(), 10, "{}", codes.body);
        assert_eq!(app.get("/desk").await.status, StatusCode::OK);
        let again = app.post("/desk/second-factor", &[("sealed", &sealed), ("code", &code)]).await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST, "what was offered to a session that has ended is worth nothing");
        let member = staff_member::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        let letters = page.texts("main p code")[0].replace(' ', "");
        assert!(!member.totp_secret.unwrap().contains(&letters), "the secret is stored sealed");
    }

    async fn an_invite_works_once_for_a_day_and_for_its_address(app: TestApp) {
        let late = staff::invite(&app.app, &Actor::system(), "late@newsroom.example", Role::Editor).await.unwrap();
        app.app.clock.advance(TimeDelta::hours(24));
        assert_eq!(app.get(path_of(&late)).await.status, StatusCode::FORBIDDEN);
        let earlier = staff::invite(&app.app, &Actor::system(), "New@newsroom.example", Role::Finance).await.unwrap();
        let link = staff::invite(&app.app, &Actor::system(), "new@newsroom.example", Role::Editor).await.unwrap();
        assert_eq!(app.get(path_of(&earlier)).await.status, StatusCode::FORBIDDEN, "a newer invite takes its place");
        let answer = app.post(path_of(&link), NEW).await;
        assert_eq!(answer.location(), "/desk/second-factor");
        let member = staff_member::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
        assert_eq!((member.email.as_str(), member.role), ("new@newsroom.example", Role::Editor), "the address of the invite, not the one typed");
        assert!(staff::invite(&app.app, &Actor::system(), "new@newsroom.example", Role::Admin).await.is_err());
        assert!(staff::invite(&app.app, &Actor::system(), "not an address", Role::Admin).await.is_err());
        assert_eq!(app.get("/desk/join/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await.status, StatusCode::FORBIDDEN);
    }

    async fn each_page_is_open_to_its_roles_and_no_other(app: TestApp) {
        let nobody = "00000000-0000-7000-8000-000000000000";
        let on_nobody = |verb: &str| format!("POST /desk/staff/{nobody}/{verb}");
        let (role, disable, enable, reset) = (on_nobody("role"), on_nobody("disable"), on_nobody("enable"), on_nobody("reset"));
        let end = format!("POST /desk/account/sessions/{nobody}/end");
        app.assert_open_only_to(&[
            ("GET /desk", ALL),
            ("GET /desk/account", ALL),
            ("POST /desk/account/password", ALL),
            ("POST /desk/account/second-factor", ALL),
            ("POST /desk/account/recovery-codes", ALL),
            ("POST /desk/account/sessions/end-others", ALL),
            (&end, ALL),
            ("GET /desk/staff", ADMIN),
            ("POST /desk/staff/invites", ADMIN),
            (&role, ADMIN),
            (&disable, ADMIN),
            (&enable, ADMIN),
            (&reset, ADMIN),
            ("GET /desk/audit", ADMIN),
            ("GET /desk/audit/check", ADMIN),
        ])
        .await;
    }

    async fn a_change_that_does_not_say_where_it_came_from_is_refused(app: TestApp) {
        app.sign_in_as(Role::Admin).await;
        let post = |path: &str| Request::post(path.to_owned()).header("content-type", "application/x-www-form-urlencoded");
        for path in ["/desk/sign-out", "/desk/sign-in", "/desk/account/sessions/end-others", "/desk/staff/invites"] {
            let silent = app.send(post(path).body(Body::empty()).unwrap()).await;
            assert_eq!(silent.status, StatusCode::FORBIDDEN, "{path}");
            let foreign = app.send(post(path).header("sec-fetch-site", "cross-site").body(Body::empty()).unwrap()).await;
            assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
            let foreign = app.send(post(path).header("origin", "https://evil.example").body(Body::empty()).unwrap()).await;
            assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
            let foreign = app.send(post(path).header("origin", "null").body(Body::empty()).unwrap()).await;
            assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(app.get("/desk").await.status, StatusCode::OK, "she is still signed in");
        let ours = app.send(post("/desk/sign-out").header("origin", "http://127.0.0.1:8080").body(Body::empty()).unwrap()).await;
        assert_eq!(ours.status, StatusCode::SEE_OTHER);
    }

    async fn no_page_of_the_desk_is_kept_by_a_browser(app: TestApp) {
        for path in ["/desk", "/desk/sign-in", "/desk/sign-in/code", "/desk/second-factor", "/desk/join/x"] {
            assert_eq!(app.get(path).await.headers["cache-control"], "no-store", "{path}");
        }
        app.sign_in_as(Role::Admin).await;
        for path in ["/desk", "/desk/account", "/desk/staff", "/desk/audit", "/desk/audit/check"] {
            let answer = app.get(path).await;
            assert_eq!((answer.status, answer.headers["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"), "{path}");
        }
    }

    async fn the_pages_before_the_desk_speak_the_language_that_was_chosen(app: TestApp) {
        for (language, direction, heading) in
            [("en", "ltr", "Sign in to the desk"), ("fa-AF", "rtl", "ورود به میز کار"), ("ps", "rtl", "د کار مېز ته ننوتل")]
        {
            let page = app.get(&format!("/desk/sign-in?lang={language}")).await;
            assert_eq!(page.attribute("html", "dir").unwrap(), direction);
            assert_eq!(page.texts("h1"), [heading]);
        }
    }

    async fn the_frame_shows_who_is_signed_in_and_only_the_places_open_to_her(app: TestApp) {
        app.sign_in_as(Role::Finance).await;
        let page = app.get("/desk").await;
        let places = page.texts("header nav a");
        assert!(places.contains(&"Donations".to_owned()) && places.contains(&"Reports".to_owned()), "{places:?}");
        assert!(!places.contains(&"Staff".to_owned()) && !places.contains(&"Articles".to_owned()), "{places:?}");
        assert_eq!(page.texts("header nav a[aria-current=page]"), ["Home"]);
        assert_eq!(page.texts(".who a")[0], "The finance (Finance)");
        assert_eq!(page.attribute("header form", "action").unwrap(), "/desk/sign-out");
        assert_eq!(page.attribute("html", "lang").unwrap(), "en");
        assert!(page.texts("main").concat().contains("0"), "an empty newsroom shows zeros");
        assert!(page.texts("a.skip").len() == 1 && page.texts("p.practice").len() == 1);
        app.sign_in_as(Role::Editor).await;
        let page = app.get("/desk").await;
        let places = page.texts("header nav a");
        assert!(places.contains(&"Articles".to_owned()) && !places.contains(&"Reports".to_owned()), "{places:?}");
        assert!(app.get("/desk?done=saved").await.texts("p.done") == ["Saved."]);
        assert!(app.get("/desk?done=no-such-text").await.texts("p.done").is_empty());
    }
}
