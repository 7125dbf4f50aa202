//! Gifts that come every month or year, each in another state: two go on, one is paused, one waits for another card, one has ended.

use super::gifts::Choices;
use crate::{
    app::App,
    asks::Gift,
    clock::hex,
    donations,
    error::Error,
    i18n::Language,
    payments::standin::Standin,
    recurring::{self, By, care},
};
use chrono::{DateTime, Months, TimeDelta, Utc};
use entity::{Money, donation, ids::RecurringId, words::GiftInterval};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

const GOOD_CARD: &str = "4242424242424242";

/// Pays the checkout, and nothing from the first renewal on.
const FAILING_CARD: &str = "4000000000000341";

/// What its supporter does with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Nothing,
    Pause,
    End,
}

#[derive(Clone, Debug)]
struct Life {
    begins: DateTime<Utc>,
    every: GiftInterval,
    /// In whole units of the currency.
    whole: i64,
    card: &'static str,
    name: &'static str,
    deed: (DateTime<Utc>, Deed),
    id: Option<RecurringId>,
}

/// The recurring gifts of the sample.
pub(super) struct Recurring {
    lives: Vec<Life>,
    campaign: Option<entity::campaign::Model>,
}

impl Recurring {
    /// Those of a past between two moments.
    pub fn between(choices: &Choices, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let day = TimeDelta::days;
        let life = |begins, every, whole, card, name, deed| Life { begins, every, whole, card, name, deed, id: None };
        let nothing = (to, Deed::Nothing);
        // A month and five days ago: its first renewal has failed, and is being tried again.
        let failing = to.checked_sub_months(Months::new(1)).unwrap_or(from) - day(5);
        let lives = vec![
            life(from + day(3), GiftInterval::Month, 25, GOOD_CARD, "Marisol Vance", nothing),
            life(from + day(9), GiftInterval::Year, 120, GOOD_CARD, "", nothing),
            life(from + day(12), GiftInterval::Month, 15, GOOD_CARD, "Tova Lind", (to - day(20), Deed::Pause)),
            life(from + day(16), GiftInterval::Month, 10, GOOD_CARD, "", (to - day(10), Deed::End)),
            life(failing, GiftInterval::Month, 40, FAILING_CARD, "Ines Calder", nothing),
        ];
        Self { lives, campaign: choices.campaigns.first().cloned() }
    }

    /// Begins those whose time has come, and does what their supporters do.
    pub async fn advance(&mut self, app: &App, standin: &Standin) -> Result<(), Error> {
        let now = app.now();
        for place in 0..self.lives.len() {
            let life = self.lives[place].clone();
            if life.id.is_none() && life.begins <= now {
                self.lives[place].id = Some(self.begin(app, standin, &life, place).await?);
            }
            let Some(id) = life.id.filter(|_| life.deed.1 != Deed::Nothing && life.deed.0 <= now) else { continue };
            self.lives[place].deed.1 = Deed::Nothing;
            recurring::refresh(app, id, &By::Stripe).await?;
            match life.deed.1 {
                Deed::Nothing => {}
                Deed::Pause => care::pause(app, &By::Supporter, id, None).await?,
                Deed::End => {
                    care::end(app, &By::Supporter, id, "I am between two jobs. I hope to come back.").await?;
                }
            }
        }
        Ok(())
    }

    /// Asks how they stand.
    pub async fn hear(&self, app: &App) -> Result<(), Error> {
        for id in self.lives.iter().filter_map(|life| life.id) {
            recurring::refresh(app, id, &By::Stripe).await?;
        }
        Ok(())
    }

    async fn begin(&self, app: &App, standin: &Standin, life: &Life, place: usize) -> Result<RecurringId, Error> {
        let currency = self.campaign.as_ref().map_or(app.config.org_currencies[0], |campaign| campaign.currency);
        let gift = Gift {
            form_token: hex(&app.random.bytes::<16>()),
            money: Money::new(life.whole * 10_i64.pow(currency.exponent()), currency),
            fee_cover_minor: 0,
            every: Some(life.every),
            campaign_id: self.campaign.as_ref().map(|campaign| campaign.id),
            item: None,
            article_id: None,
            fund_id: self.campaign.as_ref().map(|campaign| campaign.fund_id),
            email: format!("faithful{place}@example.org"),
            public_name: false,
            name: life.name.to_owned(),
            note: String::new(),
            wants_updates: false,
            discreet: false,
            language: Language::English,
            particulars: Default::default(),
        };
        let opened = donations::open(app, &gift).await;
        opened.map_err(|problem| Error::Internal(format!("a sample gift could not be opened: {problem:?}")))?;
        let made = donation::Entity::find().filter(donation::Column::FormToken.eq(&gift.form_token)).one(app.db.read()).await?;
        let made = made.ok_or_else(|| Error::Internal("a sample gift was not written".to_owned()))?;
        let id = made.recurring_donation_id.ok_or_else(|| Error::Internal("a sample gift does not recur".to_owned()))?;
        app.clock.advance(TimeDelta::seconds(95));
        standin.pay(&made.checkout_session_id.unwrap_or_default(), life.card);
        recurring::refresh(app, id, &By::Stripe).await?;
        Ok(id)
    }
}
