//! Numbered without gaps, never edited.
//!
//! A receipt is issued in the transaction that settles the gift: its number is taken there, so it is given back when anything in that
//! transaction fails. What the receipt says is stored whole as a [`Snapshot`]; the letter is made from that and nothing else. A receipt
//! that is wrong is voided, keeps its number, and stays readable.

/// The live receipt says what the gift is worth.
mod agree;
/// The statements of a tax year.
pub mod annual;
/// Whether a receipt is genuine, for whoever has its number and check code.
mod check;
/// What staff do with one receipt.
pub mod care;
mod desk;
/// What a receipt or statement shows, whatever it is shown on.
pub mod document;
/// The German annual confirmation.
pub mod german;
/// The letters that carry receipts.
pub mod letter;
/// The list of receipts at the desk.
pub mod list;
/// Receipts and statements as PDF, in builds that can.
pub mod pdf;
/// The rules of each country.
pub mod profiles;
/// Everything a receipt says.
pub mod snapshot;
/// What the statement of a tax year says.
pub mod statement;
/// Queries.
pub mod store;
/// Queries of statements.
pub mod years;

pub use agree::{Agreed, agree};
pub use check::routes as check_routes;
pub use desk::{routes as desk_routes, send_pdf};
pub use letter::{Ended, cancelled_letter, letter};
pub use snapshot::{Exemption, Issuer, Snapshot};

use crate::{
    clock::Random,
    config::Config,
    error::Error,
    i18n::Language,
    mail::{
        forgetting,
        outbox::{self, NewLetter, Outbox},
    },
    supporters,
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    Money, donation,
    ids::{DonationId, LetterId, ReceiptId},
    receipt, supporter,
    words::ReceiptStatus,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction,
};

/// Who issues receipts, and by which rules: from the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// What every receipt says of the issuer.
    pub issuer: Issuer,
    /// What stands before the year in a number: `R`.
    pub prefix: String,
    /// The zone in which the day of a gift is told.
    pub timezone: Tz,
    /// Whether a stand-in takes the payments, so that a receipt must say that it is worth nothing.
    pub practice: bool,
    /// Where anybody may ask whether a receipt is genuine; empty: nowhere.
    pub check_page: String,
}

impl IssuerSettings {
    /// The issuer of this configuration.
    pub fn from_config(config: &Config) -> Self {
        Self {
            issuer: Issuer {
                profile: config.org_receipt_profile.as_str().to_owned(),
                name: config.org_name.clone(),
                legal_name: config.org_legal_name.clone(),
                address: config.org_address.clone(),
                email: config.org_email.clone(),
                tax_id: config.org_tax_id.clone(),
                charity_number: config.org_charity_number.clone(),
                place: config.org_receipt_place.clone(),
                signatory: config.org_receipt_signatory.clone(),
                exemption: Exemption {
                    office: config.org_tax_office.clone(),
                    number: config.org_tax_number.clone(),
                    dated: config.org_tax_notice_date,
                    period: config.org_tax_notice_period.clone(),
                    purpose: config.org_tax_purpose.clone(),
                    slips: config.org_german_slips,
                },
            },
            prefix: config.org_receipt_prefix.clone(),
            timezone: config.org_timezone,
            practice: config.is_practice(),
            check_page: config.link("/receipts/check"),
        }
    }

    /// The day of an instant where the issuer is: half past eight in the evening of 31 December in London is New Year in Kabul.
    pub fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.timezone).date_naive()
    }
}

/// A gift that was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidGift {
    /// The donation.
    pub donation_id: DonationId,
    /// All that the supporter paid, with the fee if she covered it.
    pub amount: Money,
    /// When she paid, as Stripe says.
    pub paid_at: DateTime<Utc>,
    /// Her name; may be empty.
    pub donor_name: String,
    /// Her e-mail address; empty when she gave by hand and has none.
    pub donor_email: String,
    /// Her postal address, where the profile asks for it; may be empty.
    pub donor_address: String,
    /// The language that she gave in.
    pub language: Language,
    /// The campaign's title.
    pub campaign: Option<String>,
    /// The wish item's title.
    pub item: Option<String>,
    /// How many of the item.
    pub item_quantity: i64,
}

/// Issues the receipt of a gift, with the next number of the year in which it was paid. Called by `donations::settle` in its
/// transaction; a gift that has a valid receipt keeps that one and takes no number.
pub async fn issue(
    tx: &DatabaseTransaction,
    settings: &IssuerSettings,
    gift: &PaidGift,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<receipt::Model, Error> {
    if let Some(issued) = store::issued_for_donation(tx, gift.donation_id).await? {
        return Ok(issued);
    }
    write(tx, settings, gift, settings.day_of(gift.paid_at), None, now, random).await
}

/// Takes the next number of the year of the gift and writes the receipt under it.
async fn write(
    tx: &DatabaseTransaction,
    settings: &IssuerSettings,
    gift: &PaidGift,
    gift_on: NaiveDate,
    replaces: Option<&receipt::Model>,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<receipt::Model, Error> {
    // A gift on an annual confirmation gets no slip beside it, however little of it is left.
    let mut settings = settings.clone();
    if settings.issuer.profile == "de" && store::is_on_statement(tx, gift.donation_id).await? {
        settings.issuer.exemption.slips = false;
    }
    let year = i64::from(gift_on.year());
    let (series_id, number) = store::take_number(tx, &settings.prefix, year, random.id(now)).await?;
    let code = code(&settings.prefix, year, number);
    let mut snapshot = Snapshot::of(&settings, gift, &code, gift_on, settings.day_of(now), replaces.map(|old| old.code.as_str()));
    snapshot.check = check::new_code(random);
    let row = receipt::ActiveModel {
        id: Set(random.id(now)),
        series_id: Set(series_id),
        number: Set(number),
        code: Set(code),
        donation_id: Set(gift.donation_id),
        status: Set(ReceiptStatus::Issued),
        status_reason: Set(String::new()),
        gift_on: Set(gift_on),
        issued_at: Set(now),
        amount_minor: Set(gift.amount.minor),
        currency: Set(gift.amount.currency),
        profile: Set(settings.issuer.profile.clone()),
        language: Set(gift.language.tag().to_owned()),
        snapshot: Set(serde_json::to_string(&snapshot)?),
        replaces_id: Set(replaces.map(|old| old.id)),
        sealed_at: NotSet,
    };
    let written = store::insert(tx, row).await?;
    if settings.issuer.profile == "de" && snapshot.is_official_form() {
        store::confirm_by_receipt(tx, gift.donation_id, written.id).await?;
    }
    Ok(written)
}

/// What a replacement says otherwise than the receipt it replaces; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What the gift is worth now.
    pub amount: Option<Money>,
    /// Her name.
    pub donor_name: Option<String>,
    /// Her postal address.
    pub donor_address: Option<String>,
}

/// Ends a valid receipt as replaced and issues one in its place, with the next number of the same year, that says what it cancels and
/// replaces. Its letter is made with [`letter()`]. The caller keeps the donation locked.
pub async fn replace(
    tx: &DatabaseTransaction,
    settings: &IssuerSettings,
    id: ReceiptId,
    change: &Change,
    reason: &str,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<receipt::Model, Error> {
    let old = store::find(tx, id).await?;
    end(tx, id, ReceiptStatus::Replaced, reason).await?;
    let said: Snapshot = serde_json::from_str(&old.snapshot)?;
    let gift = PaidGift {
        donation_id: old.donation_id,
        amount: change.amount.unwrap_or(said.amount),
        paid_at: now,
        donor_name: change.donor_name.clone().unwrap_or(said.donor_name),
        donor_email: said.donor_email,
        donor_address: change.donor_address.clone().unwrap_or(said.donor_address),
        language: Language::nearest(&said.language).unwrap_or_default(),
        campaign: said.campaign,
        // Part of the money for three of them pays for no certain number of them.
        item: if change.amount.is_some() { said.item.map(|item| without_count(&item).to_owned()) } else { said.item },
        item_quantity: 1,
    };
    write(tx, settings, &gift, old.gift_on, Some(&old), now, random).await
}

/// The title in `3 × Ream of paper`.
fn without_count(item: &str) -> &str {
    match item.split_once(" × ") {
        Some((count, title)) if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) => title,
        _ => item,
    }
}

/// `R-2026-000123`. Six digits at least; a seventh comes by itself.
pub fn code(prefix: &str, year: i64, number: i64) -> String {
    format!("{prefix}-{year}-{number:06}")
}

/// Makes a receipt void: it keeps its number and what it says, and is valid no more. The gift may then get a new one.
pub async fn void(tx: &DatabaseTransaction, id: ReceiptId, reason: &str) -> Result<(), Error> {
    end(tx, id, ReceiptStatus::Void, reason).await
}

async fn end(tx: &DatabaseTransaction, id: ReceiptId, status: ReceiptStatus, reason: &str) -> Result<(), Error> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::Invalid("say why the receipt is void: finance will ask".to_owned()));
    }
    if store::end(tx, id, status, reason).await? {
        return Ok(());
    }
    let receipt = store::find(tx, id).await?;
    Err(Error::Conflict(format!("receipt {} is {} already", receipt.code, receipt.status)))
}

/// Who gave, as letters about the gift's receipt are written to her: with the address that staff named for all of them, where they did.
pub async fn recipient(tx: &DatabaseTransaction, outbox: &Outbox, gift: &donation::Model) -> Result<supporter::Model, Error> {
    let mut giver = supporters::recipient(tx, outbox, gift.supporter_id).await?;
    if let Some(named) = store::named_by_staff(tx, gift.id, giver.id).await? {
        giver.email = named;
    }
    Ok(giver)
}

/// The letter to the address of the newest letter about any receipt of a gift: of who has no address, staff may have been told one.
pub async fn as_before(tx: &DatabaseTransaction, gift: DonationId, mut letter: NewLetter) -> Result<NewLetter, Error> {
    let mut newest: Option<entity::letter::Model> = None;
    for receipt in store::find_by_donation(tx, gift).await? {
        let last = store::letters(tx, receipt.id).await?.pop();
        newest = newest.into_iter().chain(last).max_by_key(|letter| (letter.created_at, letter.id));
    }
    if let Some(newest) = newest {
        letter.to_address = newest.to_address;
    }
    Ok(letter)
}

/// Where staff want a receipt sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere<'a> {
    /// The address.
    pub address: &'a str,
    /// Whether later letters about the receipt go there too, because the address that came with the gift is wrong.
    pub from_now_on: bool,
}

impl<'a> Elsewhere<'a> {
    /// An address for one letter.
    pub const fn once(address: &'a str) -> Self {
        Self { address, from_now_on: false }
    }
}

/// Sends a receipt's letter once more: where letters about it go, or elsewhere. Two requests at the same moment make one letter. The caller
/// keeps the donation locked.
pub async fn resend(
    tx: &DatabaseTransaction,
    outbox: &Outbox,
    id: ReceiptId,
    elsewhere: Option<Elsewhere<'_>>,
    new_id: LetterId,
    now: DateTime<Utc>,
) -> Result<LetterId, Error> {
    let receipt = store::find(tx, id).await?;
    let gift = store::require_not_sealed(tx, &receipt).await?;
    if receipt.status != ReceiptStatus::Issued {
        return Err(Error::Conflict(format!("receipt {} is {} and is not sent again", receipt.code, receipt.status)));
    }
    let giver = recipient(tx, outbox, &gift).await?;
    let letters = store::letters(tx, id).await?;
    let again = if elsewhere.is_some_and(|to| to.from_now_on) { store::FROM_NOW_ON } else { ":again:" };
    let key = format!("receipt:{}{again}{}", receipt.code, letters.len());
    // Letters lose their text after a while, and the first may have said more than she wants by now; the receipt has everything that is
    // needed for a new one.
    let first = letters.first().filter(|first| !forgetting::is_forgotten(first) && !giver.discreet);
    let anew = letter(&receipt, Some(&giver), None)?;
    let to = elsewhere.map_or(anew.to_address.as_str(), |to| to.address);
    let copy = match first {
        Some(first) => outbox::copy_of(first, key, to),
        None => NewLetter { dedupe_key: key, to_address: to.to_owned(), ..anew },
    };
    if copy.to_address.is_empty() {
        return Err(Error::Conflict("No address is known for this receipt: write one into the field, or print the receipt.".to_owned()));
    }
    outbox.enqueue(tx, copy, new_id, now).await
}
