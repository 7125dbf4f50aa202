//! News: written once, on a page and in feeds, and mailed to those who asked for them and to nobody else.

mod asks;
mod desk;
mod feeds;
mod killed;
mod late;
mod sending;

use crate::support::TestApp;
use entity::{
    ids::SupporterId,
    letter, news_update, subscription, supporter,
    words::{LetterKind, LetterState, UpdateAudience, UpdateState},
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder};
use wellwisher::{
    jobs::{self, Outcome},
    mail::{topic::Topic, unsubscribe::Wish},
    staff::Actor,
    updates::{
        audience,
        details::{self, RawUpdate},
        send::{self, Plan},
        state::{self, Verb},
        store,
    },
};

/// A draft in English, changed as the test wants.
pub async fn draft(test: &TestApp, about: &str, change: impl FnOnce(&mut RawUpdate)) -> news_update::Model {
    let mut raw = RawUpdate {
        about: about.into(),
        language: "en".into(),
        title_en: "The stoves have come".into(),
        body_en: "Both **stoves** are in the [classrooms](/articles/stoves).\n\n- one\n- two".into(),
        ..RawUpdate::default()
    };
    change(&mut raw);
    let details = details::parse(&test.app, &raw).expect("an update");
    details::create(&test.app, &Actor::system(), &details).await.expect("a draft")
}

/// The Dari text of a test.
pub fn in_dari(raw: &mut RawUpdate) {
    raw.title_fa = "بخاری‌ها رسید".into();
    raw.body_fa = "هر دو بخاری در صنف‌ها است.".into();
}

/// Somebody who asked for news and confirmed it.
pub async fn subscriber(test: &TestApp, email: &str, topic: Topic, language: &str) -> SupporterId {
    subscribers(test, &[email.to_owned()], topic, language).await[0]
}

/// Many of them.
pub async fn subscribers(test: &TestApp, emails: &[String], topic: Topic, language: &str) -> Vec<SupporterId> {
    let now = test.app.now();
    let people: Vec<supporter::Model> = emails
        .iter()
        .map(|email| supporter::Model {
            id: test.app.new_id(),
            email: email.clone(),
            name: String::new(),
            language: language.into(),
            wants_updates: true,
            wants_updates_since: Some(now),
            created_at: now,
            updated_at: now,
            discreet: false,
        })
        .collect();
    let wishes: Vec<subscription::Model> = people.iter().map(|who| wish(test, who, topic)).collect();
    let write = async |tx: &sea_orm::DatabaseTransaction| {
        for some in people.chunks(500) {
            supporter::Entity::insert_many(some.iter().cloned().map(IntoActiveModel::into_active_model)).exec_without_returning(tx).await?;
        }
        for some in wishes.chunks(500) {
            subscription::Entity::insert_many(some.iter().cloned().map(IntoActiveModel::into_active_model))
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    };
    test.app.db.write(write).await.unwrap();
    people.into_iter().map(|who| who.id).collect()
}

/// A confirmed wish for news.
pub fn wish(test: &TestApp, who: &supporter::Model, topic: Topic) -> subscription::Model {
    let (id, now): (entity::ids::SubscriptionId, _) = (test.app.new_id(), test.app.now());
    subscription::Model {
        id,
        supporter_id: who.id,
        address_hash: test.app.outbox.address_key().hash(&who.email),
        topic: topic.to_string(),
        language: who.language.clone(),
        wording: "Send me news".into(),
        wording_version: String::new(),
        token_hash: format!("token {id}"),
        requested_at: now,
        expires_at: now,
        confirmed_at: Some(now),
        ended_at: None,
        ended_by: String::new(),
    }
}

/// Lets somebody who gave ask for news too.
pub async fn asks_for_news(test: &TestApp, id: SupporterId, topic: Topic) {
    let who = supporter::Entity::find_by_id(id).one(test.app.db.read()).await.unwrap().unwrap();
    let row = wish(test, &who, topic);
    let write = async |tx: &sea_orm::DatabaseTransaction| {
        subscription::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    };
    test.app.db.write(write).await.unwrap();
}

pub fn everybody() -> Plan {
    Plan { audience: UpdateAudience::Asked, only_language: String::new(), send_at: None, expected: 1 }
}

/// Has it sent, as an administrator does who has typed the count.
pub async fn begin(test: &TestApp, update: &news_update::Model) {
    let expected = audience::count(&test.app, update).await.unwrap().gets;
    let plan = Plan { expected, audience: update.audience, ..everybody() };
    send::send(&test.app, &Actor::system(), update.id, &plan).await.expect("it is sent");
}

/// Does the jobs that are due, as a worker does.
pub async fn work(test: &TestApp) {
    loop {
        let due = jobs::lease(&test.app.db, test.app.now(), 10).await.unwrap();
        if due.is_empty() {
            return;
        }
        for job in due {
            let payload = serde_json::from_str(&job.payload).unwrap();
            let outcome = if job.kind == send::JOB { send::act(&test.app, &payload).await } else { Outcome::Done };
            assert_eq!(outcome, Outcome::Done, "{}", job.kind);
            jobs::finish(&test.app.db, &test.app.random, &job, &outcome, test.app.now()).await.unwrap();
        }
    }
}

/// Sends all letters that are due.
pub async fn deliver(test: &TestApp) {
    while test.app.outbox.deliver_due(&test.app.db, &test.app.clock).await.unwrap().tried > 0 {}
}

/// Writes and sends all letters, and has the program look after its updates.
pub async fn finish(test: &TestApp) {
    work(test).await;
    deliver(test).await;
    send::tend(&test.app).await.unwrap();
}

pub async fn now_is(test: &TestApp, update: &news_update::Model) -> news_update::Model {
    store::update(test.app.db.read(), update.id).await.unwrap().unwrap()
}

pub async fn state_of(test: &TestApp, update: &news_update::Model) -> UpdateState {
    now_is(test, update).await.state
}

pub async fn tell(test: &TestApp, update: &news_update::Model, verb: Verb) {
    state::apply(&test.app, &Actor::system(), update.id, verb).await.expect("an allowed verb");
}

/// The letters of news, by address.
pub async fn letters(test: &TestApp) -> Vec<letter::Model> {
    let news = letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::Update));
    news.order_by_asc(letter::Column::ToAddress).all(test.app.db.read()).await.unwrap()
}

/// To whom letters of news went out.
pub async fn reached(test: &TestApp) -> Vec<String> {
    letters(test).await.into_iter().filter(|letter| letter.state == LetterState::Sent).map(|letter| letter.to_address).collect()
}

pub async fn count_of_letters(test: &TestApp) -> u64 {
    letter::Entity::find().filter(letter::Column::Kind.eq(LetterKind::Update)).count(test.app.db.read()).await.unwrap()
}

/// The letter as it left.
pub fn raw(test: &TestApp, letter: &letter::Model) -> Vec<u8> {
    std::fs::read(test.directory.join("mail").join(format!("{}.eml", letter.message_id))).unwrap()
}

pub fn link_to_end(test: &TestApp, email: &str, topic: Topic) -> String {
    let wish = Wish { address_hash: test.app.outbox.address_key().hash(email), topic };
    format!("/unsubscribe/{}", test.app.outbox.unsubscribe_key().token(&wish).unwrap())
}
