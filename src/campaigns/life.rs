//! A campaign's life: each step is a row with who, when and why, never edited; a deadline closes it by itself.

use super::{Verb, store};
use crate::{
    app::App,
    asks::{gift::without_controls, target::deadline},
    error::Error,
    staff::audit::{self, Actor},
};
use chrono::{DateTime, Utc};
use entity::{
    campaign, campaign_step,
    ids::CampaignId,
    words::{CampaignMoney, CampaignStatus, CampaignStepKind},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Deserialize;
use serde_json::json;

/// The longest reason that is kept.
pub const REASON_CHARACTERS_MAX: usize = 500;

/// How many steps of a campaign are shown.
const STEPS_SHOWN: u64 = 200;

/// How many campaigns are closed in one round.
const ROUND: u64 = 100;

/// Why a step is done, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Why {
    /// For staff.
    pub reason: String,
    /// For readers; empty: they are told nothing.
    pub public_reason: String,
    /// What happened to the money, a word of [`CampaignMoney`]; empty is none.
    pub money: String,
}

/// Moves a campaign on: launch, pause, resume, close, reopen.
///
/// # Errors
/// `Conflict` where the verb is not allowed in the campaign's state, or the campaign would be live with its deadline over; `Invalid` for a reason
/// that is too long or a word that is not known.
pub async fn apply_with(app: &App, actor: &Actor, id: CampaignId, verb: Verb, why: &Why) -> Result<campaign::Model, Error> {
    let now = app.now();
    let step = read(verb, why)?;
    app.db
        .write(async |tx| {
            let before = store::lock_campaign(tx, id).await?.ok_or(Error::NotFound)?;
            let Some(status) = verb.from(before.status) else {
                return Err(Error::Conflict(format!("a {} campaign cannot be told to {verb}", before.status)));
            };
            if status == CampaignStatus::Live && deadline(&before, app.config.org_timezone).is_some_and(|end| end <= now) {
                return Err(Error::Conflict("its last day is over: change the last day first".to_owned()));
            }
            step_to(tx, actor, before, status, &step, now).await
        })
        .await
}

/// A step that was read and may be written.
struct Step {
    kind: CampaignStepKind,
    reason: String,
    public_reason: String,
    money: CampaignMoney,
    action: String,
}

fn read(verb: Verb, why: &Why) -> Result<Step, Error> {
    let (reason, public_reason) = (without_controls(&why.reason, false), without_controls(&why.public_reason, false));
    if [&reason, &public_reason].iter().any(|text| text.chars().count() > REASON_CHARACTERS_MAX) {
        return Err(Error::Invalid(format!("A reason has at most {REASON_CHARACTERS_MAX} characters.")));
    }
    let money = match why.money.as_str() {
        "" => CampaignMoney::None,
        word => word.parse().map_err(|_| Error::Invalid("Choose what happened to the money.".to_owned()))?,
    };
    Ok(Step { kind: verb.step(), reason, public_reason, money, action: format!("campaign.{verb}") })
}

async fn step_to(
    tx: &DatabaseTransaction,
    actor: &Actor,
    before: campaign::Model,
    status: CampaignStatus,
    step: &Step,
    now: DateTime<Utc>,
) -> Result<campaign::Model, Error> {
    let after = campaign::Model { status, updated_at: now, ..before.clone() };
    store::update_campaign(tx, after.clone()).await?;
    let row = campaign_step::ActiveModel {
        id: NotSet,
        campaign_id: Set(before.id),
        at: Set(now),
        kind: Set(step.kind),
        status: Set(status),
        staff_id: Set(actor.staff_id),
        actor: Set(actor.name.clone()),
        reason: Set(step.reason.clone()),
        public_reason: Set(step.public_reason.clone()),
        money: Set(step.money),
    };
    campaign_step::Entity::insert(row).exec_without_returning(tx).await?;
    let detail = json!({ "from": before.status, "to": status, "reason": step.reason });
    audit::record(tx, now, actor, &step.action, "campaign", &before.id.to_string(), detail).await?;
    Ok(after)
}

/// Closes the campaigns whose deadline is over. Safe to repeat, and to run in several processes. A checkout that was begun before stays good.
/// Returns how many were closed.
pub async fn close_due(app: &App) -> Result<u64, Error> {
    use campaign::Column;
    let find = campaign::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Status.is_in([CampaignStatus::Live, CampaignStatus::Paused]))
        .filter(Column::EndsOn.lte(app.today()))
        .order_by_asc(Column::EndsOn)
        .limit(ROUND);
    let due: Vec<CampaignId> = find.into_tuple().all(app.db.read()).await?;
    let mut closed = 0;
    for id in due {
        closed += u64::from(app.db.write(async |tx| close_if_due(tx, app, id).await).await?);
    }
    Ok(closed)
}

async fn close_if_due(tx: &DatabaseTransaction, app: &App, id: CampaignId) -> Result<bool, Error> {
    let now = app.now();
    let Some(before) = store::lock_campaign(tx, id).await? else { return Ok(false) };
    let is_due = deadline(&before, app.config.org_timezone).is_some_and(|end| end <= now);
    let Some(status) = Verb::Close.from(before.status).filter(|_| is_due) else { return Ok(false) };
    let step = Step {
        kind: CampaignStepKind::Deadline,
        reason: String::new(),
        public_reason: String::new(),
        money: CampaignMoney::Purpose,
        action: "campaign.deadline".to_owned(),
    };
    step_to(tx, &Actor::system(), before, status, &step, now).await?;
    Ok(true)
}

/// A campaign's steps, the newest first.
pub async fn steps(db: &impl ConnectionTrait, id: CampaignId) -> Result<Vec<campaign_step::Model>, Error> {
    let find = campaign_step::Entity::find().filter(campaign_step::Column::CampaignId.eq(id));
    Ok(find.order_by_desc(campaign_step::Column::Id).limit(STEPS_SHOWN).all(db).await?)
}

/// The step by which a campaign that is paused or closed came there: what readers are told of it.
pub async fn why_not_open(db: &impl ConnectionTrait, campaign: &campaign::Model) -> Result<Option<campaign_step::Model>, Error> {
    if !matches!(campaign.status, CampaignStatus::Paused | CampaignStatus::Closed) {
        return Ok(None);
    }
    let find = campaign_step::Entity::find().filter(campaign_step::Column::CampaignId.eq(campaign.id));
    let last = find.order_by_desc(campaign_step::Column::Id).one(db).await?;
    Ok(last.filter(|step| step.status == campaign.status))
}
