//! Which article a beacon names, and which campaigns stand on it: asked of the database at most every few seconds.

use crate::app::App;
use crate::clock::Clock;
use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use entity::ids::{ArticleId, CampaignId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long an answer holds: an attachment counts from so soon after it was made.
const HOLDS: TimeDelta = TimeDelta::seconds(5);

/// How many answers are kept. Past it they are all forgotten, which costs a query each.
const KEPT_MAX: usize = 4_096;

/// A published article and the campaigns that take gifts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The article.
    pub article: ArticleId,
    /// The campaigns.
    pub campaigns: Arc<[CampaignId]>,
}

/// What was found lately, by the name that the beacon gave; also that nothing was found.
#[derive(Clone)]
pub(super) struct Places {
    clock: Clock,
    found: Arc<Mutex<HashMap<String, Lookup>>>,
}

/// When a name was looked up, and what it led to.
type Lookup = (DateTime<Utc>, Option<Place>);

/// The published article of that slug or id, with its campaigns.
pub(super) async fn find(app: &App, name: &str) -> Result<Option<Place>, Error> {
    let places = app.shelf.get_or_open(async || Ok(Places { clock: app.clock.clone(), found: Arc::default() })).await?;
    if let Some(known) = places.known(name) {
        return Ok(known);
    }
    let place = look_up(app, name).await?;
    places.keep(name, &place);
    Ok(place)
}

async fn look_up(app: &App, name: &str) -> Result<Option<Place>, Error> {
    let Some(article) = super::store::published_article(app.db.read(), name, app.now()).await? else { return Ok(None) };
    let campaigns = crate::attachments::campaign_ids_for_article(app, article).await?;
    Ok(Some(Place { article, campaigns: campaigns.into() }))
}

impl Places {
    fn known(&self, name: &str) -> Option<Option<Place>> {
        let now = self.clock.now();
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(name).filter(|(since, _)| now - *since < HOLDS).map(|(_, place)| place.clone())
    }

    fn keep(&self, name: &str, place: &Option<Place>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= KEPT_MAX {
            found.clear();
        }
        found.insert(name.to_owned(), (self.clock.now(), place.clone()));
    }
}
