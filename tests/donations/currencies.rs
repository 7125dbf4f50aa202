//! Currencies with none, two and three decimals, all the way to Stripe's wire.

use super::helpers::*;
use crate::support::{TestApp, TestDatabase, on_both_databases};
use entity::words::DonationStatus;

const ALL: &str = "USD,EUR,JPY,KWD,ISK,HUF";

async fn open(database: TestDatabase) -> TestApp {
    TestApp::with(database, |settings| {
        ALL.clone_into(&mut settings.org_currencies);
        settings.checkouts_per_hour = 1_000;
    })
    .await
}

on_both_databases! {
    async fn an_amount_reaches_stripe_in_the_minor_units_it_wants(database: TestDatabase) {
        let app = open(database).await;
        let amounts = [
            ("USD", "1,000.50", 100_050),
            ("EUR", "1.000,50", 100_050),
            ("EUR", "1 000,50", 100_050),
            ("USD", "۱٬۰۰۰٫۵۰", 100_050),
            ("USD", "٢٥", 2_500),
            ("JPY", "5000", 5_000),
            ("JPY", "۵۰۰۰", 5_000),
            ("KWD", "12.340", 12_340),
            ("ISK", "5000", 500_000),
            ("HUF", "5000", 500_000),
        ];
        for (code, typed, minor) in amounts {
            let answer = fill(&app, "").await.with("currency", code).with("amount", "other").with("other_amount", typed).send(&app).await;
            assert_eq!(answer.status, 303, "{typed} {code}: {:?}", answer.texts(".error-summary li"));
            let session = app.stripe.standin.sessions().remove(0);
            assert_eq!((session.amount, session.currency.as_str()), (minor, code), "{typed} {code}");
        }
    }

    async fn what_a_currency_cannot_pay_is_refused_here(database: TestDatabase) {
        let app = open(database).await;
        for (code, typed) in [("JPY", "500.50"), ("JPY", "1"), ("KWD", "1.2345"), ("KWD", "1.234"), ("ISK", "500.50"), ("HUF", "1"), ("IRR", "50000"), ("XXX", "5")] {
            let answer = fill(&app, "").await.with("currency", code).with("amount", "other").with("other_amount", typed).send(&app).await;
            assert_eq!(answer.status, 422, "{typed} {code}");
        }
        assert_eq!((count(&app.app, "donation").await, app.stripe.standin.sessions().len()), (0, 0));
    }

    async fn every_currency_is_settled_in_its_own_units(database: TestDatabase) {
        let app = open(database).await;
        for (code, typed) in [("JPY", "5000"), ("KWD", "12.340"), ("ISK", "5000"), ("USD", "25")] {
            let answer = fill(&app, "").await.with("currency", code).with("amount", "other").with("other_amount", typed).send(&app).await;
            let session = session_of(&app, &answer);
            app.stripe.standin.pay(&session, GOOD_CARD);
        }
        catch_up(&app).await;
        assert!(donations(&app.app).await.iter().all(|gift| gift.status == DonationStatus::Paid));
        for (code, minor) in [("JPY", 5_000), ("KWD", 12_340), ("ISK", 500_000), ("USD", 2_500)] {
            assert_eq!(balance(&app.app, "donations", code).await, -minor, "{code}");
        }
        assert_eq!(count(&app.app, "receipt").await, 4);
    }

    async fn the_fee_is_added_only_when_ticked_and_is_part_of_the_gift(database: TestDatabase) {
        let app = open(database).await;
        let answer = fill(&app, "").await.with("cover_fee", "yes").send(&app).await;
        let session = session_of(&app, &answer);
        let asked = app.stripe.standin.sessions().remove(0).amount;
        assert!((2_600..2_700).contains(&asked), "{asked}");
        app.stripe.standin.pay(&session, GOOD_CARD);
        catch_up(&app).await;
        let gift = the_donation(&app.app).await;
        assert_eq!((gift.amount_minor, gift.fee_cover_minor), (asked, asked - 2_500));
        assert!(balance(&app.app, "stripe_clearing", "USD").await >= 2_500, "the organisation has all of the gift");
    }
}
