//! A report is narrowed by the same words at the desk and on the command line; what has a slip in it is refused, and gives no empty file.

use super::{
    Kept, all_of, file_of,
    movements::{at, every_kind, posting},
    rows_of,
};
use crate::support::{TestApp, gift, on_both_databases};
use axum::http::StatusCode;
use chrono::TimeDelta;
use entity::{
    campaign,
    ids::GiftAidClaimId,
    words::{Account, MovementKind, Role},
};
use sea_orm::{ConnectionTrait, EntityTrait};
use std::collections::BTreeSet;
use wellwisher::{
    donations::list::Asked,
    error::Error,
    ledger::Purpose,
    reports::{
        ExportRequest, FilePart, Format, Report,
        asked::AskedReport,
        export::{self, export},
    },
};

/// The file of what was asked for, and what the audit trail says of it.
async fn taken(test: &TestApp, report: Report, asked: &AskedReport, filter: &Asked) -> Result<(String, serde_json::Value), Error> {
    let request = asked.request(&test.app, report, filter, chrono_tz::UTC).await?;
    let trail = asked.trail(filter, &request);
    Ok((file_of(test, &ExportRequest { asked: request, ..all_of(report) }).await.0, trail))
}

fn only(change: impl FnOnce(&mut AskedReport, &mut Asked)) -> (AskedReport, Asked) {
    let (mut asked, mut filter) = (AskedReport::default(), Asked::default());
    change(&mut asked, &mut filter);
    (asked, filter)
}

fn currencies(file: &str) -> BTreeSet<String> {
    rows_of(file).iter().map(|row| row["currency"].clone()).collect()
}

on_both_databases! {
    async fn the_register_is_narrowed_by_what_the_desk_knows(test: TestApp) {
        let campaign = test.add_campaign("winter").await;
        let item = test.add_item("bag", 10, campaign).await;
        let mut for_item = gift(5_000, "EUR");
        (for_item.campaign_id, for_item.item, for_item.name) = (Some(campaign), Some((item, 2)), "Zarmina Ahmadi".to_owned());
        let campaign = campaign::Entity::find_by_id(campaign).one(test.app.db.read()).await.unwrap().unwrap();
        for_item.fund_id = Some(campaign.fund_id);
        let for_item = test.give(&for_item).await;
        test.wait(86_400);
        test.give(&gift(9_900, "EUR")).await;
        let receipt = "R-2026-000001";
        for (what, (asked, filter)) in [
            ("campaign", only(|_, filter| filter.campaign = "winter".into())),
            ("fund", only(|_, filter| filter.fund = "FUND-winter".into())),
            ("item", only(|asked, _| asked.item = " bag ".into())),
            ("given up to", only(|_, filter| filter.to = "2026-05-01".into())),
            ("days", only(|asked, _| asked.posted_to = "2026-05-01".into())),
            ("name", only(|_, filter| filter.q = "zarmina".into())),
            ("receipt", only(|_, filter| filter.q = receipt.to_lowercase())),
        ] {
            let (file, trail) = taken(&test, Report::Donations, &asked, &filter).await.unwrap();
            let rows = rows_of(&file);
            assert_eq!(rows.len(), 2, "{what}: {file}");
            assert!(rows.iter().all(|row| row["donation_id"] == for_item.id.to_string()), "{what}");
            assert!(!trail.to_string().contains("zarmina"), "the trail names nobody: {trail}");
        }
        let (asked, filter) = only(|_, filter| filter.status = "expired".into());
        assert!(rows_of(&taken(&test, Report::Donations, &asked, &filter).await.unwrap().0).is_empty(), "nothing ran out");
        let (asked, filter) = only(|_, filter| (filter.campaign, filter.q) = ("winter".into(), "zarmina".into()));
        let (_, trail) = taken(&test, Report::Donations, &asked, &filter).await.unwrap();
        assert_eq!(trail["filter"], serde_json::json!({ "campaign": "winter", "q": "…" }));
    }

    async fn what_is_not_there_or_not_heeded_is_refused_by_its_name(test: TestApp) {
        test.add_campaign("winter").await;
        for (report, (asked, filter), says) in [
            (Report::Donations, only(|_, filter| filter.campaign = "wintr".into()), "there is no campaign `wintr`"),
            (Report::Donations, only(|_, filter| filter.fund = "SCHOLS".into()), "there is no fund `SCHOLS`"),
            (Report::Donations, only(|asked, _| asked.item = "bags".into()), "there is no item `bags`"),
            (Report::Donations, only(|asked, _| asked.article = "gone".into()), "there is no article `gone`"),
            (Report::Donations, only(|_, filter| filter.status = "rich".into()), "`rich` is not a state: choose one of"),
            (Report::Donations, only(|_, filter| filter.from = "soon".into()), "`soon` is not a day"),
            (Report::Donations, only(|asked, _| asked.currency = "EUR".into()), "cannot be narrowed by `currency`"),
            (Report::ByMonth, only(|_, filter| filter.campaign = "winter".into()), "the report `by-month` cannot be narrowed by `campaign`"),
            (Report::Books, only(|asked, _| asked.with_donors = "yes".into()), "with donors"),
            (Report::Journal, only(|asked, _| asked.currency = "EURO".into()), "`EURO` is not a currency"),
            (Report::Journal, only(|asked, _| asked.currency = "GBP".into()), "there is no booking in `GBP`"),
            (Report::GiftAid, only(|asked, _| asked.claim = "7".into()), "there is no Gift Aid claim `7`"),
            (Report::GiftAid, only(|asked, _| asked.claim = test.app.new_id::<GiftAidClaimId>().to_string()), "there is no Gift Aid claim"),
        ] {
            let refused = taken(&test, report, &asked, &filter).await.unwrap_err();
            assert!(matches!(refused, Error::Invalid(_)) && refused.to_string().contains(says), "{refused}");
        }
        let (asked, filter) = only(|_, filter| filter.campaign = "winter".into());
        assert!(taken(&test, Report::Donations, &asked, &filter).await.is_ok(), "one without gifts is there all the same");
        test.sign_in_as(Role::Finance).await;
        for wrong in ["donations?campaign=wintr", "donations/file?item=bags", "by-month?campaign=winter", "journal?currency=EURO"] {
            let answer = test.get(&format!("/desk/reports/{wrong}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
    }

    async fn a_fund_is_known_by_the_code_that_its_gifts_were_given_under(test: TestApp) {
        let given = test.give(&gift(2_500, "EUR")).await;
        test.app.db.write(async |tx| Ok(tx.execute_unprepared("update fund set code = 'RENAMED'").await?)).await.unwrap();
        for (code, rows) in [(given.fund_code.as_str(), 2), ("RENAMED", 0)] {
            let (asked, filter) = only(|_, filter| filter.fund = code.into());
            assert_eq!(rows_of(&taken(&test, Report::Donations, &asked, &filter).await.unwrap().0).len(), rows, "{code}");
        }
    }

    async fn a_program_that_knows_one_currency_gets_one(test: TestApp) {
        every_kind(&test).await;
        for (format, program) in [(Format::Xero, "Xero"), (Format::QuickBooksDesktop, "QuickBooks Desktop")] {
            let all = ExportRequest { format, ..all_of(Report::Journal) };
            let mut kept = Kept::default();
            let refused = export(&test.app, &all, &mut kept).await.unwrap_err().to_string();
            let says = [&format!("{program} takes one currency"), "EUR, JPY, KWD, USD", "--currency EUR"];
            assert!(says.iter().all(|words| refused.contains(*words)), "{refused}");
            assert!(kept.0.is_empty(), "nothing is written then");
            let mut none = all.clone();
            none.asked.period.to = "2020-12-31".parse().ok();
            assert!(export(&test.app, &none, &mut Kept::default()).await.is_ok(), "days without money have no currency");
        }
        // Each currency by itself, and together they are all of it.
        let (whole, _) = file_of(&test, &all_of(Report::Journal)).await;
        let mut parts = 0;
        for currency in ["EUR", "JPY", "KWD", "USD"] {
            let (asked, filter) = only(|asked, _| asked.currency = currency.to_lowercase());
            let (file, trail) = taken(&test, Report::Journal, &asked, &filter).await.unwrap();
            assert_eq!(currencies(&file), BTreeSet::from([currency.to_owned()]));
            assert_eq!(trail["filter"]["currency"], currency.to_lowercase());
            parts += rows_of(&file).len();
        }
        assert_eq!(parts, rows_of(&whole).len());
    }

    async fn months_without_the_chosen_currency_are_passed_over(test: TestApp) {
        let post = |days: TimeDelta, currency: &'static str| {
            let sides = [(Account::StripeClearing, 100, currency), (Account::Donations, -100, currency)];
            posting(MovementKind::Donation, &format!("pi_{}:capture", days.num_days()), None, at("2026-01-05T10:00:00Z") + days, &sides, Purpose::default())
        };
        // Euros in January and July; dollars on 149 days from February to June, which fill a file of Xero's, and on one in August.
        let days = |from: i64, count: i64, currency: &'static str| (from..from + count).map(move |day| (TimeDelta::days(day), currency));
        let all = days(0, 1, "EUR").chain(days(27, 149, "USD")).chain(days(180, 1, "EUR")).chain(days(220, 1, "USD"));
        test.post_all(&all.map(|(day, currency)| post(day, currency)).collect::<Vec<_>>()).await;
        let (asked, filter) = only(|asked, _| asked.currency = "USD".into());
        let rows = asked.request(&test.app, Report::Journal, &filter, chrono_tz::UTC).await.unwrap();
        let mut request = ExportRequest { asked: rows, format: Format::Xero, part: Some(2) };
        let parts = export::files(&test.app, &request).await.unwrap();
        assert_eq!(parts, [FilePart::default(), FilePart { page: "7".to_owned(), skip: 0 }], "the second begins in August");
        let (second, _) = file_of(&test, &request).await;
        let days: Vec<_> = rows_of(&second).iter().map(|row| row["*Date"].clone()).collect();
        assert_eq!(days, ["13/08/2026", "13/08/2026"]);
        request.part = Some(1);
        assert_eq!(rows_of(&file_of(&test, &request).await.0).len(), 298);

        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/journal?period=2026&currency=USD").await;
        assert_eq!(page.texts("main tbody tr").len(), 28 * 2, "February, not an empty January: {}", page.body);
        let next = page.attribute("a[rel=next]", "href").expect("more months");
        let next = test.get(&next).await;
        assert!(next.texts("main tbody tr")[0].contains("2026-03-01"), "{}", next.body);
        let euros = test.get("/desk/reports/journal?period=2026&currency=EUR&after=1").await;
        assert_eq!(euros.texts("main tbody tr").len(), 2, "July: {}", euros.body);
        assert_eq!(euros.attribute("a[rel=next]", "href").map(|_| ()), Some(()), "August may hold more");
        let none = test.get("/desk/reports/journal?period=2026&currency=EUR&after=7").await;
        assert!(none.texts("main tbody tr").is_empty() && none.texts("a[rel=next]").is_empty(), "{}", none.body);
    }

    async fn the_desk_offers_the_currencies_of_a_journal(test: TestApp) {
        every_kind(&test).await;
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/journal?period=2026-05").await;
        assert_eq!(page.texts("#currency option"), ["All of these days", "EUR", "JPY", "KWD", "USD"]);
        assert!(page.body.contains("choose one above first"), "{}", page.body);
        let refused = test.get("/desk/reports/journal/file?period=2026-05&format=xero").await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains("EUR, JPY, KWD, USD"), "{}", refused.body);
        let chosen = test.get("/desk/reports/journal?period=2026-05&currency=KWD").await;
        assert_eq!(chosen.texts("#currency option[selected]"), ["KWD"]);
        assert!(!chosen.body.contains("choose one above first"));
        assert_eq!(chosen.texts("form.filters input[name=currency]").len(), 0, "the chooser says it once");
        assert_eq!(chosen.attribute("form[action$='/file'] input[name=currency]", "value").as_deref(), Some("KWD"));
        let file = test.get("/desk/reports/journal/file?period=2026-05&currency=KWD&format=xero").await;
        assert_eq!(file.status, StatusCode::OK, "{}", file.body);
        let name = "attachment; filename=\"journal-2026-05-01-2026-05-31-KWD-xero.csv\"";
        assert_eq!(file.headers["content-disposition"], name, "each currency's file has its own");
        let rows = rows_of(&file.body);
        assert!(!rows.is_empty() && rows.iter().all(|row| row["*Narration"].ends_with("KWD")), "{}", file.body);
        assert!(rows.iter().any(|row| row["*Amount"] == "-12.340"), "the dinar has a thousand fils: {}", file.body);
        let one = test.get("/desk/reports/journal?period=2020").await;
        assert!(one.texts("#currency").is_empty(), "where there is no choice, none is offered");
    }
}
