//! The register over HTTP: streamed, audited, cut off rather than short.

use super::{behind_its_back, rows_of, run};
use crate::support::{TestApp, gift, on_both_databases};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use entity::{audit_entry, words::Role};
use sea_orm::EntityTrait;
use tower::ServiceExt;

async fn exports_in_trail(test: &TestApp) -> Vec<serde_json::Value> {
    let all = audit_entry::Entity::find().all(test.app.db.read()).await.unwrap();
    all.into_iter().filter(|entry| entry.action == "report.export").map(|entry| serde_json::from_str(&entry.detail).unwrap()).collect()
}

on_both_databases! {
    async fn the_export_of_a_filter_is_what_the_list_shows_and_the_button_says_how_much(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let mut for_campaign = gift(2_500, "EUR");
        for_campaign.campaign_id = Some(campaign);
        let listed = test.give(&for_campaign).await;
        test.give(&gift(9_900, "EUR")).await;
        test.sign_in_as(Role::Finance).await;
        let list = test.get("/desk/donations?campaign=winter&status=paid").await;
        assert_eq!(list.status, StatusCode::OK, "{}", list.body);
        assert_eq!(list.texts("tbody tr").len(), 1);
        let buttons = list.texts("form button").join("; ").replace(['\u{2068}', '\u{2069}'], "");
        assert!(buttons.contains("Export this as CSV (2 rows)"), "{buttons}");
        let answer = test.get("/desk/reports/donations.csv?campaign=winter&status=paid").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8; header=present");
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"donations.csv\"");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let rows = rows_of(&answer.body);
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row["donation_id"] == listed.id.to_string()));

        let trail = exports_in_trail(&test).await;
        assert_eq!(trail.len(), 1);
        assert_eq!(trail[0]["sent"]["rows"], 2);
        assert_eq!(trail[0]["sent"]["totals"]["EUR"]["gross"], "25.00");
        assert_eq!(trail[0]["sent"]["sha256"], wellwisher::clock::sha256_hex(&answer.body));
        assert_eq!(trail[0]["asked"]["filter"]["campaign"], "winter");
    }

    async fn a_period_and_a_format_can_be_chosen_and_nonsense_is_refused(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/donations").await;
        assert_eq!(page.attribute("#period option[selected]", "value").as_deref(), Some("2026-04"), "the last whole month");
        let answer = test.get("/desk/reports/donations.csv?posted_from=2026-05-01&posted_to=2026-05-31&format=csv-excel&with_donors=yes").await;
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"donations-2026-05-01-2026-05-31.csv\"");
        assert!(answer.body.starts_with('\u{feff}'));
        assert!(rows_of(&answer.body)[0]["donor_email"].ends_with("@example.org"));
        assert_eq!(test.get("/desk/reports/donations.csv?posted_to=2026-04-30").await.body.lines().count(), 1);
        for wrong in ["posted_from=yesterday", "format=pdf", "posted_from=2026-05-02&posted_to=2026-05-01", "status=rich"] {
            let answer = test.get(&format!("/desk/reports/donations.csv?{wrong}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
        let someone = test.get("/desk/reports/donations.csv?q=someone%40example.org").await;
        assert_eq!(someone.status, StatusCode::OK);
        assert!(!exports_in_trail(&test).await.iter().any(|entry| entry.to_string().contains("someone")), "the trail names nobody");
    }

    async fn an_export_that_fails_in_the_middle_is_cut_off_not_short(test: TestApp) {
        test.books_end_broken("postings were written into the ledger alone");
        test.give(&gift(2_500, "EUR")).await;
        let db = behind_its_back(&test).await;
        run(&db, "insert into ledger_transaction (kind, source, donation_id, occurred_at, posted_at, booked_at)
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 9000)
            select 'donation', 'bulk:' || i, t.donation_id, t.occurred_at, t.posted_at, t.booked_at from n, ledger_transaction t where t.kind = 'donation'").await;
        run(&db, "insert into ledger_entry (transaction_id, account, amount_minor, currency)
            select id, 'stripe_clearing', 100, 'EUR' from ledger_transaction where source like 'bulk:%'
            union all select id, 'donations', -100, 'EUR' from ledger_transaction where source like 'bulk:%'").await;
        test.sign_in_as(Role::Finance).await;
        let cookie = test.cookies();
        let request = Request::get("/desk/reports/donations.csv").header("host", "127.0.0.1:8080").header("cookie", cookie).body(Body::empty()).unwrap();
        let mut body = test.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
        use futures_util::StreamExt;
        let first = body.next().await.unwrap().expect("a first piece");
        assert!(first.len() > 10_000);
        // The export waits for its reader: most of it was not read from the database yet.
        run(&db, "alter table receipt rename to receipt_gone").await;
        let mut ended_well = true;
        while let Some(piece) = body.next().await {
            ended_well &= piece.is_ok();
        }
        assert!(!ended_well, "the connection must break, so that nobody takes a part for the whole");
        run(&db, "alter table receipt_gone rename to receipt").await;
        let trail = exports_in_trail(&test).await;
        assert!(trail[0]["sent"]["cut_off_after_rows"].as_u64().unwrap() > 0, "{trail:?}");
    }

    async fn reports_are_open_to_finance_only(test: TestApp) {
        let both = &[Role::Admin, Role::Finance];
        test.assert_open_only_to(&[
            ("GET /desk/reports", both),
            ("GET /desk/reports/donations", both),
            ("GET /desk/reports/donations/file", both),
            ("GET /desk/reports/donations.csv", both),
            ("GET /desk/reports/verify", both),
        ])
        .await;
    }

    async fn the_desk_proves_that_everything_agrees(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/verify").await;
        assert!(page.body.contains("Everything agrees."), "{}", page.body);
        assert!(page.texts("tbody tr").len() >= 15);
    }
}
