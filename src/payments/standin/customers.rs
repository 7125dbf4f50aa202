//! Customers: another address, and the end of one (docs.stripe.com/api/customers/delete).

use super::{errors::ApiError, params::Params, state::Vault, subscriptions};
use serde_json::Value;

/// Changes a customer's address.
pub(super) fn update(vault: &mut Vault, id: &str, form: &str) -> Result<Value, ApiError> {
    let params = Params::parse(form, &["email"])?;
    let email = params.text("email").map(ToOwned::to_owned);
    if email.as_deref().is_some_and(|email| !email.is_empty() && !email.contains('@')) {
        return Err(ApiError::coded("email_invalid", "email", "Invalid email address"));
    }
    let customer = vault.billing.customers.get_mut(id).filter(|customer| !customer.deleted);
    let customer = customer.ok_or_else(|| ApiError::missing("customer", id))?;
    if let Some(email) = email {
        customer.email = Some(email).filter(|email| !email.is_empty());
    }
    let shown = subscriptions::customer(customer);
    vault.tell("customer.updated", shown.clone());
    Ok(shown)
}

/// Deletes a customer: what she gives by subscription ends at once, and nothing of her is left but that she was.
pub(super) fn delete(vault: &mut Vault, id: &str) -> Result<Value, ApiError> {
    let known = vault.billing.customers.get(id).filter(|customer| !customer.deleted);
    let mut told = known.map(subscriptions::customer).ok_or_else(|| ApiError::missing("customer", id))?;
    let hers: Vec<String> = vault
        .billing
        .subscriptions
        .newest_first(None)
        .filter(|one| one.customer_id == id && !one.is_over())
        .map(|one| one.id.clone())
        .collect();
    for subscription in hers {
        vault.end_subscription(&subscription, "cancellation_requested");
    }
    let Some(customer) = vault.billing.customers.get_mut(id) else { return Err(ApiError::missing("customer", id)) };
    (customer.deleted, customer.email, customer.method_id) = (true, None, None);
    let shown = subscriptions::customer(customer);
    // Stripe's event still has everything that it has just deleted.
    told["deleted"] = Value::Bool(true);
    vault.tell("customer.deleted", told);
    Ok(shown)
}
