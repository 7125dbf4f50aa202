//! Matching pots: what a sponsor adds to gifts is held while they are paid, never more than was promised, and told before.

mod arithmetic;
mod desk;
mod life;
mod repair;
mod race;
mod told;

use crate::support::{TestApp, gift};
use entity::{
    campaign, donation,
    ids::CampaignId,
    match_hold, match_pot,
    words::{MatchPotStatus, MatchState},
};
use sea_orm::EntityTrait;
use wellwisher::{
    asks::{self, Gift},
    matching::{
        self,
        pots::{self, RawPot, Verb},
    },
    reports,
    staff::Actor,
};

/// What is typed for a pot of 100 euros that doubles gifts.
pub fn raw_pot(campaign: CampaignId) -> RawPot {
    RawPot {
        campaign: campaign.to_string(),
        sponsor_name: "Aunt Gulalai".into(),
        total: "100".into(),
        ratio: "100".into(),
        ..RawPot::default()
    }
}

/// An open pot, changed as the test wants.
pub async fn open_pot(test: &TestApp, campaign: CampaignId, change: impl FnOnce(&mut RawPot)) -> match_pot::Model {
    let mut raw = raw_pot(campaign);
    change(&mut raw);
    let of = asks::store::campaign_by_id(test.app.db.read(), campaign).await.unwrap().expect("the campaign");
    let details = pots::parse(&raw, of.currency, test.app.config.org_timezone).expect("a pot");
    let pot = pots::create(&test.app, &Actor::system(), campaign, &details).await.expect("a new pot");
    assert_eq!(pot.status, MatchPotStatus::Draft);
    pots::apply(&test.app, &Actor::system(), pot.id, Verb::Open, "").await.expect("an open pot")
}

/// A gift for a campaign.
pub fn gift_for(campaign: &campaign::Model, minor: i64) -> Gift {
    let mut gift = gift(minor, campaign.currency.code());
    (gift.campaign_id, gift.fund_id) = (Some(campaign.id), Some(campaign.fund_id));
    gift
}

/// The pot as it is now: held, confirmed.
pub async fn taken(test: &TestApp, pot: &match_pot::Model) -> (i64, i64) {
    let now = matching::pot(test.app.db.read(), pot.id).await.unwrap().expect("the pot");
    (now.held_minor, now.confirmed_minor)
}

/// What a donation has of pots: state and minor units.
pub async fn of(test: &TestApp, donation: &donation::Model) -> Vec<(MatchState, i64)> {
    let holds = matching::holds_of_donation(test.app.db.read(), donation.id).await.unwrap();
    holds.into_iter().map(|hold| (hold.state, hold.minor)).collect()
}

/// Every hold there is.
pub async fn all_holds(test: &TestApp) -> Vec<match_hold::Model> {
    match_hold::Entity::find().all(test.app.db.read()).await.unwrap()
}

/// Everything that is checked by `verify` holds.
pub async fn assert_all_agrees(test: &TestApp) {
    let report = reports::verify(&test.app).await.unwrap();
    assert!(report.is_ok(), "{:#?}", report.broken().collect::<Vec<_>>());
}
