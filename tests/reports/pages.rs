//! Reports at the desk: the same rows as in the files, with their period, bars and links.

use super::{all_of, behind_its_back, file_of, movements::every_kind, rows_of, run};
use crate::support::{TestApp, gift, on_both_databases};
use axum::http::StatusCode;
use entity::words::Role;
use wellwisher::reports::Report;

/// Text as people read it, without the marks of direction.
fn plain(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

on_both_databases! {
    async fn every_report_has_a_page_with_its_rows_and_a_file_of_the_same(test: TestApp) {
        every_kind(&test).await;
        test.sign_in_as(Role::Finance).await;
        let hub = test.get("/desk/reports").await;
        assert_eq!(hub.status, StatusCode::OK);
        for report in Report::ALL {
            let name = report.as_str();
            let is_offered = hub.body.contains(&format!("href=\"/desk/reports/{name}\""));
            assert_eq!(is_offered, *report != Report::GiftAid, "{name}: Gift Aid is of the United Kingdom alone");
            let page = test.get(&format!("/desk/reports/{name}?period=2026-05")).await;
            assert_eq!(page.status, StatusCode::OK, "{name}: {}", page.body);
            let rows = rows_of(&file_of(&test, &all_of(*report)).await.0);
            assert_eq!(page.texts("main tbody tr").len(), rows.len(), "{name}");
            assert!(!page.body.contains("desk-report") || !page.body.contains("desk-column-"), "every word has its text: {}", page.body);
            let answer = test.get(&format!("/desk/reports/{name}/file?period=2026-05")).await;
            assert_eq!(answer.status, StatusCode::OK, "{name}");
            assert_eq!(answer.headers["content-disposition"], format!("attachment; filename=\"{name}-2026-05-01-2026-05-31.csv\""));
            assert_eq!(rows_of(&answer.body).len(), rows.len(), "{name}");
        }
        assert_eq!(test.get("/desk/reports/nothing").await.status, StatusCode::NOT_FOUND);
        for wrong in ["period=2026-13", "period=soon", "posted_from=2026-05-02&posted_to=2026-05-01", "period=all&after=x"] {
            assert_eq!(test.get(&format!("/desk/reports/donations?{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
        for wrong in ["format=xero", "format=pdf"] {
            assert_eq!(test.get(&format!("/desk/reports/donations/file?{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
        let other = test.get("/desk/reports/journal/file?period=2026-05&format=iif&currency=EUR").await;
        assert_eq!(other.headers["content-type"], "text/plain; charset=windows-1252");
        assert!(other.body.starts_with("!TRNS\t"), "{}", other.body);
    }

    async fn months_and_campaigns_are_drawn_and_each_leads_to_its_rows(test: TestApp) {
        every_kind(&test).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/by-campaign?period=2026").await;
        assert_eq!(page.attribute("svg.chart", "role").as_deref(), Some("img"));
        let names: Vec<String> = page.texts("svg.chart title").iter().map(|text| plain(text)).collect();
        assert!(names.iter().any(|name| name.starts_with("winter: ") && name.contains("33")), "{names:?}");
        assert!(plain(&page.attribute("svg.chart", "aria-label").unwrap()).contains("raised in EUR"));
        let link = page.attribute("main tbody a", "href").unwrap();
        assert_eq!(link, "/desk/reports/donations?posted_from=2026-01-01&posted_to=2026-12-31&campaign=winter");
        let behind = test.get(&link).await;
        assert_eq!(behind.status, StatusCode::OK);
        assert_eq!(behind.texts("main tbody tr").len(), 5, "gift, fee, refund, its failure, dispute lost: {}", behind.body);
        let months = test.get("/desk/reports/by-month?period=2026").await;
        assert!(months.texts("svg.chart rect").len() <= months.texts("main tbody tr").len());
        assert!(!months.texts("svg.chart").is_empty());
        let link = months.attribute("main tbody a", "href").unwrap();
        assert_eq!(link, "/desk/reports/donations?posted_from=2026-05-01&posted_to=2026-05-31");
    }

    async fn finance_sees_the_manifests_of_what_was_taken_away_last(test: TestApp) {
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/reports").await.body.contains("Nothing was taken away yet."));
        test.give(&gift(2_500, "EUR")).await;
        let file = test.get("/desk/reports/donations.csv").await;
        assert_eq!(file.status, StatusCode::OK);
        let rows = test.get("/desk/reports").await.texts("main tbody tr");
        assert_eq!(rows.len(), 1);
        let manifest = ["donations csv", "EUR gross 25.00", &wellwisher::clock::sha256_hex(&file.body), "as of 2026-"];
        assert!(manifest.iter().all(|part| rows[0].contains(part)), "{rows:?}");
        test.sign_in_as(Role::Editor).await;
        assert_eq!(test.get("/desk/reports").await.status, StatusCode::FORBIDDEN);
    }

    async fn long_reports_have_pages_and_the_button_says_how_many_rows(test: TestApp) {
        test.books_end_broken("postings were written into the ledger alone");
        test.give(&gift(2_500, "EUR")).await;
        let db = behind_its_back(&test).await;
        run(&db, "insert into ledger_transaction (kind, source, donation_id, occurred_at, posted_at, booked_at)
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 60)
            select 'donation', 'bulk:' || i, t.donation_id, t.occurred_at, t.posted_at, t.booked_at from n, ledger_transaction t where t.kind = 'donation'").await;
        run(&db, "insert into ledger_entry (transaction_id, account, amount_minor, currency)
            select id, 'stripe_clearing', 100, 'EUR' from ledger_transaction where source like 'bulk:%'
            union all select id, 'donations', -100, 'EUR' from ledger_transaction where source like 'bulk:%'").await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/donations?period=2026-05").await;
        assert_eq!(page.texts("main tbody tr").len(), 50);
        assert!(page.texts("form button").iter().any(|text| plain(text) == "Download (62 rows)"), "{:?}", page.texts("form button"));
        let next = test.get(&page.attribute("a[rel=next]", "href").unwrap()).await;
        assert_eq!(next.texts("main tbody tr").len(), 12);
        assert!(next.attribute("a[rel=next]", "href").is_none());
        let empty = test.get("/desk/reports/donations?period=2020").await;
        assert!(empty.body.contains("Nothing was booked in these days."));
    }
}
