//! What staff, or an import, say about an article, and what of it cannot be right.

use super::naming;
use chrono::{DateTime, NaiveDate, Utc};
use entity::words::ArticleKind;
use serde::Serialize;
use std::fmt;
use url::Url;

/// The largest body, in bytes.
pub const BODY_MAX: usize = 1024 * 1024;

/// What staff, or an import, say about an article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Details {
    /// Hosted here, or a page elsewhere.
    pub kind: ArticleKind,
    /// For a page elsewhere, its one true address.
    pub canonical_url: Option<String>,
    /// The name in URLs that a new article should have; empty: made from the title. A name once given stays.
    pub slug: String,
    /// The headline.
    pub title: String,
    /// The sentence under the headline; may be empty.
    pub standfirst: String,
    /// Who wrote it; may be empty.
    pub byline: String,
    /// The text in Markdown; empty for a page elsewhere.
    pub body_markdown: String,
    /// For a quoted piece, the paper it is from; may be empty.
    pub source_name: String,
    /// For a quoted piece, where it stands.
    pub source_url: Option<String>,
    /// For a quoted piece, when it appeared.
    pub source_date: Option<NaiveDate>,
    /// Its category as a path, `Taliban/ISIS`; empty: none.
    pub category: String,
    /// BCP 47 tag of its text.
    pub language: String,
    /// A sensitive article asks for nothing.
    pub sensitive: bool,
    /// The publication date that readers see; none: the moment of publishing.
    pub published_at: Option<DateTime<Utc>>,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            kind: ArticleKind::Hosted,
            canonical_url: None,
            slug: String::new(),
            title: String::new(),
            standfirst: String::new(),
            byline: String::new(),
            body_markdown: String::new(),
            source_name: String::new(),
            source_url: None,
            source_date: None,
            category: String::new(),
            language: "en".to_owned(),
            sensitive: false,
            published_at: None,
        }
    }
}

/// What cannot be right about an article. `Display` is the English sentence; `key` names the translated one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no title.
    TitleMissing,
    /// The field is longer than it may be.
    TooLong(u32),
    /// A hosted article has no text.
    BodyMissing,
    /// The body is too large.
    BodyTooLarge,
    /// A page elsewhere has no address.
    UrlMissing,
    /// The address is not a full http or https address.
    UrlWrong,
    /// The language is not a BCP 47 tag.
    LanguageWrong,
    /// The category has too many levels, or a part that is too long or has no letter.
    CategoryWrong,
    /// The slug has other characters than small letters, digits and hyphens.
    SlugWrong,
    /// Another article has this address.
    UrlTaken,
}

impl Fault {
    /// The key of the sentence in `articles.ftl`.
    pub fn key(self) -> &'static str {
        match self {
            Self::TitleMissing => "desk-article-fault-title-missing",
            Self::TooLong(_) => "desk-article-fault-too-long",
            Self::BodyMissing => "desk-article-fault-body-missing",
            Self::BodyTooLarge => "desk-article-fault-body-too-large",
            Self::UrlMissing => "desk-article-fault-url-missing",
            Self::UrlWrong => "desk-article-fault-url-wrong",
            Self::LanguageWrong => "desk-article-fault-language-wrong",
            Self::CategoryWrong => "desk-article-fault-category-wrong",
            Self::SlugWrong => "desk-article-fault-slug-wrong",
            Self::UrlTaken => "desk-article-fault-url-taken",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TitleMissing => f.write_str("there is no title"),
            Self::TooLong(max) => write!(f, "it is longer than {max} characters"),
            Self::BodyMissing => f.write_str("there is no text, and no address of a page elsewhere"),
            Self::BodyTooLarge => f.write_str("the text is larger than 1 MB: cut it into parts"),
            Self::UrlMissing => f.write_str("a page elsewhere needs its address"),
            Self::UrlWrong => f.write_str("the address must be a full one that begins with https:// or http://"),
            Self::LanguageWrong => f.write_str("the language must be a tag such as en, fa-AF or ps"),
            Self::CategoryWrong => f.write_str(
                "a category is a path such as Women/Health: at most 5 parts of at most 80 characters, each with a letter or digit",
            ),
            Self::SlugWrong => f.write_str("the name in the URL may have only small letters a-z, digits and hyphens"),
            Self::UrlTaken => f.write_str("another article has this address already"),
        }
    }
}

impl Details {
    /// The same, tidied (spaces at the ends, line ends, control characters), or every field that cannot be right with its fault.
    pub fn checked(mut self) -> Result<Self, Vec<(&'static str, Fault)>> {
        self.tidy();
        let mut faults = Vec::new();
        if self.title.is_empty() {
            faults.push(("title", Fault::TitleMissing));
        }
        let lines = [("title", &self.title, 300), ("standfirst", &self.standfirst, 1000), ("byline", &self.byline, 200)];
        for (field, text, max) in lines.into_iter().chain([("source_name", &self.source_name, 200)]) {
            if text.chars().count() > max as usize {
                faults.push((field, Fault::TooLong(max)));
            }
        }
        match self.kind {
            ArticleKind::Elsewhere if self.canonical_url.is_none() => faults.push(("canonical_url", Fault::UrlMissing)),
            ArticleKind::Hosted if self.body_markdown.is_empty() => faults.push(("body_markdown", Fault::BodyMissing)),
            _ => {}
        }
        if self.body_markdown.len() > BODY_MAX {
            faults.push(("body_markdown", Fault::BodyTooLarge));
        }
        for (field, address) in [("canonical_url", &mut self.canonical_url), ("source_url", &mut self.source_url)] {
            if let Some(typed) = address {
                match web_address(typed) {
                    Some(whole) => *typed = whole,
                    None => faults.push((field, Fault::UrlWrong)),
                }
            }
        }
        if !is_language_tag(&self.language) {
            faults.push(("language", Fault::LanguageWrong));
        }
        if !is_category(&self.category) {
            faults.push(("category", Fault::CategoryWrong));
        }
        if !self.slug.is_empty() && !naming::is_slug(&self.slug) {
            faults.push(("slug", Fault::SlugWrong));
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    fn tidy(&mut self) {
        for line in [&mut self.title, &mut self.standfirst, &mut self.byline, &mut self.source_name] {
            *line = one_line(line);
        }
        for line in [&mut self.language, &mut self.slug] {
            *line = line.trim().to_owned();
        }
        self.category = naming::category_parts(&without_controls(&self.category)).join("/");
        self.body_markdown = without_controls(&self.body_markdown.replace("\r\n", "\n").replace('\r', "\n")).trim_end().to_owned();
        while let Some(rest) = self.body_markdown.strip_prefix('\n') {
            self.body_markdown = rest.to_owned();
        }
        for address in [&mut self.canonical_url, &mut self.source_url] {
            *address = address.take().map(|typed| typed.trim().to_owned()).filter(|typed| !typed.is_empty());
        }
        match self.kind {
            ArticleKind::Elsewhere => self.body_markdown.clear(),
            ArticleKind::Hosted => self.canonical_url = None,
        }
    }
}

/// The text on one line, with single spaces and without control characters.
pub fn one_line(text: &str) -> String {
    without_controls(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// PostgreSQL refuses the zero character in a text, and no article needs the others.
fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// A full http or https address in its normal spelling and without its `#fragment`, or nothing.
pub fn web_address(typed: &str) -> Option<String> {
    let mut address = Url::parse(typed.trim()).ok()?;
    let is_web = matches!(address.scheme(), "http" | "https") && address.host_str().is_some_and(|host| !host.is_empty());
    address.set_fragment(None);
    let whole = address.to_string();
    (is_web && address.username().is_empty() && address.password().is_none() && whole.len() <= 2000).then_some(whole)
}

fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    let is_primary = (2..=3).contains(&primary.len()) && primary.chars().all(|c| c.is_ascii_lowercase());
    is_primary && tag.len() <= 35 && parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn is_category(path: &str) -> bool {
    let parts = naming::category_parts(path);
    let fits = |part: &String| part.chars().count() <= naming::CATEGORY_PART_MAX && !naming::category_slug_part(part).is_empty();
    parts.len() <= naming::CATEGORY_LEVELS_MAX && parts.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted() -> Details {
        Details { title: "T".to_owned(), body_markdown: "B".to_owned(), ..Details::default() }
    }

    #[test]
    fn what_cannot_be_right_is_named_by_field() {
        let fields =
            |details: Details| -> Vec<&'static str> { details.checked().unwrap_err().into_iter().map(|(field, _)| field).collect() };
        assert_eq!(fields(Details::default()), ["title", "body_markdown"]);
        assert_eq!(fields(Details { kind: ArticleKind::Elsewhere, ..hosted() }), ["canonical_url"]);
        for wrong in ["javascript:alert(1)", "/relative", "ftp://a.example/", "https://name:secret@a.example/", "https://"] {
            assert_eq!(fields(Details { source_url: Some(wrong.to_owned()), ..hosted() }), ["source_url"], "{wrong}");
        }
        for wrong in ["", "EN", "english", "en_US", "e", "en-"] {
            assert_eq!(fields(Details { language: wrong.to_owned(), ..hosted() }), ["language"], "{wrong}");
        }
        for wrong in ["a/b/c/d/e/f", "a/!!", &"x".repeat(81)] {
            assert_eq!(fields(Details { category: wrong.to_owned(), ..hosted() }), ["category"], "{wrong}");
        }
        assert_eq!(fields(Details { title: "x".repeat(301), ..hosted() }), ["title"]);
        assert_eq!(fields(Details { body_markdown: "x".repeat(BODY_MAX + 1), ..hosted() }), ["body_markdown"]);
    }

    #[test]
    fn what_was_typed_is_tidied() {
        let typed = Details {
            title: "  Two\r\n words\0 ".to_owned(),
            body_markdown: "\r\n\r\n    code\r\nend \r\n".to_owned(),
            source_url: Some(" HTTPS://Paper.Example/a#part ".to_owned()),
            category: " Women / Health ".to_owned(),
            ..Details::default()
        };
        let tidy = typed.checked().unwrap();
        assert_eq!((tidy.title.as_str(), tidy.body_markdown.as_str()), ("Two words", "    code\nend"));
        assert_eq!((tidy.source_url.as_deref(), tidy.category.as_str()), (Some("https://paper.example/a"), "Women/Health"));
        assert_eq!(tidy.clone().checked().unwrap(), tidy);
    }
}
