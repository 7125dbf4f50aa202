//! The part of Stripe's API that Wellwisher uses, and a little more so that Stripe's own SDK can be pointed at it.

use super::{
    account, balance, charges, customers, disputes,
    errors::ApiError,
    expand, intents, invoice_payments, invoices,
    params::Params,
    payouts, portal, refunds, sessions, shapes,
    state::{HasId, SessionStatus, Shelf, Vault},
    subscriptions,
};
use serde_json::{Value, json};

/// One call, taken apart.
pub(super) struct Call<'a> {
    pub method: &'a str,
    /// Behind `/v1/`.
    pub path: &'a str,
    pub query: &'a str,
    pub form: &'a str,
}

const LISTING: &[&str] = &["limit", "starting_after", "created", "created[gt]", "created[gte]", "created[lt]", "created[lte]", "expand[#]"];

/// Answers a call.
pub(super) fn answer(vault: &mut Vault, call: &Call<'_>) -> Result<Value, ApiError> {
    let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match (call.method, segments.as_slice()) {
        ("POST", ["checkout", "sessions"]) => sessions::create(vault, call.form),
        ("POST", ["checkout", "sessions", id, "expire"]) => expire(vault, id, call.form),
        ("GET", ["checkout", "sessions"]) => {
            let filters = ["payment_intent", "status"];
            list(vault, call, &filters, |vault| &vault.sessions, shapes::session)
        }
        ("POST", ["payment_intents"]) => intents::create(vault, call.form),
        ("GET", ["payment_intents"]) => list(vault, call, &[], |vault| &vault.intents, shapes::intent),
        ("GET", ["charges"]) => list(vault, call, &["payment_intent"], |vault| &vault.charges, charges::with_payer),
        ("GET", ["balance"]) => balance::held(vault, call),
        ("GET", ["balance_transactions"]) => balance::list(vault, call),
        ("GET", ["payouts"]) => list(vault, call, &["status"], |vault| &vault.payouts, |_, payout| payouts::shape(payout)),
        ("GET", ["payouts", id]) => retrieve(vault, call, "po", "payout", id),
        ("GET", ["refunds"]) => {
            list(vault, call, &["charge", "payment_intent"], |vault| &vault.refunds, |_, refund| refunds::shape(refund))
        }
        ("GET", ["events"]) => list(vault, call, &["type"], |vault| &vault.events, |_, event| shapes::event(event)),
        ("GET", ["subscriptions"]) => {
            list(vault, call, &["customer", "status"], |vault| &vault.billing.subscriptions, |_, one| subscriptions::shape(one))
        }
        ("GET", ["invoices"]) => list(vault, call, &["subscription", "status"], |vault| &vault.billing.invoices, invoices::shape),
        ("GET", ["invoice_payments"]) => invoice_payments::list(vault, call.query),
        ("POST", ["invoices", id, verb @ ("pay" | "void" | "finalize")]) => invoices::call(vault, id, verb, call.form),
        ("POST", ["subscriptions", id]) => subscriptions::update(vault, id, call.form),
        ("DELETE", ["subscriptions", id]) => subscriptions::cancel(vault, id, call.form),
        ("POST", ["billing_portal", "sessions"]) => portal::create(vault, call.form),
        ("GET", ["subscriptions", id]) => retrieve(vault, call, "sub", "subscription", id),
        ("GET", ["invoices", id]) => retrieve(vault, call, "in", "invoice", id),
        ("GET", ["customers"]) => {
            let is_there = |_: &Params, one: &subscriptions::Customer| !one.deleted;
            list_where(vault, call, &["email"], &[], |vault| &vault.billing.customers, |_, one| subscriptions::customer(one), is_there)
        }
        ("GET", ["webhook_endpoints"]) => account::endpoints(vault, call.query),
        ("GET", ["billing_portal", "configurations"]) => account::portal_settings(call.query),
        ("POST", ["customers", id]) => customers::update(vault, id, call.form),
        ("DELETE", ["customers", id]) => customers::delete(vault, id),
        ("GET", ["customers", id]) => retrieve(vault, call, "cus", "customer", id),
        ("POST", ["refunds"]) => refunds::create(vault, call.form),
        ("GET", ["disputes"]) => list(vault, call, &["charge", "payment_intent"], |vault| &vault.disputes, disputes::shape),
        ("GET", ["disputes", id]) => retrieve(vault, call, "dp", "dispute", id),
        ("GET", ["checkout", "sessions", id]) => retrieve(vault, call, "cs", "checkout.session", id),
        ("GET", ["payment_intents", id]) => retrieve(vault, call, "pi", "payment_intent", id),
        ("GET", ["charges", id]) if id.starts_with("py_") => retrieve(vault, call, "py", "charge", id),
        ("GET", ["charges", id]) => retrieve(vault, call, "ch", "charge", id),
        ("GET", ["balance_transactions", id]) => retrieve(vault, call, "txn", "balance transaction", id),
        ("GET", ["refunds", id]) => retrieve(vault, call, "re", "refund", id),
        ("GET", ["events", id]) => retrieve(vault, call, "evt", "event", id),
        _ => Err(ApiError::no_route(call.method, &format!("/v1/{}", call.path))),
    }
}

fn retrieve(vault: &Vault, call: &Call<'_>, prefix: &str, kind: &str, id: &str) -> Result<Value, ApiError> {
    let params = Params::parse(call.query, &["expand[#]"])?;
    let found = if id.split('_').next() == Some(prefix) { expand::object_of(vault, id) } else { None };
    let mut value = found.ok_or_else(|| ApiError::missing(kind, id))?;
    expand::apply(vault, &mut value, &params.list("expand"))?;
    Ok(value)
}

/// A listing, newest first (docs.stripe.com/api/pagination). A filter compares a field of the JSON that is shown.
fn list<T: HasId>(
    vault: &Vault,
    call: &Call<'_>,
    filters: &[&str],
    shelf: impl Fn(&Vault) -> &Shelf<T>,
    shape: impl Fn(&Vault, &T) -> Value,
) -> Result<Value, ApiError> {
    list_where(vault, call, filters, &[], shelf, shape, |_, _| true)
}

/// A listing with filters that no field of the JSON shows: `others` names them, `keep` follows them.
pub(super) fn list_where<T: HasId>(
    vault: &Vault,
    call: &Call<'_>,
    filters: &[&str],
    others: &[&str],
    shelf: impl Fn(&Vault) -> &Shelf<T>,
    shape: impl Fn(&Vault, &T) -> Value,
    keep: impl Fn(&Params, &T) -> bool,
) -> Result<Value, ApiError> {
    let known: Vec<&str> = LISTING.iter().chain(filters).chain(others).copied().collect();
    let params = Params::parse(call.query, &known)?;
    let limit = params.integer("limit")?.unwrap_or(10);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::coded("parameter_invalid_integer", "limit", "This value must be from 1 to 100."));
    }
    let cursor = params.text("starting_after");
    if let Some(id) = cursor
        && shelf(vault).get(id).is_none()
    {
        return Err(ApiError::coded("resource_missing", "starting_after", format!("No such object: '{id}'")));
    }
    let bound = |name: &str| params.integer(name);
    let (exact, gt, gte, lt, lte) =
        (bound("created")?, bound("created[gt]")?, bound("created[gte]")?, bound("created[lt]")?, bound("created[lte]")?);
    let in_time = |at: i64| {
        exact.is_none_or(|x| at == x)
            && gt.is_none_or(|x| at > x)
            && gte.is_none_or(|x| at >= x)
            && lt.is_none_or(|x| at < x)
            && lte.is_none_or(|x| at <= x)
    };
    let wanted = |value: &Value| filters.iter().all(|name| params.text(name).is_none_or(|text| fits(value, name, text)));
    let mut rows: Vec<Value> = shelf(vault)
        .newest_first(cursor)
        .filter(|row| in_time(row.created()) && keep(&params, row))
        .map(|row| shape(vault, row))
        .filter(wanted)
        .take(usize::try_from(limit + 1).unwrap_or(101))
        .collect();
    let has_more = rows.len() > usize::try_from(limit).unwrap_or(100);
    rows.truncate(usize::try_from(limit).unwrap_or(100));
    let mut answer = json!({ "object": "list", "data": rows, "has_more": has_more, "url": format!("/v1/{}", call.path.trim_matches('/')) });
    expand::apply(vault, &mut answer, &params.list("expand"))?;
    Ok(answer)
}

/// Whether a field of an object is as a filter asks for.
fn fits(value: &Value, name: &str, text: &str) -> bool {
    match (value["object"].as_str(), name) {
        (Some("subscription"), "status") if text == "all" => true,
        (Some("invoice"), "subscription") => value["parent"]["subscription_details"]["subscription"].as_str() == Some(text),
        _ => value[name].as_str() == Some(text),
    }
}

fn expire(vault: &mut Vault, id: &str, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, &["expand[#]"])?;
    let status = vault.sessions.get(id).map(|session| session.status).ok_or_else(|| ApiError::missing("checkout.session", id))?;
    if status != SessionStatus::Open {
        let words = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
        return Err(ApiError::invalid("session", words));
    }
    vault.expire(id);
    let mut value = expand::object_of(vault, id).ok_or_else(|| ApiError::missing("checkout.session", id))?;
    expand::apply(vault, &mut value, &params.list("expand"))?;
    Ok(value)
}
