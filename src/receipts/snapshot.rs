//! Everything a receipt says, as it was said: stored as JSON, never changed. A later version of the program still reads it.

use super::{IssuerSettings, PaidGift, profiles};
use chrono::NaiveDate;
use entity::Money;
use serde::{Deserialize, Serialize};

/// The form of the snapshots written today. Form 1 lacks the fields that have defaults.
const VERSION: u32 = 2;

/// Who issued it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// The rules: `plain`, `us`, `uk`, `ca`, `de`, `au`.
    pub profile: String,
    /// The name that readers know.
    pub name: String,
    /// The entity that received the money.
    pub legal_name: String,
    /// Its postal address; may be empty.
    pub address: String,
    /// Where questions go.
    pub email: String,
    /// United States EIN or Australian ABN; may be empty.
    pub tax_id: String,
    /// United Kingdom charity number or Canadian registration number; may be empty.
    pub charity_number: String,
    /// Where receipts are issued; may be empty.
    #[serde(default)]
    pub place: String,
    /// Who is authorised to sign; may be empty.
    #[serde(default)]
    pub signatory: String,
    /// What a German notice of exemption says.
    #[serde(default)]
    pub exemption: Exemption,
}

/// What the notice says that exempts a German organisation from corporation tax (Freistellungsbescheid, or § 60a AO).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// The tax office.
    pub office: String,
    /// The tax number.
    pub number: String,
    /// The date of the notice.
    pub dated: Option<NaiveDate>,
    /// The assessment period; empty for a notice under § 60a AO.
    pub period: String,
    /// The tax-privileged purpose.
    pub purpose: String,
    /// Whether gifts up to 300 EUR get their slip at once.
    pub slips: bool,
}

/// Everything a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The form of this snapshot.
    pub version: u32,
    /// Its number, `R-2026-000123`.
    pub code: String,
    /// Who issued it.
    pub issuer: Issuer,
    /// Who gave; may be empty.
    pub donor_name: String,
    /// Her e-mail address; may be empty.
    pub donor_email: String,
    /// Her postal address, where the profile asks for it; may be empty.
    #[serde(default)]
    pub donor_address: String,
    /// The amount.
    pub amount: Money,
    /// The day it was paid, where the issuer is.
    pub gift_on: NaiveDate,
    /// The day it was issued, where the issuer is.
    #[serde(default)]
    pub issued_on: Option<NaiveDate>,
    /// The campaign's title.
    pub campaign: Option<String>,
    /// What it buys, with the count.
    pub item: Option<String>,
    /// The language of the letter, as a tag.
    pub language: String,
    /// Which wording of the law's sentences: `us-1`.
    pub wording: String,
    /// These sentences, in the law's language, because their wording counts. Empty where no law asks for any.
    pub statements: Vec<String>,
    /// The language of these sentences, as a tag.
    #[serde(default = "english")]
    pub statement_language: String,
    /// What keeps it from being an official receipt, a word of [`profiles::Short`].
    #[serde(default)]
    pub short_of: Option<String>,
    /// The number of the receipt that it cancels and replaces.
    #[serde(default)]
    pub replaces: Option<String>,
    /// Whether it is for practice and worth nothing.
    pub practice: bool,
    /// With it and the number anybody may ask whether this receipt is genuine; empty on receipts of earlier versions.
    #[serde(default)]
    pub check: String,
    /// Where that can be asked; empty where nobody can.
    #[serde(default)]
    pub check_page: String,
}

fn english() -> String {
    "en".to_owned()
}

impl Snapshot {
    /// What the receipt of this gift says.
    pub fn of(
        settings: &IssuerSettings,
        gift: &PaidGift,
        code: &str,
        gift_on: NaiveDate,
        issued_on: NaiveDate,
        replaces: Option<&str>,
    ) -> Self {
        let issuer = settings.issuer.clone();
        let count = gift.item_quantity;
        let short = profiles::short_of(&issuer, gift, issued_on);
        Self {
            version: VERSION,
            code: code.to_owned(),
            donor_name: gift.donor_name.trim().to_owned(),
            donor_email: gift.donor_email.clone(),
            donor_address: gift.donor_address.trim().to_owned(),
            amount: gift.amount,
            gift_on,
            issued_on: Some(issued_on),
            campaign: gift.campaign.clone(),
            item: gift.item.as_ref().map(|title| if count > 1 { format!("{count} × {title}") } else { title.clone() }),
            language: gift.language.tag().to_owned(),
            wording: format!("{}-1", issuer.profile),
            statements: if short.is_some() { Vec::new() } else { profiles::statements(&issuer, replaces) },
            statement_language: profiles::language_of(&issuer.profile).to_owned(),
            short_of: short.map(|short| short.as_str().to_owned()),
            replaces: replaces.map(ToOwned::to_owned),
            practice: settings.practice,
            check: String::new(),
            check_page: settings.check_page.clone(),
            issuer,
        }
    }

    /// Whether the law fixes the form of this receipt, so that its fields are in the law's language too.
    pub fn is_official_form(&self) -> bool {
        self.short_of.is_none() && matches!(self.issuer.profile.as_str(), "ca" | "de")
    }
}
