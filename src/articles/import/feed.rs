//! RSS 2.0 and Atom.
//!
//! An entry with its whole text is hosted here; one with only a summary and a link is a page elsewhere. In RSS a description of more
//! than 600 characters counts as the whole text, because many older sites have nothing else.

use super::{
    page,
    reading::{Found, Reading},
    values,
};
use crate::articles::{Details, one_line};
use entity::words::ArticleKind;
use feed_rs::{
    model::{Entry, Feed},
    parser::{Builder, ParseFeedError, Parser},
};

/// From how many characters on a description is the text itself.
const WHOLE_TEXT_MIN: usize = 600;

/// The longest standfirst that is made from a description, in characters.
const STANDFIRST_MAX: usize = 300;

/// Reads the entries of a feed.
pub fn read(reading: &mut Reading, text: &str) {
    let places = entry_places(text);
    match parser().parse(text.as_bytes()) {
        Ok(feed) => {
            let lines = places.iter().map(|at| line_of(text, *at)).collect();
            take_all(reading, &feed, lines);
        }
        Err(error) if places.len() < 2 => {
            let line = places.first().map_or(1, |at| line_of(text, *at));
            reading.skip(line, format!("the feed cannot be read: {}", why_bad(&error)));
        }
        Err(_) => read_one_by_one(reading, text, &places),
    }
}

/// A parser for one feed: after a failure it cannot be used again. Entries without an id are known by their link, or their title.
fn parser() -> Parser {
    Builder::new()
        .id_generator(|links, title, _| {
            let link = links.first().map(|link| link.href.clone());
            link.or_else(|| title.as_ref().map(|title| title.content.clone())).unwrap_or_default()
        })
        .build()
}

/// One entry is broken: each is read by itself, so that the others go in.
fn read_one_by_one(reading: &mut Reading, text: &str, places: &[usize]) {
    let (head, is_atom) = (&text[..places[0]], text[places[0]..].starts_with("<entry"));
    let (end, tail) = if is_atom { ("</entry>", "</feed>") } else { ("</item>", "</channel></rss>") };
    let tail = if head.contains("<rdf:RDF") { "</rdf:RDF>" } else { tail };
    for (place, at) in places.iter().enumerate() {
        let line = line_of(text, *at);
        let until = places.get(place + 1).copied().unwrap_or(text.len());
        let Some(length) = text[*at..until].find(end) else {
            reading.skip(line, format!("the entry has no {end}"));
            continue;
        };
        let alone = format!("{head}{}{tail}", &text[*at..*at + length + end.len()]);
        match parser().parse(alone.as_bytes()) {
            Ok(feed) => take_all(reading, &feed, vec![line]),
            Err(error) => reading.skip(line, format!("the entry cannot be read: {}", why_bad(&error))),
        }
    }
}

fn why_bad(error: &ParseFeedError) -> String {
    match error {
        ParseFeedError::ParseError(kind) => format!("{kind}: is it RSS 2.0 or Atom?"),
        other => other.to_string(),
    }
}

/// Where each `<item>` or `<entry>` begins.
fn entry_places(text: &str) -> Vec<usize> {
    let begins = |tag: &str| -> Vec<usize> {
        let is_whole = |at: &usize| text[at + tag.len()..].starts_with(|c: char| c == '>' || c.is_whitespace());
        text.match_indices(tag).map(|(at, _)| at).filter(is_whole).collect()
    };
    let items = begins("<item");
    if items.is_empty() { begins("<entry") } else { items }
}

fn line_of(text: &str, at: usize) -> u64 {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1
}

fn take_all(reading: &mut Reading, feed: &Feed, lines: Vec<u64>) {
    // A place is known for sure only when as many entries were read as were seen.
    let lines = if lines.len() == feed.entries.len() { lines } else { vec![1; feed.entries.len()] };
    for (entry, line) in feed.entries.iter().zip(lines) {
        take(reading, feed, entry, line);
    }
}

fn take(reading: &mut Reading, feed: &Feed, entry: &Entry, line: u64) {
    if entry.id.is_empty() {
        return reading.skip(line, "the entry has no guid, no link and no title");
    }
    let link = entry.links.iter().find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate")).map(|link| link.href.clone());
    let summary = entry.summary.as_ref().map(|text| text.content.clone()).unwrap_or_default();
    let content = entry.content.as_ref().and_then(|content| Some((content.body.clone()?, content.content_type.as_str() == "text/plain")));
    let summary_text = one_line(&page::text_of_html(&summary));
    let whole = match content {
        Some((body, true)) => Some(page::escaped(&body)),
        Some((body, false)) => Some(body_of(reading, &body, line)),
        None if link.is_none() || summary_text.chars().count() > WHOLE_TEXT_MIN => Some(body_of(reading, &summary, line)),
        None => None,
    }
    .filter(|body| !body.trim().is_empty());
    let has_content = entry.content.is_some();
    let mut categories = entry.categories.iter().map(|category| category.label.clone().unwrap_or_else(|| category.term.clone()));
    let category = categories.next().unwrap_or_default();
    if categories.next().is_some() {
        reading.note(line, format!("an article has one category: `{category}` was taken, the others were left out"));
    }
    let title = one_line(&entry.title.as_ref().map(|title| page::text_of_html(&title.content)).unwrap_or_default());
    let tag = entry.language.as_ref().or(feed.language.as_ref());
    let language = tag.map_or_else(|| values::language_by_letters(&format!("{title} {summary_text}")), |tag| values::language(tag));
    let authors: Vec<&str> = entry.authors.iter().filter_map(|person| person.name.as_deref()).filter(|name| *name != "unknown").collect();
    let details = Details {
        kind: if whole.is_some() { ArticleKind::Hosted } else { ArticleKind::Elsewhere },
        canonical_url: link.clone().filter(|_| whole.is_none()),
        title,
        standfirst: if whole.is_some() && !has_content { String::new() } else { shortened(&summary_text) },
        byline: authors.join(", "),
        source_url: link.filter(|_| whole.is_some()),
        body_markdown: whole.unwrap_or_default(),
        category,
        language,
        published_at: entry.published.or(entry.updated),
        ..Details::default()
    };
    reading.take(Found { key: format!("feed:{}", entry.id), line, details, views: 0, publish: true });
}

fn body_of(reading: &mut Reading, html: &str, line: u64) -> String {
    page::markdown_of_html(html).unwrap_or_else(|why| {
        reading.note(line, why);
        page::escaped(&page::text_of_html(html))
    })
}

/// The text, cut between words when it is too long for a standfirst.
fn shortened(text: &str) -> String {
    if text.chars().count() <= STANDFIRST_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(STANDFIRST_MAX).collect();
    let cut = start.rfind(char::is_whitespace).unwrap_or(start.len());
    format!("{}…", &start[..cut])
}
