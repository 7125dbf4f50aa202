//! Whether the database itself still refuses to have its books edited.

use super::Check;
use crate::error::Error;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeSet;

/// The refusals that the migrations put into the database: table and operation.
pub const REFUSALS: &[(&str, &str)] = &[
    ("ledger_transaction", "update"),
    ("ledger_transaction", "delete"),
    ("ledger_entry", "update"),
    ("ledger_entry", "delete"),
    ("donation_step", "update"),
    ("donation_step", "delete"),
    ("letter_attempt", "update"),
    ("letter_attempt", "delete"),
    ("audit_entry", "update"),
    ("audit_entry", "delete"),
    ("erasure", "update"),
    ("erasure", "delete"),
    ("stripe_event", "update"),
    ("stripe_event", "delete"),
    ("receipt", "update"),
    ("receipt", "delete"),
    ("donation", "update"),
    ("donation", "delete"),
    ("donation_fund", "update"),
    ("donation_fund", "delete"),
    ("refund", "delete"),
    ("dispute", "delete"),
    ("statement", "update"),
    ("statement", "delete"),
    ("gift_aid_declaration", "update"),
    ("gift_aid_declaration", "delete"),
    ("gift_aid_claim", "update"),
    ("gift_aid_claim", "delete"),
    ("gift_aid_line", "update"),
    ("gift_aid_line", "delete"),
    ("deposit", "update"),
    ("deposit", "delete"),
    ("deposit_gift", "delete"),
    ("wish_step", "update"),
    ("wish_step", "delete"),
    ("campaign_step", "update"),
    ("campaign_step", "delete"),
    ("match_pot", "update"),
    ("match_pot", "delete"),
    ("match_hold", "update"),
    ("match_hold", "delete"),
    ("match_step", "update"),
    ("match_step", "delete"),
    ("match_payment", "delete"),
    ("promise", "delete"),
    ("promise_choice", "delete"),
    ("promise_choice", "update"),
    ("payout", "delete"),
    ("balance_movement", "update"),
    ("balance_movement", "delete"),
    ("recurring_donation", "delete"),
    ("recurring_step", "update"),
    ("recurring_step", "delete"),
    ("genuine_key", "update"),
    ("genuine_key", "delete"),
    ("genuine_shown", "update"),
    ("genuine_shown", "delete"),
    ("genuine_link", "delete"),
    ("article_notice", "update"),
    ("article_notice", "delete"),
    ("checkout_ending", "delete"),
];

/// Every refusal is in place and switched on.
pub(super) async fn nothing_can_be_edited(db: &impl ConnectionTrait) -> Result<Check, Error> {
    let catalogue = match db.get_database_backend() {
        DbBackend::Sqlite => "select name as trigger_name from sqlite_master where type = 'trigger'",
        _ => {
            "select cast(tgname as text) as trigger_name from pg_trigger join pg_class on pg_class.oid = tgrelid
             where tgenabled in ('O', 'A') and pg_class.relnamespace = to_regnamespace(current_schema())"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), catalogue)).await?;
    let there = rows.iter().map(|row| row.try_get("", "trigger_name")).collect::<Result<BTreeSet<String>, _>>()?;
    let missing = REFUSALS.iter().filter(|(table, operation)| !there.contains(&format!("{table}_refuses_{operation}")));
    let findings = missing.map(|(table, operation)| format!("table {table}: the database no longer refuses {operation}")).collect();
    Ok(Check::new("The database itself refuses to edit what is never edited.", REFUSALS.len() as u64, findings))
}
