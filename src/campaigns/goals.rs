//! Milestones on the way to a campaign's goal and stretch goals beyond it: growing amounts in the campaign's currency.
//!
//! Whether one is reached is computed from the ledger each time, and so is when: by the booking that crossed it. What goes back can take it
//! back; it is reached again when the sum crosses it again.

use super::{Progress, store};
use crate::{
    app::App,
    asks::{amount, gift::without_controls},
    db::is_unique_violation,
    error::Error,
    staff::audit::{self, Actor},
    web::FormErrors,
};
use chrono::{DateTime, Utc};
use entity::{
    Money, campaign, campaign_goal,
    ids::{CampaignGoalId, CampaignId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// How many a campaign may have.
pub const GOALS_MAX: usize = 20;

/// How many crossings are read to find the last one of each.
const CROSSINGS_MAX: u64 = 2_000;

/// A milestone, the goal itself, or a stretch goal, as pages show it.
#[derive(Clone, Debug, PartialEq)]
pub struct GoalStep {
    /// The row; nothing for the campaign's goal itself.
    pub goal: Option<campaign_goal::Model>,
    /// Where it is reached.
    pub amount: Money,
    /// Whether it is beyond the campaign's goal.
    pub is_stretch: bool,
    /// Whether it is reached.
    pub is_reached: bool,
    /// When it was reached, where that was asked for.
    pub reached_at: Option<DateTime<Utc>>,
}

/// The milestones and stretch goals of these campaigns, the smallest first.
pub async fn of_campaigns(db: &impl ConnectionTrait, ids: &[CampaignId]) -> Result<HashMap<CampaignId, Vec<campaign_goal::Model>>, Error> {
    let mut goals: HashMap<CampaignId, Vec<campaign_goal::Model>> = HashMap::new();
    if ids.is_empty() {
        return Ok(goals);
    }
    let find = campaign_goal::Entity::find().filter(campaign_goal::Column::CampaignId.is_in(ids.iter().copied()));
    for goal in find.order_by_asc(campaign_goal::Column::AmountMinor).all(db).await? {
        goals.entry(goal.campaign_id).or_default().push(goal);
    }
    Ok(goals)
}

/// All that a campaign wants to reach, in growing order, its goal among them.
pub fn ladder(goals: Vec<campaign_goal::Model>, progress: &Progress) -> Vec<GoalStep> {
    let step = |goal: Option<campaign_goal::Model>, amount: Money| GoalStep {
        is_stretch: amount.minor > progress.goal.minor,
        is_reached: progress.raised.minor >= amount.minor,
        reached_at: None,
        goal,
        amount,
    };
    let mut steps: Vec<GoalStep> =
        goals.into_iter().map(|goal| step(Some(goal.clone()), Money::new(goal.amount_minor, progress.goal.currency))).collect();
    steps.push(step(None, progress.goal));
    steps.sort_by_key(|step| step.amount.minor);
    steps
}

/// Says of each that is reached when it was: the moment of the booking that crossed it last. It reads every booking for the campaign, so
/// it is for the desk: no public page grows with the ledger.
pub async fn tell_when(db: &impl ConnectionTrait, campaign: &campaign::Model, steps: &mut [GoalStep]) -> Result<(), Error> {
    let reached: Vec<i64> = steps.iter().filter(|step| step.is_reached).map(|step| step.amount.minor).collect();
    if reached.is_empty() {
        return Ok(());
    }
    // Income is a credit, and credits are negative: `total` is the sum after an entry, `total + amount_minor` the sum before it.
    let crossed =
        reached.iter().map(|minor| format!("(total >= {minor} and total + amount_minor < {minor})")).collect::<Vec<_>>().join(" or ");
    let (first, second) = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => ("$1", "$2"),
        _ => ("?", "?"),
    };
    let question = format!(
        "select occurred_at, amount_minor, cast(total as bigint) as total from (
            select e.id, t.occurred_at, e.amount_minor, sum(-e.amount_minor) over (order by e.id) as total
            from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
            where e.account = 'donations' and e.campaign_id = {first} and e.currency = {second}) running
         where {crossed} order by id desc limit {CROSSINGS_MAX}"
    );
    let values: [Value; 2] = [campaign.id.0.into(), campaign.currency.code().into()];
    let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), question, values)).await?;
    for row in rows {
        let (at, amount, total): (DateTime<Utc>, i64, i64) =
            (row.try_get("", "occurred_at")?, row.try_get("", "amount_minor")?, row.try_get("", "total")?);
        let is_crossed =
            |step: &GoalStep| step.is_reached && total >= step.amount.minor && total.saturating_add(amount) < step.amount.minor;
        for step in steps.iter_mut().filter(|step| step.reached_at.is_none() && is_crossed(step)) {
            step.reached_at = Some(at);
        }
    }
    Ok(())
}

/// The form as it was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the goal's field of that name, as typed")]
pub struct RawGoal {
    pub amount: String,
    pub title: String,
    pub text: String,
}

impl RawGoal {
    /// What stands in the form for one that is there.
    pub fn of(goal: &campaign_goal::Model, campaign: &campaign::Model) -> Self {
        Self { amount: Money::new(goal.amount_minor, campaign.currency).decimal(), title: goal.title.clone(), text: goal.text.clone() }
    }
}

/// What may be written of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the goal's field of that name")]
pub struct Details {
    pub amount: Money,
    pub title: String,
    pub text: String,
}

/// Reads the form for a campaign.
pub fn parse(raw: &RawGoal, campaign: &campaign::Model) -> Result<Details, FormErrors> {
    let mut errors = FormErrors::default();
    let amount = amount::parse(&raw.amount, campaign.currency).map_err(|error| errors.add("amount", error.to_string())).ok();
    if amount.is_some_and(|amount| amount.minor == campaign.goal_minor) {
        errors.add("amount", "This is the campaign's goal: a milestone is smaller, a stretch goal larger");
    }
    let (title, text) = (without_controls(&raw.title, false), without_controls(&raw.text, false));
    if title.is_empty() || title.chars().count() > 120 {
        errors.add("title", "Write something, at most 120 characters");
    }
    if text.chars().count() > 300 {
        errors.add("text", "Write at most 300 characters");
    }
    match amount {
        Some(amount) if errors.is_empty() => Ok(Details { amount, title, text }),
        _ => Err(errors),
    }
}

/// Adds one, or changes one. All its campaign's are held by the lock of the campaign's row.
///
/// # Errors
/// `Conflict` when the campaign has one at this amount, or has as many as it may.
pub async fn save(
    app: &App,
    actor: &Actor,
    campaign_id: CampaignId,
    id: Option<CampaignGoalId>,
    details: &Details,
) -> Result<CampaignGoalId, Error> {
    let now = app.now();
    let own = id.unwrap_or_else(|| app.new_id());
    app.db
        .write(async |tx| {
            let campaign = store::lock_campaign(tx, campaign_id).await?.ok_or(Error::NotFound)?;
            if campaign.currency != details.amount.currency || campaign.goal_minor == details.amount.minor {
                return Err(Error::Conflict("the campaign's goal was changed meanwhile: look at it again".to_owned()));
            }
            let known = of_campaigns(tx, &[campaign_id]).await?.remove(&campaign_id).unwrap_or_default();
            let before = known.iter().find(|goal| Some(goal.id) == id);
            if id.is_some() && before.is_none() {
                return Err(Error::NotFound);
            }
            if before.is_none() && known.len() >= GOALS_MAX {
                return Err(Error::Conflict(format!("a campaign has at most {GOALS_MAX} milestones and stretch goals")));
            }
            let row = campaign_goal::Model {
                id: own,
                campaign_id,
                amount_minor: details.amount.minor,
                title: details.title.clone(),
                text: details.text.clone(),
                created_at: before.map_or(now, |goal| goal.created_at),
                updated_at: now,
            };
            write_row(tx, row, before.is_some()).await?;
            let detail = json!({ "goal": own, "amount": details.amount.to_string() });
            let action = if before.is_some() { "campaign.goal_edit" } else { "campaign.goal_add" };
            audit::record(tx, now, actor, action, "campaign", &campaign_id.to_string(), detail).await?;
            Ok(own)
        })
        .await
}

async fn write_row(tx: &DatabaseTransaction, row: campaign_goal::Model, is_there: bool) -> Result<(), Error> {
    let row = row.into_active_model();
    let written = match is_there {
        true => row.reset_all().update(tx).await.map(|_| ()),
        false => campaign_goal::Entity::insert(row).exec_without_returning(tx).await.map(|_| ()),
    };
    written.map_err(|error| match is_unique_violation(&error) {
        true => Error::Conflict("the campaign has one at this amount: choose another".to_owned()),
        false => error.into(),
    })
}

/// Takes one away, with its translations.
pub async fn remove(app: &App, actor: &Actor, campaign_id: CampaignId, id: CampaignGoalId) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            store::lock_campaign(tx, campaign_id).await?.ok_or(Error::NotFound)?;
            let find = campaign_goal::Entity::delete_many().filter(campaign_goal::Column::Id.eq(id));
            if find.filter(campaign_goal::Column::CampaignId.eq(campaign_id)).exec(tx).await?.rows_affected == 0 {
                return Err(Error::NotFound);
            }
            audit::record(tx, now, actor, "campaign.goal_remove", "campaign", &campaign_id.to_string(), json!({ "goal": id })).await
        })
        .await
}

/// Whether a campaign has one at this amount, where its goal is to be.
pub async fn is_taken(tx: &DatabaseTransaction, campaign: CampaignId, minor: i64) -> Result<bool, Error> {
    let find = campaign_goal::Entity::find().filter(campaign_goal::Column::CampaignId.eq(campaign));
    Ok(find.filter(campaign_goal::Column::AmountMinor.eq(minor)).limit(1).one(tx).await?.is_some())
}
