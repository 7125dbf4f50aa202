//! Days that are over already: the demo's past, counted and closed by the code that counts and closes the present.

use super::counter::{Counter, View, qualify, scopes_of};
use super::day::{Beacon, Day};
use super::filter::Bucket;
use super::journal::Segment;
use super::store;
use super::token::{DayKey, Network};
use crate::error::Error;
use chrono::NaiveDate;
use entity::ids::{ArticleId, CampaignId};
use entity::words::ReaderSource;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A beacon of the past.
#[derive(Clone, Debug)]
pub struct PastView {
    /// The day it came in, before today.
    pub day: NaiveDate,
    /// The article.
    pub article: ArticleId,
    /// The campaigns that stood on it.
    pub campaigns: Vec<CampaignId>,
    /// Which reader: equal numbers on one day are one reader.
    pub reader: u32,
    /// The bucket that the filter put it in; `None` for a qualified view.
    pub filtered: Option<Bucket>,
}

impl Counter {
    /// Counts beacons of days before today, each day under a key of its own that is thrown away, and closes the days, all in one
    /// transaction. A day that is closed already is an error. The answer is how many views were counted for the site.
    pub async fn record_history(&self, views: &[PastView]) -> Result<u64, Error> {
        let inner = &self.0;
        let today = inner.clock.now().date_naive();
        let mut days: BTreeMap<NaiveDate, (DayKey, Day)> = BTreeMap::new();
        let mut counted = 0;
        // History is written closed, so its journal goes nowhere.
        let mut journal = Segment::default();
        for (load, view) in (0u64..).zip(views) {
            if view.day >= today {
                return Err(Error::Invalid(format!("{} is not over", view.day)));
            }
            let (key, day) = days
                .entry(view.day)
                .or_insert_with(|| (DayKey::new(view.day, 0, &inner.random.bytes::<32>()), Day::new(view.day, Arc::clone(&inner.node))));
            let bucket = day.count(ReaderSource::Script, &beacon_of(key, view, load), &mut journal);
            counted += u64::from(bucket == Bucket::Counted);
        }
        let tallies: Vec<_> = days.iter().map(|(date, (_, day))| (*date, day.tally())).collect();
        if let Some((day, _)) = tallies.iter().find(|(_, tallies)| !tallies.values().all(super::day::Tally::holds)) {
            return Err(Error::Internal(format!("the readers of {day} do not add up")));
        }
        inner
            .db
            .write(async |tx| {
                store::order_with_closing(tx, true).await?;
                for (day, tallies) in &tallies {
                    if store::is_closed(tx, *day).await? {
                        return Err(Error::Conflict(format!("the readers of {day} are closed already")));
                    }
                    store::close(tx, *day, tallies).await?;
                }
                Ok(())
            })
            .await?;
        inner.reread_closed().await?;
        Ok(counted)
    }
}

fn beacon_of(key: &DayKey, view: &PastView, load: u64) -> Beacon {
    match view.filtered {
        Some(bucket) => Beacon::Filtered { bucket, scopes: scopes_of(view.article, &view.campaigns) },
        None => qualify(
            key,
            &View {
                article: view.article,
                campaigns: &view.campaigns,
                source: ReaderSource::Script,
                load: Some(load),
                // Any address that stands for the reader's number: it is forgotten with the key.
                network: Network::of(IpAddr::V4(Ipv4Addr::from_bits(view.reader))),
                user_agent: b"Mozilla/5.0 (a reader of the past)",
            },
        ),
    }
}
