//! Payouts, movements of unknown kinds and differences at the desk.

use super::{give, money, pay_out, payout_of, reconcile};
use crate::{
    donations::helpers::{balance, everything, number},
    support::{TestApp, on_both_databases},
};
use chrono::TimeDelta;
use entity::{
    balance_movement,
    ids::DonationId,
    words::{BalanceMapping, Role},
};
use sea_orm::{ColumnTrait, ConnectionTrait, Database, EntityTrait, QueryFilter};
use wellwisher::{ledger::periods, payments::standin::BalanceRow, payouts, reports::verify, staff::Actor};

async fn movement_of(test: &TestApp, id: DonationId) -> String {
    let find = balance_movement::Entity::find().filter(balance_movement::Column::DonationId.eq(id));
    find.one(test.app.db.read()).await.unwrap().expect("a movement").id
}

on_both_databases! {
    async fn each_figure_of_a_payout_leads_to_its_rows(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let mut given = crate::support::gift(5_000, "EUR");
        given.campaign_id = Some(campaign);
        let gift = test.give(&given).await;
        test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-250, "EUR"), fee: 0 });
        test.sign_in_as(Role::Finance).await;
        assert_eq!(test.get("/desk/payouts").await.texts("tbody tr").len(), 0);
        let id = pay_out(&test).await.remove(0);
        test.sign_in_as(Role::Finance).await;
        reconcile(&test).await;
        let list = test.get("/desk/payouts").await;
        assert!(list.texts("tbody tr")[0].contains("to the cent"), "{}", list.body);
        let path = list.attribute("tbody a", "href").expect("a link");
        assert_eq!(path, format!("/desk/payouts/{}", payout_of(&test, &id).await.id));
        let page = test.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.texts(".made-of tr").iter().any(|row| row.contains("On the bank statement") && row.contains("45.75")), "{:?}", page.texts(".made-of tr"));
        assert_eq!(page.texts("p.done").len(), 1, "the parts add up");
        let selector = scraper::Selector::parse("main table a").unwrap();
        let links: Vec<String> = page.page().select(&selector).filter_map(|link| link.value().attr("href").map(str::to_owned)).collect();
        assert!(links.len() > 8, "{links:?}");
        for link in &links {
            let rows = test.get(link).await;
            assert_eq!(rows.status, 200, "{link}: {}", rows.body);
            assert!(!rows.texts("tbody tr").is_empty(), "{link} leads to rows");
        }
        let rows = test.get(&format!("{path}/parts?by=campaign&of={}", campaign.0)).await;
        assert_eq!(rows.texts("tbody tr").len(), 1);
        assert!(rows.body.contains(&format!("/desk/donations/{}", gift.id)), "{}", rows.body);
        let rows = test.get(&format!("{path}/parts?by=campaign&of=")).await;
        assert!(rows.texts("tbody tr")[0].contains("Stripe’s own fees"), "{:?}", rows.texts("tbody tr"));
        for odd in ["kind=nothing", "by=nothing", "by=fund&of=x"] {
            assert_eq!(test.get(&format!("{path}/parts?{odd}")).await.status, 400, "{odd}");
        }
        assert_eq!(test.get("/desk/payouts/019a0000-0000-7000-8000-000000000001").await.status, 404);
    }

    async fn what_the_parts_do_not_explain_is_shown_and_labelled(test: TestApp) {
        test.books_end_broken("a payout has parts that Stripe does not name");
        give(&test, 5_000, "EUR").await;
        let id = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        let db = Database::connect(&test.database.url).await.unwrap();
        db.execute_unprepared("update payout set amount_minor = amount_minor + 7").await.unwrap();
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/payouts").await.texts("tbody tr")[0].contains("Unexplained: EUR 0.07") || test.get("/desk/payouts").await.texts("tbody tr")[0].contains("0.07"));
        let page = test.get(&format!("/desk/payouts/{}", payout_of(&test, &id).await.id)).await;
        assert!(page.texts(".remainder")[0].contains("0.07"), "{:?}", page.texts(".remainder"));
    }

    async fn finance_says_what_a_movement_is_and_the_books_follow(test: TestApp) {
        let txn = test.stripe.standin.book(&BalanceRow { kind: "adjustment", category: "something_new", gross: money(-50, "EUR"), fee: 5 });
        reconcile(&test).await;
        assert_eq!(balance(&test.app, "unmapped", "EUR").await, 55);
        assert!(!verify(&test.app).await.unwrap().is_ok(), "it is named until somebody says what it is");
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/payouts").await.body.contains("/desk/payouts/unmapped"));
        let path = format!("/desk/payouts/unmapped/{txn}");
        assert!(test.get("/desk/payouts/unmapped").await.body.contains(&path));
        let before = everything(&test.app).await;
        for (to, note, wrong) in [("", "a fee", "mapped_to"), ("gift", "a gift", "mapped_to"), ("unmapped", "x", "mapped_to"), ("stripe_fee", " ", "note")] {
            let answer = test.post(&path, &[("mapped_to", to), ("note", note)]).await;
            assert_eq!(answer.status, 422, "{to}");
            assert_eq!(answer.attribute(".error-summary a", "href"), Some(format!("#{wrong}")));
            assert_eq!(answer.attribute("#note", "value").as_deref(), Some(note), "what was typed is kept");
        }
        assert_eq!(everything(&test.app).await.lines().filter(|line| !line.starts_with("staff_session")).collect::<Vec<_>>(),
            before.lines().filter(|line| !line.starts_with("staff_session")).collect::<Vec<_>>());
        let answer = test.post(&path, &[("mapped_to", "stripe_fee"), ("note", "Radar, says the dashboard")]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/desk/payouts/unmapped?done=mapped"));
        assert_eq!((balance(&test.app, "unmapped", "EUR").await, balance(&test.app, "stripe_fees", "EUR").await), (0, 55));
        assert_eq!(balance(&test.app, "stripe_clearing", "EUR").await, -55);
        assert_eq!(number(&test.app, "select count(*) as n from audit_entry where action = 'movement.map'").await, 1);
        let again = test.post(&path, &[("mapped_to", "stripe_fee"), ("note", "once more")]).await;
        assert_eq!((again.status.as_u16(), again.attribute("#note", "value").as_deref()), (409, Some("once more")), "it is that already");
        for (to, account) in [("other", "other_activity"), ("stripe_fee", "stripe_fees"), ("other", "other_activity"), ("stripe_fee", "stripe_fees")] {
            let page = test.get("/desk/payouts/unmapped").await;
            assert!(page.body.contains(&path) && page.body.contains("Correct it"), "{}", page.body);
            assert_eq!(test.post(&path, &[("mapped_to", to), ("note", "looked again")]).await.status, 303, "{to}");
            let net = if to == "other" { 55 } else { 50 };
            assert!(balance(&test.app, account, "EUR").await >= net, "{account}");
            assert_eq!(balance(&test.app, "stripe_clearing", "EUR").await, -55);
        }
        assert_eq!((balance(&test.app, "other_activity", "EUR").await, balance(&test.app, "stripe_fees", "EUR").await), (0, 55));
        assert_eq!(number(&test.app, "select count(*) as n from audit_entry where action = 'movement.map'").await, 5);
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
        let before = everything(&test.app).await;
        reconcile(&test).await;
        assert_eq!(everything(&test.app).await, before);
        assert_eq!(test.post("/desk/payouts/unmapped/txn_gone", &[("mapped_to", "other"), ("note", "no")]).await.status, 404);
    }

    async fn what_was_said_of_a_movement_is_corrected_outside_of_a_closed_period_and_what_the_program_knows_is_not(test: TestApp) {
        let gift = give(&test, 5_000, "EUR").await;
        let txn = test.stripe.standin.book(&BalanceRow { kind: "adjustment", category: "something_new", gross: money(-50, "EUR"), fee: 0 });
        let fee = test.stripe.standin.book(&BalanceRow { kind: "stripe_fee", category: "fee", gross: money(-250, "EUR"), fee: 0 });
        reconcile(&test).await;
        let map = async |txn: &str, to| payouts::map_movement(&test.app, &Actor::system(), txn, to, "looked it up").await;
        map(&txn, BalanceMapping::Other).await.unwrap();
        assert!(map(&fee, BalanceMapping::Other).await.is_err(), "Stripe's own word is known");
        let own = movement_of(&test, gift.id).await;
        assert!(map(&own, BalanceMapping::Other).await.is_err(), "a gift is a gift");
        let day = |text: &str| text.parse().unwrap();
        let may = periods::make(&test.app, &Actor::system(), day("2026-05-01"), day("2026-05-31")).await.unwrap();
        test.app.clock.set("2026-06-02T00:00:00Z".parse().unwrap());
        payouts::reconcile::reconcile_and_keep(&test.app, TimeDelta::days(35)).await.unwrap();
        periods::close(&test.app, &Actor::system(), may.id).await.unwrap();
        let of_may = async || number(&test.app, "select count(*) as n from ledger_transaction where booked_at < '2026-06-01'").await;
        let before = of_may().await;
        map(&txn, BalanceMapping::StripeFee).await.unwrap();
        assert_eq!(of_may().await, before, "what is closed stays as it was");
        assert_eq!((balance(&test.app, "other_activity", "EUR").await, balance(&test.app, "unmapped", "EUR").await), (0, 0));
        let report = verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
        let before = everything(&test.app).await;
        reconcile(&test).await;
        assert_eq!(everything(&test.app).await, before);
    }

    async fn differences_are_shown_with_what_was_done_and_settled_by_a_person(test: TestApp) {
        let new = crate::donations::reconcile::a_checkout(&test, "019a0000-0000-7000-8000-000000000001");
        test.app.stripe.create_checkout(&new).await.unwrap();
        let missed = test.start(&crate::support::gift(2_500, "EUR")).await;
        test.pay_unheard(&missed);
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/differences").await.texts("tbody tr").is_empty());
        reconcile(&test).await;
        let all = test.get("/desk/differences").await.texts("tbody tr");
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all.iter().any(|row| row.contains(&missed.id.to_string()) && row.contains("Brought up to date.")), "{all:?}");
        let open = test.get("/desk/differences?open=yes").await;
        assert_eq!(open.texts("tbody tr").len(), 1);
        let path = open.attribute("tbody form", "action").expect("a form");
        assert_eq!(test.post(&path, &[("done", " ")]).await.status, 422);
        let answer = test.post(&path, &[("done", "a test of the old site")]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/desk/differences?done=saved"));
        assert!(test.get("/desk/differences?open=yes").await.texts("tbody tr").is_empty());
        reconcile(&test).await;
        assert!(test.get("/desk/differences?open=yes").await.texts("tbody tr").is_empty(), "what a person settled stays settled");
        assert_eq!(test.post("/desk/differences/999/settle", &[("done", "x")]).await.status, 404);
    }

    async fn only_finance_sees_payouts(test: TestApp) {
        give(&test, 5_000, "EUR").await;
        let id = pay_out(&test).await.remove(0);
        reconcile(&test).await;
        let payout = payout_of(&test, &id).await.id;
        let (one, parts) = (format!("GET /desk/payouts/{payout}"), format!("GET /desk/payouts/{payout}/parts"));
        let open_to: &[Role] = &[Role::Admin, Role::Finance];
        let routes = ["GET /desk/payouts", "GET /desk/payouts/unmapped", "POST /desk/payouts/unmapped/txn_1", "GET /desk/differences",
            "POST /desk/differences/1/settle", "GET /desk/periods", "POST /desk/periods", &one, &parts];
        test.assert_open_only_to(&routes.map(|route| (route, open_to))).await;
    }
}
