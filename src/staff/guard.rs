//! Who may reach a page of the desk: the type that a handler asks for decides.

use super::{
    audit::Actor,
    session::{self, SignedIn},
};
use crate::{app::App, error::Error, web};
use axum::{
    Router,
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use entity::{ids::StaffId, staff_member, words::Role};

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident($($role:ident)|+): $who:literal)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// The member.
            pub staff: staff_member::Model,
        }

        impl $name {
            /// Who it is, for the audit trail.
            pub fn actor(&self) -> Actor {
                Actor { staff_id: Some(self.staff.id), name: self.staff.name.clone() }
            }

            /// Her id.
            pub fn id(&self) -> StaffId {
                self.staff.id
            }
        }

        impl FromRequestParts<App> for $name {
            type Rejection = Response;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
                let staff = let_in(parts, app).await?.staff;
                if matches!(staff.role, $(Role::$role)|+) {
                    Ok(Self { staff })
                } else {
                    Err(Error::Forbidden($who.to_owned()).into_response())
                }
            }
        }
    )+};
}

roles! {
    /// Anybody who works here.
    AnyStaff(Admin | Editor | Finance): "This is open to everybody who works here."
    /// Articles, campaigns, the wish list.
    Editor(Admin | Editor): "This is open to editors and administrators."
    /// Money, receipts, letters, exports.
    Finance(Admin | Finance): "This is open to finance and administrators."
    /// People and the audit trail.
    Admin(Admin): "This is open to administrators."
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let_in(parts, app).await
    }
}

/// Who stands at the door: perhaps nobody, perhaps with one factor only.
pub(super) struct AtTheDoor(pub Option<SignedIn>);

impl FromRequestParts<App> for AtTheDoor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        at_the_door(parts, app).await.map(Self)
    }
}

/// Who sent the request, in full: with both factors. Otherwise the way to where the missing one is given.
pub(super) async fn let_in(parts: &mut Parts, app: &App) -> Result<SignedIn, Response> {
    let Some(signed_in) = at_the_door(parts, app).await? else { return Err(to_sign_in(parts, "/desk/sign-in")) };
    if signed_in.session.verified {
        Ok(signed_in)
    } else if signed_in.staff.totp_secret.is_some() {
        Err(to_sign_in(parts, "/desk/sign-in/code"))
    } else {
        Err(to_sign_in(parts, "/desk/second-factor"))
    }
}

/// Who sent the request, perhaps with one factor only; looked up once a request.
pub(super) async fn at_the_door(parts: &mut Parts, app: &App) -> Result<Option<SignedIn>, Response> {
    if is_change(&parts.method) && !says_where_from(&parts.headers) {
        return Err(foreign().into_response());
    }
    if let Some(known) = parts.extensions.get::<SignedIn>() {
        return Ok(Some(known.clone()));
    }
    let found = session::find(app, &parts.headers).await.map_err(IntoResponse::into_response)?;
    if let Some(signed_in) = &found {
        parts.extensions.insert(signed_in.clone());
    }
    Ok(found)
}

/// A page is asked for again after sign-in; a form is not sent again, but what was typed stays in the other tab.
fn to_sign_in(parts: &Parts, door: &str) -> Response {
    if is_change(&parts.method) {
        let why = "You are signed out. Sign in in another tab, then go back here and send the form again: what you typed is still there.";
        return Error::Forbidden(why.to_owned()).into_response();
    }
    let here = parts.uri.path_and_query().map_or("/desk", |here| here.as_str());
    web::redirect(&with_next(door, here))
}

/// `door` with the page to go to after it.
pub(super) fn with_next(door: &str, next: &str) -> String {
    match own_next(next) {
        "/desk" => door.to_owned(),
        next => format!("{door}?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish()),
    }
}

/// Where to go after sign-in: a path of this site's desk, else the desk itself. Never another site, however it is written.
pub fn own_next(next: &str) -> &str {
    let plain = next.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\') && next.len() <= 1_000;
    let lower = next.to_ascii_lowercase();
    let hidden =
        ["%5c", "%2f", "%00", "%0d", "%0a", "%09", "..", "//"].iter().any(|trick| lower.split('?').next().unwrap_or("").contains(trick));
    let desk = next == "/desk" || next.starts_with("/desk/") || next.starts_with("/desk?");
    let door = lower.starts_with("/desk/sign-") || lower.starts_with("/desk/join") || lower.starts_with("/desk/second-factor");
    if plain && desk && !hidden && !door { next } else { "/desk" }
}

/// Every page of the desk: never kept by a browser or a proxy, and no change without a word where it came from.
///
/// The program's CSRF layer refuses what says that it came from elsewhere; here also what says nothing.
pub fn protect(routes: Router<App>) -> Router<App> {
    routes.layer(from_fn(async |request: Request, next: Next| {
        if is_change(request.method()) && !says_where_from(request.headers()) {
            return foreign().into_response();
        }
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }))
}

fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn says_where_from(headers: &HeaderMap) -> bool {
    headers.contains_key(HeaderName::from_static("sec-fetch-site")) || headers.contains_key(header::ORIGIN)
}

fn foreign() -> Error {
    Error::Forbidden(
        "The request does not say which site it came from. Please send the form from this site, with a current browser.".to_owned(),
    )
}
