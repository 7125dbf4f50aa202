//! Each link in turn is the one that gives no sign: it is named, and the others are well.

use super::*;
use crate::support::SmtpSink;
use CanaryLink::{Books, Checkout, Letter, Message, Payment};
use entity::words::LetterState;
use std::pin::Pin;
use wellwisher::{app::App, canary::PATIENCE, config::MailWay, error::Error};

type Trying<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// A run in which everything is heard and sent that can be, and the hour is over.
async fn run_out(app: &TestApp) {
    begin(app).await;
    if app.stripe.standin.events().iter().any(|event| event.kind == "payment_intent.succeeded") {
        hear(app).await;
    }
    send(app).await;
    app.app.clock.advance(PATIENCE + TimeDelta::seconds(1));
}

/// Exactly this link is silent: it is told to finance and administrators once, named on every page of the desk, and failed by `doctor`.
async fn is_told(app: &TestApp, link: CanaryLink, name: &str, says: &str) {
    app.add_person(Role::Admin).await;
    app.sign_in_as(Role::Finance).await;
    app.add_person(Role::Editor).await;
    for _ in 0..2 {
        assert!(look(app).await);
    }
    assert_eq!(silent(app).await, [link], "{:#?}", report(app).await);
    let told = alarms(app).await;
    if link == Letter {
        assert!(told.is_empty(), "no letter is written about letters that do not leave: {told:#?}");
    } else {
        assert_eq!(told.len(), 2, "once each, however often it is looked: {told:#?}");
        assert!(
            told.iter().all(|one| !one.to_address.starts_with("editor") && one.subject.ends_with(name) && one.text_body.contains(says)),
            "{told:#?}"
        );
    }
    let banner = app.get("/desk/donations").await.texts("[role=alert]").join(" ");
    assert!(banner.contains(&format!("{name}: silent since 2026-05-01 09:30")) && banner.contains(says), "{banner}");
    let page = app.get("/desk").await;
    assert_eq!(page.texts(".chain li").len(), 5);
    assert!(page.texts(".chain li strong").len() == 1 && page.texts(".chain li strong")[0].contains(says), "{}", page.body);
    let findings = doctor::doctor(&app.app).await;
    let failed: Vec<_> = findings.iter().filter(|one| one.name == "canary" && one.level == doctor::Level::Fail).collect();
    assert!(failed.len() == 1 && failed[0].told.starts_with(name) && failed[0].fix.contains(says), "{failed:#?}");
}

on_both_databases! {
    async fn a_checkout_that_is_refused_is_named(app: TestApp) {
        let app = with_canary(app);
        app.stripe.standin.take_right("checkout/sessions", "rak_checkout_session_write");
        run_out(&app).await;
        is_told(&app, Checkout, "the checkout at Stripe", "STRIPE_CANARY_KEY may write Checkout Sessions").await;
        assert_eq!(well(&app).await, [Payment, Message, Books, Letter]);
        assert!(matches!(standing(&app, Checkout).await, Standing::Silent(why) if why.contains("403") && why.contains("rak_checkout_session_write")));
    }

    async fn a_payment_that_is_refused_is_named_and_no_message_is_waited_for(app: TestApp) {
        let app = with_canary(app);
        app.stripe.standin.take_right("payment_intents", "rak_payment_intent_write");
        run_out(&app).await;
        is_told(&app, Payment, "the payment at Stripe", "STRIPE_CANARY_KEY may write Payment Intents").await;
        assert_eq!(well(&app).await, [Checkout, Books, Letter]);
        assert_eq!(standing(&app, Message).await, Standing::Untried("there is no payment to hear of"));
    }

    async fn a_message_that_does_not_come_is_named_after_an_hour_and_the_alarm_ends_with_the_next_that_does(app: TestApp) {
        let app = with_canary(app);
        begin(&app).await;
        send(&app).await;
        app.app.clock.advance(PATIENCE);
        assert!(!look(&app).await, "not yet");
        app.app.clock.advance(TimeDelta::seconds(1));
        is_told(&app, Message, "Stripe’s message to us", "none is lost").await;
        assert_eq!(well(&app).await, [Checkout, Payment, Books, Letter]);
        app.wait(86_400);
        begin(&app).await;
        send(&app).await;
        assert!(!look(&app).await, "the new run has its hour");
        app.sign_in_as(Role::Editor).await;
        let banner = app.get("/desk").await.texts("[role=alert]").join(" ");
        assert!(banner.contains("silent since 2026-05-01 09:30") && banner.contains("no sign yet"), "nothing is well before it is: {banner}");
        hear(&app).await;
        assert!(app.get("/desk").await.texts("[role=alert]").is_empty());
        assert_eq!(well(&app).await, CanaryLink::ALL);
    }

    async fn books_that_cannot_be_written_are_named(app: TestApp) {
        let app = with_canary(app);
        run_sql(&app, "alter table receipt_series rename to receipt_series_away").await;
        run_out(&app).await;
        is_told(&app, Books, "the books and the receipt", "wellwisher verify").await;
        assert_eq!(well(&app).await, [Checkout, Payment, Message, Letter]);
        let told = "a practice gift could not be settled: the log says why";
        assert_eq!(standing(&app, Books).await, Standing::Silent(told.to_owned()), "details are for the log, because every page says why");
        run_sql(&app, "alter table receipt_series_away rename to receipt_series").await;
        app.wait(86_400);
        run_out(&app).await;
        assert!(silent(&app).await.iter().all(|link| *link == Letter), "the next run finds them mended");
    }

    async fn books_that_break_the_program_break_nothing_else(app: TestApp) {
        fn breaks(_: &App) -> Trying<'_> {
            Box::pin(async { panic!("the books fall down") })
        }
        let app = with_canary(app);
        canary::begin(&app.app, breaks).await.unwrap();
        hear(&app).await;
        send(&app).await;
        assert!(look(&app).await);
        assert_eq!((silent(&app).await, well(&app).await), (vec![Books], vec![Checkout, Payment, Message, Letter]));
    }

    async fn that_no_run_was_begun_for_a_day_is_told(app: TestApp) {
        let app = with_canary(app);
        run_out(&app).await;
        assert!(!look(&app).await);
        app.sign_in_as(Role::Editor).await;
        assert!(app.get("/desk").await.texts("[role=alert]").is_empty());
        app.wait(86_400);
        app.sign_in_as(Role::Editor).await;
        let banner = app.get("/desk").await.texts("[role=alert]").join(" ");
        assert!(banner.contains("none was begun since 2026-05-01 09:30"), "{banner}");
        let findings = doctor::doctor(&app.app).await;
        assert!(findings.iter().any(|one| one.level == doctor::Level::Fail && one.told.contains("none was begun")), "{findings:#?}");
        run_out(&app).await;
        assert!(!look(&app).await);
        app.sign_in_as(Role::Editor).await;
        assert!(app.get("/desk").await.texts("[role=alert]").is_empty());
    }

    async fn letters_that_do_not_leave_are_told_by_the_desk_alone(app: TestApp) {
        // Nobody listens there.
        let app = with_settings(with_canary(app), |config| config.mail = MailWay::Smtp(SecretString::from("smtp://127.0.0.1:9")));
        run_out(&app).await;
        assert_eq!(number(&app.app, "select count(*) as n from letter where state = 'deferred'").await, 1);
        is_told(&app, Letter, "letters", "the desk is the only alarm").await;
        assert_eq!(well(&app).await, [Checkout, Payment, Message, Books]);
    }

    async fn a_letter_that_the_mail_server_takes_is_well_and_one_that_it_refuses_is_named(app: TestApp) {
        let Some(sink) = SmtpSink::start(&[]).await else { return };
        let url = sink.url();
        let app = with_settings(with_canary(app), |config| config.mail = MailWay::Smtp(SecretString::from(url)));
        run_out(&app).await;
        assert_eq!(sink.wait_for("letter", 1).await.len(), 1);
        assert!(!look(&app).await);
        assert_eq!(well(&app).await, CanaryLink::ALL);
        let app = with_settings(app, |config| {
            config.canary.as_mut().expect("a canary").email = Some("nobody@newsroom.example".to_owned());
        });
        app.wait(86_400);
        run_out(&app).await;
        assert!(look(&app).await);
        assert_eq!(standing(&app, Letter).await, Standing::Silent(format!("the letter is {}", LetterState::Bounced)));
        assert_eq!((silent(&app).await, alarms(&app).await.len()), (vec![Letter], 0));
    }

    async fn without_an_address_the_letter_is_said_to_be_untried(app: TestApp) {
        let app = with_settings(with_canary(app), |config| config.canary.as_mut().expect("a canary").email = None);
        run_out(&app).await;
        assert!(!look(&app).await);
        assert_eq!(well(&app).await, [Checkout, Payment, Message, Books]);
        assert_eq!(standing(&app, Letter).await, Standing::Untried("STRIPE_CANARY_EMAIL is not set"));
        assert_eq!(count(&app.app, "letter").await, 0);
        app.sign_in_as(Role::Admin).await;
        assert_eq!(app.get("/desk").await.texts(".chain li")[4], "letters: untried (STRIPE_CANARY_EMAIL is not set)");
        let app = with_settings(app, |config| config.canary.as_mut().expect("a canary").email = Some(WATCH.to_owned()));
        assert!(!look(&app).await);
        send(&app).await;
        assert!(!look(&app).await);
        assert_eq!((well(&app).await, report(&app).await.unfinished), (CanaryLink::ALL.to_vec(), vec![]), "nothing was broken off");
    }

    async fn of_several_silent_links_the_first_is_named_and_the_desk_says_that_letters_are_silent_too(app: TestApp) {
        let app = with_canary(app);
        begin(&app).await;
        app.app.clock.advance(PATIENCE + TimeDelta::seconds(1));
        app.sign_in_as(Role::Admin).await;
        assert!(look(&app).await);
        assert_eq!(silent(&app).await, [Message, Letter]);
        assert_eq!(alarms(&app).await.len(), 1);
        let banner = app.get("/desk").await.texts("[role=alert]").join(" ");
        assert!(banner.contains("Stripe’s message to us: silent") && banner.contains("this line may be the only alarm"), "{banner}");
    }
}
