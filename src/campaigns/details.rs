//! Making and changing campaigns: what staff type, what must hold before it is written, and the verbs that move a campaign on.

use super::{Verb, goals, life, store, texts};
use crate::{
    app::App,
    asks::{amount, gift::without_controls, target},
    clock,
    db::is_unique_violation,
    error::Error,
    staff::audit::{self, Actor},
    web::{FormErrors, slug},
    wishes::item::language_tag,
};
use chrono::{NaiveDate, NaiveTime, Timelike};
use entity::{
    Currency, Money, campaign, fund,
    ids::{CampaignId, FundId},
    words::CampaignStatus,
};
use sea_orm::DbErr;
use serde::Deserialize;
use serde_json::json;

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the campaign's field of that name, as typed")]
pub struct RawCampaign {
    pub title: String,
    pub slug: String,
    pub summary: String,
    pub story: String,
    pub language: String,
    pub goal: String,
    pub currency: String,
    pub fund: String,
    pub starts_on: String,
    pub ends_on: String,
    pub ends_time: String,
}

impl RawCampaign {
    /// What stands in the form for a campaign that is there.
    pub fn of(campaign: &campaign::Model) -> Self {
        let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        Self {
            title: campaign.title.clone(),
            slug: campaign.slug.clone(),
            summary: campaign.summary.clone(),
            story: campaign.story_markdown.clone(),
            language: campaign.language.clone(),
            goal: Money::new(campaign.goal_minor, campaign.currency).decimal(),
            currency: campaign.currency.to_string(),
            fund: campaign.fund_id.to_string(),
            starts_on: day(campaign.starts_on),
            ends_on: day(campaign.ends_on),
            ends_time: target::ends_time(campaign).map(|time| time.format("%H:%M").to_string()).unwrap_or_default(),
        }
    }
}

/// What may be written of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the campaign's field of that name")]
pub struct Details {
    pub title: String,
    /// Empty: made from the title.
    pub slug: String,
    pub summary: String,
    pub story_markdown: String,
    pub language: String,
    pub goal: Money,
    pub fund_id: FundId,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
    /// On the last day; none: its end.
    pub ends_time: Option<NaiveTime>,
}

/// Reads the form against the funds that there are.
pub fn parse(raw: &RawCampaign, funds: &[fund::Model]) -> Result<Details, FormErrors> {
    let mut errors = FormErrors::default();
    let mut text = |field: &'static str, text: &str, lines: bool, most: usize, needed: bool| {
        let text = without_controls(text, lines);
        if text.chars().count() > most || (needed && text.is_empty()) {
            errors.add(field, format!("Write {}at most {most} characters", if needed { "something, " } else { "" }));
        }
        text
    };
    let title = text("title", &raw.title, false, 200, true);
    let summary = text("summary", &raw.summary, false, 300, true);
    let story_markdown = text("story", &raw.story, true, 100_000, false);
    let slug = raw.slug.trim().to_ascii_lowercase();
    if !slug.is_empty() && !slug::is_slug(&slug) {
        errors.add("slug", "Use small letters a to z, digits and hyphens, or leave it empty");
    }
    let goal = parse_goal(raw, &mut errors);
    let fund = funds.iter().find(|fund| fund.id.to_string() == raw.fund);
    if fund.is_none() {
        errors.add("fund", "Choose a fund");
    }
    let starts_on = parse_day("starts_on", &raw.starts_on, &mut errors);
    let ends_on = parse_day("ends_on", &raw.ends_on, &mut errors);
    if starts_on.zip(ends_on).is_some_and(|(first, last)| last < first) {
        errors.add("ends_on", "The last day must not be before the first");
    }
    let ends_time = parse_time(&raw.ends_time, ends_on.is_some(), &mut errors);
    match (goal, fund) {
        (Some(goal), Some(fund)) if errors.is_empty() => Ok(Details {
            title,
            slug,
            summary,
            story_markdown,
            language: language_tag(&raw.language),
            goal,
            fund_id: fund.id,
            starts_on,
            ends_on,
            ends_time,
        }),
        _ => Err(errors),
    }
}

fn parse_goal(raw: &RawCampaign, errors: &mut FormErrors) -> Option<Money> {
    let Ok(currency) = raw.currency.parse::<Currency>() else {
        errors.add("currency", "Choose a currency");
        return None;
    };
    amount::parse(&raw.goal, currency).map_err(|error| errors.add("goal", error.to_string())).ok()
}

fn parse_day(field: &'static str, text: &str, errors: &mut FormErrors) -> Option<NaiveDate> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let day = clock::parse_day(text);
    if day.is_none() {
        errors.add(field, "Write the day as 2026-05-31, or leave it empty");
    }
    day
}

/// A time of the last day.
fn parse_time(text: &str, has_day: bool, errors: &mut FormErrors) -> Option<NaiveTime> {
    if text.trim().is_empty() {
        return None;
    }
    let time = clock::parse_time(text);
    match time {
        None => errors.add("ends_time", "Write the time as 18:30, or leave it empty"),
        Some(_) if !has_day => errors.add("ends_on", "Write the last day too"),
        Some(_) => {}
    }
    time
}

fn minute_of(details: &Details) -> Option<i64> {
    details.ends_time.map(|time| i64::from(time.hour() * 60 + time.minute()))
}

/// Makes a campaign, as a draft.
pub async fn create(app: &App, actor: &Actor, details: &Details) -> Result<campaign::Model, Error> {
    let (id, now): (CampaignId, _) = (app.new_id(), app.now());
    let made = || slug::of_title(&details.title).unwrap_or_else(|| slug::of_id("campaign", id.0));
    let campaign = campaign::Model {
        id,
        slug: if details.slug.is_empty() { made() } else { details.slug.clone() },
        title: details.title.clone(),
        summary: details.summary.clone(),
        story_markdown: details.story_markdown.clone(),
        language: details.language.clone(),
        goal_minor: details.goal.minor,
        currency: details.goal.currency,
        fund_id: details.fund_id,
        status: CampaignStatus::Draft,
        starts_on: details.starts_on,
        ends_on: details.ends_on,
        created_at: now,
        updated_at: now,
        ends_at_minute: minute_of(details),
    };
    app.db
        .write(async |tx| {
            store::insert_campaign(tx, campaign.clone()).await.map_err(slug_taken)?;
            audit::record(tx, now, actor, "campaign.create", "campaign", &id.to_string(), json!({ "slug": campaign.slug })).await
        })
        .await?;
    Ok(campaign)
}

/// Changes a campaign. Its currency stays once it was launched, because the bar would lose what was given.
pub async fn edit(app: &App, actor: &Actor, id: CampaignId, details: &Details) -> Result<campaign::Model, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let before = store::lock_campaign(tx, id).await?.ok_or(Error::NotFound)?;
            if before.status != CampaignStatus::Draft && before.currency != details.goal.currency {
                return Err(Error::Conflict("the currency stays once a campaign was launched".to_owned()));
            }
            if before.language != details.language && texts::is_written(tx, id, &details.language).await? {
                return Err(Error::Conflict("the campaign has texts of its own in this language: remove those first".to_owned()));
            }
            if goals::is_taken(tx, id, details.goal.minor).await? {
                return Err(Error::Conflict("a milestone or stretch goal stands at this amount: the goal must be another".to_owned()));
            }
            let after = campaign::Model {
                slug: if details.slug.is_empty() { before.slug.clone() } else { details.slug.clone() },
                title: details.title.clone(),
                summary: details.summary.clone(),
                story_markdown: details.story_markdown.clone(),
                language: details.language.clone(),
                goal_minor: details.goal.minor,
                currency: details.goal.currency,
                fund_id: details.fund_id,
                starts_on: details.starts_on,
                ends_on: details.ends_on,
                updated_at: now,
                ends_at_minute: minute_of(details),
                ..before.clone()
            };
            store::update_campaign(tx, after.clone()).await.map_err(slug_taken)?;
            let detail = json!({
                "slug": after.slug, "goal": [before.goal_minor, after.goal_minor], "fund": after.fund_id,
                "days": [after.starts_on, after.ends_on],
            });
            audit::record(tx, now, actor, "campaign.edit", "campaign", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await
}

/// Moves a campaign on without a word of why; see [`life::apply_with`].
pub async fn apply(app: &App, actor: &Actor, id: CampaignId, verb: Verb) -> Result<campaign::Model, Error> {
    life::apply_with(app, actor, id, verb, &life::Why::default()).await
}

fn slug_taken(error: DbErr) -> Error {
    if is_unique_violation(&error) {
        Error::Conflict("another campaign has this name in its address: choose another one".to_owned())
    } else {
        error.into()
    }
}
