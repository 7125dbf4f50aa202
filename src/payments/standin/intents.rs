//! A payment without a checkout: made and confirmed in one call with Stripe's test card.

use super::{
    errors::ApiError,
    params::Params,
    shapes,
    state::{Intent, Means, Vault},
};
use entity::Money;
use serde_json::Value;

/// Makes a payment that succeeds at once; nothing else is stood in for.
pub(super) fn create(vault: &mut Vault, form: &str) -> Result<Value, ApiError> {
    let known = [
        "amount",
        "currency",
        "confirm",
        "payment_method",
        "automatic_payment_methods[enabled]",
        "automatic_payment_methods[allow_redirects]",
        "metadata[*]",
    ];
    let params = Params::parse(form, &known)?;
    let missing = |name: &str| ApiError::coded("parameter_missing", name, format!("Missing required param: {name}."));
    let minor = params.integer("amount")?.ok_or_else(|| missing("amount"))?;
    let currency = params.text("currency").ok_or_else(|| missing("currency"))?;
    let currency = currency.parse().map_err(|_| ApiError::invalid("currency", "Invalid currency."))?;
    if params.text("confirm") != Some("true") || params.text("payment_method") != Some("pm_card_visa") {
        return Err(ApiError::invalid("payment_method", "The stand-in takes pm_card_visa, confirmed at once."));
    }
    let id = vault.new_id("pi_3", 23);
    vault.intents.put(Intent {
        id: id.clone(),
        created: vault.now(),
        session_id: String::new(),
        amount: Money::new(minor, currency),
        metadata: params.metadata("metadata")?,
        status: "requires_payment_method",
        means: Means::Card(*b"4242"),
        latest_charge: None,
        last_error: None,
    });
    vault.succeed_alone(&id);
    let intent = vault.intents.get(&id).ok_or_else(|| ApiError::missing("payment_intent", &id))?;
    Ok(shapes::intent(vault, intent))
}
