//! Gifts by hand: cash, cheques and bank transfers that finance enters, transfers that supporters announce, and taking an entry back.
//!
//! An entry is never edited: one that is wrong is taken back by a reversing entry in the ledger, and its receipt is void.

/// Cash and cheques taken to the bank.
pub mod deposits;
mod deposits_desk;
mod desk;
mod form;
mod reverse;
mod transfer_letter;
pub mod transfers;
mod transfers_desk;

pub use form::{RawHandGift, parse};
pub(crate) use form::{parse_day, parse_text};
pub use reverse::{GivenBack, Reversed, can_be_reversed, give_back_in, is_reversed, reversal_of, reverse};

use super::{
    store,
    taken::{self, Receipt, Taken, Unpaid, moment_of},
};
use crate::{
    app::App,
    clock::{sha256_hex, start_of_day},
    db::is_unique_violation,
    error::Error,
    i18n::Language,
    receipts,
    staff::{Actor, audit},
    supporters, wishes,
};
use chrono::{DateTime, Days, NaiveDate, Utc};
use entity::{
    Money, donation,
    ids::{ArticleId, CampaignId, DonationId, FundId, WishItemId},
    ledger_transaction,
    words::{Account, DonationSource, DonationStatus, MovementKind},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Query, SelectStatement},
};
use serde_json::json;

/// The desk's routes of gifts by hand.
pub fn desk_routes() -> axum::Router<App> {
    desk::routes().merge(transfers_desk::routes()).merge(deposits_desk::routes())
}

/// How a gift by hand was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Notes and coins.
    Cash,
    /// A cheque.
    Cheque,
    /// A transfer to our bank account.
    Transfer,
}

impl Method {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Cash, Self::Cheque, Self::Transfer];

    /// The word as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Cheque => "cheque",
            Self::Transfer => "transfer",
        }
    }

    /// The way that a word stands for.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// A gift by hand, ready to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandGift {
    /// The id inside the form's token: the same form sent twice is one gift.
    pub form_token: String,
    /// How it was given.
    pub method: Method,
    /// How much.
    pub money: Money,
    /// The day on which it was given, or on which the bank booked it.
    pub given_on: NaiveDate,
    /// What the cheque or the bank statement says; may be empty.
    pub reference: String,
    /// Where the money is: at the bank, or not yet.
    pub account: Account,
    /// The giver's address; none when it is not known.
    pub email: Option<String>,
    /// The giver's name; may be empty.
    pub name: String,
    /// Her postal address, for countries whose receipts show it; may be empty.
    pub address: String,
    /// The language of the receipt.
    pub language: Language,
    /// The campaign.
    pub campaign_id: Option<CampaignId>,
    /// The item and how many of it.
    pub item: Option<(WishItemId, i64)>,
    /// The article that it came from.
    pub article_id: Option<ArticleId>,
    /// The fund; none: the general one.
    pub fund_id: Option<FundId>,
    /// A note for staff; may be empty.
    pub note: String,
    /// Whether the receipt goes out by e-mail.
    pub letter: bool,
    /// Whether staff know of the gift that looks the same, and mean another one.
    pub is_another: bool,
}

/// A gift that was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The donation.
    pub id: DonationId,
    /// When it was given.
    pub paid_at: DateTime<Utc>,
    /// When it counts: later than it was given where that period was closed.
    pub booked_at: DateTime<Utc>,
}

/// Why a gift was not written down. Nothing was changed.
#[derive(Debug)]
pub enum RecordProblem {
    /// The same form was sent before with another gift in it.
    AnotherGift(DonationId),
    /// A gift of the same amount, day and reference is there.
    LooksTheSame(DonationId),
    /// Its reference holds the code of a transfer that was announced: matching that one enters it.
    IsAnnounced(DonationId),
    /// The day has not come.
    InTheFuture,
    /// Fewer of the item are left.
    NotEnough(i64),
    /// Less is missing for the item.
    TooMuch(Money),
    /// The item is not asked for any more.
    ItemClosed,
    /// Something else.
    Other(Error),
}

impl From<Error> for RecordProblem {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// What the ledger knows a gift by hand by.
pub fn source_of(id: DonationId) -> String {
    format!("manual:{id}")
}

/// Enters a gift that came by hand: paid on its day, in the ledger, with its receipt. All of it, or none; the same form sent twice is one.
pub async fn record(app: &App, actor: &Actor, gift: &HandGift) -> Result<Recorded, RecordProblem> {
    if gift.given_on > app.today() {
        return Err(RecordProblem::InTheFuture);
    }
    let write = async |tx: &DatabaseTransaction| match write(tx, app, actor, gift).await {
        Err(RecordProblem::Other(error)) => Err(error),
        result => Ok(result),
    };
    let result = match app.db.write(write).await {
        Ok(result) => result,
        // The same form came twice at once: the other one has written it.
        Err(Error::Conflict(_)) => match find_same(app.db.read(), gift).await {
            Ok(Some(recorded)) => Ok(recorded),
            Ok(None) => Err(RecordProblem::Other(Error::Unavailable("the form is being worked on; send it again".to_owned()))),
            Err(problem) => Err(problem),
        },
        Err(error) => Err(error.into()),
    };
    if result.is_ok() {
        app.bell.notify_waiters();
    }
    result
}

fn hash_of(gift: &HandGift) -> String {
    let asked = HandGift { form_token: String::new(), is_another: false, ..gift.clone() };
    sha256_hex(&format!("{asked:?}"))
}

/// What an earlier sending of the same form wrote.
async fn find_same(db: &impl ConnectionTrait, gift: &HandGift) -> Result<Option<Recorded>, RecordProblem> {
    let Some(known) = store::find_by_form(db, &gift.form_token).await.map_err(Error::from)? else { return Ok(None) };
    if known.request_hash != hash_of(gift) {
        return Err(RecordProblem::AnotherGift(known.id));
    }
    let booked = crate::ledger::find_by_source(db, &source_of(known.id)).await?;
    let paid_at = known.paid_at.unwrap_or(known.created_at);
    Ok(Some(Recorded { id: known.id, paid_at, booked_at: booked.map_or(paid_at, |(head, _)| head.booked_at) }))
}

async fn write(tx: &DatabaseTransaction, app: &App, actor: &Actor, gift: &HandGift) -> Result<Recorded, RecordProblem> {
    // Two members of staff who type the same cheque at once: the second one sees what the first one wrote.
    store::wait_for_other_entries(tx).await.map_err(Error::from)?;
    if let Some(known) = find_same(tx, gift).await? {
        return Ok(known);
    }
    if !gift.is_another
        && let Some(twin) = find_twin(tx, app, gift).await?
    {
        return Err(RecordProblem::LooksTheSame(twin.id));
    }
    if !gift.is_another
        && let Some(waiting) = transfers::find_by_code_in(tx, &gift.reference).await?
    {
        return Err(RecordProblem::IsAnnounced(waiting.id));
    }
    let now = app.now();
    if let Some((item, quantity)) = gift.item {
        let left = wishes::check_left(tx, item, wishes::Share { quantity, money: gift.money }, now).await;
        if let (Err(_), Some(known)) = (&left, find_same(tx, gift).await?) {
            // What is missing is what the same form, sent twice at once, has taken.
            return Ok(known);
        }
        left.map_err(tell_item_problem)?;
    }
    let donation = write_gift(tx, app, gift, now).await?;
    if !gift.address.is_empty() {
        receipts::store::keep_address(tx, donation.id, &gift.address, now).await?;
    }
    if let Some((item, quantity)) = gift.item {
        let (share, until) = (wishes::Share { quantity, money: gift.money }, now + super::CHECKOUT_LASTS);
        wishes::reserve(tx, item, donation.id, share, until, now).await.map_err(tell_item_problem)?;
    }
    let detail = format!("{} {}", gift.method.as_str(), gift.reference);
    store::note(tx, donation.id, now, "entered_by_hand", detail.trim()).await.map_err(Error::from)?;
    let taken = Taken {
        paid_at: moment_of(gift.given_on, app.config.org_timezone, now),
        account: gift.account,
        source: source_of(donation.id),
        receipt: if gift.letter && gift.email.is_some() { Receipt::AndLetter } else { Receipt::Only },
    };
    let booked_at = taken::take(tx, app, &donation, &taken, now).await?;
    let detail = json!({
        "amount": gift.money.to_string(), "method": gift.method.as_str(), "day": gift.given_on.to_string(),
        "account": gift.account.as_str(), "known_twin": gift.is_another,
    });
    audit::record(tx, now, actor, "donation.enter", "donation", &donation.id.to_string(), detail).await?;
    Ok(Recorded { id: donation.id, paid_at: taken.paid_at, booked_at })
}

async fn write_gift(tx: &DatabaseTransaction, app: &App, gift: &HandGift, now: DateTime<Utc>) -> Result<donation::Model, RecordProblem> {
    let language = gift.language.tag();
    let supporter = match &gift.email {
        Some(email) => {
            let known = supporters::find_or_add(tx, app.new_id(), email, language, now).await?;
            let told = supporters::Introduction { name: &gift.name, language: &known.language, ..Default::default() };
            supporters::welcome(tx, known.id, &told, now).await?
        }
        None => supporters::add_without_address(tx, app.new_id(), &gift.name, language, now).await?,
    };
    let fund = store::fund(tx, gift.fund_id, app.new_id(), now).await?;
    let new = Unpaid {
        id: app.new_id(),
        form_token: gift.form_token.clone(),
        request_hash: hash_of(gift),
        supporter_id: supporter.id,
        donor_name: &gift.name,
        public_name: false,
        note: &gift.note,
        wants_updates: false,
        discreet: false,
        language,
        money: gift.money,
        campaign_id: gift.campaign_id,
        item: gift.item,
        article_id: gift.article_id,
        fund: &fund,
        source: DonationSource::Manual,
        method: gift.method.as_str(),
        reference: &gift.reference,
        expires_at: now,
        created_at: now,
    };
    taken::write_down(tx, app, &new, now).await.map_err(|error| match is_unique_violation(&error) {
        true => RecordProblem::Other(Error::Conflict("the form was sent twice".to_owned())),
        false => RecordProblem::Other(error.into()),
    })
}

fn tell_item_problem(error: wishes::ReserveError) -> RecordProblem {
    match error {
        wishes::ReserveError::NotEnough { left } => RecordProblem::NotEnough(left),
        wishes::ReserveError::TooMuch { left } => RecordProblem::TooMuch(left),
        wishes::ReserveError::NotOpen => RecordProblem::ItemClosed,
        wishes::ReserveError::Other(error) => RecordProblem::Other(error),
    }
}

/// A gift by hand of the same amount, day and reference that was not taken back, however the reference was typed.
async fn find_twin(tx: &DatabaseTransaction, app: &App, gift: &HandGift) -> Result<Option<donation::Model>, RecordProblem> {
    use donation::Column as C;
    let zone = app.config.org_timezone;
    let next = gift.given_on.checked_add_days(Days::new(1)).unwrap_or(gift.given_on);
    let find = donation::Entity::find()
        .filter(C::Source.eq(DonationSource::Manual))
        .filter(C::Status.eq(DonationStatus::Paid))
        .filter(C::AmountMinor.eq(gift.money.minor))
        .filter(C::Currency.eq(gift.money.currency))
        // The same form that another request has just written is no twin: that is found by its form.
        .filter(C::FormToken.ne(&gift.form_token))
        .filter(C::PaidAt.gte(start_of_day(zone, gift.given_on)))
        .filter(C::PaidAt.lt(start_of_day(zone, next)))
        .filter(C::Id.not_in_subquery(reversed_donations()))
        .order_by_asc(C::CreatedAt)
        .limit(TWINS_MAX);
    let plain = plain_reference(&gift.reference);
    let alike = find.all(tx).await.map_err(Error::from)?;
    Ok(alike.into_iter().find(|other| plain_reference(&other.reference) == plain))
}

/// How many gifts of one amount and day are compared.
const TWINS_MAX: u64 = 1_000;

/// A reference without what two people type differently: capitals, spaces, dashes, noughts in front.
fn plain_reference(words: &str) -> String {
    let plain: String = words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    plain.trim_start_matches('0').to_owned()
}

/// The donations that were taken back.
pub(in crate::donations) fn reversed_donations() -> SelectStatement {
    Query::select()
        .column(ledger_transaction::Column::DonationId)
        .from(ledger_transaction::Entity)
        .and_where(ledger_transaction::Column::Kind.eq(MovementKind::Reversal))
        .and_where(ledger_transaction::Column::DonationId.is_not_null())
        .to_owned()
}
