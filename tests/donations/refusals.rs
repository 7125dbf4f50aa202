//! What the database itself refuses, whoever asks.

use super::helpers::*;
use crate::support::{TestApp, on_both_databases};
use sea_orm::ConnectionTrait;

async fn is_refused(app: &TestApp, sql: &str) -> bool {
    app.app.db.write(async |tx| Ok(tx.execute_unprepared(sql).await.map(|_| ())?)).await.is_err()
}

on_both_databases! {
    async fn the_ledger_the_story_and_the_receipts_are_never_edited(app: TestApp) {
        paid_session(&app, "").await;
        catch_up(&app).await;
        let before = everything(&app.app).await;
        for table in ["ledger_transaction", "ledger_entry", "donation_step", "stripe_event", "receipt", "donation"] {
            assert!(is_refused(&app, &format!("delete from {table}")).await, "delete from {table}");
        }
        let edits = [
            "update ledger_entry set amount_minor = amount_minor + 1",
            "update ledger_entry set campaign_id = null",
            "update ledger_transaction set source = 'x'",
            "update donation_step set detail = 'x'",
            "update stripe_event set payload = '{}'",
            "update stripe_event set livemode = true",
            "update receipt set amount_minor = 1",
            "update receipt set snapshot = '{}'",
            "update receipt set code = 'R-1'",
            "update receipt set number = 7",
            "update receipt set language = 'ps'",
            "update donation set amount_minor = 1",
            "update donation set fee_cover_minor = 1",
            "update donation set currency = 'EUR'",
            "update donation set status = 'failed', paid_at = null",
            "update donation set paid_at = null",
            "update donation set fund_code = 'X'",
        ];
        for edit in edits {
            assert!(is_refused(&app, edit).await, "{edit}");
        }
        assert_eq!(everything(&app.app).await, before);
    }

    async fn a_receipt_may_end_and_is_then_not_valid_again(app: TestApp) {
        app.books_end_broken("a receipt was ended by hand");
        paid_session(&app, "").await;
        catch_up(&app).await;
        assert!(!is_refused(&app, "update receipt set status = 'void', status_reason = 'a mistake'").await);
        assert!(is_refused(&app, "update receipt set status = 'issued'").await);
    }

    async fn impossible_rows_are_refused(app: TestApp) {
        begin(&app, "").await;
        let impossible = [
            "update donation set amount_minor = 0",
            "update donation set amount_minor = -5",
            "update donation set fee_cover_minor = amount_minor",
            "update donation set status = 'paid'",
            "update donation set status = 'given'",
            "update donation set wish_quantity = 1",
        ];
        for edit in impossible {
            assert!(is_refused(&app, edit).await, "{edit}");
        }
    }
}
