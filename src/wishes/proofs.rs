//! Proof of delivery that is safe: a photo made anew, the place in coarse words, the time as a month, shown to readers only after a second
//! member of staff has looked at it; or only that the delivery is confirmed and its details are withheld.

use super::{
    pictures::{self, Cleaned},
    steps::{self, NewStep},
    stock, store,
};
use crate::{
    app::App,
    asks::{amount, gift},
    error::Error,
    staff::audit::{self, Actor},
    web::FormErrors,
};
use chrono::NaiveDate;
use entity::{
    ids::{PictureId, WishItemId, WishProofId},
    wish_proof,
    words::{ProofState, WishStepKind},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

/// The form as it was sent, without the photo.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field is the form's field of that name, as typed")]
pub struct RawProof {
    pub quantity: String,
    pub withheld: String,
    pub words: String,
    pub place: String,
    pub month: String,
    pub text: String,
}

/// A proof, ready to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the proof's field of that name")]
pub struct NewProof {
    pub quantity: i64,
    pub withheld: bool,
    pub words: String,
    pub place: String,
    pub month: Option<NaiveDate>,
    pub text: String,
    pub photo: Option<Cleaned>,
}

/// Reads the form; one sentence for each field that is wrong.
pub fn parse(app: &App, raw: &RawProof, photo: Option<Cleaned>) -> Result<NewProof, FormErrors> {
    let mut errors = FormErrors::default();
    let quantity = amount::parse_count(&raw.quantity).filter(|quantity| *quantity >= 1);
    if quantity.is_none() {
        errors.add("quantity", "Write how many were delivered, as a whole number such as 1");
    }
    let withheld = !raw.withheld.is_empty();
    let words = gift::without_controls(&raw.words, false);
    let place = gift::without_controls(&raw.place, false);
    let text = gift::without_controls(&raw.text, false);
    if words.chars().count() > 500 {
        errors.add("words", "Write at most 500 characters");
    }
    if words.is_empty() && photo.is_none() && !withheld {
        errors.add("words", "Say in a few words what was delivered, add a photo, or withhold the details");
    }
    // Numbers are what addresses and coordinates are made of.
    if place.chars().count() > 60 || place.chars().any(char::is_numeric) {
        errors.add("place", "Name a country or a large region, without any number, in at most 60 characters");
    }
    if photo.is_some() && text.is_empty() {
        errors.add("text", "Say what the photo shows, for readers who cannot see it");
    }
    if text.chars().count() > pictures::TEXT_CHARACTERS_MAX {
        errors.add("text", "Write at most 300 characters");
    }
    let month = match raw.month.trim() {
        "" => None,
        typed => {
            let month = NaiveDate::parse_from_str(&format!("{typed}-01"), "%Y-%m-%d").ok().filter(|first| *first <= app.today());
            if month.is_none() {
                errors.add("month", "Write the year and month like 2026-05; it cannot lie ahead");
            }
            month
        }
    };
    match quantity {
        // What is withheld is not kept either.
        Some(quantity) if errors.is_empty() && withheld => {
            Ok(NewProof { quantity, withheld, words: String::new(), place: String::new(), month: None, text: String::new(), photo: None })
        }
        Some(quantity) if errors.is_empty() => Ok(NewProof { quantity, withheld, words, place, month, text, photo }),
        _ => Err(errors),
    }
}

/// Writes a proof down. Readers do not see it before somebody else has released it.
pub async fn make(app: &App, actor: &Actor, item_id: WishItemId, new: &NewProof) -> Result<WishProofId, Error> {
    let (id, now): (WishProofId, _) = (app.new_id(), app.now());
    app.db
        .write(async |tx| {
            store::lock_item(tx, item_id).await?.ok_or(Error::NotFound)?;
            let delivered = stock(tx, &[item_id], now).await?.get(&item_id).map_or(0, |stock| stock.delivered);
            if new.quantity > delivered {
                return Err(Error::Conflict(format!("{delivered} of this item are marked as delivered: mark them first")));
            }
            let picture_id = match &new.photo {
                Some(photo) => Some(pictures::keep(tx, app.new_id(), photo, now).await?),
                None => None,
            };
            let row = wish_proof::Model {
                id,
                wish_item_id: item_id,
                quantity: new.quantity,
                state: ProofState::Waiting,
                withheld: new.withheld,
                picture_id,
                picture_text: new.text.clone(),
                words: new.words.clone(),
                place: new.place.clone(),
                month: new.month,
                made_by: actor.staff_id,
                made_by_name: actor.name.clone(),
                decided_by: None,
                decided_by_name: String::new(),
                created_at: now,
                decided_at: None,
            };
            wish_proof::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            audit::record(tx, now, actor, "wish.proof_make", "wish_proof", &id.to_string(), json!({})).await?;
            Ok(id)
        })
        .await
}

/// What a second member of staff does with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Readers see it from now on.
    Release,
    /// Readers never see it; its photo is forgotten.
    Refuse,
    /// Readers see it no more; its photo is forgotten. Whoever made it may do this too.
    Withdraw,
}

impl std::str::FromStr for Verdict {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "release" => Ok(Self::Release),
            "refuse" => Ok(Self::Refuse),
            "withdraw" => Ok(Self::Withdraw),
            _ => Err(Error::NotFound),
        }
    }
}

/// Decides about a proof.
///
/// # Errors
/// `Forbidden` when who made a proof would release it herself: four eyes must have looked at it.
pub async fn decide(app: &App, actor: &Actor, id: WishProofId, verdict: Verdict) -> Result<WishItemId, Error> {
    let now = app.now();
    app.db
        .write(async |tx| {
            let seen = wish_proof::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound)?;
            store::lock_item(tx, seen.wish_item_id).await?.ok_or(Error::NotFound)?;
            let proof = wish_proof::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound)?;
            let (item_id, picture_id, quantity) = (proof.wish_item_id, proof.picture_id, proof.quantity);
            let (from, to, verb) = match verdict {
                Verdict::Release => (ProofState::Waiting, ProofState::Released, "wish.proof_release"),
                Verdict::Refuse => (ProofState::Waiting, ProofState::Refused, "wish.proof_refuse"),
                Verdict::Withdraw => (ProofState::Released, ProofState::Withdrawn, "wish.proof_withdraw"),
            };
            if verdict == Verdict::Release && (actor.staff_id.is_none() || actor.staff_id == proof.made_by) {
                return Err(Error::Forbidden("A proof is released by somebody else than who made it.".to_owned()));
            }
            if proof.state != from {
                return Err(Error::Conflict("somebody has decided about this proof already".to_owned()));
            }
            let mut row = proof.into_active_model();
            row.state = Set(to);
            row.decided_by = Set(actor.staff_id);
            row.decided_by_name = Set(actor.name.clone());
            row.decided_at = Set(Some(now));
            if to != ProofState::Released {
                row.picture_id = Set(None);
            }
            row.update(tx).await?;
            match picture_id {
                // The step from which news can be written: its note is the proof's id.
                _ if to == ProofState::Released => {
                    let note = id.to_string();
                    steps::write(tx, NewStep::by(actor, item_id, WishStepKind::Proved, quantity, &note), now).await?;
                }
                Some(picture_id) => pictures::drop_unused(tx, picture_id).await?,
                None => {}
            }
            audit::record(tx, now, actor, verb, "wish_proof", &id.to_string(), json!({})).await?;
            Ok(item_id)
        })
        .await
}

/// The proofs of an item, the newest first; of one state, or all.
pub async fn of_item(db: &impl ConnectionTrait, item_id: WishItemId, state: Option<ProofState>) -> Result<Vec<wish_proof::Model>, Error> {
    let mut find = wish_proof::Entity::find().filter(wish_proof::Column::WishItemId.eq(item_id));
    if let Some(state) = state {
        find = find.filter(wish_proof::Column::State.eq(state));
    }
    Ok(find.order_by_desc(wish_proof::Column::Id).limit(200).all(db).await?)
}

/// The photos of proofs, by id.
pub fn photos(proofs: &[wish_proof::Model]) -> Vec<PictureId> {
    proofs.iter().filter_map(|proof| proof.picture_id).collect()
}
