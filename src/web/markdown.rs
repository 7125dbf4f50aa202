//! Markdown to HTML that is safe to show: raw HTML is dropped, and what remains is sanitised once more. And to plain text that is
//! pleasant to read, for letters.

use ammonia::UrlRelative;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html::push_html};
use url::Url;

fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(text, options).filter(|event| !matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// The HTML of `text`. Images are left out, because they would tell other sites who reads; links get `rel="noopener nofollow"`.
pub fn to_html(text: &str) -> String {
    sanitised(text, UrlRelative::PassThrough)
}

/// The same for a place outside of this site, a letter or a feed: a link without a host leads to `base`.
pub fn to_html_for_elsewhere(text: &str, base: &Url) -> String {
    sanitised(text, UrlRelative::RewriteWithBase(base.clone()))
}

fn sanitised(text: &str, relative: UrlRelative<'_>) -> String {
    let mut html = String::with_capacity(text.len() * 3 / 2);
    push_html(&mut html, events(text));
    ammonia::Builder::default()
        .rm_tags(["img", "h1"])
        .url_schemes(["https", "http", "mailto"].into())
        .url_relative(relative)
        .link_rel(Some("noopener nofollow"))
        .clean(&html)
        .to_string()
}

/// `text` as plain text: paragraphs stay apart, a link's address stands behind its words, lists have dashes or numbers, a link without a
/// host leads to `base`.
pub fn to_text(text: &str, base: &Url) -> String {
    let mut plain = Plain::new(base);
    events(text).for_each(|event| plain.take(event));
    plain.out.trim().to_owned()
}

/// What is written of a plain text so far.
struct Plain<'a> {
    base: &'a Url,
    out: String,
    /// What each line begins with: the marks of quotes, the indentation of lists.
    margin: Vec<&'static str>,
    /// The next number of each list that is open; none for one with dashes.
    lists: Vec<Option<u64>>,
    /// The address of each link that is open, and where its words begin.
    links: Vec<(String, usize)>,
    cells: usize,
    image: usize,
}

impl<'a> Plain<'a> {
    fn new(base: &'a Url) -> Self {
        Self { base, out: String::new(), margin: Vec::new(), lists: Vec::new(), links: Vec::new(), cells: 0, image: 0 }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) if self.image == 0 => self.write(&text),
            Event::FootnoteReference(name) => self.write(&format!("[{name}]")),
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::Rule => {
                self.gap();
                self.write("* * *");
            }
            _ => {}
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::Table(_)
                if !self.out.ends_with("- ") && !self.after_number() =>
            {
                self.gap()
            }
            Tag::BlockQuote(_) => {
                self.gap();
                self.margin.push("> ");
                self.out.push_str("> ");
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.gap();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.line();
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number += 1;
                        mark
                    }
                    _ => "- ".to_owned(),
                };
                self.out.push_str(&mark);
                self.margin.push("  ");
            }
            Tag::FootnoteDefinition(name) => {
                self.gap();
                self.write(&format!("[{name}] "));
            }
            Tag::Link { dest_url, .. } => {
                let address = self.base.join(&dest_url).map_or_else(|_| dest_url.to_string(), String::from);
                self.links.push((address, self.out.len()));
            }
            Tag::Image { .. } => self.image += 1,
            Tag::TableHead | Tag::TableRow => {
                self.line();
                self.cells = 0;
            }
            Tag::TableCell => {
                if self.cells > 0 {
                    self.out.push_str(" | ");
                }
                self.cells += 1;
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::Item => {
                self.margin.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Image => self.image -= 1,
            TagEnd::Link => {
                let Some((address, from)) = self.links.pop() else { return };
                let known = matches!(address.split(':').next(), Some("http" | "https" | "mailto"));
                let words = self.out.get(from..).unwrap_or_default().trim().to_owned();
                if known && words != address && Some(words.as_str()) != address.strip_prefix("mailto:") {
                    self.write(&format!(" ({address})"));
                }
            }
            _ => {}
        }
    }

    /// Whether the line has nothing but the number of an item.
    fn after_number(&self) -> bool {
        let line = self.out.rsplit('\n').next().unwrap_or_default().trim_start();
        line.strip_suffix(". ").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    }

    fn write(&mut self, text: &str) {
        let mut lines = text.trim_end_matches('\n').split('\n');
        self.out.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.line();
            self.out.push_str(line);
        }
    }

    /// Begins a new line, unless one has just begun.
    fn line(&mut self) {
        if !self.out.is_empty() && !self.at_margin() {
            self.cut(self.out.trim_end_matches(' ').len());
            self.out.push('\n');
            self.margin.iter().for_each(|mark| self.out.push_str(mark));
        }
    }

    /// Takes away what stands behind `length`. A link that began there begins at the end now.
    fn cut(&mut self, length: usize) {
        self.out.truncate(length);
        self.links.iter_mut().for_each(|(_, from)| *from = length.min(*from));
    }

    /// Begins a new line after an empty one.
    fn gap(&mut self) {
        if self.out.is_empty() || self.at_margin() && self.margin.contains(&"> ") {
            return;
        }
        self.cut(self.out.trim_end().len());
        self.out.push('\n');
        let margin = self.margin.concat();
        self.out.push_str(margin.trim_end());
        self.out.push('\n');
        self.out.push_str(&margin);
    }

    /// Whether nothing but the margin stands on the line.
    fn at_margin(&self) -> bool {
        let line = self.out.rsplit('\n').next().unwrap_or_default();
        line == self.margin.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::{to_html, to_html_for_elsewhere, to_text};
    use url::Url;

    #[test]
    fn scripts_images_and_odd_links_do_not_pass() {
        let html = to_html("# A\n<script>x()</script> <b onclick=x>b</b> ![i](https://a.example/i.png) [l](javascript:x)\n\n**bold**");
        for bad in ["<script", "onclick", "<img", "javascript:"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.contains("<strong>bold</strong>"));
    }

    #[test]
    fn outside_of_the_site_a_link_has_its_host() {
        let base = Url::parse("https://news.example/").unwrap();
        let html = to_html_for_elsewhere("[here](/articles/a) [there](https://b.example/) ![i](/i.png)", &base);
        assert!(html.contains("href=\"https://news.example/articles/a\"") && html.contains("href=\"https://b.example/\""), "{html}");
        assert!(!html.contains("<img"));
    }

    #[test]
    fn plain_text_is_pleasant_to_read() {
        let base = Url::parse("https://news.example/").unwrap();
        let text = "## The stoves\n\nTwo **stoves** came, [see](/articles/a).\nThe rest later.\n\n- one\n- two\n  - a lamp\n\n1. first\n2. second\n\n> She said\n> so.\n\n<b>raw</b> ![a photo](https://x.example/i.png) <https://b.example/> `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |";
        let plain = to_text(text, &base);
        let wanted = "The stoves\n\nTwo stoves came, see (https://news.example/articles/a).\nThe rest later.\n\n- one\n- two\n  - a lamp\n\n1. first\n2. second\n\n> She said\n> so.\n\nraw  https://b.example/ code\n\na | b\n1 | 2";
        assert_eq!(plain, wanted, "\n{plain}");
        assert_eq!(to_text("[x](javascript:y) <script>z()</script>", &base), "x z()");
        assert_eq!(to_text("- a\n\n- b", &base), "- a\n- b");
    }

    #[test]
    fn a_link_that_begins_with_a_line_break_keeps_its_words() {
        let base = Url::parse("https://news.example/").unwrap();
        for (before, words) in [("a", "b"), ("نان  ", "چای"), ("a   &#32; ", "دری و پښتو")] {
            for broken in ["\n", "\\\n", "  \n", "<br>\n"] {
                let plain = to_text(&format!("{before} [{broken}{words}](/c) z"), &base);
                assert!(plain.ends_with(&format!("{words} (https://news.example/c) z")), "{before:?} {broken:?}: {plain:?}");
            }
        }
        assert_eq!(to_text("a   [**\nنان**](https://news.example/)  \n[\n](/c)", &base).lines().count(), 3);
    }
}
