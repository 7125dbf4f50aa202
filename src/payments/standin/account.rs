//! What somebody has set up in the account's dashboard: the rights of the key, and the endpoint that events go to.

use super::{errors::ApiError, params::Params, state::Vault};
use serde_json::{Value, json};

/// The account's settings. At first the key may do everything, and there is no endpoint.
#[derive(Default)]
pub(super) struct Account {
    /// What the key may not do: the beginning of the path behind `/v1/`, and Stripe's word for the right.
    pub lacking: Vec<(String, String)>,
    /// Where events go, and which.
    pub endpoint: Option<(String, Vec<String>)>,
}

impl Account {
    /// Whether the key may ask this.
    pub fn check(&self, path: &str) -> Result<(), ApiError> {
        let is_of = |of: &str| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match self.lacking.iter().find(|(of, _)| is_of(of)) {
            Some((_, right)) => Err(ApiError::forbidden(right)),
            None => Ok(()),
        }
    }
}

/// The endpoints of the account, of which there is one at most.
pub(super) fn endpoints(vault: &Vault, query: &str) -> Result<Value, ApiError> {
    Params::parse(query, &["limit", "starting_after"])?;
    let one = |(url, events): &(String, Vec<String>)| {
        json!({
            "id": "we_practice", "object": "webhook_endpoint", "api_version": null, "application": null, "created": 1_700_000_000,
            "description": null, "enabled_events": events, "livemode": false, "metadata": {}, "status": "enabled", "url": url,
        })
    };
    let rows: Vec<Value> = vault.account.endpoint.iter().map(one).collect();
    Ok(json!({ "object": "list", "data": rows, "has_more": false, "url": "/v1/webhook_endpoints" }))
}

/// The portal's settings, of which nothing is ever asked but whether one may ask.
pub(super) fn portal_settings(query: &str) -> Result<Value, ApiError> {
    Params::parse(query, &["limit", "starting_after"])?;
    Ok(json!({ "object": "list", "data": [], "has_more": false, "url": "/v1/billing_portal/configurations" }))
}
