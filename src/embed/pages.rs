//! The frames, and the script that other sites put them into their pages with.

use super::oembed;
use crate::{
    app::App,
    articles,
    asks::article_may_ask,
    attachments::{self, Attached},
    campaigns::{self, CampaignCard, Told},
    clock::sha256_hex,
    error::Error,
    web::{self, Page, Path, assets, headers},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use entity::{article, campaign_step};

/// The public routes of embeds.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/embed.js", get(async || assets::answer("embed.js", "public, max-age=3600")))
        .route("/embed/articles/{slug}", get(show_article))
        .route("/embed/campaigns/{slug}", get(show_campaign))
        .route("/oembed", get(oembed::describe))
}

#[derive(Template)]
#[template(path = "embed/nothing.html")]
struct Nothing {
    page: Page,
}

#[derive(Template)]
#[template(path = "embed/article.html")]
struct ArticleFrame {
    page: Page,
    article: article::Model,
    attached: Attached,
}

#[derive(Template)]
#[template(path = "embed/campaign.html")]
struct CampaignFrame {
    page: Page,
    card: CampaignCard,
    why: Option<campaign_step::Model>,
    money_key: Option<&'static str>,
    own_language: String,
}

/// What an article asks for.
async fn show_article(State(app): State<App>, headers: HeaderMap, uri: Uri, Path(slug): Path<String>) -> Result<Response, Error> {
    let page = page_of(&app, &headers, &uri);
    let frame = frame_of_article(&app, page.clone(), &slug).await;
    answer(&app, &headers, page, frame)
}

async fn frame_of_article(app: &App, page: Page, slug: &str) -> Result<Option<String>, Error> {
    let article = articles::for_readers(app.db.read(), slug, app.now()).await?;
    if !article_may_ask(&article, app.now()) {
        return Ok(None);
    }
    let attached = attachments::for_article(app, &article).await?;
    let page = page.preferring(&article.language).titled(article.title.clone());
    Ok(Some(ArticleFrame { page, article, attached }.render()?))
}

/// How far a campaign has come, and the way to give.
async fn show_campaign(State(app): State<App>, headers: HeaderMap, uri: Uri, Path(slug): Path<String>) -> Result<Response, Error> {
    let page = page_of(&app, &headers, &uri);
    let frame = frame_of_campaign(&app, page.clone(), &slug).await;
    answer(&app, &headers, page, frame)
}

async fn frame_of_campaign(app: &App, page: Page, slug: &str) -> Result<Option<String>, Error> {
    let Told { page, card, why, money_key, own_language, .. } = campaigns::tell(app, page, slug).await?;
    Ok(Some(CampaignFrame { page, card, why, money_key, own_language }.render()?))
}

/// The page for a request whose cookies are not looked at, so that a frame is the same for everybody who reads its language.
fn page_of(app: &App, headers: &HeaderMap, uri: &Uri) -> Page {
    let mut headers = headers.clone();
    headers.remove(header::COOKIE);
    Page::of(app, &headers, uri)
}

/// The frame as a response that the named sites may show, or the word that it is as it was (`ETag`). Without one, the frame says that there is
/// nothing to give for: an error page would stand as a broken frame in a page of somebody else's.
fn answer(app: &App, asked: &HeaderMap, page: Page, frame: Result<Option<String>, Error>) -> Result<Response, Error> {
    let (status, html) = match frame {
        Ok(Some(html)) => (StatusCode::OK, html),
        Ok(None) => (StatusCode::OK, Nothing { page }.render()?),
        Err(Error::NotFound) => (StatusCode::NOT_FOUND, Nothing { page }.render()?),
        Err(error) => return Err(error),
    };
    let tag = format!("W/\"{}\"", &sha256_hex(&html)[..32]);
    let is_as_it_was = status == StatusCode::OK && headers::is_known(asked, &tag);
    let mut response = if is_as_it_was { StatusCode::NOT_MODIFIED.into_response() } else { (status, web::html_text(html)).into_response() };
    let origins: String = app.config.embed_origins.iter().map(|origin| format!(" {origin}")).collect();
    let policy = format!("default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'{origins}");
    let told = [(header::CONTENT_SECURITY_POLICY, policy), (header::ETAG, tag)];
    for (name, value) in told {
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(|e| Error::internal("a header of a frame", e))?);
    }
    headers::open_to_others(&mut response);
    Ok(response)
}
