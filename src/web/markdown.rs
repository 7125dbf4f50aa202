//! Markdown to HTML that is safe to show: raw HTML is dropped, and what remains is sanitised once more.

use pulldown_cmark::{Event, Options, Parser, html::push_html};

/// The HTML of `text`. Images are left out, because they would tell other sites who reads; links get `rel="noopener nofollow"`.
pub fn to_html(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let events = Parser::new_ext(text, options).filter(|event| !matches!(event, Event::Html(_) | Event::InlineHtml(_)));
    let mut html = String::with_capacity(text.len() * 3 / 2);
    push_html(&mut html, events);
    ammonia::Builder::default()
        .rm_tags(["img", "h1"])
        .url_schemes(["https", "http", "mailto"].into())
        .link_rel(Some("noopener nofollow"))
        .clean(&html)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::to_html;

    #[test]
    fn scripts_images_and_odd_links_do_not_pass() {
        let html = to_html("# A\n<script>x()</script> <b onclick=x>b</b> ![i](https://a.example/i.png) [l](javascript:x)\n\n**bold**");
        for bad in ["<script", "onclick", "<img", "javascript:"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.contains("<strong>bold</strong>"));
    }
}
