//! `expand[]`: objects in place of ids (docs.stripe.com/api/expanding_objects).

use super::{
    balance, charges, disputes, errors::ApiError, invoice_payments, invoices, payouts, refunds, shapes, state::Vault, subscriptions,
};
use serde_json::Value;

/// Stripe expands at most four levels.
const LEVELS_MAX: usize = 4;

/// The fields whose ids can be expanded here.
const FIELDS: &str = "payment_intent latest_charge balance_transaction failure_balance_transaction charge source original_payout reversed_by \
     customer invoice_settings default_payment_method payments latest_invoice subscription invoice";

/// Puts objects in place of the ids that `paths` name.
pub(super) fn apply(vault: &Vault, value: &mut Value, paths: &[String]) -> Result<(), ApiError> {
    for path in paths {
        let levels: Vec<&str> = path.split('.').collect();
        if levels.len() > LEVELS_MAX {
            return Err(ApiError::invalid("expand", format!("You cannot expand more than 4 levels of a property ({path}).")));
        }
        if !levels.iter().enumerate().all(|(at, level)| at == 0 && *level == "data" || FIELDS.split(' ').any(|field| field == *level)) {
            return Err(ApiError::invalid("expand", format!("This property cannot be expanded ({path}).")));
        }
        walk(vault, value, &levels);
    }
    Ok(())
}

fn walk(vault: &Vault, value: &mut Value, levels: &[&str]) {
    let Some((first, rest)) = levels.split_first() else { return };
    if let Some(rows) = value.get_mut(*first).filter(|_| *first == "data").and_then(Value::as_array_mut) {
        for row in rows {
            walk(vault, row, rest);
        }
        return;
    }
    // The payments of an invoice are not there unless they are asked for.
    if *first == "payments"
        && let Some(invoice) = value["id"].as_str().and_then(|id| vault.billing.invoices.get(id))
    {
        value["payments"] = invoice_payments::payments(invoice);
    }
    let Some(field) = value.get_mut(*first) else { return };
    if let Some(object) = field.as_str().and_then(|id| object_of(vault, id)) {
        *field = object;
    }
    walk(vault, field, rest);
}

/// Any object by its id.
pub(super) fn object_of(vault: &Vault, id: &str) -> Option<Value> {
    match id.split('_').next()? {
        "cs" => vault.sessions.get(id).map(|session| shapes::session(vault, session)),
        "pi" => vault.intents.get(id).map(|intent| shapes::intent(vault, intent)),
        "ch" | "py" => vault.charges.get(id).map(|charge| charges::with_payer(vault, charge)),
        "txn" => vault.entries.get(id).map(|entry| balance::entry(entry, vault.now().timestamp())),
        "po" => vault.payouts.get(id).map(payouts::shape),
        "re" => vault.refunds.get(id).map(refunds::shape),
        "sub" => vault.billing.subscriptions.get(id).map(subscriptions::shape),
        "in" => vault.billing.invoices.get(id).map(|invoice| invoices::shape(vault, invoice)),
        "cus" => vault.billing.customers.get(id).map(subscriptions::customer),
        "pm" => vault.billing.methods.get(id).map(subscriptions::method),
        "dp" => vault.disputes.get(id).map(|dispute| disputes::shape(vault, dispute)),
        "evt" => vault.events.get(id).map(shapes::event),
        _ => None,
    }
}
