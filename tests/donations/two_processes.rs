//! Two processes on one database, and one process with many requests, meet at the same moment.

use super::helpers::*;
use crate::support::{Answer, TestApp, on_both_databases};
use axum::{Router, body::Body, http::Request};
use entity::words::DonationStatus;
use tower::ServiceExt;
use wellwisher::{db::Db, router};

/// How often they meet.
const ROUNDS: usize = 25;

/// The routers of two processes; on SQLite, where one process has the file, twice the same.
async fn two(app: &TestApp) -> [Router; 2] {
    if !app.app.db.is_postgres() {
        return [app.router.clone(), app.router.clone()];
    }
    let db = Db::open(&app.database.url).await.expect("the database opens twice");
    [app.router.clone(), router::build(another_process(app, db)).expect("the routes fit")]
}

async fn ask(router: Router, request: Request<Body>) -> (u16, String) {
    let answer = router.oneshot(request).await.expect("an answer");
    let location = answer.headers().get("location").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    (answer.status().as_u16(), location)
}

fn form_request(form: &Typed) -> Request<Body> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form.0.iter()).finish();
    let request = Request::post("/donations").header("content-type", "application/x-www-form-urlencoded").header("host", "127.0.0.1:8080");
    request.header("sec-fetch-site", "same-origin").body(Body::from(body)).expect("a request")
}

fn webhook_request(app: &TestApp, body: &str) -> Request<Body> {
    Request::post(WEBHOOK).header("stripe-signature", signed(app, body)).body(Body::from(body.to_owned())).expect("a request")
}

on_both_databases! {
    async fn one_form_at_two_processes_is_one_donation(database: crate::support::TestDatabase) {
        let app = TestApp::with(database, |settings| settings.checkouts_per_hour = 10_000).await;
        let routers = two(&app).await;
        for round in 1..=ROUNDS {
            let form = fill(&app, "").await;
            let both = routers.iter().map(|router| tokio::spawn(ask(router.clone(), form_request(&form))));
            let answers = futures_util::future::join_all(both).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
            assert_eq!(answers[0].0, 303, "{answers:?}");
            assert_eq!(answers[0], answers[1]);
            assert_eq!((count(&app.app, "donation").await, app.stripe.standin.sessions().len()), (round as i64, round));
        }
    }

    async fn the_last_item_at_two_processes_has_one_buyer(database: crate::support::TestDatabase) {
        let app = TestApp::with(database, |settings| settings.checkouts_per_hour = 10_000).await;
        new_item(&app.app, ROUNDS as i64, None).await;
        let routers = two(&app).await;
        let mut won = 0;
        for round in 0..ROUNDS {
            let forms = [fill(&app, "item=bag").await, fill(&app, "item=bag").await];
            let left = (ROUNDS as i64 - won).max(0);
            let quantity = if left > 1 { (left / 2 + 1).to_string() } else { "1".to_owned() };
            let both = routers.iter().zip(forms).map(|(router, form)| tokio::spawn(ask(router.clone(), form_request(&form.with("quantity", &quantity)))));
            let answers = futures_util::future::join_all(both).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
            let winners = answers.iter().filter(|answer| answer.0 == 303).count();
            assert_eq!(winners, 1, "round {round}: {answers:?}");
            assert!(answers.iter().all(|answer| [303, 409, 422].contains(&answer.0)), "{answers:?}");
            won = number(&app.app, "select cast(coalesce(sum(quantity), 0) as bigint) as n from wish_reservation where state = 'held'").await;
            if won == ROUNDS as i64 {
                return;
            }
        }
    }

    async fn one_webhook_at_two_processes_is_settled_once(database: crate::support::TestDatabase) {
        let app = TestApp::with(database, |settings| settings.checkouts_per_hour = 10_000).await;
        let routers = two(&app).await;
        let second = if app.app.db.is_postgres() {
            another_process(&app, Db::open(&app.database.url).await.unwrap())
        } else {
            app.app.clone()
        };
        for round in 1..=ROUNDS {
            let session = paid_session(&app, "").await;
            let events: Vec<_> = app.stripe.standin.events().into_iter().filter(|event| event.body.contains(&session)).collect();
            let at_both = events.iter().flat_map(|event| routers.iter().map(|router| tokio::spawn(ask(router.clone(), webhook_request(&app, &event.body)))));
            for answer in futures_util::future::join_all(at_both.collect::<Vec<_>>()).await {
                assert_eq!(answer.unwrap().0, 200);
            }
            let (one, two) = (app.app.clone(), second.clone());
            let workers = [tokio::spawn(async move { work_off(&one).await }), tokio::spawn(async move { work_off(&two).await })];
            for worker in workers {
                assert_eq!(worker.await.unwrap(), Vec::<String>::new());
            }
            assert_eq!(count(&app.app, "receipt").await, round as i64);
        }
        assert!(donations(&app.app).await.iter().all(|gift| gift.status == DonationStatus::Paid));
        assert_eq!(count(&app.app, "letter").await, ROUNDS as i64);
        assert_eq!(balance(&app.app, "donations", "USD").await, -2_500 * ROUNDS as i64);
        let gaps = number(&app.app, "select max(number) - count(*) as n from receipt").await;
        assert_eq!(gaps, 0, "receipt numbers have no gaps");
        assert!(all_jobs(&app.app).await.is_empty());
    }

    async fn four_ways_to_hear_of_one_payment_at_once_settle_it_once(app: TestApp) {
        for _ in 0..5 {
            paid_session(&app, "").await;
        }
        deliver_all(&app).await;
        let paths: Vec<String> = donations(&app.app).await.iter().map(|gift| wellwisher::donations::path_of(&app.app, gift.id)).collect();
        let pages = async { futures_util::future::join_all(paths.iter().map(|path| app.get(path))).await };
        let since = app.app.now() - wellwisher::donations::reconcile::LOOK_BACK;
        let (pages, found, left, swept): (Vec<Answer>, _, _, _) = tokio::join!(
            pages,
            wellwisher::donations::reconcile::reconcile(&app.app, since, |_, _| {}),
            work_off(&app.app),
            wellwisher::donations::sweep(&app.app),
        );
        assert!(pages.iter().all(|page| page.status == 200));
        assert_eq!((found.unwrap().failed.len(), left.len(), swept.unwrap()), (0, 0, 0));
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (5, 5));
        assert_eq!(balance(&app.app, "donations", "USD").await, -12_500);
    }
}
