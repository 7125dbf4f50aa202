//! One campaign in several languages: its own texts, and those of other languages. Money, readers, articles and address are the one campaign's.
//!
//! A reader gets her page's language where it is written, else the campaign's own with a word that it is so. What is shown is the campaign with
//! its texts and its `language` put in, so that every page marks language and direction by the campaign alone. Such a campaign is never saved.

use super::{GoalStep, store};
use crate::{
    app::App,
    asks::gift::without_controls,
    error::Error,
    i18n::Language,
    staff::audit::{self, Actor},
    web::FormErrors,
};
use entity::{
    campaign, campaign_goal, campaign_goal_text, campaign_text,
    ids::{CampaignGoalId, CampaignId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};
use serde_json::json;
use std::collections::HashMap;

/// The texts of a campaign in other languages than its own, by language.
pub async fn of_campaign(db: &impl ConnectionTrait, id: CampaignId) -> Result<Vec<campaign_text::Model>, Error> {
    let find = campaign_text::Entity::find().filter(campaign_text::Column::CampaignId.eq(id));
    Ok(find.order_by_asc(campaign_text::Column::Language).all(db).await?)
}

/// Puts the texts of a language into these campaigns, where they are written in it.
pub async fn put_in<'a>(
    db: &impl ConnectionTrait,
    language: Language,
    campaigns: impl Iterator<Item = &'a mut campaign::Model>,
) -> Result<(), Error> {
    let campaigns: Vec<&mut campaign::Model> = campaigns.filter(|campaign| campaign.language != language.tag()).collect();
    if campaigns.is_empty() {
        return Ok(());
    }
    let ids: Vec<CampaignId> = campaigns.iter().map(|campaign| campaign.id).collect();
    let find = campaign_text::Entity::find().filter(campaign_text::Column::CampaignId.is_in(ids));
    let found = find.filter(campaign_text::Column::Language.eq(language.tag())).all(db).await?;
    let mut found: HashMap<CampaignId, campaign_text::Model> = found.into_iter().map(|text| (text.campaign_id, text)).collect();
    for campaign in campaigns {
        if let Some(text) = found.remove(&campaign.id) {
            campaign.title = text.title;
            campaign.summary = text.summary;
            campaign.story_markdown = text.story_markdown;
            campaign.language = text.language;
        }
    }
    Ok(())
}

/// Puts the texts of a language into milestones and stretch goals. One that is not written in it keeps its own. Returns the languages in which
/// each is written, in their order.
pub async fn put_in_goals(db: &impl ConnectionTrait, language: &str, own: &str, steps: &mut [GoalStep]) -> Result<Vec<String>, Error> {
    let ids: Vec<CampaignGoalId> = steps.iter().filter_map(|step| step.goal.as_ref().map(|goal| goal.id)).collect();
    let mut texts: HashMap<CampaignGoalId, campaign_goal_text::Model> = HashMap::new();
    if language != own && !ids.is_empty() {
        let find = campaign_goal_text::Entity::find().filter(campaign_goal_text::Column::CampaignGoalId.is_in(ids));
        let found = find.filter(campaign_goal_text::Column::Language.eq(language)).all(db).await?;
        texts.extend(found.into_iter().map(|text| (text.campaign_goal_id, text)));
    }
    let mut languages = Vec::new();
    for step in steps {
        let text = step.goal.as_ref().and_then(|goal| texts.remove(&goal.id));
        languages.push(if text.is_some() { language.to_owned() } else { own.to_owned() });
        if let (Some(goal), Some(text)) = (step.goal.as_mut(), text) {
            (goal.title, goal.text) = (text.title, text.text);
        }
    }
    Ok(languages)
}

/// What is written of these milestones and stretch goals in a language: title and text.
pub async fn of_goals(
    db: &impl ConnectionTrait,
    language: &str,
    goals: &[campaign_goal::Model],
) -> Result<HashMap<CampaignGoalId, (String, String)>, Error> {
    if goals.is_empty() {
        return Ok(HashMap::new());
    }
    let find =
        campaign_goal_text::Entity::find().filter(campaign_goal_text::Column::CampaignGoalId.is_in(goals.iter().map(|goal| goal.id)));
    let found = find.filter(campaign_goal_text::Column::Language.eq(language)).all(db).await?;
    Ok(found.into_iter().map(|text| (text.campaign_goal_id, (text.title, text.text))).collect())
}

/// The texts of one language, as they may be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the campaign's field of that name")]
pub struct Texts {
    pub title: String,
    pub summary: String,
    pub story_markdown: String,
    /// Of milestones and stretch goals: title and text; one without a title is not translated.
    pub goals: Vec<(CampaignGoalId, String, String)>,
}

/// Reads the form: `title`, `summary`, `story`, and of each milestone and stretch goal `goal-<id>-title` and `goal-<id>-text`.
pub fn parse(typed: &HashMap<String, String>, goals: &[campaign_goal::Model]) -> Result<Texts, FormErrors> {
    let mut errors = FormErrors::default();
    let field = |key: &str, lines: bool| without_controls(typed.get(key).map_or("", String::as_str), lines);
    let mut text = |name: &'static str, text: String, most: usize, needed: bool| {
        if text.chars().count() > most || (needed && text.is_empty()) {
            errors.add(name, format!("Write {}at most {most} characters", if needed { "something, " } else { "" }));
        }
        text
    };
    let mut texts = Texts {
        title: text("title", field("title", false), 200, true),
        summary: text("summary", field("summary", false), 300, true),
        story_markdown: text("story", field("story", true), 100_000, false),
        goals: Vec::new(),
    };
    for goal in goals {
        let title = text("goals", field(&format!("goal-{}-title", goal.id), false), 120, false);
        let words = text("goals", field(&format!("goal-{}-text", goal.id), false), 300, false);
        texts.goals.push((goal.id, title, words));
    }
    if errors.is_empty() { Ok(texts) } else { Err(errors) }
}

/// Writes the texts of a language.
pub async fn save(app: &App, actor: &Actor, id: CampaignId, language: Language, texts: &Texts) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let campaign = store::lock_campaign(tx, id).await?.ok_or(Error::NotFound)?;
            if campaign.language == language.tag() {
                return Err(Error::Conflict("this is the campaign's own language".to_owned()));
            }
            clear(tx, id, language).await?;
            let row = campaign_text::ActiveModel {
                id: NotSet,
                campaign_id: Set(id),
                language: Set(language.tag().to_owned()),
                title: Set(texts.title.clone()),
                summary: Set(texts.summary.clone()),
                story_markdown: Set(texts.story_markdown.clone()),
                updated_at: Set(now),
            };
            campaign_text::Entity::insert(row).exec_without_returning(tx).await?;
            let known = super::goals::of_campaigns(tx, &[id]).await?.remove(&id).unwrap_or_default();
            for (goal, title, words) in
                texts.goals.iter().filter(|(goal, title, _)| !title.is_empty() && known.iter().any(|of| of.id == *goal))
            {
                let row = campaign_goal_text::ActiveModel {
                    id: NotSet,
                    campaign_goal_id: Set(*goal),
                    language: Set(language.tag().to_owned()),
                    title: Set(title.clone()),
                    text: Set(words.clone()),
                };
                campaign_goal_text::Entity::insert(row).exec_without_returning(tx).await?;
            }
            let detail = json!({ "language": language.tag() });
            audit::record(tx, now, actor, "campaign.texts", "campaign", &id.to_string(), detail).await
        })
        .await
}

/// Takes the texts of a language away.
pub async fn remove(app: &App, actor: &Actor, id: CampaignId, language: Language) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            store::lock_campaign(tx, id).await?.ok_or(Error::NotFound)?;
            if !clear(tx, id, language).await? {
                return Err(Error::NotFound);
            }
            let detail = json!({ "language": language.tag() });
            audit::record(tx, now, actor, "campaign.texts_remove", "campaign", &id.to_string(), detail).await
        })
        .await
}

async fn clear(tx: &DatabaseTransaction, id: CampaignId, language: Language) -> Result<bool, Error> {
    let goals = super::goals::of_campaigns(tx, &[id]).await?.remove(&id).unwrap_or_default();
    if !goals.is_empty() {
        let all = campaign_goal_text::Entity::delete_many()
            .filter(campaign_goal_text::Column::CampaignGoalId.is_in(goals.iter().map(|goal| goal.id)));
        all.filter(campaign_goal_text::Column::Language.eq(language.tag())).exec(tx).await?;
    }
    let own = campaign_text::Entity::delete_many().filter(campaign_text::Column::CampaignId.eq(id));
    Ok(own.filter(campaign_text::Column::Language.eq(language.tag())).exec(tx).await?.rows_affected > 0)
}

/// Whether a campaign is translated into a language.
pub async fn is_written(db: &impl ConnectionTrait, id: CampaignId, language: &str) -> Result<bool, Error> {
    let find = campaign_text::Entity::find().filter(campaign_text::Column::CampaignId.eq(id));
    Ok(find.filter(campaign_text::Column::Language.eq(language)).one(db).await?.is_some())
}
