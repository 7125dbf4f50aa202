//! Receipts at the desk.

use crate::support::{TestApp, gift, on_both_databases};
use entity::{receipt, words::Role};
use sea_orm::{EntityTrait, QueryOrder};
use wellwisher::receipts;

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
