//! Writing and changing updates: what staff type, and what must hold before it is written.

use super::store;
use crate::{
    app::App,
    asks::gift::without_controls,
    db::is_unique_violation,
    error::Error,
    i18n::Language,
    mail::mailing::{GREETING, UNSUBSCRIBE},
    news::Entry,
    staff::audit::{self, Actor},
    web::{FormErrors, markdown, slug},
};
use entity::{
    ids::{CampaignId, UpdateId, WishItemId},
    news_text, news_update,
    words::{UpdateAudience, UpdateState},
};
use sea_orm::DbErr;
use serde::Deserialize;
use serde_json::json;

/// The longest title: it is the subject of a letter too.
const TITLE_CHARS_MAX: usize = 100;

/// The longest text. Mail programs cut letters at about a hundred kilobytes.
const BODY_CHARS_MAX: usize = 30_000;

/// The form as it was sent. A text that is wholly empty is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the update's field of that name, as typed; the last letters are a language")]
pub struct RawUpdate {
    /// `campaign:<id>`, `item:<id>`, or empty for news of the whole newsroom.
    pub about: String,
    /// The language of the text for whoever reads none of the others.
    pub language: String,
    pub slug: String,
    /// `yes` when it asks for money.
    pub asks: String,
    pub title_en: String,
    pub body_en: String,
    pub title_fa: String,
    pub body_fa: String,
    pub title_ps: String,
    pub body_ps: String,
}

impl RawUpdate {
    /// What stands in the form for an update that is there.
    pub fn of(entry: &Entry) -> Self {
        let update = &entry.update;
        let about = match (update.campaign_id, update.wish_item_id) {
            (Some(id), _) => format!("campaign:{id}"),
            (None, Some(id)) => format!("item:{id}"),
            (None, None) => String::new(),
        };
        let mut raw = Self { about, language: update.language.clone(), slug: update.slug.clone(), ..Self::default() };
        raw.asks = if update.asks { "yes".to_owned() } else { String::new() };
        for language in Language::ALL {
            let Some(text) = entry.texts.iter().find(|text| text.language == language.tag()) else { continue };
            let (title, body) = match language {
                Language::English => (&mut raw.title_en, &mut raw.body_en),
                Language::Dari => (&mut raw.title_fa, &mut raw.body_fa),
                Language::Pashto => (&mut raw.title_ps, &mut raw.body_ps),
            };
            (*title, *body) = (text.title.clone(), text.body_markdown.clone());
        }
        raw
    }

    /// What was typed in a language: title and text.
    pub fn typed(&self, language: Language) -> (&str, &str) {
        match language {
            Language::English => (&self.title_en, &self.body_en),
            Language::Dari => (&self.title_fa, &self.body_fa),
            Language::Pashto => (&self.title_ps, &self.body_ps),
        }
    }
}

/// The names of the form's fields for the text in a language: title and text.
pub const fn fields(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::English => ("title_en", "body_en"),
        Language::Dari => ("title_fa", "body_fa"),
        Language::Pashto => ("title_ps", "body_ps"),
    }
}

/// A text as it may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// In which language.
    pub language: Language,
    /// Its title.
    pub title: String,
    /// The text in Markdown.
    pub body_markdown: String,
}

/// What may be written of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The campaign that it is news of.
    pub campaign_id: Option<CampaignId>,
    /// The item that it is news of.
    pub wish_item_id: Option<WishItemId>,
    /// Empty: made from the title.
    pub slug: String,
    /// The language of the text for whoever reads none of the others.
    pub language: Language,
    /// Whether it asks for money.
    pub asks: bool,
    /// At least the text in that language.
    pub texts: Vec<Text>,
}

/// Reads the form.
pub fn parse(app: &App, raw: &RawUpdate) -> Result<Details, FormErrors> {
    let mut errors = FormErrors::default();
    let (campaign_id, wish_item_id) = match raw.about.split_once(':') {
        Some(("campaign", id)) => (id.parse().ok(), None),
        Some(("item", id)) => (None, id.parse().ok()),
        _ => (None, None),
    };
    if !raw.about.is_empty() && campaign_id.is_none() && wish_item_id.is_none() {
        errors.add("about", "Choose what it is news of");
    }
    let language: Option<Language> = raw.language.parse().ok();
    if language.is_none() {
        errors.add("language", "Choose a language");
    }
    let slug = raw.slug.trim().to_ascii_lowercase();
    if !slug.is_empty() && !slug::is_slug(&slug) {
        errors.add("slug", "Use small letters a to z, digits and hyphens, or leave it empty");
    }
    let texts: Vec<Text> = Language::ALL.into_iter().filter_map(|one| parse_text(app, raw, one, language, &mut errors)).collect();
    match language {
        Some(language) if errors.is_empty() => Ok(Details { campaign_id, wish_item_id, slug, language, asks: raw.asks == "yes", texts }),
        _ => Err(errors),
    }
}

/// The text in a language, if there is one, or what is wrong with it.
fn parse_text(app: &App, raw: &RawUpdate, language: Language, main: Option<Language>, errors: &mut FormErrors) -> Option<Text> {
    let ((title, body), (title_field, body_field)) = (raw.typed(language), fields(language));
    let (title, body) = (without_controls(title, false), without_controls(body, true));
    if title.is_empty() && body.trim().is_empty() && main != Some(language) {
        return None;
    }
    if title.is_empty() || title.chars().count() > TITLE_CHARS_MAX {
        errors.add(title_field, format!("Write a title of at most {TITLE_CHARS_MAX} characters"));
    }
    if body.trim().is_empty() || body.chars().count() > BODY_CHARS_MAX {
        errors.add(body_field, format!("Write a text of at most {BODY_CHARS_MAX} characters"));
    }
    let html = markdown::to_html(&body);
    if [UNSUBSCRIBE, GREETING].iter().any(|mark| html.contains(mark) || body.contains(mark) || title.contains(mark)) {
        errors.add(body_field, format!("{GREETING} and {UNSUBSCRIBE} stand for what each letter has of its own: take them out"));
    }
    if !body.trim().is_empty() && markdown::to_text(&body, &app.config.base_url).is_empty() {
        errors.add(body_field, "Pictures and raw HTML are left out, and nothing else is in the text");
    }
    Some(Text { language, title, body_markdown: body })
}

fn texts_of(app: &App, id: UpdateId, details: &Details) -> Vec<news_text::Model> {
    let text = |text: &Text| news_text::Model {
        id: app.new_id(),
        update_id: id,
        language: text.language.tag().to_owned(),
        title: text.title.clone(),
        body_markdown: text.body_markdown.clone(),
    };
    details.texts.iter().map(text).collect()
}

/// Writes a new update, as a draft.
pub async fn create(app: &App, actor: &Actor, details: &Details) -> Result<news_update::Model, Error> {
    let (id, now): (UpdateId, _) = (app.new_id(), app.now());
    let title = details.texts.iter().find(|text| text.language == details.language).map(|text| text.title.as_str()).unwrap_or_default();
    let made = || slug::of_title(title).unwrap_or_else(|| slug::of_id("update", id.0));
    let update = news_update::Model {
        id,
        slug: if details.slug.is_empty() { made() } else { details.slug.clone() },
        campaign_id: details.campaign_id,
        wish_item_id: details.wish_item_id,
        language: details.language.tag().to_owned(),
        asks: details.asks,
        state: UpdateState::Draft,
        audience: UpdateAudience::Asked,
        only_language: String::new(),
        send_at: None,
        published_at: None,
        hidden: false,
        mailing_id: None,
        expected: 0,
        cursor_id: None,
        taken_in_at: None,
        sent_at: None,
        left_budget: 0,
        left_given: 0,
        left_other: 0,
        written_by_name: actor.name.clone(),
        sent_by_name: String::new(),
        created_at: now,
        updated_at: now,
    };
    let texts = texts_of(app, id, details);
    app.db
        .write(async |tx| {
            store::insert(tx, update.clone(), texts.clone()).await.map_err(slug_taken)?;
            audit::record(tx, now, actor, "update.create", "update", &id.to_string(), json!({ "slug": update.slug })).await
        })
        .await?;
    Ok(update)
}

/// Whether its text may be changed: not while its letters are waiting or leaving.
pub const fn may_be_changed(state: UpdateState) -> bool {
    !matches!(state, UpdateState::Scheduled | UpdateState::Sending | UpdateState::Paused)
}

/// Changes an update. Letters that have left keep what they said; the page and the feeds say the new text. What it is news of, its
/// address and whether it asks for money stay once it is known to anybody.
///
/// # Errors
/// `Conflict` while its letters are waiting or leaving.
pub async fn edit(app: &App, actor: &Actor, id: UpdateId, details: &Details) -> Result<news_update::Model, Error> {
    let now = app.now();
    let texts = texts_of(app, id, details);
    app.db
        .write(async |tx| {
            let before = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
            if !may_be_changed(before.state) {
                return Err(Error::Conflict("its letters are waiting or leaving: take it back or stop it first".to_owned()));
            }
            let mut after = news_update::Model { language: details.language.tag().to_owned(), updated_at: now, ..before.clone() };
            if before.state == UpdateState::Draft {
                (after.campaign_id, after.wish_item_id, after.asks) = (details.campaign_id, details.wish_item_id, details.asks);
                if !details.slug.is_empty() {
                    after.slug.clone_from(&details.slug);
                }
            }
            store::save(tx, after.clone()).await.map_err(slug_taken)?;
            store::replace_texts(tx, id, texts.clone()).await?;
            let detail = json!({ "slug": after.slug, "state": after.state, "asks": after.asks });
            audit::record(tx, now, actor, "update.edit", "update", &id.to_string(), detail).await?;
            Ok(after)
        })
        .await
}

fn slug_taken(error: DbErr) -> Error {
    if is_unique_violation(&error) {
        Error::Conflict("another update has this name in its address: choose another one".to_owned())
    } else {
        error.into()
    }
}
