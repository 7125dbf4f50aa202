//! Every route.

use crate::{
    app::App, articles, attachments, campaigns, canary, consents, desk, donations, embed, error::Error, genuine, gift_aid, matching,
    payouts, portal, privacy, promises, readers, receipts, recurring, reports, staff, updates, web, wishes,
};
use axum::{
    Router,
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use std::time::Duration;
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer, limit::RequestBodyLimitLayer, timeout::TimeoutLayer,
};

/// The largest body a form may have: an article of a megabyte, and room for its other fields.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The whole site.
pub fn build(app: App) -> Result<Router, Error> {
    let origin = app.config.base_url.origin().ascii_serialization();
    let csrf = CsrfLayer::new()
        .add_trusted_origin(&origin)
        .map_err(|e| Error::internal("the site's origin", e))?
        .with_insecure_bypass(|_, uri| {
            // A link to unsubscribe is a key by itself, and mail programs press its button from wherever they are (RFC 8058).
            matches!(uri.path(), "/webhooks/stripe" | "/webhooks/stripe/canary") || uri.path().starts_with("/unsubscribe/")
        })
        .with_rejection_response(|_| Error::Forbidden("the form was sent from another site".to_owned()).into_response());
    let forms = Router::new()
        .merge(public_routes())
        .merge(desk_routes())
        .merge(operations())
        .fallback(async || Error::NotFound)
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX));
    let uploads = staff::protect(wishes::upload_routes()).layer(RequestBodyLimitLayer::new(wishes::UPLOAD_BODY_BYTES_MAX));
    Ok(forms
        .merge(uploads)
        .layer(csrf)
        .layer(timeout())
        .layer(CatchPanicLayer::custom(|_| Error::Internal("a handler panicked".to_owned()).into_response()))
        .layer(from_fn_with_state(app.clone(), web::render_errors))
        .layer(from_fn_with_state(app.clone(), web::headers::protect))
        .layer(CompressionLayer::new())
        .merge(readers::beacon_routes().layer(timeout()))
        .with_state(app))
}

/// A request that takes longer is answered with 503.
fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(30))
}

fn public_routes() -> Router<App> {
    Router::new()
        .merge(web::assets::routes())
        .merge(web::language_routes())
        .merge(readers::routes())
        .merge(wishes::routes())
        .merge(campaigns::routes())
        .merge(articles::routes())
        .merge(embed::routes())
        .merge(donations::routes())
        .merge(donations::webhook_routes())
        .merge(promises::routes())
        .merge(recurring::routes())
        .merge(portal::routes())
        .merge(consents::routes())
        .merge(updates::routes())
        .merge(canary::routes())
        .merge(genuine::routes())
        .merge(receipts::check_routes())
}

/// Everything under `/desk`: never kept by a browser, and no change without a word where it came from.
fn desk_routes() -> Router<App> {
    staff::protect(
        Router::new()
            .merge(desk::routes())
            .merge(staff::desk_routes())
            .merge(genuine::desk_routes())
            .merge(donations::desk_routes())
            .merge(consents::desk_routes())
            .merge(receipts::desk_routes())
            .merge(gift_aid::desk_routes())
            .merge(payouts::desk_routes())
            .merge(promises::desk_routes())
            .merge(recurring::desk_routes())
            .merge(privacy::desk_routes())
            .merge(updates::desk_routes())
            .merge(reports::routes())
            .merge(articles::desk_routes())
            .merge(readers::desk_routes())
            .merge(wishes::desk_routes())
            .merge(campaigns::desk_routes())
            .merge(matching::desk_routes())
            .merge(attachments::desk_routes()),
    )
}

fn operations() -> Router<App> {
    Router::new().route("/healthz", get(async || "alive\n")).route("/readyz", get(tell_readiness))
}

/// Ready when the database answers and its tables are up to date.
async fn tell_readiness(axum::extract::State(app): axum::extract::State<App>) -> Result<Response, Error> {
    match app.db.pending_migrations().await? {
        0 => Ok(([(header::CACHE_CONTROL, "no-store")], "ready\n").into_response()),
        steps => Err(Error::Unavailable(format!("{steps} migrations have not run"))),
    }
}
