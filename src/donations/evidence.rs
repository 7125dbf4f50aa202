//! One donation's story on paper, for a bank that asks: who promised what when, what the form said, which letters went out. Every time
//! is told in the organisation's zone and in UTC.

use super::{
    explain::{self, Aftermath, Line},
    story::{self, Story},
};
use crate::{
    app::App,
    asks::{rules, target::MatchOffer},
    error::Error,
    i18n::Language,
    matching,
    staff::{DeskPage, Finance, audit},
    web::{self, Path},
};
use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::{ids::DonationId, letter, words::WishFunding};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

/// The route of the page.
pub fn routes() -> Router<App> {
    Router::new().route("/desk/donations/{id}/evidence", get(show))
}

/// The most letters whose text is printed.
const LETTERS_MAX: u64 = 20;

#[derive(Template)]
#[template(path = "donations/desk_evidence.html")]
struct EvidencePage {
    page: DeskPage,
    story: Story,
    summary: String,
    lines: Vec<Line>,
    /// What the form says in the language that she gave in.
    terms: Vec<String>,
    language: Language,
    letters: Vec<letter::Model>,
    zone: Tz,
    made_at: DateTime<Utc>,
}

impl EvidencePage {
    /// A moment in the organisation's zone, to the second.
    fn here(&self, at: &DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// The same moment in UTC.
    fn utc(&self, at: &DateTime<Utc>) -> String {
        at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
}

/// What a sponsor adds, in the sentence of the form.
#[derive(Template)]
#[template(path = "donations/ratio.txt")]
struct Ratio<'a> {
    page: &'a web::Page,
    offer: &'a MatchOffer,
}

/// What the giving form says beside its button, as this version of the program words it.
fn terms(app: &App, story: &Story, offer: Option<&MatchOffer>, language: Language) -> Result<Vec<String>, Error> {
    let page = web::Page::plain(app, language);
    let mut terms = vec![page.t1("asks-who", "org", &app.config.org_legal_name)];
    let filled_in = story.donation.checkout_session_id.is_some() || story.steps.iter().any(|step| step.kind == "transfer_announced");
    if let Some(item) = story.item.as_ref().filter(|_| filled_in) {
        let campaign = story.campaign.as_ref().map(|campaign| campaign.title.as_str());
        terms.extend(rules::of_item(&page, campaign, item.funding == WishFunding::Shared));
    }
    if let Some(offer) = offer {
        terms.push(Ratio { page: &page, offer }.render()?.trim().to_owned());
        terms.extend(rules::of_match(&page, offer));
    }
    if story.donation.checkout_session_id.is_some() {
        terms.push(page.t("asks-card"));
    }
    if story.fee_cover.minor > 0 {
        terms.push(page.t("asks-cover-fee"));
    }
    terms.push(page.t("asks-stored"));
    Ok(terms)
}

async fn show(State(app): State<App>, who: Finance, page: DeskPage, Path(id): Path<DonationId>) -> Result<Response, Error> {
    let story = story::tell(&app, id).await?;
    let after = Aftermath::of(app.db.read(), &story).await?;
    let letters = letter::Entity::find().filter(letter::Column::DonationId.eq(id)).order_by_asc(letter::Column::CreatedAt);
    let letters = letters.limit(LETTERS_MAX).all(app.db.read()).await?;
    let language = Language::nearest(&story.donation.language).unwrap_or_default();
    let offer = matching::offered_with(app.db.read(), id).await?;
    let (now, actor) = (app.now(), who.actor());
    // It names people and is made to leave the house.
    app.db.write(async |tx| audit::record(tx, now, &actor, "donation.evidence", "donation", &id.to_string(), json!({})).await).await?;
    let title = page.t("desk-evidence-title");
    let shown = EvidencePage {
        summary: explain::summary(&page, &story),
        lines: explain::lines(&page, &story, &after),
        terms: terms(&app, &story, offer.as_ref(), language)?,
        page: page.titled(title),
        story,
        language,
        letters,
        zone: app.config.org_timezone,
        made_at: now,
    };
    web::html(&shown)
}
