//! The report of recurring giving: what began, changed, was lost and came back, at the desk and as files.

use super::helpers::*;
use crate::{
    reports::{all_of, file_of, rows_of},
    support::{TestApp, on_both_databases},
};
use entity::words::{RecurringStatus, Role};
use wellwisher::{
    recurring::{By, care},
    reports::{Report, ReportRequest},
};

on_both_databases! {
    async fn what_began_changed_was_lost_and_came_back_is_reported_month_by_month(app: TestApp) {
        begin(&app, "monthly", FAILING).await;
        let id = the_gift(&app).await.id;
        care::change_amount(&app.app, &By::Supporter, id, entity::Money::new(4_000, "USD".parse().unwrap())).await.unwrap();
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        hear(&app).await;
        let customer = the_gift(&app).await.customer_id.unwrap();
        app.stripe.standin.give_card(&customer, GOOD_CARD, (11, 2041));
        hear(&app).await;
        app.stripe.standin.give_card(&customer, FAILING, (11, 2042));
        hear(&app).await;
        app.app.clock.set(the_gift(&app).await.next_at.unwrap());
        app.stripe.standin.catch_up();
        for days in [3, 5, 7] {
            wait(&app, days).await;
        }
        hear(&app).await;
        assert_eq!(the_gift(&app).await.status, RecurringStatus::Ended);

        let (file, manifest) = file_of(&app, &all_of(Report::Recurring)).await;
        let rows = rows_of(&file);
        let figures: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| ["month", "every", "currency", "net", "begun", "raised_amount", "failing", "recovered", "lost", "lost_amount"].map(|name| row[name].as_str()).to_vec())
            .collect();
        assert_eq!(figures, [
            ["2026-05", "month", "USD", "40.00", "1", "15.00", "0", "0", "0", "0.00"],
            ["2026-06", "month", "USD", "0.00", "0", "0.00", "1", "1", "0", "0.00"],
            ["2026-07", "month", "USD", "-40.00", "0", "0.00", "1", "0", "1", "40.00"],
        ], "{file}");
        assert_eq!(manifest.totals[&"USD".parse().unwrap()]["net"], 0, "what began was lost");

        // In pages of one, the same.
        let (mut after, mut seen) = (String::new(), 0);
        loop {
            let page = wellwisher::reports::report::page(&app.app, &ReportRequest::all(Report::Recurring, chrono_tz::UTC), &after, 1).await.unwrap();
            seen += page.rows.len();
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(seen, 3);

        app.sign_in_as(Role::Finance).await;
        let page = app.get("/desk/reports/recurring?period=2026").await;
        assert_eq!((page.status.as_u16(), page.texts("main tbody tr").len()), (200, 3), "{}", page.body);
        assert_eq!(page.attribute("svg.chart", "role").as_deref(), Some("img"));
        assert!(page.attribute("svg.chart", "aria-label").unwrap().contains("every month"), "{}", page.body);
        assert!(!page.body.contains("desk-column-") && !page.body.contains("desk-report-word-"), "every word has its text");
        assert_eq!(app.get("/desk/reports/recurring?period=2025").await.texts("main tbody tr").len(), 0);
        app.sign_in_as(Role::Editor).await;
        assert_eq!(app.get("/desk/reports/recurring").await.status, 403);
    }
}
