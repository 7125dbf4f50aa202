//! A saved page of an older site, as plain text or HTML:
//!
//! ```text
//! The headline
//! The Morning Lamp, March 5, 2021
//! By Somebody
//!
//! Paragraphs of the body.
//!
//! Category: Women/Health - Views: 26,142
//! ```
//!
//! The line with the paper and the date, the byline and the last line may be missing. A page may hold several articles, each
//! ended by its last line; what follows the last of these is the page's foot and is left out.

use super::{
    reading::{Found, Reading},
    values,
};
use crate::{articles::Details, clock::sha256_hex};
use chrono::NaiveDate;
use chrono_tz::Tz;
use htmd::{Element, HtmlToMarkdown, element_handler::Handlers};
use scraper::{Html, Selector};

/// The deepest nesting of HTML that is read.
const NESTING_MAX: usize = 500;

/// The largest HTML that is turned into Markdown, in bytes.
const HTML_MAX: usize = 5 * 1024 * 1024;

/// Reads a page saved as plain text.
pub fn read_text(reading: &mut Reading, text: &str, zone: Tz) {
    let lines: Vec<(u64, &str)> = text.lines().enumerate().map(|(place, line)| (place as u64 + 1, line)).collect();
    read_lines(reading, &lines, &Facts { is_plain: true, ..Facts::default() }, zone);
}

/// Reads a page saved as HTML.
pub fn read_html(reading: &mut Reading, html: &str, zone: Tz) {
    if let Err(why) = bear(html) {
        return reading.skip(1, why);
    }
    let document = Html::parse_document(html);
    let facts = Facts {
        is_plain: false,
        title: first_text(&document, "h1").or_else(|| first_text(&document, "title")).unwrap_or_default(),
        language: attribute(&document, "html[lang]", "lang").map(|tag| values::language(&tag)),
        address: attribute(&document, "link[rel=canonical]", "href").and_then(|href| crate::articles::web_address(&href)),
    };
    let main = main_part(&document);
    let markdown = match markdown_of_html(&main) {
        Ok(markdown) => markdown,
        Err(why) => return reading.skip(1, why),
    };
    let title_line = html.find(facts.title.as_str()).map_or(1, |at| html[..at].matches('\n').count() as u64 + 1);
    // After a `<br>` the source's own line end remains as one space.
    let without_space = |line| match str::strip_prefix(line, " ") {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    };
    let mut lines: Vec<(u64, &str)> = markdown.lines().map(|line| (title_line, without_space(line))).collect();
    // What stands above the headline is the older site's own frame.
    if let Some(at) = lines.iter().position(|(_, line)| !facts.title.is_empty() && plain(line) == facts.title) {
        lines.drain(..at);
    }
    read_lines(reading, &lines, &facts, zone);
}

/// What is known of a page beside its lines.
#[derive(Debug, Default)]
struct Facts {
    is_plain: bool,
    title: String,
    language: Option<String>,
    address: Option<String>,
}

fn read_lines(reading: &mut Reading, lines: &[(u64, &str)], facts: &Facts, zone: Tz) {
    let mut pieces = Vec::new();
    let mut rest = lines;
    while let Some(at) = rest.iter().position(|(_, line)| closing_of(line).is_some()) {
        let mut closing = closing_of(rest[at].1).unwrap_or_default();
        let mut end = at + 1;
        // `Views: N` may stand on a line of its own.
        let following = rest[end..].iter().position(|(_, line)| !line.trim().is_empty());
        if closing.views.is_none()
            && let Some(next) = following
            && let Some(views) = views_of(&plain(rest[end + next].1))
        {
            closing.views = Some(views);
            end += next + 1;
        }
        pieces.push((&rest[..at], closing));
        rest = &rest[end..];
    }
    if pieces.is_empty() {
        pieces.push((lines, Closing::default()));
    }
    let is_only = pieces.len() == 1;
    for (piece, closing) in pieces {
        take(reading, piece, &closing, facts, is_only, zone);
    }
}

/// The last line of an article: `Category: Women/Health - Views: 26,142`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Closing {
    category: String,
    views: Option<i64>,
}

fn closing_of(line: &str) -> Option<Closing> {
    let line = plain(line);
    let lower = line.to_ascii_lowercase();
    let start = ["category:", "categories:"].iter().find(|word| lower.starts_with(**word))?.len();
    let views_at = lower.find("views:").filter(|at| *at >= start);
    let category = line[start..views_at.unwrap_or(line.len())].trim_matches(|c: char| c.is_whitespace() || "-–—|·•".contains(c));
    let views = views_at.and_then(|at| views_of(&line[at..]));
    // A sentence of the body may begin with the word; a category is short.
    (category.chars().count() <= 300).then(|| Closing { category: category.to_owned(), views })
}

/// The count of a text such as `Views: 26,142 times`.
fn views_of(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let rest = &text[lower.strip_prefix("views:").map(|_| "views:".len())?..];
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_numeric() || ",.٬،'’".contains(*c)).collect();
    values::count(&digits)
}

fn take(reading: &mut Reading, piece: &[(u64, &str)], closing: &Closing, facts: &Facts, is_only: bool, zone: Tz) {
    let mut lines = piece.iter().skip_while(|(_, line)| line.trim().is_empty()).peekable();
    let Some((line, title)) = lines.next() else { return };
    let title = if facts.is_plain { title.trim().to_owned() } else { plain(title) };
    let mut head = Head::default();
    while let Some((_, next)) = lines.peek() {
        let (words, link) = if facts.is_plain { (next.trim().to_owned(), None) } else { (plain(next), link_in(next)) };
        let is_rule = !words.is_empty() && words.chars().all(|c| "=-_* ".contains(c));
        if !(words.is_empty() || is_rule || head.takes(&words, link)) {
            break;
        }
        lines.next();
    }
    let body: Vec<&str> = lines.map(|(_, line)| *line).collect();
    let body = if facts.is_plain { paragraphs(&body) } else { body.join("\n") };
    let category = first_category(reading, *line, &closing.category);
    let language = facts.language.clone().unwrap_or_else(|| values::language_by_letters(&format!("{title} {body}")));
    let key = match (&facts.address, is_only) {
        (Some(address), true) => format!("url:{address}"),
        (_, true) => format!("file:{}", reading.file),
        (_, false) => format!("file:{}#{}", reading.file, &sha256_hex(&title)[..16]),
    };
    let details = Details {
        title,
        byline: head.byline,
        body_markdown: body,
        source_name: head.source_name,
        source_url: head.source_url.or_else(|| facts.address.clone().filter(|_| is_only)),
        source_date: head.date,
        category,
        language,
        published_at: head.date.map(|day| values::start_of(day, zone)),
        ..Details::default()
    };
    reading.take(Found { key, line: *line, details, views: closing.views.unwrap_or_default(), publish: true });
}

/// What stands between the headline and the body.
#[derive(Debug, Default)]
struct Head {
    source_name: String,
    source_url: Option<String>,
    date: Option<NaiveDate>,
    byline: String,
}

impl Head {
    /// Takes a line that says who wrote the article, or where and when it appeared; `false` when it is of the body.
    fn takes(&mut self, line: &str, link: Option<String>) -> bool {
        let count = line.split_whitespace().count();
        if count > 25 || line.ends_with(['.', '!', '?', '؟', '۔']) && values::find_day(line).is_none_or(|(_, at)| at.end + 1 < line.len())
        {
            return false;
        }
        if self.byline.is_empty()
            && let Some(name) = line.strip_prefix("By ").or_else(|| line.strip_prefix("by "))
            && count <= 12
        {
            self.byline = name.trim().to_owned();
            return true;
        }
        if self.source_url.is_none()
            && let Some(address) = crate::articles::web_address(line)
        {
            self.source_url = Some(address);
            return true;
        }
        let named = line.strip_prefix("Source:").or_else(|| line.strip_prefix("From:"));
        let words = named.unwrap_or(line).trim();
        if self.date.is_none()
            && let Some((day, at)) = values::find_day(words)
        {
            let edge = |text: &str| text.trim_matches(|c: char| c.is_whitespace() || ",;:.-–—|·•()".contains(c)).to_owned();
            let (before, after) = (edge(&words[..at.start]), edge(&words[at.end..]));
            // `The Paper, March 5, 2021` is a source; `On March 5, 2021 the school …` is a sentence.
            if !before.is_empty() && !after.is_empty() && named.is_none() && crate::articles::web_address(&after).is_none() {
                return false;
            }
            self.date = Some(day);
            self.source_url = self.source_url.take().or(link).or_else(|| crate::articles::web_address(&after));
            self.source_name = if before.is_empty() { after } else { before };
            return true;
        }
        if named.is_some() && self.source_name.is_empty() {
            self.source_name = words.to_owned();
            self.source_url = self.source_url.take().or(link);
            return true;
        }
        false
    }
}

fn first_category(reading: &mut Reading, line: u64, categories: &str) -> String {
    let mut several = categories.split([',', '،', ';']).map(str::trim).filter(|category| !category.is_empty());
    let first = several.next().unwrap_or_default().to_owned();
    if several.next().is_some() {
        reading.note(line, format!("an article has one category: `{first}` was taken, the others of `{categories}` were left out"));
    }
    first
}

/// The paragraphs of plain text as Markdown. Where lines are long, each is a paragraph; else blank lines part them.
fn paragraphs(lines: &[&str]) -> String {
    let are_wrapped = lines.iter().all(|line| line.chars().count() <= 120) && lines.iter().any(|line| line.trim().is_empty());
    let escaped: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    escaped.join(if are_wrapped { "\n" } else { "\n\n" })
}

/// Plain text so that Markdown shows it as it is.
pub fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let line = line.trim();
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let mut out = String::with_capacity(line.len() + 8);
        for (at, c) in line.char_indices() {
            let opens_a_block = at == 0 && "#>-+=|~".contains(c) || digits > 0 && at == digits && ".)".contains(c);
            if opens_a_block || "\\`*_<[]&".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A line of Markdown without its marks: `**[Women](/c/1)**` is `Women`.
fn plain(line: &str) -> String {
    let line = line.trim().trim_start_matches(['#', '>']).trim();
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let link = rest[open..].find("](").and_then(|middle| Some((middle, rest[open + middle..].find(')')?)));
        let Some((middle, end)) = link else { break };
        out.push_str(&rest[..open]);
        out.push_str(&rest[open + 1..open + middle]);
        rest = &rest[open + middle + end + 1..];
    }
    out.push_str(rest);
    let is_mark = |c: char| "*_`|\\".contains(c);
    out.chars().filter(|c| !is_mark(*c)).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The address of the first link in a line of Markdown.
fn link_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("](")?;
    crate::articles::web_address(rest.split([')', ' ']).next()?)
}

/// The words of HTML, without its marks.
pub fn text_of_html(html: &str) -> String {
    if !html.contains(['<', '&']) || bear(html).is_err() {
        return html.to_owned();
    }
    Html::parse_fragment(html).root_element().text().collect::<Vec<_>>().join(" ")
}

/// HTML as Markdown, without what is not text. Tables that only lay out a page become paragraphs.
pub fn markdown_of_html(html: &str) -> Result<String, String> {
    bear(html)?;
    let outside = vec!["script", "style", "head", "title", "nav", "aside", "form", "noscript", "img", "iframe", "svg", "button"];
    let is_layout = !html.to_ascii_lowercase().contains("<th");
    let mut builder = HtmlToMarkdown::builder().skip_tags(outside);
    if is_layout {
        builder = builder.add_handler(vec!["table", "tbody", "thead", "tr", "td"], |handlers: &dyn Handlers, element: Element| {
            Some(format!("\n\n{}\n\n", handlers.walk_children(element.node).content.trim()).into())
        });
    }
    builder.build().convert(html).map_err(|error| format!("the HTML cannot be read: {error}"))
}

/// Refuses HTML that is too large or too deeply nested to be read safely.
fn bear(html: &str) -> Result<(), String> {
    if html.len() > HTML_MAX {
        return Err("the page is larger than 5 MB: an article's text may have 1 MB".to_owned());
    }
    const CLOSE_THEMSELVES: &[&str] = &[
        "p", "br", "hr", "li", "dt", "dd", "td", "th", "tr", "img", "input", "link", "meta", "option", "area", "base", "col", "wbr",
        "param", "source",
    ];
    let (mut depth, mut rest) = (0_usize, html);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
            continue;
        }
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        if !name.is_empty() && !CLOSE_THEMSELVES.contains(&name.as_str()) {
            depth += 1;
        }
        if depth > NESTING_MAX {
            return Err(format!("the HTML is nested more than {NESTING_MAX} levels deep"));
        }
    }
    Ok(())
}

fn selector(css: &str) -> Option<Selector> {
    Selector::parse(css).ok()
}

fn first_text(document: &Html, css: &str) -> Option<String> {
    let words = document.select(&selector(css)?).next()?.text().collect::<Vec<_>>().join(" ");
    Some(words.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|words| !words.is_empty())
}

fn attribute(document: &Html, css: &str, name: &str) -> Option<String> {
    document.select(&selector(css)?).next()?.attr(name).map(str::to_owned)
}

/// The part of the page that holds the article: the smallest of the usual ones that has its last line, when the page has one.
fn main_part(document: &Html) -> String {
    let has_views = |text: &str| text.contains("Views:") || text.contains("views:");
    let whole = document.root_element().text().collect::<String>();
    for css in ["article", "main", "[role=main]", "#content", ".content", "body"] {
        let Some(element) = selector(css).and_then(|selector| document.select(&selector).next()) else { continue };
        let text = element.text().collect::<String>();
        if !text.trim().is_empty() && (!has_views(&whole) || has_views(&text)) {
            return element.html();
        }
    }
    document.root_element().html()
}
