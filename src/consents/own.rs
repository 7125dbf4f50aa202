//! What a supporter says about news on her own pages. The link that opened them was sent to her mailbox and came from there, within the hour:
//! that is the proof that a letter of confirmation would bring, so a wish made there is confirmed at once, with the words that stood there.

use super::{Request, store};
use crate::{
    app::App,
    clock::sha256_hex,
    error::Error,
    mail::{
        suppression::{self, NewSuppression},
        topic::Topic,
    },
};
use entity::{subscription, supporter, words::SuppressionReason};
use sea_orm::DatabaseTransaction;

/// Who ended news on her own pages.
const BY_HERSELF: &str = "supporter";

/// Begins news of a topic. False, and nothing is changed, when she once complained of our letters to her mail provider: that is lifted by a
/// person who has spoken with her.
pub async fn begin_proven(tx: &DatabaseTransaction, app: &App, request: &Request<'_>) -> Result<bool, Error> {
    let (now, who) = (app.now(), request.supporter);
    if who.email.is_empty() || request.topic == Topic::Everything {
        return Ok(false);
    }
    let hash = app.outbox.address_key().hash(&who.email);
    let story = suppression::story(tx, &hash).await?;
    if story.iter().any(|one| one.reason == SuppressionReason::Complaint && one.lifted_at.is_none()) {
        return Ok(false);
    }
    if let Some(known) = store::in_force(tx, who.id, request.topic).await? {
        if known.confirmed_at.is_some() {
            super::take_back_unsubscribing(tx, &story, request.topic, BY_HERSELF, now).await?;
            return Ok(true);
        }
        store::end(tx, known.id, "replaced", now).await?;
    }
    let row = subscription::Model {
        id: app.new_id(),
        supporter_id: who.id,
        address_hash: hash.clone(),
        topic: request.topic.to_string(),
        language: request.language.tag().to_owned(),
        wording: request.wording.to_owned(),
        wording_version: sha256_hex(request.wording),
        // No letter has this secret: there is nothing left to confirm.
        token_hash: sha256_hex(&app.random.token()),
        requested_at: now,
        expires_at: now,
        confirmed_at: Some(now),
        ended_at: None,
        ended_by: String::new(),
    };
    store::add(tx, row).await?;
    super::take_back_unsubscribing(tx, &story, request.topic, BY_HERSELF, now).await?;
    Ok(true)
}

/// Ends all news: what she has now, and any that others might ask for in her name.
pub async fn end_all(tx: &DatabaseTransaction, app: &App, who: &supporter::Model) -> Result<(), Error> {
    let now = app.now();
    for one in store::in_force_for_supporter(tx, who.id).await? {
        store::end(tx, one.id, BY_HERSELF, now).await?;
    }
    if who.email.is_empty() {
        return Ok(());
    }
    let new = NewSuppression {
        address_hash: app.outbox.address_key().hash(&who.email),
        topic: Topic::Updates,
        reason: SuppressionReason::Unsubscribed,
        note: String::new(),
        letter_id: None,
        made_by: BY_HERSELF.to_owned(),
    };
    suppression::suppress(tx, &new, app.new_id(), now).await
}
