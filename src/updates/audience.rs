//! Who gets the letters of an update: those who asked for such news and confirmed it, less those who read another language or did not
//! give (where that was chosen), and, of news that ask for money, less those who gave for it already or were asked often enough lately.
//!
//! A gift alone is no wish for news: who gave and did not ask for news gets none.

use super::{about, store, topic_of};
use crate::{
    app::App,
    consents::{self, LeftOut, Subscriber},
    error::Error,
    i18n::Language,
    news::About,
};
use chrono::TimeDelta;
use entity::{ids::SupporterId, news_update, words::UpdateAudience};
use sea_orm::ConnectionTrait;
use std::collections::HashSet;

/// How long an ask counts.
pub const ASKS_COUNT_FOR: TimeDelta = TimeDelta::days(30);

/// How many supporters are looked at together.
pub const BATCH: u64 = 500;

/// Of some who asked for such news: who gets it, and how many are left out why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Who gets it.
    pub gets: Vec<Subscriber>,
    /// Who gave for what it is about already, or is giving now, and is not asked for it again.
    pub given: u64,
    /// Who was asked often enough lately.
    pub budget: u64,
    /// Who reads another language, or did not give where only givers were chosen.
    pub other: u64,
    /// Who of all these gave for what it is about.
    pub givers: u64,
}

/// Sorts some who asked for such news.
pub async fn sort(app: &App, db: &impl ConnectionTrait, update: &news_update::Model, some: Vec<Subscriber>) -> Result<Sorted, Error> {
    let ids: Vec<SupporterId> = some.iter().map(|one| one.supporter_id).collect();
    let mut sorted = Sorted::default();
    let givers = store::givers_among(db, about(update), &ids).await?;
    let asked = match update.asks {
        true => store::asks_since(db, &ids, app.now() - ASKS_COUNT_FOR, update.id).await?,
        false => Default::default(),
    };
    // Of the work as a whole one can be asked again: there is no one thing that she gave.
    let once_is_enough = update.asks && about(update) != About::Site;
    let giving_now = if once_is_enough { store::giving_now(db, about(update), &ids).await? } else { HashSet::new() };
    for one in some {
        let gave = givers.contains(&one.supporter_id);
        sorted.givers += u64::from(gave);
        let reads_it = update.only_language.is_empty() || language_of(&one).tag() == update.only_language;
        if !reads_it || (update.audience == UpdateAudience::Gave && !gave) {
            sorted.other += 1;
        } else if once_is_enough && (gave || giving_now.contains(&one.supporter_id)) {
            sorted.given += 1;
        } else if update.asks && asked.get(&one.supporter_id).copied().unwrap_or(0) >= app.config.asks_per_month {
            sorted.budget += 1;
        } else {
            sorted.gets.push(one);
        }
    }
    Ok(sorted)
}

/// The language that somebody reads.
pub fn language_of(subscriber: &Subscriber) -> Language {
    Language::nearest(&subscriber.language).unwrap_or_default()
}

/// What sending an update would do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Who would get it.
    pub gets: u64,
    /// Who gave for it already.
    pub given: u64,
    /// Who was asked often enough lately.
    pub budget: u64,
    /// Who reads another language, or did not give where only givers were chosen.
    pub other: u64,
    /// Who asked for such news and gets none, because of the address or because she wants no more.
    pub left_out: LeftOut,
    /// Who gave for it and did not ask for such news.
    pub did_not_ask: u64,
}

/// Counts who would get an update, as its sending would decide it now. It looks at everybody who asked for such news, a batch at a time.
pub async fn count(app: &App, update: &news_update::Model) -> Result<Count, Error> {
    let (db, topic) = (app.db.read(), topic_of(update));
    let mut count = Count { left_out: consents::left_out(db, topic).await?, ..Count::default() };
    let (mut after, mut givers) = (None, 0);
    loop {
        let some = consents::audience(db, topic, after, BATCH).await?;
        let Some(last) = some.last().map(|one| one.supporter_id) else { break };
        after = Some(last);
        let sorted = sort(app, db, update, some).await?;
        count.gets += sorted.gets.len() as u64;
        count.given += sorted.given;
        count.budget += sorted.budget;
        count.other += sorted.other;
        givers += sorted.givers;
    }
    count.did_not_ask = store::givers_count(db, about(update)).await?.saturating_sub(givers);
    Ok(count)
}
