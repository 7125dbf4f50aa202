//! News of the sample newsroom: one mailed to those who asked for it, one published without letters, one draft.

use crate::{
    app::App,
    asks,
    consents::{self, Request},
    error::Error,
    i18n::Language,
    mail::topic::Topic,
    staff::Actor,
    updates::{
        audience,
        details::{self, RawUpdate},
        send::{self, Plan},
        state::{self, Verb},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{campaign, letter, news_update, subscription, supporter, words::UpdateAudience};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// How many supporters ask for all news besides those who did so with a gift.
const ASK_FOR_ALL: u64 = 12;

/// Makes the news of the last weeks, on a clock that is moved there.
pub async fn make(app: &App, today: DateTime<Utc>) -> Result<(), Error> {
    app.clock.set(today - TimeDelta::days(9));
    subscribe_some(app).await?;
    let school = campaign_of(app, "light-for-the-night-school").await?;
    let sent = write(app, light(&school)).await?;
    app.clock.set(today - TimeDelta::days(6));
    send_now(app, &sent).await?;
    app.clock.set(today - TimeDelta::days(3));
    let published = write(app, books(&campaign_of(app, "khana-e-kitab").await?)).await?;
    state::apply(app, &Actor::system(), published.id, Verb::Publish).await?;
    app.clock.set(today - TimeDelta::days(1));
    write(app, winter()).await?;
    Ok(())
}

async fn campaign_of(app: &App, slug: &str) -> Result<campaign::Model, Error> {
    asks::store::campaign(app.db.read(), slug).await?.ok_or_else(|| Error::Internal(format!("the sample campaign {slug} is missing")))
}

/// Some supporters ask for news, and confirm it as from the letter.
async fn subscribe_some(app: &App) -> Result<(), Error> {
    let some = supporter::Entity::find().filter(supporter::Column::Email.ne("")).order_by_asc(supporter::Column::Email);
    for who in some.limit(ASK_FOR_ALL).all(app.db.read()).await? {
        let language = Language::nearest(&who.language).unwrap_or_default();
        let wording = language.text("asks-updates");
        let request = Request { supporter: &who, topic: Topic::Updates, language, wording: &wording };
        app.db.write(async |tx| consents::ask(tx, app, &request).await).await?;
        let hers = subscription::Entity::find().filter(subscription::Column::SupporterId.eq(who.id));
        let waiting =
            hers.filter(subscription::Column::Topic.eq(Topic::Updates.to_string())).filter(subscription::Column::EndedAt.is_null());
        let Some(wish) = waiting.one(app.db.read()).await? else { continue };
        let asked = letter::Entity::find().filter(letter::Column::DedupeKey.eq(format!("confirmation:{}", wish.id)));
        let text = asked.one(app.db.read()).await?.map(|letter| letter.text_body).unwrap_or_default();
        if let Some((_, token)) = text.split_once("/news/") {
            consents::confirm(app, token.split_whitespace().next().unwrap_or_default()).await?;
        }
    }
    Ok(())
}

async fn write(app: &App, raw: RawUpdate) -> Result<news_update::Model, Error> {
    let details = details::parse(app, &raw).map_err(|errors| Error::Internal(format!("a sample update: {errors:?}")))?;
    details::create(app, &Actor::system(), &details).await
}

async fn send_now(app: &App, update: &news_update::Model) -> Result<(), Error> {
    let expected = audience::count(app, update).await?.gets;
    let plan = Plan { audience: UpdateAudience::Asked, only_language: String::new(), send_at: None, expected };
    send::send(app, &Actor::system(), update.id, &plan).await?;
    while send::take_in(app, update.id, false).await? == send::Taken::More {}
    while app.outbox.deliver_due(&app.db, &app.clock).await?.tried > 0 {}
    send::tend(app).await
}

fn light(campaign: &campaign::Model) -> RawUpdate {
    RawUpdate {
        about: format!("campaign:{}", campaign.id),
        language: "en".to_owned(),
        slug: "the-first-lamps-are-on".to_owned(),
        title_en: "The first lamps are on".to_owned(),
        body_en: "On Tuesday evening the **second room** of the night school was lit for the first time. Eight lamps hang there now.\n\n\
                  What your gifts did so far:\n\n- eight lamps, of twelve\n- one stove, of two\n- exercise books for the first class\n\n\
                  > “We used to stop when the sun went,” a teacher said. “Now we stop when we are tired.”\n\n\
                  What is still missing stands on the [wish list](/wish-list)."
            .to_owned(),
        title_fa: "نخستین چراغ‌ها روشن شد".to_owned(),
        body_fa: "سه‌شنبه شام **اتاق دوم** مکتب شبانه برای نخستین بار روشن شد. اکنون هشت چراغ در آن است.\n\n\
                  تا کنون با کمک شما:\n\n- هشت چراغ از دوازده\n- یک بخاری از دو\n- کتابچه برای صنف اول\n\n\
                  آنچه هنوز کم است در [فهرست نیازها](/wish-list) آمده است."
            .to_owned(),
        ..RawUpdate::default()
    }
}

fn books(campaign: &campaign::Model) -> RawUpdate {
    RawUpdate {
        about: format!("campaign:{}", campaign.id),
        language: "fa-AF".to_owned(),
        slug: "khana-e-kitab-reopens".to_owned(),
        title_fa: "خانهٔ کتاب دوباره باز شد".to_owned(),
        body_fa: "اتاق اول رنگ شد و الماری‌ها سر جای خود است. از شنبه هر بعدازظهر باز است.\n\nبرای دو اتاق دیگر هنوز چراغ و بخاری کار است."
            .to_owned(),
        ..RawUpdate::default()
    }
}

fn winter() -> RawUpdate {
    RawUpdate {
        language: "en".to_owned(),
        slug: "before-the-winter".to_owned(),
        asks: "yes".to_owned(),
        title_en: "Before the winter".to_owned(),
        body_en: "Three campaigns are open, and the first snow is expected in four weeks. This is what would help most:\n\n\
                  1. the last four lamps\n2. one stove\n3. gloves for the winter bags"
            .to_owned(),
        ..RawUpdate::default()
    }
}
