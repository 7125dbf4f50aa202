//! Templates, styles, scripts and texts: what a page may not contain.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, line_of, read_all};
use wellwisher::i18n::Language;

/// Values that a template may print as markup, and why that is safe.
const MAY_BE_MARKUP: &[(&str, &str)] = &[
    ("story", "a campaign's story or an update's text, out of web::markdown, which sanitises"),
    ("body", "an article's text, out of web::markdown::to_html, which sanitises"),
];

/// Replaces what askama fills in, so that a template can be read as HTML; nothing moves.
fn without_askama(template: &str) -> String {
    let mut html = template.to_owned();
    for (open, close, filler) in [("{#", "#}", " "), ("{%", "%}", " "), ("{{", "}}", "x")] {
        let mut from = 0;
        while let Some(start) = html[from..].find(open).map(|found| from + found) {
            let end = html[start..].find(close).map_or(html.len(), |found| start + found + close.len());
            let blanked: String = html[start..end].bytes().map(|byte| if byte == b'\n' { "\n" } else { filler }).collect();
            html.replace_range(start..end, &blanked);
            from = end;
        }
    }
    html
}

/// An opening tag: its name, its attributes, and where it stands and ends.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    start: usize,
    end: usize,
}

fn tags_of(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(start) = html[at..].find('<').map(|found| at + found) {
        let name: String =
            html[start + 1..].chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '-').collect();
        if name.is_empty() {
            at = start + 1;
            continue;
        }
        let (attributes, end) = attributes_of(html, start + 1 + name.len());
        tags.push(Tag { name: name.to_lowercase(), attributes, start, end });
        at = end;
    }
    tags
}

fn attributes_of(html: &str, mut at: usize) -> (Vec<(String, String)>, usize) {
    let mut attributes = Vec::new();
    loop {
        at += html[at..].len() - html[at..].trim_start_matches(|character: char| character.is_whitespace() || character == '/').len();
        let name_end = html[at..]
            .find(|character: char| character.is_whitespace() || "=>/".contains(character))
            .map_or(html.len(), |found| at + found);
        if name_end == at {
            return (attributes, (at + 1).min(html.len()));
        }
        let name = html[at..name_end].to_lowercase();
        at = name_end;
        let mut value = String::new();
        if let Some(rest) = html[at..].trim_start().strip_prefix('=') {
            let rest = rest.trim_start();
            let start = html.len() - rest.len();
            let quote = rest.chars().next().filter(|first| "\"'".contains(*first));
            let (open, close) = match quote {
                Some(quote) => (start + 1, html[start + 1..].find(quote).map_or(html.len(), |found| start + 1 + found)),
                None => {
                    (start, html[start..].find(|end: char| end.is_whitespace() || end == '>').map_or(html.len(), |found| start + found))
                }
            };
            value.push_str(&html[open..close]);
            at = (close + usize::from(quote.is_some())).min(html.len());
        }
        attributes.push((name, value));
    }
}

/// One sentence for each thing in a page that our Content-Security-Policy or a reader's safety forbids.
fn faults_of_page(source: &Source) -> Vec<String> {
    let html = without_askama(&source.text);
    // Letters have no stylesheet: mail programs honour only inline styles, and our CSP does not reach them.
    let is_letter = source.path.starts_with("templates/mail/");
    let mut faults = Vec::new();
    let mut say = |at: usize, fault: String| faults.push(format!("{}:{}: {fault}", source.path, line_of(&html, at)));
    for tag in tags_of(&html) {
        if tag.name == "script" && !html[tag.end..].trim_start().starts_with("</script") {
            say(tag.start, "inline script: move it to templates/assets".into());
        }
        if tag.name == "style" && !is_letter {
            say(tag.start, "inline style sheet: move it to templates/assets/wellwisher.css".into());
        }
        for (name, value) in &tag.attributes {
            if name.len() > 2 && name.starts_with("on") {
                say(tag.start, format!("inline script in `{name}`"));
            }
            if name == "style" && !is_letter {
                say(tag.start, "inline style: give it a class".into());
            }
            let is_address = ["src", "href", "action", "formaction", "srcset", "poster", "data", "ping"].contains(&name.as_str());
            if is_address && names_a_host(value) {
                say(tag.start, format!("`{name}` names another host: {value}"));
            }
            if is_letter && tag.name == "img" && name == "src" {
                say(tag.start, "a picture in a letter tells its host who reads it".into());
            }
        }
    }
    faults
}

fn names_a_host(address: &str) -> bool {
    let address = address.trim().to_lowercase();
    address.starts_with("//") || address.starts_with("http:") || address.starts_with("https:") || address.starts_with("javascript:")
}

/// One sentence for each physical direction or foreign address in a style sheet.
fn faults_of_style(source: &Source) -> Vec<String> {
    let css = without_css_comments(&source.text);
    let mut faults = Vec::new();
    for word in ["left", "right"] {
        for (at, _) in css.match_indices(word) {
            let part_of_word = |neighbour: Option<char>| neighbour.is_some_and(|character| character.is_alphanumeric() || character == '_');
            if !part_of_word(css[..at].chars().next_back()) && !part_of_word(css[at + word.len()..].chars().next()) {
                faults.push(format!(
                    "{}:{}: `{word}` is wrong for right-to-left readers: use inline-start or inline-end",
                    source.path,
                    line_of(&css, at)
                ));
            }
        }
    }
    for foreign in ["http:", "https:", "url(//", "@import"] {
        faults.extend(css.match_indices(foreign).map(|(at, _)| format!("{}:{}: `{foreign}`", source.path, line_of(&css, at))));
    }
    faults
}

fn without_css_comments(css: &str) -> String {
    let mut kept = css.to_owned();
    while let Some(start) = kept.find("/*") {
        let end = kept[start..].find("*/").map_or(kept.len(), |found| start + found + 2);
        let blanked: String = kept[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        kept.replace_range(start..end, &blanked);
    }
    kept
}

#[test]
fn pages_hold_no_inline_script_or_style_and_ask_nothing_of_other_hosts() {
    let templates = read_all("templates", ".html");
    let faults: Vec<String> = templates.iter().flat_map(faults_of_page).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn styles_know_no_left_and_right_and_no_other_host() {
    let faults: Vec<String> = read_all("templates", ".css").iter().flat_map(faults_of_style).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn scripts_ask_nothing_of_other_hosts() {
    let mut faults = Vec::new();
    for source in read_all("templates", ".js") {
        for foreign in ["http://", "https://", "eval(", "innerHTML", "document.write"] {
            faults.extend(
                source.text.match_indices(foreign).map(|(at, _)| format!("{}:{}: `{foreign}`", source.path, line_of(&source.text, at))),
            );
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_template_escapes_everything_but_what_is_known_to_be_clean() {
    let mut faults = Vec::new();
    for source in read_all("templates", ".html") {
        let compact = source.text.replace("| safe", "|safe").replace(" |safe", "|safe");
        for (at, _) in compact.match_indices("|safe") {
            let value: String = compact[..at].rsplit(['{', ' ', '(']).next().unwrap_or_default().to_owned();
            if !MAY_BE_MARKUP.iter().any(|(allowed, _reason)| *allowed == value) {
                faults.push(format!("{}: `{value}|safe`: add it to MAY_BE_MARKUP with the reason why it is clean", source.path));
            }
        }
        if source.text.contains("escape=\"none\"") || source.text.contains("escape = \"none\"") {
            faults.push(format!("{}: escaping is switched off", source.path));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_reader_of_pages_sees_each_fault() {
    let faults = |text: &str| faults_of_page(&Source { path: "templates/x.html".into(), text: text.into() }).len();
    assert_eq!(
        faults(
            "{% if a < b %}<a href=\"{{ link }}\" class='on' {% if c %}hidden{% endif %}>x</a><script src=\"/assets/a.js\" defer></script>"
        ),
        0
    );
    assert_eq!(faults("<p style=\"color:red\">"), 1);
    assert_eq!(faults("<p\n  ONCLICK=go()>"), 1);
    assert_eq!(faults("<script>alert(1)</script><style>p{}</style>"), 2);
    assert_eq!(faults("<img src=https://elsewhere.example/a.png><a href='//elsewhere.example'>"), 2);
    let faults = |text: &str| faults_of_style(&Source { path: "x.css".into(), text: text.into() }).len();
    assert_eq!(faults(".copyright { margin-inline-start: 1rem } /* left */ .upright{}"), 0);
    assert_eq!(faults("a { margin-left: 0; text-align: right; background: url(https://x) }"), 3);
}

/// The messages of a language: file and key, with the variables that each uses.
fn messages_of(language: &str) -> BTreeMap<(String, String), BTreeSet<String>> {
    let directory = format!("templates/locales/{language}");
    let mut messages = BTreeMap::new();
    for source in read_all(&directory, ".ftl") {
        let file = source.path.trim_start_matches(&directory).trim_start_matches('/').to_owned();
        let mut current: Option<(String, String)> = None;
        for line in source.text.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
                current = line.split_once('=').map(|(key, _)| (file.clone(), key.trim().to_owned()));
            }
            if let Some(key) = &current {
                let variables = line
                    .split('$')
                    .skip(1)
                    .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || "_-".contains(*c)).collect::<String>());
                messages.entry(key.clone()).or_insert_with(BTreeSet::new).extend(variables);
            }
        }
    }
    messages
}

/// The desk speaks English at first; everything that the public sees is in every language.
fn is_for_staff((file, key): &(String, String)) -> bool {
    file.starts_with("desk") || key.starts_with("desk-")
}

#[test]
fn every_public_text_is_there_in_every_language() {
    let english = messages_of("en");
    let mut faults = Vec::new();
    for language in ["fa-AF", "ps"] {
        let translated = messages_of(language);
        for message in english.keys().filter(|message| !is_for_staff(message) && !translated.contains_key(*message)) {
            faults.push(format!("templates/locales/{language}/{}: `{}` is missing", message.0, message.1));
        }
        for (message, variables) in &translated {
            match english.get(message) {
                None => faults.push(format!("templates/locales/{language}/{}: `{}` is not in English", message.0, message.1)),
                Some(known) => {
                    faults.extend(variables.difference(known).map(|name| {
                        format!("templates/locales/{language}/{}: `{}` uses ${name}, which nobody gives", message.0, message.1)
                    }))
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_step_of_a_gift_that_is_noted_has_words_for_staff() {
    let mut kinds = BTreeSet::new();
    for source in read_all("src", ".rs") {
        let calls = source.text.split("note(tx, ").skip(1).filter_map(|rest| rest.split(';').next()?.split_once(", now, \""));
        kinds.extend(calls.filter_map(|(_, rest)| rest.split('"').next().map(str::to_owned)));
    }
    assert!(kinds.len() > 10, "the notes are written in another way: {kinds:?}");
    let missing: Vec<&String> =
        kinds.iter().filter(|kind| !Language::English.has(&format!("desk-step-{}", kind.replace('_', "-")))).collect();
    assert!(missing.is_empty(), "write desk-step-… in templates/locales/en for {missing:?}");
}
