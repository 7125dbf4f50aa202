//! A run that the program does not survive is taken up again, and says what was not finished.

use super::*;
use CanaryLink::{Books, Checkout, Letter, Payment};
use entity::canary_link;
use std::pin::Pin;
use wellwisher::{app::App, error::Error};

type Trying<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Books that are worked on for ever.
fn hang(_: &App) -> Trying<'_> {
    Box::pin(std::future::pending())
}

/// A program that is killed while a run is at the books.
async fn kill_at_the_books(app: &TestApp, run: impl Future<Output = ()> + Send + 'static) {
    let running = tokio::spawn(run);
    let at_books = async || {
        let rows = canary_link::Entity::find().filter(canary_link::Column::Link.eq(Books)).all(app.app.db.read()).await.unwrap();
        rows.iter().any(|row| row.tried_at == app.app.now() && row.well_at.is_none())
    };
    while !at_books().await {
        assert!(!running.is_finished(), "it stops at the books");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
}

fn begun(app: &TestApp) -> impl Future<Output = ()> + Send + use<> {
    let app = app.app.clone();
    async move {
        let _ = canary::begin(&app, hang).await;
    }
}

on_both_databases! {
    async fn what_a_run_had_not_finished_is_tried_again_and_said(app: TestApp) {
        let app = with_canary(app);
        kill_at_the_books(&app, begun(&app)).await;
        hear(&app).await;
        assert!(!look(&app).await);
        assert_eq!(standing(&app, Letter).await, Standing::Untried("the run has not come to it"), "it may still be at work elsewhere");
        app.wait(301);
        assert!(!look(&app).await);
        send(&app).await;
        assert!(!look(&app).await);
        assert_eq!((well(&app).await, count(&app.app, "canary_run").await), (CanaryLink::ALL.to_vec(), 1), "the run goes on");
        assert_eq!(report(&app).await.unfinished, [Books, Letter]);
        let payments = app.stripe.standin.events().into_iter().filter(|event| event.kind == "payment_intent.succeeded").count();
        assert_eq!(payments, 1, "what was finished is not done again");
        app.sign_in_as(Role::Finance).await;
        let told = "A run was found broken off and was taken up again; not finished were: the books and the receipt, letters.";
        assert!(app.get("/desk").await.texts(".quiet").join(" ").contains(told));
        assert!(doctor::doctor(&app.app).await.iter().any(|one| one.name == "canary" && one.level == doctor::Level::Warn && one.told == told));
        app.wait(86_400);
        begin(&app).await;
        assert!(report(&app).await.unfinished.is_empty(), "it is said of that run only");
    }

    async fn a_link_that_ends_the_program_again_is_silent(app: TestApp) {
        let app = with_canary(app);
        kill_at_the_books(&app, begun(&app)).await;
        hear(&app).await;
        app.wait(301);
        let again = app.app.clone();
        kill_at_the_books(&app, async move {
            let _ = canary::look(&again, hang).await;
        })
        .await;
        app.wait(301);
        app.add_person(Role::Admin).await;
        assert!(look(&app).await, "it is not tried for ever");
        assert_eq!(silent(&app).await, [Books]);
        assert_eq!(standing(&app, Books).await, Standing::Silent("the program stopped in the middle of it".to_owned()));
        assert_eq!(alarms(&app).await.len(), 1);
        send(&app).await;
        look(&app).await;
        assert_eq!(well(&app).await, [Checkout, Payment, CanaryLink::Message, Letter], "what comes after it is tried");
    }

    async fn the_next_days_run_says_what_the_one_before_left(app: TestApp) {
        let app = with_canary(app);
        kill_at_the_books(&app, begun(&app)).await;
        app.wait(86_400);
        begin(&app).await;
        hear(&app).await;
        send(&app).await;
        assert!(!look(&app).await);
        assert_eq!((report(&app).await.unfinished, well(&app).await), (vec![Books, Letter], CanaryLink::ALL.to_vec()));
    }

    async fn a_checkout_that_was_left_open_is_ended(app: TestApp) {
        let app = with_canary(app);
        let id = begin(&app).await;
        hear(&app).await;
        send(&app).await;
        let own = Stripe::new(&SecretString::from("sk_test_canary"), app.app.stripe.api_base()).unwrap();
        let new = NewCheckout {
            idempotency_key: "canary:checkout:left".into(),
            donation_id: id.clone(),
            money: entity::Money::new(100, "USD".parse().unwrap()),
            product_name: "Gift".into(),
            email: WATCH.into(),
            success_url: "https://example.org/".into(),
            cancel_url: "https://example.org/".into(),
            locale: "en".into(),
            expires_at: app.app.now() + TimeDelta::hours(1),
            recurring: None,
        };
        let left = own.open_for_practice(&new).await.unwrap().session_id;
        // As a program leaves it that ends between the two questions to Stripe.
        run_sql(&app, &format!("update canary_link set well_at = null, reference = '{left}' where link = 'checkout'")).await;
        app.wait(301);
        assert!(!look(&app).await);
        assert!(app.stripe.standin.sessions().iter().all(|session| !session.open));
        assert_eq!((app.stripe.standin.sessions().len(), well(&app).await), (2, CanaryLink::ALL.to_vec()), "and no other was made");
        run_sql(&app, "update canary_link set well_at = null where link = 'checkout'").await;
        run_sql(&app, "update canary_run set unfinished = ''").await;
        app.wait(301);
        look(&app).await;
        assert_eq!(well(&app).await, CanaryLink::ALL, "one that is over already is as good");
    }

    async fn two_processes_at_one_run_do_nothing_twice(app: TestApp) {
        let app = with_canary(app);
        kill_at_the_books(&app, begun(&app)).await;
        hear(&app).await;
        app.wait(301);
        let (one, other) = tokio::join!(look(&app), look(&app));
        assert!(!one && !other);
        assert_eq!(number(&app.app, "select count(*) as n from letter").await, 1);
        assert_eq!(well(&app).await, [Checkout, Payment, CanaryLink::Message, Books]);
    }
}
