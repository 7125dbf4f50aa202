//! The fonts of PDFs: looked for in the folders of `PDF_FONTS` when the first one is made, and then kept.

use super::PdfError;
use std::path::{Path, PathBuf};
use typst::{
    foundations::Bytes,
    text::{Font, FontBook},
};

/// The families that receipts are set in, and what their files are called.
const FAMILIES: [(&str, &str); 2] = [("Noto Sans", "NotoSans"), ("Noto Naskh Arabic", "NotoNaskhArabic")];

/// How deep folders are looked into, and how many files are looked at in all: a wrong setting must not read a whole disk.
const DEPTH_MAX: usize = 5;
const FILES_MAX: usize = 50_000;

/// Largest file that is taken for one of ours, in bytes.
const FILE_BYTES_MAX: u64 = 8_000_000;

/// The fonts, regular and bold, of both families.
pub(super) fn load(folders: &[PathBuf]) -> Result<Vec<Font>, PdfError> {
    let fonts: Vec<Font> =
        find(folders).iter().filter_map(|file| std::fs::read(file).ok()).flat_map(|data| Font::iter(Bytes::new(data))).collect();
    let book = FontBook::from_fonts(&fonts);
    let lacks = |family: &str| !book.contains_family(&family.to_lowercase());
    let missing: Vec<&str> = FAMILIES.iter().map(|(family, _)| *family).filter(|family| lacks(family)).collect();
    if missing.is_empty() { Ok(fonts) } else { Err(PdfError::NoFonts(missing)) }
}

/// The families that are not in these folders.
pub fn missing(folders: &[PathBuf]) -> Vec<&'static str> {
    match load(folders) {
        Err(PdfError::NoFonts(families)) => families,
        _ => Vec::new(),
    }
}

/// Our families' files, in the order of their names: the same machine makes the same file.
fn find(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = FILES_MAX;
    for folder in folders {
        look_into(folder, 0, &mut left, &mut found);
    }
    found.sort_by(|a, b| (a.file_name(), a).cmp(&(b.file_name(), b)));
    // The same font in two folders is one font.
    found.dedup_by(|a, b| a.file_name() == b.file_name());
    found
}

fn look_into(folder: &Path, depth: usize, left: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let path = entry.path();
        // Follows links, as distributions lay their fonts out with them; the depth ends circles.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            if depth < DEPTH_MAX {
                look_into(&path, depth + 1, left, found);
            }
        } else if metadata.len() <= FILE_BYTES_MAX && entry.file_name().to_str().is_some_and(is_ours) {
            found.push(path);
        }
    }
}

/// `NotoSans-Regular.ttf`, or the file with every weight, `NotoSans[wght].ttf`.
fn is_ours(name: &str) -> bool {
    let Some((stem, "ttf" | "otf")) = name.rsplit_once('.') else { return false };
    FAMILIES
        .iter()
        .any(|(_, file)| stem.strip_prefix(file).is_some_and(|rest| matches!(rest, "-Regular" | "-Bold") || rest.starts_with('[')))
}
