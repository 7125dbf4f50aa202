//! The statement of a tax year: what it says, as it was said, and its letter. In Germany it is the annual confirmation.

use super::{
    Issuer, IssuerSettings,
    document::{Document, Field, Table, amount, day, filled, german_amount, law_tag, text_with},
    german,
    letter::{View, subject},
    profiles::{self, TaxYear, german_day},
};
use crate::{
    error::Error,
    i18n::{ISOLATE, Language, dir_of},
    mail::outbox::NewLetter,
};
use chrono::NaiveDate;
use entity::{
    Money, MoneyError, statement,
    words::{LetterKind, ReceiptStatus},
};
use fluent_templates::fluent_bundle::FluentValue;
use serde::{Deserialize, Serialize};

/// The form of the snapshots written today.
const VERSION: u32 = 1;

/// One gift of the year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The day it was paid, where the issuer is.
    pub gift_on: NaiveDate,
    /// What was given.
    pub given: Money,
    /// What of it was not given back.
    pub left: Money,
    /// Its valid receipt.
    pub receipt: Option<String>,
}

/// Whose gifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Donor {
    /// Her name; may be empty.
    pub name: String,
    /// Her e-mail address.
    pub email: String,
    /// Her postal address; may be empty.
    pub address: String,
}

/// Everything a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearSnapshot {
    /// The form of this snapshot.
    pub version: u32,
    /// Its number.
    pub code: String,
    /// Who issued it.
    pub issuer: Issuer,
    /// Whose gifts.
    pub donor: Donor,
    /// What the tax year is called.
    pub year: String,
    /// Its first day.
    pub starts_on: NaiveDate,
    /// Its last day.
    pub ends_on: NaiveDate,
    /// The day of issue, where the issuer is.
    pub issued_on: NaiveDate,
    /// The gifts, oldest first.
    pub lines: Vec<Line>,
    /// What they are worth together, a sum for each currency.
    pub totals: Vec<Money>,
    /// The language of the letter, as a tag.
    pub language: String,
    /// Which wording of the law's sentences.
    pub wording: String,
    /// These sentences; empty where no law asks for any.
    pub statements: Vec<String>,
    /// Their language, as a tag.
    pub statement_language: String,
    /// The statement that it cancels and replaces.
    pub replaces: Option<String>,
    /// Whether it is for practice and worth nothing.
    pub practice: bool,
}

impl YearSnapshot {
    /// What the statement of these gifts says.
    pub(super) fn of(
        settings: &IssuerSettings,
        year: &TaxYear,
        (donor, lines): (Donor, Vec<Line>),
        language: Language,
        (code, replaces): (&str, Option<&str>),
        issued_on: NaiveDate,
    ) -> Result<Self, Error> {
        let issuer = settings.issuer.clone();
        Ok(Self {
            version: VERSION,
            code: code.to_owned(),
            year: year.name(),
            starts_on: year.starts_on,
            ends_on: year.ends_on,
            issued_on,
            totals: totals(&lines)?,
            language: language.tag().to_owned(),
            wording: format!("{}-year-1", issuer.profile),
            statements: match issuer.profile.as_str() {
                "de" => german::statements(&issuer, replaces),
                "uk" => vec![
                    format!("{} is a registered charity, number {}.", issuer.legal_name, issuer.charity_number),
                    "This statement is not a Gift Aid declaration.".to_owned(),
                ],
                // One summary of the year may stand for the acknowledgment of each gift (Publication 1771), so the sentence is in it.
                "us" => vec![
                    "No goods or services were provided in exchange for these contributions.".to_owned(),
                    format!("{} is tax-exempt under section 501(c)(3) of the Internal Revenue Code.", issuer.legal_name),
                ],
                "au" => profiles::statements(&issuer, None),
                _ => Vec::new(),
            },
            statement_language: profiles::language_of(&issuer.profile).to_owned(),
            replaces: replaces.map(ToOwned::to_owned),
            practice: settings.practice,
            issuer,
            donor,
            lines,
        })
    }

    /// Whether it says the same of the same gifts: then nothing new needs to be issued.
    pub(super) fn says_the_same(&self, donor: &Donor, lines: &[Line]) -> bool {
        self.lines == lines && self.donor.name == donor.name && self.donor.address == donor.address
    }
}

/// What the gifts are worth together, a sum for each currency, in the order of the codes.
pub(super) fn totals(lines: &[Line]) -> Result<Vec<Money>, MoneyError> {
    let mut sums: Vec<Money> = Vec::new();
    for line in lines {
        match sums.iter_mut().find(|sum| sum.currency == line.left.currency) {
            Some(sum) => *sum = sum.checked_add(line.left)?,
            None => sums.push(line.left),
        }
    }
    sums.sort_by_key(|sum| sum.currency);
    Ok(sums)
}

/// What a stored statement shows.
pub fn document(statement: &statement::Model) -> Result<Document, Error> {
    let snapshot: YearSnapshot = serde_json::from_str(&statement.snapshot)?;
    let mut shown = document_of(&snapshot)?;
    if statement.status != ReceiptStatus::Issued {
        shown.cancelled = Some(Language::nearest(shown.lang).unwrap_or_default().text("receipt-cancelled-mark"));
    }
    Ok(shown)
}

/// What a statement said when it was issued.
pub fn document_of(snapshot: &YearSnapshot) -> Result<Document, Error> {
    let language = Language::nearest(&snapshot.language).unwrap_or_default();
    let is_german = snapshot.issuer.profile == "de";
    let law = law_tag(&snapshot.statement_language);
    let has_law = !snapshot.statements.is_empty();
    let fields_lang = if is_german { law } else { language.tag() };
    let statement_lang = if has_law { law } else { language.tag() };
    let own = if snapshot.issuer.profile == "ca" { "statement-not-receipt" } else { "statement-plain" };
    Ok(Document {
        check: None,
        lang: language.tag(),
        dir: language.dir(),
        code: snapshot.code.clone(),
        practice: snapshot.practice.then(|| language.text("receipt-practice")),
        heading: is_german.then(|| german::HEADING.to_owned()),
        cancelled: None,
        replaces: snapshot.replaces.as_ref().map(|code| text_with(language, "statement-replaces", "code", code)),
        fields: if is_german { german_fields(snapshot)? } else { fields(snapshot, language) },
        fields_lang,
        fields_dir: dir_of(fields_lang),
        table: if is_german { annex(snapshot) } else { table(snapshot, language)? },
        note: (has_law && law != language.tag())
            .then(|| language.text(if is_german { "receipt-statement-in-german" } else { "receipt-statement-in-english" })),
        statements: if has_law { snapshot.statements.clone() } else { vec![language.text(own)] },
        statement_lang,
        statement_dir: dir_of(statement_lang),
    })
}

fn fields(snapshot: &YearSnapshot, language: Language) -> Vec<Field> {
    let issuer = &snapshot.issuer;
    let donor = if snapshot.donor.name.is_empty() { &snapshot.donor.email } else { &snapshot.donor.name };
    let own = |profile: &str, value: &str| if issuer.profile == profile { value.to_owned() } else { String::new() };
    let pairs = [
        ("statement-number", snapshot.code.clone()),
        ("receipt-issuer", issuer.legal_name.clone()),
        ("receipt-address", issuer.address.clone()),
        ("receipt-tax-id", own("us", &issuer.tax_id)),
        ("receipt-abn", own("au", &issuer.tax_id)),
        ("receipt-charity-number", own("uk", &issuer.charity_number)),
        ("receipt-donor", donor.clone()),
        ("receipt-donor-address", snapshot.donor.address.clone()),
    ];
    // Made last: the others are made one line, which takes signs of direction away.
    let period = format!("{} – {}", apart(&day(snapshot.starts_on, language)), apart(&day(snapshot.ends_on, language)));
    let period = Field { label: language.text("statement-period"), value: period };
    let totals = snapshot.totals.iter().map(|sum| (language.text("statement-total"), amount(*sum, language)));
    filled(pairs.map(|(key, value)| (language.text(key), value))).into_iter().chain([period]).chain(filled(totals)).collect()
}

/// A date that keeps its order wherever it stands: after Persian letters `2026-12-31` would show as `31-12-2026`.
fn apart(day: &str) -> String {
    format!("{}{day}{}", ISOLATE[0], ISOLATE[1])
}

fn german_fields(snapshot: &YearSnapshot) -> Result<Vec<Field>, Error> {
    let (issuer, donor) = (&snapshot.issuer, &snapshot.donor);
    let total = snapshot.totals.first().copied().ok_or_else(|| Error::Internal("a German confirmation of no gift".to_owned()))?;
    Ok(filled(
        [
            ("Nummer", snapshot.code.clone()),
            ("Aussteller", format!("{}, {}", issuer.legal_name, issuer.address)),
            ("Name und Anschrift des Zuwendenden", format!("{}, {}", donor.name, donor.address)),
            ("Gesamtbetrag der Zuwendung - in Ziffern -", german_amount(total)),
            ("- in Buchstaben -", german::in_words(total)),
            ("Zeitraum der Sammelbestätigung", format!("{} bis {}", german_day(snapshot.starts_on), german_day(snapshot.ends_on))),
            (
                "Ort, Datum und Unterschrift des Zuwendungsempfängers",
                format!("{}, {}, {}", issuer.place, german_day(snapshot.issued_on), issuer.signatory),
            ),
        ]
        .map(|(label, value)| (label.to_owned(), value)),
    ))
}

/// The annex: every gift with its day, its kind, and its amount. Their sum is the total.
fn annex(snapshot: &YearSnapshot) -> Table {
    let heads = ["Anlage: Datum der Zuwendung", "Art der Zuwendung", "Verzicht auf die Erstattung von Aufwendungen", "Betrag"];
    let row = |line: &Line| vec![german_day(line.gift_on), "Geldzuwendung".to_owned(), "nein".to_owned(), german_amount(line.left)];
    Table { heads: heads.map(ToOwned::to_owned).to_vec(), rows: snapshot.lines.iter().map(row).collect() }
}

fn table(snapshot: &YearSnapshot, language: Language) -> Result<Table, Error> {
    let heads =
        ["statement-head-date", "statement-head-given", "statement-head-returned", "statement-head-remains", "statement-head-receipt"];
    let mut rows = Vec::with_capacity(snapshot.lines.len());
    for line in &snapshot.lines {
        let returned = line.given.checked_add(line.left.negated()?)?;
        let is_whole = returned.minor == 0;
        rows.push(vec![
            day(line.gift_on, language),
            amount(line.given, language),
            if is_whole { String::new() } else { amount(returned, language) },
            if is_whole { String::new() } else { amount(line.left, language) },
            line.receipt.clone().unwrap_or_default(),
        ]);
    }
    let mut table = Table { heads: heads.map(|key| language.text(key)).to_vec(), rows };
    table.drop_empty_columns();
    Ok(table)
}

/// The letter of a statement.
pub fn letter(statement: &statement::Model, discreet: bool) -> Result<NewLetter, Error> {
    let snapshot: YearSnapshot = serde_json::from_str(&statement.snapshot)?;
    let language = Language::nearest(&snapshot.language).unwrap_or_default();
    let name = &snapshot.issuer.name;
    let told = [
        ("org", FluentValue::from(name.clone())),
        ("from", FluentValue::from(day(snapshot.starts_on, language))),
        ("to", FluentValue::from(day(snapshot.ends_on, language))),
    ];
    let view = View {
        subject: subject(&text_with(language, "statement-subject", "year", &snapshot.year), name),
        thanks: language.text_with("statement-thanks", &told),
        ..View::around(document_of(&snapshot)?, &snapshot.donor.name, &snapshot.issuer.email, language, None)
    };
    let (text, html) = view.render()?;
    Ok(NewLetter {
        kind: LetterKind::Statement,
        dedupe_key: format!("statement:{}", snapshot.code),
        donation_id: None,
        receipt_id: None,
        to_address: snapshot.donor.email,
        to_name: snapshot.donor.name,
        subject: view.subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet,
    })
}

/// The letter that says that a statement is no longer valid and none takes its place. (One that is replaced needs none: the letter of the new
/// statement says what it replaces.)
pub(super) fn cancelled_letter(said: &YearSnapshot, to_address: &str, discreet: bool) -> Result<NewLetter, Error> {
    let language = Language::nearest(&said.language).unwrap_or_default();
    let mut shown = document_of(said)?;
    shown.cancel(language, "statement-cancelled-keep");
    let view = View {
        subject: subject(&text_with(language, "statement-cancelled-subject", "code", &said.code), &said.issuer.name),
        thanks: language.text("statement-cancelled-returned"),
        ..View::around(shown, &said.donor.name, &said.issuer.email, language, None)
    };
    let (text, html) = view.render()?;
    Ok(NewLetter {
        kind: LetterKind::ReceiptCancelled,
        dedupe_key: format!("statement-cancelled:{}", said.code),
        donation_id: None,
        receipt_id: None,
        to_address: to_address.to_owned(),
        to_name: said.donor.name.clone(),
        subject: view.subject,
        text,
        html,
        language: language.tag().to_owned(),
        discreet,
    })
}
