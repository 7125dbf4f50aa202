//! A receipt's number and check code give amount, date and campaign, and no name.

use crate::support::{Answer, TestApp, gift, on_both_databases};
use entity::receipt;
use sea_orm::{DatabaseTransaction, EntityTrait, QueryOrder};
use wellwisher::{
    asks::Gift,
    receipts::{self, Change, Snapshot},
};

async fn receipts_of(app: &TestApp) -> Vec<(receipt::Model, Snapshot)> {
    let all = receipt::Entity::find().order_by_asc(receipt::Column::Number).all(app.app.db.read()).await.unwrap();
    all.into_iter().map(|row| (row.clone(), serde_json::from_str(&row.snapshot).unwrap())).collect()
}

async fn ask(app: &TestApp, number: &str, code: &str) -> Answer {
    app.post("/receipts/check", &[("number", number), ("code", code)]).await
}

on_both_databases! {
    async fn a_genuine_receipt_gives_amount_date_and_campaign_and_no_name(app: TestApp) {
        let campaign = app.campaign("Schools").await;
        let given = Gift { campaign_id: Some(campaign.id), name: "Canary Wren".into(), email: "canary@example.org".into(), ..gift(2_500, "EUR") };
        app.give(&given).await;
        let (row, said) = receipts_of(&app).await.remove(0);
        assert_eq!(said.check.len(), 14, "{}", said.check);
        assert_eq!(app.get("/receipts/check").await.status, 200);
        for language in ["en", "fa-AF", "ps"] {
            let path = format!("/receipts/check?lang={language}");
            let answer = app.post(&path, &[("number", &row.code), ("code", &said.check)]).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(answer.body.contains("Schools") && answer.texts("p.done").len() == 1, "{language}: {}", answer.body);
            assert!(!answer.body.contains("receipts-check-"), "a text is missing in {language}");
            assert!(!answer.body.contains("Canary") && !answer.body.contains("canary@"), "no name");
        }
        let facts = ask(&app, &row.code.to_lowercase(), &said.check.replace('-', " ").to_lowercase()).await.texts("dd");
        assert_eq!((facts[1].as_str(), facts[2].as_str(), facts[3].as_str()), ("€25", "1 May 2026", "Schools"));
        let letter = entity::letter::Entity::find().all(app.app.db.read()).await.unwrap().into_iter().find(|letter| letter.receipt_id == Some(row.id));
        let letter = letter.expect("the receipt's letter");
        assert!(letter.text_body.contains(&said.check) && letter.html_body.contains(&said.check), "the code stands on the receipt");
        assert!(letter.text_body.contains("/receipts/check"));
    }

    async fn a_wrong_code_and_an_unknown_number_are_answered_alike_and_not_often(app: TestApp) {
        app.give(&gift(2_500, "EUR")).await;
        app.give(&gift(2_500, "EUR")).await;
        let all = receipts_of(&app).await;
        let wrong = ask(&app, &all[0].0.code, &all[1].1.check).await;
        assert_eq!((wrong.status.as_u16(), wrong.attribute("input[name=number]", "value")), (422, Some(all[0].0.code.clone())));
        let unknown = ask(&app, "R-2026-999999", &all[1].1.check).await;
        assert_eq!((unknown.status, unknown.texts(".error-summary li")), (wrong.status, wrong.texts(".error-summary li")));
        assert_eq!(ask(&app, &all[0].0.code, "").await.texts(".error-summary li"), ["Write the check code of the receipt"]);
        assert_eq!(ask(&app, "", "\u{2068}").await.texts(".error-summary li").len(), 2);
        let answers = futures_util::future::join_all((0..40).map(|_| ask(&app, &all[0].0.code, "0000-0000-0000"))).await;
        let limited = answers.iter().filter(|answer| answer.status == 429).count();
        assert_eq!(limited, 12, "two tries before, thirty in all");
        assert_eq!(ask(&app, &all[0].0.code, &all[0].1.check).await.status, 429, "the right one has to wait as well");
        app.wait(3_600);
        assert_eq!(ask(&app, &all[0].0.code, &all[0].1.check).await.status, 200);
    }

    async fn a_receipt_that_is_void_or_replaced_says_so(app: TestApp) {
        app.give(&gift(2_500, "EUR")).await;
        app.give(&gift(3_500, "EUR")).await;
        let before = receipts_of(&app).await;
        let settings = receipts::IssuerSettings::from_config(&app.app.config);
        let write = async |tx: &DatabaseTransaction| {
            receipts::void(tx, before[0].0.id, "a mistake").await?;
            receipts::replace(tx, &settings, before[1].0.id, &Change::default(), "a wrong name", app.app.now(), &app.app.random).await?;
            Ok(())
        };
        app.app.db.write(write).await.unwrap();
        app.books_end_broken("a receipt was voided without its gift");
        let void = ask(&app, &before[0].0.code, &before[0].1.check).await;
        assert!(void.texts("p.warn").iter().any(|text| text.contains("not valid any more")), "{}", void.body);
        let replaced = ask(&app, &before[1].0.code, &before[1].1.check).await;
        assert!(replaced.texts("p.warn").iter().any(|text| text.contains("another one has taken its place")), "{}", replaced.body);
        let (new, said) = receipts_of(&app).await.pop().unwrap();
        assert_ne!(said.check, before[1].1.check, "a new receipt has a code of its own");
        assert_eq!(ask(&app, &new.code, &said.check).await.texts("p.done").len(), 1);
    }

    async fn a_receipt_of_an_earlier_version_has_no_code_and_is_not_found_with_an_empty_one(app: TestApp) {
        app.give(&gift(2_500, "EUR")).await;
        let (row, said) = receipts_of(&app).await.remove(0);
        let mut old = serde_json::to_value(&said).unwrap();
        for field in ["check", "check_page"] {
            old.as_object_mut().unwrap().remove(field);
        }
        let read: Snapshot = serde_json::from_value(old).unwrap();
        assert_eq!(read.check, "");
        assert_eq!(ask(&app, &row.code, "-").await.status, 422);
    }
}
