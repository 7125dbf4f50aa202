//! Every route has a test: some test asks for a path that the route answers.

use super::sources::{read_all, without_comments};

/// The string literals of a source, as written.
fn literals_of(code: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut current: Option<String> = None;
    let mut characters = code.chars();
    while let Some(character) = characters.next() {
        match (&mut current, character) {
            (None, '"') => current = Some(String::new()),
            (None, '\'') => {
                // `'"'` would open a string that is none.
                let ahead: String = characters.clone().take(2).collect();
                if ahead == "\"'" {
                    characters.nth(1);
                }
            }
            (Some(_), '"') => literals.extend(current.take()),
            (Some(literal), '\\') => literal.extend(characters.next()),
            (Some(literal), other) => literal.push(other),
            (None, _) => {}
        }
    }
    literals
}

/// The path patterns that the program answers.
pub fn routes() -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for source in read_all("src", ".rs") {
        // The stand-in is Stripe, not us: the traffic recorded in the tests is checked against Stripe's own types.
        if source.path.starts_with("src/payments/standin") {
            continue;
        }
        let code = without_comments(&source.text);
        for (at, opening) in code.match_indices(".route(") {
            let rest = code[at + opening.len()..].trim_start();
            if let Some(path) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                routes.push((source.path.clone(), path.to_owned()));
            }
        }
    }
    routes
}

/// Whether a literal of a test, such as `/articles/{slug}?x=1` or `{base}/articles/a`, asks for a path of this pattern.
fn asks_for(literal: &str, pattern: &str) -> bool {
    literal.match_indices('/').any(|(at, _)| {
        let path = &literal[at..];
        let path = path.split(['?', '#', ' ', '\n']).next().unwrap_or_default();
        matches(path, pattern)
    })
}

pub fn matches(path: &str, pattern: &str) -> bool {
    let (mut path, mut pattern) = (path.split('/'), pattern.split('/'));
    loop {
        match (path.next(), pattern.next()) {
            (None, None) => return true,
            (Some(_), Some(rest)) if rest.starts_with("{*") => return true,
            (Some(segment), Some(expected)) => {
                let fits = match expected.split_once('{') {
                    // `{article}.gif`: what surrounds the parameter must be there.
                    Some((before, after)) => {
                        let after = after.split_once('}').map_or("", |(_, after)| after);
                        segment.len() > before.len() + after.len() && segment.starts_with(before) && segment.ends_with(after)
                    }
                    None => segment == expected,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[test]
fn every_route_has_a_test() {
    let tests = read_all("tests", ".rs");
    let tests = tests.iter().filter(|source| !source.path.starts_with("tests/architecture"));
    let literals: Vec<String> = tests.flat_map(|source| literals_of(&without_comments(&source.text))).collect();
    let untested = |(file, route): &(String, String)| {
        let tested = literals.iter().any(|literal| asks_for(literal, route));
        (!tested).then(|| format!("{file}: no test asks for {route}"))
    };
    let missing: Vec<String> = routes().iter().filter_map(untested).collect();
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

#[test]
fn a_path_in_a_test_is_matched_as_the_router_would() {
    assert!(asks_for("/articles/{slug}?x=1", "/articles/{slug}"));
    assert!(asks_for("{base}/articles/a-b", "/articles/{slug}"));
    assert!(asks_for("http://127.0.0.1:1/readers/x.gif", "/readers/{article}.gif"));
    assert!(asks_for("/categories/Taliban/ISIS", "/categories/{*path}"));
    assert!(asks_for("/", "/"));
    assert!(!asks_for("/articles", "/articles/{slug}"));
    assert!(!asks_for("/articles/", "/articles/{slug}"));
    assert!(!asks_for("/articles/a/edit", "/articles/{slug}"));
    assert_eq!(literals_of("f('\"', \"/a\\\"b\", \"/c\")"), ["/a\"b", "/c"]);
}
