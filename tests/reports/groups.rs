//! What campaigns, funds, items, articles and months brought, receipts and payouts: all of it from the ledger, to the smallest unit.

use super::{
    Row, all_of, behind_its_back, file_of,
    movements::{at, every_kind, money, posting},
    of_days, rows_of, run,
};
use crate::support::{TestApp, gift, on_both_databases};
use entity::words::{Account, BalanceMapping, MovementKind, PayoutReconciliation, Restriction, Role};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use wellwisher::{
    campaigns::funds::{self, Details},
    ledger::Purpose,
    reports::Report,
    staff::Actor,
};

async fn rows_of_report(test: &TestApp, report: Report) -> Vec<Row> {
    rows_of(&file_of(test, &all_of(report)).await.0)
}

fn figures<'a>(row: &'a Row, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| row[*name].as_str()).collect()
}

const SUMS: [&str; 6] = ["currency", "gifts", "given", "taken_back", "raised", "fees"];

on_both_databases! {
    async fn what_was_given_back_or_lost_is_taken_off_and_each_currency_is_by_itself(test: TestApp) {
        every_kind(&test).await;
        let (file, manifest) = file_of(&test, &all_of(Report::ByCampaign)).await;
        let rows = rows_of(&file);
        assert_eq!(figures(&rows[0], &["campaign", "title", "status"]), ["winter", "The winter", "live"]);
        assert_eq!(figures(&rows[0], &SUMS), ["EUR", "1", "50.00", "17.00", "33.00", rows[0]["fees"].as_str()]);
        let of = |currency: &str| rows.iter().find(|row| row["campaign"].is_empty() && row["currency"] == currency).unwrap();
        assert_eq!(figures(of("USD"), &SUMS), ["USD", "1", "100.00", "40.00", "60.00", "0.00"]);
        assert_eq!(figures(of("KWD"), &["gifts", "given", "raised"]), ["1", "12.340", "12.340"]);
        assert_eq!(figures(of("JPY"), &["gifts", "given", "raised"]), ["1", "3000", "3000"]);
        assert_eq!(figures(of("EUR"), &["gifts", "given", "taken_back", "raised"]), ["1", "20.00", "20.00", "0.00"], "by hand, and taken back");
        assert_eq!(manifest.totals[&"EUR".parse().unwrap()]["raised"], 3_300);

        // The register, the campaigns, the funds and the months come to the same.
        let (register, of_register) = file_of(&test, &all_of(Report::Donations)).await;
        for report in [Report::ByFund, Report::ByItem, Report::ByArticle, Report::ByMonth] {
            let (_, of_groups) = file_of(&test, &all_of(report)).await;
            for currency in ["EUR", "USD", "JPY", "KWD"] {
                let (of_groups, of_register) = (&of_groups.totals[&currency.parse().unwrap()], &of_register.totals[&currency.parse().unwrap()]);
                assert_eq!((of_groups["raised"], of_groups["fees"]), (of_register["gross"], of_register["fee"]), "{} {currency}", report.as_str());
            }
        }
        let rows = rows_of(&register);
        let kinds: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["type"].as_str()).collect();
        for kind in ["refund", "refund_failure", "dispute", "dispute_reversal", "dispute_loss", "payout", "stripe_fee", "reserve", "other", "reversal"] {
            assert!(kinds.contains(kind), "{kind}: {kinds:?}");
        }
        for row in &rows {
            let minor = |name: &str| row[&format!("{name}_minor")].parse::<i64>().unwrap();
            assert_eq!(minor("net"), minor("gross") - minor("fee") + minor("exchanged") + minor("other"), "{row:?}");
        }
        let by_hand = rows.iter().find(|row| row["type"] == "donation" && row["stripe_payment_intent"].is_empty()).unwrap();
        assert_eq!(figures(by_hand, &["gross", "other", "net"]), ["20.00", "-20.00", "0.00"], "it never was at Stripe");
        let refund = rows.iter().find(|row| row["type"] == "refund" && row["currency"] == "USD").unwrap();
        assert_eq!(figures(refund, &["gross", "exchanged", "net", "settlement_currency"]), ["-40.00", "40.00", "0.00", "EUR"]);
    }

    async fn months_are_those_of_the_organisation(test: TestApp) {
        for (number, moment) in ["2026-12-31T19:29:59Z", "2026-12-31T19:30:00Z", "2027-01-01T03:29:59Z", "2027-01-01T03:30:00Z"].iter().enumerate() {
            let sides = [(Account::StripeClearing, 1_000, "JPY"), (Account::Donations, -1_000, "JPY")];
            test.post_all(&[posting(MovementKind::Donation, &format!("pi_{number}:capture"), None, at(moment), &sides, Purpose::default())]).await;
        }
        for (zone, expected) in [
            (chrono_tz::Asia::Kabul, [("2026-12", "1"), ("2027-01", "3")]),
            (chrono_tz::America::St_Johns, [("2026-12", "3"), ("2027-01", "1")]),
            (chrono_tz::UTC, [("2026-12", "2"), ("2027-01", "2")]),
        ] {
            let mut request = all_of(Report::ByMonth);
            request.asked.period.zone = zone;
            let rows = rows_of(&file_of(&test, &request).await.0);
            let months: Vec<(&str, &str)> = rows.iter().map(|row| (row["month"].as_str(), row["gifts"].as_str())).collect();
            assert_eq!(months, expected, "{zone}");
            let year = of_days(request, "2027-01-01", "2027-12-31", zone);
            assert_eq!(rows_of(&file_of(&test, &year).await.0)[0]["gifts"], expected[1].1);
        }
    }

    async fn items_and_articles_without_gifts_have_no_row(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let item = test.add_item("bag", 10, campaign).await;
        test.add_item("coat", 10, campaign).await;
        let mut for_item = gift(5_000, "EUR");
        (for_item.campaign_id, for_item.item) = (Some(campaign), Some((item, 2)));
        test.give(&for_item).await;
        test.give(&gift(700, "EUR")).await;
        let rows = rows_of_report(&test, Report::ByItem).await;
        let items: Vec<(&str, &str)> = rows.iter().map(|row| (row["item"].as_str(), row["raised"].as_str())).collect();
        assert_eq!(items, [("bag", "50.00"), ("", "7.00")]);
        let rows = rows_of_report(&test, Report::ByFund).await;
        let funds: Vec<(&str, &str)> = rows.iter().map(|row| (row["fund_code"].as_str(), row["raised"].as_str())).collect();
        assert_eq!(funds.iter().map(|(_, raised)| *raised).collect::<Vec<_>>().len(), rows.len());
        assert!(funds.iter().any(|(code, _)| *code == "GENERAL"), "{funds:?}");
    }

    async fn a_renamed_fund_leads_by_each_of_its_codes_to_the_gifts_that_bear_it(test: TestApp) {
        let fund_id = crate::donations::helpers::new_fund(&test.app, "OLD").await;
        let give = async || {
            let mut given = gift(2_500, "EUR");
            given.fund_id = Some(fund_id);
            test.give(&given).await;
        };
        give().await;
        let details = |code: &str| Details {
            code: code.into(),
            name: "Schools".into(),
            restriction: Restriction::With,
            gl_income: "4000".into(),
            gl_fee: "6000".into(),
        };
        funds::edit(&test.app, &Actor::system(), fund_id, &details("NEW")).await.unwrap();
        give().await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/by-fund?period=all").await;
        let all = page.page();
        let links: Vec<&str> =
            all.select(&scraper::Selector::parse("main tbody a").unwrap()).filter_map(|link| link.value().attr("href")).collect();
        assert_eq!(links.len(), 2, "a row for each code: {}", page.body);
        for (link, code) in links.into_iter().zip(["NEW", "OLD"]) {
            assert!(link.contains(&format!("fund={code}")), "{link}");
            let behind = test.get(link).await;
            assert_eq!(behind.status, 200, "{link}: {}", behind.body);
            assert_eq!(behind.texts("main tbody tr").len(), 2, "a gift with its fee: {link} {}", behind.body);
        }
    }

    async fn of_many_months_the_last_are_drawn(test: TestApp) {
        let sides = [(Account::StripeClearing, 1_000, "EUR"), (Account::Donations, -1_000, "EUR")];
        let month = |number: u32| {
            let day = format!("{}-{:02}-05T10:00:00Z", 2020 + number / 12, number % 12 + 1);
            posting(MovementKind::Donation, &format!("pi_{number}:capture"), None, at(&day), &sides, Purpose::default())
        };
        test.post_all(&(0..70).map(month).collect::<Vec<_>>()).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/by-month?period=all").await;
        assert_eq!(page.texts("main tbody tr").len(), 60, "{}", page.body);
        let drawn = page.texts("svg.chart title");
        assert_eq!(drawn.len(), 36);
        assert!(drawn[0].starts_with("2022-11: ") && drawn[35].starts_with("2025-10: "), "{drawn:?}");
    }

    async fn a_receipt_that_is_void_stays_in_the_list_and_counts_for_nothing(test: TestApp) {
        test.books_end_broken("a receipt was ended by hand");
        test.give(&gift(2_500, "EUR")).await;
        test.wait(1);
        test.give(&gift(9_900, "EUR")).await;
        let db = behind_its_back(&test).await;
        run(&db, "update receipt set status = 'void', status_reason = 'refunded' where amount_minor = 9900").await;
        let (file, manifest) = file_of(&test, &all_of(Report::Receipts)).await;
        let rows = rows_of(&file);
        assert_eq!(figures(&rows[0], &["receipt_no", "status", "amount", "valid"]), ["R-2026-000001", "issued", "25.00", "25.00"]);
        assert_eq!(figures(&rows[1], &["receipt_no", "status", "status_reason", "amount", "valid"]), ["R-2026-000002", "void", "refunded", "99.00", "0.00"]);
        let totals = &manifest.totals[&"EUR".parse().unwrap()];
        assert_eq!((totals["amount"], totals["valid"]), (12_400, 2_500));
        assert!(!file.contains("Supporter") && !file.contains("example.org"));
    }

    async fn the_lines_of_a_payout_sum_to_zero_and_what_nothing_explains_is_named(test: TestApp) {
        test.books_end_broken("movements were written down without their postings");
        test.add_payout("po_1", money(12_000, "EUR"), "2026-05-04".parse().unwrap(), "txn_p1").await;
        test.add_payout("po_2", money(500, "EUR"), "2026-05-05".parse().unwrap(), "txn_p2").await;
        for (id, mapped, gross, fee) in [("txn_a", BalanceMapping::Gift, 10_000, 300), ("txn_b", BalanceMapping::Gift, 5_000, 180), ("txn_c", BalanceMapping::Refund, -2_500, 0)] {
            test.add_movement(id, mapped, (gross, fee, "EUR"), Some("po_1"), None).await;
        }
        test.add_movement("txn_p1", BalanceMapping::Payout, (-12_000, 0, "EUR"), Some("po_1"), None).await;
        test.add_movement("txn_w", BalanceMapping::Gift, (800, 30, "EUR"), None, None).await;
        let second = entity::payout::Entity::find().all(test.app.db.read()).await.unwrap().into_iter().find(|p| p.stripe_payout_id == "po_2").unwrap();
        let mut by_hand = second.into_active_model();
        (by_hand.automatic, by_hand.reconciliation, by_hand.itemised_at) = (Set(false), Set(PayoutReconciliation::NotApplicable), Set(None));
        test.app.db.write(async |tx| Ok(by_hand.clone().update(tx).await.map(|_| ())?)).await.unwrap();
        let rows = rows_of_report(&test, Report::Waterfall).await;
        let lines: Vec<[&str; 5]> = rows.iter().map(|row| ["payout", "line", "movements", "fee", "net"].map(|name| row[name].as_str())).collect();
        assert_eq!(lines, [
            ["po_1", "gift", "2", "4.80", "145.20"],
            ["po_1", "refund", "1", "0.00", "-25.00"],
            ["po_1", "paid_out", "1", "0.00", "-120.00"],
            ["po_1", "remainder", "0", "0.00", "-0.20"],
            ["po_2", "paid_out", "1", "0.00", "-5.00"],
            ["po_2", "not_itemised", "0", "0.00", "5.00"],
            ["", "gift", "1", "0.30", "7.70"],
        ]);
    }
}
