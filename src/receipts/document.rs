//! What a receipt or statement shows, whatever it is shown on: the letter's two parts, the desk, the page to print.

use super::{Snapshot, profiles::german_day};
use crate::{
    error::Error,
    i18n::{ISOLATE, Language, dir_of},
    mail::message::one_line,
};
use chrono::NaiveDate;
use entity::{Money, receipt, words::ReceiptStatus};
use fluent_templates::fluent_bundle::FluentValue;

/// Longest value of a field that is shown.
const VALUE_CHARS_MAX: usize = 500;

/// A line of the receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub label: String,
    /// What it says.
    pub value: String,
}

impl Field {
    /// The value for plain text, kept apart from the label's direction: else `2026-03-09` after Persian letters shows backwards.
    pub fn isolated(&self) -> String {
        format!("{}{}{}", ISOLATE[0], self.value, ISOLATE[1])
    }
}

/// A table under the fields: the gifts of a year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The heads of the columns.
    pub heads: Vec<String>,
    /// The rows; each has as many cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Leaves out columns in which no row says anything.
    pub(super) fn drop_empty_columns(&mut self) {
        for place in (0..self.heads.len()).rev() {
            if self.rows.iter().all(|row| row.get(place).is_none_or(String::is_empty)) {
                self.heads.remove(place);
                self.rows.iter_mut().filter(|row| row.len() > place).for_each(|row| drop(row.remove(place)));
            }
        }
    }

    /// A row for plain text: head and cell, joined by semicolons, so that it can be read without columns.
    pub fn text_of(&self, row: &[String]) -> String {
        let cells = self.heads.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(head, cell)| format!("{head}: {}{cell}{}", ISOLATE[0], ISOLATE[1])).collect::<Vec<_>>().join("; ")
    }
}

/// What a receipt or statement shows.
#[derive(Clone, Debug)]
pub struct Document {
    /// The language of its own words, as a tag.
    pub lang: &'static str,
    /// The direction of that language.
    pub dir: &'static str,
    /// Its number.
    pub code: String,
    /// Said first, when it is worth nothing.
    pub practice: Option<String>,
    /// What stands over it, where the law gives it a name.
    pub heading: Option<String>,
    /// That it is cancelled, in capitals.
    pub cancelled: Option<String>,
    /// What it replaces.
    pub replaces: Option<String>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The language of the fields' labels: the law's, where the law fixes the form.
    pub fields_lang: &'static str,
    /// Its direction.
    pub fields_dir: &'static str,
    /// The gifts of a statement.
    pub table: Table,
    /// Before statements in another language than the document's.
    pub note: Option<String>,
    /// The sentences of the law, or one of ours where the law has none.
    pub statements: Vec<String>,
    /// How to see whether it is genuine.
    pub check: Option<String>,
    /// The language of the statements.
    pub statement_lang: &'static str,
    /// Its direction.
    pub statement_dir: &'static str,
}

/// The tag of a language of the law as it lives as long as the program.
pub(super) fn law_tag(tag: &str) -> &'static str {
    if tag == "de" { "de" } else { "en" }
}

/// A text with one argument.
pub(super) fn text_with(language: Language, key: &str, name: &'static str, value: &str) -> String {
    language.text_with(key, &[(name, FluentValue::from(value.to_owned()))])
}

impl Document {
    /// What a stored receipt shows today: what it said when it was issued, and whether it is still valid.
    pub fn of_receipt(receipt: &receipt::Model) -> Result<Self, Error> {
        let snapshot: Snapshot = serde_json::from_str(&receipt.snapshot)?;
        let mut shown = Self::of(&snapshot);
        if receipt.status != ReceiptStatus::Issued {
            shown.cancelled = Some(Language::nearest(shown.lang).unwrap_or_default().text("receipt-cancelled-mark"));
        }
        Ok(shown)
    }

    /// What a receipt said when it was issued.
    pub fn of(snapshot: &Snapshot) -> Self {
        let language = Language::nearest(&snapshot.language).unwrap_or_default();
        let is_form = snapshot.is_official_form();
        let law = law_tag(&snapshot.statement_language);
        let has_law = !snapshot.statements.is_empty();
        let statement_lang = if has_law { law } else { language.tag() };
        let fields_lang = if is_form { law } else { language.tag() };
        let ours = || match &snapshot.short_of {
            Some(word) => language.text(&format!("receipt-short-{word}")),
            None => language.text("receipt-plain-statement"),
        };
        Self {
            lang: language.tag(),
            dir: language.dir(),
            code: snapshot.code.clone(),
            practice: snapshot.practice.then(|| language.text("receipt-practice")),
            heading: is_form.then(|| {
                if law == "de" {
                    "Vereinfachter Zuwendungsnachweis".to_owned()
                } else {
                    "Official receipt for income tax purposes".to_owned()
                }
            }),
            cancelled: None,
            replaces: snapshot.replaces.as_ref().map(|code| text_with(language, "receipt-replaces", "code", code)),
            fields: match (is_form, law) {
                (true, "de") => german_fields(snapshot),
                (true, _) => canadian_fields(snapshot),
                (false, _) => fields(snapshot, language),
            },
            fields_lang,
            fields_dir: dir_of(fields_lang),
            table: Table::default(),
            note: (has_law && law != language.tag())
                .then(|| language.text(if law == "de" { "receipt-statement-in-german" } else { "receipt-statement-in-english" })),
            statements: if has_law { snapshot.statements.clone() } else { vec![ours()] },
            check: check_sentence(snapshot, language),
            statement_lang,
            statement_dir: dir_of(statement_lang),
        }
    }

    /// Shows it as cancelled, with nothing that a tax office could take for a valid receipt. `keep` is the text that says what to do with it.
    pub(super) fn cancel(&mut self, language: Language, keep: &str) {
        self.cancelled = Some(language.text("receipt-cancelled-mark"));
        (self.heading, self.replaces, self.note) = (None, None, None);
        self.statements = vec![language.text(keep)];
        (self.statement_lang, self.statement_dir) = (language.tag(), language.dir());
    }
}

/// How to see whether the receipt is genuine, where it has a code and there is a page.
fn check_sentence(snapshot: &Snapshot, language: Language) -> Option<String> {
    let has_both = !snapshot.check.is_empty() && !snapshot.check_page.is_empty();
    let named = |name, value: &str| (name, FluentValue::from(format!("{}{value}{}", ISOLATE[0], ISOLATE[1])));
    has_both.then(|| language.text_with("receipt-check", &[named("page", &snapshot.check_page), named("code", &snapshot.check)]))
}

/// Fields that say something, on one line each.
pub(super) fn filled(pairs: impl IntoIterator<Item = (String, String)>) -> Vec<Field> {
    let short = pairs.into_iter().map(|(label, value)| Field { label, value: one_line(&value, VALUE_CHARS_MAX) });
    short.filter(|field| !field.value.is_empty()).collect()
}

/// Every field that the receipt must show, in order; what is empty is left out.
fn fields(snapshot: &Snapshot, language: Language) -> Vec<Field> {
    let issuer = &snapshot.issuer;
    let donor = if snapshot.donor_name.is_empty() { &snapshot.donor_email } else { &snapshot.donor_name };
    let own = |profile: &str, value: &str| if issuer.profile == profile { value.to_owned() } else { String::new() };
    let pairs = [
        ("receipt-number", snapshot.code.clone()),
        ("receipt-issuer", issuer.legal_name.clone()),
        ("receipt-address", issuer.address.clone()),
        ("receipt-tax-id", own("us", &issuer.tax_id)),
        ("receipt-abn", own("au", &issuer.tax_id)),
        ("receipt-charity-number", own("uk", &issuer.charity_number)),
        ("receipt-donor", donor.clone()),
        ("receipt-donor-address", snapshot.donor_address.clone()),
        ("receipt-date", day(snapshot.gift_on, language)),
        ("receipt-amount", amount(snapshot.amount, language)),
        ("receipt-campaign", snapshot.campaign.clone().unwrap_or_default()),
        ("receipt-item", snapshot.item.clone().unwrap_or_default()),
    ];
    filled(pairs.map(|(key, value)| (language.text(key), value)))
}

/// The fields of Income Tax Regulations 3501(1), as the Canada Revenue Agency's check list for cash gifts has them.
fn canadian_fields(snapshot: &Snapshot) -> Vec<Field> {
    let issuer = &snapshot.issuer;
    let english = |day: NaiveDate| Language::English.date(day);
    let whole = amount(snapshot.amount, Language::English);
    let nothing = amount(Money::new(0, snapshot.amount.currency), Language::English);
    filled(
        [
            ("Receipt number", snapshot.code.clone()),
            ("Charity", issuer.legal_name.clone()),
            ("Address of the charity", issuer.address.clone()),
            ("Registration number", issuer.charity_number.clone()),
            ("Place of issue", issuer.place.clone()),
            ("Date gift received", english(snapshot.gift_on)),
            ("Date of issue", snapshot.issued_on.map(english).unwrap_or_default()),
            ("Donor", snapshot.donor_name.clone()),
            ("Address of the donor", snapshot.donor_address.clone()),
            ("Amount of gift", whole.clone()),
            ("Advantage", format!("none ({nothing})")),
            ("Eligible amount of gift for tax purposes", whole),
            ("For", snapshot.campaign.clone().unwrap_or_default()),
            ("Authorised signature", issuer.signatory.clone()),
        ]
        .map(|(label, value)| (label.to_owned(), value)),
    )
}

/// The fields of a German slip (§ 50 Abs. 4 EStDV).
fn german_fields(snapshot: &Snapshot) -> Vec<Field> {
    let issuer = &snapshot.issuer;
    let donor = if snapshot.donor_name.is_empty() { &snapshot.donor_email } else { &snapshot.donor_name };
    filled(
        [
            ("Belegnummer", snapshot.code.clone()),
            ("Empfänger", issuer.legal_name.clone()),
            ("Anschrift", issuer.address.clone()),
            ("Zuwendende Person", donor.clone()),
            ("Tag der Zuwendung", german_day(snapshot.gift_on)),
            ("Betrag", german_amount(snapshot.amount)),
            ("Art der Zuwendung", "Geldzuwendung (Spende)".to_owned()),
            ("Begünstigter Zweck", issuer.exemption.purpose.clone()),
        ]
        .map(|(label, value)| (label.to_owned(), value)),
    )
}

/// The day as the tax year counts it, and in the reader's calendar where that is another.
pub(super) fn day(day: NaiveDate, language: Language) -> String {
    match language {
        Language::English => language.date(day),
        Language::Dari | Language::Pashto => format!("{} ({})", day.format("%Y-%m-%d"), language.date(day)),
    }
}

fn grouped(money: Money, group: &str, point: &str) -> String {
    let plain = money.decimal();
    let (sign, plain) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("\u{2212}", rest));
    let (whole, cents) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = whole.as_bytes();
    let mut text = sign.to_owned();
    for (place, digit) in digits.iter().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push_str(group);
        }
        text.push(char::from(*digit));
    }
    if cents.is_empty() { text } else { format!("{text}{point}{cents}") }
}

/// The amount with the currency's code and every decimal, in Latin digits and in the reader's own.
pub(super) fn amount(money: Money, language: Language) -> String {
    let latin = format!("{} {}", money.currency, grouped(money, ",", "."));
    match language {
        Language::English => latin,
        Language::Dari | Language::Pashto => format!("{latin} ({})", language.digits(&grouped(money, "٬", "٫"))),
    }
}

/// The amount as Germans write it, `1.234,50 EUR`.
pub(super) fn german_amount(money: Money) -> String {
    format!("{} {}", grouped(money, ".", ","), money.currency)
}
