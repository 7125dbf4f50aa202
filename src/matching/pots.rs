//! Making and changing pots: what finance types, what must hold before it is written, and the verbs of a pot's life.
//!
//! What was promised to givers stands: a change of ratio or limits is for later gifts, a pot never has less than what is held and confirmed,
//! and a pot that is paused or closed still confirms what it holds.

use super::{
    hold,
    store::{self, NewStep},
};
use crate::{
    app::App,
    asks::{self, amount, gift::without_controls},
    clock,
    error::Error,
    staff::audit::{self, Actor},
    web::FormErrors,
};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    Currency, Money, donation,
    ids::{CampaignId, DonationId, MatchPotId},
    match_payment, match_pot,
    words::{DonationStatus, MatchPotStatus, MatchStepKind},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    DatabaseTransaction, EntityTrait, IntoActiveModel, QuerySelect,
    sea_query::LockType,
};
use serde::Deserialize;
use serde_json::json;
use std::{fmt, str::FromStr};

/// How many pots a campaign may have.
pub const POTS_MAX: usize = 20;

/// What finance does with a pot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// From now on it adds to gifts.
    Open,
    /// It adds to no gifts for a while.
    Pause,
    /// It is over.
    Close,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 3] = [Self::Open, Self::Pause, Self::Close];

    /// Its word, in addresses and in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pause => "pause",
            Self::Close => "close",
        }
    }

    /// The state that it leads to from `status`; nothing where it is not allowed.
    pub const fn from(self, status: MatchPotStatus) -> Option<MatchPotStatus> {
        use MatchPotStatus::{Closed, Draft, Open, Paused};
        match (self, status) {
            (Self::Open, Draft | Paused | Closed) => Some(Open),
            (Self::Pause, Open) => Some(Paused),
            (Self::Close, Draft | Open | Paused) => Some(Closed),
            _ => None,
        }
    }

    /// The verbs that are allowed in a state.
    pub fn allowed(status: MatchPotStatus) -> Vec<Self> {
        Self::ALL.into_iter().filter(|verb| verb.from(status).is_some()).collect()
    }

    const fn step(self) -> MatchStepKind {
        match self {
            Self::Open => MatchStepKind::Opened,
            Self::Pause => MatchStepKind::Paused,
            Self::Close => MatchStepKind::Closed,
        }
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

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the pot's field of that name, as typed")]
pub struct RawPot {
    pub campaign: String,
    pub sponsor_name: String,
    pub public_name: String,
    pub total: String,
    /// In percent.
    pub ratio: String,
    pub gift_min: String,
    pub match_max: String,
    pub starts_on: String,
    pub starts_time: String,
    pub ends_on: String,
    pub ends_time: String,
    pub position: String,
    pub version: String,
}

impl RawPot {
    /// What stands in the form for a pot that is there.
    pub fn of(pot: &match_pot::Model, zone: Tz) -> Self {
        let money = |minor: Option<i64>| minor.map(|minor| Money::new(minor, pot.currency).decimal()).unwrap_or_default();
        let local =
            |at: Option<DateTime<Utc>>, format: &str| at.map(|at| at.with_timezone(&zone).format(format).to_string()).unwrap_or_default();
        Self {
            campaign: pot.campaign_id.to_string(),
            sponsor_name: pot.sponsor_name.clone(),
            public_name: pot.public_name.clone(),
            total: Money::new(pot.total_minor, pot.currency).decimal(),
            ratio: percent(pot.ratio_bp),
            gift_min: money(pot.gift_min_minor),
            match_max: money(pot.match_max_minor),
            starts_on: local(pot.starts_at, "%Y-%m-%d"),
            starts_time: local(pot.starts_at, "%H:%M"),
            ends_on: local(pot.ends_at, "%Y-%m-%d"),
            ends_time: local(pot.ends_at, "%H:%M"),
            position: pot.position.to_string(),
            version: pot.version.to_string(),
        }
    }
}

/// Hundredths of a percent as people write them: `15000` is `150`, `3333` is `33.33`.
pub fn percent(ratio_bp: i64) -> String {
    match ratio_bp % 100 {
        0 => (ratio_bp / 100).to_string(),
        rest => format!("{}.{rest:02}", ratio_bp / 100),
    }
}

/// What may be written of a pot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the pot's field of that name")]
pub struct Details {
    pub sponsor_name: String,
    pub public_name: String,
    pub total: Money,
    pub ratio_bp: i64,
    pub gift_min: Option<Money>,
    pub match_max: Option<Money>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub position: i64,
}

/// Reads the form, for a campaign's currency and the organisation's zone.
pub fn parse(raw: &RawPot, currency: Currency, zone: Tz) -> Result<Details, FormErrors> {
    let mut errors = FormErrors::default();
    let mut text = |field: &'static str, text: &str, needed: bool| {
        let text = without_controls(text, false);
        if text.chars().count() > 200 || (needed && text.is_empty()) {
            errors.add(field, if needed { "Write something, at most 200 characters" } else { "Write at most 200 characters" });
        }
        text
    };
    let sponsor_name = text("sponsor_name", &raw.sponsor_name, true);
    let public_name = text("public_name", &raw.public_name, false);
    let total = amount::parse(&raw.total, currency).map_err(|error| errors.add("total", error.to_string())).ok();
    let ratio_bp = parse_percent(&raw.ratio);
    if ratio_bp.is_none() {
        errors.add("ratio", "Write percent from 0.01 to 1000, such as 100");
    }
    let mut optional = |field: &'static str, text: &str| match text.trim() {
        "" => None,
        text => amount::parse(text, currency).map_err(|error| errors.add(field, error.to_string())).ok(),
    };
    let gift_min = optional("gift_min", &raw.gift_min);
    let match_max = optional("match_max", &raw.match_max);
    let starts_at = parse_moment(&mut errors, ("starts_on", &raw.starts_on), ("starts_time", &raw.starts_time), zone, false);
    let ends_at = parse_moment(&mut errors, ("ends_on", &raw.ends_on), ("ends_time", &raw.ends_time), zone, true);
    if starts_at.zip(ends_at).is_some_and(|(start, end)| end <= start) {
        errors.add("ends_on", "It must end after it starts");
    }
    let position = if raw.position.trim().is_empty() { Some(1) } else { amount::parse_count(&raw.position) };
    if position.is_none() {
        errors.add("position", "Write a whole number, such as 1");
    }
    match (total, ratio_bp, position) {
        (Some(total), Some(ratio_bp), Some(position)) if errors.is_empty() => {
            Ok(Details { sponsor_name, public_name, total, ratio_bp, gift_min, match_max, starts_at, ends_at, position })
        }
        _ => Err(errors),
    }
}

/// Percent in hundredths; empty is 100.
fn parse_percent(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('%').trim().replace(',', ".");
    if text.is_empty() {
        return Some(super::allocate::ONE_TO_ONE);
    }
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 4 || rest.len() > 2 || !digits(whole) || !digits(rest) {
        return None;
    }
    let hundredths: i64 = format!("{rest:0<2}").parse().ok()?;
    let bp = whole.parse::<i64>().ok()? * 100 + hundredths;
    (1..=100_000).contains(&bp).then_some(bp)
}

/// A day with perhaps a time of it: without one the beginning of the day, or its end.
fn parse_moment(
    errors: &mut FormErrors,
    (day_field, day): (&'static str, &str),
    (time_field, time): (&'static str, &str),
    zone: Tz,
    is_end: bool,
) -> Option<DateTime<Utc>> {
    let time = match time.trim() {
        "" => None,
        text => match clock::parse_time(text) {
            Some(time) => Some(time),
            None => {
                errors.add(time_field, "Write the time as 18:30, or leave it empty");
                return None;
            }
        },
    };
    if day.trim().is_empty() {
        if time.is_some() {
            errors.add(day_field, "Write the day too");
        }
        return None;
    }
    let Some(day): Option<NaiveDate> = clock::parse_day(day) else {
        errors.add(day_field, "Write the day as 2026-05-31, or leave it empty");
        return None;
    };
    Some(match (is_end, time) {
        (true, time) => clock::end_of(zone, day, time),
        (false, Some(time)) => clock::moment_at(zone, day, time, false),
        (false, None) => clock::start_of_day(zone, day),
    })
}

/// Makes a pot, as a draft that readers do not see.
pub async fn create(app: &App, actor: &Actor, campaign: CampaignId, details: &Details) -> Result<match_pot::Model, Error> {
    let (id, now): (MatchPotId, _) = (app.new_id(), app.now());
    app.db
        .write(async |tx| {
            let campaign = asks::store::campaign_by_id(tx, campaign).await?.ok_or(Error::NotFound)?;
            if campaign.currency != details.total.currency {
                return Err(Error::Conflict("a pot has the currency of its campaign".to_owned()));
            }
            if store::pots_of_campaign(tx, campaign.id).await?.len() >= POTS_MAX {
                return Err(Error::Conflict(format!("a campaign has at most {POTS_MAX} pots")));
            }
            let blank = match_pot::Model {
                id,
                campaign_id: campaign.id,
                sponsor_name: String::new(),
                public_name: String::new(),
                total_minor: details.total.minor,
                currency: campaign.currency,
                ratio_bp: details.ratio_bp,
                gift_min_minor: None,
                match_max_minor: None,
                starts_at: None,
                ends_at: None,
                position: details.position,
                status: MatchPotStatus::Draft,
                held_minor: 0,
                confirmed_minor: 0,
                version: 0,
                created_at: now,
                updated_at: now,
            };
            let pot = filled(blank, details);
            store::insert_pot(tx, pot.clone()).await?;
            note(tx, actor, id, MatchStepKind::Made, None, &told(&pot), now).await?;
            audit::record(tx, now, actor, "match.create", "match_pot", &id.to_string(), json!({ "terms": told(&pot) })).await?;
            Ok(pot)
        })
        .await
}

/// Changes a pot. `version` is the one that the form showed.
///
/// # Errors
/// `Conflict` when somebody else changed it meanwhile, or less would be promised than gifts already have.
pub async fn edit(app: &App, actor: &Actor, id: MatchPotId, version: i64, details: &Details) -> Result<match_pot::Model, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let mut before = store::lock_pot(tx, id).await?;
            hold::free_ran_out(tx, &mut before, now).await?;
            if before.version != version {
                return Err(Error::Conflict("somebody else changed this pot meanwhile: look at it again, then change it".to_owned()));
            }
            if before.currency != details.total.currency {
                return Err(Error::Conflict("a pot has the currency of its campaign".to_owned()));
            }
            let taken = Money::new(before.held_minor, before.currency).checked_add(Money::new(before.confirmed_minor, before.currency))?;
            if details.total.minor < taken.minor {
                return Err(Error::Conflict(format!("gifts already have {taken} of the total: promise at least that")));
            }
            let after = match_pot::Model { version: version + 1, updated_at: now, ..filled(before.clone(), details) };
            store::update_pot(tx, &after).await?;
            let change = format!("{} → {}", told(&before), told(&after));
            note(tx, actor, id, MatchStepKind::Edited, None, &change, now).await?;
            let detail = json!({ "before": told(&before), "after": told(&after), "shown": !after.public_name.is_empty() });
            audit::record(tx, now, actor, "match.edit", "match_pot", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await
}

/// Opens, pauses or closes a pot.
///
/// # Errors
/// `Conflict` where the verb is not allowed in the pot's state, or the pot would be open with its end over.
pub async fn apply(app: &App, actor: &Actor, id: MatchPotId, verb: Verb, reason: &str) -> Result<match_pot::Model, Error> {
    let now = app.now();
    let reason = without_controls(reason, false);
    if reason.chars().count() > 500 {
        return Err(Error::Invalid("The reason has at most 500 characters.".to_owned()));
    }
    app.db
        .write(async |tx| {
            let before = store::lock_pot(tx, id).await?;
            let Some(status) = verb.from(before.status) else {
                return Err(Error::Conflict(format!("a pot that is {} cannot be told to {verb}", before.status)));
            };
            if status == MatchPotStatus::Open && before.ends_at.is_some_and(|end| end <= now) {
                return Err(Error::Conflict("its end is over: change that first".to_owned()));
            }
            let after = match_pot::Model { status, version: before.version + 1, updated_at: now, ..before.clone() };
            store::update_pot(tx, &after).await?;
            note(tx, actor, id, verb.step(), None, &reason, now).await?;
            let detail = json!({ "from": before.status, "to": status });
            audit::record(tx, now, actor, &format!("match.{verb}"), "match_pot", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await
}

/// Counts a donation as the sponsor's payment of a pot. What it had of any pot itself is given back: nobody matches her own gift.
///
/// # Errors
/// `Conflict` for a donation that is not paid, is for another campaign or currency, or pays a pot already.
pub async fn link(app: &App, actor: &Actor, id: MatchPotId, donation_id: DonationId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            // The donation's lock decides. The pots are locked by `agree`, all of them in their order.
            let donation = donation::Entity::find_by_id(donation_id).lock(LockType::NoKeyUpdate).one(tx).await?.ok_or(Error::NotFound)?;
            let pot = store::pot(tx, id).await?.ok_or(Error::NotFound)?;
            let paid = check_payment(tx, &pot, &donation).await?;
            let row = match_payment::ActiveModel {
                id: NotSet,
                match_pot_id: Set(id),
                donation_id: Set(donation_id),
                linked_by: Set(actor.name.clone()),
                linked_at: Set(now),
                unlinked_at: Set(None),
            };
            match_payment::Entity::insert(row).exec_without_returning(tx).await?;
            hold::agree(tx, &donation, now).await?;
            note(tx, actor, id, MatchStepKind::Paid, Some(donation_id), &paid.to_string(), now).await?;
            store::tell(tx, donation_id, "match_payment", "", now).await?;
            let detail = json!({ "donation": donation_id, "worth": paid.to_string() });
            audit::record(tx, now, actor, "match.link_payment", "match_pot", &id.to_string(), detail).await
        })
        .await
}

/// What a donation pays of a pot, if it can.
async fn check_payment(tx: &DatabaseTransaction, pot: &match_pot::Model, donation: &donation::Model) -> Result<Money, Error> {
    let refuse = |why: &str| Err(Error::Conflict(why.to_owned()));
    if donation.status != DonationStatus::Paid {
        return refuse("this donation is not paid");
    }
    if donation.campaign_id != Some(pot.campaign_id) {
        return refuse("this donation is not for the pot's campaign, so it would not count there");
    }
    if donation.currency != pot.currency {
        return refuse("this donation has another currency than the pot");
    }
    let paid = store::income_for(tx, donation.id, pot.campaign_id, pot.currency).await?;
    if paid < 1 {
        return refuse("nothing of this donation is left for the pot's campaign");
    }
    if store::payment_by(tx, donation.id).await?.is_some() {
        return refuse("this donation counts as a sponsor's payment already");
    }
    Ok(Money::new(paid, pot.currency))
}

/// Takes back that a donation counts as the sponsor's payment. What it had of a pot itself comes again, as far as that is left.
pub async fn unlink(app: &App, actor: &Actor, id: MatchPotId, donation_id: DonationId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let donation = donation::Entity::find_by_id(donation_id).lock(LockType::NoKeyUpdate).one(tx).await?.ok_or(Error::NotFound)?;
            let payment = store::payment_by(tx, donation_id).await?.filter(|payment| payment.match_pot_id == id).ok_or(Error::NotFound)?;
            let mut row = payment.into_active_model();
            row.unlinked_at = Set(Some(now));
            row.update(tx).await?;
            hold::agree(tx, &donation, now).await?;
            note(tx, actor, id, MatchStepKind::Unpaid, Some(donation_id), "", now).await?;
            let detail = json!({ "donation": donation_id });
            audit::record(tx, now, actor, "match.unlink_payment", "match_pot", &id.to_string(), detail).await
        })
        .await
}

fn filled(pot: match_pot::Model, details: &Details) -> match_pot::Model {
    match_pot::Model {
        sponsor_name: details.sponsor_name.clone(),
        public_name: details.public_name.clone(),
        total_minor: details.total.minor,
        ratio_bp: details.ratio_bp,
        gift_min_minor: details.gift_min.map(|money| money.minor),
        match_max_minor: details.match_max.map(|money| money.minor),
        starts_at: details.starts_at,
        ends_at: details.ends_at,
        position: details.position,
        ..pot
    }
}

/// A pot's terms in a line for history and trail; no name.
fn told(pot: &match_pot::Model) -> String {
    let money = |minor| Money::new(minor, pot.currency).to_string();
    let mut told = format!("{} at {} %", money(pot.total_minor), percent(pot.ratio_bp));
    if let Some(min) = pot.gift_min_minor {
        told += &format!(", gifts from {}", money(min));
    }
    if let Some(max) = pot.match_max_minor {
        told += &format!(", at most {} each", money(max));
    }
    if let Some(start) = pot.starts_at {
        told += &format!(", from {}", start.format("%Y-%m-%d %H:%M UTC"));
    }
    if let Some(end) = pot.ends_at {
        told += &format!(", until {}", end.format("%Y-%m-%d %H:%M UTC"));
    }
    told
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &Actor,
    pot: MatchPotId,
    kind: MatchStepKind,
    donation_id: Option<DonationId>,
    note: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let step = NewStep { pot, kind, change: 0, donation_id, staff_id: actor.staff_id, actor: &actor.name, note };
    Ok(store::note(tx, step, now).await?)
}
