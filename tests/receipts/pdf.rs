//! Receipts and statements as PDF. What is in one is read back by programs that know nothing of ours: poppler's tools and qpdf.

#[cfg(feature = "pdf")]
mod printed;

use crate::support::{TestApp, gift, on_both_databases};
use entity::words::Role;
use sea_orm::EntityTrait;
use wellwisher::{
    receipts::pdf,
    reports::doctor::{Level, doctor},
};

on_both_databases! {
    async fn a_pdf_is_offered_beside_the_page_to_print_or_the_page_is_named_in_its_place(test: TestApp) {
        test.give(&gift(2_500, "EUR")).await;
        let receipt = entity::receipt::Entity::find().one(test.app.db.read()).await.unwrap().unwrap();
        test.sign_in_as(Role::Finance).await;
        let page = test.get(&format!("/desk/receipts/{}", receipt.id)).await;
        assert_eq!(page.body.contains(&format!("/desk/receipts/{}/pdf", receipt.id)), pdf::IS_BUILT);
        let file = test.get(&format!("/desk/receipts/{}/pdf", receipt.id)).await;
        assert_eq!(file.headers["cache-control"], "no-store");
        if pdf::IS_BUILT {
            assert!(file.status == 200 && file.headers["content-type"] == "application/pdf" && file.body.starts_with("%PDF-1.7"), "{}", file.body);
            assert_eq!(file.headers["content-disposition"], "attachment; filename=\"R-2026-000001.pdf\"");
            assert!(file.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        } else {
            assert!(file.status == 404 && file.body.contains("Open the page to print instead"), "{}", file.body);
        }
        assert_eq!(test.get("/desk/receipts/01890000-0000-7000-8000-000000000000/pdf").await.status, 404);
    }

    async fn the_doctor_says_whether_pdfs_can_be_made(test: TestApp) {
        let said = doctor(&test.app).await.into_iter().find(|finding| finding.name == "pdf").unwrap();
        assert_eq!(said.level, Level::Ok, "{}", said.told);
        assert_eq!(said.told.contains("not in this build"), !pdf::IS_BUILT);
        #[cfg(feature = "pdf")]
        {
            let mut bare = test.app.clone();
            bare.config = std::sync::Arc::new(wellwisher::config::Config { pdf_fonts: vec!["/nowhere".into()], ..(*bare.config).clone() });
            let said = doctor(&bare).await.into_iter().find(|finding| finding.name == "pdf").unwrap();
            assert!(said.level == Level::Warn && said.told.contains("Noto Sans and Noto Naskh Arabic"), "{}", said.told);
        }
    }
}
