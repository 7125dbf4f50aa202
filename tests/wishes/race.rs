//! Sixteen buyers for the last of an item, at two programs on one PostgreSQL and at one process on one SQLite file: exactly the right number win.
//! `WISH_RACE_ROUNDS=1000` makes it as many rounds as the promise says; the suite itself runs a few.

use super::life::assert_all_agrees;
use crate::{
    donations::helpers::GOOD_CARD,
    support::{Folder, Program, TestApp, TestDatabase, beside, on_both_databases},
};
use axum::{Router, body::Body, http::Request};
use chrono::TimeDelta;
use entity::words::{DonationStatus, ReservationState};
use sea_orm::{EntityTrait, QuerySelect};
use std::time::Instant;
use tower::ServiceExt;
use wellwisher::{asks::token, clock::Clock, donations};

const BUYERS: usize = 16;

fn rounds() -> usize {
    std::env::var("WISH_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

/// Where a buyer buys: in this process, or at another one over HTTP.
#[derive(Clone)]
enum Site {
    Here(Router),
    At(reqwest::Client, String),
}

/// What she is answered: status, where it leads, page.
async fn send(site: Site, slug: String, token: String, email: String) -> (u16, String, String) {
    let fields = [
        ("form_token", token.as_str()),
        ("item", &slug),
        ("quantity", "1"),
        ("email", &email),
        ("note", "For the girls"),
        ("language", "en"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let leads_to = |headers: &axum::http::HeaderMap| headers.get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    match site {
        Site::Here(router) => {
            let request = headers
                .iter()
                .fold(Request::post("/donations").header("host", "127.0.0.1:8080"), |request, (name, value)| request.header(*name, *value));
            let answer = router.oneshot(request.body(Body::from(body)).unwrap()).await.expect("an answer");
            let (status, location) = (answer.status().as_u16(), leads_to(answer.headers()));
            let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            (status, location, String::from_utf8_lossy(&body).into_owned())
        }
        Site::At(browser, address) => {
            let request = browser.post(format!("{address}/donations")).body(body);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = request.send().await.expect("an answer");
            let (status, location) = (answer.status().as_u16(), leads_to(answer.headers()));
            (status, location, answer.text().await.expect("a page"))
        }
    }
}

/// Two processes on the test's PostgreSQL, at its Stripe.
fn start_two(test: &TestApp, folders: &[Folder; 2]) -> [Program; 2] {
    let mut settings = beside(&test.database.url, &test.stripe.base_url);
    settings.push(("CHECKOUTS_PER_HOUR", "1000000"));
    folders.each_ref().map(|folder| Program::start(folder, &["serve"], &settings))
}

on_both_databases! {
    async fn a_buyer_who_waits_too_long_for_the_database_is_told_so_and_keeps_her_form(test: TestApp) {
        let item = test.item("Bag", None, |raw| raw.quantity = "1".to_owned()).await;
        let token = token::issue(&test.app);
        test.app.clock.advance(TimeDelta::seconds(4));
        // Somebody holds the item's row, or the only writer, for longer than anybody waits (10 s).
        let (taken, is_taken) = tokio::sync::oneshot::channel();
        let (free, is_free) = tokio::sync::oneshot::channel::<()>();
        let (db, id, ways) = (test.app.db.clone(), item.id, std::sync::Mutex::new(Some((taken, is_free))));
        let holder = tokio::spawn(async move {
            db.write(async |tx| {
                entity::wish_item::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
                let ways = ways.lock().unwrap().take();
                if let Some((taken, is_free)) = ways {
                    taken.send(()).unwrap();
                    let _ = is_free.await;
                }
                Ok(())
            })
            .await
        });
        is_taken.await.unwrap();
        let late = send(Site::Here(test.router.clone()), item.slug.clone(), token.clone(), "wren@example.org".to_owned()).await;
        assert_eq!(late.0, 503, "{}", late.2);
        assert!(late.2.contains("value=\"wren@example.org\"") && late.2.contains("For the girls") && late.2.contains(&token), "the form is kept");
        free.send(()).unwrap();
        holder.await.unwrap().unwrap();
        assert!(entity::donation::Entity::find().one(test.app.db.read()).await.unwrap().is_none(), "nothing is half done");
        assert_eq!(send(Site::Here(test.router.clone()), item.slug.clone(), token, "wren@example.org".to_owned()).await.0, 303, "sent again, it is taken");
    }

    async fn of_sixteen_buyers_at_two_processes_the_right_number_win_and_the_others_keep_their_forms(database: TestDatabase) {
        let test = TestApp::with(database, |settings| settings.checkouts_per_hour = 1_000_000).await;
        // The processes live in the present.
        test.app.clock.set(Clock::System.now());
        let (folders, mut programs, mut sites) = ([Folder::new(), Folder::new()], Vec::new(), vec![Site::Here(test.router.clone())]);
        if test.app.db.is_postgres() {
            programs.extend(start_two(&test, &folders));
            sites.clear();
            let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
            for program in &mut programs {
                sites.push(Site::At(browser.clone(), program.address().await));
            }
        }
        let (began, mut won_in_all) = (Instant::now(), 0);
        for round in 0..rounds() {
            let needed = 1 + round % 3;
            let item = test.item(&format!("Bag {round}"), None, |raw| raw.quantity = needed.to_string()).await;
            // Nobody fills in a form in less than some seconds.
            test.app.clock.set(Clock::System.now() - TimeDelta::seconds(5));
            let tokens: Vec<String> = (0..BUYERS).map(|_| token::issue(&test.app)).collect();
            test.app.clock.set(Clock::System.now());
            let buyers = tokens.into_iter().enumerate().map(|(at, token)| {
                let (site, slug) = (sites[at % sites.len()].clone(), item.slug.clone());
                tokio::spawn(send(site, slug, token, format!("buyer-{round}-{at}@example.org")))
            });
            let answers: Vec<_> = futures_util::future::join_all(buyers).await.into_iter().map(Result::unwrap).collect();
            let winners: Vec<&str> = answers.iter().filter(|answer| answer.0 == 303).map(|answer| answer.1.as_str()).collect();
            assert_eq!(winners.len(), needed, "round {round}: {:?}", answers.iter().map(|answer| answer.0).collect::<Vec<_>>());
            for (at, (status, _, body)) in answers.iter().enumerate().filter(|(_, answer)| answer.0 != 303) {
                assert!([409, 422].contains(status), "{status}: {body}");
                assert!(body.contains(&format!("value=\"buyer-{round}-{at}@example.org\"")) && body.contains("For the girls"), "the form is kept");
                assert!(body.contains("taken"), "and she is told why");
            }
            for location in winners {
                let session = location.rsplit('/').next().unwrap();
                test.stripe.standin.pay(session, GOOD_CARD);
                let state = test.app.stripe.fetch_checkout(session).await.unwrap();
                let id = state.donation_id.as_deref().unwrap().parse().unwrap();
                // A process that asks Stripe by itself may have been quicker.
                donations::settle::apply(&test.app, id, &state).await.unwrap();
            }
            won_in_all += needed;
        }
        for program in programs {
            assert_eq!(program.stop().await.code, Some(0));
        }
        let gifts = entity::donation::Entity::find().all(test.app.db.read()).await.unwrap();
        assert_eq!(gifts.iter().filter(|gift| gift.status == DonationStatus::Paid).count(), won_in_all);
        assert_eq!(gifts.len(), won_in_all, "who got nothing has left nothing");
        let held = entity::wish_reservation::Entity::find().all(test.app.db.read()).await.unwrap();
        assert!(held.len() == won_in_all && held.iter().all(|held| held.state == ReservationState::Paid));
        let income: i64 = entity::ledger_entry::Entity::find().all(test.app.db.read()).await.unwrap().iter()
            .filter(|side| side.wish_item_id.is_some() && side.account == entity::words::Account::Donations).map(|side| side.amount_minor).sum();
        assert_eq!(income, -2_500 * won_in_all as i64, "ledger and stock agree");
        assert_all_agrees(&test).await;
        if rounds() > 100 {
            let kind = if test.app.db.is_postgres() { "two processes on PostgreSQL" } else { "one process on SQLite" };
            println!("{kind}: {} rounds of {BUYERS} buyers, {won_in_all} winners, {:.1} s", rounds(), began.elapsed().as_secs_f64());
        }
    }
}
