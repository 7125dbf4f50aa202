//! What every part shares: settings, database, clock, random source, mailer, Stripe.

use crate::{
    clock::{Clock, Random},
    config::{Config, PaymentWay},
    db::Db,
    error::Error,
    limits::HourlyLimit,
    mail::outbox::Outbox,
    payments::{Stripe, signature::WebhookSecret},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::Notify;

/// The shared parts; a clone is cheap and shares them.
#[derive(Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// The random source.
    pub random: Random,
    /// Letters to be sent, and the way out.
    pub outbox: Arc<Outbox>,
    /// Stripe, or its stand-in: the same code speaks to both.
    pub stripe: Stripe,
    /// The secrets that webhooks are signed with.
    pub webhook_secrets: Arc<Vec<WebhookSecret>>,
    /// The origin that our giving forms lead to, for the Content-Security-Policy.
    pub checkout_origin: Arc<str>,
    /// How many checkouts one network may open.
    pub checkout_limit: Arc<HourlyLimit>,
    /// Rung when a job or letter was written, so that the worker of this process need not wait for its next look.
    pub bell: Arc<Notify>,
    /// What slices keep in memory for as long as the process runs.
    pub shelf: Shelf,
}

/// What slices keep in memory for as long as the process runs, one thing of each type: the readers' counter, limits on guests. It is
/// here so that the shared parts need not know the slices.
#[derive(Clone, Default)]
pub struct Shelf {
    things: Arc<RwLock<HashMap<TypeId, Box<dyn Any + Send + Sync>>>>,
    opening: Arc<tokio::sync::Mutex<()>>,
}

impl Shelf {
    /// The thing of this type, opened when nobody has asked for it before.
    pub async fn get_or_open<T: Clone + Send + Sync + 'static, R>(&self, open: impl FnOnce() -> R) -> Result<T, Error>
    where
        R: Future<Output = Result<T, Error>>,
    {
        if let Some(thing) = self.get() {
            return Ok(thing);
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(thing) = self.get() {
            return Ok(thing);
        }
        let thing = open().await?;
        self.things.write().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<T>(), Box::new(thing.clone()));
        Ok(thing)
    }

    fn get<T: Clone + 'static>(&self) -> Option<T> {
        let things = self.things.read().unwrap_or_else(PoisonError::into_inner);
        things.get(&TypeId::of::<T>()).and_then(|thing| thing.downcast_ref::<T>()).cloned()
    }
}

impl App {
    /// Puts the parts together. `payment` names who takes the money; for the stand-in it is where that listens.
    pub fn new(config: Config, db: Db, clock: Clock, payment: Payment) -> Result<Self, Error> {
        let secrets = payment.webhook_secrets.iter().map(|s| WebhookSecret::parse(s.expose_secret())).collect::<Result<Vec<_>, _>>();
        let webhook_secrets = secrets.map_err(|e| Error::Invalid(e.to_string()))?;
        let stripe = Stripe::new(&payment.key, &payment.api_base)
            .map_err(|e| Error::Invalid(format!("STRIPE_SECRET_KEY or STRIPE_API_BASE: {e}")))?;
        let outbox = Arc::new(Outbox::open(&config)?);
        let random = Random::default();
        Ok(Self {
            checkout_limit: Arc::new(HourlyLimit::new(config.checkouts_per_hour, &random.bytes())),
            config: Arc::new(config),
            db,
            clock,
            random,
            outbox,
            stripe,
            webhook_secrets: Arc::new(webhook_secrets),
            checkout_origin: payment.checkout_origin.into(),
            bell: Arc::new(Notify::new()),
            shelf: Shelf::default(),
        })
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Today in the organisation's time zone.
    pub fn today(&self) -> chrono::NaiveDate {
        self.now().with_timezone(&self.config.org_timezone).date_naive()
    }

    /// The present time as the clocks of the organisation's zone show it.
    pub fn local_now(&self) -> DateTime<chrono_tz::Tz> {
        self.now().with_timezone(&self.config.org_timezone)
    }

    /// A new id that sorts by time.
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        self.random.id(self.now())
    }

    /// A key for one purpose; see [`Config::key`].
    pub fn key(&self, label: &str) -> [u8; 32] {
        self.config.key(label)
    }
}

/// How to reach who takes the money.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The API key.
    pub key: SecretString,
    /// Where the API answers.
    pub api_base: String,
    /// The secrets that webhooks are signed with.
    pub webhook_secrets: Vec<SecretString>,
    /// The origin of the checkout page.
    pub checkout_origin: String,
}

impl Payment {
    /// Nobody: for commands that neither take nor look after gifts where a stand-in is configured. Asking it fails at once.
    pub fn nobody() -> Self {
        Self {
            key: SecretString::from("sk_test_nobody"),
            api_base: "http://127.0.0.1:9/".to_owned(),
            webhook_secrets: Vec::new(),
            checkout_origin: "http://127.0.0.1:9".to_owned(),
        }
    }

    /// The way to Stripe itself, when the settings name it.
    pub fn from_config(config: &Config) -> Option<Self> {
        match &config.payment {
            PaymentWay::Standin(_) => None,
            PaymentWay::Stripe { key, webhook_secrets, api_base, checkout_origin } => Some(Self {
                key: key.clone(),
                api_base: api_base.clone(),
                webhook_secrets: webhook_secrets.clone(),
                checkout_origin: checkout_origin.clone(),
            }),
        }
    }
}
