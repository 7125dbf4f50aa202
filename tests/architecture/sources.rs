//! Reading the project's own files.

use std::path::{Path, PathBuf};

/// A file of the project, by its path from the root.
pub struct Source {
    /// Relative to the root, with forward slashes.
    pub path: String,
    pub text: String,
}

/// The root of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One file. Panics when it is not there: the rule that asks for it has lost its subject.
pub fn read(path: &str) -> Source {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Source { path: path.to_owned(), text }
}

/// Every file below `directory` whose name ends with `ending`, in order; none when the directory does not exist.
pub fn read_all(directory: &str, ending: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join(directory), ending, &mut paths);
    paths.sort();
    let relative = |path: PathBuf| path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
    paths.into_iter().map(|path| read(&relative(path))).collect()
}

fn collect(directory: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "node_modules" && name != "target" {
                collect(&path, ending, paths);
            }
        } else if name.to_string_lossy().ends_with(ending) {
            paths.push(path);
        }
    }
}

/// The line that a byte stands on, counted from one.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The Rust source with comments and the insides of string literals blanked; every other byte stays where it was.
pub fn without_comments_and_strings(text: &str) -> String {
    blank(text, true)
}

/// The Rust source with comments blanked and strings kept.
pub fn without_comments(text: &str) -> String {
    blank(text, false)
}

fn blank(text: &str, strings_too: bool) -> String {
    let bytes = text.as_bytes();
    let mut kept = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, blanked) = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => (find(bytes, at, b"\n"), true),
            b'/' if bytes[at..].starts_with(b"/*") => (find(bytes, at + 2, b"*/") + 2, true),
            b'"' => (end_of_string(bytes, at), strings_too),
            b'r' if starts_raw_string(bytes, at) => (end_of_raw_string(bytes, at), strings_too),
            b'\'' => (end_of_char(bytes, at), strings_too),
            _ => (at + 1, false),
        };
        let end = end.min(bytes.len());
        if blanked {
            kept[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end;
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    bytes[from..].windows(needle.len()).position(|window| window == needle).map_or(bytes.len(), |found| from + found)
}

fn end_of_string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn starts_raw_string(bytes: &[u8], at: usize) -> bool {
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') && bytes[at - 1] != b'b';
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    !word_before && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn end_of_raw_string(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
    find(bytes, at + hashes + 2, &close) + close.len()
}

/// A character literal such as `'"'`; a lifetime is one byte long to us.
fn end_of_char(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at + 1) == Some(&b'\\') {
        return find(bytes, at + 3, b"'") + 1;
    }
    let next = String::from_utf8_lossy(&bytes[at + 1..bytes.len().min(at + 5)]).chars().next();
    let width = next.map_or(1, char::len_utf8);
    if bytes.get(at + 1 + width) == Some(&b'\'') { at + width + 2 } else { at + 1 }
}

#[test]
fn the_reader_of_sources_is_not_fooled_by_strings_and_comments() {
    let source = "let a = \"crate::x // no\"; // crate::y\nlet b = r#\"crate::\"z\"#; let c = '\"'; let d: &'a str = \"q\\\"crate::w\"; use crate::v;";
    let seen = without_comments_and_strings(source);
    assert_eq!(seen.matches("crate::").count(), 1, "{seen}");
    assert!(seen.ends_with("use crate::v;") && seen.len() == source.len(), "{seen}");
    assert_eq!(without_comments(source).matches("crate::").count(), 4);
}
