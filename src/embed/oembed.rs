//! oEmbed 1.0: the address of an article or campaign of ours becomes the frame to show.

use crate::{
    app::App,
    articles,
    asks::article_may_ask,
    campaigns,
    error::Error,
    i18n::Language,
    web::{Page, Query},
};
use askama::Template;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// How wide and high a frame is, in pixels, unless less is asked for. What is higher scrolls.
const FRAME: (u32, u32) = (480, 420);

/// What a program asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    url: String,
    format: String,
    maxwidth: String,
    maxheight: String,
}

#[derive(Template)]
#[template(path = "embed/oembed.html")]
struct Html {
    frame: String,
    link: String,
    title: String,
    width: u32,
    height: u32,
}

/// The frame of a page. What asks for nothing has none: a program that asks again later takes its frame away.
pub(super) async fn describe(State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    if !matches!(asked.format.as_str(), "" | "json") {
        return Ok((StatusCode::NOT_IMPLEMENTED, "Only format=json is offered.\n").into_response());
    }
    let width = at_most(FRAME.0, "maxwidth", &asked.maxwidth)?;
    let height = at_most(FRAME.1, "maxheight", &asked.maxheight)?;
    let url =
        Url::parse(&asked.url).map_err(|_| Error::Invalid("`url` must be the full address of an article or a campaign".to_owned()))?;
    if url.origin() != app.config.base_url.origin() {
        return Err(Error::NotFound);
    }
    let chosen = url.query_pairs().find(|(name, _)| name == "lang").and_then(|(_, tag)| tag.parse::<Language>().ok());
    let page = Page::plain(&app, chosen.unwrap_or_default());
    let path = url.path();
    let title = match path.split('/').collect::<Vec<_>>()[..] {
        ["", "articles", slug] => {
            let article = articles::for_readers(app.db.read(), slug, app.now()).await?;
            article_may_ask(&article, app.now()).then_some(article.title).ok_or(Error::NotFound)?
        }
        ["", "campaigns", slug] => campaigns::tell(&app, page, slug).await?.page.title,
        _ => return Err(Error::NotFound),
    };
    let language = chosen.map(|language| format!("?lang={}", language.tag())).unwrap_or_default();
    let (frame, link) = (app.config.link(&format!("/embed{path}{language}")), app.config.link(&format!("{path}{language}")));
    let html = Html { frame, link, title: title.clone(), width, height }.render()?;
    let told = json!({
        "version": "1.0", "type": "rich", "provider_name": app.config.org_name, "provider_url": app.config.link("/"),
        "title": title, "html": html, "width": width, "height": height,
    });
    Ok(Json(told).into_response())
}

/// The usual size, or what is asked for when that is less; empty is nothing.
fn at_most(usual: u32, name: &str, asked: &str) -> Result<u32, Error> {
    match asked {
        "" => Ok(usual),
        text => match text.parse::<u32>() {
            Ok(most @ 1..) => Ok(usual.min(most)),
            _ => Err(Error::Invalid(format!("`{name}` must be a number of pixels"))),
        },
    }
}
