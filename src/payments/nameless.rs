//! A Stripe event without what it tells of a person. We act on an event by asking Stripe, so we need its ids and nothing else; what is not
//! used is not kept.

use serde_json::Value;
use std::borrow::Cow;

/// The fields of Stripe's objects that name somebody, say where she lives, or lead to a page that does. `evidence` is what a dispute tells
/// of her; `previous_attributes` may hold what any of the others held before.
const TELLING: [&str; 41] = [
    "account_holder_name",
    "address",
    "billing_details",
    "business_name",
    "buyer_id",
    "cashtag",
    "client_secret",
    "collected_information",
    "custom_fields",
    "customer_address",
    "customer_details",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_shipping",
    "customer_tax_ids",
    "dob",
    "email",
    "evidence",
    "fingerprint",
    "first_name",
    "hosted_invoice_url",
    "iban_last4",
    "individual_name",
    "invoice_pdf",
    "ip_address",
    "last4",
    "last_name",
    "name",
    "owner",
    "payer_email",
    "payer_name",
    "phone",
    "receipt_email",
    "receipt_url",
    "sender_name",
    "shipping",
    "shipping_details",
    "tax_ids",
    "verified_email",
    "verified_name",
];

/// The same event with nothing in it that tells of a person; word for word the same when there was nothing.
pub fn without_persons(body: &str) -> Cow<'_, str> {
    let Ok(mut event) = serde_json::from_str::<Value>(body) else { return Cow::Borrowed(body) };
    if strip(&mut event) { Cow::Owned(event.to_string()) } else { Cow::Borrowed(body) }
}

/// Takes it out; false when there was nothing.
fn strip(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter_mut().fold(false, |found, (key, field)| {
            if TELLING.contains(&key.as_str()) { found | (!std::mem::take(field).is_null()) } else { found | strip(field) }
        }),
        Value::Array(items) => items.iter_mut().fold(false, |found, item| found | strip(item)),
        // An address may stand in any text: a description, a statement's words.
        Value::String(text) if text.contains('@') => {
            *value = Value::Null;
            true
        }
        _ => false,
    }
}
