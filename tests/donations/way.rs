//! The whole way, once.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use chrono::Datelike;
use entity::{letter, receipt, words::DonationStatus};
use sea_orm::EntityTrait;
use wellwisher::ledger;

on_both_databases! {
    async fn a_gift_goes_from_the_form_to_the_ledger_and_the_receipt(app: TestApp) {
        let campaign = new_campaign(&app.app).await;
        let form = fill(&app, "campaign=schools").await.with("currency", "EUR").with("note", "For the girls of our street.");
        let answer = form.send(&app).await;
        let session = session_of(&app, &answer);
        assert_eq!(status(&app.app).await, DonationStatus::Pending);
        assert!(balances(&app.app).await.is_empty(), "nothing is promised before it is paid");
        assert_eq!((count(&app.app, "receipt").await, count(&app.app, "letter").await), (0, 0));

        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        assert_eq!(gift.status, DonationStatus::Paid);
        assert_eq!((gift.amount_minor, gift.currency.code()), (2_500, "EUR"));
        // 2.9 % of 25.00 is 0.725, and 0.30.
        assert_eq!(balance(&app.app, "donations", "EUR").await, -2_500);
        assert_eq!(balance(&app.app, "stripe_fees", "EUR").await, 103);
        assert_eq!(balance(&app.app, "stripe_clearing", "EUR").await, 2_397);
        assert_eq!(ledger::raised(app.app.db.read(), &[campaign]).await.unwrap()[0].money.minor, 2_500);

        let receipts = receipt::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(receipts.len(), 1);
        assert_eq!(receipts[0].code, format!("R-{}-000001", app.app.now().year()));
        let letters = letter::Entity::find().all(app.app.db.read()).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].to_address, "zarmina@example.org");
        assert_eq!(letters[0].receipt_id, Some(receipts[0].id));
        assert!(letters[0].text_body.contains(&receipts[0].code));
        assert!(all_jobs(&app.app).await.is_empty(), "no work is left over");
    }

    async fn the_thank_you_page_shows_the_gift_and_nobody(app: TestApp) {
        new_campaign(&app.app).await;
        let form = fill(&app, "campaign=schools").await.with("currency", "EUR").with("note", "For the girls.").with("public_name", "yes");
        let session = session_of(&app, &form.send(&app).await);
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        let path = donation_path(&app).await;
        app.forget_cookies();
        let page = app.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(page.texts(".facts dd")[0].contains("25"), "{:?}", page.texts(".facts dd"));
        for shown in ["Home schools", "R-2026-000001"] {
            assert!(page.body.contains(shown), "{shown} is shown");
        }
        for hidden in ["Zarmina", "zarmina@", "For the girls", "4242", session.as_str()] {
            assert!(!page.body.contains(hidden), "{hidden} is not shown");
        }
        assert!(page.body.contains("noindex"));
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["referrer-policy"], "same-origin");
        assert_eq!(app.get("/donations/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await.status, 404);
    }

    async fn the_thank_you_page_asks_stripe_itself_when_the_webhook_is_late(app: TestApp) {
        paid_session(&app, "").await;
        let page = app.get(&donation_path(&app).await).await;
        assert!(page.body.contains("R-2026-000001"));
        assert_eq!(status(&app.app).await, DonationStatus::Paid);
        let before = everything(&app.app).await;
        app.get(&donation_path(&app).await).await;
        assert_eq!(everything(&app.app).await, before, "looking again changes nothing");
    }

    async fn the_thank_you_page_shows_what_is_known_while_stripe_is_down(app: TestApp) {
        let app = impatient(app);
        begin(&app, "").await;
        app.stripe.standin.fault(wellwisher::payments::standin::ApiFault::ServerError, 3);
        let page = app.get(&donation_path(&app).await).await;
        assert_eq!((page.status.as_u16(), status(&app.app).await), (200, DonationStatus::Pending));
    }

    async fn our_form_may_lead_to_the_checkout_and_nowhere_else(app: TestApp) {
        let page = app.get("/donate").await;
        let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
        let actions = policy.split(';').find_map(|part| part.trim().strip_prefix("form-action ")).expect("form-action");
        assert_eq!(actions, format!("'self' {}", app.app.checkout_origin));
        assert!(!policy.contains("unsafe"));
        assert!(!page.body.contains(" style=") && !page.body.contains("onclick"), "nothing inline");
        assert_eq!(page.attribute("form[action='/donations']", "method").as_deref(), Some("post"), "a form that needs no script");
    }

    async fn what_stripe_learns_is_neutral(app: TestApp) {
        new_campaign(&app.app).await;
        paid_session(&app, "campaign=schools").await;
        let told = app.stripe.standin.events().into_iter().map(|event| event.body).collect::<String>();
        for secret in ["Home schools", "schools", "Zarmina Ahmadi"] {
            assert!(!told.contains(secret), "{secret} is not told");
        }
    }

    async fn the_story_of_a_gift_is_kept_in_order(app: TestApp) {
        paid_session(&app, "").await;
        catch_up(&app).await;
        let steps = wellwisher::donations::store::steps(app.app.db.read(), the_donation(&app.app).await.id).await.unwrap();
        let kinds: Vec<&str> = steps.iter().map(|step| step.kind.as_str()).collect();
        assert_eq!(kinds, ["created", "checkout_opened", "paid", "fee_learned"]);
    }
}

/// The path of the only donation's page.
pub async fn donation_path(app: &TestApp) -> String {
    wellwisher::donations::path_of(&app.app, the_donation(&app.app).await.id)
}
