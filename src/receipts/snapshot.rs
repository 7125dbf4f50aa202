//! Everything a receipt says, as it was said: stored as JSON, never changed. A later version of the program still reads it.

use super::{IssuerSettings, PaidGift};
use chrono::NaiveDate;
use entity::Money;
use serde::{Deserialize, Serialize};

/// The form of the snapshots written today.
const VERSION: u32 = 1;

/// Who issued it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// The rules: `us`, `uk`, `plain`.
    pub profile: String,
    /// The name that readers know.
    pub name: String,
    /// The entity that received the money.
    pub legal_name: String,
    /// Its postal address; may be empty.
    pub address: String,
    /// Where questions go.
    pub email: String,
    /// United States EIN; may be empty.
    pub tax_id: String,
    /// United Kingdom charity number; may be empty.
    pub charity_number: String,
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
    /// Her e-mail address.
    pub donor_email: String,
    /// The amount.
    pub amount: Money,
    /// The day it was paid, where the issuer is.
    pub gift_on: NaiveDate,
    /// The campaign's title.
    pub campaign: Option<String>,
    /// What it buys, with the count.
    pub item: Option<String>,
    /// The language of the letter, as a tag.
    pub language: String,
    /// Which wording of the law's sentences: `us-1`.
    pub wording: String,
    /// These sentences, in English, because their wording counts. Empty where no law asks for any.
    pub statements: Vec<String>,
    /// Whether it is for practice and worth nothing.
    pub practice: bool,
}

impl Snapshot {
    /// What the receipt of this gift says.
    pub fn of(settings: &IssuerSettings, gift: &PaidGift, code: &str, gift_on: NaiveDate) -> Self {
        let issuer = settings.issuer.clone();
        let count = gift.item_quantity;
        Self {
            version: VERSION,
            code: code.to_owned(),
            donor_name: gift.donor_name.trim().to_owned(),
            donor_email: gift.donor_email.clone(),
            amount: gift.amount,
            gift_on,
            campaign: gift.campaign.clone(),
            item: gift.item.as_ref().map(|title| if count > 1 { format!("{count} × {title}") } else { title.clone() }),
            language: gift.language.tag().to_owned(),
            wording: format!("{}-1", issuer.profile),
            statements: statements(&issuer),
            practice: settings.practice,
            issuer,
        }
    }
}

/// The sentences that the law of the issuer's country asks for.
fn statements(issuer: &Issuer) -> Vec<String> {
    match issuer.profile.as_str() {
        // IRC 170(f)(8)(B): a later correction is not contemporaneous, so the sentence must be right the first time (Publication 1771).
        "us" => vec![
            "No goods or services were provided in exchange for this contribution.".to_owned(),
            format!("{} is tax-exempt under section 501(c)(3) of the Internal Revenue Code.", issuer.legal_name),
        ],
        // A receipt must not look as if tax could be reclaimed without a declaration (Charities Act marks: name and number).
        "uk" => vec![
            format!("{} is a registered charity, number {}.", issuer.legal_name, issuer.charity_number),
            "This receipt is not a Gift Aid declaration.".to_owned(),
        ],
        _ => Vec::new(),
    }
}
