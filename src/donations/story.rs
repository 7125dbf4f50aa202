//! One donation's whole story: what was given and from where, what happened, what the ledger and the receipt say, what was written to
//! the supporter.

use super::{back, refunds, store};
use crate::{app::App, error::Error, ledger, mail, receipts};
use entity::{
    Money, article, campaign, dispute, donation, donation_step, fund,
    ids::{DonationId, LetterId},
    ledger_entry, ledger_transaction, letter_attempt, receipt, refund, stripe_event, supporter, wish_item, wish_reservation,
    words::DonationStatus,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use std::collections::HashMap;

/// Everything that is known of one donation.
#[derive(Clone, Debug)]
pub struct Story {
    /// The donation.
    pub donation: donation::Model,
    /// What is charged.
    pub amount: Money,
    /// The part of it that covers the fee.
    pub fee_cover: Money,
    /// Who gives.
    pub supporter: Option<supporter::Model>,
    /// What for.
    pub campaign: Option<campaign::Model>,
    /// What for.
    pub item: Option<wish_item::Model>,
    /// What became of the item.
    pub reservation: Option<wish_reservation::Model>,
    /// From where.
    pub article: Option<article::Model>,
    /// The fund as it is now; the donation holds its code and restriction at the time of giving.
    pub fund: Option<fund::Model>,
    /// What happened, oldest first.
    pub steps: Vec<donation_step::Model>,
    /// What Stripe sent, oldest first.
    pub events: Vec<stripe_event::Model>,
    /// What it is worth now; zero while it is not paid.
    pub worth: Money,
    /// What was given back or is to be, oldest first.
    pub refunds: Vec<(refund::Model, Money)>,
    /// Whether more of it can be given back.
    pub can_give_back: bool,
    /// What was disputed, oldest first.
    pub disputes: Vec<(dispute::Model, Money)>,
    /// What the ledger says, oldest first.
    pub ledger: Vec<Transaction>,
    /// The receipts, the void ones too.
    pub receipts: Vec<Given>,
    /// The letters, newest first.
    pub letters: Vec<Written>,
}

/// A transaction of the ledger with both its sides.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The transaction.
    pub head: ledger_transaction::Model,
    /// Its sides.
    pub sides: Vec<(ledger_entry::Model, Money)>,
}

/// A receipt, and what it says.
#[derive(Clone, Debug)]
pub struct Given {
    /// The receipt.
    pub receipt: receipt::Model,
    /// What it says.
    pub says: receipts::Snapshot,
}

/// A letter and the attempts to send it, without its text.
#[derive(Clone, Debug)]
pub struct Written {
    /// The letter.
    pub letter: mail::store::LetterLine,
    /// The attempts, oldest first.
    pub attempts: Vec<letter_attempt::Model>,
}

impl Story {
    /// Whether it was entered by hand and can be taken back.
    pub fn can_be_reversed(&self) -> bool {
        let reversed = self.ledger.iter().any(|entry| entry.head.kind == entity::words::MovementKind::Reversal);
        super::by_hand::can_be_reversed(&self.donation) && !reversed
    }

    /// Whether it is an announced transfer that may be matched.
    pub fn is_waited_for(&self) -> bool {
        super::by_hand::transfers::is_waited_for(&self.donation)
    }

    /// Whether Stripe can be asked about it.
    pub fn is_of_stripe(&self) -> bool {
        self.donation.source != entity::words::DonationSource::Manual
    }

    /// Whether there is a receipt to send again.
    pub fn has_valid_receipt(&self) -> bool {
        self.receipts.iter().any(|given| given.receipt.status == entity::words::ReceiptStatus::Issued)
    }
}

/// Gathers the story of a donation.
pub async fn tell(app: &App, id: DonationId) -> Result<Story, Error> {
    let db = app.db.read();
    let donation = store::find(db, id).await?.ok_or(Error::NotFound)?;
    let campaign = match donation.campaign_id {
        Some(id) => campaign::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let item = match donation.wish_item_id {
        Some(id) => wish_item::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let article = match donation.article_id {
        Some(id) => article::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let reservation = wish_reservation::Entity::find().filter(wish_reservation::Column::DonationId.eq(id)).one(db).await?;
    let mut given = Vec::new();
    for receipt in receipts::store::find_by_donation(db, id).await? {
        given.push(Given { says: serde_json::from_str(&receipt.snapshot)?, receipt });
    }
    let ledger = ledger::entries_of_donation(db, id).await?;
    let sides = |sides: Vec<ledger_entry::Model>| sides.into_iter().map(|s| (s.clone(), Money::new(s.amount_minor, s.currency))).collect();
    let refunds = back::store::refunds_of(db, id).await?;
    let disputes = back::store::disputes_of(db, id).await?;
    let is_stripes = donation.status == DonationStatus::Paid && donation.payment_intent_id.is_some();
    Ok(Story {
        worth: ledger::worth_of(db, id, donation.currency).await?,
        refunds: refunds.into_iter().map(|row| (row.clone(), Money::new(row.amount_minor, row.currency))).collect(),
        can_give_back: is_stripes && refunds::left_of(db, &donation).await?.minor > 0,
        disputes: disputes.into_iter().map(|row| (row.clone(), Money::new(row.amount_minor, row.currency))).collect(),
        amount: Money::new(donation.amount_minor, donation.currency),
        fee_cover: Money::new(donation.fee_cover_minor, donation.currency),
        supporter: supporter::Entity::find_by_id(donation.supporter_id).one(db).await?,
        campaign,
        item,
        reservation,
        article,
        fund: fund::Entity::find_by_id(donation.fund_id).one(db).await?,
        steps: store::steps(db, id).await?,
        events: store::events(db, id).await?,
        ledger: ledger.into_iter().map(|(head, all)| Transaction { head, sides: sides(all) }).collect(),
        receipts: given,
        letters: letters_of(app, id).await?,
        donation,
    })
}

async fn letters_of(app: &App, id: DonationId) -> Result<Vec<Written>, Error> {
    let db = app.db.read();
    let filter = mail::store::LetterFilter { donation_id: Some(id), ..Default::default() };
    let letters = mail::store::list(db, &filter, None, 100).await?.lines;
    let mut attempts: HashMap<LetterId, Vec<letter_attempt::Model>> = HashMap::new();
    let all = letter_attempt::Entity::find().filter(letter_attempt::Column::LetterId.is_in(letters.iter().map(|l| l.id)));
    for attempt in all.order_by_asc(letter_attempt::Column::Id).all(db).await? {
        attempts.entry(attempt.letter_id).or_default().push(attempt);
    }
    Ok(letters.into_iter().map(|letter| Written { attempts: attempts.remove(&letter.id).unwrap_or_default(), letter }).collect())
}
