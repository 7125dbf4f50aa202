//! Looks for pots that have drifted from what their gifts say, and puts them right.
//!
//! Nothing drifts by the program's own doing: every change of a gift brings its match along in the same transaction. What is found here was
//! changed behind its back (a restored table, a statement by hand), so each repair stands in the audit trail.

use super::{
    hold::{self, SYSTEM},
    store::{self, NewStep},
};
use crate::{
    app::App,
    error::Error,
    staff::audit::{self, Actor},
};
use chrono::TimeDelta;
use entity::{
    donation,
    ids::{DonationId, MatchPotId},
    match_hold, match_pot,
    words::{DonationStatus, MatchState, MatchStepKind},
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, sea_query::LockType,
};
use serde_json::json;

/// How many pots or gifts are looked at in one round.
const ROUND: u64 = 200;

/// How long after the change of a gift its match is looked at again.
const LOOK_BACK: TimeDelta = TimeDelta::days(400);

/// Looks at every pot and at the gifts of the last year, and puts right what drifted. Returns how many repairs were made.
pub async fn repair(app: &App) -> Result<u64, Error> {
    let mut repaired = repair_holds(app).await?;
    let mut last: Option<MatchPotId> = None;
    loop {
        let mut find = match_pot::Entity::find().select_only().column(match_pot::Column::Id);
        if let Some(last) = last {
            find = find.filter(match_pot::Column::Id.gt(last));
        }
        let round: Vec<MatchPotId> = find.order_by_asc(match_pot::Column::Id).limit(ROUND).into_tuple().all(app.db.read()).await?;
        for id in &round {
            match repair_pot(app, *id).await {
                Ok(done) => repaired += u64::from(done),
                Err(error) => tracing::error!(pot_id = %id, %error, "a matching pot has drifted and could not be put right"),
            }
        }
        last = round.last().copied();
        if last.is_none() {
            return Ok(repaired);
        }
    }
}

/// The pot's own figures are what its holds add up to.
async fn repair_pot(app: &App, id: MatchPotId) -> Result<bool, Error> {
    let write = async |tx: &DatabaseTransaction| {
        let now = app.now();
        let mut pot = store::lock_pot(tx, id).await?;
        hold::free_ran_out(tx, &mut pot, now).await?;
        let (held, confirmed) = store::sums_of(tx, id).await?;
        if (held, confirmed) == (pot.held_minor, pot.confirmed_minor) {
            return Ok(false);
        }
        let detail = json!({ "held": [pot.held_minor, held], "confirmed": [pot.confirmed_minor, confirmed] });
        (pot.held_minor, pot.confirmed_minor, pot.updated_at) = (held, confirmed, now);
        store::update_pot(tx, &pot).await?;
        let told = detail.to_string();
        let step =
            NewStep { pot: id, kind: MatchStepKind::Repaired, change: 0, donation_id: None, staff_id: None, actor: SYSTEM, note: &told };
        store::note(tx, step, now).await?;
        audit::record(tx, now, &Actor::system(), "match.repair", "match_pot", &id.to_string(), detail).await?;
        Ok(true)
    };
    app.db.write(write).await
}

/// What gifts have of pots is what the gifts are: nothing is held for one that is over, and what is confirmed is what it is worth.
async fn repair_holds(app: &App) -> Result<u64, Error> {
    let since = app.now() - LOOK_BACK;
    let to_donation: RelationDef =
        match_hold::Entity::belongs_to(donation::Entity).from(match_hold::Column::DonationId).to(donation::Column::Id).into();
    let (mut repaired, mut last): (u64, Option<DonationId>) = (0, None);
    loop {
        let mut find = match_hold::Entity::find()
            .select_only()
            .column(match_hold::Column::DonationId)
            .distinct()
            .join(JoinType::InnerJoin, to_donation.clone())
            .filter(donation::Column::UpdatedAt.gte(since))
            .filter(match_hold::Column::State.ne(MatchState::Freed));
        if let Some(last) = last {
            find = find.filter(match_hold::Column::DonationId.gt(last));
        }
        let round: Vec<DonationId> = find.order_by_asc(match_hold::Column::DonationId).limit(ROUND).into_tuple().all(app.db.read()).await?;
        for id in &round {
            match repair_donation(app, *id).await {
                Ok(done) => repaired += u64::from(done),
                Err(error) => tracing::error!(donation_id = %id, %error, "the match of a gift could not be put right"),
            }
        }
        last = round.last().copied();
        if last.is_none() {
            return Ok(repaired);
        }
    }
}

async fn repair_donation(app: &App, id: DonationId) -> Result<bool, Error> {
    let write = async |tx: &DatabaseTransaction| {
        let now = app.now();
        let donation = donation::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(tx).await?.ok_or(Error::NotFound)?;
        let before = store::holds_of_donation(tx, id).await?;
        match donation.status {
            DonationStatus::Paid => {
                if before.iter().any(|hold| hold.state == MatchState::Held) {
                    hold::confirm(tx, &donation, now).await?;
                }
                hold::agree(tx, &donation, now).await?;
            }
            DonationStatus::Failed | DonationStatus::Expired => {
                hold::release(tx, &donation, now).await?;
            }
            DonationStatus::Pending | DonationStatus::Processing => return Ok(false),
        }
        let after = store::holds_of_donation(tx, id).await?;
        if before == after {
            return Ok(false);
        }
        let sum = |holds: &[match_hold::Model]| holds.iter().map(|hold| hold.minor).fold(0, i64::saturating_add);
        let detail = json!({ "matched": [sum(&before), sum(&after)], "state": donation.status });
        audit::record(tx, now, &Actor::system(), "match.repair", "donation", &id.to_string(), detail).await?;
        Ok(true)
    };
    app.db.write(write).await
}
