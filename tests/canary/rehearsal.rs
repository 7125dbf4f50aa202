//! The books are tried by the real code, and nothing of it stays.

use super::*;
use crate::matching::{gift_for, open_pot};
use wellwisher::{app::App, config::ReceiptProfile};

/// What `verify` looked at and found.
async fn verified(app: &TestApp) -> Vec<(&'static str, u64, Vec<String>)> {
    let checks = reports::verify(&app.app).await.expect("verify runs").checks;
    checks.into_iter().map(|check| (check.name, check.rows_checked, check.findings)).collect()
}

/// Every row, what `verify` says and how often this process wrote.
async fn snapshot(app: &TestApp) -> (String, Vec<(&'static str, u64, Vec<String>)>, u64) {
    (everything(&app.app).await, verified(app).await, app.app.db.commits())
}

on_both_databases! {
    async fn nothing_is_left_of_it_in_any_table_and_no_cache_is_told(app: TestApp) {
        donations::rehearse(&app.app).await.expect("the books are well on an empty database");
        assert_eq!((count(&app.app, "donation").await, count(&app.app, "fund").await, count(&app.app, "receipt_series").await), (0, 0, 0));
        let campaign = app.campaign("Home schools").await;
        open_pot(&app, campaign.id, |_| {}).await;
        app.give(&gift_for(&campaign, 5_000)).await;
        app.start(&gift_for(&campaign, 2_500)).await;
        let before = snapshot(&app).await;
        let asked = || (app.stripe.standin.events().len(), app.stripe.standin.sessions().len());
        let asked_before = asked();
        let rung = app.app.bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        donations::rehearse(&app.app).await.expect("the books are well");
        assert_eq!(snapshot(&app).await, before);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), rung).await.is_err(), "nobody is called to work");
        assert_eq!(asked(), asked_before, "Stripe is not asked");
    }

    async fn it_is_by_the_rules_of_every_profile_and_in_every_currency(app: TestApp) {
        let mut app = app;
        use ReceiptProfile::{Au, Ca, De, Plain, Uk, Us};
        for profile in [Plain, Us, Uk, Ca, De, Au] {
            app = with_settings(app, |config| {
                config.org_receipt_profile = profile;
                config.org_currencies = ["CAD", "EUR", "GBP", "JPY", "KWD", "ISK"].iter().map(|code| code.parse().unwrap()).collect();
                (config.org_tax_id, config.org_charity_number) = ("12-3456789".into(), "1234567".into());
                (config.org_address, config.org_receipt_place) = ("1 Press Street".into(), "Here".into());
                (config.org_receipt_signatory, config.org_tax_office) = ("The Treasurer".into(), "Berlin".into());
                (config.org_tax_number, config.org_tax_purpose) = ("27/1".into(), "der Bildung".into());
                config.org_tax_notice_date = "2025-01-01".parse().ok();
            });
            let tried = donations::rehearse(&app.app).await;
            assert!(tried.is_ok(), "{profile:?}: {tried:?}");
        }
        assert_eq!((count(&app.app, "donation").await, count(&app.app, "confirmation").await), (0, 0));
    }

    async fn real_gifts_at_the_same_time_have_every_number_once_and_in_order(app: TestApp) {
        let started = [app.start(&gift(1_000, "EUR")).await, app.start(&gift(2_000, "EUR")).await, app.start(&gift(3_000, "EUR")).await];
        started.iter().for_each(|one| app.pay_unheard(one));
        let all_day = async |app: &App| {
            for _ in 0..3 {
                donations::rehearse(app).await.expect("the books are well beside real gifts");
            }
        };
        let settled = async || {
            for one in &started {
                app.settle(one).await;
            }
        };
        tokio::join!(all_day(&app.app), all_day(&app.app), settled());
        assert_eq!((number(&app.app, "select max(number) as n from receipt").await, count(&app.app, "receipt").await), (3, 3));
        assert_eq!(number(&app.app, "select next_number as n from receipt_series").await, 4);
    }

    async fn books_that_lie_are_found(app: TestApp) {
        app.give(&gift(1_000, "USD")).await;
        run_sql(&app, "update receipt_series set next_number = next_number + 1").await;
        let gap = donations::rehearse(&app.app).await.unwrap_err().to_string();
        assert!(gap.contains("does not follow the last one"), "{gap}");
        run_sql(&app, "update receipt_series set next_number = next_number - 1").await;
        donations::rehearse(&app.app).await.expect("the books are well");
    }
}
