//! What was published of campaigns, wish items and the newsroom: for the pages that name it. Writing and mailing it is `updates`' part.
//!
//! The one rule of what the public may know of an update is [`store::open`]: it has a date of publication that has come, nobody hid it,
//! and the campaign that it belongs to is no draft.

pub mod store;

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    ids::{CampaignId, UpdateId, WishItemId},
    news_text, news_update,
};
use sea_orm::ConnectionTrait;

/// How many updates a list on another page shows.
const LINES_MAX: u64 = 20;

/// What updates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// All of them.
    Site,
    /// Those of a campaign and of its items.
    Campaign(CampaignId),
    /// Those of a wish item.
    Item(WishItemId),
}

/// An update and its texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The update.
    pub update: news_update::Model,
    /// Its texts, at least one.
    pub texts: Vec<news_text::Model>,
}

impl Entry {
    /// The text in a language, or else the one for whoever reads none of the others.
    pub fn text_for(&self, tag: &str) -> Option<&news_text::Model> {
        let of = |tag: &str| self.texts.iter().find(|text| text.language == tag);
        of(tag).or_else(|| of(&self.update.language)).or_else(|| self.texts.first())
    }

    /// The path of its page.
    pub fn path(&self) -> String {
        format!("/updates/{}", self.update.slug)
    }
}

/// An update on a page that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The path of its page.
    pub path: String,
    /// Its title.
    pub title: String,
    /// BCP 47 tag of the title.
    pub language: String,
    /// When it was published.
    pub at: DateTime<Utc>,
}

/// The newest updates, for a list on another page, each in the language of the page where there is a text in it.
pub async fn lines(db: &impl ConnectionTrait, about: About, language: &str, now: DateTime<Utc>) -> Result<Vec<Line>, Error> {
    let found = store::published(db, about, now, None, LINES_MAX).await?;
    Ok(found.iter().filter_map(|entry| line_of(entry, language)).collect())
}

/// An update as a line of a list.
pub fn line_of(entry: &Entry, language: &str) -> Option<Line> {
    let (text, at) = (entry.text_for(language)?, entry.update.published_at?);
    Some(Line { path: entry.path(), title: text.title.clone(), language: text.language.clone(), at })
}

/// Where a page of a list begins: after the update that was published then.
pub type After = (DateTime<Utc>, UpdateId);
