//! A Markdown file with YAML front matter between two lines of `---`. Without front matter, the first heading is the title.

use super::{
    fields::{Fields, field_named},
    reading::{Found, Reading},
};
use chrono_tz::Tz;
use serde_yaml_ng::Value;

/// Reads the one article of a Markdown file.
pub fn read(reading: &mut Reading, text: &str, zone: Tz) {
    let Some(parts) = split(text) else {
        return reading.skip(1, "the front matter has no end: put a line of --- after it");
    };
    let mut fields = match fields_of(reading, &parts) {
        Ok(fields) => fields,
        Err((line, why)) => return reading.skip(line, why),
    };
    let mut body = parts.body;
    if fields.get("title").is_empty()
        && let Some((title, rest)) = heading_of(body)
    {
        fields.0.insert("title", title);
        body = rest;
    }
    if !body.trim().is_empty() || fields.get("body").is_empty() {
        fields.0.insert("body", body.to_owned());
    }
    let key = match fields.get("id") {
        "" => format!("file:{}", reading.file),
        id => format!("id:{id}"),
    };
    match fields.understood(zone) {
        Ok(said) => reading.take(Found { key, line: 1, details: said.details, views: said.views, publish: said.publish }),
        Err(faults) => {
            for (field, why) in faults {
                reading.skip(parts.line_of(field), format!("{field}: {why}"));
            }
        }
    }
}

struct Parts<'a> {
    front: &'a str,
    body: &'a str,
}

impl Parts<'_> {
    /// The line of the file on which a field stands.
    fn line_of(&self, field: &str) -> u64 {
        let stands = |line: &str| line.split_once(':').is_some_and(|(name, _)| field_named(name) == Some(field));
        self.front.lines().position(stands).map_or(1, |place| place as u64 + 2)
    }
}

/// Front matter and body; nothing when the front matter has no end.
fn split(text: &str) -> Option<Parts<'_>> {
    let first = text.lines().next().unwrap_or_default();
    if first.trim_end() != "---" {
        return Some(Parts { front: "", body: text });
    }
    let start = text.find('\n')? + 1;
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return Some(Parts { front: &text[start..at], body: &text[at + line.len()..] });
        }
        at += line.len();
    }
    None
}

fn fields_of(reading: &mut Reading, parts: &Parts<'_>) -> Result<Fields, (u64, String)> {
    let mut fields = Fields::default();
    let value: Value = serde_yaml_ng::from_str(parts.front).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line() as u64 + 1);
        (line, format!("the front matter is not YAML: {error}"))
    })?;
    let map = match value {
        Value::Mapping(map) => map,
        Value::Null => return Ok(fields),
        _ => return Err((2, "the front matter must be lines such as `title: A headline`".to_owned())),
    };
    for (name, value) in map {
        let Some(name) = name.as_str().map(str::to_owned) else { continue };
        let Some(field) = field_named(&name) else {
            let line = parts.front.lines().position(|line| line.starts_with(&name)).map_or(1, |place| place as u64 + 2);
            reading.note(line, format!("`{name}` is not known and was left out"));
            continue;
        };
        let line = parts.line_of(field);
        match words_of(&value).as_slice() {
            [] => {}
            [word] => {
                fields.0.insert(field, word.clone());
            }
            [first, ..] if field == "category" => {
                reading.note(line, format!("an article has one category: `{first}` was taken, the others were left out"));
                fields.0.insert(field, first.clone());
            }
            several => {
                fields.0.insert(field, several.join(", "));
            }
        }
        if value.is_mapping() {
            return Err((line, format!("`{name}` must be a text, not a group of fields")));
        }
    }
    Ok(fields)
}

/// A value, or the values of a list, as text.
fn words_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(truth) => vec![truth.to_string()],
        Value::Number(number) => vec![number.to_string()],
        Value::Sequence(values) => values.iter().flat_map(words_of).collect(),
        Value::Null | Value::Mapping(_) | Value::Tagged(_) => Vec::new(),
    }
}

/// The first line as a title when it is a heading, and what follows.
fn heading_of(body: &str) -> Option<(String, &str)> {
    let body = body.trim_start();
    let (line, rest) = body.split_once('\n').unwrap_or((body, ""));
    let title = line.strip_prefix("# ")?.trim().trim_end_matches('#').trim();
    (!title.is_empty()).then(|| (title.to_owned(), rest))
}
