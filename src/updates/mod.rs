//! News, written once, shown on a page and in feeds, and mailed to those who asked for them.
//!
//! ```text
//! draft ─ publish ─> published        on its page and in the feeds; no letters
//!   └──── send ────> scheduled ──> sending ──> sent
//!                                  │   ▲
//!                                  ▼   │     stop, from each of these: no further letter leaves
//!                                  paused
//! ```
//!
//! Whether the public sees an update is one rule, [`crate::news::store::open`]. Who gets its letters is decided in one place,
//! [`audience`], both for the count before sending and when the letters are written. Letters are written in batches ([`send`]): each
//! batch, the place where it ended and what it left out are one transaction, so that a crash loses and repeats none.

pub mod audience;
mod desk;
mod desk_send;
pub mod details;
mod feed;
pub mod letter;
mod pages;
pub mod send;
pub mod state;
pub mod store;

pub use pages::routes;

use crate::{app::App, asks, error::Error, mail::topic::Topic, news::About, wishes};
use axum::Router;
use entity::news_update;
use sea_orm::ConnectionTrait;

/// The desk's pages.
pub fn desk_routes() -> Router<App> {
    desk::desk_routes().merge(desk_send::desk_routes())
}

/// What an update is news of, as those ask for it who want its letters.
pub fn topic_of(update: &news_update::Model) -> Topic {
    match (update.wish_item_id, update.campaign_id) {
        (Some(id), _) => Topic::Item(id),
        (None, Some(id)) => Topic::Campaign(id),
        (None, None) => Topic::Updates,
    }
}

/// What an update is news of.
pub fn about(update: &news_update::Model) -> About {
    match (update.wish_item_id, update.campaign_id) {
        (Some(id), _) => About::Item(id),
        (None, Some(id)) => About::Campaign(id),
        (None, None) => About::Site,
    }
}

/// What an update is news of, as a page names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The path of its page.
    pub path: String,
    /// Its title.
    pub title: String,
    /// BCP 47 tag of the title.
    pub language: String,
}

/// The campaign or item that an update is news of; none for news of the whole newsroom.
pub async fn subject_of(db: &impl ConnectionTrait, update: &news_update::Model) -> Result<Option<Subject>, Error> {
    if let Some(id) = update.wish_item_id {
        let item = wishes::store::item(db, id).await?;
        return Ok(item.map(|item| Subject { path: format!("/wish-list/{}", item.slug), title: item.title, language: item.language }));
    }
    let Some(id) = update.campaign_id else { return Ok(None) };
    let campaign = asks::store::campaign_by_id(db, id).await?;
    Ok(campaign.map(|one| Subject { path: format!("/campaigns/{}", one.slug), title: one.title, language: one.language }))
}
