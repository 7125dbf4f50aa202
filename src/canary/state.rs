//! How the chain stands, by the last run, in words for staff and operators.

use super::{EVERY, PATIENCE, chain::is_in, store};
use crate::{app::App, error::Error};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{canary_link, words::CanaryLink};

/// How one link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The last run has not tried it; why.
    Untried(&'static str),
    /// It was tried, and may still give a sign.
    Waiting,
    /// It holds: seen at this time, so long after it was tried.
    Well(DateTime<Utc>, TimeDelta),
    /// It failed, or gave no sign in time; why.
    Silent(String),
}

/// What is known of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The link.
    pub link: CanaryLink,
    /// When the last run tried it.
    pub tried_at: Option<DateTime<Utc>>,
    /// Since when it is silent: the first of the runs without a sign; none where the last sign was good.
    pub silent_since: Option<DateTime<Utc>>,
    /// How it stands.
    pub standing: Standing,
}

impl Link {
    /// Whether it is silent: by the last run, or by the one before while the last one waits.
    pub fn is_silent(&self) -> bool {
        self.silent_since.is_some()
    }

    /// What its silence means for gifts, and what to do.
    pub const fn remedy(&self) -> &'static str {
        remedy_of(self.link)
    }
}

/// How the chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The last run.
    pub run: String,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// What was found not finished and taken up again.
    pub unfinished: Vec<CanaryLink>,
    /// Every link, in the order of a gift.
    pub links: Vec<Link>,
    /// Whether the next run should have been begun by now.
    pub is_overdue: bool,
    zone: Tz,
}

/// How the chain stands; nothing where no test key is set or nothing was run yet.
pub async fn state(app: &App) -> Result<Option<Report>, Error> {
    let Some(canary) = &app.config.canary else { return Ok(None) };
    let Some((run, rows)) = store::last(app.db.read()).await? else { return Ok(None) };
    let link = |link: &CanaryLink| judge(*link, rows.iter().find(|row| row.link == *link), canary.email.is_some(), app.now());
    let unfinished = CanaryLink::ALL.iter().copied().filter(|link| is_in(&run.unfinished, *link)).collect();
    let links = CanaryLink::ALL.iter().map(link).collect();
    let is_overdue = run.started_at + EVERY + PATIENCE < app.now();
    Ok(Some(Report { run: run.id, started_at: run.started_at, unfinished, links, is_overdue, zone: app.config.org_timezone }))
}

fn judge(link: CanaryLink, row: Option<&canary_link::Model>, has_letter: bool, now: DateTime<Utc>) -> Link {
    let Some(row) = row else {
        let why = match link {
            CanaryLink::Letter if !has_letter => "STRIPE_CANARY_EMAIL is not set",
            CanaryLink::Message => "there is no payment to hear of",
            _ => "the run has not come to it",
        };
        return Link { link, tried_at: None, silent_since: None, standing: Standing::Untried(why) };
    };
    let standing = match row.well_at {
        Some(at) => Standing::Well(at, at - row.tried_at),
        None if !row.failure.is_empty() => Standing::Silent(row.failure.clone()),
        None if row.tried_at + PATIENCE < now => Standing::Silent(late(link).to_owned()),
        None => Standing::Waiting,
    };
    let silent_since = match standing {
        Standing::Silent(_) => Some(row.silent_since.unwrap_or(row.tried_at)),
        Standing::Waiting => row.silent_since,
        Standing::Well(..) | Standing::Untried(_) => None,
    };
    Link { link, tried_at: Some(row.tried_at), silent_since, standing }
}

const fn late(link: CanaryLink) -> &'static str {
    match link {
        CanaryLink::Message => "Stripe took the payment, and its message about it has not come",
        CanaryLink::Letter => "the letter still waits in the outbox",
        CanaryLink::Checkout | CanaryLink::Payment | CanaryLink::Books => "it was begun and came to no end",
    }
}

/// A link in words.
pub(super) const fn name_of(link: CanaryLink) -> &'static str {
    match link {
        CanaryLink::Checkout => "the checkout at Stripe",
        CanaryLink::Payment => "the payment at Stripe",
        CanaryLink::Message => "Stripe’s message to us",
        CanaryLink::Books => "the books and the receipt",
        CanaryLink::Letter => "letters",
    }
}

const fn remedy_of(link: CanaryLink) -> &'static str {
    match link {
        CanaryLink::Checkout => {
            "Supporters may not come to Stripe’s checkout. See whether this server reaches Stripe and Stripe is well, and whether STRIPE_CANARY_KEY \
             may write Checkout Sessions."
        }
        CanaryLink::Payment => {
            "See whether this server reaches Stripe and Stripe is well, and whether STRIPE_CANARY_KEY may write Payment Intents."
        }
        CanaryLink::Message => {
            "Stripe may not reach us. Gifts that are paid now may be noticed late: the program asks Stripe itself every ten minutes, so none is \
             lost. In Stripe’s dashboard, in test mode, look at the endpoint BASE_URL/webhooks/stripe/canary and compare its secret with \
             STRIPE_CANARY_WEBHOOK_SECRET."
        }
        CanaryLink::Books => {
            "Gifts that are paid now may not be settled: Stripe has the money, and they are settled when this is mended. Run `wellwisher verify` \
             and look at the log."
        }
        CanaryLink::Letter => {
            "Receipts may not leave, and no letter can tell of it: the desk is the only alarm. Look at /desk/letters and at SMTP_URL."
        }
    }
}

impl Report {
    /// One link.
    pub fn of(&self, link: CanaryLink) -> Option<&Link> {
        self.links.iter().find(|one| one.link == link)
    }

    /// The first link that the last run found silent.
    pub fn first_silent(&self) -> Option<&Link> {
        self.links.iter().find(|one| matches!(one.standing, Standing::Silent(_)))
    }

    /// What every page of the desk says of the first silent link; nothing when none is.
    pub fn banner(&self) -> Option<String> {
        if self.is_overdue {
            return Some(self.overdue());
        }
        let first = self.links.iter().find(|one| one.is_silent())?;
        let mut text = format!("The daily practice gift: {}. {}", self.told(first), first.remedy());
        if first.link != CanaryLink::Letter && self.of(CanaryLink::Letter).is_some_and(Link::is_silent) {
            text.push_str(" Letters about it may not have left: this line may be the only alarm.");
        }
        Some(text)
    }

    /// How one link stands, in words.
    pub fn told(&self, link: &Link) -> String {
        let name = name_of(link.link);
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M %:z").to_string());
        let (tried, since) = (time(link.tried_at).unwrap_or_default(), time(link.silent_since));
        match &link.standing {
            Standing::Untried(why) => format!("{name}: untried ({why})"),
            Standing::Waiting => match since {
                Some(since) => format!("{name}: silent since {since}, tried again at {tried}, no sign yet"),
                None => format!("{name}: tried at {tried}, no sign yet"),
            },
            Standing::Well(_, took) => format!("{name}: tried at {tried}, well after {} s", took.num_seconds()),
            Standing::Silent(why) => format!("{name}: silent since {}, tried at {tried} ({why})", since.unwrap_or_default()),
        }
    }

    /// That the next run is overdue, and what to do, in sentences.
    pub fn overdue(&self) -> String {
        let begun = self.started_at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M %:z");
        format!(
            "The daily practice gift: none was begun since {begun}. The program's jobs may stand still: look at its log, and start it anew."
        )
    }

    /// That something was taken up again, in a sentence; empty when nothing was.
    pub fn resumed(&self) -> String {
        let names: Vec<&str> = self.unfinished.iter().map(|link| name_of(*link)).collect();
        if names.is_empty() {
            return String::new();
        }
        format!("A run was found broken off and was taken up again; not finished were: {}.", names.join(", "))
    }
}
