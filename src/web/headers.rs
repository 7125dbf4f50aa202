//! The headers of every response. The Content-Security-Policy is a constant but for the checkout's origin, and allows nothing inline.

use crate::app::App;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// Says which sites may use an answer within pages of theirs.
const RESOURCE_POLICY: &str = "cross-origin-resource-policy";

/// Adds the security headers that a handler has not set itself.
///
/// `form-action` names the checkout's origin, because Chromium refuses a form's redirect to any other. `Referrer-Policy` is
/// `same-origin`, because `no-referrer` would blank the `Origin` of our own forms.
pub async fn protect(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    // Stripe's page for another card is a host of its own; the stand-in's is where its checkout is.
    let portal = if app.checkout_origin.starts_with("https:") { " https://billing.stripe.com" } else { "" };
    let csp = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; font-src 'self'; connect-src 'self'; \
         form-action 'self' {}{portal}; base-uri 'none'; frame-ancestors 'none'",
        app.checkout_origin
    );
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if !headers.contains_key(&name)
            && let Ok(value) = HeaderValue::from_str(value)
        {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, &csp);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static(RESOURCE_POLICY), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if app.config.base_url.scheme() == "https" {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    set(header::CACHE_CONTROL, "no-cache");
    response
}

/// Lets any site use an answer within its pages: one that is the same for everybody.
pub fn open_to_others(response: &mut Response) {
    response.headers_mut().insert(HeaderName::from_static(RESOURCE_POLICY), HeaderValue::from_static("cross-origin"));
}

/// Whether the asker has what is known by this tag (`ETag`) already.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.flat_map(|value| value.split(',')).any(|one| one.trim() == "*" || bare(one) == bare(tag))
}
