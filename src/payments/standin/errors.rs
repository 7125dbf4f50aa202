//! Errors in Stripe's words and shape (docs.stripe.com/api/errors).

use serde_json::{Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub param: Option<String>,
    pub message: String,
}

impl ApiError {
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self { status: 400, kind: "invalid_request_error", code: None, param: Some(param.to_owned()), message: message.into() }
    }

    pub fn coded(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::invalid(param, message) }
    }

    pub fn missing(kind: &str, id: &str) -> Self {
        Self { status: 404, ..Self::coded("resource_missing", "id", format!("No such {kind}: '{id}'")) }
    }

    pub fn no_route(method: &str, path: &str) -> Self {
        Self {
            status: 404,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message: format!(
                "Unrecognized request URL ({method}: {path}). The stand-in knows only the part of Stripe that Wellwisher uses."
            ),
        }
    }

    pub fn unauthorized(message: &str) -> Self {
        Self { status: 401, kind: "invalid_request_error", code: None, param: None, message: message.to_owned() }
    }

    /// A restricted key without this right.
    pub fn forbidden(right: &str) -> Self {
        let message = format!(
            "The provided key 'rk_test_practice' does not have the required permissions for this endpoint on account 'acct_practice'. \
             Having the '{right}' permission would allow this request to continue."
        );
        Self { status: 403, kind: "invalid_request_error", code: None, param: None, message }
    }

    pub fn idempotency(key: &str) -> Self {
        Self {
            status: 400,
            kind: "idempotency_error",
            code: None,
            param: None,
            message: format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Key: '{key}'"
            ),
        }
    }

    pub fn too_many() -> Self {
        Self {
            status: 429,
            kind: "invalid_request_error",
            code: Some("rate_limit"),
            param: None,
            message: "Request rate limit exceeded.".to_owned(),
        }
    }

    pub fn conflict() -> Self {
        Self {
            status: 409,
            kind: "idempotency_error",
            code: Some("idempotency_key_in_use"),
            param: None,
            message: "There is currently another in-progress request using this idempotency key.".to_owned(),
        }
    }

    pub fn server() -> Self {
        Self { status: 500, kind: "api_error", code: None, param: None, message: "An error occurred with our connection.".to_owned() }
    }

    pub fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({ "error": error })
    }
}
