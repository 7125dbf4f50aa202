//! Three months of gifts, made through the real code: the checkout is opened, paid at a stand-in, settled and receipted, on a clock that
//! is moved through the days.

use super::recurring::Recurring;
use crate::{
    app::App,
    asks::Gift,
    clock::hex,
    donations::{self, Opened},
    error::Error,
    i18n::Language,
    payments::standin::Standin,
    payouts, wishes,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    Currency, Money, campaign, donation,
    ids::{ArticleId, WishItemId},
    wish_item,
    words::{CampaignStatus, DonationStatus, WishKind},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

/// How many gifts the sample newsroom has had.
const GIFTS: u64 = 150;

/// How often what Stripe holds is paid out.
const PAID_OUT_EVERY: TimeDelta = TimeDelta::days(7);

/// Every so-manieth card is declined, and the checkout left.
const DECLINED_EVERY: u64 = 17;

const NAMES: [&str; 12] = [
    "Ada Fernwood",
    "Bruno Calder",
    "",
    "Celia Marsh",
    "Dorothea Quill",
    "",
    "Emil Tanager",
    "Farah Lindgren",
    "Gita Rowan",
    "",
    "Hanne Birch",
    "Ivo Castell",
];

/// What the gifts choose from.
pub struct Choices {
    /// Campaigns that take gifts.
    pub campaigns: Vec<campaign::Model>,
    /// Items with a price.
    pub items: Vec<wish_item::Model>,
    /// Articles that gifts come from, and since when.
    pub articles: Vec<(ArticleId, DateTime<Utc>)>,
}

impl Choices {
    /// Reads what can be given for, in a stable order.
    pub async fn read(app: &App) -> Result<Self, Error> {
        let db = app.db.read();
        let live = campaign::Column::Status.eq(CampaignStatus::Live);
        let priced = wish_item::Column::Kind.eq(WishKind::Priced);
        let open = entity::article::Column::Sensitive.eq(false);
        let mut campaigns = campaign::Entity::find().filter(live).all(db).await?;
        campaigns.sort_by(|a, b| a.slug.cmp(&b.slug));
        let mut items = wish_item::Entity::find().filter(priced).all(db).await?;
        items.sort_by(|a, b| a.slug.cmp(&b.slug));
        let mut articles = entity::article::Entity::find().filter(open).all(db).await?;
        articles.sort_by(|a, b| a.slug.cmp(&b.slug));
        let articles = articles.into_iter().filter_map(|a| Some((a.id, a.published_at?))).collect();
        Ok(Self { campaigns, items, articles })
    }
}

/// Makes the gifts between `from` and `to`; the app's clock must be a manual one, and `standin` the one it asks.
pub async fn make(app: &App, standin: &Standin, choices: &Choices, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), Error> {
    let step = (to - from) / i32::try_from(GIFTS + 1).unwrap_or(i32::MAX);
    let mut next_payout = from + PAID_OUT_EVERY;
    let mut recurring = Recurring::between(choices, from, to);
    for number in 0..GIFTS {
        // Some minutes more or less, so that the days do not look alike.
        let jitter = TimeDelta::minutes(i64::try_from(number * 37 % 600).unwrap_or(0));
        app.clock.set(from + step * i32::try_from(number + 1).unwrap_or(i32::MAX) - jitter);
        recurring.advance(app, standin).await?;
        let gift = choose(app, choices, number)?;
        make_one(app, standin, &gift, number % DECLINED_EVERY == 9).await?;
        if app.now() >= next_payout {
            next_payout += PAID_OUT_EVERY;
            recurring.hear(app).await?;
            for payout in standin.pay_out() {
                standin.complete_payout(&payout);
            }
        }
    }
    app.clock.set(to);
    standin.catch_up();
    recurring.hear(app).await?;
    donations::sweep(app).await?;
    payouts::reconcile(app, from, |_, _| {}).await?;
    while app.outbox.deliver_due(&app.db, &app.clock).await?.tried > 0 {}
    Ok(())
}

fn choose(app: &App, choices: &Choices, number: u64) -> Result<Gift, Error> {
    // Fibonacci hashing: the high bits of the product look random, the low ones do not.
    let pick = |of: usize, salt: u64| usize::try_from((number + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33).unwrap_or(0) % of.max(1);
    let name = NAMES[pick(NAMES.len(), 11)];
    let item = number.is_multiple_of(4).then(|| choices.items.get(pick(choices.items.len(), 23))).flatten();
    let campaign = match item {
        Some(item) => choices.campaigns.iter().find(|c| Some(c.id) == item.campaign_id),
        None if number % 9 == 5 => None,
        None => choices.campaigns.get(pick(choices.campaigns.len(), 31)),
    };
    let usual = |currency: Currency| {
        let whole = [10, 25, 25, 40, 50, 100, 15, 250][pick(8, 47)];
        Money::new(whole * 10_i64.pow(currency.exponent()), currency)
    };
    let (money, wish): (Money, Option<(WishItemId, i64)>) = match item.and_then(|i| Some((i, i.price_minor?, i.currency?))) {
        Some((item, _, currency)) if wishes::is_shared(item) => (usual(currency), Some((item.id, 1))),
        Some((item, price, currency)) => (Money::new(price, currency), Some((item.id, 1))),
        None => (usual(campaign.map_or(app.config.org_currencies[0], |c| c.currency)), None),
    };
    let published: Vec<ArticleId> = choices.articles.iter().filter(|(_, at)| *at <= app.now()).map(|(id, _)| *id).collect();
    let cover = if number % 5 == 2 { crate::asks::fee_cover(&app.config, money)?.minor } else { 0 };
    Ok(Gift {
        form_token: hex(&app.random.bytes::<16>()),
        money: Money::new(money.minor + cover, money.currency),
        fee_cover_minor: cover,
        every: None,
        campaign_id: item.map_or_else(|| campaign.map(|c| c.id), |i| i.campaign_id),
        item: wish,
        article_id: (number % 3 != 1).then(|| published.get(pick(published.len(), 5)).copied()).flatten(),
        fund_id: item.map(|i| i.fund_id).or_else(|| campaign.map(|c| c.fund_id)),
        email: format!("supporter{:02}@example.org", pick(70, 3)),
        public_name: !name.is_empty() && number.is_multiple_of(2),
        name: name.to_owned(),
        note: String::new(),
        wants_updates: number.is_multiple_of(3),
        discreet: false,
        language: [Language::English, Language::English, Language::Dari, Language::Pashto][pick(4, 77)],
        particulars: Default::default(),
    })
}

async fn make_one(app: &App, standin: &Standin, gift: &Gift, declined: bool) -> Result<(), Error> {
    match donations::open(app, gift).await {
        Ok(Opened::Checkout(_)) => {}
        // The items are few: when all of one are taken, the gift is simply not made.
        Ok(Opened::Over(_))
        | Err(donations::OpenProblem::NotEnough { .. } | donations::OpenProblem::TooMuch { .. } | donations::OpenProblem::ItemClosed) => {
            return Ok(());
        }
        Err(problem) => return Err(Error::Internal(format!("a sample gift could not be opened: {problem:?}"))),
    }
    let made = donation::Entity::find().filter(donation::Column::FormToken.eq(&gift.form_token)).one(app.db.read()).await?;
    let made = made.ok_or_else(|| Error::Internal("a sample gift was not written".to_owned()))?;
    let session = made.checkout_session_id.clone().unwrap_or_default();
    app.clock.advance(TimeDelta::seconds(95));
    standin.pay(&session, if declined { "4000000000000002" } else { "4242424242424242" });
    if declined {
        return Ok(());
    }
    let state = app.stripe.fetch_checkout(&session).await.map_err(|f| Error::Internal(format!("the stand-in did not answer: {f:?}")))?;
    donations::settle::apply(app, made.id, &state).await?;
    let paid = donation::Entity::find_by_id(made.id).one(app.db.read()).await?.is_some_and(|d| d.status == DonationStatus::Paid);
    if paid { Ok(()) } else { Err(Error::Internal("a sample gift was paid and not settled".to_owned())) }
}
