//! Bank transfers that supporters announce: the page tells the bank details and a code, staff find the code on the statement and match
//! it. What was announced and never came expires.

use super::{
    super::{
        OpenProblem,
        open::{share_of, tell_reserve_problem},
        path_of, settle,
        taken::{self, Receipt, Taken, Unpaid, moment_of},
    },
    Method, source_of,
};
use crate::{
    app::App,
    asks::{self, Gift, amount},
    clock::sha256_hex,
    db::is_unique_violation,
    donations::store,
    error::Error,
    gift_aid, receipts,
    staff::{Actor, audit},
    supporters,
    web::pager::{PAGE_ROWS, Pager},
    wishes,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{
    Money, donation,
    ids::DonationId,
    words::{Account, DonationSource, DonationStatus},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

/// How long an announced transfer is waited for.
pub const LASTS: TimeDelta = TimeDelta::days(60);

/// How long a wish item is held for one: long enough for a bank, too short to keep it from others by empty words.
pub const ITEM_HOLD: TimeDelta = TimeDelta::days(7);

/// How long an expired announcement is still found: the money may come late.
const FOUND_FOR: TimeDelta = TimeDelta::days(400);

/// The characters of a code: none that a bank's form or a tired eye takes for another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// What a code begins with.
const PREFIX: &str = "WW";

/// How many letters with the bank details one address gets within a day: anybody can type anybody's address. The page tells them too.
const LETTERS_A_DAY: u64 = 3;

/// Whether supporters may give by transfer: the bank details are set.
pub fn is_offered(app: &App) -> bool {
    !app.config.org_bank_details.is_empty()
}

/// Writes down a gift that a supporter will transfer, once however often the form is sent. Returns the path of its page.
pub async fn announce(app: &App, gift: &Gift) -> Result<String, OpenProblem> {
    if !is_offered(app) {
        return Err(OpenProblem::Other(Error::NotFound));
    }
    // Nothing is kept of a transfer, so nothing is added for it.
    let money = Money::new(gift.money.minor - gift.fee_cover_minor, gift.money.currency);
    // What a form of an earlier version could not ask for changes nothing where it is not asked for.
    let asked = format!("{:?}", Gift { form_token: String::new(), ..gift.clone() }).replacen("discreet: false, ", "", 1);
    let request_hash = sha256_hex(&format!("transfer|{money}|{asked}"));
    let write = async |tx: &DatabaseTransaction| match write(tx, app, gift, money, &request_hash).await {
        Err(OpenProblem::Other(error)) => Err(error),
        result => Ok(result),
    };
    let donation = match app.db.write(write).await {
        Ok(result) => result?,
        Err(Error::Conflict(_)) => store::find_by_form(app.db.read(), &gift.form_token)
            .await
            .map_err(Error::from)?
            .ok_or_else(|| Error::Unavailable("the form is being worked on; send it again".to_owned()))?,
        Err(error) => return Err(error.into()),
    };
    if donation.request_hash != request_hash {
        return Err(OpenProblem::AnotherGift);
    }
    Ok(path_of(app, donation.id))
}

async fn write(tx: &DatabaseTransaction, app: &App, gift: &Gift, money: Money, request_hash: &str) -> Result<donation::Model, OpenProblem> {
    if let Some(known) = store::find_by_form(tx, &gift.form_token).await.map_err(Error::from)? {
        return Ok(known);
    }
    let now = app.now();
    if !asks::store::holds_ask(tx, gift.article_id, now).await? {
        return Err(OpenProblem::ArticleClosed);
    }
    if let Some((item, quantity)) = gift.item {
        wishes::check_left(tx, item, share_of(quantity, gift), now).await.map_err(tell_reserve_problem)?;
    }
    let supporter = supporters::find_or_add(tx, app.new_id(), &gift.email, gift.language.tag(), now).await?;
    let fund = store::fund(tx, gift.fund_id, app.new_id(), now).await?;
    let code = new_code(tx, app).await?;
    let new = Unpaid {
        id: app.new_id(),
        form_token: gift.form_token.clone(),
        request_hash: request_hash.to_owned(),
        supporter_id: supporter.id,
        donor_name: &gift.name,
        public_name: gift.public_name,
        note: &gift.note,
        wants_updates: gift.wants_updates,
        discreet: gift.discreet,
        language: gift.language.tag(),
        money,
        campaign_id: gift.campaign_id,
        item: gift.item,
        article_id: gift.article_id,
        fund: &fund,
        source: DonationSource::Manual,
        method: Method::Transfer.as_str(),
        reference: &code,
        expires_at: now + LASTS,
        created_at: now,
    };
    let donation = taken::write_down(tx, app, &new, now).await.map_err(|error| {
        OpenProblem::Other(match is_unique_violation(&error) {
            true => Error::Conflict("the form was sent twice".to_owned()),
            false => error.into(),
        })
    })?;
    if !gift.particulars.address.is_empty() {
        receipts::store::keep_address(tx, donation.id, &gift.particulars.address, now).await?;
    }
    if let Some(declared) = &gift.particulars.gift_aid {
        gift_aid::declare(tx, app.new_id(), donation.id, supporter.id, declared, now).await?;
    }
    if let Some((item, quantity)) = gift.item {
        let share = share_of(quantity, gift);
        wishes::reserve(tx, item, donation.id, share, now + ITEM_HOLD, now).await.map_err(tell_reserve_problem)?;
    }
    store::note(tx, donation.id, now, "transfer_announced", &format!("{money} {code}")).await.map_err(Error::from)?;
    if !supporter.email.is_empty() && announced_today(tx, &donation, now).await? <= LETTERS_A_DAY {
        let letter = super::transfer_letter::compose(app, &donation, &supporter)?;
        app.outbox.enqueue(tx, letter, app.new_id(), now).await?;
    }
    Ok(donation)
}

/// How many transfers were announced in a supporter's name within a day, this one among them.
async fn announced_today(tx: &DatabaseTransaction, of: &donation::Model, now: DateTime<Utc>) -> Result<u64, Error> {
    use sea_orm::PaginatorTrait;
    let find = donation::Entity::find()
        .filter(donation::Column::SupporterId.eq(of.supporter_id))
        .filter(donation::Column::Source.eq(DonationSource::Manual))
        .filter(donation::Column::Status.eq(DonationStatus::Pending))
        .filter(donation::Column::CreatedAt.gt(now - TimeDelta::days(1)));
    Ok(find.count(tx).await?)
}

/// A code that no other gift has: `WW` and eight characters.
async fn new_code(tx: &DatabaseTransaction, app: &App) -> Result<String, Error> {
    for _ in 0..8 {
        let letters = app.random.bytes::<8>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let code = format!("{PREFIX}{}", letters.iter().collect::<String>());
        let taken = donation::Entity::find().filter(donation::Column::Reference.eq(&code)).one(tx).await?;
        if taken.is_none() {
            return Ok(code);
        }
    }
    Err(Error::Internal("no free code for a transfer was found".to_owned()))
}

/// The transfer that is waited for and whose code stands in these words, as the bank statement has them: with spaces, dashes, small letters.
pub(super) async fn find_by_code_in(tx: &DatabaseTransaction, words: &str) -> Result<Option<donation::Model>, Error> {
    let plain: Vec<u8> = words.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect();
    let is_code = |part: &&[u8]| part.starts_with(PREFIX.as_bytes()) && part[PREFIX.len()..].iter().all(|byte| ALPHABET.contains(byte));
    let codes: Vec<String> =
        plain.windows(PREFIX.len() + 8).filter(is_code).map(|part| part.iter().map(|byte| char::from(*byte)).collect()).collect();
    if codes.is_empty() {
        return Ok(None);
    }
    let found = donation::Entity::find().filter(donation::Column::Reference.is_in(codes)).all(tx).await?;
    Ok(found.into_iter().find(is_waited_for))
}

/// What staff look for: a code or a part of it, or an amount. Empty: all that are waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    code: Option<String>,
    amounts: Vec<Money>,
}

impl Search {
    /// What these words look for: as a code without spaces and dashes, and as an amount in each currency that can be given in.
    pub fn of(app: &App, words: &str) -> Self {
        let words = words.trim();
        let code: String = words.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(40).collect();
        let amounts = app.config.org_currencies.iter().filter_map(|currency| amount::parse(words, *currency).ok());
        Self { code: Some(code).filter(|code| !code.is_empty()), amounts: amounts.collect() }
    }
}

/// Announced transfers, the oldest first: those waited for, and for a search also those that expired.
pub async fn list(app: &App, search: &Search, after: Option<DonationId>) -> Result<Pager<donation::Model>, Error> {
    use donation::Column as C;
    let db = app.db.read();
    let mut find = donation::Entity::find().filter(C::Source.eq(DonationSource::Manual)).filter(C::Method.eq(Method::Transfer.as_str()));
    find = match &search.code {
        None => find.filter(C::Status.eq(DonationStatus::Pending)),
        Some(code) => {
            let mut any = Condition::any().add(C::Reference.contains(code));
            for money in &search.amounts {
                any = any.add(Condition::all().add(C::AmountMinor.eq(money.minor)).add(C::Currency.eq(money.currency)));
            }
            find.filter(C::Status.is_in([DonationStatus::Pending, DonationStatus::Expired]))
                .filter(C::CreatedAt.gte(app.now() - FOUND_FOR))
                .filter(any)
        }
    };
    if let Some(after) = after {
        let last = donation::Entity::find_by_id(after).one(db).await?.ok_or(Error::NotFound)?;
        let newer = Condition::any()
            .add(C::CreatedAt.gt(last.created_at))
            .add(Condition::all().add(C::CreatedAt.eq(last.created_at)).add(C::Id.gt(last.id)));
        find = find.filter(newer);
    }
    let rows = find.order_by_asc(C::CreatedAt).order_by_asc(C::Id).limit(PAGE_ROWS + 1).all(db).await?;
    Ok(Pager::from_rows(rows, |donation| donation.id.to_string()))
}

/// Whether a donation is an announced transfer that money may still come for.
pub fn is_waited_for(donation: &donation::Model) -> bool {
    donation.source == DonationSource::Manual
        && donation.method == Method::Transfer.as_str()
        && matches!(donation.status, DonationStatus::Pending | DonationStatus::Expired)
}

/// What the bank statement says of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The day on which the bank booked it.
    pub on: NaiveDate,
    /// How much came, which may be less or more than was announced.
    pub money: Money,
    /// What the statement says beside the code; may be empty.
    pub statement: String,
}

/// The transfer has come: the donation is paid. Returns when it counts. One that was matched before is left as it is.
pub async fn match_transfer(app: &App, actor: &Actor, id: DonationId, arrived: &Arrived) -> Result<DateTime<Utc>, Error> {
    if arrived.on > app.today() {
        return Err(Error::Invalid("The day has not come yet.".to_owned()));
    }
    let booked = app.db.write(async |tx| match_in(tx, app, actor, id, arrived).await).await?;
    app.bell.notify_waiters();
    Ok(booked)
}

async fn match_in(tx: &DatabaseTransaction, app: &App, actor: &Actor, id: DonationId, arrived: &Arrived) -> Result<DateTime<Utc>, Error> {
    let now = app.now();
    let donation = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if !is_waited_for(&donation) {
        return Err(Error::Conflict("This is no transfer that is waited for: perhaps somebody has matched it already.".to_owned()));
    }
    let promised = Money::new(donation.amount_minor, donation.currency);
    if arrived.money != promised && donation.wish_item_id.is_some() {
        let why = "Another amount came than the item costs: enter it as a gift by hand, and let this announcement expire.";
        return Err(Error::Conflict(why.to_owned()));
    }
    let donation = if arrived.money == promised {
        donation
    } else {
        store::note(tx, id, now, "another_amount_came", &format!("{} for {promised}", arrived.money)).await?;
        let mut row = donation.into_active_model();
        row.amount_minor = Set(arrived.money.minor);
        row.currency = Set(arrived.money.currency);
        row.update(tx).await?
    };
    store::note(tx, id, now, "transfer_matched", arrived.statement.trim()).await?;
    supporters::welcome(tx, donation.supporter_id, &settle::told_by(&donation), now).await?;
    let taken = Taken {
        paid_at: moment_of(arrived.on, app.config.org_timezone, now),
        account: Account::Bank,
        source: source_of(id),
        receipt: Receipt::AndLetter,
    };
    let booked = taken::take(tx, app, &donation, &taken, now).await?;
    let detail = json!({ "amount": arrived.money.to_string(), "announced": promised.to_string(), "day": arrived.on.to_string() });
    audit::record(tx, now, actor, "donation.match_transfer", "donation", &id.to_string(), detail).await?;
    Ok(booked)
}

/// The transfers that are waited for: how many.
pub async fn count_waiting(db: &impl ConnectionTrait) -> Result<u64, Error> {
    use sea_orm::PaginatorTrait;
    let find = donation::Entity::find()
        .filter(donation::Column::Source.eq(DonationSource::Manual))
        .filter(donation::Column::Status.eq(DonationStatus::Pending));
    Ok(find.count(db).await?)
}
