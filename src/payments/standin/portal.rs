//! The page on which a supporter gives another card: Stripe's customer portal, as far as Wellwisher uses it.

use super::{Standin, card_page, errors::ApiError, params::Params, state::Vault};
use askama::Template;
use axum::{
    body::to_bytes,
    extract::{RawPathParams, Request, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;
use url::form_urlencoded;

const BODY_BYTES_MAX: usize = 16 * 1024;

/// A portal session.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    pub id: String,
    pub created: DateTime<Utc>,
    pub customer_id: String,
    pub return_url: String,
}

#[derive(Template)]
#[template(path = "standin/portal.html")]
struct PortalPage<'a> {
    path: &'a str,
    return_url: &'a str,
    error: Option<&'a str>,
    expiry: &'a str,
}

/// `POST /v1/billing_portal/sessions`
pub(super) fn create(vault: &mut Vault, form: &str) -> Result<Value, ApiError> {
    let known = [
        "customer",
        "return_url",
        "locale",
        "flow_data[type]",
        "flow_data[after_completion][type]",
        "flow_data[after_completion][redirect][return_url]",
    ];
    let params = Params::parse(form, &known)?;
    let customer_id = params.required("customer")?.to_owned();
    if vault.billing.customers.get(&customer_id).is_none() {
        return Err(ApiError::missing("customer", &customer_id));
    }
    if params.required("flow_data[type]")? != "payment_method_update" {
        return Err(ApiError::invalid("flow_data[type]", "The stand-in knows payment_method_update only."));
    }
    let return_url = params.required("return_url")?.to_owned();
    let portal = Portal { id: vault.new_id("bps_1", 23), created: vault.now(), customer_id, return_url };
    let answer = json!({
        "id": portal.id, "object": "billing_portal.session", "configuration": "bpc_1Practice", "created": portal.created.timestamp(),
        "customer": portal.customer_id, "customer_account": null,
        "flow": { "after_completion": { "hosted_confirmation": null, "redirect": { "return_url": portal.return_url }, "type": "redirect" },
            "subscription_cancel": null, "subscription_update": null, "subscription_update_confirm": null, "type": "payment_method_update" },
        "livemode": false, "locale": null, "on_behalf_of": null, "return_url": portal.return_url,
        "url": format!("{}/portal/{}", vault.base_url, portal.id),
    });
    vault.billing.portals.put(portal);
    Ok(answer)
}

/// `GET /portal/{session}`
pub(super) async fn show(State(standin): State<Standin>, params: RawPathParams) -> Response {
    match find(&standin, &params) {
        Some(portal) => page(&portal, StatusCode::OK, None, &HashMap::new()),
        None => card_page::closed(None),
    }
}

/// `POST /portal/{session}`
pub(super) async fn save(State(standin): State<Standin>, params: RawPathParams, request: Request) -> Response {
    let Some(portal) = find(&standin, &params) else { return card_page::closed(None) };
    let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await.unwrap_or_default();
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map(|text| text.trim()).unwrap_or_default();
    let digits: String = field("number").chars().filter(char::is_ascii_digit).collect();
    let problem = card_page::card_problem(field("number"), field("expiry"), field("cvc"), &standin)
        .or_else(|| (!super::flow::is_practice_number(&digits)).then_some(card_page::NOT_PRACTICE));
    if let Some(problem) = problem {
        return page(&portal, StatusCode::UNPROCESSABLE_ENTITY, Some(problem), &form);
    }
    standin.give_card(&portal.customer_id, &digits, card_page::month_and_year(field("expiry")).unwrap_or((12, 2040)));
    card_page::see_other(&portal.return_url)
}

fn find(standin: &Standin, params: &RawPathParams) -> Option<Portal> {
    let id = params.iter().find(|(name, _)| *name == "session").map(|(_, id)| id.to_owned())?;
    standin.lock().billing.portals.get(&id).cloned()
}

fn page(portal: &Portal, status: StatusCode, error: Option<&str>, form: &HashMap<String, String>) -> Response {
    let path = format!("/portal/{}", portal.id);
    let expiry = form.get("expiry").map(String::as_str).unwrap_or_default();
    let shown = PortalPage { path: &path, return_url: &portal.return_url, error, expiry };
    card_page::html(status, shown.render(), &[Some(&portal.return_url)])
}
