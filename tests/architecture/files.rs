//! Sizes, and words that mean "not finished".

use super::sources::{Source, line_of, read_all, without_comments_and_strings};

/// A file that grows past this is two files.
const LINES_MAX: usize = 600;

fn rust_files() -> Vec<Source> {
    ["src", "entity/src", "migration/src", "tests", "benches"].iter().flat_map(|directory| read_all(directory, ".rs")).collect()
}

#[test]
fn a_file_is_short_enough_to_be_read_at_once() {
    let long = |source: &Source| {
        let lines = source.text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines, more than {LINES_MAX}: split it", source.path))
    };
    let wrong: Vec<String> = rust_files().iter().filter_map(long).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let mut wrong = Vec::new();
    for source in rust_files() {
        let code = without_comments_and_strings(&source.text);
        for word in ["todo!", "unimplemented!", "#[ignore"] {
            wrong.extend(code.match_indices(word).map(|(at, _)| format!("{}:{}: `{word}`", source.path, line_of(&code, at))));
        }
        for word in ["TODO", "FIXME", "XXX:"] {
            let about_this_rule = source.path == "tests/architecture/files.rs";
            let found = source.text.match_indices(word).filter(|_| !about_this_rule);
            wrong.extend(found.map(|(at, _)| format!("{}:{}: `{word}`", source.path, line_of(&source.text, at))));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
