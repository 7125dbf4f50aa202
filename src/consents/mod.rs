//! Who asked for news, and who wants no letters.
//!
//! News go to those who asked for them on a page and then confirmed it from a letter (double opt-in); the words that they agreed to are
//! kept. Every letter of news carries a link that ends them: opening it only asks, so that a mail scanner that follows links changes
//! nothing, and pressing the button, or the mail program's own, does it.

mod desk;
/// What a supporter says about news on her own pages.
pub mod own;
mod pages;
mod store;

pub use desk::desk_routes;
pub use pages::routes;
pub use store::{LeftOut, Subscriber, audience, audience_size, gets_news, in_force, in_force_for_supporter, left_out};

use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    i18n::Language,
    mail::{
        note::{Link, Note},
        outbox::NewLetter,
        suppression::{self, NewSuppression},
        topic::Topic,
        unsubscribe::Wish,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    ids::{SubscriptionId, SupporterId},
    subscription, supporter,
    words::{LetterKind, SuppressionReason},
};
use fluent_templates::fluent_bundle::FluentValue;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

/// How long the link in the letter that asks for confirmation works. Printed in that letter.
pub const LINK_HOLDS: TimeDelta = TimeDelta::days(10);

/// Whoever asks again within this time gets no second letter: anybody can type anybody's address into a form.
const ASKED_AGAIN_AFTER: TimeDelta = TimeDelta::hours(24);

/// Letters that ask for confirmation, to one address in that time, whatever the news are about: more would make a nuisance of us.
const ASKED_AT_MOST: u64 = 3;

/// Who ended a subscription by the link in a letter.
const BY_LINK: &str = "link";

/// Somebody's wish for news, as a page took it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who.
    pub supporter: &'a supporter::Model,
    /// News of what.
    pub topic: Topic,
    /// The language of the page.
    pub language: Language,
    /// The words that she agreed to, as they stood there.
    pub wording: &'a str,
}

/// Writes the wish down and asks by letter whether it is hers, in the transaction of what it came with. Nothing happens when she has
/// confirmed the same wish before, was asked within a day (or for three other things), has no address, or complained about our letters and
/// staff have not lifted that.
pub async fn ask(tx: &DatabaseTransaction, app: &App, request: &Request<'_>) -> Result<(), Error> {
    let (now, who) = (app.now(), request.supporter);
    if who.email.is_empty() || request.topic == Topic::Everything {
        return Ok(());
    }
    let hash = app.outbox.address_key().hash(&who.email);
    let complained = suppression::story(tx, &hash).await?;
    if complained.iter().any(|one| one.reason == SuppressionReason::Complaint && one.lifted_at.is_none()) {
        return Ok(());
    }
    if let Some(known) = store::in_force(tx, who.id, request.topic).await? {
        if known.confirmed_at.is_some() || now < known.requested_at + ASKED_AGAIN_AFTER {
            return Ok(());
        }
        store::end(tx, known.id, "replaced", now).await?;
    }
    if store::asked_since(tx, &hash, now - ASKED_AGAIN_AFTER).await? >= ASKED_AT_MOST {
        return Ok(());
    }
    let token = app.random.token();
    let row = subscription::Model {
        id: app.new_id(),
        supporter_id: who.id,
        address_hash: hash,
        topic: request.topic.to_string(),
        language: request.language.tag().to_owned(),
        wording: request.wording.to_owned(),
        wording_version: sha256_hex(request.wording),
        token_hash: sha256_hex(&token),
        requested_at: now,
        expires_at: now + LINK_HOLDS,
        confirmed_at: None,
        ended_at: None,
        ended_by: String::new(),
    };
    let letter = compose(app, request, &token, row.id)?;
    store::add(tx, row).await?;
    app.outbox.enqueue(tx, letter, app.new_id(), now).await.map(|_| ())
}

/// Whether something stands against news of a topic at this address, whoever's it is: she ended such news, or was erased; she complained; her
/// mailbox is gone. Where she cannot be told from somebody who types her address, she is not even asked.
pub async fn stands_against(db: &impl ConnectionTrait, app: &App, email: &str, topic: Topic) -> Result<bool, Error> {
    let story = suppression::story(db, &app.outbox.address_key().hash(email)).await?;
    Ok(story
        .iter()
        .filter(|one| one.lifted_at.is_none())
        .any(|one| one.reason == SuppressionReason::Complaint || one.topic.parse::<Topic>().is_ok_and(|against| against.covers(topic))))
}

/// Whether an address was asked whether it wants news, of whatever, and can still say yes. Whoever does not answer is not asked for other
/// things meanwhile.
pub async fn has_open_question(db: &impl ConnectionTrait, app: &App, email: &str) -> Result<bool, Error> {
    store::has_open_question(db, &app.outbox.address_key().hash(email), app.now()).await
}

fn compose(app: &App, request: &Request<'_>, token: &str, id: SubscriptionId) -> Result<NewLetter, Error> {
    let (language, who) = (request.language, request.supporter);
    let values = [
        ("org", FluentValue::from(app.config.org_name.clone())),
        ("wording", FluentValue::from(request.wording.to_owned())),
        ("days", FluentValue::from(language.number(LINK_HOLDS.num_days()))),
    ];
    let text = |key: &str| language.text_with(key, &values);
    let note = Note {
        language,
        // No name: the letter may lie open on somebody else's screen, and it may not be she who asked.
        name: String::new(),
        org: app.config.org_name.clone(),
        org_email: app.config.org_email.clone(),
        practice: app.config.is_practice(),
        subject: text("consents-letter-subject"),
        paragraphs: vec![text("consents-letter-text"), text("consents-letter-not-you")],
        details: Vec::new(),
        after: Vec::new(),
        link: Some(Link { words: text("consents-letter-link"), url: app.config.link(&format!("/news/{token}")) }),
    };
    let (subject, text, html) = note.render()?;
    Ok(NewLetter {
        kind: LetterKind::Confirmation,
        dedupe_key: format!("confirmation:{id}"),
        donation_id: None,
        receipt_id: None,
        to_address: who.email.clone(),
        to_name: String::new(),
        subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet: who.discreet,
    })
}

/// What a link in a letter that asks for confirmation stands for; nothing when it is unknown, ended or too old.
pub async fn asked_by(app: &App, token: &str) -> Result<Option<subscription::Model>, Error> {
    let found = store::by_token(app.db.read(), &sha256_hex(token)).await?;
    Ok(found.filter(|one| one.ended_at.is_none() && (one.confirmed_at.is_some() || app.now() < one.expires_at)))
}

/// Confirms a wish for news. Done twice it is confirmed once. A former wish for none of these news is taken back by it.
pub async fn confirm(app: &App, token: &str) -> Result<(), Error> {
    let (now, hash) = (app.now(), sha256_hex(token));
    app.db
        .write(async |tx| {
            let one = store::by_token(tx, &hash).await?.ok_or(Error::NotFound)?;
            if one.confirmed_at.is_some() && one.ended_at.is_none() {
                return Ok(());
            }
            if one.ended_at.is_some() || now >= one.expires_at {
                return Err(Error::Conflict("the link has stopped working".to_owned()));
            }
            store::confirm(tx, one.id, now).await?;
            let asked: Topic = one.topic.parse().map_err(|_| Error::Internal("an unknown topic is stored".to_owned()))?;
            let story = suppression::story(tx, &one.address_hash).await?;
            take_back_unsubscribing(tx, &story, asked, "supporter", now).await
        })
        .await
}

/// Her newest word counts: who asks for all news takes back what she said of some of them, and who asks for some what she said of all; that
/// brings back nothing else, because what she had ended then.
async fn take_back_unsubscribing(
    tx: &DatabaseTransaction,
    story: &[entity::suppression::Model],
    asked: Topic,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let reason = SuppressionReason::Unsubscribed;
    for former in story.iter().filter(|former| former.reason == reason && former.lifted_at.is_none()) {
        let Ok(topic) = former.topic.parse::<Topic>() else { continue };
        if asked.covers(topic) || topic.covers(asked) {
            suppression::lift(tx, &former.address_hash, topic, reason, by, "asked for news again", now).await?;
        }
    }
    Ok(())
}

/// Ends the news that a link names, for good and whoever's address it is. Done twice it is done once.
pub async fn unsubscribe(app: &App, wish: &Wish) -> Result<(), Error> {
    let now = app.now();
    let new = NewSuppression {
        address_hash: wish.address_hash.clone(),
        topic: wish.topic,
        reason: SuppressionReason::Unsubscribed,
        note: String::new(),
        letter_id: None,
        made_by: "supporter".to_owned(),
    };
    app.db
        .write(async |tx| {
            suppression::suppress(tx, &new, app.new_id(), now).await?;
            for one in store::of_address(tx, &wish.address_hash).await? {
                if one.ended_at.is_none() && one.topic.parse::<Topic>().is_ok_and(|topic| wish.topic.covers(topic)) {
                    store::end(tx, one.id, BY_LINK, now).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Takes back what [`unsubscribe`] did by the same link.
pub async fn take_back(app: &App, wish: &Wish) -> Result<(), Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let reason = SuppressionReason::Unsubscribed;
            if !suppression::lift(tx, &wish.address_hash, wish.topic, reason, "supporter", "taken back", now).await? {
                return Ok(());
            }
            let all = store::of_address(tx, &wish.address_hash).await?;
            let mut in_force: Vec<&str> = all.iter().filter(|one| one.ended_at.is_none()).map(|one| one.topic.as_str()).collect();
            // The newest first: of several that ended, the last one is what she had.
            for one in all.iter().filter(|one| one.ended_by == BY_LINK && one.confirmed_at.is_some()) {
                let covered = one.topic.parse::<Topic>().is_ok_and(|topic| wish.topic.covers(topic));
                if covered && !in_force.contains(&one.topic.as_str()) {
                    store::go_on(tx, one.id).await?;
                    in_force.push(&one.topic);
                }
            }
            Ok(())
        })
        .await
}

/// Whether what a link names has ended.
pub async fn has_unsubscribed(app: &App, wish: &Wish) -> Result<bool, Error> {
    let story = suppression::story(app.db.read(), &wish.address_hash).await?;
    let topic = wish.topic.to_string();
    Ok(story.iter().any(|one| one.lifted_at.is_none() && one.reason == SuppressionReason::Unsubscribed && one.topic == topic))
}

/// Ends a supporter's news of a topic, as she says on her own pages. Letters that were written because of it, and wait, do not leave.
pub async fn end_for_supporter(tx: &DatabaseTransaction, id: SupporterId, topic: Topic, now: DateTime<Utc>) -> Result<(), Error> {
    match store::in_force(tx, id, topic).await? {
        Some(one) => {
            store::end(tx, one.id, "supporter", now).await?;
            store::hold_letters(tx, id, topic).await
        }
        None => Ok(()),
    }
}

/// Makes every letter to a supporter discreet, or ends that: a neutral subject, and a sender without a name.
pub async fn set_discreet(tx: &DatabaseTransaction, id: SupporterId, discreet: bool, now: DateTime<Utc>) -> Result<(), Error> {
    store::set_discreet(tx, id, discreet, now).await
}

/// Ends wishes that nobody confirmed in time, and forgets what they told.
pub async fn forget_unconfirmed(app: &App) -> Result<u64, Error> {
    let now = app.now();
    app.db.write(async |tx| store::delete_unconfirmed(tx, now).await).await
}
