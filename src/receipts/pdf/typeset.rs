//! The typesetter: what a sheet says goes into the template as values, never as markup, so that no name can be a command.

use super::{PdfError, ROWS_MAX, Sheet, fonts};
use crate::{app::App, i18n::ISOLATE, receipts::document::Document};
use chrono::Datelike;
use serde_json::{Value as Json, json};
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::Semaphore;
use typst::{
    Feature, Library, LibraryExt, World,
    diag::{FileError, FileResult, SourceDiagnostic, Warned},
    foundations::{Bytes, Datetime, Dict, Duration as Offset, Smart},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

/// The template: layout only, no words.
const TEMPLATE: &str = include_str!("../../../templates/receipts/sheet.typ");

/// Most bytes of a PDF.
const BYTES_MAX: usize = 4_000_000;

/// How long one may wait for those before it.
const WAITS: Duration = Duration::from_secs(20);

/// Characters after which a word may be broken: nothing that people write is longer, and a longer one would leave its column.
const WORD_CHARS_MAX: usize = 24;

/// Longest piece that is kept in one line.
const APART_CHARS_MAX: usize = 40;

/// One PDF at a time in a process: each takes a core for some milliseconds, and tens of megabytes.
static GATE: Semaphore = Semaphore::const_new(1);

/// What every PDF of this process needs; on the app's shelf.
#[derive(Clone)]
struct Press(Arc<PressParts>);

struct PressParts {
    folders: Vec<PathBuf>,
    fonts: OnceLock<Vec<Font>>,
}

/// The bytes of the PDF.
pub(super) async fn make(app: &App, sheet: Sheet) -> Result<Vec<u8>, PdfError> {
    let folders = app.config.pdf_fonts.clone();
    let open = async || Ok(Press(Arc::new(PressParts { folders, fonts: OnceLock::new() })));
    let press = app.shelf.get_or_open(open).await.map_err(|error| PdfError::Failed(error.to_string()))?;
    let place = tokio::time::timeout(WAITS, GATE.acquire()).await.map_err(|_| PdfError::Busy)?;
    let made = tokio::task::spawn_blocking(move || {
        // Held to the end even when nobody waits for the answer any more.
        let _place = place;
        press.0.print(&sheet)
    });
    made.await
        .map_err(|error| PdfError::Failed(if error.is_panic() { "the typesetter panicked" } else { "the process is ending" }.to_owned()))?
}

/// The bytes of a PDF, with the fonts in these folders. Takes some milliseconds of the thread that calls it.
pub fn render(sheet: &Sheet, folders: &[PathBuf]) -> Result<Vec<u8>, PdfError> {
    PressParts { folders: folders.to_vec(), fonts: OnceLock::new() }.print(sheet)
}

impl PressParts {
    fn print(&self, sheet: &Sheet) -> Result<Vec<u8>, PdfError> {
        if sheet.shown.table.rows.len() > ROWS_MAX {
            return Err(PdfError::TooLong);
        }
        // Fonts that were missing are looked for again, so that installing them needs no restart.
        let fonts = match self.fonts.get() {
            Some(fonts) => fonts.clone(),
            None => {
                let loaded = fonts::load(&self.folders)?;
                self.fonts.get_or_init(|| loaded).clone()
            }
        };
        let data = data_of(sheet);
        check_letters(&data, &fonts)?;
        let made = typeset(data, fonts);
        // The typesetter remembers what it has laid out. Nothing of anybody stays in memory.
        typst::comemo::evict(0);
        made
    }
}

fn typeset(data: Json, fonts: Vec<Font>) -> Result<Vec<u8>, PdfError> {
    let desk = Desk::new(data, fonts)?;
    let Warned { output, .. } = typst::compile::<PagedDocument>(&desk);
    let document = output.map_err(|errors| failed("laying out", &errors))?;
    let standards = PdfStandards::new(&[PdfStandard::Ua_1]).map_err(|_| PdfError::Failed("no such standard".to_owned()))?;
    let options = PdfOptions { creator: Smart::Custom(Some("Wellwisher".to_owned())), standards, ..PdfOptions::default() };
    let bytes = typst_pdf::pdf(&document, &options).map_err(|errors| failed("writing", &errors))?;
    if bytes.len() > BYTES_MAX { Err(PdfError::TooLong) } else { Ok(bytes) }
}

/// The typesetter's own words may quote the document, so they are not passed on but when testing.
fn failed(doing: &str, errors: &[SourceDiagnostic]) -> PdfError {
    let told = if cfg!(debug_assertions) {
        errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")
    } else {
        String::new()
    };
    PdfError::Failed(format!("{doing} met {} errors {told}", errors.len()))
}

/// Everything the typesetter may reach: one template, its values, the fonts. No file, no package, no network, no clock.
struct Desk {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    template: Source,
}

impl Desk {
    fn new(data: Json, fonts: Vec<Font>) -> Result<Self, PdfError> {
        let inputs: Dict = serde_json::from_value(data).map_err(|error| PdfError::Failed(error.to_string()))?;
        let path = VirtualPath::new("sheet.typ").map_err(|_| PdfError::Failed("the template's path".to_owned()))?;
        // Heads of rows can be told to screen readers only with this feature.
        let features = std::iter::once(Feature::A11yExtras).collect();
        Ok(Self {
            library: LazyHash::new(Library::builder().with_inputs(inputs).with_features(features).build()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            template: Source::new(RootedPath::new(VirtualRoot::Project, path).intern(), TEMPLATE.to_owned()),
        })
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, _: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Offset>) -> Option<Datetime> {
        None
    }
}

/// The sheet as values for the template.
fn data_of(sheet: &Sheet) -> Json {
    let shown: &Document = &sheet.shown;
    let language = |tag: &str| {
        let (lang, region) = tag.split_once('-').unwrap_or((tag, ""));
        json!({ "lang": lang, "region": region })
    };
    let optional = |text: &Option<String>| said(text.as_deref().unwrap_or_default());
    let fields: Vec<Json> = shown.fields.iter().map(|field| json!({ "label": said(&field.label), "value": said(&field.value) })).collect();
    let rows: Vec<Vec<Json>> = shown.table.rows.iter().map(|row| row.iter().map(|cell| said(cell)).collect()).collect();
    json!({
        "title": title_of(shown), "code": shown.code,
        "year": sheet.dated.year(), "month": sheet.dated.month(), "day": sheet.dated.day(),
        "paper": if matches!(sheet.profile.as_str(), "us" | "ca") { "us-letter" } else { "a4" },
        "own": language(shown.lang), "own_rtl": shown.dir == "rtl",
        "org": said(&sheet.org),
        "practice": optional(&shown.practice),
        "cancelled": optional(&shown.cancelled),
        "heading": optional(&shown.heading),
        "replaces": optional(&shown.replaces),
        "fields": fields, "fields_in": language(shown.fields_lang), "fields_rtl": shown.fields_dir == "rtl",
        "heads": shown.table.heads.iter().map(|head| said(head)).collect::<Vec<_>>(), "rows": rows,
        // A form of the law is one page, and what it lists is an annex to it.
        "annex": shown.heading.is_some(),
        "note": optional(&shown.note),
        "statements": shown.statements.iter().chain(shown.check.iter()).map(|text| said(text)).collect::<Vec<_>>(),
        "law_in": language(shown.statement_lang), "law_rtl": shown.statement_dir == "rtl",
    })
}

/// What programs call the document: `Receipt number R-2026-000001`, in its language. No name, because titles are shown in lists.
fn title_of(shown: &Document) -> String {
    let label = shown.fields.iter().find(|field| field.value == shown.code).map_or("", |field| field.label.as_str());
    format!("{label} {}", shown.code).trim().to_owned()
}

/// A text in pieces, each with the direction of its first letter, as `<bdi>` has it on the page. What stands between isolates is a piece apart.
fn said(text: &str) -> Json {
    let is_rtl = |text: &str| text.chars().find_map(direction_of).unwrap_or(false);
    let mut pieces: Vec<Json> = Vec::new();
    for (place, part) in text.split(ISOLATE).enumerate() {
        let clean: String = part.chars().filter(|letter| !is_left_out(*letter)).collect();
        if !clean.is_empty() {
            pieces.push(json!({ "apart": place % 2 == 1 && clean.chars().count() <= APART_CHARS_MAX, "rtl": is_rtl(&clean), "text": breakable(&clean) }));
        }
    }
    json!({ "rtl": is_rtl(text), "pieces": pieces })
}

/// Characters that show nothing themselves and would only turn the text beside them: the layout says what runs which way.
fn is_left_out(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Whether a letter runs from right to left; nothing for digits and signs.
fn direction_of(letter: char) -> Option<bool> {
    match letter {
        '\u{0660}'..='\u{0669}' | '\u{06F0}'..='\u{06F9}' => None,
        '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => letter.is_alphabetic().then_some(true),
        other => other.is_alphabetic().then_some(false),
    }
}

/// The text with places in words beyond all measure where a line may end.
fn breakable(text: &str) -> String {
    let (mut out, mut run) = (String::with_capacity(text.len()), 0);
    for letter in text.chars() {
        run = if letter.is_whitespace() { 0 } else { run + 1 };
        if run > WORD_CHARS_MAX {
            out.push('\u{200B}');
            run = 1;
        }
        out.push(letter);
    }
    out
}

/// Refuses a document with a character that would be an empty box: a name must not be mangled on paper that goes to a tax office.
fn check_letters(data: &Json, fonts: &[Font]) -> Result<(), PdfError> {
    match data {
        Json::String(text) => match text.chars().find(|letter| !is_shown(*letter, fonts)) {
            Some(letter) => Err(PdfError::NoLetter(letter)),
            None => Ok(()),
        },
        Json::Array(all) => all.iter().try_for_each(|one| check_letters(one, fonts)),
        Json::Object(all) => all.values().try_for_each(|one| check_letters(one, fonts)),
        _ => Ok(()),
    }
}

fn is_shown(letter: char, fonts: &[Font]) -> bool {
    // Joiners and places to break show nothing.
    letter.is_whitespace()
        || matches!(letter, '\u{00AD}' | '\u{200B}'..='\u{200D}')
        || fonts.iter().any(|font| font.info().coverage.contains(u32::from(letter)))
}
