//! What the form refuses, and that nothing typed is lost.

use super::helpers::*;
use crate::support::{Answer, FromDatabase, TestApp, TestDatabase, on_both_databases};
use chrono::TimeDelta;

/// Every link of the summary of errors leads to something that can be focused or read on the page.
fn summary_leads_to_fields(answer: &Answer) {
    let page = answer.page();
    let links = scraper::Selector::parse(".error-summary a").unwrap();
    let targets: Vec<String> = page.select(&links).map(|link| link.value().attr("href").unwrap().to_owned()).collect();
    assert!(!targets.is_empty(), "there is a summary: {}", answer.body);
    for target in targets {
        let id = target.strip_prefix('#').expect("a link within the page");
        let found = scraper::Selector::parse(&format!("[id='{id}']")).unwrap();
        let found = page.select(&found).next().unwrap_or_else(|| panic!("{target} is on the page"));
        assert_ne!(found.value().attr("type"), Some("hidden"), "{target} can be reached");
    }
}

/// What was typed stands in the form again.
fn keeps(answer: &Answer, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let shown = match *name {
            "note" => answer.texts("textarea[name=note]").pop(),
            "currency" => answer.attribute("select[name=currency] option[selected]", "value"),
            "amount" => answer.attribute("input[name=amount][checked]", "value"),
            name => answer.attribute(&format!("input[name={name}]"), "value"),
        };
        assert_eq!(shown.as_deref(), Some(*value), "{name} is kept");
    }
}

on_both_databases! {
    async fn a_wrong_form_comes_back_with_a_summary_and_what_was_typed(app: TestApp) {
        let before = everything(&app.app).await;
        let form = fill(&app, "").await.with("email", "zarmina at example").with("amount", "other").with("other_amount", "12,34,5");
        let answer = form.with("note", "For the girls").with("currency", "EUR").send(&app).await;
        assert_eq!(answer.status, 422);
        summary_leads_to_fields(&answer);
        assert_eq!(answer.texts(".error-summary li").len(), 2);
        assert!(answer.texts("title")[0].starts_with("Error:"), "{:?}", answer.texts("title"));
        let typed = [("email", "zarmina at example"), ("other_amount", "12,34,5"), ("note", "For the girls"), ("currency", "EUR"), ("amount", "other")];
        keeps(&answer, &typed);
        assert_eq!(everything(&app.app).await, before, "nothing was stored");
    }

    async fn an_empty_form_is_answered_field_by_field(app: TestApp) {
        let answer = app.post("/donations", &[("form_token", "")]).await;
        assert_eq!(answer.status, 422);
        summary_leads_to_fields(&answer);
        assert!(answer.texts(".error-summary li").len() >= 3, "{:?}", answer.texts(".error-summary li"));
    }

    async fn too_little_and_too_much_are_refused_with_the_limit(app: TestApp) {
        for (amount, limit) in [("0.99", "smallest"), ("1000000.01", "largest"), ("0", "above zero"), ("-5", "number"), ("1e3", "number")] {
            let answer = fill(&app, "").await.with("amount", "other").with("other_amount", amount).send(&app).await;
            assert_eq!(answer.status, 422, "{amount}");
            assert!(answer.texts(".error-summary li")[0].contains(limit), "{amount}: {:?}", answer.texts(".error-summary li"));
            keeps(&answer, &[("other_amount", amount)]);
        }
        assert_eq!(count(&app.app, "donation").await, 0);
    }

    async fn a_program_that_fills_the_hidden_field_is_refused(app: TestApp) {
        let answer = fill(&app, "").await.with("website", "https://spam.example").send(&app).await;
        assert_eq!((answer.status.as_u16(), count(&app.app, "donation").await), (422, 0));
    }

    async fn a_form_sent_faster_than_a_person_can_waits_and_keeps_its_token(app: TestApp) {
        let page = app.get("/donate").await;
        let token = page.attribute("input[name=form_token]", "value").unwrap();
        let fields = [("form_token", token.as_str()), ("amount", "25.00"), ("currency", "USD"), ("email", "a@example.org")];
        let answer = app.post("/donations", &fields).await;
        assert_eq!(answer.status, 422);
        keeps(&answer, &[("form_token", &token), ("email", "a@example.org")]);
        app.app.clock.advance(TimeDelta::seconds(3));
        assert_eq!(app.post("/donations", &fields).await.status, 303);
    }

    async fn a_form_left_open_for_days_gets_a_fresh_token_and_keeps_the_rest(app: TestApp) {
        let form = fill(&app, "").await;
        app.app.clock.advance(TimeDelta::hours(25));
        let answer = form.send(&app).await;
        assert_eq!(answer.status, 422);
        keeps(&answer, &[("email", "Zarmina@example.org"), ("amount", "25.00")]);
        let fresh = answer.attribute("input[name=form_token]", "value").unwrap();
        assert_ne!(fresh, form.0["form_token"]);
        app.app.clock.advance(TimeDelta::seconds(3));
        assert_eq!(form.with("form_token", &fresh).send(&app).await.status, 303);
    }

    async fn a_forged_token_is_refused(app: TestApp) {
        let form = fill(&app, "").await;
        let mut forged = form.0["form_token"].clone();
        let last = if forged.pop() == Some('A') { 'E' } else { 'A' };
        forged.push(last);
        assert_eq!(form.with("form_token", &forged).send(&app).await.status, 422);
        assert_eq!(count(&app.app, "donation").await, 0);
    }

    async fn a_name_or_address_that_breaks_lines_cannot_reach_a_header(app: TestApp) {
        let answer = fill(&app, "").await.with("email", "a@example.org\r\nBcc: b@example.org").send(&app).await;
        assert_eq!(answer.status, 422);
        let answer = fill(&app, "").await.with("name", "Z\r\nBcc: b@example.org\u{202e}").send(&app).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(the_donation(&app.app).await.donor_name, "Z\nBcc: b@example.org".replace('\n', ""));
    }

    async fn a_zero_byte_anywhere_is_no_failure_of_ours(app: TestApp) {
        for path in ["/donate?campaign=%00", "/donate?item=%00", "/donate?article=%00", "/donate?amount=%00&currency=%00", "/donations/%00"] {
            let answer = app.get(path).await;
            assert!(answer.status.as_u16() < 500, "{path}: {}", answer.status);
        }
        for field in ["campaign", "item", "article", "amount", "currency", "email", "name", "note", "language", "form_token"] {
            let answer = fill(&app, "").await.with(field, "\0").send(&app).await;
            assert!(answer.status.as_u16() < 500, "{field}: {}", answer.status);
        }
    }

    async fn what_one_form_tells_of_a_supporter_counts_only_once_it_is_paid(app: TestApp) {
        paid_session(&app, "").await;
        catch_up(&app).await;
        let forged = fill(&app, "").await.with("name", "Somebody Else").with("wants_updates", "yes");
        let session = session_of(&app, &forged.send(&app).await);
        let who = || async { entity::supporter::Entity::find().one(app.app.db.read()).await.unwrap().unwrap() };
        use sea_orm::EntityTrait;
        assert_eq!((who().await.name.as_str(), who().await.wants_updates), ("Zarmina Ahmadi", false));
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        assert_eq!((who().await.name.as_str(), who().await.wants_updates), ("Somebody Else", true));
        assert_eq!(count(&app.app, "supporter").await, 1);
    }

    async fn the_box_for_discreet_letters_holds_from_the_first_receipt_on_and_counts_only_once_it_is_paid(app: TestApp) {
        use entity::{letter, words::LetterKind};
        use sea_orm::EntityTrait;
        new_campaign(&app.app).await;
        let who = || async { entity::supporter::Entity::find().one(app.app.db.read()).await.unwrap().unwrap() };
        let ticked = fill(&app, "campaign=schools").await.with("discreet", "yes").with("wants_updates", "yes");
        let session = session_of(&app, &ticked.send(&app).await);
        assert!(!who().await.discreet, "anybody can type anybody's address");
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        assert!(who().await.discreet);
        let letters = letter::Entity::find().all(app.app.db.read()).await.unwrap();
        let mut kinds: Vec<LetterKind> = letters.iter().map(|letter| letter.kind).collect();
        kinds.sort();
        assert!(kinds.contains(&LetterKind::Receipt) && kinds.contains(&LetterKind::Confirmation) && kinds.len() == 2, "{kinds:?}");
        for letter in &letters {
            let title = entity::campaign::Entity::find().one(app.app.db.read()).await.unwrap().unwrap().title;
            assert!(letter.discreet && !letter.text_body.contains(&title) && !letter.html_body.contains(&title), "{}", letter.text_body);
        }
        // A box that is not ticked takes nothing back.
        paid_session(&app, "").await;
        catch_up(&app).await;
        assert!(who().await.discreet);
    }

    async fn one_network_may_open_so_many_checkouts_an_hour(database: TestDatabase) {
        let app = TestApp::with(database, |settings| settings.checkouts_per_hour = 2).await;
        for _ in 0..2 {
            begin(&app, "").await;
        }
        let form = fill(&app, "").await.with("note", "For the girls");
        let answer = form.send(&app).await;
        assert_eq!(answer.status, 429);
        summary_leads_to_fields(&answer);
        keeps(&answer, &[("email", "Zarmina@example.org"), ("note", "For the girls"), ("amount", "25.00")]);
        assert_eq!((count(&app.app, "donation").await, app.stripe.standin.sessions().len()), (2, 2));
        app.app.clock.advance(TimeDelta::minutes(31));
        assert_eq!(form.send(&app).await.status, 303, "it may go on later, with the same form");
    }

    async fn a_form_known_already_is_not_counted_again_against_its_network(database: TestDatabase) {
        let app = TestApp::with(database, |settings| settings.checkouts_per_hour = 1).await;
        let form = fill(&app, "").await;
        let first = form.send(&app).await;
        let again = form.send(&app).await;
        assert_eq!((again.status.as_u16(), again.location()), (303, first.location()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_form_works_in_every_language() {
    let app = TestApp::from_database(TestDatabase::sqlite().await).await;
    for (language, direction) in [("en", "ltr"), ("fa-AF", "rtl"), ("ps", "rtl")] {
        app.get(&format!("/language/{language}?next=/donate")).await;
        let form = fill(&app, "").await;
        assert_eq!(form.0["language"], language);
        let answer = form.with("email", "").send(&app).await;
        assert_eq!(answer.attribute("html", "dir").as_deref(), Some(direction));
        summary_leads_to_fields(&answer);
    }
}
