//! Receipts and statements as PDF: tagged, with the fonts inside, the same bytes every time.
//!
//! The typesetter is heavy, so it is in builds with the feature `pdf` only; in the others [`make`] says so and the page to print serves.

#[cfg(feature = "pdf")]
pub mod fonts;
#[cfg(feature = "pdf")]
mod typeset;

use super::{Snapshot, document::Document, statement, statement::YearSnapshot};
use crate::{app::App, error::Error, i18n::Language};
use chrono::NaiveDate;
use entity::receipt;

/// Whether this build can make PDFs, so that pages offer them.
pub const IS_BUILT: bool = cfg!(feature = "pdf");

/// Most rows of a table: ten years of weekly gifts are half of it.
pub const ROWS_MAX: usize = 1_000;

/// A receipt or statement, as it goes to paper.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What it shows.
    pub shown: Document,
    /// The organisation's name, as readers knew it when it was issued.
    pub org: String,
    /// The day it was issued, or the gift was made: the document's date, so that the same receipt is the same file.
    pub dated: NaiveDate,
    /// The rules it follows; they know the paper.
    pub profile: String,
}

impl Sheet {
    /// A stored receipt, valid or not.
    pub fn of_receipt(receipt: &receipt::Model) -> Result<Self, Error> {
        let said: Snapshot = serde_json::from_str(&receipt.snapshot)?;
        Ok(Self {
            shown: Document::of_receipt(receipt)?,
            org: said.issuer.name,
            dated: said.issued_on.unwrap_or(said.gift_on),
            profile: receipt.profile.clone(),
        })
    }

    /// A stored statement, valid or not.
    pub fn of_statement(row: &entity::statement::Model) -> Result<Self, Error> {
        let said: YearSnapshot = serde_json::from_str(&row.snapshot)?;
        Ok(Self { shown: statement::document(row)?, org: said.issuer.name, dated: said.issued_on, profile: row.profile.clone() })
    }

    /// The name of its file. It says nothing of whom it is from or for: files lie about in folders that others see.
    pub fn file_name(&self) -> String {
        format!("{}.pdf", self.shown.code)
    }
}

/// Why there is no PDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PdfError {
    /// This build cannot make any.
    NotBuilt,
    /// These families are not in the folders of `PDF_FONTS`.
    NoFonts(Vec<&'static str>),
    /// The fonts lack this character.
    NoLetter(char),
    /// The table has more rows than [`ROWS_MAX`].
    TooLong,
    /// Others wait already.
    Busy,
    /// Our fault: what went wrong, without a word of the document.
    Failed(String),
}

impl PdfError {
    /// The error for a page in this language. The page to print shows everything, so it is named.
    pub fn told(self, language: Language) -> Error {
        match self {
            Self::Busy => Error::TooMany(language.text("receipt-pdf-busy")),
            Self::Failed(why) => Error::internal("making a PDF", why),
            Self::NotBuilt | Self::TooLong => Error::NotOffered(language.text("receipt-pdf-absent")),
            Self::NoFonts(ref families) => {
                tracing::warn!(families = families.join(", "), "no PDF was made: these fonts are not in the folders of PDF_FONTS");
                Error::NotOffered(language.text("receipt-pdf-absent"))
            }
            Self::NoLetter(letter) => {
                tracing::warn!(letter = format!("U+{:04X}", u32::from(letter)), "no PDF was made: the fonts lack a character");
                Error::NotOffered(language.text("receipt-pdf-absent"))
            }
        }
    }
}

/// The bytes of the PDF. One is made at a time in a process, apart from the threads that answer requests.
#[cfg(feature = "pdf")]
pub async fn make(app: &App, sheet: Sheet) -> Result<Vec<u8>, PdfError> {
    typeset::make(app, sheet).await
}

#[cfg(feature = "pdf")]
pub use typeset::render;

/// Says that this build makes none.
#[cfg(not(feature = "pdf"))]
pub async fn make(_app: &App, _sheet: Sheet) -> Result<Vec<u8>, PdfError> {
    Err(PdfError::NotBuilt)
}
