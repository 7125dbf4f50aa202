//! The sample newsroom's articles, funds, campaigns, items and attachments, from the files beside this one.

use crate::{
    app::App,
    articles::import::{self, Source},
    campaigns::{self, Verb, funds},
    error::Error,
    i18n::Language,
    matching::pots,
    staff::Actor,
    wishes::item,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    Currency, Money, article, attachment, category,
    ids::{CampaignId, FundId, WishItemId},
    words::{AttachmentScope, AttachmentTarget},
};
use rust_embed::RustEmbed;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(RustEmbed)]
#[folder = "src/demo/content"]
struct Files;

#[derive(Deserialize)]
struct Content {
    funds: Vec<Fund>,
    campaigns: Vec<Campaign>,
    items: Vec<Item>,
    attachments: Vec<Attachment>,
    pots: Vec<Pot>,
}

#[derive(Deserialize)]
struct Fund {
    code: String,
    name: String,
    restriction: String,
    gl_income: String,
    gl_fee: String,
}

#[derive(Deserialize)]
struct Campaign {
    slug: String,
    title: String,
    summary: String,
    language: String,
    goal: i64,
    currency: Currency,
    fund: String,
    story: String,
    ends_in_days: Option<i64>,
    #[serde(default)]
    milestones: Vec<Milestone>,
    dari: Option<Texts>,
    /// What readers are told of one that is paused.
    paused_because: Option<String>,
}

#[derive(Deserialize)]
struct Milestone {
    amount: i64,
    title: String,
    text: String,
    dari_title: String,
    dari_text: String,
}

#[derive(Deserialize)]
struct Texts {
    title: String,
    summary: String,
    story: String,
}

#[derive(Deserialize)]
struct Item {
    slug: String,
    title: String,
    description: String,
    language: String,
    quantity: i64,
    #[serde(default)]
    price: String,
    currency: Option<Currency>,
    /// Whether many pay for it together.
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    shop_url: String,
    #[serde(default)]
    campaign: String,
    #[serde(default)]
    fund: String,
}

/// A sponsor who has added to gifts for some days.
#[derive(Deserialize)]
struct Pot {
    campaign: String,
    sponsor: String,
    total: String,
    days: i64,
}

#[derive(Deserialize)]
struct Attachment {
    campaign: Option<String>,
    item: Option<String>,
    article: Option<String>,
    category: Option<String>,
}

/// Brings everything in. Articles get dates before `today`.
pub async fn load(app: &App, today: DateTime<Utc>) -> Result<(), Error> {
    load_articles(app, today).await?;
    let content: Content = serde_yaml_ng::from_str(&read("campaigns.yaml")?).map_err(|e| Error::internal("the sample campaigns", e))?;
    let system = Actor::system();
    let mut fund_ids = HashMap::new();
    for fund in content.funds {
        let details = funds::Details {
            code: fund.code.clone(),
            name: fund.name,
            restriction: fund.restriction.parse().map_err(|e| Error::internal("a sample fund", e))?,
            gl_income: fund.gl_income,
            gl_fee: fund.gl_fee,
        };
        fund_ids.insert(fund.code, funds::create(app, &system, &details).await?.id);
    }
    let campaigns = make_campaigns(app, &system, content.campaigns, &fund_ids, today.date_naive()).await?;
    let items = make_items(app, &system, content.items, &fund_ids, &campaigns).await?;
    for (position, attachment) in (1i64..).zip(content.attachments) {
        attach(app, &attachment, position, &campaigns, &items).await?;
    }
    for pot in content.pots {
        open_pot(app, &system, &pot, &campaigns, today).await?;
    }
    Ok(())
}

async fn open_pot(app: &App, actor: &Actor, sample: &Pot, campaigns: &Campaigns, today: DateTime<Utc>) -> Result<(), Error> {
    let (id, _) = campaigns.get(&sample.campaign).ok_or(Error::NotFound)?;
    let campaign = campaigns::store::campaign(app.db.read(), *id).await?.ok_or(Error::NotFound)?;
    let since = (today - TimeDelta::days(sample.days)).with_timezone(&app.config.org_timezone).date_naive();
    let raw = pots::RawPot {
        sponsor_name: sample.sponsor.clone(),
        total: sample.total.clone(),
        starts_on: since.to_string(),
        ..pots::RawPot::default()
    };
    let details = pots::parse(&raw, campaign.currency, app.config.org_timezone);
    let details = details.map_err(|errors| Error::Internal(format!("a sample pot: {errors:?}")))?;
    let pot = pots::create(app, actor, *id, &details).await?;
    pots::apply(app, actor, pot.id, pots::Verb::Open, "The sponsor has signed").await?;
    Ok(())
}

fn read(name: &str) -> Result<String, Error> {
    let file = Files::get(name).ok_or_else(|| Error::Internal(format!("the sample {name} is not in the program")))?;
    String::from_utf8(file.data.into_owned()).map_err(|e| Error::internal(name, e))
}

/// The articles go through the import; `@4 days ago@` becomes a date.
async fn load_articles(app: &App, today: DateTime<Utc>) -> Result<(), Error> {
    let mut sources = Vec::new();
    for name in Files::iter().filter(|name| name.ends_with(".md")) {
        let text = read(&name)?.lines().map(|line| date(line, today)).collect::<Result<Vec<_>, _>>()?.join("\n");
        sources.push(Source { name: name.into_owned(), bytes: text.into_bytes() });
    }
    let report = import::import_sources(app, sources).await?;
    match report.skipped.first() {
        Some(remark) => Err(Error::Internal(format!("a sample article was skipped: {remark}"))),
        None => Ok(()),
    }
}

/// Makes `published: "@4 days ago@"` a time and `source_date: "@5 days ago@"` a day.
fn date(line: &str, today: DateTime<Utc>) -> Result<String, Error> {
    let Some(((before, rest), (key, _))) = line.split_once('@').zip(line.split_once(':')) else { return Ok(line.to_owned()) };
    let Some((days, after)) = rest.split_once(" days ago@") else { return Ok(line.to_owned()) };
    let days: i64 = days.parse().map_err(|e| Error::internal("a sample date", e))?;
    let format = if key == "source_date" { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(format!("{before}{}{after}", (today - TimeDelta::days(days)).format(format)))
}

type Campaigns = HashMap<String, (CampaignId, FundId)>;

async fn make_campaigns(
    app: &App,
    actor: &Actor,
    all: Vec<Campaign>,
    funds: &HashMap<String, FundId>,
    today: NaiveDate,
) -> Result<Campaigns, Error> {
    let whole = |amount: i64, currency: Currency| Money::new(amount * 10_i64.pow(currency.exponent()), currency);
    let mut made = HashMap::new();
    for sample in all {
        let fund_id = *funds.get(&sample.fund).ok_or(Error::NotFound)?;
        let details = campaigns::details::Details {
            title: sample.title,
            slug: sample.slug.clone(),
            summary: sample.summary,
            story_markdown: sample.story,
            language: sample.language,
            goal: whole(sample.goal, sample.currency),
            fund_id,
            starts_on: None,
            ends_on: sample.ends_in_days.map(|days| today + TimeDelta::days(days)),
            ends_time: None,
        };
        let campaign = campaigns::details::create(app, actor, &details).await?;
        campaigns::details::apply(app, actor, campaign.id, Verb::Launch).await?;
        let mut goals = Vec::new();
        for milestone in sample.milestones {
            let amount = whole(milestone.amount, sample.currency);
            let details = campaigns::goals::Details { amount, title: milestone.title, text: milestone.text };
            let id = campaigns::goals::save(app, actor, campaign.id, None, &details).await?;
            goals.push((id, milestone.dari_title, milestone.dari_text));
        }
        if let Some(dari) = sample.dari {
            let texts = campaigns::texts::Texts { title: dari.title, summary: dari.summary, story_markdown: dari.story, goals };
            campaigns::texts::save(app, actor, campaign.id, Language::Dari, &texts).await?;
        }
        if let Some(public_reason) = sample.paused_because {
            let why = campaigns::life::Why { reason: "The reporter moved away".to_owned(), public_reason, money: "purpose".to_owned() };
            campaigns::life::apply_with(app, actor, campaign.id, Verb::Pause, &why).await?;
        }
        made.insert(sample.slug, (campaign.id, fund_id));
    }
    Ok(made)
}

async fn make_items(
    app: &App,
    actor: &Actor,
    all: Vec<Item>,
    funds: &HashMap<String, FundId>,
    campaigns: &Campaigns,
) -> Result<HashMap<String, WishItemId>, Error> {
    let mut made = HashMap::new();
    for sample in all {
        let campaign = campaigns.get(&sample.campaign);
        let way = match sample.currency {
            Some(currency) => {
                let price = crate::asks::amount::parse(&sample.price, currency);
                let price = price.map_err(|e| Error::Internal(format!("the price of a sample item: {e:?}")))?;
                if sample.shared { item::Way::Shared(price) } else { item::Way::Priced(price) }
            }
            None => item::Way::Link(sample.shop_url),
        };
        let details = item::Details {
            title: sample.title,
            slug: sample.slug.clone(),
            description: sample.description,
            language: sample.language,
            quantity: sample.quantity,
            way,
            campaign_id: campaign.map(|(id, _)| *id),
            fund_id: campaign.map(|(_, fund)| *fund).or_else(|| funds.get(&sample.fund).copied()).ok_or(Error::NotFound)?,
        };
        made.insert(sample.slug, item::create(app, actor, &details).await?.id);
    }
    Ok(made)
}

async fn attach(
    app: &App,
    sample: &Attachment,
    position: i64,
    campaigns: &Campaigns,
    items: &HashMap<String, WishItemId>,
) -> Result<(), Error> {
    let db = app.db.read();
    let article = match &sample.article {
        Some(slug) => article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await?.map(|a| a.id),
        None => None,
    };
    let category = match &sample.category {
        Some(path) => category::Entity::find().filter(category::Column::Path.eq(path)).one(db).await?.map(|c| c.id),
        None => None,
    };
    let campaign_id = sample.campaign.as_ref().and_then(|slug| campaigns.get(slug)).map(|(id, _)| *id);
    let row = attachment::Model {
        id: app.new_id(),
        target: if campaign_id.is_some() { AttachmentTarget::Campaign } else { AttachmentTarget::WishItem },
        campaign_id,
        wish_item_id: sample.item.as_ref().and_then(|slug| items.get(slug)).copied(),
        scope: match (article, category) {
            (Some(_), _) => AttachmentScope::Article,
            (None, Some(_)) => AttachmentScope::Category,
            (None, None) => AttachmentScope::Everywhere,
        },
        article_id: article,
        category_id: category,
        position,
        starts_on: None,
        ends_on: None,
        created_at: app.now(),
    };
    app.db.write(async |tx| row.clone().into_active_model().insert(tx).await.map(|_| ()).map_err(Error::from)).await
}
