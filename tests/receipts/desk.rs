//! Receipts at the desk.

use crate::{
    donations::helpers::fill,
    support::{FromDatabase, TestApp, TestDatabase, gift, on_both_databases},
};
use entity::{receipt, words::Role};
use sea_orm::{EntityTrait, QueryOrder};
use wellwisher::{
    receipts,
    reports::doctor::{Level, doctor},
};

async fn all(test: &TestApp) -> Vec<receipt::Model> {
    receipt::Entity::find().order_by_asc(receipt::Column::Number).all(test.app.db.read()).await.unwrap()
}

on_both_databases! {
    async fn receipts_are_for_finance_and_administrators(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        let id = all(&test).await[0].id;
        let money: &[Role] = &[Role::Admin, Role::Finance];
        test.assert_open_only_to(&[
            ("GET /desk/receipts", money),
            (&format!("GET /desk/receipts/{id}"), money),
            (&format!("GET /desk/receipts/{id}/print"), money),
            (&format!("POST /desk/receipts/{id}/correct"), money),
            ("GET /desk/annual-receipts", money),
            ("POST /desk/annual-receipts", money),
        ]).await;
    }

    async fn the_list_is_narrowed_by_state_year_rules_and_number(test: TestApp) {
        test.books_end_broken("a receipt was ended by hand");
        for _ in 0..3 {
            test.give(&gift(2_500, "EUR")).await;
        }
        let first = all(&test).await.remove(0);
        test.app.db.write(async |tx| receipts::void(tx, first.id, "a test").await).await.unwrap();
        test.sign_in_as(Role::Finance).await;
        for (query, count) in [("", 3), ("?status=void", 1), ("?status=issued", 2), ("?year=2026", 3), ("?year=2025", 0), ("?profile=plain", 3), ("?profile=us", 0), ("?q=r-2026-000002", 1), ("?q=R-2026", 3), ("?q=%25", 3)] {
            let page = test.get(&format!("/desk/receipts{query}")).await;
            assert_eq!(page.status, 200, "{query}: {}", page.body);
            assert_eq!(page.texts("tbody tr").len(), count, "{query}");
        }
        for wrong in ["?status=x", "?year=x", "?year=99999", "?after=x"] {
            assert_eq!(test.get(&format!("/desk/receipts{wrong}")).await.status, 400, "{wrong}");
        }
        let page = test.get(&format!("/desk/receipts/{}", first.id)).await;
        assert!(page.body.contains("CANCELLED") && page.body.contains("a test"), "a void receipt keeps what it says and says that it is void");
        assert_eq!(page.texts("form button").iter().filter(|text| text.contains("Correct")).count(), 0);
    }

    async fn a_corrected_receipt_leads_to_the_new_one_and_wrong_words_are_kept(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        let first = all(&test).await.remove(0);
        test.sign_in_as(Role::Finance).await;
        let path = format!("/desk/receipts/{}/correct", first.id);
        let long = "x".repeat(101);
        let again = test.post(&path, &[("donor_name", &long), ("donor_address", "7 Reed Bank\r\nGander")]).await;
        assert_eq!(again.status, 422);
        assert!(again.body.contains(&long) && again.body.contains("7 Reed Bank, Gander") && again.texts(".error-summary").len() == 1, "{}", again.body);
        assert_eq!(all(&test).await.len(), 1, "nothing was changed");

        let answer = test.post(&path, &[("donor_name", "Wren <Marlow>"), ("donor_address", "7 Reed Bank,\r\nGander")]).await;
        let new = all(&test).await.pop().unwrap();
        assert_eq!(answer.location(), format!("/desk/receipts/{}?done=receipt-corrected", new.id));
        let page = test.get(&format!("/desk/receipts/{}", new.id)).await;
        assert!(page.body.contains("Wren &#60;Marlow&#62;") && page.body.contains("7 Reed Bank, Gander") && page.body.contains(&first.code), "{}", page.body);
        assert_eq!(test.post(&path, &[("donor_name", "Again")]).await.status, 409);
        let print = test.get(&format!("/desk/receipts/{}/print", new.id)).await;
        assert!(print.texts("form, nav").is_empty() && print.body.contains("cancels and replaces"), "{}", print.body);
    }
}

/// A Canadian charity that has not set everything.
struct Halfway(TestApp);

impl FromDatabase for Halfway {
    async fn from_database(database: TestDatabase) -> Self {
        Self(
            TestApp::with(database, |settings| {
                settings.org_receipt_profile = "ca".into();
                settings.org_charity_number = "12345 6789 RR0001".into();
                settings.org_name = "Kestrel Papers".into();
                settings.org_currencies = "CAD".into();
            })
            .await,
        )
    }
}

on_both_databases! {
    async fn what_official_receipts_lack_is_said_by_the_doctor_and_at_the_desk(halfway: Halfway) {
        let test = &halfway.0;
        let said = doctor(&test.app).await.into_iter().find(|finding| finding.name == "receipts").unwrap();
        assert_eq!(said.level, Level::Warn);
        for needed in ["ORG_ADDRESS", "ORG_RECEIPT_PLACE", "ORG_RECEIPT_SIGNATORY", "no official receipts are issued"] {
            assert!(said.told.contains(needed), "{}", said.told);
        }
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/receipts").await.texts("p.warn")[0].contains("ORG_RECEIPT_PLACE"));
    }

    async fn the_form_asks_for_an_address_where_receipts_need_one_and_the_receipt_has_it(halfway: Halfway) {
        let test = &halfway.0;
        let typed = fill(test, "").await.with("currency", "CAD").with("address", "7 Reed Bank,\r\n Gander \r\n\r\nNL A1V 1A1");
        assert_eq!(test.get("/donate").await.texts("#address").len(), 1);
        let long = typed.clone().with("address", &"x".repeat(301)).send(test).await;
        assert!(long.status == 422 && crate::receipts::letters::bare(&long.body).contains("Write at most 300 characters"), "{}", long.body);
        assert_eq!(typed.send(test).await.status, 303);
        let kept = entity::donation_address::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        assert_eq!(kept.address, "7 Reed Bank, Gander, NL A1V 1A1");
    }

    async fn every_rule_of_the_books_holds_after_receipts_were_mended(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        let first = all(&test).await.remove(0);
        let correction = receipts::care::Correction { name: "Wren".into(), address: String::new() };
        receipts::care::correct(&test.app, &wellwisher::staff::Actor::system(), first.id, &correction).await.unwrap();
        test.app.clock.set("2027-01-05T12:00:00Z".parse().unwrap());
        let year = receipts::annual::year_to_state(&test.app, 2026).unwrap();
        receipts::annual::run(&test.app, &wellwisher::staff::Actor::system(), &year, false, |_, _| {}).await.unwrap();
        let report = wellwisher::reports::verify::verify(&test.app).await.unwrap();
        assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
    }
}
