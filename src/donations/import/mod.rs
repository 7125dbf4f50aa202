//! Past gifts: those of another system, from a CSV file, and those of an existing Stripe account.
//!
//! A past gift keeps its real day and is told to nobody. Importing the same again adds nothing.

mod alike;
pub mod stripe;
pub mod table;

use super::{
    store,
    taken::{self, Receipt, Taken, Unpaid, moment_of},
};
use crate::{
    app::App,
    asks,
    clock::sha256_hex,
    error::Error,
    i18n::Language,
    staff::{Actor, audit},
    supporters,
};
use chrono::{DateTime, Utc};
use entity::{
    Currency, Money, article, campaign, fund,
    ids::{ArticleId, CampaignId, DonationId, FundId},
    words::{Account, DonationSource},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};
use table::{Given, Remark, Row};

/// The largest file.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many gifts are written in one transaction.
const BATCH: usize = 200;

/// What the ledger knows a gift of another system by.
pub fn source_of(id: DonationId) -> String {
    format!("imported:{id}")
}

/// How past gifts are imported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The code of the fund for gifts that name none and whose campaign has none.
    pub fund: Option<String>,
    /// The currency of rows that name none.
    pub currency: Option<Currency>,
    /// Whether each gift gets a receipt, without a letter.
    pub receipts: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Whether gifts are taken that look like one which came another way: of the same giver (or reference), day and amount.
    pub alike: bool,
    /// Which of Stripe's charges are gifts: those to which all of this applies. Empty: all of them.
    pub only: Vec<Only>,
}

/// What tells a gift from other payments on the same Stripe account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// Its metadata has this key with this value.
    Metadata(String, String),
    /// Its description has these words in it, in capitals or not.
    Description(String),
}

impl std::str::FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write it as key=value, or description=words")?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || value.is_empty() {
            return Err("write it as key=value, or description=words".to_owned());
        }
        Ok(if key == "description" { Self::Description(value.to_owned()) } else { Self::Metadata(key.to_owned(), value.to_owned()) })
    }
}

/// What an import did, or would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Gifts added.
    pub added: u64,
    /// Gifts that were here already.
    pub known: u64,
    /// Of those added, gifts that count later than they were given, because their period is closed.
    pub later: u64,
    /// What was left out, and why.
    pub skipped: Vec<Remark>,
    /// What else to know.
    pub notes: Vec<Remark>,
}

/// The fund of an option.
pub(crate) async fn find_fund(db: &impl ConnectionTrait, code: Option<&str>) -> Result<Option<fund::Model>, Error> {
    let Some(code) = code else { return Ok(None) };
    let found = fund::Entity::find().filter(fund::Column::Code.eq(code.trim())).one(db).await?;
    found.map(Some).ok_or_else(|| Error::Invalid(format!("there is no fund with the code `{code}`: make it at the desk first")))
}

/// Imports a CSV file (see [`table`]). `progress` hears how many of how many rows are done.
pub async fn import_table(app: &App, bytes: &[u8], options: &Options, progress: impl Fn(u64, u64)) -> Result<Report, Error> {
    if bytes.len() > BYTES_MAX {
        return Err(Error::Invalid("the file is larger than 256 MB: import it in parts".to_owned()));
    }
    let table = table::read(bytes, options.currency);
    let mut report = Report { skipped: table.skipped, notes: table.notes, ..Report::default() };
    let fund = find_fund(app.db.read(), options.fund.as_deref()).await?;
    let mut known = Known::read(app.db.read(), fund).await?;
    let total = table.rows.len() as u64;
    let mut gifts = Vec::new();
    for row in &table.rows {
        match known.place(app, row).await? {
            Ok(place) => gifts.push((row, place)),
            Err(why) => report.skipped.push(Remark { line: row.line, why }),
        }
    }
    let mut looked_at = total - gifts.len() as u64;
    for batch in gifts.chunks(BATCH) {
        let done = if options.dry_run {
            count_new(app.db.read(), app, batch, options).await?
        } else {
            let begin = json!({ "rows": total, "bytes": bytes.len() });
            let write = async |tx: &DatabaseTransaction| {
                let done = write_batch(tx, app, batch, options).await?;
                if report.added == 0 && done.added > 0 {
                    note_begin(tx, app, "import.donations.begin", "donations", &begin).await?;
                }
                Ok(done)
            };
            app.db.write(write).await?
        };
        report.added += done.added;
        report.known += done.known;
        report.later += done.later;
        report.skipped.extend(done.skipped);
        looked_at += batch.len() as u64;
        progress(looked_at, total);
    }
    report.skipped.sort_by_key(|remark| remark.line);
    Ok(report)
}

/// Writes into the trail that an import has begun to write, beside its first gift: one that ends midway has left its mark.
pub(super) async fn note_begin(
    tx: &DatabaseTransaction,
    app: &App,
    action: &str,
    what: &str,
    detail: &serde_json::Value,
) -> Result<(), Error> {
    audit::record(tx, app.now(), &Actor::system(), action, "import", what, detail.clone()).await
}

/// Where a gift belongs. A million of them stand in memory, so they share what they name.
#[derive(Clone, Debug)]
struct Place {
    campaign_id: Option<CampaignId>,
    article_id: Option<ArticleId>,
    fund: Option<Arc<fund::Model>>,
    given_at: DateTime<Utc>,
}

/// What rows may name.
struct Known {
    campaigns: HashMap<String, (CampaignId, FundId)>,
    articles: HashMap<String, Option<ArticleId>>,
    funds: HashMap<String, Arc<fund::Model>>,
    usual_fund: Option<Arc<fund::Model>>,
}

impl Known {
    async fn read(db: &impl ConnectionTrait, usual_fund: Option<fund::Model>) -> Result<Self, Error> {
        let campaigns = campaign::Entity::find().all(db).await?.into_iter().map(|c| (c.slug, (c.id, c.fund_id))).collect();
        let funds = fund::Entity::find().all(db).await?.into_iter().map(|f| (f.code.to_lowercase(), Arc::new(f))).collect();
        Ok(Self { campaigns, articles: HashMap::new(), funds, usual_fund: usual_fund.map(Arc::new) })
    }

    /// Where a row's gift belongs, or why it cannot be taken.
    async fn place(&mut self, app: &App, row: &Row) -> Result<Result<Place, String>, Error> {
        let campaign = match row.campaign.as_str() {
            "" => None,
            slug => match self.campaigns.get(slug) {
                Some(campaign) => Some(*campaign),
                None => return Ok(Err(format!("there is no campaign `{slug}`"))),
            },
        };
        let article_id = match row.article.as_str() {
            "" => None,
            slug => {
                if !self.articles.contains_key(slug) {
                    let found = article::Entity::find().filter(article::Column::Slug.eq(slug)).one(app.db.read()).await?;
                    self.articles.insert(slug.to_owned(), found.map(|article| article.id));
                }
                match self.articles.get(slug).copied().flatten() {
                    Some(id) => Some(id),
                    None => return Ok(Err(format!("there is no article `{slug}`"))),
                }
            }
        };
        let fund = match row.fund.as_str() {
            "" => {
                let of_campaign = campaign.and_then(|(_, fund_id)| self.funds.values().find(|fund| fund.id == fund_id));
                of_campaign.or(self.usual_fund.as_ref()).cloned()
            }
            code => match self.funds.get(&code.to_lowercase()) {
                Some(fund) => Some(fund.clone()),
                None => return Ok(Err(format!("there is no fund with the code `{code}`"))),
            },
        };
        let now = app.now();
        let given_at = match row.given {
            Given::On(day) if day <= app.today() => moment_of(day, app.config.org_timezone, now),
            Given::At(moment) if moment <= now => moment,
            _ => return Ok(Err("the day has not come yet".to_owned())),
        };
        Ok(Ok(Place { campaign_id: campaign.map(|(id, _)| id), article_id, fund, given_at }))
    }
}

#[derive(Clone, Debug, Default)]
struct Done {
    added: u64,
    known: u64,
    later: u64,
    skipped: Vec<Remark>,
}

/// What makes the gift one, however often it is imported.
fn token_of(row: &Row) -> String {
    format!("imported:csv:{}", sha256_hex(&row.key))
}

/// Whether a row is a new gift; else it is counted, or said why it is left out.
async fn is_new(db: &impl ConnectionTrait, app: &App, row: &Row, place: &Place, options: &Options, done: &mut Done) -> Result<bool, Error> {
    let mut skip = |why: String| done.skipped.push(Remark { line: row.line, why });
    if let Some(known) = store::find_by_form(db, &token_of(row)).await? {
        let day = |at: DateTime<Utc>| at.with_timezone(&app.config.org_timezone).date_naive();
        let (here, given_on) = (Money::new(known.amount_minor, known.currency), day(known.paid_at.unwrap_or(known.created_at)));
        if here != row.money || given_on != day(place.given_at) {
            skip(format!(
                "it is here already as {here} of {given_on} (donation {}): a gift is never changed. Take that one back at the desk and import this one with another id",
                known.id
            ));
        } else {
            done.known += 1;
        }
        return Ok(false);
    }
    if !options.alike {
        let gift = alike::Gift { email: &row.email, names: &row.names(), money: row.money, at: place.given_at, is_of_stripe: false };
        if let Some(other) = alike::find(db, app, &gift).await? {
            skip(format!("it looks like a gift that came another way (donation {other}): say `--alike` to take such rows too"));
            return Ok(false);
        }
    }
    Ok(true)
}

async fn count_new(db: &impl ConnectionTrait, app: &App, batch: &[(&Row, Place)], options: &Options) -> Result<Done, Error> {
    let mut done = Done::default();
    for (row, place) in batch {
        if is_new(db, app, row, place, options, &mut done).await? {
            done.added += 1;
        }
    }
    Ok(done)
}

async fn write_batch(tx: &DatabaseTransaction, app: &App, batch: &[(&Row, Place)], options: &Options) -> Result<Done, Error> {
    let mut done = Done::default();
    for (row, place) in batch {
        if !is_new(tx, app, row, place, options, &mut done).await? {
            continue;
        }
        let booked = write_row(tx, app, row, place, options).await?;
        done.added += 1;
        done.later += u64::from(booked != place.given_at);
    }
    Ok(done)
}

async fn write_row(tx: &DatabaseTransaction, app: &App, row: &Row, place: &Place, options: &Options) -> Result<DateTime<Utc>, Error> {
    let now = app.now();
    let language = Language::nearest(&row.language).unwrap_or_default().tag();
    let supporter = find_supporter(tx, app, &row.email, &row.name, language, now).await?;
    let fund = match &place.fund {
        Some(fund) => (**fund).clone(),
        None => store::fund(tx, None, app.new_id(), now).await?,
    };
    let new = Unpaid {
        id: app.new_id(),
        form_token: token_of(row),
        request_hash: sha256_hex(&row.key),
        supporter_id: supporter,
        donor_name: &row.name,
        public_name: false,
        note: &row.note,
        wants_updates: false,
        discreet: false,
        language,
        money: row.money,
        campaign_id: place.campaign_id,
        item: None,
        article_id: place.article_id,
        fund: &fund,
        source: DonationSource::Imported,
        method: "",
        reference: &row.reference,
        expires_at: place.given_at,
        created_at: place.given_at,
    };
    let donation = taken::write_down(tx, app, &new, now).await?;
    store::note(tx, donation.id, now, "imported", "from a file").await?;
    let taken = Taken {
        paid_at: place.given_at,
        account: Account::Bank,
        source: source_of(donation.id),
        receipt: if options.receipts { Receipt::Only } else { Receipt::None },
    };
    taken::take(tx, app, &donation, &taken, now).await
}

/// The giver of a past gift: by her address, else somebody without one. What is known of her already stays.
pub(super) async fn find_supporter(
    tx: &DatabaseTransaction,
    app: &App,
    email: &str,
    name: &str,
    language: &str,
    now: DateTime<Utc>,
) -> Result<entity::ids::SupporterId, Error> {
    if email.is_empty() || !asks::gift::is_email(email) {
        return Ok(supporters::add_without_address(tx, app.new_id(), name, language, now).await?.id);
    }
    let known = supporters::find_or_add(tx, app.new_id(), email, language, now).await?;
    if known.name.is_empty() {
        let told = supporters::Introduction { name, language: &known.language, ..Default::default() };
        supporters::welcome(tx, known.id, &told, now).await?;
    }
    Ok(known.id)
}
