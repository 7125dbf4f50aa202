//! The rows of a claim as a report: HMRC's file to the byte, the same rows in every other form, and who took them.

use super::{Charity, by, declared, make};
use crate::{
    reports::{
        Kept,
        accounting::{TemporaryFile, has_module, run_python},
        bytes_of, file_of, rows_of,
    },
    support::{TestApp, gift, on_both_databases},
};
use entity::{
    audit_entry, donation, gift_aid_line,
    words::{GiftAidScope, Role},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use wellwisher::{
    asks::Declared,
    donations::list::Asked,
    gift_aid::claims,
    reports::{
        ExportRequest, Format, Report,
        asked::AskedReport,
        export::{export_file, files},
    },
    staff::Actor,
};

/// What is asked for of the schedule; without a claim, of the newest.
async fn schedule(test: &TestApp, claim: &str, format: Format) -> ExportRequest {
    let asked = AskedReport { claim: claim.to_owned(), ..AskedReport::default() };
    let rows = asked.request(&test.app, Report::GiftAid, &Asked::default(), chrono_tz::Europe::London).await.expect("a claim");
    ExportRequest { asked: rows, format, part: None }
}

async fn taken(test: &TestApp) -> Vec<serde_json::Value> {
    let all = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq("report.export")).all(test.app.db.read()).await.unwrap();
    all.iter().map(|entry| serde_json::from_str(&entry.detail).unwrap()).collect()
}

/// So many gifts more in a claim, like its first.
async fn add_gifts(test: &TestApp, claim: &claims::Claim, count: usize) {
    test.books_end_broken("gifts were written into the claim alone");
    let first = &claim.gifts[0];
    let model = test.donation(first.donation_id).await;
    let mut gifts = Vec::new();
    let mut lines = Vec::new();
    for number in 0..count {
        let id = test.app.new_id();
        gifts.push(donation::Model {
            id,
            token_hash: format!("copy-{number}"),
            form_token: format!("copy-{number}"),
            idempotency_key: format!("copy-{number}"),
            checkout_session_id: None,
            payment_intent_id: None,
            charge_id: None,
            ..model.clone()
        });
        let mut row = first.row.clone();
        row.first_name = format!("Wren {number}");
        lines.push(gift_aid_line::Model {
            claim_id: claim.head.id,
            donation_id: id,
            amount_minor: row.amount.minor,
            schedule: serde_json::to_string(&row).unwrap(),
            locked: false,
            sealed_at: None,
        });
    }
    test.app
        .db
        .write(async |tx| {
            for some in gifts.chunks(200) {
                let rows = some.iter().cloned().map(|row| row.into_active_model().reset_all());
                donation::Entity::insert_many(rows).exec_without_returning(tx).await?;
            }
            for some in lines.chunks(200) {
                let rows = some.iter().cloned().map(|row| row.into_active_model().reset_all());
                gift_aid_line::Entity::insert_many(rows).exec_without_returning(tx).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

on_both_databases! {
    async fn the_schedule_is_one_report_in_every_form_and_hmrcs_file_to_the_byte(charity: Charity) {
        let test = &charity.0;
        let zoe = Declared { first_name: "Zoë".into(), house: "Flat 2, \"The Reeds\"".into(), title: String::new(), ..declared(GiftAidScope::This) };
        test.give(&by("zoe@example.org", 123_405, Some(zoe))).await;
        test.wait(86_400);
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::This)))).await;
        let claim = make(test).await;
        let golden = "\u{feff}Title,First name,Last name,House name or number,Postcode,Aggregated donations,Sponsored event,Donation date (DD/MM/YY),Amount\r\n\
            ,Zoë,Marlow Teal,\"Flat 2, \"\"The Reeds\"\"\",S19 2BD,,,01/05/26,1234.05\r\n\
            Ms,Wren,Marlow Teal,7 Reed Bank,S19 2BD,,,02/05/26,20.00\r\n";
        let (file, manifest) = file_of(test, &schedule(test, "", Format::Csv).await).await;
        assert_eq!(file, golden);
        assert_eq!((manifest.rows, manifest.sha256.as_str()), (2, wellwisher::clock::sha256_hex(golden).as_str()));
        let totals = manifest.to_json()["totals"].clone();
        assert_eq!(totals, serde_json::json!({ "GBP": { "Amount": "1254.05" } }));

        let (json, of_json) = file_of(test, &schedule(test, &claim.head.id.to_string(), Format::Jsonl).await).await;
        assert_eq!((of_json.rows, of_json.to_json()["totals"].clone()), (2, totals.clone()));
        let objects: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((objects[0]["First name"].as_str(), objects[0]["Amount"].as_str(), objects[0]["Sponsored event"].is_null()), (Some("Zoë"), Some("1234.05"), true));
        let sheet = schedule(test, "", Format::Xlsx).await;
        let (bytes, of_sheet) = bytes_of(test, &sheet).await;
        assert_eq!((of_sheet.rows, of_sheet.to_json()["totals"].clone()), (2, totals));
        if has_module("openpyxl") {
            let output = run_python("sheet.py", &TemporaryFile::new(".xlsx", &bytes));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let names: Vec<&str> = golden.trim_start_matches('\u{feff}').lines().next().unwrap().split(',').collect();
            assert_eq!(read["rows"][0], serde_json::json!(names));
            assert_eq!(read["rows"][1], serde_json::json!([null, "Zoë", "Marlow Teal", "Flat 2, \"The Reeds\"", "S19 2BD", null, null, "01/05/26", 1234.05]));
        }
        for refused in [Format::CsvExcel, Format::CsvSemicolon, Format::Xero] {
            let request = ExportRequest { format: refused, ..sheet.clone() };
            assert!(wellwisher::reports::export::check(&request).is_err(), "{}", refused.as_str());
        }
    }

    async fn the_newest_claim_is_meant_and_one_that_was_withdrawn_has_no_rows(charity: Charity) {
        let test = &charity.0;
        let none = AskedReport::default().request(&test.app, Report::GiftAid, &Asked::default(), chrono_tz::UTC).await.unwrap();
        assert_eq!(none.claim, None);
        assert_eq!(file_of(test, &ExportRequest { asked: none, format: Format::Csv, part: None }).await.0.lines().count(), 1, "only the heads");
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::All)))).await;
        let first = make(test).await;
        claims::submit(&test.app, &Actor::system(), first.head.id, "IR 1").await.unwrap();
        test.wait(60);
        test.give(&by("wren@example.org", 700, None)).await;
        let second = make(test).await;
        let amounts = async |claim: &str| rows_of(&file_of(test, &schedule(test, claim, Format::Csv).await).await.0).into_iter().map(|row| row["Amount"].clone()).collect::<Vec<_>>();
        assert_eq!(amounts("").await, ["7.00"]);
        assert_eq!(amounts(&first.head.id.to_string()).await, ["20.00"], "one that was sent stays as it was");
        let asked = schedule(test, "", Format::Csv).await;
        let parts = files(&test.app, &asked).await.unwrap();
        claims::withdraw(&test.app, &Actor::system(), second.head.id).await.unwrap();
        for format in [Format::Csv, Format::Xlsx, Format::Jsonl] {
            let request = ExportRequest { format, ..asked.clone() };
            let cut_off = export_file(&test.app, &request, &parts, &mut Kept::default()).await.unwrap_err();
            assert!(cut_off.to_string().contains("was withdrawn"), "withdrawn meanwhile, it is no file without rows: {cut_off}");
        }
        assert_eq!(amounts("").await, ["20.00"]);
        let gone = AskedReport { claim: second.head.id.to_string(), ..AskedReport::default() };
        let refused = gone.request(&test.app, Report::GiftAid, &Asked::default(), chrono_tz::UTC).await.unwrap_err();
        assert!(refused.to_string().contains("was withdrawn"), "{refused}");
    }

    async fn the_desk_shows_the_rows_and_the_trail_says_that_they_name_people(charity: Charity) {
        let test = &charity.0;
        let given = test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::This)))).await;
        test.give(&gift(900, "USD")).await;
        let claim = make(test).await.head.id;
        test.sign_in_as(Role::Finance).await;
        assert!(test.get("/desk/reports").await.body.contains("href=\"/desk/reports/gift-aid\""));
        let page = test.get(&format!("/desk/reports/gift-aid?claim={claim}")).await;
        assert_eq!(page.texts("main thead th"), ["Donation date (DD/MM/YY)", "Amount"]);
        assert_eq!(page.texts("main tbody tr").len(), 1);
        assert!(page.body.contains(&format!("/desk/donations/{}", given.id)), "{}", page.body);
        assert!(!page.body.contains("Marlow") && !page.body.contains("Reed Bank") && !page.body.contains("S19"), "only the file, which the trail notes");
        let newest = test.get("/desk/reports/gift-aid").await;
        let pinned = newest.attribute("form[action$='/file'] input[name=claim]", "value");
        assert_eq!(pinned, Some(claim.to_string()), "the file is of the claim that is shown");
        assert_eq!(page.texts("#format option").len(), 3, "CSV, spreadsheet, JSON");
        let file = test.get(&format!("/desk/reports/gift-aid/file?claim={claim}&format=xlsx")).await;
        assert_eq!(file.headers["content-type"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
        let trail = taken(test).await;
        assert_eq!((trail.len(), trail[0]["asked"]["with_donors"].as_bool(), trail[0]["sent"]["format"].as_str()), (1, Some(true), Some("xlsx")));
        assert_eq!(trail[0]["asked"]["filter"]["claim"], claim.to_string());
    }

    async fn a_claim_of_more_than_a_thousand_gifts_is_several_files_for_hmrc_and_one_for_others(charity: Charity) {
        let test = &charity.0;
        test.give(&by("wren@example.org", 2_000, Some(declared(GiftAidScope::This)))).await;
        let claim = make(test).await;
        add_gifts(test, &claim, 2_000).await;
        let claim = claims::read(test.app.db.read(), claim.head.id).await.unwrap();
        assert_eq!((claim.gifts.len(), claim.file_count()), (2_001, 3));
        let request = schedule(test, "", Format::Csv).await;
        assert_eq!(files(&test.app, &request).await.unwrap().len(), 3);
        let refused = wellwisher::reports::export(&test.app, &request, &mut Kept::default()).await.unwrap_err();
        assert!(refused.to_string().contains("at most 1000 rows, so this is 3 files"), "{refused}");
        let mut names = Vec::new();
        for (part, rows) in [(1, 1_000), (2, 1_000), (3, 1)] {
            let (file, manifest) = file_of(test, &ExportRequest { part: Some(part), ..request.clone() }).await;
            assert_eq!((manifest.rows, file.lines().count() as u64), (rows, rows + 1));
            assert!(file.starts_with("\u{feff}Title,"), "each with the heads");
            names.extend(rows_of(&file).into_iter().map(|row| row["First name"].clone()));
        }
        let expected: Vec<String> = claim.gifts.iter().map(|gift| gift.row.first_name.clone()).collect();
        assert_eq!(names, expected, "each once, in the claim's order");
        let (json, _) = file_of(test, &schedule(test, "", Format::Jsonl).await).await;
        assert_eq!(json.lines().count(), 2_001);
        test.sign_in_as(Role::Finance).await;
        let page = test.get("/desk/reports/gift-aid").await;
        assert_eq!(page.attribute("#part", "max").as_deref(), Some("3"));
        assert_eq!(page.texts("main tbody tr").len(), 50);
    }
}
