//! Campaigns: draft, live, paused, closed; progress from the ledger.
//!
//! A live campaign takes gifts on its days (in the organisation's zone). A paused or closed one stays readable and takes none;
//! a draft is known to staff only. What was raised is always computed from the ledger, never kept beside it.

mod desk;
mod desk_funds;
mod desk_more;
pub mod details;
pub mod funds;
pub mod goals;
pub mod life;
mod pages;
pub mod store;
pub mod texts;

pub use crate::asks::accepts_gifts;
pub use desk::desk_routes;
pub use details::apply;
pub use goals::GoalStep;
pub use pages::{Told, routes, tell};

use crate::{app::App, asks, error::Error, ledger, matching};
use chrono::{DateTime, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use entity::{
    Money, campaign,
    ids::CampaignId,
    words::{CampaignStatus, CampaignStepKind},
};
use sea_orm::ConnectionTrait;
use std::{collections::HashMap, fmt, str::FromStr};

/// What staff do with a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A draft goes live.
    Launch,
    /// A live one takes no gifts for a while.
    Pause,
    /// A paused one goes on.
    Resume,
    /// It is over.
    Close,
    /// A closed one goes on after all.
    Reopen,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 5] = [Self::Launch, Self::Pause, Self::Resume, Self::Close, Self::Reopen];

    /// Its word, in addresses and in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Close => "close",
            Self::Reopen => "reopen",
        }
    }

    /// The state that it leads to from `status`; nothing where it is not allowed.
    pub const fn from(self, status: CampaignStatus) -> Option<CampaignStatus> {
        use CampaignStatus::{Closed, Draft, Live, Paused};
        match (self, status) {
            (Self::Launch, Draft) | (Self::Resume, Paused) | (Self::Reopen, Closed) => Some(Live),
            (Self::Pause, Live) => Some(Paused),
            (Self::Close, Live | Paused) => Some(Closed),
            _ => None,
        }
    }

    const fn step(self) -> CampaignStepKind {
        match self {
            Self::Launch => CampaignStepKind::Launch,
            Self::Pause => CampaignStepKind::Pause,
            Self::Resume => CampaignStepKind::Resume,
            Self::Close => CampaignStepKind::Close,
            Self::Reopen => CampaignStepKind::Reopen,
        }
    }

    /// The verbs that are allowed in a state.
    pub fn allowed(status: CampaignStatus) -> Vec<Self> {
        Self::ALL.into_iter().filter(|verb| verb.from(status).is_some()).collect()
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = Error;
    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == word).ok_or(Error::NotFound)
    }
}

/// How far a campaign has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What was raised in the currency of the goal.
    pub raised: Money,
    /// The goal.
    pub goal: Money,
    /// What was raised in other currencies, which the bar does not show because nobody knows tomorrow's rate.
    pub others: Vec<Money>,
    /// How many gifts.
    pub gifts: i64,
}

impl Progress {
    /// The true percentage of the goal, rounded down; more than a hundred when more came.
    pub fn percent(&self) -> i64 {
        let percent = i128::from(self.raised.minor) * 100 / i128::from(self.goal.minor.max(1));
        i64::try_from(percent).unwrap_or(i64::MAX)
    }

    /// The percentage that the bar shows: from 0 to 100.
    pub fn bar(&self) -> i64 {
        self.percent().clamp(0, 100)
    }
}

/// A campaign as pages show it.
#[derive(Clone, Debug)]
pub struct CampaignCard {
    /// The campaign.
    pub campaign: campaign::Model,
    /// How far it has come.
    pub progress: Progress,
    /// What sponsors owe it: more to come, but not raised.
    pub promised: Option<Money>,
    /// Its milestones, its goal and its stretch goals, in growing order.
    pub goals: Vec<GoalStep>,
    /// Whether it takes gifts now.
    pub accepts_gifts: bool,
    /// When it ends, where it has a last day and takes gifts until then.
    pub ends: Option<Ending>,
}

/// When a campaign ends, by the clocks of the organisation's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The last day.
    pub day: NaiveDate,
    /// The time of it; none: the end of the day.
    pub time: Option<NaiveTime>,
    /// How many days are left; zero on the last day.
    pub days_left: i64,
}

impl Ending {
    fn of(campaign: &campaign::Model, now: &DateTime<Tz>) -> Option<Self> {
        let day = campaign.ends_on.filter(|_| campaign.status == CampaignStatus::Live)?;
        let days_left = (day - now.date_naive()).num_days();
        let is_over = asks::target::deadline(campaign, now.timezone()).is_some_and(|end| end <= now.to_utc());
        (!is_over).then(|| Self { day, time: asks::target::ends_time(campaign), days_left })
    }
}

impl CampaignCard {
    /// The next amount that is not reached, when there is more than the goal to reach.
    pub fn next_goal(&self) -> Option<&GoalStep> {
        if self.goals.len() < 2 { None } else { self.goals.iter().find(|step| !step.is_reached) }
    }

    /// The key of the word for its state, for readers.
    pub fn state_key(&self) -> &'static str {
        match self.campaign.status {
            CampaignStatus::Live if self.accepts_gifts => "campaigns-state-live",
            // A live one outside its days: it has not begun, or its last day is over.
            CampaignStatus::Live => "campaigns-state-outside",
            CampaignStatus::Draft => "campaigns-state-draft",
            CampaignStatus::Paused => "campaigns-state-paused",
            CampaignStatus::Closed => "campaigns-state-closed",
        }
    }
}

/// Campaigns as pages show them, in the order given.
pub async fn cards(app: &App, db: &impl ConnectionTrait, campaigns: Vec<campaign::Model>) -> Result<Vec<CampaignCard>, Error> {
    let mut progress = progress(db, &campaigns).await?;
    let promised = matching::figures::owed(db, &campaigns.iter().map(|campaign| campaign.id).collect::<Vec<_>>()).await?;
    let mut goals = goals::of_campaigns(db, &campaigns.iter().map(|campaign| campaign.id).collect::<Vec<_>>()).await?;
    let now = app.local_now();
    let card = |campaign: campaign::Model| {
        let progress_of = progress.remove(&campaign.id)?;
        Some(CampaignCard {
            progress: progress_of.clone(),
            promised: promised.get(&campaign.id).copied(),
            goals: goals::ladder(goals.remove(&campaign.id).unwrap_or_default(), &progress_of),
            accepts_gifts: accepts_gifts(&campaign, &now),
            ends: Ending::of(&campaign, &now),
            campaign,
        })
    };
    Ok(campaigns.into_iter().filter_map(card).collect())
}

/// How far each campaign has come, from the ledger.
pub async fn progress(db: &impl ConnectionTrait, campaigns: &[campaign::Model]) -> Result<HashMap<CampaignId, Progress>, Error> {
    let ids: Vec<CampaignId> = campaigns.iter().map(|campaign| campaign.id).collect();
    let raised = ledger::raised(db, &ids).await?;
    let of = |campaign: &campaign::Model| {
        let (mut own, mut others, mut gifts) = (Money::new(0, campaign.currency), Vec::new(), 0);
        for row in raised.iter().filter(|row| row.campaign_id == campaign.id) {
            gifts += row.gifts;
            if row.money.currency == campaign.currency {
                own = row.money;
            } else if row.money.minor != 0 {
                others.push(row.money);
            }
        }
        others.sort_by_key(|money| money.currency);
        Progress { raised: own, goal: Money::new(campaign.goal_minor, campaign.currency), others, gifts }
    };
    Ok(campaigns.iter().map(|campaign| (campaign.id, of(campaign))).collect())
}

/// The campaigns that readers may know of: those that take gifts first, then the others, the newest first.
pub async fn published(app: &App) -> Result<Vec<CampaignCard>, Error> {
    let campaigns = store::published(app.db.read()).await?;
    let mut cards = cards(app, app.db.read(), campaigns).await?;
    cards.sort_by_key(|card| (!card.accepts_gifts, card.campaign.status));
    Ok(cards)
}
