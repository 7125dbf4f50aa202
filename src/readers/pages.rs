//! Where readers are told of: `POST /readers` by the script, `GET /readers/{article}.gif` by the picture for those without scripts.
//!
//! The answer comes when the view can no longer be lost by a kill. What is not a view is answered all the same, so that nobody learns
//! from the answer how to look like one.

use super::filter::{self, Bucket, Signs};
use super::token::Network;
use super::{View, counter, places};
use crate::app::App;
use crate::error::Error;
use crate::web::Path;
use crate::web::client::ClientAddress;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use entity::words::ReaderSource;

/// The largest body of a beacon.
const BODY_BYTES_MAX: usize = 1_024;

/// The longest name of an article in a beacon.
const NAME_BYTES_MAX: usize = 200;

/// A transparent picture of one pixel.
const PIXEL: &[u8; 43] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// The public routes.
pub fn routes() -> Router<App> {
    Router::new().route("/readers/{article}", get(show_pixel))
}

/// The beacon's route, which stands outside the layers of pages: it bounds its own body, has no page to protect or compress, and must
/// see what comes from other sites, because that is counted too.
pub fn beacon_routes() -> Router<App> {
    Router::new().route("/readers", post(tell))
}

/// What a beacon says.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    article: String,
    load: Option<u64>,
    webdriver: bool,
}

impl Told {
    /// Reads `article=…&load=<up to 16 hex digits>&webdriver=0|1`.
    fn read(body: &[u8]) -> Option<Self> {
        let (mut article, mut load, mut webdriver) = (None, None, false);
        for (key, value) in url::form_urlencoded::parse(std::str::from_utf8(body).ok()?.as_bytes()) {
            match &*key {
                "article" if (1..=NAME_BYTES_MAX).contains(&value.len()) && !value.contains('\0') => article = Some(value.into_owned()),
                "load" if value.bytes().all(|byte| byte.is_ascii_hexdigit()) => load = u64::from_str_radix(&value, 16).ok(),
                "webdriver" => webdriver = value == "1",
                _ => {}
            }
        }
        Some(Self { article: article?, load: Some(load?), webdriver })
    }
}

/// The script's beacon.
async fn tell(State(app): State<App>, address: ClientAddress, headers: HeaderMap, body: Body) -> Response {
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let told = body.as_ref().ok().and_then(|body| Told::read(body));
    match place_and_count(&app, address, &headers, ReaderSource::Script, told).await {
        Ok(Bucket::Malformed) if body.is_err() => (StatusCode::PAYLOAD_TOO_LARGE, "a beacon has 1 KiB at most\n").into_response(),
        Ok(Bucket::Malformed) => {
            (StatusCode::BAD_REQUEST, "a beacon is article=<slug>&load=<16 hex digits>&webdriver=<0 or 1>\n").into_response()
        }
        Ok(_) => (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(error) => {
            // The reason can name hosts and folders: it is for the log alone.
            tracing::warn!(%error, "a view by the script was not counted");
            let why = "views cannot be counted just now; please try again\n";
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], why).into_response()
        }
    }
}

/// The picture, where the setting READER_PIXEL asks for it. It comes whether or not the view could be counted.
async fn show_pixel(
    State(app): State<App>,
    address: ClientAddress,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, Error> {
    let article = name.strip_suffix(".gif").filter(|name| app.config.reader_pixel && (1..=NAME_BYTES_MAX).contains(&name.len()));
    let told = Told { article: article.ok_or(Error::NotFound)?.to_owned(), load: None, webdriver: false };
    if let Err(error) = place_and_count(&app, address, &headers, ReaderSource::Pixel, Some(told)).await {
        tracing::warn!(%error, "a view by the picture was not counted");
    }
    Ok(([(header::CONTENT_TYPE, "image/gif"), (header::CACHE_CONTROL, "no-store")], PIXEL.as_slice()).into_response())
}

/// Finds the bucket of a beacon, in the order of the definition, and counts it there.
async fn place_and_count(
    app: &App,
    address: ClientAddress,
    headers: &HeaderMap,
    source: ReaderSource,
    told: Option<Told>,
) -> Result<Bucket, Error> {
    let counter = counter(app).await?;
    let place = match &told {
        Some(told) => places::find(app, &told.article).await?,
        None => None,
    };
    let by_headers = filter::judge(&read_signs(headers, source), &[app.config.base_url.origin().ascii_serialization()]);
    let filtered = by_headers.or_else(|| match (&told, &place) {
        (None, _) => Some(Bucket::Malformed),
        (Some(told), _) if told.webdriver => Some(Bucket::Bot),
        (Some(_), None) => Some(Bucket::UnknownArticle),
        (Some(_), Some(_)) => crate::staff::session::is_staff_cookie(app, headers).then_some(Bucket::Staff),
    });
    let article = place.as_ref().map(|place| (place.article, &*place.campaigns));
    match (filtered, article) {
        (Some(bucket), article) => counter.put(bucket, source, article).await,
        (None, Some((article, campaigns))) => {
            let user_agent = headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
            let load = told.and_then(|told| told.load);
            counter.count(&View { article, campaigns, source, load, network: Network::of(address.0), user_agent }).await
        }
        (None, None) => counter.put(Bucket::UnknownArticle, source, None).await,
    }
}

fn read_signs(headers: &HeaderMap, source: ReaderSource) -> Signs<'_> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Signs {
        purposes: [text("sec-purpose"), text("purpose"), text("x-moz")],
        gpc: text("sec-gpc"),
        dnt: text("dnt"),
        user_agent: headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes()),
        has_language: text("accept-language").is_some_and(|value| !value.trim().is_empty()),
        origin: text("origin"),
        fetch_site: text("sec-fetch-site"),
        is_pixel: source == ReaderSource::Pixel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beacon_is_read_or_malformed() {
        let read = |body: &str| Told::read(body.as_bytes());
        let told = Told { article: "a-b".to_owned(), load: Some(255), webdriver: true };
        assert_eq!(read("article=a-b&load=00000000000000ff&webdriver=1"), Some(told));
        for body in [
            "",
            "article=a",
            "load=1",
            "article=a%00&load=1",
            "article=&load=1",
            "article=a&load=xyz",
            "article=a&load=+1",
            "article=a&load=11111111111111111",
        ] {
            assert_eq!(read(body), None, "{body}");
        }
        assert_eq!(Told::read(b"article=\xff&load=1"), None);
        assert_eq!(read(&format!("article={}&load=1", "a".repeat(201))), None);
    }
}
