//! Passwords, codes, recovery codes, and how often one may try.

use crate::support::{PASSWORD, TestApp, on_both_databases};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use entity::words::Role;
use wellwisher::{
    clock::Random,
    staff::{
        own_next,
        password::{self, Weakness},
        totp::{self, TotpSecret},
    },
};

on_both_databases! {
    async fn a_password_alone_opens_nothing(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), "/desk/sign-in/code");
        for path in ["/desk", "/desk/account", "/desk/staff", "/desk/audit"] {
            let answer = app.get(path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            assert!(answer.location().starts_with("/desk/sign-in/code"), "{path}: {}", answer.location());
        }
        let answer = app.post("/desk/account/password", &[("current_password", PASSWORD), ("new_password", "another long password here")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(app.get("/desk/second-factor").await.location(), "/desk/sign-in/code");
        let offered = app.post("/desk/second-factor", &[("sealed", "1.AAAA"), ("code", "000000")]).await;
        assert_eq!(offered.status, StatusCode::FORBIDDEN, "a second factor cannot be exchanged without giving the first one");
        assert_eq!(app.post("/desk/sign-in/code", &[("code", &editor.code(&app))]).await.location(), "/desk");
        assert_eq!(app.get("/desk").await.status, StatusCode::OK);
    }

    async fn an_unknown_address_gets_the_same_answer_as_a_wrong_password(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let known = app.post("/desk/sign-in", &[("email", &editor.email), ("password", "not her password at all")]).await;
        let unknown = app.post("/desk/sign-in", &[("email", "nobody@newsroom.example"), ("password", "not her password at all")]).await;
        assert_eq!(known.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(unknown.status, known.status);
        assert_eq!(unknown.body.replace("nobody@newsroom.example", ""), known.body.replace(&editor.email, ""));
        assert_eq!(unknown.headers.keys().collect::<Vec<_>>(), known.headers.keys().collect::<Vec<_>>());
        assert!(!known.body.contains("not her password"), "a password is never sent back");
        let long = "x".repeat(100_000);
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", &long)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn a_code_works_once(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let code = editor.code(&app);
        app.sign_in(&editor).await;
        app.forget_cookies();
        app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        let again = app.post("/desk/sign-in/code", &[("code", &code)]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        app.app.clock.advance(TimeDelta::seconds(30));
        let still = app.post("/desk/sign-in/code", &[("code", &code)]).await;
        assert_eq!(still.status, StatusCode::UNPROCESSABLE_ENTITY, "one step late it would be right, had it not been used");
        let next = app.post("/desk/sign-in/code", &[("code", &editor.code(&app))]).await;
        assert_eq!(next.status, StatusCode::SEE_OTHER);
    }

    async fn one_code_given_twice_at_once_lets_one_in(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let mut half_open = Vec::new();
        for _ in 0..4 {
            app.forget_cookies();
            let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
            half_open.push(answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        app.forget_cookies();
        let code = editor.code(&app);
        let tries = half_open.iter().map(|cookie| {
            let request = axum::http::Request::post("/desk/sign-in/code")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin")
                .header("cookie", cookie)
                .body(axum::body::Body::from(format!("code={code}")))
                .unwrap();
            tower::ServiceExt::oneshot(app.router.clone(), request)
        });
        let answers = futures_util::future::join_all(tries).await;
        let let_in = answers.iter().filter(|answer| answer.as_ref().unwrap().status() == StatusCode::SEE_OTHER).count();
        assert_eq!(let_in, 1);
    }

    async fn five_wrong_passwords_make_one_wait_and_no_longer(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        for _ in 0..5 {
            let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", "wrong wrong wrong wrong")]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let right = [("email", editor.email.as_str()), ("password", PASSWORD)];
        let answer = app.post("/desk/sign-in", &right).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "the right password is not looked at either");
        assert!(answer.body.replace(['\u{2068}', '\u{2069}'], "").contains("wait 15 minutes"), "{}", answer.body);
        app.app.clock.advance(TimeDelta::minutes(14));
        assert_eq!(app.post("/desk/sign-in", &right).await.status, StatusCode::TOO_MANY_REQUESTS);
        let other = app.add_person(Role::Finance).await;
        let answer = app.post("/desk/sign-in", &[("email", &other.email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "others are not kept out");
        app.app.clock.advance(TimeDelta::minutes(2));
        assert_eq!(app.post("/desk/sign-in", &right).await.status, StatusCode::SEE_OTHER);
    }

    async fn twenty_wrong_passwords_from_one_network_make_it_wait_whatever_the_account(app: TestApp) {
        for number in 0..20 {
            let email = format!("guess-{number}@newsroom.example");
            let answer = app.post("/desk/sign-in", &[("email", &email), ("password", "wrong wrong wrong wrong")]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{number}");
        }
        let answer = app.post("/desk/sign-in", &[("email", "guess-20@newsroom.example"), ("password", "wrong")]).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    }

    async fn wrong_codes_end_the_half_open_session(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD)]).await;
        for _ in 0..5 {
            let answer = app.post("/desk/sign-in/code", &[("code", "12345")]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let answer = app.post("/desk/sign-in/code", &[("code", &editor.code(&app))]).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(app.get("/desk/sign-in/code").await.location(), "/desk/sign-in");
        app.app.clock.advance(TimeDelta::minutes(16));
        app.sign_in(&editor).await;
    }

    async fn after_sign_in_one_comes_to_the_page_that_was_asked_for(app: TestApp) {
        let editor = app.add_person(Role::Editor).await;
        let answer = app.get("/desk/account?done=saved").await;
        assert_eq!(answer.location(), "/desk/sign-in?next=%2Fdesk%2Faccount%3Fdone%3Dsaved");
        let next = app.get(answer.location()).await.attribute("input[name=next]", "value").unwrap();
        assert_eq!(next, "/desk/account?done=saved");
        let answer = app.post("/desk/sign-in", &[("email", &editor.email), ("password", PASSWORD), ("next", &next)]).await;
        assert_eq!(answer.location(), "/desk/sign-in/code?next=%2Fdesk%2Faccount%3Fdone%3Dsaved");
        let answer = app.post("/desk/sign-in/code", &[("code", &editor.code(&app)), ("next", &next)]).await;
        assert_eq!(answer.location(), next);
        let answer = app.post("/desk/sign-in/code", &[("code", "1"), ("next", "//evil.example")]).await;
        assert_eq!(answer.location(), "/desk", "also for somebody who is signed in already");
    }
}

#[test]
fn nobody_is_sent_to_another_site_after_sign_in() {
    let foreign = [
        "",
        "/",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "https://evil.example",
        "HTTPS://evil.example",
        "http:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "@evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/desk\\evil",
        "/desk/\\evil.example",
        "/%5cevil.example",
        "/desk/%5c%5cevil.example",
        "/desk/%5Cevil",
        "//desk",
        "/desk//evil.example",
        "/desk/..//evil.example",
        "/desk/../x",
        "/desk/%2e%2e/x%2f",
        "/desk/%2F%2Fevil.example",
        "/deskevil",
        "/desk.evil.example",
        "/desk@evil.example",
        "/desk:80",
        ".evil.example",
        "/desk\r\nSet-Cookie: a=b",
        "/desk\nx",
        "/desk\tx",
        "\t/desk",
        " /desk",
        "/desk /x",
        "/desk/%0d%0aSet-Cookie:a",
        "/desk/%00",
        "/desk\0",
        "/desk/\u{202e}x",
        "/desk/\u{2028}",
        "／desk",
        "/desk/۱",
        "http://127.0.0.1:8080/desk",
        "//127.0.0.1:8080/desk",
        "/articles",
        "/donate?x=1",
        "/desk/sign-in",
        "/desk/sign-in?next=/desk",
        "/desk/sign-out",
        "/desk/SIGN-out",
        "/desk/join/abc",
        "/desk/second-factor",
        "?next=/desk",
        "#/desk",
        "desk",
        "./desk",
        "../desk",
        "/Desk",
        "/DESK/account",
        "/language/en?next=//evil.example",
    ];
    assert!(foreign.len() >= 60, "{}", foreign.len());
    for next in foreign {
        assert_eq!(own_next(next), "/desk", "{next:?}");
    }
    let long = format!("/desk/{}", "x".repeat(2_000));
    assert_eq!(own_next(&long), "/desk");
    for own in
        ["/desk", "/desk?x=1", "/desk/donations?from=2026-01-01&q=a%20b", "/desk/articles/a-b/edit", "/desk/x?next=https://a.example"]
    {
        assert_eq!(own_next(own), own);
    }
}

#[test]
fn a_password_is_long_rather_than_odd() {
    let personal = ["Lantern Post", "Sahar Example", "sahar@lanternpost.example"];
    let judged = |password: &str| password::check(password, &personal);
    assert_eq!(judged("short but odd1"), Err(Weakness::Short));
    assert_eq!(judged(&"long enough ".repeat(11)), Err(Weakness::Long));
    assert_eq!(judged("Password Password"), Err(Weakness::Common));
    assert_eq!(judged("correct-horse-battery-staple"), Err(Weakness::Common));
    assert_eq!(judged("aaaaaaaaaaaaaaaaaaaa"), Err(Weakness::Common));
    assert_eq!(judged("abcabcabcabcabcabc"), Err(Weakness::Common));
    assert_eq!(judged("qwertyuiopasdfgh"), Err(Weakness::Common));
    assert_eq!(judged("9876543210987654"), Err(Weakness::Common));
    assert_eq!(judged("LanternPost2026!!"), Err(Weakness::Personal));
    assert_eq!(judged("sahar sahar example 1"), Err(Weakness::Personal));
    assert_eq!(judged("moss under the third stair"), Ok(()));
    assert_eq!(judged("زیر پله سوم خزه می روید"), Ok(()), "letters are counted, not bytes");
    assert_eq!(judged(&"لا".repeat(64)), Err(Weakness::Common), "128 characters, one piece repeated");
}

#[tokio::test]
async fn a_password_is_stored_as_argon2id_with_the_agreed_cost() {
    let random = Random::default();
    let stored = password::hash("moss under the third stair".to_owned(), &random).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    let again = password::hash("moss under the third stair".to_owned(), &random).await.unwrap();
    assert_ne!(stored, again, "each has a salt of its own");
    assert!(password::verify("moss under the third stair".to_owned(), Some(stored.clone())).await.unwrap());
    assert!(!password::verify("moss under the third stairs".to_owned(), Some(stored)).await.unwrap());
    assert!(!password::verify("nobody has this password".to_owned(), None).await.unwrap(), "the stand-in's own password opens nothing");
}

#[test]
fn codes_agree_with_the_published_vectors_and_pass_one_step_early_or_late() {
    // RFC 6238, appendix B, the last six of the eight digits.
    let secret = TotpSecret::from_bytes(b"12345678901234567890");
    let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 0).unwrap();
    for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
        assert_eq!(secret.code_at(at(seconds)).unwrap(), code);
        assert_eq!(secret.step_of(code, at(seconds), 0).unwrap(), Some(seconds / 30));
        assert!(secret.step_of(code, at(seconds + 30), 0).unwrap().is_some());
        assert!(secret.step_of(code, at(seconds + 90), 0).unwrap().is_none());
        assert!(secret.step_of(code, at(seconds), seconds / 30).unwrap().is_none(), "used already");
    }
    assert!(secret.step_of("۲۸۷ ۰۸۲", at(59), 0).unwrap().is_some(), "as a phone in Dari shows it");
    for odd in ["", "28708", "2870822", "abcdef", "-28708", "287082x7"] {
        assert!(secret.step_of(odd, at(59), 0).unwrap().is_none(), "{odd}");
    }
    assert_eq!(secret.as_text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
}

#[test]
fn a_sealed_second_factor_opens_for_its_owner_alone() {
    let random = Random::default();
    let (key, secret) = ([1; 32], TotpSecret::from_bytes(b"12345678901234567890"));
    let sealed = secret.seal(&key, "hers", &random).unwrap();
    assert_eq!(TotpSecret::open(&sealed, &key, "hers").unwrap().as_text(), secret.as_text());
    assert!(TotpSecret::open(&sealed, &key, "another's").is_err());
    assert!(TotpSecret::open(&sealed, &[2; 32], "hers").is_err());
    assert_ne!(secret.seal(&key, "hers", &random).unwrap(), sealed);
    for broken in ["", "1.", "1.AAAA", &sealed[..sealed.len() - 2], &sealed[2..]] {
        assert!(TotpSecret::open(broken, &key, "hers").is_err(), "{broken}");
    }
}

#[test]
fn recovery_codes_hold_120_bits_and_may_be_typed_carelessly() {
    let codes = totp::new_recovery_codes(&Random::default());
    assert_eq!(codes.len(), 10);
    let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), 10);
    for code in &codes {
        assert_eq!(code.replace('-', "").len(), 24, "five bits each: {code}");
        assert_eq!(totp::recovery_code_hash(&code.to_uppercase().replace('-', " ")), totp::recovery_code_hash(code));
    }
    assert_eq!(totp::recovery_code_hash("123456"), None);
}
