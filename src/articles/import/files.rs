//! Finding the files, reading them, telling their format.

use super::{Source, feed, markdown, page, reading::Reading, table};
use crate::error::Error;
use std::path::{Path, PathBuf};

/// The largest file, in bytes.
pub const FILE_MAX: u64 = 50 * 1024 * 1024;

/// The most articles that one import takes.
pub const ROWS_MAX: usize = 100_000;

/// How deep folders may lie in folders.
const DEPTH_MAX: usize = 32;

const ENDINGS: &[&str] = &["md", "markdown", "txt", "text", "html", "htm", "xml", "rss", "atom", "csv"];

/// A file that may hold articles.
#[derive(Debug)]
pub struct File {
    /// Its path from where the import began, with forward slashes.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    path: PathBuf,
}

/// The file at `path`, or every file in the folder at `path` whose name ends as an article's may, in the order of their names.
/// Hidden files and links are passed over.
pub async fn find(path: &Path) -> Result<Vec<File>, Error> {
    let shown = path.display();
    let about = tokio::fs::metadata(path).await.map_err(|error| Error::Invalid(format!("{shown} cannot be read: {error}")))?;
    if !about.is_dir() {
        let name = path.file_name().map_or_else(|| shown.to_string(), |name| name.to_string_lossy().into_owned());
        return Ok(vec![File { name, bytes: about.len(), path: path.to_owned() }]);
    }
    let mut files = Vec::new();
    let mut folders = vec![(path.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let cannot = |error: std::io::Error| Error::Invalid(format!("{} cannot be read: {error}", folder.display()));
        let mut entries = tokio::fs::read_dir(&folder).await.map_err(cannot)?;
        while let Some(entry) = entries.next_entry().await.map_err(cannot)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let about = entry.metadata().await.map_err(cannot)?;
            if name.starts_with('.') || about.is_symlink() {
                continue;
            }
            if about.is_dir() && depth < DEPTH_MAX {
                folders.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
            } else if about.is_file() && ENDINGS.contains(&ending_of(&name).as_str()) {
                files.push(File { name: format!("{prefix}{name}"), bytes: about.len(), path: entry.path() });
            }
        }
    }
    if files.is_empty() {
        return Err(Error::Invalid(format!("{shown} holds no file that ends with .{}", ENDINGS.join(", ."))));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Reads the file, or says why it cannot be.
pub async fn read(file: &File) -> Result<Source, String> {
    if file.bytes > FILE_MAX {
        return Err("the file is larger than 50 MB: split it".to_owned());
    }
    let bytes = tokio::fs::read(&file.path).await.map_err(|error| format!("the file cannot be read: {error}"))?;
    Ok(Source { name: file.name.clone(), bytes })
}

/// Reads the articles of a file, whatever its format.
pub fn understand(source: &Source, zone: chrono_tz::Tz) -> Reading {
    let mut reading = Reading::of(&source.name);
    let text = match decode(&source.bytes) {
        Ok(text) => text,
        Err((line, why)) => {
            reading.skip(line, why);
            return reading;
        }
    };
    match format_of(&source.name, text) {
        Format::Markdown => markdown::read(&mut reading, text, zone),
        Format::Feed => feed::read(&mut reading, text),
        Format::Table => table::read(&mut reading, text, zone),
        Format::Html => page::read_html(&mut reading, text, zone),
        Format::Text => page::read_text(&mut reading, text, zone),
    }
    if reading.found.is_empty() && reading.skipped.is_empty() {
        reading.skip(1, "there is no article in this file");
    }
    reading
}

/// UTF-8 with or without its mark, or the line and the reason why not.
fn decode(bytes: &[u8]) -> Result<&str, (u64, String)> {
    let advice = "save the file as UTF-8 and import it again";
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err((1, format!("the file is UTF-16: {advice}")));
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        (line, format!("the file is not UTF-8: byte {} of it is 0x{:02X}: {advice}", at + 1, bytes[at]))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Markdown,
    Feed,
    Table,
    Html,
    Text,
}

fn ending_of(name: &str) -> String {
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

fn format_of(name: &str, text: &str) -> Format {
    let start: String = text.trim_start().chars().take(2000).collect::<String>().to_ascii_lowercase();
    let has_feed = ["<rss", "<feed", "<rdf:rdf"].iter().any(|root| start.contains(root)) && start.starts_with('<');
    let has_page = start.starts_with("<!doctype html") || start.contains("<html");
    match ending_of(name).as_str() {
        "csv" => Format::Table,
        "md" | "markdown" => Format::Markdown,
        "html" | "htm" if !has_feed => Format::Html,
        "xml" | "rss" | "atom" if !has_page => Format::Feed,
        _ if has_feed => Format::Feed,
        _ if has_page => Format::Html,
        _ if start.starts_with("---\n") || start.starts_with("---\r\n") => Format::Markdown,
        _ => Format::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_name_and_content() {
        for (name, text, format) in [
            ("a.md", "x", Format::Markdown),
            ("a.txt", "---\ntitle: x\n---\n", Format::Markdown),
            ("a.txt", "Title\n", Format::Text),
            ("a.txt", "<?xml version=\"1.0\"?><rss>", Format::Feed),
            ("a.html", "<p>x", Format::Html),
            ("a.xml", "<?xml?><feed>", Format::Feed),
            ("a.xml", "<?xml?><html>", Format::Html),
            ("a.CSV", "title\n", Format::Table),
            ("page", "<!DOCTYPE html>", Format::Html),
        ] {
            assert_eq!(format_of(name, text), format, "{name} {text}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_named_by_line_and_byte() {
        assert_eq!(decode(b"\xEF\xBB\xBFok"), Ok("ok"));
        let (line, why) = decode(b"one\ntwo \xE9").unwrap_err();
        assert!(line == 2 && why.contains("byte 9 of it is 0xE9"), "{line} {why}");
        assert!(decode(b"\xFF\xFEa\0").unwrap_err().1.contains("UTF-16"));
    }
}
