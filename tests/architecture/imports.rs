//! A module may use only modules listed before it in `src/lib.rs`.

use super::sources::{Source, line_of, read, read_all, without_comments_and_strings};

/// The modules in the order of the map.
fn order_of(map: &str) -> Vec<String> {
    let code = without_comments_and_strings(map);
    code.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned)).collect()
}

/// Where a file uses a module of the crate, by name and byte.
fn modules_used(source: &Source) -> Vec<(String, usize)> {
    let code = without_comments_and_strings(&source.text);
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let word_before = code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_');
        if !word_before {
            used.extend(first_segments(&code, at + "crate::".len()));
        }
    }
    used.extend(modules_above(&code, depth_of(&source.path)));
    used
}

/// The first segment of a path, or of each path in a group `{a, b::{c, d}}`.
fn first_segments(code: &str, at: usize) -> Vec<(String, usize)> {
    if !code[at..].starts_with('{') {
        return vec![(identifier(&code[at..]), at)];
    }
    let mut segments = Vec::new();
    let (mut depth, mut expects_path) = (0, false);
    for (offset, character) in code[at..].char_indices() {
        match character {
            '{' => {
                depth += 1;
                expects_path = depth == 1;
            }
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => expects_path = depth == 1,
            _ if character.is_whitespace() => {}
            _ if expects_path => {
                segments.push((identifier(&code[at + offset..]), at + offset));
                expects_path = false;
            }
            _ => {}
        }
    }
    segments
}

fn identifier(code: &str) -> String {
    code.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// How many modules stand above the items of a file: one in `src/mail/mod.rs`, two in `src/mail/smtp.rs`.
fn depth_of(path: &str) -> usize {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inside.split('/').count()
}

/// `super::super::…` that climbs up to the root is a use of the module it names there.
fn modules_above(code: &str, file_depth: usize) -> Vec<(String, usize)> {
    let mut used = Vec::new();
    let mut braces_of_modules: Vec<usize> = Vec::new();
    let (mut braces, mut at) = (0_usize, 0);
    let mut after_mod = false;
    while at < code.len() {
        let rest = &code[at..];
        let word = identifier(rest);
        match word.as_str() {
            "" => {
                let character = rest.chars().next().expect("not at the end");
                match character {
                    '{' => {
                        braces += 1;
                        if after_mod {
                            braces_of_modules.push(braces);
                        }
                    }
                    '}' => {
                        braces_of_modules.retain(|brace| *brace != braces);
                        braces = braces.saturating_sub(1);
                    }
                    _ => {}
                }
                after_mod &= character.is_whitespace();
                at += character.len_utf8();
            }
            "super" => {
                let climbs = rest.split("::").take_while(|part| *part == "super").count();
                let end = at + climbs * "super::".len();
                if climbs >= file_depth + braces_of_modules.len() && end <= code.len() {
                    used.extend(first_segments(code, end));
                }
                at += climbs.max(1) * "super".len() + climbs.saturating_sub(1) * 2;
            }
            _ => {
                // `mod name {`: the name keeps what `mod` began.
                after_mod = word == "mod" || (after_mod && !word.is_empty());
                at += word.len();
            }
        }
    }
    used
}

/// One sentence for each use of a module that stands later in the map.
fn uses_of_later_modules(order: &[String], source: &Source) -> Vec<String> {
    let own = source.path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
    let Some(place) = order.iter().position(|module| module == own) else {
        return vec![format!("{}: not in the map: add `pub mod {own};` to src/lib.rs where it belongs", source.path)];
    };
    let judge = |(used, at): (String, usize)| {
        let line = line_of(&source.text, at);
        match order.iter().position(|module| *module == used) {
            Some(other) if other <= place => None,
            Some(_) => Some(format!("{}:{line}: `{own}` uses `{used}`, which stands after it in src/lib.rs", source.path)),
            // A macro exported at the root, or a glob, which the other uses of the same file make visible.
            None if source.text[at..].trim_start_matches(used.as_str()).starts_with('!') => None,
            None => Some(format!("{}:{line}: `crate::{used}` is not a module of src/lib.rs", source.path)),
        }
    };
    modules_used(source).into_iter().filter_map(judge).collect()
}

#[test]
fn a_module_uses_only_modules_before_it_in_the_map() {
    let order = order_of(&read("src/lib.rs").text);
    assert!(order.len() > 10, "the map was not read: {order:?}");
    let sources = read_all("src", ".rs");
    let slices = sources.iter().filter(|source| source.path != "src/lib.rs" && source.path != "src/main.rs");
    let wrong: Vec<String> = slices.flat_map(|source| uses_of_later_modules(&order, source)).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_scanner_sees_a_use_of_a_later_module_however_it_is_written() {
    let order = order_of("pub mod first;\n/// Words.\npub mod second;\npub mod third;\n");
    assert_eq!(order, ["first", "second", "third"]);
    let wrong = |path: &str, text: &str| uses_of_later_modules(&order, &Source { path: path.into(), text: text.into() });

    assert_eq!(wrong("src/second.rs", "use crate::first::A;\nuse crate::second;\n// crate::third\nlet a = \"crate::third\";"), [""; 0]);
    let said = wrong("src/second/mod.rs", "\nfn f() { crate::third::g() }");
    assert_eq!(said, ["src/second/mod.rs:2: `second` uses `third`, which stands after it in src/lib.rs"]);
    assert_eq!(wrong("src/first.rs", "use crate::{\n    first::{self, x},\n    second::{third, y},\n    third,\n};").len(), 2);
    assert_eq!(wrong("src/first.rs", "pub(in crate::first) struct A;"), [""; 0]);
    assert_eq!(wrong("src/first.rs", "use super::second;").len(), 1);
    assert_eq!(wrong("src/first/store.rs", "use super::{second};"), [""; 0]);
    assert_eq!(wrong("src/first/store.rs", "use super::super::second;").len(), 1);
    assert_eq!(wrong("src/first/store.rs", "mod tests {\n use super::super::second; }"), [""; 0]);
    assert_eq!(wrong("src/first/store.rs", "mod tests {\n use super::super::super::second; }").len(), 1);
    assert!(wrong("src/fourth.rs", "")[0].contains("not in the map"));
    assert!(wrong("src/first.rs", "use crate::elsewhere;")[0].contains("not a module"));
}

#[test]
fn migrations_never_import_the_entities() {
    let manifest = read("migration/Cargo.toml").text;
    assert!(!manifest.lines().any(|line| line.trim_start().starts_with("entity")), "history must not change when an entity does");
}
