//! Extractors whose refusal is a proper page: what is not understood is told in words, never by a bare status.

use crate::error::Error;
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

/// Whether a path, query or form holds a zero byte: nobody types one, and PostgreSQL cannot even compare with one.
fn holds_zero(encoded: &[u8]) -> bool {
    encoded.contains(&0) || encoded.windows(3).any(|three| three == b"%00")
}

fn refuse_zero() -> Error {
    Error::Invalid("a character that cannot be written was sent".to_owned())
}

/// The parts of the path; one that does not parse is simply not found.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if holds_zero(parts.uri.path().as_bytes()) {
            return Err(Error::NotFound);
        }
        #[expect(clippy::disallowed_types, reason = "this is the wrapper")]
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|p| Self(p.0)).map_err(|_| Error::NotFound)
    }
}

/// The query; repeated keys make a list.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if parts.uri.query().is_some_and(|query| holds_zero(query.as_bytes())) {
            return Err(refuse_zero());
        }
        let query = axum_extra::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|q| Self(q.0)).map_err(|e| Error::Invalid(format!("the address is not understood: {e}")))
    }
}

/// A form that was sent; repeated keys make a list.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
        let bytes = bytes.map_err(|e| Error::Invalid(format!("the form was cut off or is too large: {e}")))?;
        if holds_zero(&bytes) {
            return Err(refuse_zero());
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        let form = axum_extra::extract::Form::<T>::from_request(request, state).await;
        form.map(|f| Self(f.0)).map_err(|e| Error::Invalid(format!("the form is not understood: {e}")))
    }
}
