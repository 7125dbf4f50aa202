//! A sample newsroom, made through the real code: articles by the import, campaigns and items by the desk's verbs, gifts by the checkout,
//! readers by the counter. All of it is our own invention.

mod content;
mod gifts;
mod history;
mod recurring;
mod updates;

use crate::{
    app::{App, Payment},
    clock::{Clock, Random},
    config::{Config, Settings, make_private_folder},
    db::Db,
    error::Error,
    matching,
    payments::{
        signature::WebhookSecret,
        standin::{Standin, StandinOptions},
    },
    staff,
};
use chrono::TimeDelta;
use entity::{article, donation, staff_member, words::Role};
use sea_orm::{EntityTrait, PaginatorTrait};
use secrecy::SecretString;
use std::{path::PathBuf, time::Duration};

/// How long the sample newsroom has been open.
const OPEN_FOR: TimeDelta = TimeDelta::days(92);

/// How often, and how long apart, the demo's folder is tried to be removed.
const REMOVAL_TRIES_MAX: u32 = 40;
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

/// A folder that is deleted when the demo ends.
pub struct ThrowAway(PathBuf);

impl Drop for ThrowAway {
    fn drop(&mut self) {
        // When the demo is stopped in the middle, the database's threads may still be letting go of files.
        for _ in 0..REMOVAL_TRIES_MAX {
            if std::fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(REMOVAL_PAUSE);
        }
        eprintln!("wellwisher: {} could not be removed; please remove it", self.0.display());
    }
}

/// Fills in what the demo needs where nothing was set: a throw-away folder, a name, links. Stripe's key and a mail server are not used:
/// a demo neither takes money nor writes to people.
pub fn prepare_settings(settings: &mut Settings) -> Result<Option<ThrowAway>, Error> {
    settings.stripe_secret_key = SecretString::from("");
    settings.smtp_url = SecretString::from("");
    if settings.org_name == "Our Newsroom" {
        settings.org_name = "The Lantern Post".to_owned();
        settings.org_tagline = "News by women, for whoever wants to know.".to_owned();
    }
    if settings.org_channels.is_empty() {
        settings.org_channels = "Video=https://video.example/lantern-post,Radio=https://radio.example/lantern-post".to_owned();
    }
    if settings.org_wish_lists.is_empty() {
        settings.org_wish_lists = "Books=https://bookshop.example/lists/lantern-post".to_owned();
    }
    if settings.mail_from == "giving@localhost.localdomain" {
        settings.mail_from = "giving@lantern-post.example".to_owned();
    }
    // Many people may try the demo from behind one address.
    settings.checkouts_per_hour = settings.checkouts_per_hour.max(100);
    if !settings.database_url.is_empty() {
        if secrecy::ExposeSecret::expose_secret(&settings.secret_key).is_empty() {
            settings.secret_key = SecretString::from(Random::default().token());
        }
        return Ok(None);
    }
    let folder = std::env::temp_dir().join(format!("wellwisher-demo-{}", crate::clock::hex(&Random::default().bytes::<6>())));
    make_private_folder(&folder).map_err(|e| Error::Invalid(format!("the folder {} cannot be made: {e}", folder.display())))?;
    settings.data_dir = folder.display().to_string();
    Ok(Some(ThrowAway(folder)))
}

/// The demo goes on an empty database only.
pub async fn require_empty(db: &Db) -> Result<(), Error> {
    let rows = article::Entity::find().count(db.read()).await?
        + donation::Entity::find().count(db.read()).await?
        + staff_member::Entity::find().count(db.read()).await?;
    if rows == 0 {
        return Ok(());
    }
    Err(Error::Invalid("DATABASE_URL names a database that is not empty: the demo would mix its samples with what is there".to_owned()))
}

/// Makes the sample newsroom. The answer is the stand-in that knows its payments, for another to go on where it left off.
pub async fn fill(config: &Config, db: &Db) -> Result<Standin, Error> {
    let today = Clock::System.now();
    let clock = Clock::manual(today - OPEN_FOR);
    let random = Random::default();
    let secret = format!("whsec_{}", crate::clock::hex(&random.bytes::<24>()));
    let webhook_secret = WebhookSecret::parse(&secret).map_err(|e| Error::internal("the stand-in's secret", e))?;
    // This stand-in lives on the sample's own clock, and listens no more when the past is made.
    let past = Standin::new(StandinOptions::new(clock.clone(), random, webhook_secret))
        .spawn("127.0.0.1:0")
        .await
        .map_err(|e| Error::internal("a stand-in for the past", e))?;
    let payment = Payment {
        key: SecretString::from("sk_test_practice_only"),
        api_base: past.base_url.clone(),
        webhook_secrets: vec![SecretString::from(secret)],
        checkout_origin: past.base_url.trim_end_matches('/').to_owned(),
    };
    let app = App::new(config.clone(), db.clone(), clock, payment)?;
    for (role, name) in [(Role::Admin, "Anselma Reed"), (Role::Editor, "Edda Winter"), (Role::Finance, "Filippa Grove")] {
        staff::add_demo_account(&app, role, name).await?;
    }
    content::load(&app, today).await?;
    let choices = gifts::Choices::read(&app).await?;
    gifts::make(&app, &past.standin, &choices, today - OPEN_FOR, today - TimeDelta::hours(2)).await?;
    updates::make(&app, today).await?;
    history::make(&app, today).await?;
    matching::release_expired(&app).await?;
    Ok(past.standin.clone())
}
