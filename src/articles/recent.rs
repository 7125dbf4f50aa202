//! Article pages of the last second, kept in memory: when many read the same article at once, it is put together once.
//!
//! A page is kept for a second at most, and not beyond the next commit of this process, so a gift that comes in here shows at once, and
//! one that another process took shows within the second. Every reader still gets a form token of her own.

use crate::{app::App, asks::token, i18n::Language};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How old a page may be.
const LIFE: Duration = Duration::from_secs(1);

/// How many bytes of pages are kept in all; a page that does not fit is not kept.
const BYTES_MAX: usize = 8 << 20;

/// What makes one page of an article differ from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The article.
    pub slug: String,
    /// The language of the page's own words.
    pub language: Language,
    /// Whether the reader chose it.
    pub chosen: bool,
}

struct Kept {
    since: Instant,
    commits: u64,
    before: Arc<str>,
    /// What follows the form token; none when the page has no form.
    after: Option<Arc<str>>,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.before.len() + self.after.as_ref().map_or(0, |after| after.len())
    }
}

/// The pages of this process.
#[derive(Clone, Default)]
pub(super) struct RecentPages(Arc<Mutex<HashMap<Key, Kept>>>);

impl RecentPages {
    /// The page, with a new form token where it has a form, if it was put together just now.
    pub fn find(&self, app: &App, key: &Key) -> Option<String> {
        let (before, after) = {
            let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = pages.get(key).filter(|kept| kept.commits == app.db.commits() && kept.since.elapsed() < LIFE)?;
            (Arc::clone(&kept.before), kept.after.clone())
        };
        Some(match after {
            Some(after) => [&before, token::issue(app).as_str(), &after].concat(),
            None => before.as_ref().to_owned(),
        })
    }

    /// Keeps a page that was put together when this process had made `commits`. `form_token` is the one that stands in it.
    pub fn keep(&self, key: Key, commits: u64, html: &str, form_token: Option<&str>) {
        let (before, after) = match form_token {
            None => (html, None),
            Some(token) => match html.split_once(token) {
                // A token that stands in the page twice would be told to two readers.
                Some((before, after)) if !after.contains(token) => (before, Some(after)),
                _ => return,
            },
        };
        let kept = Kept { since: Instant::now(), commits, before: before.into(), after: after.map(Into::into) };
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|_, other| other.commits == commits && other.since.elapsed() < LIFE);
        if pages.values().map(Kept::bytes).sum::<usize>() + kept.bytes() <= BYTES_MAX {
            pages.insert(key, kept);
        }
    }
}
