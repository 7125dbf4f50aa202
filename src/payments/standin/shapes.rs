//! The stand-in's objects as Stripe writes them in JSON: every field that its API promises, null where we have nothing to say.
//!
//! Held against the types of Stripe's SDK in CI, and read by async-stripe in every test.

use super::state::{Charge, Event, Intent, Means, Session, SessionStatus, Vault};
use serde_json::{Value, json};

/// The object with the fields that have nothing to say.
pub(super) fn with_nulls(mut value: Value, names: &str) -> Value {
    for name in names.split_ascii_whitespace() {
        value[name] = Value::Null;
    }
    value
}

pub(super) fn session(vault: &Vault, session: &Session) -> Value {
    let open = session.status == SessionStatus::Open;
    let status = match session.status {
        SessionStatus::Open => "open",
        SessionStatus::Complete => "complete",
        SessionStatus::Expired => "expired",
    };
    let begun = session.plan.as_ref().and_then(|plan| plan.begun.as_ref());
    let complete = session.status == SessionStatus::Complete;
    let value = json!({
        "id": session.id, "object": "checkout.session", "livemode": false, "mode": if session.plan.is_some() { "subscription" } else { "payment" }, "status": status,
        "payment_status": if session.paid { "paid" } else { "unpaid" },
        "amount_subtotal": session.amount.minor, "amount_total": session.amount.minor, "currency": session.amount.currency.stripe_code(),
        "created": session.created.timestamp(), "expires_at": session.expires_at.timestamp(),
        "url": open.then(|| format!("{}/pay/{}", vault.base_url, session.id)),
        "success_url": session.success_url, "cancel_url": session.cancel_url,
        "client_reference_id": session.client_reference_id, "metadata": session.metadata,
        "customer_email": session.email, "locale": session.locale, "submit_type": session.submit_type,
        "payment_intent": session.intent_id.as_ref().filter(|_| session.plan.is_none()),
        "payment_method_types": if session.plan.is_some() { json!(["card"]) } else { json!(["card", "sepa_debit"]) },
        "subscription": begun.map(|(id, _, _)| id), "invoice": begun.map(|(_, id, _)| id), "customer": begun.map(|(_, _, id)| id),
        "customer_details": complete.then(|| json!({
            "address": null, "business_name": null, "email": session.email, "individual_name": null, "name": null, "phone": null,
            "tax_exempt": "none", "tax_ids": null,
        })),
        "adaptive_pricing": { "enabled": false }, "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "custom_fields": [],
        "custom_text": { "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null },
        "customer_creation": if session.plan.is_some() { Value::Null } else { json!("if_required") }, "discounts": [],
        "payment_method_collection": if session.plan.is_some() { "always" } else { "if_required" }, "payment_method_options": {},
        "phone_number_collection": { "enabled": false }, "shipping_options": [], "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
        "ui_mode": "hosted_page",
    });
    with_nulls(
        value,
        "after_expiration allow_promotion_codes billing_address_collection client_secret collected_information consent \
        consent_collection currency_conversion customer_account integration_identifier invoice_creation \
        origin_context payment_link payment_method_configuration_details permissions recovered_from \
        saved_payment_method_options setup_intent shipping_address_collection shipping_cost wallet_options",
    )
}

pub(super) fn intent(vault: &Vault, intent: &Intent) -> Value {
    let succeeded = intent.status == "succeeded";
    let error = intent.last_error.map(|(code, decline_code, message)| {
        let mut error = json!({ "type": "card_error", "code": code, "message": message });
        if let Some(decline_code) = decline_code {
            error["decline_code"] = json!(decline_code);
        }
        if let Some(charge) = &intent.latest_charge {
            error["charge"] = json!(charge);
        }
        error
    });
    let action = (intent.status == "requires_action").then(|| {
        let page = format!("{}/pay/{}", vault.base_url, intent.session_id);
        json!({ "type": "redirect_to_url", "redirect_to_url": { "url": page, "return_url": null } })
    });
    let value = json!({
        "id": intent.id, "object": "payment_intent", "livemode": false, "status": intent.status,
        "amount": intent.amount.minor, "amount_capturable": 0, "amount_received": if succeeded { intent.amount.minor } else { 0 },
        "amount_details": { "tip": {} }, "currency": intent.amount.currency.stripe_code(), "created": intent.created.timestamp(),
        "metadata": intent.metadata, "latest_charge": intent.latest_charge, "last_payment_error": error, "next_action": action,
        "payment_method_types": ["card", "sepa_debit"], "payment_method_options": {}, "capture_method": "automatic_async",
        "confirmation_method": "automatic",
    });
    with_nulls(
        value,
        "client_secret application application_fee_amount automatic_payment_methods canceled_at cancellation_reason customer \
        customer_account description excluded_payment_method_types on_behalf_of payment_method \
        payment_method_configuration_details processing receipt_email review setup_future_usage shipping statement_descriptor \
        statement_descriptor_suffix transfer_data transfer_group",
    )
}

pub(super) fn charge(charge: &Charge) -> Value {
    let failed = charge.status == "failed";
    let outcome = if failed {
        json!({ "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "declined_by_network",
            "reason": charge.failure.map(|(code, _)| code), "seller_message": "The bank did not accept the payment.", "type": "issuer_declined" })
    } else {
        json!({ "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "approved_by_network",
            "reason": null, "seller_message": "Payment complete.", "type": "authorized" })
    };
    let captured = charge.status != "failed";
    let value = json!({
        "id": charge.id, "object": "charge", "livemode": false, "status": charge.status,
        "amount": charge.amount.minor, "amount_captured": if captured { charge.amount.minor } else { 0 },
        "amount_refunded": charge.refunded, "refunded": charge.refunded == charge.amount.minor, "captured": captured,
        "paid": charge.status == "succeeded", "currency": charge.amount.currency.stripe_code(), "created": charge.created.timestamp(),
        "metadata": charge.metadata, "balance_transaction": charge.entry_id, "payment_intent": charge.intent_id,
        "billing_details": { "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": null, "name": null, "phone": null, "tax_id": null },
        "payment_method": format!("pm_{}", charge.id.trim_start_matches(|c| c != '_').trim_start_matches('_')),
        "payment_method_details": method(charge.means), "outcome": outcome,
        "failure_code": charge.failure.map(|(code, _)| code), "failure_message": charge.failure.map(|(_, words)| words),
        "disputed": charge.disputed, "fraud_details": {},
    });
    with_nulls(
        value,
        "failure_balance_transaction application application_fee application_fee_amount calculated_statement_descriptor \
        customer description on_behalf_of receipt_email receipt_number receipt_url review shipping source_transfer \
        statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
    )
}

fn method(means: Means) -> Value {
    match means {
        Means::Card(digits) => json!({ "type": "card", "card": {
            "amount_authorized": null, "authorization_code": null, "brand": "visa",
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US", "exp_month": 12, "exp_year": 2040, "fingerprint": null, "funding": "credit", "installments": null,
            "last4": digits.map(char::from).iter().collect::<String>(), "mandate": null, "network": "visa",
            "network_token": { "used": false }, "network_transaction_id": null, "regulated_status": null, "three_d_secure": null,
            "transaction_link_id": null, "wallet": null,
        } }),
        Means::Debit { .. } => json!({ "type": "sepa_debit", "sepa_debit": {
            "bank_code": "37040044", "branch_code": null, "country": "DE", "expected_debit_date": null, "fingerprint": null,
            "last4": "3000", "mandate": null,
        } }),
    }
}

pub(super) fn event(event: &Event) -> Value {
    json!({
        "id": event.id, "object": "event", "type": event.kind, "api_version": stripe_shared::version::VERSION.as_str(),
        "created": event.created.timestamp(), "livemode": false, "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null }, "data": { "object": event.object },
    })
}
